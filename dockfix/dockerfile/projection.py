"""A second opinion: dockerfile-parse on the logical lines.

On raw files it is wrong where heredocs, empty continuation lines or a byte order mark occur, so it reads one line for
each instruction instead. What it then sees must be what the scanner saw.
"""

from __future__ import annotations

import io

from dockfix.dockerfile.document import Document
from dockfix.dockerfile.logical import SPACE

# Where Python's ``str.splitlines``, which dockerfile-parse uses, sees an end of line and BuildKit sees none.
_NO_LINE_ENDS = dict.fromkeys(map(ord, "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " ")


def projection(document: Document) -> str:
    """The instructions, one a line, under a comment that keeps a backslash at a line's end from joining lines."""
    lines = [
        instruction.statement.logical.text.strip(SPACE).translate(_NO_LINE_ENDS).rstrip()
        for instruction in document.instructions
    ]
    if not any(line.endswith("\\") for line in lines):
        return "\n".join(("# logical lines", *lines, ""))
    # Where lines end in either character, the backticks at the ends of lines are left out.
    return "\n".join(("# escape=`", *(line.rstrip("`") for line in lines), ""))


def structure_agrees(document: Document) -> str | None:
    """Compare the scanner with dockerfile-parse.

    Returns:
        None where keywords and number of instructions are the same, else what differs.
    """
    from dockerfile_parse import DockerfileParser

    text = projection(document).encode("utf-8", "replace").decode("utf-8")
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode("utf-8")), cache_content=True)
    theirs = [entry["instruction"] for entry in parser.structure if entry["instruction"] != "COMMENT"]
    ours = [instruction.keyword for instruction in document.instructions]
    if theirs == ours:
        return None
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
        if mine != other:
            line = document.instructions[number].line
            return f"{document.path}:{line}: the scanner reads {mine}, dockerfile-parse reads {other}"
    return f"{document.path}: the scanner reads {len(ours)} instructions, dockerfile-parse reads {len(theirs)}"
