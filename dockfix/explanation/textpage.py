"""A page as Markdown, as GitHub, GitLab and Forgejo read it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from urllib.parse import quote

from dockfix.explanation.prose import (
    Bars,
    Block,
    Bullets,
    Checks,
    Code,
    Inline,
    Link,
    Page,
    Paragraph,
    Section,
    Snippet,
    Strong,
    Table,
    Words,
)
from dockfix.report.markup import clean, code, fenced, plain, started

MARKS = {True: "✅", False: "⬜", None: "❔"}
"""What holds, does not, and cannot be told."""


def markdown(page: Page) -> str:
    """The whole page, with a final newline."""
    return f"# {plain(page.title)}\n\n{words(page.lead)}\n\n" + "\n".join(map(section, page.sections))


def section(found: Section, level: int = 2) -> str:
    """A section, which can stand in another document; with a final newline.

    Args:
        found: the section.
        level: the level of its heading.
    """
    tag = f" {code(found.tag)}" if found.tag else ""
    parts = [f"{'#' * level} {plain(found.title)}{tag}\n"]
    parts += map(block, found.blocks)
    parts += (section(inner, level + 1) for inner in found.sections)
    return "\n".join(parts)


def block(found: Block) -> str:
    """A block, with a final newline."""
    return "\n".join(_lines(found)) + "\n"


def words(found: Words) -> str:
    """A line of text."""
    return "".join(map(_inline, found))


def _lines(found: Block) -> Iterator[str]:
    if isinstance(found, Paragraph):
        yield started(words(found.words))
    elif isinstance(found, Bullets):
        for number, item in enumerate(found.items, 1):
            yield f"{f'{number}.' if found.numbered else '-'} {words(item)}"
    elif isinstance(found, Checks):
        for holds, item in found.items:
            yield f"- {MARKS[holds]} {words(item)}"
    elif isinstance(found, Table):
        yield _row(found.header)
        yield "| --- " * len(found.header) + "|"
        yield from map(_row, found.rows)
    elif isinstance(found, Bars):
        yield from (f"- {words(label)}: {number:,}" for label, number in found.rows)
    elif isinstance(found, Snippet):
        if found.caption:
            yield f"{words(found.caption)}\n"
        yield fenced(found.text, found.language).rstrip("\n")
    else:
        yield f"<details>\n<summary>{_html(found.title)}</summary>\n"
        yield from map(block, found.blocks)
        yield "</details>"


def _row(cells: tuple[Words, ...]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(found: Words) -> str:
    # a bar ends a cell even inside a span of code: https://github.github.com/gfm/#tables-extension-
    return "".join(_inline(part).replace("|", "\\|") if isinstance(part, Code) else _inline(part) for part in found)


def _inline(found: Inline) -> str:
    if isinstance(found, Code):
        return code(found.text)
    if isinstance(found, Strong):
        return f"**{plain(found.text)}**"
    if isinstance(found, Link):
        return f"[{plain(found.text)}](<{quote(found.address, safe=':/?#&=%')}>)" if found.leads else plain(found.text)
    return _spaced(found)


def _spaced(text: str) -> str:
    """Plain text with the spaces at its ends, which ``plain`` takes for nothing."""
    inner = plain(text)
    if not inner:
        return " " if text else ""
    return (" " if text[0].isspace() else "") + inner + (" " if text[-1].isspace() else "")


def _html(found: Words) -> str:
    return "".join(
        f"<code>{escape(clean(part.text))}</code>" if isinstance(part, Code) else escape(_text(part)) for part in found
    )


def _text(part: str | Strong | Link) -> str:
    return part if isinstance(part, str) else part.text
