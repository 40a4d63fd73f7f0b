"""Single-page apps: built by Node, served by nginx."""

from __future__ import annotations

import re
from posixpath import normpath
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose, Role
from dockfix.model.config import difference, of_image
from dockfix.recipes import nginx
from dockfix.recipes.node import Parts, check_manager
from dockfix.recipes.split import Split, UnfitError, check_common, from_line, spaced, stage_name
from dockfix.transform import Note, Safety

if TYPE_CHECKING:
    from dockfix.facts.node import Node
    from dockfix.model import Model, Step

SERVERS = frozenset({"vite", "react-scripts", "vue-cli-service", "ng", "serve", "http-server", "craco", "http-serve"})
"""Programs that serve a single-page app from a Node image, for development or as plain files."""

KNOWN = {Purpose.INSTALL, Purpose.BUILD, Purpose.SETTINGS, Purpose.CLEANUP, Purpose.TOOLS, Purpose.FOLDERS}

PORTS = {"vite": 5173, "react-scripts": 3000, "craco": 3000, "vue-cli-service": 8080, "ng": 4200, "serve": 3000}
PORTS |= {"http-server": 8080}
"""The port that each binds when nobody says otherwise, from its own documentation of 2026; ``serve`` has no other."""

BAKED = re.compile(r"(VITE|REACT_APP|VUE_APP|NG_APP|PUBLIC)_\w+")
"""Variables that the build puts into the pages, so that setting them in the container comes too late."""


def split(model: Model) -> Split | None:
    """A builder and nginx; ``None`` where the image does not serve a single-page app.

    Raises:
        UnfitError: something stands in the way.
    """
    stage, node = model.final, model.node
    if stage.image is None or stage.image.name != "node" or node is None or node.spa is None:
        return None
    server = _server(model)
    if server is None:
        return None
    check_common(model)
    parts = _parts(model)
    check_manager(model, node, parts)
    _check_app(model, node)
    output = _output(node)
    port = _port(model, node, server)
    return _arrange(model, node, parts, output, port, server)


def _server(model: Model) -> str | None:
    """The program that serves the app, where it is a plain file server or a development server."""
    names = model.start.names & SERVERS
    return sorted(names)[0] if names else None


def _parts(model: Model) -> Parts:
    steps = model.final.steps
    installs = [step for step in steps if Purpose.INSTALL in step.purposes]
    if len(installs) != 1:
        second = installs[1].instruction if installs else None
        raise UnfitError(second, "the dependencies are not installed in one place")
    install = installs[0]
    if install.before.workdir != model.folder:
        raise UnfitError(
            install.instruction, f"the install runs in {install.before.workdir}, the app in {model.folder}"
        )
    calls = [call for call in install.invocations if call.manager in {"npm", "yarn", "pnpm"}]
    if not calls:
        raise UnfitError(install.instruction, "the dependencies are installed by a package manager that is not known")
    at = steps.index(install)
    for step in steps[1:]:
        if step.role is Role.UNKNOWN and (step.script is None or not step.purposes <= KNOWN):
            raise UnfitError(step.instruction, "what this instruction leaves behind for the app cannot be told")
    builds = tuple(step for step in steps if Purpose.BUILD in step.purposes)
    manifests = tuple(step for step in steps[1:at] if step.role is Role.MANIFESTS)
    return Parts(steps[0], steps[1:at], manifests, install, steps[at + 1 :], builds, calls[0])


def _check_app(model: Model, node: Node) -> None:
    start, at = model.start, model.start.command
    inherited = model.final.image.entrypoint if model.final.image is not None else ()
    if start.script is not None or (start.entrypoint and start.entrypoint not in inherited):
        raise UnfitError(at, "an entrypoint script runs before the app")
    if node.dev_proxy is not None:
        raise UnfitError(at, f"the development server passes requests on to a backend ({node.dev_proxy.origin})")
    if node.base_path is not None and node.base_path.value not in {"", "/", "./", "."}:
        raise UnfitError(at, f"the app lives under {node.base_path.value} ({node.base_path.origin})")
    for service in model.services:
        for name in service.environment:
            if BAKED.fullmatch(name):
                raise UnfitError(
                    at,
                    f"compose sets {name} when the container starts, which a finished build ignores ({service.origin('environment')})",
                )
        if service.command is not None:
            raise UnfitError(at, f"compose starts something else ({service.origin('command')})")
        if service.user is not None:
            raise UnfitError(at, f"compose sets a user ({service.origin('user')})")
    if "build" not in node.scripts and not any(Purpose.BUILD in step.purposes for step in model.final.steps):
        raise UnfitError(at, f"package.json has no build script ({node.origin})")


def _output(node: Node) -> str:
    if node.build_output is None:
        raise UnfitError(None, f"the folder that the build writes cannot be told ({node.origin})")
    output = normpath(node.build_output.value)
    if output.startswith(("/", "..")) or output == ".":
        raise UnfitError(None, f"the build writes outside the app's folder ({node.build_output.origin})")
    return output


def _port(model: Model, node: Node, server: str) -> int:
    """The port that is bound today: the command's, the configuration's, the tool's own; EXPOSE must agree."""
    told = _told(model) or (
        node.dev_port.value if node.dev_port is not None and server in {"vite", "ng", "vue-cli-service"} else None
    )
    variable = model.final.config.env.get("PORT", "")
    if told is None and variable.isdigit() and server in {"react-scripts", "craco", "serve", "vue-cli-service"}:
        told = int(variable)
    port = told or PORTS.get(server)
    if (
        server == "vite"
        and told is None
        and "preview" in f"{model.start.resolved.shell if model.start.resolved else model.start.text}"
    ):
        port = 4173
    exposed = [int(name.partition("/")[0]) for name in model.final.config.expose if name.partition("/")[0].isdigit()]
    if port is None:
        raise UnfitError(model.start.command, "which port is bound cannot be told")
    if exposed and port not in exposed:
        raise UnfitError(model.start.command, f"EXPOSE says {exposed[0]}, but {server} binds {port}")
    for service in model.services:
        if service.environment.get("PORT", str(port)) != str(port):
            raise UnfitError(model.start.command, f"compose sets PORT ({service.origin('environment')})")
    return port


def _told(model: Model) -> int | None:
    """The port that the command names."""
    words = list(model.start.program or ()) + (model.start.resolved.shell.split() if model.start.resolved else [])
    words += model.start.text.split()
    for word, following in zip(words, [*words[1:], ""], strict=False):
        match = re.fullmatch(r"--(?:port|listen)=(?:tcp://[^:]*:)?(\d+)", word)
        if match:
            return int(match[1])
        if word in {"--port", "-l", "--listen", "-p"} and (match := re.fullmatch(r"(?:tcp://[^:]*:)?(\d+)", following)):
            return int(match[1])
    return None


def _arrange(model: Model, node: Node, parts: Parts, output: str, port: int, server: str) -> Split:
    document, base = model.document, parts.base.instruction
    conf_path = _conf_path(model)
    builder: list[Item] = [
        stage_name(document, base, "builder") if not model.final.stage.name else from_line(base, "builder")
    ]
    kept: list[Step] = []
    dropped: dict[int, str] = {}
    for step in model.final.steps[1:]:
        instruction = step.instruction
        if _is_for_build(step, parts):
            builder.append(Keep(instruction))
            kept.append(step)
        elif instruction.keyword in {"LABEL", "MAINTAINER"}:
            kept.append(step)
        elif instruction.keyword not in {"EXPOSE"}:
            dropped[instruction.index] = "nginx serves what the build made"
    built = bool(parts.builds)
    if not built:
        runner = {"yarn": "yarn build", "pnpm": "pnpm run build"}.get(parts.call.manager, "npm run build")
        builder.append(New(f"RUN {runner}"))
    image = nginx.image(model.options.base)
    name = model.final.stage.name or "runtime"
    end: list[Item] = [New(f"FROM {image} AS {name}")]
    end += [Keep(step.instruction) for step in kept if step.instruction.keyword in {"LABEL", "MAINTAINER"}]
    end.append(New(f"COPY {conf_path} {nginx.CONF}"))
    end.append(New(f"COPY --from=builder {model.folder.rstrip('/')}/{output} {nginx.ROOT}"))
    exposes = [step for step in model.final.steps if step.instruction.keyword == "EXPOSE"]
    end += [Keep(step.instruction) for step in exposes] if exposes else [New(f"EXPOSE {port}")]
    text = nginx.conf(port, _hashed(node))
    return Split(
        (spaced(document, builder), spaced(document, end)),
        f"a browser app ({node.spa.origin if node.spa else node.origin}) is files: nginx serves them "
        f"on the same port {port} instead of {server}",
        _delta(model, image, exposes, port),
        dropped,
        {model.app.origin(conf_path): text},
        Safety.REVIEW,
        _notes(model, node, built),
    )


def _is_for_build(step: Step, parts: Parts) -> bool:
    keyword = step.instruction.keyword
    if keyword in {"ENV", "ARG", "WORKDIR", "SHELL"}:
        names = [assignment.key for assignment in step.instruction.assignments]
        return not names or any(name not in {"PORT", "HOST"} for name in names)
    if step.script is not None:
        return not (step.role is Role.SETUP and _serves_only(step))
    return step.role in {Role.MANIFESTS, Role.SOURCES, Role.STAGE_COPY}


def _serves_only(step: Step) -> bool:
    """Whether a RUN only installs a file server globally."""
    operands = {word.text.partition("@")[0] for called in step.invocations for word in called.operands}
    return bool(operands) and operands <= {"serve", "http-server", "global"} | {"add"}


def _conf_path(model: Model) -> str:
    """Where the configuration lies in the build context.

    Raises:
        UnfitError: there is one of that name already, or .dockerignore hides it.
    """
    source = model.source or ""
    path = f"{source}/nginx.conf" if source else "nginx.conf"
    if model.app.root.exists(path):
        raise UnfitError(None, f"{path} exists already, and what it is for cannot be told")
    if model.app.ignore.ignores(path):
        raise UnfitError(None, f"{path} would be ignored by {model.app.ignore.path}")
    return path


def _hashed(node: Node) -> str | None:
    tool = node.spa.value if node.spa else ""
    return nginx.HASHED.get(tool)


def _delta(model: Model, image: str, exposes: list[Step], port: int):  # type: ignore[no-untyped-def]
    """The whole configuration of the end, compared with what it was."""
    from dataclasses import replace

    name, _, tag = image.partition(":")
    config = of_image(image, catalog.image(name, tag))
    ports = (
        tuple(dict.fromkeys(port for step in exposes for port in step.after.expose)) if exposes else (f"{port}/tcp",)
    )
    config = replace(config, expose=tuple(dict.fromkeys((*config.expose, *ports))), labels=model.final.config.labels)
    return difference(model.final.config, config)


def _notes(model: Model, node: Node, built: bool) -> tuple[Note, ...]:
    notes = []
    if not built:
        notes.append(
            Note(
                None,
                f"the Dockerfile never ran the build script: look that `{node.scripts['build'].value}` passes ({node.scripts['build'].origin})",
            )
        )
    return tuple(notes)
