"""Health checks made of what an image has."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import expand
from dockfix.model.config import covers, join
from dockfix.recipes.programs import final_services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.facts import Fact
    from dockfix.model import Model
    from dockfix.recipes.nginx_conf import Site

TIMING = "--interval=30s --timeout=10s --start-period=40s --retries=3"
WIDTH = 120
"""Columns up to which a health check stands on one line."""

CURL_SINCE = (1, 19)
"""The first nginx whose Debian images have curl: https://github.com/nginxinc/docker-nginx/commit/87f9340"""

IMAGES_OWN = "server { listen 80; root /usr/share/nginx/html; }"
"""The site that the nginx images bring: https://github.com/nginx/docker-nginx/blob/master/Dockerfile-debian.template"""

FOLDERS = frozenset({"/etc/nginx", "/etc/nginx/conf.d", "/etc/nginx/templates"})
"""Folders that the nginx images have, so that a file that is copied to one of these names lies in it."""


def _exec(*words: str) -> str:
    """*words* in the exec form, for which the image needs no shell: https://github.com/hadolint/hadolint/wiki/DL3025"""
    return json.dumps(words, ensure_ascii=False)


def instruction(command: str) -> str:
    """HEALTHCHECK with the usual timing, on one line where that fits."""
    line = f"HEALTHCHECK {TIMING} CMD {command}"
    return line if len(line) <= WIDTH else f"HEALTHCHECK {TIMING} \\\n    CMD {command}"


def node(port: int, variable: str | None, route: str | None, runtime: str) -> str:
    """A probe by the modules of node, or of bun as *runtime*: an HTTP request, or a connection without a *route*."""
    number = f"(process.env.{variable} || {port})" if variable else str(port)
    done = "process.exit(0)"
    failed = ".on('error', () => process.exit(1))"
    if route is None:
        plain = number.strip("()")
        return _exec(runtime, "-e", f"require('net').connect({plain}, '127.0.0.1').on('connect', () => {done}){failed}")
    address = f"'http://127.0.0.1:' + {number} + '{route}'" if variable else f"'http://127.0.0.1:{port}{route}'"
    asked = f"require('http').get({address}, r => process.exit(r.statusCode < 400 ? 0 : 1))"
    return _exec(runtime, "-e", asked + failed)


def python(interpreter: str, port: int, variable: str | None, route: str | None) -> str:
    """A probe by Python's own modules; http.client, because urllib obeys proxy variables."""
    number = f"int(os.environ.get('{variable}', {port}))" if variable else str(port)
    modules = "import os, socket" if variable else "import socket"
    if route is None:
        connected = f"{modules}; socket.create_connection(('127.0.0.1', {number}), timeout=5).close()"
        return _exec(interpreter, "-c", connected)
    extra = "import os; " if variable else ""
    asked = (
        f"{extra}from http.client import HTTPConnection as C; "
        f"c = C('127.0.0.1', {number}, timeout=5); c.request('GET', '{route}'); exit(c.getresponse().status >= 400)"
    )
    return _exec(interpreter, "-c", asked)


def unix_socket(model: Model) -> tuple[str, str] | None:
    """The socket in a file that a Python server is told to listen on, and a probe of it; ``None`` where it is none."""
    name, started = interpreter(model), model.start.main or ()
    if name is None or model.server.language != "python":
        return None
    for word, following in pairwise((*started, "")):
        option, equals, value = word.partition("=")
        given = value if equals else following
        if option == "--uds" or (option in {"-b", "--bind"} and given.startswith("unix:")):
            path = join(model.folder, given.removeprefix("unix:"))
            if re.fullmatch(r"[\w./-]+", path):
                return path, _exec(name, "-c", f"import socket; socket.socket(socket.AF_UNIX).connect('{path}')")
    return None


def interpreter(model: Model) -> str | None:
    """The name under which Python is found in the final image, ``None`` where that cannot be told."""
    stage, program = model.final, model.start.main or ("",)
    if stage.image is not None and stage.image.name == "python":
        return "python"
    if re.fullmatch(r"python3?(\.\d+)?", basename(program[0])):
        return program[0]
    installed = {
        word.text.partition("=")[0]
        for step in stage.all_steps
        for called in step.invocations
        for word in called.operands
    }
    return "python3" if "python3" in installed else None


def nginx(model: Model, site: Site) -> str | None:
    """A probe by what the image has: busybox's wget on Alpine, curl on Debian; ``None`` where it has neither."""
    stage = model.final
    address = f"http://127.0.0.1{'' if site.port == 80 else f':{site.port}'}{site.path}"
    if stage.manager == "apk":
        return _exec("wget", "-q", "--spider", address)
    installed = {word.text for step in stage.all_steps for called in step.invocations for word in called.operands}
    if "curl" in installed or _brings_curl(model):
        return f"curl -fsS -o /dev/null {address} || exit 1"
    return None


def _brings_curl(model: Model) -> bool:
    image = model.final.image
    if image is None or image.name != "nginx" or image.manager != "apt":
        return False
    numbers = re.findall(r"\d+", image.version)
    return len(numbers) < 2 or (int(numbers[0]), int(numbers[1])) >= CURL_SINCE


def nginx_site(model: Model) -> Site:
    """What nginx answers in the final image, from the configuration that the file brings."""
    from dockfix.recipes import nginx_conf
    from dockfix.recipes.nginx_conf import Site

    stage = model.final
    if stage.image is None or stage.image.name != "nginx":
        return Site(problem=f"the configuration of nginx in {stage.reference} is not known")
    if not any(step.instruction.copy is not None for step in stage.all_steps):
        return Site(problem="the file brings nothing for it to serve")
    for service in final_services(model):
        for volume in service.volumes:
            if covers("/etc/nginx", join("/", volume.target)):
                return Site(problem=f"compose mounts {volume.target} ({volume.origin})")
    texts: list[str] = []
    targets: set[str] = set()
    for target, data in _configuration(model):
        if data is None:
            return Site(problem=f"{target} cannot be read")
        if target.endswith((".conf", ".template")):
            targets.add(target.replace("/templates/", "/conf.d/").removesuffix(".template"))
            texts.append(data)
    for step in stage.all_steps:
        copied = step.instruction.copy is not None and (step.instruction.copy.from_ or step.instruction.heredocs)
        if copied and "/etc/nginx" in step.instruction.text:
            return Site(problem=f"{step.instruction.keyword} brings a configuration from elsewhere")
        if step.instruction.keyword == "RUN" and "/etc/nginx" in step.instruction.text:
            removed = [c for c in (step.script.commands if step.script else ()) if "/etc/nginx" in " ".join(c.args)]
            if not all(command.name == "rm" for command in removed) or not removed:
                return Site(problem="a RUN changes the configuration")
    if "/etc/nginx/nginx.conf" in targets or "/etc/nginx/conf.d/default.conf" in targets:
        return nginx_conf.site(texts)
    if texts:
        # the image's own site stays beside them
        removed_default = any("default.conf" in s.instruction.text for s in stage.all_steps if s.script is not None)
        return nginx_conf.site(texts if removed_default else [*texts, IMAGES_OWN])
    return Site(80)


def _configuration(model: Model) -> Iterator[tuple[str, str | None]]:
    """The files that the build context lays below /etc/nginx, variables of templates filled in; ``None`` unread."""
    for placement in model.final.placements:
        if not placement.target.startswith("/etc/nginx"):
            continue
        paths = [""] if not placement.folder else model.app.root.list(placement.source)
        for name in paths:
            target = join(placement.target, name) if name else placement.target
            if not placement.folder and target in FOLDERS:
                target = join(target, basename(placement.source))
            source = "/".join(part for part in (placement.source, name) if part)
            data = model.app.root.read(source)
            if data is None:
                if not model.app.root.is_dir(source):
                    yield target, None
                continue
            text: str | None = data.decode("utf-8", "replace")
            if target.endswith(".template") and text is not None:
                text = _filled(text, model)
            yield target, text


def _filled(text: str, model: Model) -> str | None:
    """A template as the image's entrypoint fills it in; nginx's own variables are left alone."""
    for name in set(re.findall(r"\$\{(\w+)\}", text)):
        value = expand(f"${{{name}}}", model.final.config.env)
        if value is None and re.search(rf"listen[^;]*\$\{{{name}\}}", text):
            return None
        text = text.replace(f"${{{name}}}", value or f"${name}")
    return text


def told_route(model: Model, port: int) -> Fact[str] | None:
    """The path that a probe in compose or in Kubernetes asks for on *port*."""
    from dockfix.facts import Fact

    for service in model.services:
        test = service.healthcheck_test
        text = test if isinstance(test, str) else " ".join(test or ())
        match = re.search(rf"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):{port}(/[\w./-]*)", text)
        if match and not _without_route(model, match[1]):
            return Fact(match[1], service.origin("healthcheck"))
    names = {basename(model.app.dockerfile.rpartition("/")[0])} - {""}
    for service in model.services:
        names |= {service.name, _image_name(service.image or "")} - {""}
    found = [
        Fact(probe.path, probe.origin)
        for container in model.app.kubernetes
        if _image_name(container.image or "") in names or container.name in names
        for probe in container.probes
        if probe.kind == "liveness" and probe.path and re.fullmatch(r"/[\w./-]*", probe.path)
        if container.port(probe) == port
    ]
    return found[0] if len({fact.value for fact in found}) == 1 else None


def _without_route(model: Model, route: str) -> bool:
    """Whether the sources, whose routes are all known, have none that answers *route*."""
    from dockfix.facts.nextroutes import lacks

    node = model.node
    return model.server.framework == "next" and node is not None and lacks(node.files, node.folder, route)


def _image_name(image: str) -> str:
    return basename(image.partition("@")[0]).partition(":")[0]


def http(model: Model, port: int, variable: str | None, route: str | None) -> str | None:
    """A probe by the tools of the system; ``None`` where the image is not known to have any.

    Busybox has wget and ``nc -z`` on Alpine, and bash opens connections itself: without a *route*, or without curl,
    one is opened and no more.
    """
    stage = model.final
    number = f"${{{variable}:-{port}}}" if variable else str(port)
    address = f"http://127.0.0.1:{number}{route or ''}"
    if stage.manager == "apk":
        # many routers answer a HEAD request, as --spider may send, with 404 or 405
        words = ("wget", "-qO", "/dev/null", address) if route is not None else ("nc", "-z", "127.0.0.1", number)
        return " ".join(words) if variable else _exec(*words)
    if route is not None and "curl" in _tools(model):
        return f"curl -fsS -o /dev/null {address} || exit 1"
    if stage.image is not None and stage.image.has_bash:
        return _exec("bash", "-c", f"</dev/tcp/127.0.0.1/{number}")
    return None


def _tools(model: Model) -> frozenset[str]:
    """Packages that the final stage has, by its own RUNs or because its full base carries them."""
    stage = model.final
    installed = {word.text for step in stage.all_steps for called in step.invocations for word in called.operands}
    carried = catalog.full_variant_carries(stage.image) if stage.image is not None else frozenset()
    return carried | installed
