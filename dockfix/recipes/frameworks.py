"""What the server that a framework brings, or writes when it builds, needs of the folder in which the app was built."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from posixpath import basename, normpath
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.model import Purpose
from dockfix.model.commands import purpose
from dockfix.recipes.artefacts import BUILD_ONLY, Artefacts, entries, has_prisma, in_context
from dockfix.recipes.bundled import READS, SETTINGS, is_bundled, reads_files, reads_unasked
from dockfix.recipes.programs import programs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockfix.facts.node import Node
    from dockfix.model import Model

NITRO = ".output"
"""What Nitro writes carries its own modules: https://nitro.build/deploy/runtimes/node"""

LISTENING = re.compile(rb"\b(?:devServer|nitro|port)\b")
"""What may say in Nuxt's settings where its server listens, or which server is written."""

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the app is told, in a container
"""The address on which connections from outside the container arrive."""

PUBLIC = "public"

STANDALONE = "standalone"
"""What Next.js writes below its output; its server goes there before it reads anything:
https://github.com/vercel/next.js/blob/canary/packages/next/src/build/utils.ts"""

SHARP_TRACED = 15
"""The version from which on Next.js installs sharp itself: https://nextjs.org/blog/next-15#self-hosting"""

NEXT_CONFIG = tuple(f"next.config.{suffix}" for suffix in ("js", "mjs", "cjs", "ts"))
FOREIGN = re.compile(
    rb"(?:\bfrom\s*|\brequire\(\s*|\bimport\(\s*|\bimport\s+)[\"'](?!next[/\"']|(?:node:)?(?:path|url)[\"'])"
)
"""A module that a configuration loads beside Next.js's own."""

OUTPUT = re.compile(rb"\boutput\b")
"""What may be the option that says what a build of Next.js leaves."""

BESIDE = re.compile(rb"[\"'`]\.{1,2}/")
"""A path beside a configuration, which its plugins may look up."""


def artefacts(model: Model, node: Node) -> Artefacts | None:
    """What the server of a framework needs; ``None`` for any other server, and where it cannot be told."""
    if reads_unasked(model, node, entries(model)):
        return None
    program = model.start.program or ()
    entry = normpath(program[1]) if len(program) > 1 else ""
    framework = node.framework.value if node.framework is not None else ""
    if framework == "nuxt":
        return _nuxt(model, node, program, entry)
    if framework != "svelte-kit" and _makes_public(model, node):
        return None
    standalone = _standalone(model, node, program)
    if standalone is not None or node.workspaces or has_prisma(node) or not _serves_alone(model):
        return standalone
    if framework == "next" and basename(program[0]) == "next" and program[1:2] == ("start",):
        return _next(model, node)
    if framework == "svelte-kit" and program == ("node", program[-1]) and entry in {"build", "build/index.js"}:
        return _svelte_kit(model, node)
    if basename(program[0]) in {"remix-serve", "react-router-serve"} and entry == "build/server/index.js":
        return _with(model, ("build",), ("package.json",), shown=_shown(model, PUBLIC))
    return None


def _makes_public(model: Model, node: Node) -> bool:
    """Whether the build may make the folder ``public`` that is not there yet: it does more than the framework's own."""
    if _shown(model, PUBLIC):
        return False
    commands = [
        each for step in model.final.doing(Purpose.BUILD) for each in (step.script.commands if step.script else ())
    ]
    building = [command for command in commands if purpose(command) is Purpose.BUILD]
    plain = all(node.resolve([word.text for word in command.words]).plain for command in building)
    return len(building) != 1 or not plain or loads_others(node)


def loads_others(node: Node) -> bool:
    """Whether the settings of Next.js load a module that is not its own: a plugin may write wherever it likes."""
    return any(FOREIGN.search(text) for text in _settings(node).values())


def exports(node: Node) -> bool:
    """Whether a build of Next.js may lay its pages out as files, into ``out``.

    https://nextjs.org/docs/app/guides/static-exports
    """
    option = node.frontend.standalone
    told = sum(len(OUTPUT.findall(text)) for text in _settings(node).values())
    return told > (option is not None and option.value == STANDALONE)


def _settings(node: Node) -> Mapping[str, bytes]:
    """The settings of Next.js, by the name of their file."""
    return {name: node.files.read(node.path(name)) or b"" for name in NEXT_CONFIG if node.has(name)}


def _serves_alone(model: Model) -> bool:
    """Whether nothing but the one server runs in containers, and no source of the app reads files by their names."""
    alone = bool(model.start.program) and len(programs(model)) == 1 and not model.app.calls
    return alone and model.start.script is None and not reads_files(model)


def _nuxt(model: Model, node: Node, program: tuple[str, ...], entry: str) -> Artefacts | None:
    """What Nitro wrote, in place of ``nuxt preview``, which reads ``.env`` and the settings to start the same server.

    https://nuxt.com/docs/api/commands/preview
    """
    settings = [node.files.read(node.path(f"nuxt.config.{suffix}")) or b"" for suffix in ("ts", "js", "mjs")]
    if has_prisma(node) or any(b"driver" in text for text in settings):
        return None
    if reads_files(model):
        return None
    if entry.startswith(f"{NITRO}/server/"):
        return Artefacts((NITRO,), (), modules=False)
    told = any(LISTENING.search(text) for text in settings)
    environment = any(name.startswith(".env") for name in entries(model)) or "NUXT_PORT" in model.final.config.env
    services = any("NUXT_PORT" in service.environment or service.command for service in model.services)
    if program[:1] not in {("nuxt",), ("nuxi",)} or program[1:] not in {("preview",), ("start",)}:
        return None
    if told or environment or services or node.workspaces or model.app.calls or model.start.script is not None:
        return None
    if node.build_output is None or node.build_output.value != NITRO or _is_second(node):
        return None
    return Artefacts((NITRO,), (), modules=False, start=("node", f"{NITRO}/server/index.mjs"))


def _is_second(node: Node) -> bool:
    """Whether the app is on Nuxt 2, which writes no server of its own, or on what cannot be told."""
    wanted = node.dependency("nuxt")
    return wanted is None or re.match(r"[\^~]?[3-9]", wanted.value) is None


def _standalone(model: Model, node: Node, program: tuple[str, ...]) -> Artefacts | None:
    """What Next.js wrote for ``output: "standalone"``, in place of ``next start``.

    Static files and ``public`` are left to be copied beside it:
    https://nextjs.org/docs/app/api-reference/config/next-config-js/output#automatically-copying-traced-files
    """
    option = node.frontend.standalone
    if option is None or option.value != "standalone" or node.build_output is None or node.workspaces:
        return None
    output = normpath(node.build_output.value)
    alone = program == ("node", f"{output}/{STANDALONE}/server.js")
    starts = basename(program[0] if program else "") == "next" and program[1:2] == ("start",)
    if not (alone or starts) or model.start.environment or output.startswith(("..", "/")):
        return None
    services = any(service.command or service.entrypoint for service in model.services)
    if services or model.app.calls or model.start.script is not None or has_prisma(node):
        return None
    if reads_files(model) or _loads_untraced(node):
        return None  # what is read by a name that the build cannot trace is not in there
    if alone:
        return Artefacts((f"{output}/{STANDALONE}",), (), modules=False)
    variables = _told(model, program[2:])
    if variables is None:
        return None
    built = (f"{output}/static", *_shown(model, PUBLIC))
    return Artefacts(built, (), False, f"{output}/{STANDALONE}", ("node", "server.js"), variables)


def _loads_untraced(node: Node) -> bool:
    """Whether the server may load compiled code that the build of a Next.js before 15 does not trace.

    Sharp is found by NEXT_SHARP_PATH, or from the folder in which it was installed:
    https://nextjs.org/docs/14/messages/sharp-missing-in-production
    """
    locked, wanted = node.locked_by_name.get("next"), node.dependency("next")
    version = locked.version if locked is not None else wanted.value if wanted is not None else ""
    major = re.match(r"[\^~]?(\d+)", version)
    if major is not None and int(major[1]) >= SHARP_TRACED:
        return False
    known = map(catalog.npm_native, {*node.dependencies, *node.optional_dependencies})
    return (
        any(each is not None and (each.prebuilt or each.build or not each.musl) for each in known)
        or "sharp" in node.locked_by_name
    )


def _told(model: Model, options: tuple[str, ...]) -> tuple[tuple[str, str], ...] | None:
    """The variables that say what the options of ``next start`` do; ``None`` where there are none for one of them.

    The server listens on the address in HOSTNAME, which would be the container's own name.
    """
    env, found = model.final.config.env, {} if "HOSTNAME" in model.final.config.env else {"HOSTNAME": EVERYWHERE}
    for name, value in zip(options[::2], options[1::2], strict=False):
        if name in {"-p", "--port"} and value.isdigit() and "PORT" not in env:
            found["PORT"] = value
        elif name not in {"-H", "--hostname"} or value != EVERYWHERE:
            return None
    ports = any("PORT" in service.environment for service in model.services)
    return None if len(options) % 2 or (ports and "PORT" in found) else tuple(found.items())


def _next(model: Model, node: Node) -> Artefacts | None:
    """What ``next start`` reads: the build, ``public``, its settings and the environment's files.

    Settings that load more, or name files beside them, may look these up when the server starts.
    """
    output = normpath(node.build_output.value) if node.build_output is not None else ""
    config, text = next(iter(_settings(node).items()), ("", b""))
    if not output or output.startswith(("..", "/")) or config.endswith(".ts"):
        return None
    if FOREIGN.search(text) or BESIDE.search(text) or READS.search(text):
        return None
    environment = [name for name in entries(model) if name.startswith(".env") and not _is_idle(name)]
    carried = ("package.json", *filter(None, [config]), *environment)
    found = _with(model, (output,), carried, shown=_shown(model, PUBLIC))
    return None if found is None else replace(found, idle=(f"{output}/cache/webpack",))


def _svelte_kit(model: Model, node: Node) -> Artefacts | None:
    """What SvelteKit's adapter for Node wrote: https://svelte.dev/docs/kit/adapter-node#Deploying"""
    settings = [node.files.read(node.path(f"svelte.config.{suffix}")) or b"" for suffix in ("js", "ts")]
    if node.dependency("@sveltejs/adapter-node") is None or any(b"out:" in text for text in settings):
        return None
    return _with(model, ("build",), ("package.json",), compiled=("static",))


def _with(
    model: Model,
    built: tuple[str, ...],
    carried: tuple[str, ...],
    *,
    shown: tuple[str, ...] = (),
    compiled: tuple[str, ...] = (),
) -> Artefacts | None:
    """What is *built* and *carried*, where all else in the folder is *compiled* into it, or is for tools.

    Args:
        model: the model.
        built: what the build makes.
        carried: files that the server reads.
        shown: folders that it hands out as they are, in which a build may lay more.
        compiled: folders that the build takes in whatever they hold.
    """
    known = {*built, *carried, *shown, *compiled}
    for name in entries(model):
        if name not in known and not _is_idle(name) and not is_bundled(model, name):
            return None
    return Artefacts((*built, *shown), carried)


def _is_idle(name: str) -> bool:
    """Whether a file beside package.json is for tools and authors, or is compiled."""
    return any(fnmatchcase(name, pattern) for pattern in (*BUILD_ONLY, *SETTINGS))


def _shown(model: Model, folder: str) -> tuple[str, ...]:
    """The folder whose files are handed out as they are, where there is one in the image."""
    path = in_context(model, folder)
    return (folder,) if model.app.root.is_dir(path) and not model.app.ignore.ignores(path) else ()
