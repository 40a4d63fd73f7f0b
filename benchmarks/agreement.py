"""How well dockfix's scanner and BuildKit's own parser agree on real Dockerfiles: ``python agreement.py FOLDER``.

The wheel `dockerfile <https://pypi.org/project/dockerfile/>`_ wraps BuildKit's parser. It runs in a process of its
own, which takes texts on standard input and answers what it reads in them, one JSON value a line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockfix.dockerfile import DockerfileError, Document, Instruction, structure_agrees
from dockfix.dockerfile.grammar import FLAGS, check_syntax
from dockfix.dockerfile.scanner import decode, scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

NAMES = ("Dockerfile", "Dockerfile.*", "*.Dockerfile", "*.dockerfile", "Containerfile*")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a parser reads in one instruction, in terms that both parsers know.

    Attributes:
        line: the 1-based first line.
        end_line: the 1-based last line, 0 where a continuation runs into the end of the file.
        keyword: in upper case.
        trigger: the keyword that ONBUILD keeps, else empty.
        json: whether it is the exec form.
        flags: without quotes.
        words: as the parser splits them.
        heredocs: name and body of each.
    """

    line: int
    end_line: int
    keyword: str
    trigger: str
    json: bool
    flags: tuple[str, ...]
    words: tuple[str, ...]
    heredocs: tuple[tuple[str, str], ...]


class Official:
    """BuildKit's parser in a process of its own."""

    def __enter__(self) -> Official:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def read(self, text: str) -> tuple[Reading, ...] | str:
        """The instructions of *text*, or the error that BuildKit's parser reports."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(text) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if isinstance(answer, str):
            return answer
        return tuple(map(_received, answer))


def _received(answer: dict[str, Any]) -> Reading:
    """A reading as it comes back from JSON, which knows no tuples."""
    heredocs = tuple((name, body) for name, body in answer["heredocs"])
    return Reading(**{**answer, "flags": tuple(answer["flags"]), "words": tuple(answer["words"]), "heredocs": heredocs})


def serve() -> None:
    """Answer each JSON string on standard input by its instructions or an error, as JSON."""
    import dockerfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "Dockerfile")
        for line in sys.stdin:
            text = json.loads(line)
            # A file and not parse_string, which ends at a NUL.
            file.write_bytes(text.encode())
            try:
                commands = dockerfile.parse_file(str(file))
            except dockerfile.GoParseError as error:
                print(json.dumps(str(error)), flush=True)
                continue
            answer = [
                asdict(
                    Reading(
                        line=command.start_line,
                        end_line=command.end_line,
                        keyword=(command.cmd or "").upper(),
                        trigger=(command.sub_cmd or "").upper(),
                        json=command.json,
                        flags=command.flags,
                        words=command.value,
                        heredocs=tuple((heredoc.name, heredoc.content) for heredoc in command.heredocs),
                    )
                )
                for command in commands
            ]
            print(json.dumps(answer), flush=True)


def read(text: str) -> tuple[Reading, ...] | str:
    """The same from dockfix's scanner, without the checks that come after parsing in BuildKit."""
    try:
        found = scan(decode(text, "Dockerfile"))
        check_syntax(found, "Dockerfile")
    except DockerfileError as error:
        return str(error)
    return tuple(map(_reading, Document(text, "Dockerfile", found).instructions))


def _reading(instruction: Instruction) -> Reading:
    inner = instruction.trigger or instruction
    return Reading(
        line=instruction.line,
        end_line=0 if instruction.dangling else instruction.end_line,
        keyword=instruction.keyword,
        trigger=inner.keyword if inner is not instruction else "",
        json=inner.json is not None,
        flags=tuple(_flag(instruction)),
        words=_words(inner),
        # The wheel shows none of those of an ONBUILD, though it reads them.
        heredocs=() if inner is not instruction else tuple((each.name, each.text) for each in instruction.heredocs),
    )


def _flag(instruction: Instruction) -> Iterator[str]:
    text = instruction.statement.logical.text
    for flag, (start, end) in zip(instruction.flags, instruction.statement.flags, strict=True):
        written = f"--{flag.name}={flag.value}" if "=" in text[start:end] else f"--{flag.name}"
        # BuildKit takes flags apart byte by byte, and makes a character of each.
        yield written.encode("utf-8", "surrogateescape").decode("latin-1")


def _words(instruction: Instruction) -> tuple[str, ...]:
    if instruction.keyword not in FLAGS:
        return ("",)
    words = tuple(word.text for word in instruction.words)
    if instruction.json is not None:
        head = words[: len(words) - len(instruction.json)]
        return (*head, *instruction.json)
    if instruction.keyword in ("ENV", "LABEL"):
        pairs: list[str] = []
        for assignment in instruction.assignments:
            pairs += (assignment.raw_key, assignment.raw)
        return tuple(pairs)
    if instruction.keyword in ("RUN", "CMD", "ENTRYPOINT", "SHELL"):
        return (instruction.value,) if instruction.value else ()
    if instruction.keyword == "HEALTHCHECK":
        command = instruction.healthcheck_command
        return words[:1] if command in ("NONE", "") else (words[0].strip(), command or "")
    return words


def _has_more(text: str) -> bool:
    try:
        return json.JSONDecoder().raw_decode(text)[1] < len(text)
    except ValueError:
        return False


def files(folder: Path) -> list[Path]:
    """The Dockerfiles below *folder*, by their names."""
    found = {path for name in NAMES for path in folder.rglob(name) if path.is_file() and path.stat().st_size}
    return sorted(path for path in found if path.suffix not in (".dockerignore", ".md", ".bak"))


def main() -> int:
    """Compare on every Dockerfile below a folder and print the figures; 1 where the parsers disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--serve", action="store_true", help="be the process that answers")
    options = parser.parse_args()
    if options.serve:
        serve()
        return 0
    if options.folder is None:
        parser.error("a folder is needed")
    counts: Counter[str] = Counter()
    with Official() as official:
        for path in files(options.folder):
            text = path.read_bytes().decode("utf-8", "replace")
            theirs, ours = official.read(text), read(text)
            counts["files"] += 1
            verdict = compare(ours, theirs)
            counts[verdict.partition(":")[0]] += 1
            if verdict not in ("the same", "both refuse"):
                print(f"{path}: {verdict}")
            if isinstance(ours, tuple):
                counts["instructions"] += len(ours)
                try:
                    document = Document.parse(path.read_bytes(), str(path))
                except DockerfileError as error:
                    counts["refused after parsing"] += 1
                    print(f"refused after parsing: {error}")
                    continue
                opinion = structure_agrees(document)
                counts["second opinion differs" if opinion else "second opinion agrees"] += 1
                if opinion:
                    print(opinion)
    for name, count in sorted(counts.items()):
        print(f"{count:8} {name}")
    return int(bool(counts["different"] or counts["only one refuses"]))


def compare(ours: tuple[Reading, ...] | str, theirs: tuple[Reading, ...] | str) -> str:
    """Where two readings of a text part: a word for the kind, and after a colon what it is."""
    if isinstance(ours, str) or isinstance(theirs, str):
        if isinstance(ours, str) and isinstance(theirs, str):
            return "both refuse"
        return f"only one refuses: {ours if isinstance(ours, str) else theirs}"
    for mine, other in zip(ours, theirs, strict=False):
        if other.json and not mine.json and _has_more(" ".join(mine.words).removeprefix("CMD ")):
            return "older wheel: it takes a JSON array with something behind it for the exec form"
        if any("\0" in word for word in mine.words):
            return "older wheel: it cuts a word at a NUL"
        if mine != (other if mine.end_line else replace(other, end_line=0)):
            return f"different: {mine} {other}"
    return "the same" if len(ours) == len(theirs) else f"different: {len(ours)} and {len(theirs)} instructions"


if __name__ == "__main__":
    sys.exit(main())
