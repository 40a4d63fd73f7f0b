"""Cargo's dependencies before the sources: built once with a placeholder for the program.

Cargo has no command that builds the dependencies alone (https://github.com/rust-lang/cargo/issues/2644). The one way
that needs no tool of others is a build with an empty program in the place of the real one; when the sources come, the
program's file is touched, since Cargo goes by dates and a copied file keeps its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dockfix.facts import rust as facts
from dockfix.facts.files import join
from dockfix.model.config import join as absolute
from dockfix.recipes.manifests import Fetch, stretch
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.facts.rust import Crate
    from dockfix.model import Invocation, Model, StageModel, Step

MAIN, LIBRARY, OUTPUT = "src/main.rs", "src/lib.rs", "target"
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
    if not crate.dependencies:
        return None
    for why in _obstacles(crate):
        raise UnfitError(step.instruction, why)
    placeholders = _placeholders(crate)
    missing = next((path for path in placeholders if not _is_sent(model, join(folder, path))), None)
    if missing is not None:
        raise UnfitError(step.instruction, f"{join(folder, missing)} is not in the build context")
    made = join(folder, OUTPUT)
    if _is_brought(stage, made) and not model.app.ignore.ignores(made):
        why = f"{made} of the host would be copied over what is built ({model.app.ignore.path})"
        raise UnfitError(step.instruction, why)
    paths = [join(folder, name) for name in ("Cargo.toml", *BESIDE)]
    words = stretch(model, step, called.command.span)
    empty = " && ".join(f"touch {path}" for path in placeholders if path != MAIN)
    making = " && ".join(filter(None, ("mkdir -p src", f"echo 'fn main() {{}}' > {MAIN}", empty, words)))
    return Fetch(
        tuple(path for path in paths if _is_sent(model, path)),
        (f"# the dependencies alone: the program is a placeholder\nRUN {making}",),
        "cargo builds the dependencies together with the sources, so that every edit of these repeats it",
        called.command.span.start,
        f"touch {' '.join(placeholders)} && ",
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


def _is_sent(model: Model, path: str) -> bool:
    return model.app.root.exists(path) and not model.app.ignore.ignores(path)


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


def _obstacles(crate: Crate) -> Iterator[str]:
    """Why the manifest alone does not make a build."""
    manifest, origin = crate.manifest, crate.origin
    package = manifest.get("package", {})
    members = manifest.get("workspace", {}).get("members")
    if not package or members or crate.root != crate.folder:
        yield f"the crates of a workspace build upon each other ({origin})"
    near = next(_paths({key: value for key, value in manifest.items() if key not in {"bin", "lib"}}), None)
    if near is not None:
        yield f"the crate in {near} lies among the sources ({origin})"
    if isinstance(package.get("build"), str) or "links" in package:
        yield f"the manifest asks for a build script ({origin})"
    for table in TABLES:
        if table in manifest:
            yield f"the manifest names a file of a [[{table}]] ({origin})"
    if manifest.get("lib", {}).get("path", LIBRARY) != LIBRARY:
        yield f"the library is not in {LIBRARY} ({origin})"
    if not all(_is_main(each, package.get("name")) for each in manifest.get("bin", ())):
        yield f"the manifest names a program that is not in {MAIN} ({origin})"


def _is_main(program: Mapping[str, Any], package: object) -> bool:
    """Whether an entry of ``[[bin]]`` is the program of ``src/main.rs``."""
    path = program.get("path")
    return re.sub(r"^\./", "", str(path)) == MAIN if path is not None else program.get("name") == package


def _paths(table: object) -> Iterator[str]:
    """The folders of crates that a manifest takes from beside it."""
    if isinstance(table, Mapping):
        for key, value in table.items():
            if key == "path" and isinstance(value, str):
                yield value
            yield from _paths(value)
    elif isinstance(table, list):
        for value in table:
            yield from _paths(value)


def _placeholders(crate: Crate) -> tuple[str, ...]:
    """The files without which Cargo does not take the manifest."""
    return (MAIN, LIBRARY) if "lib" in crate.manifest else (MAIN,)
