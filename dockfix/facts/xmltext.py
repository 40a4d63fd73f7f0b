"""XML that others wrote: read without a document type, and so without entities of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def tree(data: bytes | None) -> Element | None:
    """The top element of a file, its names without namespaces; ``None`` where it is no XML or declares a document type.

    Entities can only be declared in a document type, and a few lines of them unfold to gigabytes or name other files:
    https://docs.python.org/3/library/xml.html#xml-security. Neither pom.xml nor MSBuild's files have use for one. The
    parser itself tells of it, since a search in the text would miss one in another encoding.

    Args:
        data: the bytes of the file; ``None`` where there is none.
    """
    from xml.etree.ElementTree import TreeBuilder
    from xml.parsers import expat

    if data is None:
        return None
    builder, parser = TreeBuilder(), expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = lambda name, attributes: builder.start(_local(name), attributes)
    parser.EndElementHandler = lambda name: builder.end(_local(name))
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, LookupError, ValueError):  # malformed, an encoding that is not known, a document type
        return None


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _refuse(*_: object) -> None:
    raise ValueError("a document type")
