"""Writing: all or nothing, the rest of a file's nature stays."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dockfix.write import Replacement, WriteError, write


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_content_is_replaced_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old\r\n")
    write([Replacement(tmp_path / "a", b"old\r\n", b"new\r\n"), Replacement(tmp_path / "b", None, b"b")], tmp_path)
    assert files(tmp_path) == {"a": b"new\r\n", "b": b"b"}


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_mode_stays(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(mode)
    write([Replacement(path, b"old", b"new")], tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_new_file_obeys_the_umask(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        write([Replacement(tmp_path / "a", None, b"new")], tmp_path)
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_owner_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    os.chown(path, 1234, 5678)
    write([Replacement(path, b"old", b"new")], tmp_path)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 5678)


def test_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    write([Replacement(tmp_path / "link", b"old", b"new")], tmp_path)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_link_out_of_the_tree_is_refused(tmp_path: Path, linked: str) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "a").write_bytes(b"old")
    if linked == "file":
        (root / "a").symlink_to(outside / "a")
        path = root / "a"
    else:
        (root / "folder").symlink_to(outside)
        path = root / "folder" / "a"
    with pytest.raises(WriteError, match="leads out of the tree"):
        write([Replacement(path, b"old", b"new")], root)
    assert (outside / "a").read_bytes() == b"old"


@pytest.mark.parametrize(("before", "present"), [(b"old", b"changed"), (None, b"there"), (b"old", None)])
def test_file_that_changed_meanwhile_is_refused(tmp_path: Path, before: bytes | None, present: bytes | None) -> None:
    if present is not None:
        (tmp_path / "b").write_bytes(present)
    with pytest.raises(WriteError, match="has changed since it was read"):
        write([Replacement(tmp_path / "a", None, b"new"), Replacement(tmp_path / "b", before, b"new")], tmp_path)
    assert files(tmp_path) == ({} if present is None else {"b": present})


def test_failure_halfway_puts_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "c").write_bytes(b"c")
    replace = Path.replace

    def fail_at_the_last(source: Path, target: Path) -> Path:
        if target.name == "c":
            raise OSError(28, "No space left on device")
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", fail_at_the_last)
    with pytest.raises(WriteError, match="cannot be written: No space left on device") as caught:
        write(
            [
                Replacement(tmp_path / "a", b"a", b"new"),
                Replacement(tmp_path / "b", None, b"new"),
                Replacement(tmp_path / "c", b"c", b"new"),
            ],
            tmp_path,
        )
    assert caught.value.path == tmp_path / "c"
    assert files(tmp_path) == {"a": b"a", "c": b"c"}


def test_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="No such file or directory"):
        write([Replacement(tmp_path / "missing" / "a", None, b"new")], tmp_path)
    assert files(tmp_path) == {}
