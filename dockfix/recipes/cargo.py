"""Cargo's dependencies before the sources: built once with a placeholder for the program.

Cargo has no command that builds the dependencies alone (https://github.com/rust-lang/cargo/issues/2644). The one way
that needs no tool of others is a build with an empty program in the place of the real one, in a workspace with an empty
one for each crate; when the sources come, the files of these are touched, since Cargo goes by dates and a copied file
keeps its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from posixpath import dirname, relpath
from typing import TYPE_CHECKING

from dockfix.facts import rust as facts
from dockfix.facts.files import join
from dockfix.model.config import join as absolute
from dockfix.recipes.manifests import Fetch, stretch
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.facts.rust import Crate
    from dockfix.model import Invocation, Model, StageModel, Step

OUTPUT = "target"
MOST = 15
"""Crates beyond which the copies of their files would be most of the Dockerfile."""
COLUMNS = 120
BESIDE = ("Cargo.lock", "rust-toolchain", "rust-toolchain.toml", ".cargo")
"""What Cargo and rustup read beside the manifest: https://doc.rust-lang.org/cargo/reference/config.html,
https://rust-lang.github.io/rustup/overrides.html#the-toolchain-file"""
ELSEWHERE = ("--manifest-path", "--config", "--example", "--examples", "--all-targets", "--offline", "--frozen", "-C")
"""Options by which a build has other sources than the program's, or may fetch nothing."""
TABLES = ("example", "test", "bench")
"""Targets of which a manifest names the files: https://doc.rust-lang.org/cargo/reference/cargo-targets.html"""


def fetch(model: Model, stage: StageModel, step: Step) -> Fetch | None:
    """How the dependencies of a program are built before its sources; ``None`` where there are none.

    Raises:
        UnfitError: the manifest cannot be built without the sources.
    """
    called = next((c for c in step.invocations if c.manager == "cargo" and c.verb == "build"), None)
    if called is None:
        return None
    if _is_built_apart(stage, step):
        raise UnfitError(step.instruction, "another stage has built the dependencies already")
    _check_command(step, called)
    folder = stage.source(step.before.workdir)
    if folder is None:
        raise UnfitError(step.instruction, f"nothing of the build context lands in {step.before.workdir}")
    crate = facts.crate_at(model.app, folder)
    if crate is None:
        raise UnfitError(step.instruction, f"{join(folder, 'Cargo.toml')} is not in the build context")
    members = facts.workspace(crate)
    if members is None:
        raise UnfitError(step.instruction, f"a crate of the workspace is not in the build context ({crate.origin})")
    if not any(each.dependencies for each in members):
        return None
    for why in _obstacles(crate, members):
        raise UnfitError(step.instruction, why)
    files = [path for each in members for path in _placeholders(each)]
    missing = next((path for path in files if not model.app.sends(path)), None)
    if missing is not None:
        raise UnfitError(step.instruction, f"{missing} is not in the build context")
    made = join(folder, OUTPUT)
    if _is_brought(stage, made) and not model.app.ignore.ignores(made):
        why = f"{made} of the host would be copied over what is built ({model.app.ignore.path})"
        raise UnfitError(step.instruction, why)
    paths = [join(folder, name) for name in ("Cargo.toml", *BESIDE)]
    paths += [join(each.folder, "Cargo.toml") for each in members if each is not crate]
    words = stretch(model, step, called.command.span)
    touch = f"touch {' '.join(_inside(path, folder) for path in files)}"
    what = "the program is a placeholder" if len(files) == 1 else "the programs are placeholders"
    return Fetch(
        tuple(path for path in paths if model.app.sends(path)),
        (f"# the dependencies alone: {what}\n{_joined(model, (*_making(members, folder), words))}",),
        "cargo builds the dependencies together with the sources, so that every edit of these repeats it",
        called.command.span.start,
        _joined(model, (touch, words)).removeprefix("RUN ").removesuffix(words),
    )


def _is_built_apart(stage: StageModel, step: Step) -> bool:
    """Whether a COPY brings what another stage has built of the dependencies, as with cargo-chef."""
    output = absolute(step.before.workdir, OUTPUT)
    return any(
        copy.from_ is not None and absolute(above.before.workdir, copy.destination).rstrip("/") == output
        for above in stage.steps[: stage.steps.index(step)]
        if (copy := above.instruction.copy) is not None
    )


def _is_brought(stage: StageModel, path: str) -> bool:
    """Whether a copy of a folder would bring a file or folder of the context that lies in it."""
    return any(p.folder and f"{path}/".startswith(f"{p.source}/" if p.source else "") for p in stage.placements)


def ignored(model: Model, whole: str) -> Iterator[str]:
    """The host's ``target``, where a build makes its own and the repository holds none.

    Args:
        model: the Dockerfile.
        whole: the folder of the context that is copied.
    """
    root = model.app.root
    for stage in model.stages:
        for step in stage.steps:
            folder = stage.source(step.before.workdir) if step.calls("cargo", "build") else None
            if folder is None or not f"{folder}/".startswith(f"{whole}/" if whole else ""):
                continue
            made = join(folder, OUTPUT)
            # https://doc.rust-lang.org/cargo/reference/build-cache.html: Cargo marks the folder as its own
            if not root.is_dir(made) or root.exists(join(made, "CACHEDIR.TAG")):
                yield made


def _check_command(step: Step, called: Invocation) -> None:
    """Refuse a build that is not the plain one of the crate in the working directory.

    Raises:
        UnfitError: with the reason.
    """
    if called.has(*ELSEWHERE):
        option = next(word.text for word in called.options if word.text.partition("=")[0] in ELSEWHERE)
        raise UnfitError(step.instruction, f"`cargo build {option}` may need more than the manifest")
    if step.instruction.flags:
        raise UnfitError(step.instruction, "the build has settings of its own")
    commands = step.script.commands if step.script is not None else ()
    if called.command.depth or any(command.name in {"cd", "pushd"} for command in commands):
        raise UnfitError(step.instruction, "the folder of the build cannot be told")
    if not all(word.static for word in (*called.command.assignments, *called.command.words)):
        raise UnfitError(step.instruction, "what the build is told depends on variables")


def _obstacles(crate: Crate, members: Sequence[Crate]) -> Iterator[str]:
    """Why the manifests alone do not make a build."""
    folders = {each.folder for each in members}
    if crate.root != crate.folder:
        yield f"the crates of a workspace build upon each other ({crate.origin})"
    if len(members) > MOST:
        yield f"the files of {len(members)} crates would have to be copied one by one"
    for each in members:
        manifest, origin, package = each.manifest, each.origin, each.manifest.get("package", {})
        near = next((place for place in each.near if place not in folders), None)
        if near is not None:
            yield f"the crate in {relpath(near or '.', each.folder or '.')} lies among the sources ({origin})"
        if isinstance(package.get("build"), str) or "links" in package:
            yield f"the manifest asks for a build script ({origin})"
        for table in TABLES:
            if table in manifest:
                yield f"the manifest names a file of a [[{table}]] ({origin})"
        if package and not each.mains and each.library is None:
            yield f"nothing that the manifest makes is in the build context ({origin})"
        if re.search(
            r"unused_crate_dependencies|missing_docs", str((manifest.get("workspace", {}), manifest.get("lints")))
        ):
            yield f"the manifest wants more of its sources than a placeholder has ({origin})"


def _making(members: Sequence[Crate], folder: str) -> Iterator[str]:
    """The commands that make placeholders for the programs and libraries of crates, for a shell in *folder*."""
    files = [_inside(path, folder) for each in members for path in _placeholders(each)]
    mains = [_inside(path, folder) for each in members for path in each.mains]
    libraries = [path for path in files if path not in mains]
    folders = dict.fromkeys(dirname(path) for path in files if dirname(path))
    yield f"mkdir -p {' '.join(folders)}"
    yield from (f"echo 'fn main() {{}}' > {path}" for path in mains)
    if libraries:
        yield f"touch {' '.join(libraries)}"


def _placeholders(crate: Crate) -> tuple[str, ...]:
    """The files without which Cargo makes nothing of a manifest, from the context's root."""
    return (*crate.mains, *([crate.library] if crate.library is not None else []))


def _inside(path: str, folder: str) -> str:
    return path.removeprefix(f"{folder}/") if folder else path


def _joined(model: Model, commands: Sequence[str]) -> str:
    """Commands as a RUN, on a line of their own each where one line would be too long."""
    line = f"RUN {' && '.join(commands)}"
    return line if len(line) <= COLUMNS else f" && {model.document.escape}\n    ".join(commands).join(("RUN ", ""))
