"""What a person or a program is shown of plans: diffs, lines of text, JSON, the documentation of transforms."""
