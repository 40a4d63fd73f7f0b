"""The kernel's control groups as plain files: a group has its files as soon as it is made, and goes with them."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from dockfix.verify import cgroup

LEGACY = {
    "memory": {
        "cgroup.procs": "",
        "cgroup.event_control": "",
        "memory.use_hierarchy": "0\n",
        "memory.limit_in_bytes": "9223372036854771712\n",
        "memory.memsw.limit_in_bytes": "9223372036854771712\n",
        "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
    },
    "pids": {"cgroup.procs": "", "pids.max": "max\n", "pids.events": "max 0\n", "pids.peak": "0\n"},
    "cpu": {"cgroup.procs": ""},
}
CORE = {"cgroup.procs": "", "cgroup.controllers": "cpu memory pids\n", "cgroup.subtree_control": "", "cgroup.kill": ""}
UNIFIED = {
    "memory": {"memory.max": "max\n", "memory.swap.max": "max\n", "memory.events": "oom 0\noom_kill 0\n"},
    "pids": {"pids.max": "max\n", "pids.events": "max 0\n", "pids.peak": "0\n"},
}


class Kernel:
    """Control groups of version 1 or 2 in a folder.

    Attributes:
        version: the version.
        root: the folder of all hierarchies.
        memory: that of groups that limit memory.
        pids: that of groups that limit processes.
    """

    def __init__(self, version: int, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.version = version
        self.root = root
        self.hierarchies = [root / name for name in LEGACY] if version == 1 else [root]
        self.memory, self.pids = self.hierarchies[0], self.hierarchies[1 if version == 1 else 0]
        for place in self.hierarchies:
            place.mkdir(parents=True)
            self._populate(place)
        lines = [f"cgroup {place} cgroup rw,relatime,{place.name} 0 0" for place in self.hierarchies]
        lines = lines if version == 1 else [f"cgroup2 {root} cgroup2 rw,nosuid 0 0"]
        mounts, own = root.with_name("mounts"), root.with_name("own")
        mounts.write_text("\n".join(["proc /proc proc rw 0 0", *lines]) + "\n")
        own.write_text("0::/\n")
        monkeypatch.setattr(cgroup, "MOUNTS", mounts)
        monkeypatch.setattr(cgroup, "OWN", own)
        monkeypatch.setenv("FAKE_CGROUPS", ":".join(map(str, self.hierarchies)))
        self._replace(monkeypatch)

    def groups(self) -> list[str]:
        """The groups that there are, in any hierarchy."""
        folders = (path for place in self.hierarchies for path in place.rglob("*") if path.is_dir())
        return sorted({str(path.relative_to(self.root)) for path in folders} - set(LEGACY))

    def _replace(self, monkeypatch: pytest.MonkeyPatch) -> None:
        mkdir, rmdir = Path.mkdir, Path.rmdir

        def make(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
            new = not path.exists()
            mkdir(path, mode, parents, exist_ok)
            if new and self.root in path.parents:
                self._populate(path)

        def remove(path: Path) -> None:
            if self.root not in path.parents:
                rmdir(path)
            elif any(each.is_dir() for each in path.iterdir()) or self._busy(path):
                raise OSError(errno.EBUSY, "Device or resource busy")
            else:
                shutil.rmtree(path)

        monkeypatch.setattr(Path, "mkdir", make)
        monkeypatch.setattr(Path, "rmdir", remove)

    def _populate(self, group: Path) -> None:
        if self.version == 1:
            files = LEGACY[group.relative_to(self.root).parts[0]]
        else:
            control = group.parent / "cgroup.subtree_control"
            on = control.read_text() if group != self.root and control.exists() else ""
            files = dict(CORE)
            for controller, more in UNIFIED.items():
                files.update(more if controller in on else {})
        for name, text in files.items():
            (group / name).write_text(text)

    def _busy(self, group: Path) -> bool:
        """Whether a process is in the group that has not been ended."""
        switches = [folder / "cgroup.kill" for folder in (group, *group.parents)]
        if any(switch.exists() and switch.read_text() == "1" for switch in switches):
            return False
        procs = group / "cgroup.procs"
        return any(_lives(int(process)) for process in (procs.read_text() if procs.exists() else "").split())


def _lives(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
