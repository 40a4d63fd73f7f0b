"""Control groups by their files, in both versions."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from dockfix.verify import cgroup
from dockfix.verify.cgroup import CgroupError, hierarchy
from dockfix.verify.limits import Limits
from tests.verify.kernel import Kernel

LIMITS = Limits("64m", 50)
SIZE = 64 * 2**20


def text(path: Path) -> str:
    return path.read_text().strip()


def test_a_group_has_its_limits_and_is_removed(kernel: Kernel) -> None:
    with hierarchy().group("a/b", LIMITS) as shortage:
        memory, pids = kernel.memory / "a/b", kernel.pids / "a/b"
        if kernel.version == 2:
            assert (text(memory / "memory.max"), text(memory / "memory.swap.max")) == (str(SIZE), "0")
        else:
            sizes = [text(memory / f"memory.{name}limit_in_bytes") for name in ("", "memsw.")]
            assert (sizes, text(memory / "memory.use_hierarchy")) == ([str(SIZE)] * 2, "1")
        assert text(pids / "pids.max") == "50"
        assert shortage() is None
    assert set(kernel.groups()) <= {"a", "memory/a", "pids/a"}


def test_what_is_zero_is_not_limited(kernel: Kernel) -> None:
    with hierarchy().group("a", Limits("0", 50)):
        name = "memory.max" if kernel.version == 2 else "memory.limit_in_bytes"
        assert text(kernel.memory / "a" / name) in {"max", "9223372036854771712"}
    with hierarchy().group("a", Limits("1g", 0)):
        assert text(kernel.pids / "a/pids.max") == "max"


def starve(kernel: Kernel, group: str) -> None:
    """What the kernel does where a group's memory does not suffice."""
    if kernel.version == 2:
        (kernel.memory / group / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n")
    else:
        event, control = map(int, text(kernel.memory / group / "cgroup.event_control").split())
        assert os.path.samestat(os.fstat(control), (kernel.memory / group / "memory.oom_control").stat())
        os.eventfd_write(event, 1)


def test_memory_that_does_not_suffice_is_told(kernel: Kernel) -> None:
    with hierarchy().group("a", LIMITS) as shortage:
        starve(kernel, "a")
        assert shortage() == "memory"


def test_a_machine_without_memory_is_no_shortage_of_the_group(kernel: Kernel) -> None:
    if kernel.version == 1:
        pytest.skip("the event of version 1 is of the group alone")
    with hierarchy().group("a", LIMITS) as shortage:
        (kernel.memory / "a/memory.events").write_text("max 0\noom 0\noom_kill 1\n")
        assert shortage() is None


@pytest.mark.parametrize(
    ("file", "said"), [("pids.events", "max 2\n"), ("pids.peak", "50\n")], ids=["counted", "by-peak"]
)
def test_processes_that_do_not_suffice_are_told(kernel: Kernel, file: str, said: str) -> None:
    with hierarchy().group("a", LIMITS) as shortage:
        (kernel.pids / "a/pids.peak").write_text("49\n")
        assert shortage() is None
        (kernel.pids / "a" / file).write_text(said)
        assert shortage() == "pids"


def test_a_kernel_that_counts_neither_tells_nothing(kernel: Kernel) -> None:
    with hierarchy().group("a", LIMITS) as shortage:
        (kernel.pids / "a/pids.peak").unlink()
        assert shortage() is None
        (kernel.pids / "a/pids.max").unlink()
        assert shortage() is None


def test_what_an_earlier_build_was_short_of_is_forgotten(kernel: Kernel) -> None:
    groups = hierarchy()
    groups.limit("a", LIMITS)
    (kernel.pids / "a/pids.events").write_text("max 2\n")
    with groups.group("a", LIMITS) as shortage:
        assert shortage() is None


def test_processes_that_are_left_are_ended(kernel: Kernel) -> None:
    with subprocess.Popen(["sleep", "60"]) as left:
        groups = hierarchy()
        groups.limit("a", LIMITS)
        for place in kernel.hierarchies:
            (place / "a/deep").mkdir(parents=True, exist_ok=True)
            (place / "a/deep/cgroup.procs").write_text(f"0\n{left.pid}\n")
        assert groups.remove("a") == 2 * len(kernel.hierarchies)
        assert kernel.groups() == []
        assert (left.poll() is not None) is (kernel.version == 1)  # in version 2 the kernel ends it
        left.kill()


def test_a_group_that_cannot_be_emptied_stays(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(cgroup.Hierarchy, "_end", lambda self, name: None)
    groups = hierarchy()
    groups.limit("a", LIMITS)
    (kernel.pids / "a/cgroup.procs").write_text(f"{os.getpid()}\n")
    assert groups.remove("a") > 0
    assert kernel.groups() != []


def test_controllers_are_turned_on_from_the_top_down_and_once(kernel: Kernel) -> None:
    if kernel.version == 1:
        pytest.skip("each has a hierarchy of its own")
    kernel.root.joinpath("cgroup.subtree_control").write_text("cpu memory pids\n")
    with hierarchy().group("a/b", LIMITS):
        assert text(kernel.root / "cgroup.subtree_control") == "cpu memory pids"
        assert text(kernel.root / "a/cgroup.subtree_control") == "+memory +pids"
        assert text(kernel.root / "a/b/cgroup.subtree_control") == ""


def test_whoever_may_not_write_is_told(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(CgroupError, match="only root may make control groups here"):
        hierarchy()


def test_groups_that_were_delegated_are_used(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    if kernel.version == 1:
        pytest.skip("of version 1 nothing is delegated")
    mine = kernel.root / "user.slice/user@1000.service"
    (mine / "app.slice/term.scope").mkdir(parents=True)
    cgroup.OWN.write_text("0::/user.slice/user@1000.service/app.slice/term.scope\n")
    monkeypatch.setattr(os, "access", lambda path, mode: mine in (path, *Path(path).parents))
    groups = hierarchy()
    assert groups.path("a") == "/user.slice/user@1000.service/a"
    with groups.group("a", LIMITS):
        assert text(mine / "a/pids.max") == "50"


def test_a_machine_without_control_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    monkeypatch.setattr(cgroup, "MOUNTS", mounts)
    for lines in (None, "proc /proc proc rw 0 0\n", f"cgroup2 {tmp_path} cgroup2 rw 0 0\n"):
        if lines is not None:
            mounts.write_text(lines)
        with pytest.raises(CgroupError, match="no control groups for memory and processes"):
            hierarchy()
