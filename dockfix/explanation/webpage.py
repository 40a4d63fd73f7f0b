"""A page for a browser: one file that loads nothing and runs nothing, in light and in dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from dockfix.explanation.prose import (
    Bars,
    Block,
    Bullets,
    Checks,
    Code,
    Folded,
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
from dockfix.report.markup import clean

STYLE = "page.css"
"""The style sheet beside this module, which is put into the page."""

# what a page that shows text of others may do: nothing but be styled
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_VERDICTS = {True: ("holds", "holds"), False: ("lacks", "does not hold"), None: ("unknown", "cannot be told")}
_KEYWORD = re.compile(r"\s*(?:&gt;)?([A-Z]{3,11})(?=\s)")
_DIFF = {"+": "added", "-": "removed", "@": "hunk"}


def html(page: Page) -> str:
    """The whole page, with a final newline."""
    style = files(__package__ or "dockfix.explanation").joinpath(STYLE).read_text(encoding="utf-8")
    contents = "".join(
        f'<li><a href="#{_anchor(number)}">{_text(section.title)}</a></li>\n'
        for number, section in enumerate(page.sections, 1)
    )
    body = "".join(_section(section, 2, _anchor(number)) for number, section in enumerate(page.sections, 1))
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n'
        "<head>\n"
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(page.title)}</title>\n"
        f"<style>\n{style}</style>\n"
        "</head>\n"
        "<body>\n"
        f'<nav aria-label="Contents">\n<ol>\n{contents}</ol>\n</nav>\n'
        f"<main>\n<header>\n<h1>{_text(page.title)}</h1>\n<p>{_words(page.lead)}</p>\n</header>\n"
        f"{body}</main>\n"
        "</body>\n"
        "</html>\n"
    )


def _anchor(number: int) -> str:
    return f"section-{number}"


def _section(found: Section, level: int, anchor: str = "") -> str:
    tags = "".join(f' <span class="tag">{_text(tag)}</span>' for tag in found.tag.split(", ") if tag)
    identity = f' id="{anchor}"' if anchor else ""
    inner = "".join(map(_block, found.blocks)) + "".join(_section(each, level + 1) for each in found.sections)
    return f"<section{identity}>\n<h{level}>{_text(found.title)}{tags}</h{level}>\n{inner}</section>\n"


def _block(found: Block) -> str:
    return "".join(_parts(found)) + "\n"


def _parts(found: Block) -> Iterator[str]:
    if isinstance(found, Paragraph):
        yield f"<p>{_words(found.words)}</p>"
    elif isinstance(found, Bullets):
        kind = "ol" if found.numbered else "ul"
        yield f"<{kind}>\n"
        yield from (f"<li>{_words(item)}</li>\n" for item in found.items)
        yield f"</{kind}>"
    elif isinstance(found, Checks):
        yield '<ul class="checks">\n'
        for holds, item in found.items:
            kind, label = _VERDICTS[holds]
            yield f'<li class="{kind}"><span class="mark" role="img" aria-label="{label}"></span>'
            yield f"<span>{_words(item)}</span></li>\n"
        yield "</ul>"
    elif isinstance(found, Table):
        yield from _table(found)
    elif isinstance(found, Bars):
        yield from _bars(found)
    elif isinstance(found, Snippet):
        caption = f"<figcaption>{_words(found.caption)}</figcaption>" if found.caption else ""
        yield f"<figure>{caption}<pre><code>{_coloured(found)}</code></pre></figure>"
    elif isinstance(found, Folded):
        yield f"<details>\n<summary>{_words(found.title)}</summary>\n"
        yield from map(_block, found.blocks)
        yield "</details>"


def _table(found: Table) -> Iterator[str]:
    yield '<div class="table"><table>\n<thead><tr>'
    yield from (f'<th scope="col">{_words(cell)}</th>' for cell in found.header)
    yield "</tr></thead>\n<tbody>\n"
    for first, *others in found.rows:
        yield f'<tr><th scope="row">{_words(first)}</th>'
        yield from (f"<td>{_words(cell)}</td>" for cell in others)
        yield "</tr>\n"
    yield "</tbody>\n</table></div>"


def _bars(found: Bars) -> Iterator[str]:
    longest = max((number for _, number in found.rows), default=0) or 1
    yield '<dl class="bars">\n'
    for label, number in found.rows:
        yield f'<dt>{_words(label)}</dt><dd><span class="bar" style="width: {100 * number / longest:.1f}%"></span>'
        yield f'<span class="number">{number:,}</span></dd>\n'
    yield "</dl>"


def _coloured(found: Snippet) -> str:
    """The lines of a snippet; a colour is never all that tells a line from another."""
    lines = clean(found.text).rstrip("\n").split("\n")
    if found.language == "diff":
        return "\n".join(_changed(line) for line in lines)
    if found.language == "dockerfile":
        return "\n".join(map(_instruction, _continued(lines)))
    return "\n".join(map(escape, lines))


def _changed(line: str) -> str:
    kind = "file" if line.startswith(("--- ", "+++ ")) else _DIFF.get(line[:1])
    return f'<span class="{kind}">{escape(line)}</span>' if kind is not None else escape(line)


def _continued(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Lines of a Dockerfile, each with whether it goes on with the instruction above."""
    going = False
    for line in lines:
        yield line, going
        if line.strip() and not line.lstrip().startswith("#"):
            going = line.rstrip().endswith(("\\", "`"))


def _instruction(numbered: tuple[str, bool]) -> str:
    line, going = numbered
    if line.lstrip().startswith("#"):
        return f'<span class="comment">{escape(line)}</span>'
    text = escape(line)
    return text if going else _KEYWORD.sub(lambda found: f'<span class="keyword">{found[0]}</span>', text, count=1)


def _words(found: Words) -> str:
    return "".join(map(_inline, found))


def _inline(found: Inline) -> str:
    if isinstance(found, Code):
        return f"<code>{_text(found.text)}</code>"
    if isinstance(found, Strong):
        return f"<strong>{_text(found.text)}</strong>"
    if isinstance(found, Link):
        address = escape(clean(found.address))
        return f'<a href="{address}" rel="noreferrer">{_text(found.text)}</a>' if found.leads else _text(found.text)
    return _text(found)


def _text(text: str) -> str:
    return escape(clean(" ".join(text.split(" "))))
