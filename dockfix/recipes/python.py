"""Python services: packages are installed in a builder and carried to an end without compilers."""

from __future__ import annotations

from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose, Role, requirement_paths
from dockfix.recipes.packages import install_line, runtime_packages
from dockfix.recipes.split import (
    NoGainError,
    Split,
    UnfitError,
    build_variables,
    check_common,
    env_delta,
    spaced,
    stage_name,
    used,
)
from dockfix.text import Edit, Span
from dockfix.transform import Safety

if TYPE_CHECKING:
    from dockfix.model import Invocation, Model, Step

USER_SITE = "/root/.local"
VENV = "/opt/venv"
BUILDERS = frozenset(
    {"gcc", "g++", "cc", "c++", "make", "cmake", "cargo", "rustc", "git", "pip", "pip3", "poetry", "uv"}
)
PIP_PLACES = ("-t", "--target", "--prefix", "--root", "--user", "-e", "--editable")


def split(model: Model) -> Split | None:
    """The stage as a builder that installs and an end that runs; ``None`` where it is no Python image.

    Raises:
        UnfitError: something stands in the way.
        NoGainError: nothing is compiled, so that the end would be as large as it is.
    """
    stage = model.final
    if stage.image is None or stage.image.name != "python":
        return None
    installs = stage.doing(Purpose.INSTALL)
    if not installs:
        return None
    check_common(model)
    _check_installs(model, installs)
    gain = _gain(model)
    last = stage.steps.index(installs[-1])
    head, tail = stage.steps[: last + 1], stage.steps[last + 1 :]
    _check_head(head)
    _check_tail(tail)
    venv = model.options.python_packages == "venv" or any(service.user is not None for service in model.services)
    return _arrange(model, head, tail, gain, venv)


def _check_installs(model: Model, installs: tuple[Step, ...]) -> None:
    for step in installs:
        for called in step.invocations:
            if called.manager in {"apt", "apk", "dnf"}:
                continue
            if called.manager != "pip":
                raise UnfitError(step.instruction, f"{called.manager} keeps its packages in a place of its own")
            if called.verb != "install":
                continue
            for option in PIP_PLACES:
                if called.has(option):
                    raise UnfitError(step.instruction, f"pip is told where to install ({option})")
            local = [word.text for word in called.operands if word.text.startswith((".", "/", "file:"))]
            if local:
                raise UnfitError(step.instruction, f"the sources themselves are installed ({local[0]})")
            if not all(word.static for word in (*called.operands, *called.options)):
                raise UnfitError(step.instruction, "what pip installs depends on a variable")
        for name in (
            "PIP_USER",
            "PIP_TARGET",
            "PIP_PREFIX",
            "PYTHONNOUSERSITE",
            "VIRTUAL_ENV",
            "PYTHONUSERBASE",
            "HOME",
        ):
            if name in step.before.env:
                raise UnfitError(step.instruction, f"{name} tells pip where packages go")
    python = model.app.python
    for step in installs:
        for called in step.calls("pip", "install"):
            for path in requirement_paths(model.final, step, called):
                for fact in python.local_of(path) if python is not None else ():
                    if "://" not in fact.value:
                        raise UnfitError(step.instruction, f"the sources themselves are installed ({fact.origin})")


def _gain(model: Model) -> str:
    tools = [name for _, name in model.final.packages if catalog.is_build_tool(name, model.final.image.distribution)]  # type: ignore[union-attr]
    if tools:
        return f"{_listed(tools)} {'is' if len(tools) == 1 else 'are'} needed only while packages are built"
    for requirement in model.requirements:
        wheel = catalog.python_wheel(requirement.name, requirement.version)
        if wheel.quick_build or wheel.musl == "sdist":
            return f"{requirement.name} is compiled while it is installed ({requirement.origin})"
    if model.options.split == "always":
        return "the packages are installed in a stage of their own"
    raise NoGainError("no build tools are installed and no package is known to be compiled")


def _listed(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    if len(names) > 3:
        return f"{', '.join(names[:3])} and {len(names) - 3} more packages"
    return " and ".join(names) if len(names) < 3 else f"{names[0]}, {names[1]} and {names[2]}"


def _check_head(head: tuple[Step, ...]) -> None:
    movable = {Purpose.PACKAGES, Purpose.INSTALL, Purpose.SETTINGS, Purpose.CLEANUP, Purpose.FOLDERS, Purpose.ACCOUNT}
    for step in head:
        if step.script is None:
            continue
        if not step.script.ok or not step.purposes <= movable:
            raise UnfitError(step.instruction, "what this RUN leaves behind for the app cannot be told")
        if Purpose.FOLDERS in step.purposes and step.purposes & {Purpose.INSTALL, Purpose.PACKAGES}:
            raise UnfitError(step.instruction, "this RUN installs and makes folders at once")


def _check_tail(tail: tuple[Step, ...]) -> None:
    for step in tail:
        for command in step.script.commands if step.script else ():
            if basename(command.name) in BUILDERS:
                raise UnfitError(step.instruction, f"{command.name} is still called after the packages are installed")


def _arrange(model: Model, head: tuple[Step, ...], tail: tuple[Step, ...], gain: str, venv: bool) -> Split:
    document, stage = model.document, model.final
    assert stage.image is not None
    place = VENV if venv else USER_SITE
    builder: list[Item] = []
    runtime: list[Item] = []
    dropped: dict[int, str] = {}
    needed = runtime_packages(model, [step for step in head if Purpose.PACKAGES in step.purposes])
    packages_placed = not needed
    env_at = 1
    for position, step in enumerate(head):
        instruction = step.instruction
        keyword = instruction.keyword
        rest = [other for other in head[position + 1 :] if other.script or other.role in {Role.MANIFESTS, Role.SOURCES}]
        if keyword == "FROM":
            builder.append(stage_name(document, instruction, "builder") if not _named(model) else _fresh(model))
            runtime.append(stage_name(document, instruction, "runtime"))
        elif keyword == "ENV":
            if build_variables(step, rest):
                builder.append(Keep(instruction))
            runtime.append(Keep(instruction))
            env_at = len(runtime) if env_at == len(runtime) - 1 else env_at
        elif keyword == "ARG":
            name = instruction.assignments[0].key if instruction.assignments else ""
            builder.append(Keep(instruction))
            if used(name, tail) or any(other.instruction.keyword == "ENV" and used(name, [other]) for other in head):
                runtime.append(Keep(instruction))
                env_at = len(runtime) if env_at == len(runtime) - 1 else env_at
        elif keyword in {"WORKDIR", "SHELL", "USER"}:
            builder.append(Keep(instruction))
            runtime.append(Keep(instruction))
        elif step.role is Role.MANIFESTS:
            builder.append(Keep(instruction))
            if not _brought_again(model, step, tail):
                runtime.append(Keep(instruction))
        elif step.role in {Role.SOURCES, Role.STAGE_COPY, Role.FOLDERS, Role.ACCOUNT}:
            if step.role in {Role.SOURCES, Role.FOLDERS}:
                builder.append(Keep(instruction))
            runtime.append(Keep(instruction))
        elif step.script is not None:
            if venv and Purpose.INSTALL in step.purposes and not any(_is_venv(item) for item in builder):
                builder += [New(f"RUN python -m venv {VENV}"), New(f"ENV PATH={VENV}/bin:$PATH")]
            builder.append(Keep(instruction, () if venv else tuple(_user_installs(step))))
            if Purpose.PACKAGES in step.purposes and not packages_placed:
                runtime.append(New(install_line(stage.image.manager or "", needed)))
                packages_placed = True
            if instruction is head[-1].instruction:
                runtime.append(New(f"COPY --from=builder {place} {place}"))
        else:
            runtime.append(Keep(instruction))
    runtime += [Keep(step.instruction) for step in tail]
    variables = {"PATH": f"{place}/bin:{head[0].after.env['PATH']}"}
    text = f"PATH={place}/bin:$PATH"
    if not venv:
        variables["PYTHONUSERBASE"] = place
        text = f"PYTHONUSERBASE={place} \\\n    {text}"
    _check_path(model)
    runtime.insert(env_at, New(f"ENV {text}"))
    variables["PATH"] = f"{place}/bin:{stage.config.env['PATH']}"
    return Split(
        (spaced(document, builder), spaced(document, runtime)),
        f"{gain}, so that the image that runs does not carry them",
        env_delta(model, variables),
        dropped,
        safety=Safety.SAFE,
    )


def _check_path(model: Model) -> None:
    for step in model.final.steps:
        if step.instruction.keyword == "ENV" and any(a.key == "PATH" for a in step.instruction.assignments):
            raise UnfitError(step.instruction, "PATH is already changed here")


def _named(model: Model) -> bool:
    return model.final.stage.name is not None


def _fresh(model: Model) -> New:
    from dockfix.recipes.split import from_line

    return from_line(model.final.stage.base, "builder")


def _is_venv(item: Item) -> bool:
    return isinstance(item, New) and "-m venv" in item.text


def _brought_again(model: Model, step: Step, tail: tuple[Step, ...]) -> bool:
    """Whether a later COPY brings the manifest to the same place, so that the first need not stay in the end."""
    placed = [p for p in model.final.placements if p.step is step]
    later = [p for p in model.final.placements if p.step in tail]
    return all(
        any(
            q.folder and (not q.source or p.source.startswith(q.source + "/")) and p.target.startswith(q.target)
            for q in later
        )
        for p in placed
    )


def _user_installs(step: Step) -> list[Edit]:
    """``--user`` for every pip install of the app's packages; pip itself is renewed where it is."""
    edits = []
    for called in step.calls("pip", "install"):
        if _renews_pip(called):
            continue
        end = called.verb_word.span.end
        edits.append(Edit(Span(end, end), " --user"))
    return edits


def _renews_pip(called: Invocation) -> bool:
    names = {word.text.partition("=")[0].rstrip("<>~!=") for word in called.operands}
    return bool(names) and names <= {"pip", "setuptools", "wheel"} and not called.has("-r", "--requirement")
