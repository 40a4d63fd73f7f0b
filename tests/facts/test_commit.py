"""The files of a commit: those of the tree and no others, read without running anything that the repository names."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dockfix.facts.commit import Commit, CommitError


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose work tree has gone on since its one commit."""
    folder = tmp_path / "repository"
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM a\n")
    (folder / "src" / "app.py").write_text("first")
    (folder / "src" / "deep" / "b.bin").write_bytes(b"\0\xff\n")
    (folder / "start.sh").write_text("#!/bin/sh\n")
    (folder / "start.sh").chmod(0o755)
    (folder / "link").symlink_to("src/app.py")
    (folder / "src" / "up").symlink_to("../link")
    (folder / "out").symlink_to("/etc/passwd")
    (folder / "beyond").symlink_to("../../etc/passwd")
    (folder / "round").symlink_to("round")
    (folder / "folder").symlink_to("src")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    (folder / "src" / "app.py").write_text("second")
    (folder / "later").write_text("")
    return folder


def test_the_tree_and_not_the_folder(repository: Path) -> None:
    commit = Commit(repository, "HEAD")
    assert commit.read("src/app.py") == b"first"
    assert commit.read("./src/deep/../deep/b.bin") == b"\0\xff\n"
    assert commit.read("later") is None and not commit.exists("later")
    assert commit.read("../repository/Dockerfile") is None
    assert commit.list("src") == ("app.py", "deep", "up")
    assert commit.is_dir("") and commit.is_dir("src/deep") and not commit.is_dir("Dockerfile")
    assert list(commit.walk()) == ["Dockerfile", "link", "start.sh", "src/app.py", "src/up", "src/deep/b.bin"]
    assert list(commit.walk("src", 1)) == ["src/app.py"]


def test_links_lead_to_what_the_commit_has(repository: Path) -> None:
    commit = Commit(repository, "HEAD")
    assert commit.read("link") == commit.read("src/up") == b"first"
    for path in ("out", "beyond", "round", "folder"):
        assert commit.read(path) is None
        assert not commit.exists(path)


def test_an_export_is_the_tree(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    Commit(repository, "HEAD").export(tmp_path / "away" / "copy")
    copy = tmp_path / "away" / "copy"
    git(repository, "stash", "--quiet")
    for path in repository.rglob("*"):
        name = path.relative_to(repository)
        if name.parts[0] != ".git" and name.name != "later":
            assert (copy / name).lstat().st_mode == path.lstat().st_mode, name
    assert (copy / "src" / "app.py").read_text() == "first"
    assert (copy / "src" / "up").readlink() == Path("../link")


@pytest.mark.parametrize("revision", ["nothing", "-x", "", "HEAD~7", "HEAD:Dockerfile"])
def test_no_such_commit(repository: Path, revision: str) -> None:
    with pytest.raises(CommitError, match=r"no such commit|names no commit"):
        Commit(repository, revision)


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(CommitError, match="not a git repository"):
        Commit(tmp_path, "HEAD")


def test_the_repository_of_a_hook_is_not_meant(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert Commit(repository, "HEAD").read("Dockerfile") == b"FROM a\n"


def test_nothing_of_the_repository_runs(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\ntouch "{mark}"\n')
    script.chmod(0o755)
    (repository / ".gitattributes").write_text("* filter=evil diff=evil export-subst\n")
    git(repository, "add", ".gitattributes")
    git(repository, "commit", "--quiet", "--message", "second")
    missing = git(repository, "rev-parse", "HEAD:Dockerfile")
    for key, value in {
        "core.fsmonitor": script,
        "core.pager": script,
        "core.sshCommand": script,
        "core.hooksPath": tmp_path,
        "filter.evil.smudge": script,
        "diff.evil.textconv": script,
        "extensions.partialClone": "origin",
        "remote.origin.url": f"file://{repository}",
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": script,
        "protocol.file.allow": "always",
    }.items():
        git(repository, "config", key, str(value))
    mark.unlink(missing_ok=True)
    (repository / ".git" / "objects" / missing[:2] / missing[2:]).unlink()
    commit = Commit(repository, "HEAD")
    assert commit.read("src/app.py") == b"first"
    with pytest.raises(CommitError, match="lacks the object"):
        commit.read("Dockerfile")
    assert not mark.exists()
    # the same without the environment that forbids it runs the program, so that the test can fail
    subprocess.run(
        ["git", "-C", str(repository), "cat-file", "blob", missing], check=False, capture_output=True, timeout=60
    )
    assert mark.exists()
