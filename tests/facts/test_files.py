from __future__ import annotations

from pathlib import Path

import pytest

from dockfix.facts import Files, Folder, Overlay, Tree
from dockfix.facts.files import Below, join, normal

CONTENTS = {
    "a/b/c.txt": "c",
    "a/d.txt": "d",
    "e.txt": "e",
    "node_modules/x/y.js": "y",
    "env/pyvenv.cfg": "",
    "env/z.py": "",
}


def on_disk(root: Path) -> Folder:
    for path, content in CONTENTS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return Folder(root)


@pytest.fixture(params=["folder", "tree", "overlay", "below"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    kinds: dict[str, Files] = {
        "folder": on_disk(tmp_path),
        "tree": Tree(CONTENTS),
        "overlay": Overlay(Tree({**CONTENTS, "e.txt": "old"}), {"e.txt": "e"}),
        "below": Below(Tree({f"up/{path}": content for path, content in CONTENTS.items()} | {"secret": "s"}), "up"),
    }
    return kinds[request.param]


def test_files_are_read_and_listed(files: Files) -> None:
    assert files.read("e.txt") == b"e"
    assert files.read("./a/../a/d.txt") == b"d"
    assert files.read("a") is None
    assert files.read("missing") is None
    assert files.list("a") == ("b", "d.txt")
    assert files.is_dir("a")
    assert files.is_dir("")
    assert not files.is_dir("e.txt")
    assert files.exists("a/b")
    assert not files.exists("a/x")


def test_walk_leaves_out_installed_packages(files: Files) -> None:
    assert set(files.walk()) == {"e.txt", "a/d.txt", "a/b/c.txt"}
    assert list(files.walk("a")) == ["a/d.txt", "a/b/c.txt"]
    assert len(list(files.walk(limit=2))) == 2


@pytest.mark.parametrize("path", ["../secret", "/../secret", "a/../../secret"])
def test_nothing_outside_the_root_exists(files: Files, path: str) -> None:
    assert files.read(path) is None
    assert not files.exists(path)


def test_links_out_of_the_root_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    root = tmp_path / "root"
    root.mkdir()
    (root / "inside").write_text("i")
    (root / "good").symlink_to("inside")
    (root / "bad").symlink_to("../secret")
    (root / "loop").symlink_to("loop")
    files = Folder(root)
    assert (files.read("good"), files.read("bad"), files.read("loop")) == (b"i", None, None)
    assert list(files.walk()) == ["good", "inside"]


@pytest.mark.parametrize(("path", "clean"), [("./a//b/", "a/b"), ("", ""), (".", ""), ("..", None), ("a\\b", "a/b")])
def test_normal(path: str, clean: str | None) -> None:
    assert normal(path) == clean


@pytest.mark.parametrize(
    ("folder", "path", "joined"), [("", ".", ""), ("a", "../b", "b"), ("a", "../../b", "../b"), ("a", "", "a")]
)
def test_join(folder: str, path: str, joined: str) -> None:
    assert join(folder, path) == joined


def test_an_overlay_walks_what_is_added_after_the_rest_and_within_the_limit() -> None:
    files = Overlay(Tree({"b.txt": "", "c.txt": ""}), {"a.txt": "", "b.txt": "new"})
    assert list(files.walk()) == ["b.txt", "c.txt", "a.txt"]
    assert list(files.walk(limit=2)) == ["b.txt", "c.txt"]


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("a/b.c", "a/b.c"), (".github/x", ".github/x"), ("a//b", "a/b"), ("./a", "a"), ("a/../b", "b"), ("../a", None),
        ("a/..", ""), ("/a/", "a"), ("a\\b", "a/b"), ("", ""), ("a/.b", "a/.b"), ("..a", "..a"),
    ],
)  # fmt: skip
def test_paths_are_cleaned(path: str, clean: str | None) -> None:
    assert normal(path) == clean
