"""Rust programs: built by Cargo in one stage, run in another with the libraries that they link to."""

from __future__ import annotations

import re
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.catalog.crates import crate_headers
from dockfix.facts import rust as facts
from dockfix.facts.server import Running
from dockfix.model import origins
from dockfix.model.config import join
from dockfix.recipes import compiled
from dockfix.recipes.assets import assets, takes_environment, without_environment
from dockfix.recipes.linked import settled_base
from dockfix.recipes.parts import End
from dockfix.recipes.split import Split, UnfitError, listed
from dockfix.transform import Note

if TYPE_CHECKING:
    from dockfix.facts.rust import Crate
    from dockfix.model import Model, Step

VARIABLES = re.compile(r"CARGO_\w+|RUSTUP_\w+|RUSTFLAGS|RUSTC\w*|RUSTDOCFLAGS|SQLX_OFFLINE|PKG_CONFIG\w*|OPENSSL_\w+")
TOOLS = frozenset({"cargo", "rustup", "rustc", "sqlx", "diesel"})
SOURCES = (
    *(
        "*.rs",
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain*",
        "rustfmt.toml",
        ".rustfmt.toml",
        "clippy.toml",
        ".clippy.toml",
    ),
    *("deny.toml", "release.toml", "diesel.toml", "sqlx-data.json", "Cross.toml", "Trunk.toml", "askama.toml"),
)
READ = ("Rocket.toml", "log4rs.yml", "log4rs.yaml", "Settings.toml")
"""Files that libraries look for in the working directory without being told:
https://rocket.rs/guide/v0.5/configuration/, https://docs.rs/log4rs
"""

CERTIFIED = frozenset({"openssl-sys", "native-tls", "rustls-native-certs", "rustls-platform-verifier", "openssl-probe"})
"""Crates that look for the certificates of the system."""


ENDING = re.compile(r"\bdotenv\(\)\s*(?:\.(?:expect|unwrap)\(|\?)")
"""What reads ``.env`` where the program is started or above, and gives up where there is none."""


def split(model: Model) -> Split | None:
    """The stage taken apart; ``None`` where it builds and runs no Rust program.

    Raises:
        UnfitError: something stands in the way.
    """
    stage = model.final
    if stage.image is None or stage.image.name != "rust" or not model.start.words:
        return None
    building = [step for step in stage.steps if _builds(step)]
    if not building:
        return None
    compiled.check(model, TOOLS)
    compiled.root_builds(stage.steps)
    start = model.start.main
    if start is None or basename(start[0]) == "cargo":
        what = "the start line" if start is None else "cargo"
        raise UnfitError(model.start.command, f"what {what} needs of the toolchain cannot be told")
    running = origins.running(model, model.start)
    crate = facts.running_crate(model.app, running)
    if crate is None:
        raise UnfitError(model.start.command, f"which crate makes {start[0]} cannot be told")
    if takes_environment(model):
        for _, origin in crate.matching(ENDING):
            raise UnfitError(model.start.command, without_environment(origin))
    reference, libraries = _end_image(model, crate)
    path = _program(model, running)
    texts = [match[1] for match, _ in crate.matching(facts.LITERAL)]
    found = assets(model, (*texts, *READ), SOURCES, everything=False)
    carried = [(path, _on_path(path)), *((each, each) for each in found.carried if not _of_build(model, each))]
    left = [each for each in found.left if not _of_build(model, join(model.folder, each))]
    notes = (Note(None, f"no source names {listed(left).replace('packages', 'files')}: left behind"),) if left else ()
    base = "" if reference.startswith("alpine:") else settled_base(model)
    end = End(reference, tuple(carried), libraries, VARIABLES, base=base)
    why = f"{stage.reference} brings the Rust toolchain, which serves the build alone"
    return compiled.split(model, end, building[-1], why, notes)


def _builds(step: Step) -> bool:
    return any(called.manager == "cargo" and called.verb in {"build", "install"} for called in step.invocations)


def _of_build(model: Model, path: str) -> bool:
    inside = path.removeprefix(f"{model.folder.rstrip('/')}/").split("/")
    return bool({"src", "target", ".cargo", "benches", "tests", "examples"} & set(inside[:-1] or inside))


def _program(model: Model, running: Running) -> str:
    """The absolute path of the program at the end of the builder."""
    name = running.words[0]
    if "/" in name:
        return join(model.folder, name)
    folders = running.environment.get("PATH", "").split(":")
    made = (path for folder in folders if (path := f"{folder}/{name}").startswith(facts.CARGO_BIN))
    return next(made, f"/usr/local/bin/{name}")


def _on_path(path: str) -> str:
    return f"/usr/local/bin/{basename(path)}" if path.startswith(facts.CARGO_BIN) else path


def _end_image(model: Model, crate: Crate) -> tuple[str, tuple[str, ...]]:
    """The image on which the program runs, and the packages that it needs there.

    Raises:
        UnfitError: that cannot be told.
    """
    stage = model.final
    image = stage.image
    assert image is not None
    if crate.locked is None and crate.dependencies:
        raise UnfitError(None, f"without Cargo.lock it cannot be told to what the program links ({crate.origin})")
    locked = crate.locked or frozenset()
    if image.distribution == "alpine":
        # the target of Alpine's images links everything statically: https://doc.rust-lang.org/reference/linkage.html
        if re.search(r"-crt-static", model.document.text):
            raise UnfitError(stage.stage.base, "the program is linked to libraries of the builder")
        reference = f"alpine:{image.suite}"
        if catalog.image("alpine", image.suite) is None:
            raise UnfitError(stage.stage.base, f"{reference} is not in the catalogue")
        return reference, ()
    slim = f"{image.suite}-slim"
    if image.distribution != "debian" or catalog.image("debian", slim) is None:
        raise UnfitError(stage.stage.base, f"on what programs built on {stage.reference} run is not known")
    packages = ["ca-certificates"] if locked & CERTIFIED else []
    for name in sorted(locked):
        packages += _libraries(name, locked, image.suite, crate)
    return f"debian:{slim}", tuple(dict.fromkeys(packages))


def _libraries(name: str, locked: frozenset[str], suite: str | None, crate: Crate) -> tuple[str, ...]:
    """The run-time packages of what a crate links to.

    Raises:
        UnfitError: that is not known.
    """
    if not name.endswith("-sys") or (name == "openssl-sys" and "openssl-src" in locked):
        return ()
    headers = crate_headers(name)
    if headers == "":
        return ()
    found = catalog.runtime_libraries(headers, "debian", suite) if headers is not None else ()
    if not found:
        raise UnfitError(None, f"to what the crate {name} links is not known ({crate.lock})")
    return found
