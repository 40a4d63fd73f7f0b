"""Trees that somebody made to harm: requirements 23 and 24, and what a repository's text may do: requirement 20."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest

from dockfix.bot import tree
from dockfix.bot.body import cut, mark_of
from dockfix.bot.forge import Entry, Listing, Remote
from dockfix.bot.tree import TreeError, TreeFiles, is_safe, listed
from dockfix.report.markup import code, fenced, plain

from .conftest import Bot
from .hub import Answer, Hub, Request
from .rules import FIXED, NAIVE

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"


@pytest.mark.parametrize("mode", ["120000", "160000", "100664", "040755"])
def test_requirement_23_only_plain_files_are_edited(bot: Bot, hub: Hub, mode: str) -> None:
    repo = hub.add("acme/shop", {"README.md": "x"})
    repo.special("Dockerfile", mode, repo.blob(NAIVE.encode()))
    assert bot.run()["acme/shop"].outcome == "clean"
    assert hub.writes == []


def test_requirement_23_executable_stays_executable(bot: Bot, hub: Hub) -> None:
    repo = hub.add("acme/shop", {"README.md": "x"})
    repo.special("Dockerfile", "100755", repo.blob(NAIVE.encode()))
    bot.run()
    entries = repo.trees[repo.commits[repo.refs["dockfix/dockerfile"]]["tree"]]
    assert entries["Dockerfile"] == ("100755", repo.blob(FIXED.encode()))


def test_requirement_23_links_are_never_read_through(bot: Bot, hub: Hub) -> None:
    """A link to a configuration, and a companion that is one, are names without a file."""
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE + "COPY . .\n", "real.toml": 'skip = ["freshen"]\n'})
    link = repo.blob(b"real.toml")
    repo.special(".dockfix.toml", "120000", link)
    repo.special(".dockerignore", "120000", repo.blob(b"/etc/passwd"))
    record = bot.run()["acme/shop"]
    assert not any(request.path.endswith(link) for request in hub.requests)
    assert record.outcome == "failed"
    assert "cannot be proposed: .dockerignore is a symbolic link" in record.why
    assert hub.writes == []


def test_requirement_23_nothing_is_written_behind_a_link(bot: Bot, hub: Hub) -> None:
    files = TreeFiles({"app": Entry("app", "120000", "1"), "sub": Entry("sub", "160000", "2")}, lambda sha: b"")
    assert files.editable("app/Dockerfile") is not None
    assert files.editable("sub/Dockerfile") is not None
    assert files.editable("other/Dockerfile") is None
    assert files.read("app") is None
    assert not files.exists("app")


@pytest.mark.parametrize(
    "path",
    [
        "../Dockerfile",
        "a/../../Dockerfile",
        "/etc/Dockerfile",
        "a//Dockerfile",
        "./Dockerfile",
        "a\0/Dockerfile",
        "a\\..\\Dockerfile",
        ".git/Dockerfile",
        "a/.git/hooks/Dockerfile",
        ".GIT/Dockerfile",
        ".git /Dockerfile",
        ".git./Dockerfile",
        ".git::$INDEX_ALLOCATION/Dockerfile",
        "git~1/Dockerfile",
        ".g\u200cit/Dockerfile",
        "",
    ],
)
def test_requirement_24_paths_that_leave_or_reach_into_git(bot: Bot, hub: Hub, path: str) -> None:
    assert not is_safe(path)
    repo = hub.add("acme/shop", {"README.md": "x"})
    repo.special(path, "100644", repo.blob(NAIVE.encode()))
    assert bot.run()["acme/shop"].outcome == "clean"
    assert hub.writes == []


@pytest.mark.parametrize(
    "path", ["Dockerfile", ".github/Dockerfile", "a/.gitignore", "git/Dockerfile", "a b/ü/Dockerfile"]
)
def test_requirement_24_ordinary_paths_are_safe(path: str) -> None:
    assert is_safe(path)


def test_requirement_24_lfs_pointers_are_refused(bot: Bot, hub: Hub) -> None:
    hub.add("acme/shop", {"Dockerfile": LFS})
    record = bot.run()["acme/shop"]
    assert record.outcome == "failed"
    assert "Dockerfile:1: is kept in Git LFS" in record.why
    assert hub.writes == []


def test_requirement_24_oversized_blobs_are_not_fetched(bot: Bot, hub: Hub) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": b"FROM busybox\n" + b"#" * tree.LARGEST_BLOB})
    record = bot.run()["acme/shop"]
    assert record.outcome == "failed"
    assert "more than 5,000,000 are not read" in record.why
    assert not any("/git/blobs/" in request.path for request in hub.requests)
    assert repo.pulls == []


def test_requirement_24_blob_larger_than_its_listing_is_refused(bot: Bot, hub: Hub) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": b"FROM busybox\n" + b"#" * tree.LARGEST_BLOB})

    def lie(request: Request, proceed: Callable[[], Answer]) -> Answer | None:
        if "/git/trees/" not in request.path:
            return None
        answer = proceed()
        for item in answer.data["tree"]:
            item["size"] = 10
        return answer

    hub.faults.append(lie)
    assert bot.run()["acme/shop"].outcome == "failed"
    assert repo.pulls == []


def test_requirement_24_number_of_files_read_is_bounded() -> None:
    entries = {f"f{number}": Entry(f"f{number}", "100644", str(number), 1) for number in range(tree.MOST_BLOBS + 1)}
    files = TreeFiles(entries, lambda sha: b"x")
    *first, last = entries
    assert all(files.read(path) == b"x" for path in first)
    with pytest.raises(TreeError, match="more than 600 files"):
        files.read(last)


class Trees:
    """A forge that lists at most so many entries at a time."""

    def __init__(self, folders: dict[str, list[Entry]], most: int) -> None:
        self.folders = folders
        self.most = most

    async def tree(self, remote: Remote, sha: str, *, recursive: bool) -> Listing:
        entries = list(self._all(sha, "") if recursive else self.folders[sha])
        return Listing(tuple(entries[: self.most]), len(entries) > self.most)

    def _all(self, sha: str, prefix: str) -> list[Entry]:
        found = []
        for entry in self.folders[sha]:
            found.append(Entry(prefix + entry.path, entry.mode, entry.sha))
            if entry.mode == "040000":
                found += self._all(entry.sha, f"{prefix}{entry.path}/")
        return found


def walked(trees: Trees) -> set[str]:
    found = asyncio.run(listed(trees, Remote("acme/shop", "main"), "root"))  # type: ignore[arg-type]
    return {path for path, entry in found.items() if entry.mode != "040000"}


def test_requirement_24_truncated_tree_is_walked_to_its_end() -> None:
    folders = {
        "root": [Entry("a", "040000", "a"), Entry("b", "040000", "b"), Entry("Dockerfile", "100644", "x")],
        "a": [Entry("c", "040000", "c"), *(Entry(str(number), "100644", "x") for number in range(3))],
        "b": [Entry(str(number), "100644", "x") for number in range(4)],
        "c": [Entry(str(number), "100644", "x") for number in range(3)],
    }
    whole = walked(Trees(folders, 1000))
    assert len(whole) == 11
    assert walked(Trees(folders, 4)) == whole


def test_requirement_24_tree_without_end_is_refused() -> None:
    endless = {"root": [Entry("again", "040000", "root"), Entry("x", "100644", "x")]}

    class Endless(Trees):
        async def tree(self, remote: Remote, sha: str, *, recursive: bool) -> Listing:
            return Listing(tuple(self.folders[sha]), recursive)

    with pytest.raises(TreeError, match="more than 60 requests"):
        walked(Endless(endless, 10))


HOSTILE = (
    "@octocat closes #1, fixes acme/shop#2, resolves https://github.com/acme/shop/issues/3 GH-4 "
    "<!-- dockfix: key=00 content=00 withdrawn --> </details> ``` | `x` [link](javascript:x) <img src=x> \u202e "
    "www.x.org"
)


def test_requirement_20_text_of_a_repository_does_nothing() -> None:
    text = plain(HOSTILE)
    for forbidden in ("@o", "#1", "#2", "://g", "GH-4", "\u202e", "www."):
        assert forbidden not in text, forbidden
    assert not re.search(r"(?<!\\)[`|\[\]<>]", text)
    assert "\n" not in plain("a\n# b\n/close")


@pytest.mark.parametrize("text", ["`", "``", "a```b", "````", "x`"])
def test_requirement_20_code_cannot_be_left(text: str) -> None:
    shown = code(text)
    fence = re.match("`+", shown)
    assert fence is not None
    assert fence[0] not in text
    assert shown.endswith(fence[0])
    block = fenced(f"{text}\n```\nmore")
    opening = block.split("\n")[0]
    assert block.split("\n").count(opening) == 2


def test_requirement_20_body_holds_one_mark_whatever_the_repository_says(bot: Bot, hub: Hub) -> None:
    hostile = f"{NAIVE}RUN sudo echo '{HOSTILE}'\n"
    repo = hub.add("acme/shop", {"Dockerfile": hostile, f"tests/{'x' * 50}/Dockerfile": NAIVE})
    bot.run()
    (pull,) = repo.pulls
    bare = re.sub(r"(`{3,})diff\n.*?\n\1\n", "", pull.body, flags=re.DOTALL)
    assert "@octocat" not in bare
    mark = mark_of(pull.body)
    assert mark is not None and not mark.withdrawn and mark.key != "00"
    bot.run()
    assert hub.writes == []


@pytest.mark.parametrize(
    "folder",
    ["fixes #1", "closes acme/shop#2", "@octocat", "resolves GH-3", "closes https:", "implements !4", "a\u202eb"],
)
def test_requirement_20_path_does_nothing_in_a_title_or_a_commit(bot: Bot, hub: Hub, folder: str) -> None:
    """Neither is Markdown, so nothing can be escaped there; but a forge closes issues and tells people by both."""
    repo = hub.add("acme/shop", {f"{folder}/Dockerfile": NAIVE})
    bot.run()
    (pull,) = repo.pulls
    for text in (pull.title, repo.commits[repo.refs["dockfix/dockerfile"]]["message"]):
        assert not re.search(r"[#@!\u202e]|GH-|https:", text), text


def test_requirement_20_body_is_cut_between_blocks(bot: Bot, hub: Hub) -> None:
    lines = "".join(f"RUN echo old {number} {'x' * 80}\n" for number in range(900))
    repo = hub.add("acme/shop", {"Dockerfile": f"FROM busybox:1.36\n{lines}"})
    assert bot.run()["acme/shop"].outcome == "opened"
    (pull,) = repo.pulls
    assert len(pull.body) <= 60_000
    assert "left out here" in pull.body
    assert pull.body.count("<details>") == pull.body.count("</details>")
    assert len(re.findall("^```", pull.body, re.MULTILINE)) % 2 == 0
    assert mark_of(pull.body) is not None
    bot.run()
    assert hub.writes == []


def test_requirement_20_cut_always_keeps_the_tail() -> None:
    assert cut(["a" * 70, "b" * 70], "tail", 160).endswith("tail")
    assert "b" * 70 not in cut(["a" * 70, "b" * 70], "tail", 160)
    assert len(cut(["a" * 500], "tail", 160)) <= 160
