"""BuildKit's own parser as a judge, behind a process of its own.

The wheel `dockerfile <https://pypi.org/project/dockerfile/>`_ is the Go parser as a C extension. A Go run time in the
process that forks workers is asking for trouble, so texts are sent to ``python official.py`` in batches.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 200


@dataclass(frozen=True, slots=True)
class Command:
    """One instruction as BuildKit reads it.

    Attributes:
        name: the keyword in capitals.
        flags: as written, with their dashes.
        words: the arguments; a single one where the instruction takes a shell line.
        json: whether the exec form is used.
        heredocs: the bodies of here-documents.
    """

    name: str
    flags: tuple[str, ...]
    words: tuple[str, ...]
    json: bool
    heredocs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the parser says of a text: its instructions, or why it takes none of it."""

    commands: tuple[Command, ...] = ()
    error: str | None = None


def verdicts(texts: Sequence[str]) -> list[Verdict]:
    """The parser's word on each of *texts*, in order.

    Raises:
        subprocess.CalledProcessError: the parser's process died; the wheel may be missing.
    """
    found: list[Verdict] = []
    for start in range(0, len(texts), BATCH):
        sent = json.dumps([text.encode("utf-8", "replace").decode() for text in texts[start : start + BATCH]])
        run = subprocess.run(
            [sys.executable, str(Path(__file__).resolve())], input=sent, stdout=subprocess.PIPE, text=True, check=True
        )
        found += [_verdict(answer) for answer in json.loads(run.stdout)]
    return found


def _verdict(answer: str | list[tuple[str, list[str], list[str], bool, list[str]]]) -> Verdict:
    if isinstance(answer, str):
        return Verdict(error=answer)
    commands = (
        Command(name, tuple(flags), tuple(words), form, tuple(heredocs))
        for name, flags, words, form, heredocs in answer
    )
    return Verdict(tuple(commands))


def _serve() -> None:
    """Answer one batch: a JSON list of texts on standard input, a list of errors or instructions on standard output."""
    import dockerfile

    # The parser proper takes any word for a keyword; the next step of a build does not.
    known = set(dockerfile.all_cmds())
    answers: list[object] = []
    for text in json.load(sys.stdin):
        try:
            parsed = dockerfile.parse_string(text)
        except dockerfile.GoParseError as error:
            answers.append(str(error))
            continue
        unknown = [each.cmd for each in parsed if each.cmd.lower() not in known]
        if unknown:
            answers.append(f"unknown instruction: {unknown[0]}")
            continue
        answers.append(
            [
                (
                    each.cmd.upper(),
                    list(each.flags),
                    list(each.value),
                    each.json,
                    [doc.content for doc in each.heredocs],
                )
                for each in parsed
            ]
        )
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    _serve()
