"""Single-page apps: built by Node, served by nginx."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from posixpath import normpath
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.facts import jsmodes
from dockfix.model import Purpose, Role
from dockfix.model.commands import NODE_MANAGERS
from dockfix.model.config import difference, of_image, render
from dockfix.model.start import RUNTIMES
from dockfix.recipes import envfiles, nginx, spaserver
from dockfix.recipes.modules import INSTALLS, Parts, install_edits
from dockfix.recipes.spaserver import FILE_SERVERS, PORTS
from dockfix.recipes.split import (
    Split,
    UnfitError,
    check_common,
    early_name,
    gives_away,
    names_building,
    renamed,
    spaced,
    spare,
    stage_name,
    without_owner,
)
from dockfix.transform import Note, Safety

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.dockerfile import Instruction
    from dockfix.facts.node import Node
    from dockfix.facts.replacements import Replacement
    from dockfix.model import Invocation, Model, Step
    from dockfix.model.config import ConfigDelta

RUNNERS = frozenset({"npm", "npx", "yarn", "yarnpkg", "pnpm", "pnpx", "sh", "bash", "cross-env", "exec"})
"""Programs on the way to the one that serves."""

BUILDS = frozenset({"ng", "vite", "react-scripts", "vue-cli-service", "craco", "tsc"})
MORE = {
    "serve": {"-c", "--config", "--ssl-cert"},
    "http-server": {"-P", "--proxy", "-S", "--tls", "--ssl", "--username"},
    "ng": {"--proxy-config", "--ssl", "--serve-path", "--base-href"},
    "vite": {"--base", "--https"},
    "vue-cli-service": {"--https"},
}
"""Options by which each program does more than hand out files, from its own help of 2026."""

MODES = {"vite": "--mode", "vue-cli-service": "--mode", "ng": "--configuration"}
"""The option by which a program is told for which surroundings it builds; for development unless it is given."""

CHECKED = re.compile(r"(?:(?:npx )?(?:vue-)?tsc\b[^&|;]*&& *)+(?:npx )?(vite build\b[^&|;]*)")
"""A build script that checks the types, which Vite by itself never does: https://vite.dev/guide/features#typescript"""

SWITCHED_OFF = re.compile(r"#\s*RUN\s", re.IGNORECASE)
"""A RUN that is commented out."""

OUTDATED = re.compile(
    r"\b(?:dev(?:elopment)?|hot.?reload\w*|npm|npx|yarn|pnpm|bun|node(?:\.?js)?|vite|react-scripts|ng)\b",
    re.IGNORECASE,
)
"""What a comment says that tells of a development server, or of Node."""

BAKED = re.compile(r"(VITE|REACT_APP|VUE_APP|NG_APP|PUBLIC)_\w+")
"""Variables that the build puts into the pages, so that setting them in the container comes too late."""

PAGES = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".vue", ".svelte")
TESTS = re.compile(r"(?:^|/)(?:node_modules|tests?|__\w+__|e2e|cypress)/|\.(?:test|spec|stories)\.\w+$")
"""Sources that are none of the pages."""


@dataclass(frozen=True, slots=True)
class Site:
    """What nginx serves, and where.

    Attributes:
        server: the program that serves it now.
        output: the folder that the build writes, from the app's.
        port: the port that is bound now.
        conf: where the new configuration lies in the build context.
    """

    server: str
    output: str
    port: int
    conf: str


def split(model: Model) -> Split | None:
    """A builder and nginx; ``None`` where the image does not serve a single-page app.

    Raises:
        UnfitError: something stands in the way.
    """
    stage, node = model.final, model.node
    if stage.image is None or stage.image.name not in RUNTIMES or node is None or node.spa is None:
        return None
    server = spaserver.program(model)
    if server is None:
        return None
    check_common(model)
    parts = _parts(model)
    _check_start(model, node)
    _check_services(model)
    site = Site(
        server, _output(node), spaserver.port(model, node, server), nginx.conf_path(model.app, model.source or "")
    )
    return _arrange(model, node, parts, site)


def _parts(model: Model) -> Parts:
    """The steps of the stage. What else its RUNs do stays with the builder, of which the end takes the output alone."""
    steps = model.final.steps
    for step in steps:
        if step.instruction.keyword == "RUN" and (step.script is None or not step.script.ok):
            raise UnfitError(step.instruction, "what this RUN does cannot be read")
    installs = [(step, call) for step in steps for call in step.invocations if _installs(step, call)]
    if not installs:
        raise UnfitError(None, "the dependencies are installed by a package manager that is not known")
    install, call = installs[0]
    if install.before.workdir != model.folder:
        raise UnfitError(
            install.instruction, f"the install runs in {install.before.workdir}, the app in {model.folder}"
        )
    builds = tuple(step for step in steps if Purpose.BUILD in step.purposes)
    if not builds and not any(step.instruction.copy and step.role is not Role.MANIFESTS for step in steps):
        raise UnfitError(None, "no instruction brings the sources, which may be mounted: there is nothing to build")
    at = steps.index(install)
    manifests = tuple(step for step in steps[1:at] if step.role is Role.MANIFESTS)
    return Parts(steps[0], steps[1:at], manifests, install, steps[at + 1 :], builds, call)


def _installs(step: Step, call: Invocation) -> bool:
    """Whether a call installs what package.json lists."""
    listed = call.manager in NODE_MANAGERS and not call.operands
    return listed and Purpose.INSTALL in step.purposes and call.verb in INSTALLS


def _check_start(model: Model, node: Node) -> None:
    """Refuse an app that needs more of its server than files.

    Raises:
        UnfitError: with the reason.
    """
    start, at = model.start, model.start.command
    inherited = model.final.image.entrypoint if model.final.image is not None else ()
    if start.script is not None or (start.entrypoint and start.entrypoint not in inherited):
        raise UnfitError(at, "an entrypoint script runs before the app")
    commands = start.resolved.commands if start.resolved is not None else ()
    other = {command[0] for command in commands if command} | {command.name for command in start.line.commands}
    strange = sorted(name for name in other - PORTS.keys() - RUNNERS - BUILDS if name and name not in {"", "["})
    if strange or (start.shell_form and start.argv is None and not _flat(model)):
        raise UnfitError(at, f"the container does more than serve the app: {start.text}")
    if any(arg in {"npx", "yarn", "pnpm"} for arg in _earlier(model)):
        raise UnfitError(at, f"the container does more than serve the app: {start.text}")
    _check_server(model, node)
    if node.dev_proxy is not None:
        raise UnfitError(at, f"the development server passes requests on to a backend ({node.dev_proxy.origin})")
    if node.base_path is not None and node.base_path.value not in {"", "/", "./", "."}:
        raise UnfitError(at, f"the app lives under {node.base_path.value} ({node.base_path.origin})")
    if "build" not in node.scripts and not any(Purpose.BUILD in step.purposes for step in model.final.steps):
        raise UnfitError(at, f"package.json has no build script ({node.origin})")


def _check_server(model: Model, node: Node) -> None:
    """Refuse what the server of today does beside handing out the build, or builds otherwise than a build would.

    Raises:
        UnfitError: with the reason.
    """
    at, server = model.start.command, spaserver.program(model) or ""
    for word in spaserver.told_words(model):
        if word.partition("=")[0] in MORE.get(server, ()):
            raise UnfitError(at, f"{server} is told to do more than serve files: {word}")
    for path in ("serve.json", "public/serve.json") if server == "serve" else ():
        if node.has(path):
            raise UnfitError(at, f"{node.origin_of(path)} tells serve more than nginx would know")
    if _hands_out_a_build(model):
        return
    if node.frontend.dev_extra is not None:
        why = f"the development server does more than hand out files: {node.frontend.dev_extra.value}"
        raise UnfitError(at, f"{why} ({node.frontend.dev_extra.origin})")
    envfiles.check(model, node, BAKED)
    secure, where = spaserver.variable_of(node, "HTTPS") if server in spaserver.CREATED else ("", "")
    if secure == "true" or "HTTPS=true" in spaserver.told_words(model):
        raise UnfitError(at, f"the development server speaks https ({where or 'the start command'})")
    _check_modes(model, node)
    lacking = node.frontend.development_only({*model.final.config.env, *_arguments(model)})
    if lacking is not None:
        raise UnfitError(at, f"a build does not read {lacking.value}, which is for development ({lacking.origin})")
    for other in _replacements(model, node):
        if other.lacking is not None:
            why = f"a build takes {other.built} instead, which has no {other.lacking.value} ({other.lacking.origin})"
            raise UnfitError(at, why)
    risk = node.frontend.risky_size(_building(model, node)) if not model.final.doing(Purpose.BUILD) else None
    if risk is not None:
        raise UnfitError(at, f"nothing shows that a build would pass: {risk.value} ({risk.origin})")


def _check_modes(model: Model, node: Node) -> None:
    """Refuse pages that ask another address in development than in a build: today's container serves the former.

    Raises:
        UnfitError: with the place.
    """
    paths = [path for path in model.app.root.walk(node.folder, 2000) if path.endswith(PAGES) and not TESTS.search(path)]
    pages = {path: model.app.root.read(path) or b"" for path in paths}
    known = frozenset[str]().union(*(jsmodes.flags(path, data) for path, data in pages.items()))
    for path, data in pages.items():
        line = jsmodes.decided(path, data, known)
        if line is not None:
            why = f"the pages ask another address in development ({model.app.origin(path, line)})"
            raise UnfitError(model.start.command, why)


def _replacements(model: Model, node: Node) -> tuple[Replacement, ...]:
    """The files that the build takes where the development server takes others."""
    return node.frontend.replacements(spaserver.told_words(model), _building(model, node))


def _building(model: Model, node: Node) -> list[str]:
    """The words of all commands that build; where the file has none, of the app's own script."""
    building: list[str] = []
    for step in model.final.doing(Purpose.BUILD):
        for command in step.script.commands if step.script else ():
            words = tuple(word.text for word in command.words)
            building += [word for line in (words, *node.resolve(words).commands) for word in line]
    if not building and "build" in node.scripts:
        building = [*node.scripts["build"].value.split(), *_build_command(model, node, "npm").split()]
    return building


def _arguments(model: Model) -> list[str]:
    """The names of the build arguments."""
    steps = [step for step in model.final.steps if step.instruction.keyword == "ARG"]
    return [assignment.key for step in steps for assignment in step.instruction.assignments]


def _flat(model: Model) -> bool:
    return model.start.line.ok and model.start.line.flat


def _earlier(model: Model) -> list[str]:
    """The programs of a shell line before the last, which prepare something: a build may stand there, nothing else."""
    earlier = model.start.line.commands[:-1]
    return [command.name for command in earlier if not {"build", "install", "ci"} & set(command.args)]


def _check_services(model: Model) -> None:
    at = model.start.command
    for service in model.services:
        for name in service.environment:
            if BAKED.fullmatch(name):
                raise UnfitError(
                    at,
                    f"compose sets {name} when the container starts, which a finished build ignores "
                    f"({service.origin('environment')})",
                )
        if service.command is not None:
            raise UnfitError(at, f"compose starts something else ({service.origin('command')})")
        if service.user is not None:
            raise UnfitError(at, f"compose sets a user ({service.origin('user')})")


def _output(node: Node) -> str:
    if node.build_output is None:
        raise UnfitError(None, f"the folder that the build writes cannot be told ({node.origin})")
    output = normpath(node.build_output.value)
    if output.startswith(("/", "..")) or output == ".":
        raise UnfitError(None, f"the build writes outside the app's folder ({node.build_output.origin})")
    return output


def _arrange(model: Model, node: Node, parts: Parts, site: Site) -> Split:
    steps = model.final.steps[1:]
    owners = any(gives_away(step) and not _gives_only(step) for step in steps)
    builder = _builder(model, node, parts, [step for step in steps if _is_for_build(step, owners)])
    image = nginx.image(model.options.base)
    labels = [step for step in steps if step.instruction.keyword in {"LABEL", "MAINTAINER"}]
    exposes = [step for step in steps if step.instruction.keyword == "EXPOSE"]
    starts = tuple(step.instruction for step in steps if step.instruction.keyword in {"CMD", "ENTRYPOINT"})
    ports: list[Item] = [Keep(step.instruction) for step in exposes]
    # what the author says of the start stands above a start, though nginx's image brings its own
    told = any(start.comments or start.inner_comments for start in starts)
    start = [New(f"CMD {render(nginx.START)}", replaces=starts)] if told else []
    end: list[Item] = [
        New(f"FROM {image} AS {_end_name(model)}", replaces=() if told else starts),
        *(Keep(step.instruction) for step in labels),
        New(f"COPY {site.conf} {nginx.CONF}"),
        New(f"COPY --from={_builder_name(model)} {model.folder.rstrip('/')}/{site.output} {nginx.ROOT}"),
        *(ports or [New(f"EXPOSE {site.port}")]),
        *start,
    ]
    kept = {item.instruction.index for item in (*builder, *end) if isinstance(item, Keep)}
    return Split(
        (spaced(model.document, builder), spaced(model.document, end)),
        f"a browser app ({node.spa.origin if node.spa else node.origin}) is files: nginx serves them "
        f"on the same port {site.port} instead of {site.server}",
        _delta(model, image, exposes, site.port),
        {
            step.instruction.index: "nginx serves what the build made"
            for step in steps
            if step.instruction.index not in kept and step.instruction not in starts
        },
        {model.app.origin(site.conf): nginx.conf(site.port, nginx.hashed_folder(node))},
        Safety.REVIEW,
        _notes(model, node, parts),
    )


def _builder_name(model: Model) -> str:
    return early_name(model, "builder")


def _end_name(model: Model) -> str:
    name = model.final.stage.name
    return spare(model.document, "runtime") if name is None or names_building(model) else name


def _first_line(model: Model, parts: Parts) -> Keep:
    """FROM of the builder; a name that belongs to the end is taken off it."""
    base = parts.base.instruction
    if model.final.stage.name in {None, _builder_name(model)}:
        return stage_name(model.document, base, _builder_name(model))
    return renamed(base, _builder_name(model))


def _builder(model: Model, node: Node, parts: Parts, steps: Sequence[Step]) -> list[Item]:
    """The stage that builds; where the file never did, by the app's own script."""
    items: list[Item] = [_first_line(model, parts)]
    for step in steps:
        edits = install_edits(model, node, parts, production=False) if step is parts.install else ()
        items.append(Keep(step.instruction, (*without_owner(model.document, step.instruction), *edits)))
    if not parts.builds:
        items.append(New(f"RUN {_build_command(model, node, parts.call.manager)}", replaces=_switched_off(model)))
    return items


def _switched_off(model: Model) -> tuple[Instruction, ...]:
    """The instruction of the end below a RUN that is commented out, which belongs to the stage that builds."""
    for before, step in pairwise(step.instruction for step in model.final.steps):
        above = [
            comment for comment in model.document.comments if before.span.end <= comment.span.start < step.span.start
        ]
        if step.keyword in {"EXPOSE", "LABEL"} and above and SWITCHED_OFF.match(above[-1].text):
            return (step,)
    return ()


def _build_command(model: Model, node: Node, manager: str) -> str:
    """The app's own build script, in the mode or configuration in which its server starts now.

    Of one that checks types before, the build alone: a development server lets errors of types pass.
    """
    command = {"yarn": "yarn build", "pnpm": "pnpm run build", "bun": "bun run build"}.get(manager, "npm run build")
    bundling = _unchecked(model, node)
    if bundling is not None:
        runner = {"yarn": "yarn", "pnpm": "pnpm exec", "bun": "bunx"}.get(manager, "npx")
        command = f"{runner} {bundling}"
    option = MODES.get(spaserver.program(model) or "", "")
    words = spaserver.told_words(model)
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        chosen = value if equals else following
        if name == option and chosen != "development" and option not in node.scripts["build"].value:
            return f"{command}{' --' if command.startswith('npm ') else ''} {option} {chosen}"
    return command


def _unchecked(model: Model, node: Node) -> str | None:
    """The words that build without checking types; ``None`` where the script, or what serves today, does not either."""
    checked = CHECKED.fullmatch(node.scripts["build"].value.strip()) if "build" in node.scripts else None
    return None if checked is None or _hands_out_a_build(model) else checked[1].strip()


def _hands_out_a_build(model: Model) -> bool:
    """Whether what serves today serves a build, and is no development server."""
    return spaserver.program(model) in FILE_SERVERS or spaserver.is_preview(model)


def _is_for_build(step: Step, owners: bool) -> bool:
    """Whether a step belongs to the builder, where root does everything; *owners*: a RUN of it names accounts."""
    keyword = step.instruction.keyword
    if keyword in {"ENV", "ARG", "WORKDIR", "SHELL"}:
        return True  # a bundler's settings may read any variable
    if step.script is not None:
        return not (step.role is Role.SETUP and _serves_only(step)) and (owners or not _gives_only(step))
    return step.instruction.copy is not None


def _gives_only(step: Step) -> bool:
    """Whether a RUN only makes accounts and gives them files."""
    return step.role is Role.ACCOUNT or (step.role is Role.FOLDERS and gives_away(step))


def _serves_only(step: Step) -> bool:
    """Whether a RUN only installs a file server globally."""
    operands = {word.text.partition("@")[0] for called in step.invocations for word in called.operands}
    return bool(operands) and operands <= {"serve", "http-server", "global", "add"}


def _delta(model: Model, image: str, exposes: Sequence[Step], port: int) -> ConfigDelta:
    """The whole configuration of the end, compared with what it was."""
    name, _, tag = image.partition(":")
    config = of_image(image, catalog.image(name, tag))
    ports = [each for step in exposes for each in step.after.expose] if exposes else [f"{port}/tcp"]
    config = replace(config, expose=tuple(dict.fromkeys((*config.expose, *ports))), labels=model.final.config.labels)
    return difference(model.final.config, config)


def _notes(model: Model, node: Node, parts: Parts) -> tuple[Note, ...]:
    notes = [
        Note(
            None, f"the build takes {other.built} instead of {other.served}: look that its values fit ({other.origin})"
        )
        for other in (_replacements(model, node) if spaserver.program(model) not in FILE_SERVERS else ())
    ]
    if not parts.builds:
        script = node.scripts["build"]
        bundling = _unchecked(model, node)
        why = f"the Dockerfile never ran the build script: look that `{bundling or script.value}` passes"
        if bundling is not None:
            why += ", and check the types elsewhere, as the script would"
        notes.insert(0, Note(None, f"{why} ({script.origin})"))
        fonts = node.frontend.fetched_fonts
        if fonts is not None:
            why = f"the build fetches fonts from {fonts.value}, and fails where it cannot be reached ({fonts.origin})"
            notes.append(Note(None, why))
    return (*notes, *_outdated(model))


def _outdated(model: Model) -> Iterator[Note]:
    """The comments at a start that tell of the server that is left, which nginx takes the place of."""
    for step in model.final.steps:
        if step.instruction.keyword in {"CMD", "ENTRYPOINT"}:
            for comment in (*step.instruction.comments, *step.instruction.inner_comments):
                if OUTDATED.search(comment.text):
                    said = comment.text.lstrip("# ")
                    yield Note(step.instruction, f"`{said}` is not true of nginx any more: change the comment")
