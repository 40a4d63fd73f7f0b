"""Which transform a line of the result is put down to."""

from __future__ import annotations

from dockfix.explanation.authorship import authors

BEFORE = "FROM node:20\nCOPY . .\nRUN npm install\nCMD npm start\n"


def by_line(*steps: tuple[str, str]) -> dict[str, set[str]]:
    last = steps[-1][1].split("\n")
    return {line: set(by) for line, by in zip(last, authors(BEFORE, steps), strict=True) if line}


def test_an_untouched_line_has_no_author() -> None:
    found = by_line(("base", BEFORE.replace("node:20", "node:20-alpine")))
    assert found == {
        "FROM node:20-alpine": {"base"},
        "COPY . .": set(),
        "RUN npm install": set(),
        "CMD npm start": set(),
    }


def test_a_revised_line_keeps_its_earlier_authors() -> None:
    first = BEFORE.replace("CMD npm", "RUN apk add --no-cache dumb-init\nCMD npm")
    second = first.replace("dumb-init\n", "dumb-init && \\\n    adduser -S app\n")
    found = by_line(("init", first), ("user", second))
    assert found["RUN apk add --no-cache dumb-init && \\"] == {"init", "user"}
    assert found["    adduser -S app"] == {"user"}


def test_a_moved_line_belongs_to_who_moved_it() -> None:
    built = BEFORE.replace("install\n", "install\nRUN npm rebuild\n")
    moved = built.replace("COPY . .\n", "").replace("CMD", "COPY . .\nCMD")
    found = by_line(("rebuild", built), ("copy-order", moved))
    assert found["COPY . ."] == {"copy-order"}
    assert found["RUN npm install"] == set()
    assert found["RUN npm rebuild"] == {"rebuild"}


def test_a_line_put_in_the_place_of_another_is_the_later_ones_alone() -> None:
    first = BEFORE.replace("RUN npm install", "RUN npm ci")
    second = first.replace("RUN npm ci", "EXPOSE 3000")
    assert by_line(("install", first), ("expose", second))["EXPOSE 3000"] == {"expose"}


def test_no_step_no_author() -> None:
    assert set(authors(BEFORE, ())) == {frozenset()}


def test_thousands_of_new_lines_are_told_in_time() -> None:
    many = "".join(f"RUN echo {number}\n" for number in range(4000))
    found = authors(BEFORE, [("much", BEFORE + many), ("more", BEFORE + many.replace("echo", "printf"))])
    assert len(found) == 4005
