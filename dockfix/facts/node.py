"""What package.json and the files around it say of a Node app."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from dockfix.facts import locks
from dockfix.facts.fact import Fact, Problem
from dockfix.facts.files import Files, join, normal
from dockfix.facts.jsontext import Json
from dockfix.facts.jsontext import read as read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockfix.facts.commands import Resolved
    from dockfix.facts.frontend import Frontend
    from dockfix.facts.javascript import JsServer

Manager = Literal["npm", "yarn", "yarn-berry", "pnpm", "bun"]

#: Scripts that an install runs for the root package: https://docs.npmjs.com/cli/using-npm/scripts
LIFECYCLE = ("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare")
_EXTENSIONS = (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".json")
_ENTRIES = ("server.js", "app.js", "index.js", "src/server.ts", "src/index.ts", "src/main.ts", "src/app.ts",
            "src/index.js", "src/server.js", "src/app.js", "server.ts", "index.ts", "app.ts", "main.ts", "index.mjs",
            "server.mjs")  # fmt: skip
#: Program → package where the names differ, as "bin" says in lock files of public repositories and, for sequelize,
#: babel, pm2 and remix, in ``npm view PACKAGE bin``; 2026-11. For locks that do not record programs.
_PROGRAMS = {
    "babel": "@babel/cli", "babel-node": "@babel/node", "cross-env-shell": "cross-env", "dotenv": "dotenv-cli",
    "fastify": "fastify-cli", "grunt": "grunt-cli", "hs": "http-server", "nest": "@nestjs/cli",
    "ng": "@angular/cli", "pm2-dev": "pm2", "pm2-docker": "pm2", "pm2-runtime": "pm2",
    "react-router": "@react-router/dev",
    "react-router-serve": "@react-router/serve", "remix": "@remix-run/dev", "remix-serve": "@remix-run/serve",
    "run-p": "npm-run-all", "run-s": "npm-run-all", "sequelize": "sequelize-cli", "svelte-kit": "@sveltejs/kit",
    "swc": "@swc/cli", "ts-node-esm": "ts-node", "ts-node-script": "ts-node", "tsc": "typescript",
    "tsnd": "ts-node-dev", "tsserver": "typescript", "typeorm-ts-node-commonjs": "typeorm",
    "typeorm-ts-node-esm": "typeorm", "vue-cli-service": "@vue/cli-service",
}  # fmt: skip


def programs_of(package: str) -> frozenset[str]:
    """The programs by which a package is called: that of its own name, and the well-known ones."""
    return frozenset({package.rpartition("/")[2], *(program for program, name in _PROGRAMS.items() if name == package)})


def read(files: Files, folder: str = "", prefix: str = "") -> Node | Problem | None:
    """Read the package.json in *folder*.

    Args:
        files: the files of the build context.
        folder: the folder in them.
        prefix: what origins put before paths: the context's folder.
    """
    manifest = read_json(files, join(folder, "package.json"), prefix)
    if isinstance(manifest, Json):
        if not isinstance(manifest.data, dict):
            return Problem(manifest.path, "is no JSON object")
        return Node(files, folder, prefix, manifest)
    return manifest


class Node:
    """A Node package: one package.json with what lies around it. Paths are relative to its folder unless said.

    Attributes:
        folder: its folder from the context.
        manifest: the parsed package.json.
        origin: where the package.json lies.
    """

    def __init__(self, files: Files, folder: str, prefix: str, manifest: Json) -> None:
        self.files = files
        self.folder = folder
        self.prefix = prefix
        self.manifest = manifest
        self.origin = manifest.path

    def __repr__(self) -> str:
        return f"Node({self.origin!r})"

    def path(self, path: str) -> str:
        """A path of this package from the context."""
        return join(self.folder, path)

    def origin_of(self, path: str, line: int | None = None) -> str:
        """How reports name a file of this package."""
        name = join(self.prefix, self.path(path))
        return name if line is None else f"{name}:{line}"

    def has(self, path: str) -> bool:
        """Whether a file or folder of this package exists."""
        return self.files.exists(self.path(path))

    @property
    def name(self) -> str | None:
        """The package's name."""
        fact = self.manifest.text("name")
        return fact.value if fact else None

    @cached_property
    def scripts(self) -> Mapping[str, Fact[str]]:
        """Its scripts."""
        return self.manifest.texts("scripts")

    @cached_property
    def dependencies(self) -> Mapping[str, Fact[str]]:
        """Name → range."""
        return self.manifest.texts("dependencies")

    @cached_property
    def dev_dependencies(self) -> Mapping[str, Fact[str]]:
        """Name → range."""
        return self.manifest.texts("devDependencies")

    @cached_property
    def optional_dependencies(self) -> Mapping[str, Fact[str]]:
        """Name → range."""
        return self.manifest.texts("optionalDependencies")

    def dependency(self, name: str) -> Fact[str] | None:
        """The range of a dependency of any kind but peers."""
        return self.dependencies.get(name) or self.optional_dependencies.get(name) or self.dev_dependencies.get(name)

    @cached_property
    def main(self) -> Fact[str] | None:
        """The ``main`` field."""
        return self.manifest.text("main")

    @cached_property
    def lifecycle(self) -> Mapping[str, Fact[str]]:
        """The scripts that an install of this package runs."""
        return {name: self.scripts[name] for name in LIFECYCLE if name in self.scripts}

    # -- package manager and lock --------------------------------------------------------------------------------

    @cached_property
    def lock(self) -> Fact[str] | None:
        """The name of the lock file in this folder: that of the manager in use where several lie there."""
        found = [name for name in locks.NAMES if self.has(name)]
        if not found:
            return None
        declared = self._declared_manager
        own = {"npm": ("package-lock.json", "npm-shrinkwrap.json"), "pnpm": ("pnpm-lock.yaml",), "yarn": ("yarn.lock",),
               "bun": ("bun.lock", "bun.lockb")}.get(declared.value if declared else "", ())  # fmt: skip
        name = next((name for name in found if name in own), found[0])
        return Fact(name, self.origin_of(name))

    @cached_property
    def _declared_manager(self) -> Fact[str] | None:
        declared = self.manifest.text("packageManager")
        return Fact(declared.value.partition("@")[0], declared.origin) if declared else None

    @cached_property
    def manager(self) -> Manager:
        """The package manager: by ``packageManager``, else by the lock file, else npm."""
        declared = self._declared_manager
        lock = self.lock.value if self.lock else ""
        name = declared.value if declared else ""
        if name not in ("npm", "yarn", "pnpm", "bun"):
            name = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}.get(
                lock, "npm"
            )
        if name == "yarn":
            version = (self.manifest.text("packageManager") or Fact("", "")).value.partition("@")[2]
            modern = version[:1].isdigit() and not version.startswith(("0", "1."))
            data = self.files.read(self.path("yarn.lock")) or b""
            return "yarn-berry" if modern or self.has(".yarnrc.yml") or b"\n__metadata:" in data else "yarn"
        if name == "pnpm":
            return "pnpm"
        return "bun" if name == "bun" else "npm"

    @cached_property
    def locked(self) -> tuple[locks.Locked, ...]:
        """Every package in the lock file; empty without one or where it cannot be read."""
        found = self._locked
        return () if isinstance(found, Problem) else found

    @cached_property
    def _locked(self) -> tuple[locks.Locked, ...] | Problem:
        return () if self.lock is None else locks.packages(self.files, self.path(self.lock.value), self.prefix)

    @cached_property
    def locked_by_name(self) -> Mapping[str, locks.Locked]:
        """Name → package in the lock; of several versions, the one in the root of node_modules."""
        found: dict[str, locks.Locked] = {}
        for package in self.locked:
            if package.top or package.name not in found:
                found[package.name] = package
        return found

    @cached_property
    def lock_in_step(self) -> bool | None:
        """Whether the lock fits package.json, so that a frozen install passes; None where that cannot be told."""
        if self.lock is None:
            return None
        members = {path: node.manifest for path, node in self._members.items()}
        return locks.in_step(self.files, self.path(self.lock.value), self.manifest, members)

    def lock_gap(self, *, peers: bool) -> Fact[str] | None:
        """A dependency, or a peer, that npm's lock does not have as it is asked for: :mod:`dockfix.facts.npmgaps`."""
        from dockfix.facts.npmgaps import gap

        if self.lock is None:
            return None
        if peers not in self._lock_gaps:
            self._lock_gaps[peers] = gap(self.files, self.path(self.lock.value), self.manifest, peers=peers)
        return self._lock_gaps[peers]

    @cached_property
    def _lock_gaps(self) -> dict[bool, Fact[str] | None]:
        """What :meth:`lock_gap` has found, with peers and without: a lock has thousands of dependencies."""
        return {}

    @cached_property
    def native(self) -> tuple[Fact[str], ...]:
        """Packages that compile or choose something by platform when installed, by what the lock says of them."""
        return tuple(
            Fact(package.name, package.origin)
            for package in self.locked
            if package.for_linux
            and (package.install_script or any(item.startswith("libc=") for item in package.platform))
        )

    @cached_property
    def patches(self) -> Fact[str] | None:
        """The folder of patches that an install applies (patch-package, pnpm)."""
        listed = self.manifest.get("pnpm", "patchedDependencies")
        if isinstance(listed, dict) and listed:
            place = posixpath.dirname(str(next(iter(listed.values()))))
            return Fact(place or "patches", self.manifest.origin("pnpm", "patchedDependencies"))
        tool = self.dependency("patch-package")
        if self.files.is_dir(self.path("patches")) and (tool or self.has("pnpm-workspace.yaml")):
            return Fact("patches", tool.origin if tool else self.origin_of("patches"))
        return None

    # -- workspaces ----------------------------------------------------------------------------------------------

    @cached_property
    def workspaces(self) -> tuple[str, ...]:
        """The folders of the workspaces' members."""
        return tuple(self._members)

    @property
    def members(self) -> tuple[Node, ...]:
        """The workspaces' members."""
        return tuple(self._members.values())

    @cached_property
    def _members(self) -> Mapping[str, Node]:
        from dockfix.facts.workspaces import members

        return members(self)

    def beside(self, folder: str) -> Node | None:
        """The package.json of another folder, relative to this one."""
        place = normal(self.path(folder)) if not self.path(folder).startswith("..") else None
        found = None if place is None else read(self.files, place, self.prefix)
        return found if isinstance(found, Node) else None

    def member(self, name: str) -> Node | None:
        """The workspace member of a name or folder."""
        for folder, node in self._members.items():
            if name in (node.name, folder, f"./{folder}"):
                return node
        return None

    def member_at(self, path: str) -> tuple[Node, str] | None:
        """The workspace member that a file belongs to, and the file's path in it."""
        for folder, node in self._members.items():
            if path.startswith(f"{folder}/"):
                return node, path.removeprefix(f"{folder}/")
        return None

    # -- programs ------------------------------------------------------------------------------------------------

    @cached_property
    def binaries(self) -> Mapping[str, Fact[str]]:
        """Program → the package that brings it: by the lock's ``bin`` fields, else by the well-known names."""
        found: dict[str, Fact[str]] = {}
        for package in self.locked:
            for program in package.binaries or ():
                if package.top or program not in found:
                    found[program] = Fact(package.name, package.origin)
        direct = {**self.dev_dependencies, **self.optional_dependencies, **self.dependencies}
        for program, name in _PROGRAMS.items():
            if name in direct and program not in found:
                found[program] = Fact(name, f"{direct[name].origin} (by its usual name)")
        for name, fact in direct.items():
            program = name.rpartition("/")[2]
            if name.startswith("@types/"):
                continue
            if program not in found and not name.startswith("@types/") and not self._binaries_known(name):
                found[program] = Fact(name, f"{fact.origin} (by its name)")
        return found

    def _binaries_known(self, name: str) -> bool:
        package = self.locked_by_name.get(name)
        return package is not None and package.binaries is not None

    def is_dev(self, package: str) -> Fact[bool] | None:
        """Whether a package is installed only with the dev dependencies; None where that cannot be told."""
        for group in (self.dependencies, self.optional_dependencies):
            if package in group:
                return Fact(False, group[package].origin)
        locked = self.locked_by_name.get(package)
        if locked is not None and locked.dev is not None:
            return Fact(locked.dev, locked.origin)
        if package in self.dev_dependencies:
            return Fact(True, self.dev_dependencies[package].origin)
        return None

    def resolve(self, command: Sequence[str]) -> Resolved:
        """Follow a start command through the scripts to the program that runs; see :class:`Resolved`."""
        from dockfix.facts.commands import resolve

        return resolve(self, command)

    def module_file(self, path: str) -> str | None:
        """The file that ``node PATH`` loads: with an extension added, or the main file of a folder.

        A file that does not exist yet, as in ``dist/``, comes back as it is written.
        """
        clean = normal(path)
        if clean is None or path.startswith("/"):
            return None
        if not clean and self.main is not None:
            return self.module_file(self.main.value) if normal(self.main.value) else None
        if clean and self.has(clean) and not self.files.is_dir(self.path(clean)):
            return clean
        for candidate in [f"{clean}{extension}" for extension in _EXTENSIONS] if clean else []:
            if self.has(candidate):
                return candidate
        for extension in _EXTENSIONS:
            candidate = join(clean, f"index{extension}")
            if self.has(candidate):
                return candidate
        return clean or None

    @cached_property
    def nest_entry(self) -> str:
        """The source file that ``nest start`` runs: https://docs.nestjs.com/cli/monorepo#cli-properties"""
        config = read_json(self.files, self.path("nest-cli.json"), self.prefix, comments=True)
        entry = config.text("entryFile") if isinstance(config, Json) else None
        root = config.text("sourceRoot") if isinstance(config, Json) else None
        return f"{root.value if root else 'src'}/{entry.value if entry else 'main'}.ts"

    # -- sources -------------------------------------------------------------------------------------------------

    def server_of(self, entry: str, *, bun: bool = False) -> JsServer:
        """What the sources say that running *entry* loads; ``dist/server.js`` is traced back to its source.

        Args:
            entry: the file.
            bun: whether bun runs it, instead of node.
        """
        from dockfix.facts.javascript import JsServer

        entry = normal(entry) or entry
        if (entry, bun) not in self._servers:
            self._servers[entry, bun] = JsServer(self, entry, bun=bun)
        return self._servers[entry, bun]

    @cached_property
    def _servers(self) -> dict[tuple[str, bool], JsServer]:
        return {}

    @cached_property
    def server(self) -> JsServer | None:
        """The sources behind ``npm start``, else behind ``main``, else behind a usual entry file.

        None for an app that only a browser runs, whose sources no server loads.
        """
        entry = self.resolve(("npm", "start")).entry
        if entry is None and self.spa is not None:
            return None
        if entry is None and self.main is not None:
            entry = self.module_file(self.main.value)
        for name in (entry, *_ENTRIES):
            if name is not None:
                server = self.server_of(name)
                if server.entry is not None:
                    return server
        return None

    @cached_property
    def frontend(self) -> Frontend:
        """What configuration files say of the build and of the framework's own server."""
        from dockfix.facts.frontend import Frontend

        return Frontend(self)

    @property
    def framework(self) -> Fact[str] | None:
        """The framework: ``next``, ``nest``, ``express``, ``vite`` …"""
        return self.frontend.framework

    @property
    def spa(self) -> Fact[str] | None:
        """The builder of an app that only a browser runs: ``vite``, ``cra``, ``angular``, ``vue-cli``."""
        return self.frontend.spa

    @property
    def build_output(self) -> Fact[str] | None:
        """The folder that the ``build`` script fills."""
        return self.frontend.output

    @property
    def base_path(self) -> Fact[str] | None:
        """The path under which the app expects to be served, where it is not ``/``."""
        return self.frontend.base_path

    @property
    def dev_proxy(self) -> Fact[str] | None:
        """The dev server's proxy."""
        return self.frontend.dev_proxy

    @property
    def dev_port(self) -> Fact[int] | None:
        """The dev server's port, where one is named."""
        return self.frontend.dev_port

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """What around this package could not be read."""
        return (self._locked,) if isinstance(self._locked, Problem) else ()
