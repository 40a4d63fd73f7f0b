"""What compose and Kubernetes lay around a container that only root can use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.model.config import covers, join
from dockfix.recipes.grants import low_port
from dockfix.recipes.obstacle import Obstacle
from dockfix.recipes.programs import final_services

if TYPE_CHECKING:
    from dockfix.facts.compose import Service, Volume
    from dockfix.model import Model
    from dockfix.recipes.writable import Writable

SOURCES = (
    *(".py", ".js", ".ts", ".mjs", ".cjs", ".mts", ".jsx", ".tsx", ".json", ".toml", ".ini", ".cfg", ".yaml", ".yml"),
    *(".go", ".rs", ".rb", ".php", ".java", ".kt", ".cs", ".fs", ".sh", ".properties", ".conf"),
)


def of_compose(model: Model, found: Writable) -> Iterator[Obstacle]:
    for service in final_services(model):
        for volume in service.volumes:
            reason = _volume(model, service, volume, found)
            if reason is not None:
                yield Obstacle(None, f"{reason} ({volume.origin})")
    for call in model.app.calls:
        name = basename(call.words[0]) if call.words else ""
        installs = name in {"npm", "yarn", "pnpm", "pip", "pip3"} and {"install", "add", "ci", "i"} & set(
            call.words[1:2]
        )
        if catalog.needs_root(name, "program") or installs:
            yield Obstacle(
                None, f"{' '.join(call.words[:3])} is run in the container ({call.origin}), which needs root"
            )


def _volume(model: Model, service: Service, volume: Volume, found: Writable) -> str | None:
    """Why a mount keeps the service root's."""
    target = join("/", volume.target)
    if "docker.sock" in target or "docker.sock" in (volume.source or ""):
        return "Docker's socket is mounted, which belongs to root"
    if f"{target}/".startswith("/root/"):
        return f"compose mounts {target}, in root's home"
    if target.startswith("/dev/"):
        return f"compose mounts the device {target}"
    if volume.kind == "tmpfs" and not target.startswith(("/tmp", "/dev/shm")):
        for fact in found.folders:
            if covers(target, fact.value):
                return f"the app writes to {fact.value} ({fact.origin}), over which compose lays a tmpfs of root's"
    if volume.kind != "bind" or volume.read_only:
        return None
    for fact in found.folders:
        if covers(target, fact.value) and not _mounted_over(service, fact.value, target):
            return f"the app writes to {fact.value} ({fact.origin}), which the host's folder {volume.source} covers"
    doubt = found.unknown
    told = doubt is None or not (covers(target, model.folder) or model.app.files.is_dir(volume.path or ""))
    if doubt is not None and not told:
        return f"the host's folder {volume.source} is mounted at {target}, and {doubt.value} cannot be told"
    if covers(target, model.folder):
        return None
    if doubt is None and _unnamed(model, volume, target):
        place = f"the host's folder {volume.source} is mounted at {target}"
        return f"{place}, which no source names: a library may write there"
    if volume.path is not None and doubt is None:
        return None  # read only by the app, and what a developer or Docker makes there can be read by everybody
    if volume.path is None or not (model.app.files.exists(volume.path) or model.app.files.is_dir(volume.path)):
        return f"the host's {volume.source} is mounted at {target}, which Docker makes as root's if it is not there"
    return None


def _unnamed(model: Model, volume: Volume, target: str) -> bool:
    """Whether a folder of the host lies in the app's folder for a reason that its sources do not show.

    Libraries make folders beside the app, such as whatsapp clients for their sessions, and whoever mounts one there
    wants to keep it. A folder that holds sources, and a file, is for reading.
    """
    from dockfix.facts.locks import NAMES

    files, name = model.app.files, basename(target)
    if not covers(model.folder, target) or "." in name.lstrip("."):
        return False
    if volume.path is not None and files.exists(volume.path) and not files.is_dir(volume.path):
        return False
    if any(path.endswith(SOURCES) for path in (files.walk(volume.path) if volume.path else ())):
        return False
    word = re.compile(rb"(?<![\w-])" + re.escape(name.encode()) + rb"(?![\w-])")
    return not any(
        word.search(model.app.root.read(path) or b"")
        for path in model.app.root.walk(model.source or "")
        if path.endswith(SOURCES) and basename(path) not in NAMES and "compose" not in basename(path)
    )


def _mounted_over(service: Service, path: str, bind: str) -> bool:
    """Whether another volume lies between the bind and the folder that is written."""
    return any(
        other.kind in {"named", "anonymous", "tmpfs"}
        and f"{path}/".startswith(f"{other.target.rstrip('/')}/")
        and len(other.target) > len(bind)
        for other in service.volumes
    )


def of_kubernetes(model: Model, found: Writable) -> Iterator[Obstacle]:
    containers = model.app.kubernetes
    if not containers:
        return
    low = low_port(model)
    if low is not None:
        yield Obstacle(
            None, f"port {low} needs root where Kubernetes has not allowed it otherwise ({containers[0].origin})"
        )
    for container in containers:
        for path in container.mounts:
            for fact in found.folders:
                if f"{fact.value}/".startswith(f"{path.rstrip('/')}/"):
                    why = f"the app writes to {fact.value}, where Kubernetes mounts a volume of root's"
                    yield Obstacle(None, f"{why} ({container.origin})")
