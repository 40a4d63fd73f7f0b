"""The two contexts are copies, and the checkout stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockfix.facts import App, Folder
from dockfix.verify import contexts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for path, text in {
        "web/Dockerfile": "FROM a\n",
        "web/app.js": "1\n",
        "web/src/long.js": "1\n" * 50,
        "web/test/longer.js": "1\n" * 500,
        "web/package.json": "{}\n",
        "web/.dockerignore": "node_modules\n*.md\n",
        "web/README.md": "x\n",
        "web/node_modules/a/index.js": "x" * 9000,
        "ops/web.Dockerfile": "FROM b\n",
        "ops/web.Dockerfile.dockerignore": "app.js\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def lay(root: Path, place: Path, dockerfile: str = "web/Dockerfile", **files: str) -> contexts.Copy:
    return contexts.lay(App(Folder(root), dockerfile, "web"), root, place, "FROM c\n", files)


def test_copies_what_the_builder_gets(root: Path, tmp_path: Path) -> None:
    (root / "web/app.js").chmod(0o755)
    (root / "web/link").symlink_to("app.js")
    copy = lay(root, tmp_path / "copy")
    assert copy.dockerfile == copy.context / "Dockerfile"
    assert copy.dockerfile.read_text() == "FROM c\n"
    assert (copy.context / "app.js").stat().st_mode & 0o777 == 0o755
    assert (copy.context / "link").readlink() == Path("app.js")
    assert not (copy.context / "node_modules").exists()
    assert (root / "web/Dockerfile").read_text() == "FROM a\n"


def test_dockerfile_outside_of_the_context_keeps_its_ignore_file(root: Path, tmp_path: Path) -> None:
    copy = lay(root, tmp_path / "copy", "ops/web.Dockerfile")
    assert copy.dockerfile.read_text() == "FROM c\n"
    assert copy.dockerfile.with_name("web.Dockerfile.dockerignore").read_text() == "app.js\n"
    assert not copy.dockerfile.is_relative_to(copy.context)


def test_companions_are_written_to_the_copy(root: Path, tmp_path: Path) -> None:
    files = {"web/.dockerignore": "*.js\n", "web/nginx/default.conf": "server {}\n"}
    copy = lay(root, tmp_path / "copy", **files)
    assert (copy.context / ".dockerignore").read_text() == "*.js\n"
    assert (copy.context / "nginx/default.conf").read_text() == "server {}\n"
    assert (root / "web/.dockerignore").read_text() == "node_modules\n*.md\n"
    assert copy.ignore.ignores("app.js")


def test_links_out_of_the_context_are_not_written_through(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("theirs")
    (root / "web/folder").symlink_to(outside)
    (root / "web/linked").symlink_to(outside / "file")
    lay(root, tmp_path / "one", **{"web/linked": "ours"})
    with pytest.raises(OSError, match="leads out"):
        lay(root, tmp_path / "two", **{"web/folder/file": "ours"})
    assert (outside / "file").read_text() == "theirs"


def test_the_source_to_change_is_one_that_both_builders_get(root: Path, tmp_path: Path) -> None:
    copies = [lay(root, tmp_path / "one"), lay(root, tmp_path / "two", **{"web/.dockerignore": "src\n"})]
    assert contexts.source_file(copies[:1]) == "src/long.js"
    assert contexts.source_file(copies) == "app.js"
    assert contexts.source_file(copies[:1], "app.js") == "app.js"
    assert contexts.manifests(copies) == ("package.json",)


def test_changes_leave_sources_valid(root: Path, tmp_path: Path) -> None:
    copy = lay(root, tmp_path / "one")
    (copy.context / "app.js").chmod(0o444)
    contexts.touch_source(copy, "app.js", b"\x03")
    assert (copy.context / "app.js").read_text() == "1\n\n// change 03\n"
    assert (copy.context / "app.js").stat().st_mode & 0o777 == 0o444
    contexts.touch_manifest(copy, "package.json", b"\x05")
    assert (copy.context / "package.json").read_text() == "{}\n\n\n \n\n"
