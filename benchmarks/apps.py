"""What an ordinary app's Dockerfile lacks, judged without dockfix.

The judgement rests on the official parser's instructions and on the manifest beside the Dockerfile. It is coarser than
dockfix's own facts on purpose: a measure that asked dockfix what dockfix should do would always be satisfied.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from official import Command

Ecosystem = Literal["node", "spa", "python"]

# An install of the manifest: flags may follow, but no package name, and nothing global.
_NODE_INSTALL = re.compile(
    r"(?:^|[&;|\n(]|--mount=\S+)\s*(?:[A-Z_]+=\S+\s+)*"
    r"(?:(?:npm|pnpm|bun)\s+(?:ci|i|install|clean-install)|yarn(?:\s+install)?)"
    r"(?:\s+--?(?!g\b|global\b)[\w=./:-]+)*\s*(?=$|[&|;>\n)])"
)
_PYTHON_INSTALL = re.compile(
    r"\b(?:pip3?\s+install\b[^&;|]*(?:\s-r\b|--requirement|\s\.(?:\s|$|\[)|pyproject)|poetry\s+install|pipenv\s+(?:install|sync)|uv\s+(?:sync|pip\s+install))"
)
_PIP_INSTALL = re.compile(r"\bpip3?\s+install\b")
_BUILD_STEP = re.compile(
    r"\b(?:npm|pnpm|bun)\s+run\s+(?:[\w-]+:)?build|\byarn\s+(?:run\s+)?build|\bpnpm\s+build|\b(?:npx\s+)?(?:tsc|nest\s+build|next\s+build|vite\s+build|ng\s+build|webpack)\b"
)
_BUILD_TOOL = re.compile(
    r"(?:^|\s)(?:gcc|g\+\+|make|cmake|build-essential|build-base|musl-dev|python3?-dev|cargo|rustc|[a-z0-9.+-]+-dev)(?=\s|$)"
)
_SYSTEM_INSTALL = re.compile(r"\b(?:apt-get|apt)\b[^&;|]*\binstall\b|\bapk\b[^&;|]*\badd\b")
_PRODUCTION = re.compile(r"--omit[= ]dev|--only[= ]prod|--production|--prod\b|\bprune\b")
_SMALL = re.compile(r"alpine|slim|distroless|scratch|chiseled|wolfi|chainguard", re.IGNORECASE)
_DEVELOPMENT = re.compile(r"(?:^|[._-])(?:dev|develop|development|local|test|tests|ci)(?:$|[._-])", re.IGNORECASE)
_WHOLE = frozenset({".", "./", "*", "./*", "/", "src", "./src", "app", "./app"})

_SPA_TOOLS = frozenset({"react-scripts", "vite", "@angular/cli", "@vue/cli-service", "parcel"})
_SERVERS = frozenset(
    {
        "express", "@nestjs/core", "fastify", "koa", "hapi", "@hapi/hapi", "next", "nuxt", "apollo-server", "socket.io",
        "@remix-run/node", "@remix-run/serve", "@sveltejs/kit", "astro", "@angular/ssr", "json-server",
    }
)  # fmt: skip
_PYTHON_MANIFESTS = ("requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "manage.py")


@dataclass(frozen=True, slots=True)
class Naive:
    """A single-stage Dockerfile of an app in an official language image that installs its dependencies.

    Attributes:
        ecosystem: what kind of app it is.
        gains: why a split would pay: ``spa``, ``compile step``, ``build tools``, ``dev dependencies``.
        development: whether the file's name says that it is not for production.
    """

    ecosystem: Ecosystem
    gains: tuple[str, ...]
    development: bool


@dataclass(frozen=True, slots=True)
class Virtues:
    """What the image that a Dockerfile ends in has.

    Attributes:
        split: built in more than one stage.
        user: runs as somebody else than root.
        small: stands on a small base.
        caches: leaves no package cache behind in what ships.
        order: copies manifests, installs, and only then copies the sources, in every stage.
        lean: carries no dev dependencies, by a split or by leaving them out.
    """

    split: bool
    user: bool
    small: bool
    caches: bool
    order: bool
    lean: bool


def naive(commands: Sequence[Command], place: Path, root: Path) -> Naive | None:
    """What *commands*, the Dockerfile at *place* in the checkout *root*, are naive about; ``None`` if they are not.

    A file belongs here if it has one stage on the official node or python image, installs the dependencies of a
    manifest that lies beside it (or at the root), and starts something.
    """
    bases = [command.words[0] for command in commands if command.name == "FROM" and command.words]
    if len(bases) != 1 or not any(command.name in {"CMD", "ENTRYPOINT"} for command in commands):
        return None
    image = bases[0].removeprefix("docker.io/").removeprefix("library/").partition("@")[0].partition(":")[0]
    runs = list(_runs(commands))
    development = _DEVELOPMENT.search(place.name) is not None
    if image == "node" and any(_NODE_INSTALL.search(run) for run in runs):
        manifest = _manifest(place, root)
        if manifest is None:
            return None
        spa = _is_spa(manifest)
        lean = _is_lean(runs) or "production" in _environment(commands).get("NODE_ENV", "")
        return Naive("spa" if spa else "node", tuple(_node_gains(runs, manifest, spa, lean)), development)
    if image == "python" and any(_PYTHON_INSTALL.search(run) for run in runs):
        if not any((folder / name).is_file() for folder in (place.parent, root) for name in _PYTHON_MANIFESTS):
            return None
        return Naive("python", ("build tools",) if _has_build_tools(runs) else (), development)
    return None


def virtues(commands: Sequence[Command]) -> Virtues:
    """What the last stage of *commands*, with the stages that it stands on, is like."""
    stages = list(_stages(commands))
    chain = _chain(stages)
    shipped = [command for stage in chain for command in stage]
    base = chain[0][0].words[0] if chain and chain[0][0].words else ""
    users = [command.words[0] for command in shipped if command.name == "USER" and command.words]
    account = users[-1].partition(":")[0] if users else "root"
    runs = list(_runs(shipped))
    return Virtues(
        split=len(stages) > 1,
        user=account not in {"root", "0"} or "unprivileged" in base,
        small=_SMALL.search(base) is not None,
        caches=all(_is_clean(run, _environment(shipped)) for run in runs),
        order=all(_in_order(stage) for stage in stages),
        lean=_is_lean(runs) or "production" in _environment(shipped).get("NODE_ENV", ""),
    )


def _node_gains(runs: Sequence[str], manifest: Mapping[str, object], spa: bool, lean: bool) -> Iterator[str]:
    if spa:
        yield "spa"
    if any(_BUILD_STEP.search(run) for run in runs):
        yield "compile step"
    if _has_build_tools(runs):
        yield "build tools"
    if manifest.get("devDependencies") and not lean:
        yield "dev dependencies"


def _is_lean(runs: Sequence[str]) -> bool:
    return all(_PRODUCTION.search(run) for run in runs if _NODE_INSTALL.search(run))


def _has_build_tools(runs: Sequence[str]) -> bool:
    return any(_SYSTEM_INSTALL.search(run) and _BUILD_TOOL.search(run) for run in runs)


def _manifest(place: Path, root: Path) -> Mapping[str, object] | None:
    for folder in (place.parent, root):
        try:
            read = json.loads((folder / "package.json").read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(read, dict):
            return read
    return None


def _is_spa(manifest: Mapping[str, object]) -> bool:
    names: set[str] = set()
    for key in ("dependencies", "devDependencies"):
        listed = manifest.get(key)
        names |= set(listed) if isinstance(listed, dict) else set()
    scripts = manifest.get("scripts")
    return bool(names & _SPA_TOOLS) and not names & _SERVERS and isinstance(scripts, dict) and "build" in scripts


def _runs(commands: Sequence[Command]) -> Iterator[str]:
    """The shell text of each RUN, with its flags in front, so that cache mounts are seen."""
    for command in commands:
        if command.name == "RUN":
            yield " ".join((*command.flags, *command.words, *command.heredocs))


def _stages(commands: Sequence[Command]) -> Iterator[Sequence[Command]]:
    starts = [index for index, command in enumerate(commands) if command.name == "FROM"]
    for start, end in pairwise([*starts, len(commands)]):
        yield commands[start:end]


def _chain(stages: Sequence[Sequence[Command]]) -> list[Sequence[Command]]:
    """The last stage and those that it descends from, eldest first."""
    chain: list[Sequence[Command]] = []
    index = len(stages) - 1
    while index >= 0:
        chain.insert(0, stages[index])
        words = stages[index][0].words
        parent = words[0].lower() if words else ""
        index = next((i for i in range(index - 1, -1, -1) if _name(stages[i]) == parent), -1)
    return chain


def _name(stage: Sequence[Command]) -> str | None:
    words = stage[0].words
    return words[2].lower() if len(words) == 3 and words[1].lower() == "as" else None


def _environment(commands: Sequence[Command]) -> dict[str, str]:
    found: dict[str, str] = {}
    for command in commands:
        if command.name == "ENV":
            found.update(zip(command.words[::2], command.words[1::2], strict=False))
    return found


def _is_clean(run: str, environment: Mapping[str, str]) -> bool:
    if "--mount=type=cache" in run:
        return True
    if re.search(r"\bapt(?:-get)?\b[^&;|]*\binstall\b", run) and "/var/lib/apt/lists" not in run:
        return False
    if re.search(r"\bapk\b[^&;|]*\badd\b", run) and "--no-cache" not in run and "/var/cache/apk" not in run:
        return False
    if _PIP_INSTALL.search(run) and not re.search(r"--no-cache-dir|\bpip3?\s+cache\s+purge|/root/\.cache", run):
        return bool(environment.get("PIP_NO_CACHE_DIR"))
    if _NODE_INSTALL.search(run):
        return re.search(r"\b(?:npm|yarn)\s+cache\s+clean|\bpnpm\s+store\s+prune|/root/\.npm|\.cache", run) is not None
    return True


def _in_order(stage: Sequence[Command]) -> bool:
    whole = False
    for command in stage:
        if command.name in {"COPY", "ADD"} and not any(flag.startswith("--from") for flag in command.flags):
            whole = whole or any(source.rstrip("/") in _WHOLE or source in _WHOLE for source in command.words[:-1])
        elif command.name == "RUN":
            run = " ".join(command.words)
            if _NODE_INSTALL.search(run) or _PYTHON_INSTALL.search(run):
                return not whole
    return True
