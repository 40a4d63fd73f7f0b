"""``dockerignore``: what a build need not see."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from dockfix.facts.ignore import Ignore
from dockfix.facts.ignore import patterns as parsed
from dockfix.model import Model, Step
from dockfix.recipes.ignores import environment_files, environment_pattern, history_reader, modules_pattern, patterns
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform


@transform("dockerignore", phase=Phase.IGNORE_FILE, safety=Safety.SAFE)
def dockerignore(model: Model) -> Iterator[Result]:
    """Keep out of the image what only a checkout has: .git, the host's node_modules, virtual environments.

    What it does:
        Makes a .dockerignore at the root of the build context where a whole folder is copied and there is none, with
        what this app has and no image needs. To an existing one it only adds the host's node_modules and virtual
        environment, which would overwrite the installed ones.

    Why:
        Without it every commit changes what COPY brings, so that nothing behind it is cached; modules built for
        another system replace the installed ones; and the history goes into the image.

    Refuses when:
        A build in the same context takes its modules from there. Left out is what a COPY or a bind mount names, and
        .git where something may read it: setuptools_scm, `git describe`, a language whose builds are not known.
        Env files are never ignored: the app may read them at the build or at its start.

    Example:
        See fixtures/dockerignore/example.
    """
    copy = _whole_copy(model)
    if copy is None:
        return
    step, whole = copy
    if model.app.ignore.exists:
        yield from _amend(model, step, whole)
    else:
        yield from _make(model, step, whole)
    for path in environment_files(model, whole):
        why = f"{model.app.origin(path)} goes into the image: whether the app reads it cannot be told"
        yield Note(step.instruction, why, advice=True)


def _make(model: Model, step: Step, whole: str) -> Iterator[Result]:
    reader = history_reader(model)
    if reader is not None:
        yield Note(step.instruction, f".git stays in the build context: {reader} may read it")
    wanted = patterns(model, whole, history=reader is not None)
    if not wanted:
        return
    path = model.app.origin(".dockerignore")
    text = "\n".join(wanted) + "\n"
    why = f"COPY takes everything in the context, {_listed(wanted)} included"
    yield Change(step.instruction, (), why, Safety.SAFE, files={path: text})


def _amend(model: Model, step: Step, whole: str) -> Iterator[Result]:
    """Add what lies where the build installs packages to an ignore file that forgot it."""
    ignore = model.app.ignore
    modules, environment = modules_pattern(model, whole), environment_pattern(model, whole)
    wanted = {f"{whole}/node_modules".lstrip("/"): modules} if modules is not None else {}
    wanted |= {environment: environment} if environment is not None else {}
    wanted = {place: pattern for place, pattern in wanted.items() if not ignore.ignores(place)}
    if not wanted:
        return
    names = " and ".join(basename(place) for place in wanted)
    if any(pattern.exclusion for pattern in ignore.patterns):
        why = f"{names} of the host are copied too, but {ignore.path} takes paths back in with !"
        yield Refusal(step.instruction, why)
        return
    text = (model.app.files.read(ignore.path) or b"").decode("utf-8", "surrogateescape")
    newline = "\r\n" if "\r\n" in text else "\n"
    joint = "" if not text or text.endswith("\n") else newline
    new = text + joint + "".join(f"{pattern}{newline}" for pattern in wanted.values())
    changed = Ignore(True, ignore.path, tuple(parsed(new.removeprefix("\ufeff"))))
    if not all(map(changed.ignores, wanted)):
        yield Refusal(step.instruction, f"{names} of the host are copied too, and {ignore.path} cannot be read")
        return
    installed = "ones" if modules is not None else "one"
    why = f"{ignore.path} lets the host's {names} overwrite the installed {installed}"
    yield Change(step.instruction, (), why, Safety.SAFE, files={ignore.path: new})


def _whole_copy(model: Model) -> tuple[Step, str] | None:
    """The first COPY of the whole context, or of a whole folder with manifests in it; with that folder."""
    found = [
        (placement.step, placement.source)
        for stage in model.stages
        for placement in stage.placements
        if placement.folder and (not placement.source or _is_app(model, placement.source))
    ]
    return next((each for each in found if not each[1]), found[0] if found else None)


def _is_app(model: Model, folder: str) -> bool:
    return any(
        model.app.root.exists(f"{folder}/{name}") for name in ("package.json", "requirements.txt", "pyproject.toml")
    )


def _listed(names: tuple[str, ...]) -> str:
    plain = [name.removeprefix("**/") for name in names]
    return plain[0] if len(plain) == 1 else f"{', '.join(plain[:-1])} and {plain[-1]}"
