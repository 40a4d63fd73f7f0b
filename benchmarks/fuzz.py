"""A fuzzer of the Dockerfile package: ``python fuzz.py --minutes 30 [--seeds FOLDER]``.

It mutates real-shaped Dockerfiles and holds each result to what must always be true: any bytes are read or refused with
a place, every span is exact, and a layout loses nothing. A text that breaks a promise is printed and ends the run.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from dockfix.dockerfile import (
    DockerfileError,
    Document,
    Gap,
    Instruction,
    Item,
    Keep,
    LedgerError,
    New,
    insert_after,
    insert_before,
    remove,
    replace,
    script,
    structure_agrees,
)
from dockfix.dockerfile.layout import layout
from dockfix.dockerfile.logical import SPACE
from dockfix.text import Span, apply

if TYPE_CHECKING:
    from collections.abc import Sequence

SEEDS = (
    (
        b"# syntax=docker/dockerfile:1\n# the app\nARG NODE=20\n\n# base\nFROM node:${NODE}-alpine AS build\n"
        b"WORKDIR /app\nCOPY package*.json ./\n# all of them\nRUN npm ci \\\n    # quietly\n    --silent\n\n"
        b"COPY . .\nRUN npm run build\n\nFROM nginx\nCOPY --from=build /app/dist /usr/share/nginx/html\n"
        b'CMD ["nginx", "-g", "daemon off;"]\n'
    ),
    (
        b"FROM python:3.11\r\nENV A=1 \\\r\n    B=\"two words\" C='x'\r\nENV OLD form of it\r\n"
        b"RUN apt-get update && apt-get install -y --no-install-recommends \\\r\n      gcc \\\r\n\r\n"
        b"  libpq-dev \\\r\n && rm -rf /var/lib/apt/lists/*\r\nEXPOSE 5000\r\nUSER app\r\nCMD python app.py\r\n"
        b"# the end"
    ),
    (
        b'\xef\xbb\xbf# escape=`\nFROM mcr.microsoft.com/windows AS base\nSHELL ["powershell", "-Command"]\n'
        b"RUN Write-Host 'a' `\n    ; Get-Item C:\\\\\nCOPY a `\n  b\nWORKDIR C:\\app\n"
    ),
    (
        b"FROM debian\nRUN <<EOF\nset -e\napt-get update\n# inside\nEOF\n"
        b"RUN cat <<-'A' <<B > /f && echo $(ls | wc -l)\n\tx\n\tA\ny\nB\nCOPY <<conf /etc/conf\na=$b\nconf\n"
        b'ONBUILD COPY --chown=1:1 . /app\nHEALTHCHECK --interval=30s CMD ["curl", "-f", "http://localhost"]\n'
        b'RUN for i in a b; do echo "$i"; done; \\\n  if [ -f x ]; then y; fi\nVOLUME ["/a", "/b"]\n'
        b'LABEL a.b="c" d=e\nSTOPSIGNAL 9\nENTRYPOINT exec x \\\n'
    ),
    (
        b"# caf\xe9\nfrom alpine as Base\nrun apk add --no-cache \\\n\tcurl \\\n\tgit\narg X\narg Y=${X:-1}\n"
        b"copy --link a b c/\n\n\nfrom base\n# free\n\nrun \xc2\xa0 a\nmaintainer me\ncmd a"
    ),
)
"""Files in the shapes that occur: stages, CRLF, a byte order mark, backticks, heredocs, lower case, Latin-1."""

FRAGMENTS = (
    b"\n", b"\r\n", b"\r", b"\\\n", b"\\", b"\\\\\n", b"`\n", b"`", b" ", b"\t", b"\x0b", b"\x1c", b"\xc2\xa0",
    b"\xff", b"#", b"# c\n", b"\n# free\n\n", b"# escape=`\n", b"# syntax=x\n", b"<<", b"<<EOF", b"<<-'EOF'",
    b"\nEOF\n", b"<< EOF", b"'", b'"', b"$", b"${", b"}", b"${A:-b}", b"=", b"--", b"--from=0 ", b"--link ", b"[",
    b"]", b'["a"]', b'["a", "b"]', b"[1]", b",", b"&&", b"||", b";", b"|", b"$(", b")", b"(", b"FROM a\n",
    b"FROM a AS b\n", b"\nRUN a\n", b"ONBUILD ", b"ENV ", b"COPY a b\n", b"HEALTHCHECK ", b"CMD ", b"\xef\xbb\xbf",
    b"\xe2\x98\x83", b"\x00", b"AS x", b"\\ \t\n", b"x" * 70,
)  # fmt: skip


def mutate(source: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """*source* after a few random changes: pieces cut, doubled, put in, taken from another seed."""
    data = bytearray(source)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 9))):
        position = chance.randint(0, len(data))
        length = chance.choice((0, 1, 1, 2, 8, 40))
        kind = chance.randrange(6)
        if kind == 0:
            del data[position : position + length]
        elif kind == 1:
            data[position:position] = data[position : position + length]
        elif kind == 2:
            data[position:position] = bytes((chance.randrange(256),))
        elif kind == 3:
            other = chance.choice(seeds)
            start = chance.randint(0, len(other))
            data[position : position + length] = other[start : start + chance.randint(0, 120)]
        elif kind == 4:
            lines = bytes(data).split(b"\n")
            chance.shuffle(lines)
            data = bytearray(b"\n".join(lines))
        else:
            data[position : position + chance.choice((0, 0, length))] = chance.choice(FRAGMENTS)
    return bytes(data)


def check(source: bytes, chance: random.Random) -> str:
    """Hold the package to its promises on *source*; says whether it is valid or refused.

    Raises:
        AssertionError: a promise is broken.
    """
    try:
        document = Document.parse(source, "D")
    except DockerfileError as error:
        return refused(source, error)
    assert document.encode() == source
    check_tiles(document)
    for instruction in document.instructions:
        check_instruction(document, instruction)
    assert structure_agrees(document) is None, structure_agrees(document)
    if "\r" not in document.text:
        check_twin(document)
    check_edits(document, chance)
    check_layout(document, chance)
    return "valid"


def refused(source: bytes, problem: DockerfileError) -> str:
    """A refusal names a line of the file."""
    assert 1 <= problem.line <= source.count(b"\n") + 1, problem
    assert str(problem) == f"D:{problem.line}: {problem.message}"
    return "refused"


def check_tiles(document: Document) -> None:
    """The spans cover the text without gap or overlap; between them is only white space."""
    spans = document.spans()
    assert "".join(span.of(document.text) for span in spans) == document.text
    assert all(before.end == after.start for before, after in pairwise(spans))
    known = {directive.span for directive in document.directives}
    known |= {comment.span for comment in document.comments}
    known |= {instruction.span for instruction in document.instructions}
    for span in spans:
        if span not in known:
            assert not span.of(document.text).strip(SPACE + "\ufeff"), span.of(document.text)
    for comment in document.comments:
        assert comment.span.of(document.text) == comment.text
        assert document.line(comment.span.start) == comment.line


def check_instruction(document: Document, instruction: Instruction) -> None:
    """Words, flags, JSON and shell words stand where they say."""
    text, logical = document.text, instruction.statement.logical
    assert instruction.block.contains(instruction.span)
    assert instruction.line == document.line(instruction.span.start)
    assert instruction.end_line == document.line(instruction.span.end)
    pieces: list[tuple[str, Span]] = [(word.text, word.span) for word in instruction.words]
    pieces += [(logical.text[slice(*place)], logical.span(*place)) for place in instruction.statement.flags]
    pieces += [(assignment.raw, assignment.value_span) for assignment in instruction.assignments]
    for written, span in pieces:
        assert instruction.span.contains(span)
        if len(span.of(text)) == len(written):
            assert span.of(text) == written
        else:
            assert len(span.of(text)) > len(written)
            assert "\n" in span.of(text)
    _ = (instruction.copy, instruction.healthcheck_command, instruction.json, instruction.pairs(), instruction.flags)
    if instruction.trigger is not None:
        check_instruction(document, instruction.trigger)
    for command in script(document, instruction).commands:
        for word in (*command.words, *command.assignments, *command.redirects):
            assert instruction.span.contains(word.span)
            assert command.span.contains(word.span)


def check_twin(document: Document) -> None:
    """With CRLF line ends the same is read."""
    twin = Document.parse(document.text.replace("\n", "\r\n"), "D")
    assert [(one.keyword, one.value) for one in twin.instructions] == [
        (one.keyword, one.value) for one in document.instructions
    ]


def check_edits(document: Document, chance: random.Random) -> None:
    """Each plain edit leaves all other instructions as they were and no comment lost."""
    instruction = chance.choice(document.instructions)
    before = [(one.keyword, one.statement.logical.text) for one in document.instructions]
    new, logical = ("ARG", "ARG new=1"), "ARG new=1"
    index = instruction.index
    case = chance.randrange(4)
    if _hopeless(document):
        return
    if case == 0:
        edit, expected = insert_after(document, instruction, logical, gap=chance.random() < 0.5), before[: index + 1]
        expected = [*expected, new, *before[index + 1 :]]
    elif case == 1:
        edit = insert_before(document, instruction, logical, comment="why", gap=chance.random() < 0.5)
        expected = [*before[:index], new, *before[index:]]
    elif case == 2:
        edit, expected = replace(document, instruction, logical), [*before[:index], new, *before[index + 1 :]]
    else:
        try:
            edit, expected = remove(document, instruction), [*before[:index], *before[index + 1 :]]
        except LedgerError:
            return
    try:
        after = Document.parse(apply(document.text, [edit]), "D")
    except DockerfileError as error:
        # Without its FROM a file is none.
        if case in (2, 3) and instruction.keyword == "FROM":
            return
        raise AssertionError(str(error)) from error
    found = [(one.keyword, one.statement.logical.text) for one in after.instructions]
    assert [_plain(one) for one in found] == [_plain(one) for one in expected], (found, expected)
    assert not Counter(_texts(document)) - Counter(_texts(after))


def check_layout(document: Document, chance: random.Random) -> None:
    """Everything kept is no edit; a random rearrangement has exactly what was asked for, and every comment once."""
    if _hopeless(document):
        return
    body = [instruction for instruction in document.instructions if instruction.stage >= 0]
    same = layout(document, [[Keep(instruction) for instruction in stage.instructions] for stage in document.stages])
    assert not same.edits, same.edits
    dropped: dict[int, str] = {}
    stages: list[list[Item]] = [[New("FROM new AS one", comment="first")], [New("FROM new AS two")]]
    wanted: list[list[tuple[str, str]]] = [[("FROM", "FROM new AS one")], [("FROM", "FROM new AS two")]]

    def put(place: int, item: Item, keyword: str, text: str) -> None:
        if chance.random() < 0.2:
            stages[place].append(Gap())
        stages[place].append(item)
        wanted[place].append((keyword, text))

    for instruction in body:
        place = chance.randrange(2)
        fate = chance.random()
        logical = instruction.statement.logical.text
        if fate < 0.15:
            dropped[instruction.index] = "not needed"
        elif fate < 0.3:
            put(place, New("RUN new \\\n    line", replaces=(instruction,)), "RUN", "RUN new     line")
        elif fate < 0.4:
            put(0, Keep(instruction), instruction.keyword, logical)
            put(1, Keep(instruction), instruction.keyword, logical)
        else:
            put(place, Keep(instruction), instruction.keyword, logical)
    if chance.random() < 0.3:
        chance.shuffle(order := list(range(1, len(stages[0]))))
        # Gaps are not in what is wanted: shuffle only where there are none.
        if not any(isinstance(item, Gap) for item in stages[0]):
            stages[0] = [stages[0][0], *(stages[0][number] for number in order)]
            wanted[0] = [wanted[0][0], *(wanted[0][number] for number in order)]
    built = layout(document, stages, dropped)
    assert [entry.index for entry in built.ledger] == list(range(len(document.instructions)))
    result = apply(document.text, built.edits)
    try:
        after = Document.parse(result, "D")
    except DockerfileError as error:
        # A COPY may now stand above the stage whose number it names.
        if "from flag value" in error.message:
            return
        raise AssertionError(str(error), result) from error
    found = [_plain((one.keyword, one.statement.logical.text)) for one in after.instructions if one.stage >= 0]
    assert found == [_plain(one) for stage in wanted for one in stage], (found, wanted, result)
    assert Counter(_texts(after)) == Counter([*_texts(document), "# first"]), result
    assert after.final_newline == document.final_newline, result
    assert after.bom == document.bom


def _hopeless(document: Document) -> bool:
    """Whether comments stand between the escape characters that continue the last instruction with nothing.

    Only such a file cannot be added to, and the package says so.
    """
    last = document.instructions[-1]
    logical = last.statement.logical
    end = logical.span(0, len(logical.text.rstrip(SPACE))).end
    return last.dangling and any(comment.span.start > end for comment in last.inner_comments)


def _texts(document: Document) -> list[str]:
    return [comment.text.rstrip() for comment in document.comments]


def _plain(one: tuple[str, str]) -> tuple[str, str]:
    """Habits aside: a new line comes in the file's keyword case and indent."""
    return one[0], "".join(one[1].lower().split()) if "new" in one[1].lower() else one[1].strip()


def main() -> int:
    """Run for the time given; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None, help="of the random numbers, to repeat a run")
    parser.add_argument("--seeds", type=Path, default=None, help="a folder of Dockerfiles to mutate too")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    seeds = list(SEEDS)
    if options.seeds is not None:
        found = (path for path in sorted(options.seeds.rglob("*Dockerfile*")) if path.is_file())
        seeds += [path.read_bytes() for path in found if 0 < path.stat().st_size < 6000]
    print(f"seed {seed}, {len(seeds)} files to mutate", flush=True)
    end, counts, pool = time.monotonic() + 60 * options.minutes, Counter[str](), list(seeds)
    report = time.monotonic() + 60
    while time.monotonic() < end:
        source = mutate(chance.choice(pool), seeds, chance)
        state = chance.getstate()
        try:
            verdict = check(source, chance)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            chance.setstate(state)
            print(f"broken after {sum(counts.values())} texts by {source!r}", flush=True)
            return 1
        counts[verdict] += 1
        if verdict == "valid" and len(source) < 4000 and chance.random() < 0.05:
            pool.append(source)
            if len(pool) > 4 * len(seeds) + 400:
                pool = [*seeds, *chance.sample(pool, 200)]
        if time.monotonic() > report:
            print(f"{sum(counts.values())} texts, {dict(counts)}", flush=True)
            report += 60
    print(f"done: {sum(counts.values())} texts, {dict(counts)}, no promise broken", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
