"""What each proof catches: changes that do not do what they say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dockfix.dockerfile import Document
from dockfix.dockerfile.layout import LedgerEntry
from dockfix.engine import DefectError, advance, plan
from dockfix.facts import App, Tree
from dockfix.model import Model
from dockfix.options import Options
from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, Result, Safety, Transform

TEXT = """FROM node:20 AS builder
WORKDIR /app
# the lock file too
COPY package.json ./
RUN npm install

FROM node:20
WORKDIR /app
COPY --from=builder /app ./
CMD ["node", "server.js"]
"""


def model(text: str = TEXT) -> Model:
    files = Tree({"Dockerfile": text, "package.json": "{}", ".dockerignore": "dist\n", "dist/app.js": ""})
    return Model(Document.parse(text), App(files), Options())


def replacing(old: str, new: str, **rest: object) -> Change:
    start = TEXT.index(old)
    return Change(None, (Edit(Span(start, start + len(old)), new),), "a test", **rest)  # type: ignore[arg-type]


def claimed(*changes: Change) -> None:
    transform = Transform("claim", Phase.RUNTIME, lambda _: iter(changes), Safety.SAFE)
    advance(model(), transform, changes)


def kept(**other: LedgerEntry) -> tuple[LedgerEntry, ...]:
    entries = [LedgerEntry(index, "kept", plain=1) for index in range(8)]
    for entry in other.values():
        entries[entry.index] = entry
    return tuple(entries)


def test_an_honest_change_passes() -> None:
    claimed(replacing('CMD ["node", "server.js"]', "CMD []", config={"CMD": (("node", "server.js"), ())}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(replacing("RUN npm install\n", ""), "no account", id="an instruction is gone"),
        pytest.param(
            replacing("COPY package.json ./\nRUN npm install", "RUN npm ci"),
            "no account of them",
            id="one edit over two",
        ),
        pytest.param(replacing("# the lock file too\n", ""), "comment was lost", id="a comment is gone"),
        pytest.param(replacing('["node", "server.js"]', '["node", "x.js"]'), "CMD changes", id="an unstated value"),
        pytest.param(
            replacing("npm install", "npm ci", config={"USER": ("root", "node")}),
            "USER changes",
            id="a value that stays",
        ),
        pytest.param(replacing("--from=builder", "--from=bulider"), "names no earlier stage", id="no such stage"),
        pytest.param(replacing("COPY package.json", "COPY absent.json"), "not in the build context", id="no such file"),
        pytest.param(replacing("COPY package.json", "COPY dist"), "is ignored by", id="an ignored folder"),
        pytest.param(
            replacing("COPY --from", "COPY --chown=app --from"), "nobody creates the user app", id="no such user"
        ),
        pytest.param(
            replacing("COPY --from", "COPY --chown=node:app --from"), "nobody creates the group app", id="no such group"
        ),
        pytest.param(replacing("FROM node:20\n", "FORM node:20\n"), "FORM", id="no Dockerfile"),
        pytest.param(
            replacing("RUN npm install", "RUN echo done", ledger=kept()),
            "not in the result",
            id="kept, says the ledger",
        ),
        pytest.param(
            replacing("RUN npm install\n", "", ledger=kept(run=LedgerEntry(4, "dropped"))),
            "without a reason",
            id="dropped for no reason",
        ),
        pytest.param(
            replacing("npm install", "npm ci", ledger=kept()[:5]), "does not tell", id="a ledger that is not whole"
        ),
    ],
)
def test_a_false_claim_is_a_defect(change: Change, message: str) -> None:
    with pytest.raises(DefectError, match=message):
        claimed(change)


def test_two_statements_of_one_value_are_a_defect() -> None:
    first = replacing("npm install", "npm ci", config={"CMD": (("node",), ("sh",))})
    second = replacing("package.json ./", "package.json .", config={"CMD": (("node",), ("bash",))})
    with pytest.raises(DefectError, match="two ways"):
        claimed(first, second)


def test_a_defect_leaves_the_file_as_it_is() -> None:
    def restless(model: Model) -> Iterator[Result]:
        end = len(model.document.text)
        config = {"ENV N": (None, "1")} if "ENV N=1" not in model.document.text else {}
        yield Change(None, (Edit(Span(end, end), "ENV N=1\n"),), "a test", config=config)

    transform = Transform("restless", Phase.RUNTIME, restless, Safety.SAFE)
    before = model()
    made = plan(before.document, before.app, Options(), [transform])
    assert made.after == TEXT
    assert not made.changed
    assert [defect.transform for defect in made.defects] == ["restless"]
    assert "second run" in made.defects[0].message
