"""Capabilities, devices and the like that compose, Kubernetes or the sources ask for, and that root alone can use.

What a container is given beside its account is in the bounding set of every process, and effective for root alone:
https://man7.org/linux/man-pages/man7/capabilities.7.html, https://github.com/moby/moby/issues/8460
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dockfix.recipes.obstacle import Obstacle
from dockfix.recipes.pods import pods
from dockfix.recipes.programs import final_services
from dockfix.recipes.writable import sources
from dockfix.text import line_of

if TYPE_CHECKING:
    from dockfix.model import Model

EVERYBODYS = re.compile(r"/dev/nvidia[\w-]*")
"""Devices that everybody may use: ``NVreg_DeviceFileMode`` is 0666,
https://download.nvidia.com/XFree86/Linux-x86_64/550.54.14/README/faq.html
"""
RAW = re.compile(rb"\b(?:SOCK_RAW|AF_PACKET)\b|[\"'`]ip[46]:icmp|\.SetPrivileged\(true\)")
"""Sockets below those of TCP and UDP: https://man7.org/linux/man-pages/man7/raw.7.html"""
ICMPLIB = re.compile(rb"^[ \t]*(?:from|import)\s+icmplib\b", re.MULTILINE)
"""Opens raw sockets unless it is told not to:
https://github.com/ValentinBELYN/icmplib/blob/main/docs/6-use-icmplib-without-privileges.md
"""
UNPRIVILEGED = re.compile(rb"privileged\s*=(?!\s*True)")
SWITCHING = re.compile(
    rb"\b(?:process\.(?:set(?:e?[ug]id|groups)|initgroups)"  # https://nodejs.org/api/process.html#processsetuidid
    rb"|os\.(?:set(?:re|res|e)?[ug]id|setgroups|initgroups|chroot)"  # https://docs.python.org/3/library/os.html
    rb"|syscall\.(?:Set[ug]id|Setre[su]*[ug]id|Setgroups|Chroot)|unistd::set[ug]id|posix_set[ug]id"
    rb"|Process::(?:Sys\.set[ug]id|[UG]ID\.change_privilege))\s*\("
)
"""Becomes another account, as only root may."""
VENDORED = re.compile(r"(?:^|/)(?:vendor|third_party|site-packages)/")


def of_services(model: Model) -> Iterator[Obstacle]:
    """What services of compose are given.

    Args:
        model: the Dockerfile whose last stage they run.
    """
    for service in final_services(model):
        if service.privileged:
            yield Obstacle(None, f"service {service.name} is privileged ({service.origin('privileged')})")
        given = _needed(service.cap_add, model)
        if given:
            where = service.origin("cap_add")
            yield Obstacle(
                None, f"service {service.name} is given {' and '.join(given)} ({where}), as only root can be"
            )
        for device in service.devices:
            if not EVERYBODYS.fullmatch(device.value):
                why = f"service {service.name} is given the device {device.value} ({device.origin}), which is root's"
                yield Obstacle(None, why)
        low = low_port(model)
        if service.host_network and low is not None:
            where = service.origin("network_mode")
            yield Obstacle(None, f"service {service.name} has the host's network ({where}), where port {low} is root's")


def of_containers(model: Model) -> Iterator[Obstacle]:
    """What containers of Kubernetes are given that run the image, or may.

    Args:
        model: the Dockerfile.
    """
    for container in pods(model):
        if container.privileged is not None:
            yield Obstacle(None, f"container {container.name} is privileged ({container.privileged})")
        given = _needed((fact.value for fact in container.capabilities), model)
        if given:
            where = container.capabilities[0].origin
            why = f"container {container.name} is given {' and '.join(given)} ({where}), as only root can be"
            yield Obstacle(None, why)


def of_sources(model: Model) -> Iterator[Obstacle]:
    """What the sources do that only root may: they open raw sockets, or become another account.

    Args:
        model: the Dockerfile.
    """
    for path, data in sources(model):
        if VENDORED.search(path):
            continue
        raw = RAW.search(data) or (None if UNPRIVILEGED.search(data) else ICMPLIB.search(data))
        if raw is not None:
            origin = model.app.origin(path, line_of(data, raw.start()))
            yield Obstacle(None, f"the app opens raw sockets ({origin}), which needs root")
            return
        switching = SWITCHING.search(data)
        if switching is not None:
            origin = model.app.origin(path, line_of(data, switching.start()))
            yield Obstacle(None, f"the app becomes another account by itself ({origin}), which needs root")
            return


def _needed(capabilities: Iterable[str], model: Model) -> list[str]:
    """Those of *capabilities* that the app needs, as far as can be told: not that for low ports where it has none."""
    bare = (name.upper().removeprefix("CAP_") for name in capabilities)
    return [name for name in bare if name != "NET_BIND_SERVICE" or low_port(model) is not None or not _known(model)]


def _known(model: Model) -> bool:
    """Whether anything tells on which port the app listens."""
    return model.server.port is not None or bool(model.final.config.expose)


def low_port(model: Model) -> int | None:
    """A port below 1024 that the app binds or the image exposes."""
    ports = [model.server.port.value] if model.server.port is not None else []
    ports += [int(port.partition("/")[0]) for port in model.final.config.expose if port.partition("/")[0].isdigit()]
    return next((port for port in ports if port < 1024), None)
