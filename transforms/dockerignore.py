"""``dockerignore``: what a build need not see."""

from __future__ import annotations

from collections.abc import Iterator

from dockfix.model import Model, Step
from dockfix.recipes.ignores import patterns
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform


@transform("dockerignore", phase=Phase.IGNORE_FILE, safety=Safety.SAFE)
def dockerignore(model: Model) -> Iterator[Result]:
    """Keep out of the image what only a checkout has: .git, the host's node_modules, virtual environments.

    What it does:
        Makes a .dockerignore at the root of the build context where a whole folder is copied and there is none, with
        what this app has and no image needs. To an existing one it only adds the host's node_modules, which would
        overwrite the installed ones.

    Why:
        Without it every commit changes what COPY brings, so that nothing behind it is cached; modules built for
        another system replace the installed ones; and the history goes into the image.

    Refuses when:
        The build reads .git for its version; a path is named by a COPY; the modules come from the context because
        the file installs none. Env files are never ignored: the app may read them at the build or at its start.

    Example:
        See fixtures/dockerignore/example.
    """
    copy = _whole_copy(model)
    if copy is None:
        return
    step, whole = copy
    ignore = model.app.ignore
    wanted = patterns(model, whole)
    if not ignore.exists:
        if not wanted:
            yield Refusal(step.instruction, "the build may need everything that the context holds")
            return
        path = model.app.origin(".dockerignore")
        why = "COPY takes everything in the context, .git and what a checkout leaves behind included"
        yield Change(step.instruction, (), why, Safety.SAFE, files={path: "\n".join(wanted) + "\n"})
        yield from _secrets(model, step)
        return
    modules = next((pattern for pattern in wanted if pattern.endswith("node_modules")), None)
    folder = whole or ""
    if modules is None or ignore.ignores(f"{folder}/node_modules".lstrip("/")):
        return
    data = model.app.files.read(ignore.path)
    text = (data or b"").decode("utf-8", "surrogateescape")
    newline = "\r\n" if "\r\n" in text else "\n"
    joint = "" if not text or text.endswith("\n") else newline
    why = f"{ignore.path} lets the host's node_modules overwrite the installed ones"
    yield Change(step.instruction, (), why, Safety.SAFE, files={ignore.path: f"{text}{joint}{modules}{newline}"})


def _whole_copy(model: Model) -> tuple[Step, str] | None:
    """The first COPY of a whole folder with manifests in it, or of the whole context; with that folder."""
    for stage in model.stages:
        for placement in stage.placements:
            if placement.folder and (not placement.source or _is_app(model, placement.source)):
                return placement.step, placement.source
    return None


def _is_app(model: Model, folder: str) -> bool:
    return any(
        model.app.root.exists(f"{folder}/{name}") for name in ("package.json", "requirements.txt", "pyproject.toml")
    )


def _secrets(model: Model, step: Step) -> Iterator[Note]:
    for name in (".env", "config.env"):
        if model.app.root.exists(name):
            why = f"{model.app.origin(name)} goes into the image: whether the app reads it cannot be told"
            yield Note(step.instruction, why, advice=True)
