"""Folders of the final image: mount points, what RUNs make, the caches of Next.js, and the system's."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.facts import Fact
from dockfix.model import Purpose
from dockfix.model.config import join
from dockfix.recipes.programs import final_services

if TYPE_CHECKING:
    from dockfix.model import Model, Step

TOP = frozenset(
    {"bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "lost+found", "media", "mnt", "opt"}
    | {"proc", "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var"}
)
"""Folders that every image has in its root: https://refspecs.linuxfoundation.org/FHS_3.0/fhs-3.0.html#theRootFilesystem
and the two file systems of the kernel (https://man7.org/linux/man-pages/man7/file-hierarchy.7.html)."""


def mounts(model: Model) -> Iterator[Fact[str]]:
    """Mount points of volumes that Docker makes from what the image has there: VOLUME, named and anonymous ones."""
    for path in model.final.config.volumes:
        yield Fact(join("/", path), "VOLUME")
    for service in final_services(model):
        for volume in service.volumes:
            inside = volume.target.rstrip("/")
            if volume.kind in {"named", "anonymous"} and not volume.read_only and basename(inside) != "node_modules":
                yield Fact(join("/", inside), volume.origin)


def next_output(model: Model) -> str:
    """The folder that Next.js builds into, from the app's: ``.next`` where its settings name no other."""
    found = model.node.frontend.next_output if model.node is not None else None
    return found.value if found is not None else ".next"


def next_caches(model: Model) -> tuple[str, ...]:
    """Where the server of Next.js keeps what it renews: below the folder that its settings name, and the usual one."""
    return tuple(join(model.folder, f"{folder}/cache") for folder in (next_output(model), ".next"))


def made_by(model: Model, step: Step) -> Iterator[str]:
    """Folders that a RUN makes for the app: not the app's own folder, not the system's, and nothing copied there."""
    if Purpose.FOLDERS not in step.purposes or step.script is None:
        return
    commands = step.script.commands
    if any(command.name == "cd" for command in commands):
        return
    copied = {placement.target for placement in model.final.placements}
    for command in commands:
        if command.name != "mkdir" or command.depth:
            continue
        for word in command.words[1:]:
            if word.text.startswith("-") or not word.static:
                continue
            path = join(step.before.workdir, word.text)
            around = f"{model.folder.rstrip('/')}/".startswith(f"{path.rstrip('/')}/")
            if not around and path not in copied and not system(path) and basename(path) not in {"src", "bin", "lib"}:
                yield path


def system(path: str) -> bool:
    """Whether a folder is the system's, so that giving it away, or making files right in it, would be wrong."""
    if path.startswith(("/etc/", "/bin/", "/sbin/", "/lib/", "/boot/", "/proc/", "/sys/", "/dev/", "/root/")):
        return True
    if path.startswith("/usr/"):
        return not path.startswith(("/usr/src/", "/usr/app", "/usr/local/app", "/usr/share/app"))
    return (path.count("/") == 1 and path[1:] in TOP) or path in {"/", "/var/log", "/var/lib", "/var/run", "/var/cache"}
