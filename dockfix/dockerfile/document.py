"""A whole Dockerfile: instructions, stages, comments, directives and the habits of its author."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Literal

from dockfix.dockerfile.expansion import expand
from dockfix.dockerfile.grammar import check_meaning, check_syntax
from dockfix.dockerfile.image import ImageReference
from dockfix.dockerfile.instruction import Instruction
from dockfix.dockerfile.scanner import BOM, Comment, Directive, Scan, decode, scan
from dockfix.text import Span, line_starts


class Stage:
    """A build stage.

    Attributes:
        index: its number.
        instructions: its instructions, FROM included.
        base: its FROM.
        name: as written after AS, None where it has none.
        image: what FROM names, which may be an earlier stage.
        platform: the value of ``--platform``.
    """

    def __init__(self, index: int, instructions: tuple[Instruction, ...]) -> None:
        self.index = index
        self.instructions = instructions
        self.base = instructions[0]
        words = self.base.words
        self.name = words[2].text if len(words) == 3 else None
        self.image = ImageReference.parse(words[0].value)
        self.platform = self.base.flag("platform")

    def __repr__(self) -> str:
        return f"<Stage {self.index}: {self.base.value}>"


class Document:
    """A Dockerfile; the text is never changed, only edited by span.

    Attributes:
        path: as the caller named it.
        text: the decoded file, a byte order mark included, other bytes as surrogates, line ends as they are.
        escape: the escape character, ``\\`` or a backtick.
        directives: the parser directives at the top.
        comments: every comment, outside and inside instructions, in the order of the file.
        instructions: in the order of the file.
    """

    def __init__(self, text: str, path: str, found: Scan) -> None:
        self.path = path
        self.text = text
        self.escape = found.escape
        self.directives: tuple[Directive, ...] = tuple(found.directives)
        self.comments: tuple[Comment, ...] = tuple(found.comments)
        self._scan = found
        self._starts = line_starts(text)
        self.instructions: tuple[Instruction, ...] = tuple(self._build(found))

    @classmethod
    def parse(cls, source: bytes | str, path: str = "Dockerfile") -> Document:
        """Read a Dockerfile.

        Args:
            source: its bytes, or its text with the line ends as they are in the file.
            path: what errors call it.

        Raises:
            DockerfileError: BuildKit would not accept it.
        """
        text = decode(source, path)
        found = scan(text, path)
        check_syntax(found, path)
        check_meaning(found, path)
        return cls(text, path, found)

    def __repr__(self) -> str:
        return f"<Document {self.path}: {len(self.instructions)} instructions>"

    def _build(self, found: Scan) -> list[Instruction]:
        starts, end = self._starts, len(self.text)
        by_line = {comment.line: comment for comment in found.comments}
        built: list[Instruction] = []
        stage = -1
        for index, statement in enumerate(found.statements):
            if statement.keyword == "FROM":
                stage += 1
            comments: list[Comment] = []
            line = statement.line - 1
            while line in by_line:
                comments.append(by_line[line])
                line -= 1
            comments.reverse()
            first = (comments[0].line if comments else statement.line) - 1
            start = max(starts[first], int(self.bom)) if first == 0 else starts[first]
            last = starts[statement.end_line] if statement.end_line < len(starts) else end
            built.append(
                Instruction(
                    statement,
                    self.text,
                    self.escape,
                    index=index,
                    stage=stage,
                    comments=tuple(comments),
                    block=(start, last),
                )
            )
        return built

    @property
    def bom(self) -> bool:
        """Whether the file begins with a byte order mark."""
        return self.text.startswith(BOM)

    def encode(self) -> bytes:
        """The bytes of the file."""
        return self.text.encode("utf-8", "surrogateescape")

    def line(self, position: int) -> int:
        """The 1-based line that holds *position*."""
        return bisect_right(self._starts, position)

    @cached_property
    def shells(self) -> Mapping[int, tuple[Instruction, ...]]:
        """The SHELL instructions of the stages that have some, by the stage's number."""
        given = [instruction for instruction in self.instructions if instruction.keyword == "SHELL"]
        return {number: tuple(group) for number, group in groupby(given, attrgetter("stage"))}

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The build stages in the order of the file."""
        groups: list[list[Instruction]] = []
        for instruction in self.instructions:
            if instruction.keyword == "FROM":
                groups.append([])
            if groups:
                groups[-1].append(instruction)
        return tuple(Stage(index, tuple(group)) for index, group in enumerate(groups))

    @cached_property
    def global_args(self) -> tuple[Instruction, ...]:
        """The ARGs before the first FROM."""
        return tuple(instruction for instruction in self.instructions if instruction.stage < 0)

    def stage(self, reference: str) -> Stage | None:
        """The stage that *reference* names, by its name in any case (the last one of that name) or by its number."""
        for stage in reversed(self.stages):
            if stage.name is not None and stage.name.lower() == reference.lower():
                return stage
        if reference.isascii() and reference.isdigit() and int(reference) < len(self.stages):
            return self.stages[int(reference)]
        return None

    def parent(self, stage: Stage) -> Stage | None:
        """The earlier stage that *stage* is built on, None where its FROM names an image."""
        name = stage.image.text
        if stage.image.variables:
            name = expand(name, self.global_values, self.escape) or name
        for earlier in reversed(self.stages[: stage.index]):
            if earlier.name is not None and earlier.name.lower() == name.lower():
                return earlier
        return None

    @cached_property
    def global_values(self) -> dict[str, str]:
        """The defaults of the ARGs before the first FROM, as far as they are known."""
        values: dict[str, str] = {}
        for instruction in self.global_args:
            for assignment in instruction.assignments:
                if assignment.value is not None:
                    value = expand(assignment.value, values, self.escape)
                    if value is not None:
                        values[assignment.key] = value
        return values

    @cached_property
    def newline(self) -> str:
        """The line end that most lines have."""
        return "\r\n" if 2 * self.text.count("\r\n") > self.text.count("\n") else "\n"

    @property
    def final_newline(self) -> bool:
        """Whether the last line has a line end."""
        return self.text.endswith("\n")

    @cached_property
    def keyword_case(self) -> Literal["upper", "lower"]:
        """How most keywords are written."""
        lower = sum(instruction.text[:1].islower() for instruction in self.instructions)
        return "lower" if 2 * lower > len(self.instructions) else "upper"

    @cached_property
    def indent(self) -> str:
        """What continuation lines mostly begin with behind the margin; four spaces where there are none."""
        behind = (indent.removeprefix(self.margin) for indent in self._scan.indents)
        counts = Counter(indent for indent in behind if indent)
        return counts.most_common(1)[0][0] if counts else "    "

    @cached_property
    def margin(self) -> str:
        """What most instructions stand behind: nothing, or spaces where the author has moved them in."""
        lines = self.text.split("\n")
        written = (lines[instruction.line - 1] for instruction in self.instructions)
        heads = Counter(line[: len(line) - len(line.lstrip(" \t"))] for line in written)
        head, count = heads.most_common(1)[0] if heads else ("", 0)
        return head if 2 * count > len(self.instructions) else ""

    @property
    def broken(self) -> str:
        """What goes on in the next line: the escape character, a line end, and what the line begins with."""
        return f"{self.escape}{self.newline}{self.margin}{self.indent}"

    @cached_property
    def spacious(self) -> bool:
        """Whether the author leaves empty lines between groups of instructions inside a stage."""
        pairs = blanks = 0
        for before, after in pairwise(self.instructions):
            if before.stage == after.stage >= 0:
                pairs += 1
                gap = self.text[before.block.end : after.block.start]
                blanks += any(not line.strip() for line in gap.splitlines())
        return blanks > 0 and 5 * blanks >= pairs

    def gap_above(self, instruction: Instruction) -> bool:
        """Whether the author left an empty line above *instruction* and the comments that belong to it."""
        lines = self.text[: instruction.block.start].split("\n")
        return len(lines) > 1 and not lines[-2].strip()

    def spans(self) -> tuple[Span, ...]:
        """Spans that cover the text from end to end: directives, outer comments, instructions, and what is between."""
        inside = {id(comment) for instruction in self.instructions for comment in instruction.inner_comments}
        outer = [comment.span for comment in self.comments if id(comment) not in inside]
        elements = sorted(
            [directive.span for directive in self.directives] + outer + [item.span for item in self.instructions]
        )
        tiles: list[Span] = []
        position = 0
        for element in elements:
            if element.start > position:
                tiles.append(Span(position, element.start))
            tiles.append(element)
            position = element.end
        if position < len(self.text):
            tiles.append(Span(position, len(self.text)))
        return tuple(tiles)
