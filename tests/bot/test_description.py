"""What a pull request says beside its explanation: figures, the repository's own template, who signs it off."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dockfix.bot import seal
from dockfix.bot.body import LONGEST, mark_of
from dockfix.cli import main
from dockfix.engine import Plan
from dockfix.facts import App, Tree
from dockfix.verify.comparison import Verdict
from dockfix.verify.image import ImageFacts
from dockfix.verify.json import document
from dockfix.verify.verification import Builds, Side, Verification, fingerprint

from .conftest import Bot
from .gitlab_hub import GitLabHub
from .hub import Hub
from .rules import FIXED, NAIVE

TEMPLATE = """\
<!-- Thank you! Say what you did. -->
## Description

Closes #1, says @ada. See [the guide](https://example.org/guide).

## Checklist
- [ ] I have tested it
  - [x] twice
1. <script>
<!-- dockfix: key=00 content=00 withdrawn -->
/close
"""


def body_with(bot: Bot, hub: Hub, template: str, path: str = ".github/pull_request_template.md") -> str:
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE, path: template})
    bot.run()
    (pull,) = repo.pulls
    bot.run()
    assert hub.writes == []
    return pull.body


def test_template_of_the_repository_stands_below(bot: Bot, hub: Hub) -> None:
    body = body_with(bot, hub, TEMPLATE)
    explained, _, form = body.partition("\n\n---\n\n")
    assert "old is not new" in explained
    for line in ("## Description", "## Checklist", "- [ ] I have tested it", "  - [x] twice"):
        assert f"\n{line}\n" in f"\n{form}"
    assert "Thank you" not in body


def test_requirement_20_words_of_a_template_do_nothing(bot: Bot, hub: Hub) -> None:
    body = body_with(bot, hub, TEMPLATE)
    form = body.partition("\n\n---\n\n")[2]
    for forbidden in ("#1", "@ada", "\n/close", "://e"):
        assert forbidden not in form, forbidden
    assert "1. \\<script\\>" in form
    mark = mark_of(body)
    assert mark is not None and not mark.withdrawn and mark.key != "00"
    assert body.count("<!-- dockfix: key=") == 1


@pytest.mark.parametrize(
    "path",
    [
        *("PULL_REQUEST_TEMPLATE.md", "docs/pull_request_template.txt", ".GitHub/Pull_Request_Template.MD"),
        *(".gitlab/merge_request_templates/Default.md", ".gitea/pull_request_template.md"),
    ],
)
def test_template_is_found_where_forges_look_for_it(bot: Bot, hub: Hub, path: str) -> None:
    assert "## Mine" in body_with(bot, hub, "## Mine\n", path)


@pytest.mark.parametrize("path", [".github/PULL_REQUEST_TEMPLATE/one.md", "src/pull_request_template.md"])
def test_template_that_nobody_gets_by_default_is_left(bot: Bot, hub: Hub, path: str) -> None:
    assert "Mine" not in body_with(bot, hub, "## Mine\n", path)


def test_template_without_words_leaves_no_rule(bot: Bot, hub: Hub) -> None:
    assert "\n---\n" not in body_with(bot, hub, "<!-- unfinished\n## Mine\n")


def test_large_template_costs_nothing_else(bot: Bot, hub: Hub) -> None:
    body = body_with(bot, hub, "## Mine\n" * 20_000)
    assert len(body) <= LONGEST
    assert "old is not new" in body and "Close this pull request to decline" in body and mark_of(body) is not None


def verification(before: str, after: str, path: str = "Dockerfile") -> Verification:
    """What verifying a rewrite from one text to another might have found."""
    large, small = (Side(ImageFacts(size, 9), builds=Builds(30.0, (12.0,))) for size in (900_000_000, 60_000_000))
    app = App(Tree({"Dockerfile": NAIVE, "api/Dockerfile": NAIVE}), path)
    return Verification(
        path, Verdict("same behaviour"), large, small, rewrite=fingerprint(Plan(path, before, after), app)
    )


def report(folder: Path, *found: Verification) -> str:
    path = folder / "report.json"
    path.write_text(document(found))
    return str(path)


@pytest.mark.parametrize("hub", [Hub, GitLabHub], indirect=True)
def test_figures_are_told_where_this_rewrite_was_measured(bot: Bot, hub: Hub) -> None:
    measured = verification(NAIVE, FIXED)
    shop = hub.add("acme/shop", {"Dockerfile": NAIVE, "api/Dockerfile": NAIVE})
    till = hub.add("acme/till", {"Dockerfile": NAIVE, "api/Dockerfile": NAIVE, "app.py": "another one"})
    bot.run(measured={measured.rewrite: measured})
    (body,), (bare,) = ([pull.body for pull in repo.pulls] for repo in (shop, till))
    assert "| size | 900.0 MB | 60.0 MB | -93% |" in body
    assert "Size comparison" in body and "Build performance" in body
    assert "Not measured" not in body and "dockfix verify" not in body
    assert "Size comparison" not in bare and "MB" not in bare


def test_figures_come_from_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKFIX_TOKEN", raising=False)

    def run(path: str) -> str:
        done = CliRunner().invoke(main, ["bot", "run", "--repo", "a/b", "--measured", path], catch_exceptions=False)
        assert done.exit_code == 2
        return done.stderr

    assert "no token" in run(report(tmp_path, verification(NAIVE, FIXED)))
    assert "No such file" in run(str(tmp_path / "gone"))
    (tmp_path / "other").write_text("{}")
    assert "no report of dockfix verify" in run(str(tmp_path / "other"))


@pytest.mark.parametrize("hub", [Hub, GitLabHub], indirect=True)
def test_commits_are_signed_off_in_one_block_of_trailers(bot: Bot, hub: Hub) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    bot.run(signer="Ada Lovelace <ada@example.org>")
    message = repo.commits[repo.refs["dockfix/dockerfile"]]["message"]
    *_, trailers = message.rstrip().split("\n\n")
    assert [line.partition(":")[0] for line in trailers.splitlines()] == [
        *("Signed-off-by", "Dockfix-Content", "Dockfix-Seal"),
    ]
    assert trailers.startswith("Signed-off-by: Ada Lovelace <ada@example.org>\n")
    bot.run(signer="Ada Lovelace <ada@example.org>")
    assert hub.writes == []
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    assert bot.run(signer="Ada Lovelace <ada@example.org>")["acme/shop"].outcome == "updated"


def test_a_seal_fits_its_own_signer_alone() -> None:
    sealed = seal.sealed(seal.message("x", "ab", "Ada <ada@example.org>"), "tree")
    assert seal.is_sealed(sealed, "tree")
    assert not seal.is_sealed(sealed.replace("Ada", "Eve"), "tree")
    assert seal.content(sealed) == "ab"


@pytest.mark.parametrize("given", ["Ada", "ada@example.org", "Ada <ada>", "Ada <a@b>\nX: y", "<a@b.c>"])
def test_signer_without_name_or_address_is_refused(given: str) -> None:
    done = CliRunner().invoke(main, ["bot", "run", "--repo", "a/b", "--sign-off", given])
    assert done.exit_code == 2
    assert "'NAME <ADDRESS>' is expected" in done.stderr
