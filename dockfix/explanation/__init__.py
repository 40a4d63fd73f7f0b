"""Explaining a rewrite to people: what was done and why, with the evidence, in Markdown or as a page for a browser."""

from dockfix.explanation.case import Case
from dockfix.explanation.chapters import chapters, page, pages
from dockfix.explanation.contents import Explanation, Remark, explanation
from dockfix.explanation.textpage import markdown, section
from dockfix.explanation.webpage import html

__all__ = ["Case", "Explanation", "Remark", "chapters", "explanation", "html", "markdown", "page", "pages", "section"]
