"""Caches of package managers: how each of them is told to keep none, or is emptied."""

from __future__ import annotations

import re
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.model import Purpose
from dockfix.recipes import chain
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.dockerfile import Document
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Invocation, Model, StageModel, Step

OLD_PIP = frozenset({"squeeze", "wheezy", "jessie", "lucid", "precise", "trusty"})
"""Suites whose own pip is older than 6.0, the first with ``--no-cache-dir``: https://pip.pypa.io/en/stable/news/#v6-0"""

OLD_APK = frozenset({"2.6", "2.7", "3.1", "3.2"})
"""Branches whose apk has no ``--no-cache``: https://www.alpinelinux.org/posts/Alpine-3.3.0-released.html"""

FILLING = frozenset({"install", "i", "ci", "clean-install", "add"})
DNF_FILLING = frozenset({"install", "update", "upgrade", "groupinstall", "localinstall", "reinstall", "distro-sync"})
INDEXED = frozenset({"add", "upgrade", "update"})
"""What apk does with the index of packages; ``del`` needs none."""

_PIP_CACHE = re.compile(r"rm\s+-\w+\s[^&|;]*(?:/root|~|\$HOME|\$\{HOME\})/\.cache")
_NPM_CACHE = re.compile(r"cache\s+(?:clean|clear)|rm\s+-\w+\s[^&|;]*/\.npm\b")
_YARN_CACHE = re.compile(r"cache\s+clean|rm\s+-\w+\s[^&|;]*/\.cache\b")


def pip(stage: StageModel, step: Step) -> Iterator[Edit]:
    """``--no-cache-dir`` for each ``pip install`` that would keep one."""
    installs = step.calls("pip", "install")
    if not installs or _pip_settled(stage, step):
        return
    for called in installs:
        if (
            is_pip(called)
            and not called.has("--no-cache-dir", "--no-cache", "--cache-dir")
            and not _assigned(called, "PIP_NO_CACHE_DIR")
        ):
            user = next((word for word in called.options if word.text == "--user"), None)
            end = (user or called.verb_word).span.end
            yield Edit(Span(end, end), " --no-cache-dir")


def is_pip(called: Invocation) -> bool:
    """Whether it is pip itself and not uv in its place."""
    words = [basename(word.text) for word in called.command.words[:2]]
    return "uv" not in words


def _pip_settled(stage: StageModel, step: Step) -> bool:
    """Whether pip keeps no cache here anyway, or cannot be told so."""
    if not chain.understood(step) or chain.cached(step):
        return True
    if {"PIP_NO_CACHE_DIR", "PIP_CACHE_DIR"} & {*step.before.env, *step.arguments}:
        return True
    if _PIP_CACHE.search(step.instruction.value) or step.calls("pip", "cache"):
        return True
    if any("no-cache-dir" in other.instruction.value for other in stage.callers.get(("pip", "config"), ())):
        return True
    if any(_wants_cache(other) for other in stage.naming_caches):
        return True
    image = stage.image
    return image is not None and image.name != "python" and image.suite in OLD_PIP


def _wants_cache(step: Step) -> bool:
    """Whether an instruction that names the cache's folder fails where there is none, as all but ``rm -f`` do."""
    return not re.search(r"\brm\s+(?:-\w+\s+)*-\w*f", step.instruction.value)


def _assigned(called: Invocation, name: str) -> bool:
    return any(word.text.startswith(f"{name}=") for word in called.command.assignments)


def apk(document: Document, stage: StageModel, step: Step) -> Iterator[Edit]:
    """``--no-cache`` for each ``apk add``, in the place of ``apk update`` and ``--update``."""
    calls = step.calls("apk")
    if not apk_known(stage, step) or _cleans_apk(step):
        return
    for called in calls:
        if called.verb == "update":
            edit = _without(document, step, called.command)
            if edit is not None:
                yield edit
            continue
        if called.verb not in INDEXED or called.has("--no-cache"):
            continue
        updating = next((word for word in called.options if word.text in {"-U", "--update", "--update-cache"}), None)
        if updating is not None:
            yield Edit(updating.span, "--no-cache")
        else:
            yield Edit(Span(called.verb_word.span.end, called.verb_word.span.end), " --no-cache")


def apk_known(stage: StageModel, step: Step) -> bool:
    """Whether apk is only told to add, upgrade and delete here, each command being understood."""
    calls = step.calls("apk")
    if not calls or not chain.understood(step) or chain.cached(step):
        return False
    if any(called.verb not in {*INDEXED, "del"} for called in calls):
        return False
    if any(called.has("--no-network", "--cache-dir", "--cache-max-age") for called in calls):
        return False
    short = any(re.fullmatch(r"-\w*U\w+|-\w+U\w*", word.text) for called in calls for word in called.options)
    return not short and (stage.image is None or stage.image.suite not in OLD_APK)


def _cleans_apk(step: Step) -> bool:
    """Whether the RUN empties apk's cache itself; then the index may be used as it stands."""
    return "/var/cache/apk" in step.instruction.value and not step.calls("apk", "update")


def lone_apk_update(stage: StageModel, position: int) -> bool:
    """Whether a RUN only fetches apk's index, and every later one fetches its own with ``--no-cache``."""
    step = stage.steps[position]
    if step.script is None or [called.verb for called in step.calls("apk")] != ["update"]:
        return False
    if len(step.script.commands) != 1 or step.instruction.flags or not apk_known(stage, step):
        return False
    later = [other for other in stage.steps[position + 1 :] if other.calls("apk")]
    return bool(later) and all(
        apk_known(stage, other) and not other.instruction.heredocs and not _cleans_apk(other) for other in later
    )


def _without(document: Document, step: Step, command: ShellCommand) -> Edit | None:
    """The edit that takes a command with the ``&&`` behind it out of a chain; ``None`` where it stands otherwise."""
    assert step.script is not None
    commands = step.script.commands
    at = commands.index(command)
    if command.depth or command.joiner not in {"", "&&", ";"} or at + 1 == len(commands) or step.instruction.heredocs:
        return None
    following = commands[at + 1]
    if following.depth or following.joiner not in {"&&", ";"} or command.redirects:
        return None
    if "#" in document.text[command.span.end : following.span.start]:
        return None
    return Edit(Span(command.span.start, following.span.start), "")


def emptying(model: Model, stage: StageModel, step: Step, ships: bool) -> Iterator[str]:
    """The commands that empty the caches of npm, yarn, conda and dnf behind what a RUN installs.

    Args:
        model: the Dockerfile.
        stage: the stage.
        step: the RUN.
        ships: whether the stage's own layers end up in an image, not its modules alone.
    """
    if not chain.understood(step) or chain.cached(step):
        return
    value = step.instruction.value
    fills = [called for called in step.invocations if ships or Purpose.INSTALL in step.purposes]
    if any(called.manager == "npm" and called.verb in FILLING for called in fills) and not _NPM_CACHE.search(value):
        yield "npm cache clean --force"
    if (
        not _YARN_CACHE.search(value)
        and any(_fills_yarn(called) for called in fills)
        and _classic_yarn(model, stage, step)
    ):
        yield "yarn cache clean"
    conda = next((name for name in _conda(step) if ships and not re.search(r"(?:conda|mamba)\s+clean\b", value)), None)
    if conda is not None:
        yield f"{conda} clean --all --yes"
    if ships and not re.search(r"clean\s+(?:all|packages)|/var/cache/(?:yum|dnf)", value):
        for called in step.calls("dnf"):
            if called.verb in DNF_FILLING:
                words = [word.text for word in called.command.words]
                yield f"{'sudo ' if words[0] == 'sudo' else ''}{words[words[0] == 'sudo']} clean all"
                return


def _conda(step: Step) -> Iterator[str]:
    """The programs of conda's kind that a RUN installs by, as it calls them.

    https://docs.conda.io/projects/conda/en/stable/commands/clean.html
    """
    for command in step.script.commands if step.script is not None else ():
        name, verbs = basename(command.name), command.args[:2]
        if name in {"conda", "mamba", "micromamba"} and {"install", "create", "update"} & {*verbs}:
            yield command.words[0].text


def _fills_yarn(called: Invocation) -> bool:
    if called.manager != "yarn":
        return False
    return called.verb in FILLING or not called.verb or (called.verb == "global" and bool(called.operands))


def _classic_yarn(model: Model, stage: StageModel, step: Step) -> bool:
    """Whether yarn is version 1, by its lock: a later one may run the app from its cache (Plug'n'Play)."""
    folder = stage.context_path(step.before.workdir)
    node = model.app.node_at(folder) if folder is not None else None
    if node is None or node.manager == "yarn-berry" or node.has(".yarnrc.yml") or node.has(".pnp.cjs"):
        return False
    return not re.search(r"yarn\s+set\s+version|corepack", model.document.text)
