"""Python sources as text: what is told of them without a parse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dockfix.text import line_of

_STRING_OR_COMMENT = re.compile(
    r"#[^\n]*|(?:\b[rbfuRBFU]{1,2})?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\""
    r"|'(?:\\.|[^\\'\n])*'|\"(?:\\.|[^\\\"\n])*\")",
    re.DOTALL,
)
# Where CPython stops too; libcst's native parser overruns its stack at some 1,500 and takes the process with it.
DEEPEST = 200


def bracket_depth(text: str) -> int:
    """How deeply brackets are nested in *text*; 0 where there are too few to matter."""
    depth = deepest = 0
    if sum(map(text.count, "([{")) <= DEEPEST:
        return 0
    for match in re.finditer(r"[(\[{]|[)\]}]", _STRING_OR_COMMENT.sub("", text)):
        depth += 1 if match[0] in "([{" else -1
        deepest = max(deepest, depth)
    return deepest


_IMPORT = re.compile(
    r"^(?P<indent>[ \t]*)(?:from[ \t]+(?P<dots>\.*)[ \t]*(?P<module>[\w.]*)[ \t]+import[ \t]*"
    r"(?P<names>\([^)]*\)|[^\n;]*)|import[ \t]+(?P<modules>[\w., \t]+))",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class ImportLine:
    """An import statement found without a parse; *names* are those after ``import``, empty for a plain import."""

    module: str
    level: int
    names: tuple[str, ...]
    line: int
    guarded: bool


def import_lines(text: str) -> Iterator[ImportLine]:
    """The imports of *text*, found at a hundredth of the price of a parse.

    *guarded* tells that the statement is indented: inside a function, a ``try`` or an ``if TYPE_CHECKING``.
    """
    bare = _STRING_OR_COMMENT.sub(lambda match: "\n" * match[0].count("\n") or " ", text).replace("\\\n", "  ")
    for match in _IMPORT.finditer(bare):
        line = line_of(bare, match.start())
        guarded = bool(match["indent"])
        if match["modules"] is not None:
            for part in match["modules"].split(","):
                if module := part.split(" as ")[0].strip():
                    yield ImportLine(module, 0, (), line, guarded)
        else:
            names = (part.split(" as ")[0].strip() for part in match["names"].strip("() \t\r\n").split(","))
            yield ImportLine(match["module"], len(match["dots"]), tuple(name for name in names if name), line, guarded)
