"""What an instruction is there for, by its keyword, what it copies and what its commands are for."""

from __future__ import annotations

import enum
from fnmatch import fnmatchcase
from functools import lru_cache
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.model.commands import Purpose

if TYPE_CHECKING:
    from dockfix.dockerfile import Instruction
    from dockfix.dockerfile.shell import ShellScript


class Role(enum.Enum):
    """What an instruction is there for."""

    BASE = "base"
    SETUP = "set-up"
    PACKAGES = "system packages"
    MANIFESTS = "manifest copy"
    INSTALL = "dependency install"
    SOURCES = "source copy"
    STAGE_COPY = "copy from a stage"
    BUILD = "build step"
    FOLDERS = "folders and owners"
    ACCOUNT = "account"
    RUNTIME = "run-time configuration"
    UNKNOWN = "unknown"


MANIFESTS = (
    "package.json",
    "package*.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "bun.lock*",
    ".npmrc",
    ".yarnrc*",
    "*requirements*.txt",
    "requirements*.in",
    "constraints*.txt",
    "pyproject.toml",
    "poetry.lock",
    "uv.lock",
    "Pipfile*",
    "setup.py",
    "setup.cfg",
    "go.mod",
    "go.sum",
    "Cargo.*",
    "pom.xml",
    "Gemfile*",
    "composer.*",
    "*.csproj",
)
SINGLE = {
    Purpose.PACKAGES: Role.PACKAGES,
    Purpose.INSTALL: Role.INSTALL,
    Purpose.BUILD: Role.BUILD,
    Purpose.FOLDERS: Role.FOLDERS,
    Purpose.ACCOUNT: Role.ACCOUNT,
    Purpose.SETTINGS: Role.SETUP,
    Purpose.TOOLS: Role.SETUP,
    Purpose.CLEANUP: Role.SETUP,
}
ROLES = {
    "FROM": Role.BASE,
    "ARG": Role.SETUP,
    "ENV": Role.SETUP,
    "LABEL": Role.RUNTIME,
    "MAINTAINER": Role.RUNTIME,
    "SHELL": Role.SETUP,
    "WORKDIR": Role.SETUP,
    "USER": Role.SETUP,
    "VOLUME": Role.RUNTIME,
    "EXPOSE": Role.RUNTIME,
    "STOPSIGNAL": Role.RUNTIME,
    "HEALTHCHECK": Role.RUNTIME,
    "CMD": Role.RUNTIME,
    "ENTRYPOINT": Role.RUNTIME,
}


def run_role(script: ShellScript, found: frozenset[Purpose]) -> Role:
    """What a RUN is there for; *found* is what its commands are for."""
    lasting = found - {Purpose.CLEANUP} or found
    if script.ok and len(lasting) == 1:
        return SINGLE.get(next(iter(lasting)), Role.UNKNOWN)
    if script.ok and lasting and lasting <= {Purpose.ACCOUNT, Purpose.FOLDERS}:
        return Role.ACCOUNT
    if script.ok and lasting and lasting <= {Purpose.INSTALL, Purpose.SETTINGS, Purpose.FOLDERS, Purpose.TOOLS}:
        return Role.INSTALL
    return Role.SETUP if script.ok and not found and script.commands else Role.UNKNOWN


def copy_role(instruction: Instruction) -> Role:
    """What a COPY or ADD is there for."""
    copy = instruction.copy
    if copy is None or instruction.heredocs:
        return Role.UNKNOWN
    if copy.from_ is not None:
        return Role.STAGE_COPY
    if instruction.keyword == "ADD" and any("://" in source or source.startswith("git@") for source in copy.sources):
        return Role.UNKNOWN
    if copy.sources and all(is_manifest(source) for source in copy.sources):
        return Role.MANIFESTS
    return Role.SOURCES


@lru_cache(maxsize=1024)
def is_manifest(path: str) -> bool:
    """Whether a path of the context names a package manager's manifest, lock file or settings."""
    name = basename(path.rstrip("/"))
    return any(fnmatchcase(name, pattern) for pattern in MANIFESTS)
