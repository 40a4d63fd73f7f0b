"""What a page is made of: sections of blocks, which each renderer writes in its own language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """Words to be read letter by letter."""

    text: str


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that the eye should find."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere.

    Attributes:
        text: the words.
        address: where they lead; they lead nowhere if it is not one of the web.
    """

    text: str
    address: str

    @property
    def leads(self) -> bool:
        """Whether the address is one of the web, rather than a script."""
        return self.address.startswith(("https://", "http://"))


Inline = str | Code | Strong | Link
Words = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    words: Words


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[Words, ...]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Checks:
    """A list of what holds (``True``), does not (``False``) or cannot be told (``None``)."""

    items: tuple[tuple[bool | None, Words], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table."""

    header: tuple[Words, ...]
    rows: tuple[tuple[Words, ...], ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Numbers, and how they compare."""

    rows: tuple[tuple[Words, int], ...]


@dataclass(frozen=True, slots=True)
class Snippet:
    """Lines of a file, or of a diff.

    Attributes:
        text: the lines.
        language: ``dockerfile``, ``diff``, ``sh``, ``nginx``, or nothing.
        caption: where they stand; empty for what stands nowhere.
    """

    text: str
    language: str = ""
    caption: Words = ()


@dataclass(frozen=True, slots=True)
class Folded:
    """Blocks that are shown on request."""

    title: Words
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what belongs to it.

    Attributes:
        title: the heading.
        blocks: what stands under it.
        tag: a short word beside the heading, such as a transform's id.
        sections: smaller sections in it.
    """

    title: str
    blocks: tuple[Block, ...] = ()
    tag: str = ""
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A whole document."""

    title: str
    lead: Words
    sections: tuple[Section, ...]


Block = Paragraph | Bullets | Checks | Table | Bars | Snippet | Folded

_LITERAL = re.compile(
    r"`(?P<marked>[^`]+)`|\bdocker (?:compose |run |exec |volume )\S.*$"
    r"|(?<![\w/])[\w@+-][\w./@+-]*:[\w.+-]*\d[\w.+-]*"  # file:line, image:tag, address:port, uid:gid
    r"|(?<!\S)/[\w.+-][\w./@+-]*"  # an absolute path, or a route
    r"|(?<![\w/])[\w./@+-]*\.(?:json|txt|toml|ya?ml|py|[cm]?[jt]sx?|conf|lock|sh|cfg|ini|dockerignore)\b(?!/)"
    r"|(?<!\S)--[a-z][\w-]*"
)
_MARKED = re.compile(r"`([^`]+)`")


def said(text: str) -> Words:
    """A sentence of a report, in which files, lines, images and paths stand out."""
    found: list[Inline] = []
    position = 0
    for match in _LITERAL.finditer(text):
        literal = match[0].rstrip(".")
        found += (text[position : match.start()], Code(match["marked"] or literal))
        position = match.start() + len(literal)
    return _joined([*found, text[position:]])


def documented(text: str) -> Words:
    """A paragraph of a docstring, whose code stands in backticks."""
    parts = _MARKED.split(" ".join(text.split()).replace("``", "`"))
    return _joined([Code(part) if number % 2 else part for number, part in enumerate(parts)])


def sentence(words: Words) -> Words:
    """*words* with a full stop at the end."""
    last = words[-1] if words else "."
    return words if isinstance(last, str) and last.endswith((".", ":", "?", "!")) else (*words, ".")


def capital(words: Words) -> Words:
    """*words* with a capital at the start, for words of one's own: names of programs have none."""
    first = words[0] if words else ""
    return (first[:1].upper() + first[1:], *words[1:]) if isinstance(first, str) else words


def listed(items: tuple[Inline, ...]) -> Words:
    """*items* with commas between them."""
    return tuple(part for item in items for part in (", ", item))[1:]


def _joined(parts: Iterable[Inline]) -> Words:
    return tuple(part for part in parts if part != "")
