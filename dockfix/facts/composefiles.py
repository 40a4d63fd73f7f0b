"""The compose files of a repository, and the services that each of them names."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from dockfix.facts.compose import Service, role, service_of
from dockfix.facts.fact import Problem
from dockfix.facts.files import Files, Tree, join, text
from dockfix.facts.yamltext import Yaml, parse, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"^(?:(?:docker[-_]?)?compose[\w.-]*|[\w.-]*[-_.](?:docker[-_]?)?compose)\.ya?ml$", re.IGNORECASE)
_EXTENDS_DEPTH = 5
_Contents: TypeAlias = "tuple[tuple[Service, ...], tuple[Problem, ...]]"
"""The services of a file, and what in it could not be understood."""


def is_compose(path: str) -> bool:
    """Whether a file is a compose file by its name."""
    return _NAME.match(posixpath.basename(path)) is not None


def compose(files: Files) -> tuple[tuple[Service, ...], tuple[Problem, ...]]:
    """Every service of every compose file, main files first, and what could not be read."""
    paths = sorted(filter(is_compose, files.walk()), key=lambda path: (role(path) != "main", path.count("/"), path))
    services: list[Service] = []
    problems: list[Problem] = []
    for path in paths:
        source = text(files, path) or ""
        own, unfit = _read(files, path, source) if "extends" in source else _alone(path, source)
        services += own
        problems += unfit
    return tuple(_with_inherited_builds(services)), tuple(problems)


@lru_cache(maxsize=256)  # every Dockerfile of a repository asks for the same files
def _alone(path: str, source: str) -> _Contents:
    """The contents of a file that extends the services of no other."""
    return _read(Tree({}), path, source)


def _read(files: Files, path: str, source: str) -> _Contents:
    documents = parse(source, path)
    if isinstance(documents, Problem):
        return (), (documents,)
    if not documents:
        return (), ()
    return tuple(_services(files, path, documents[0])), tuple(_misshapen(documents[0]))


def _misshapen(document: Yaml) -> Iterator[Problem]:
    """What compose would not take, and what nothing is learnt from here: https://docs.docker.com/reference/compose-file/"""
    services = document.at("services")
    if not (document.is_mapping or document.is_null):
        yield Problem(document.origin, "is no mapping, so that it names no services")
    elif services is not None and not (services.is_mapping or services.is_null):
        yield Problem(services.origin, "names services that are no mapping")
    for name, node in (services.items() if services is not None else _version_one(document)).items():
        if not node.is_mapping:
            yield Problem(node.origin, f"says nothing of service {name}, which is no mapping")
        for key in ("ports", "expose", "volumes"):
            value = node.at(key)
            if value is not None and not (value.is_list or value.is_null):
                yield Problem(value.origin, f"has {key} of service {name} that are no list")


def _with_inherited_builds(services: list[Service]) -> Iterator[Service]:
    """Override files name no build: theirs is that of the service they are laid over."""
    main = {
        (posixpath.dirname(service.file), service.name): service
        for service in reversed(services)
        if service.role == "main" and service.dockerfile is not None
    }
    for service in services:
        below = main.get((posixpath.dirname(service.file), service.name))
        if below is None or service.role == "main" or "context" in service.origins:
            yield service
        else:
            yield replace(
                service,
                context=below.context,
                dockerfile=below.dockerfile,
                target=service.target or below.target,
            )


def _services(files: Files, path: str, document: Yaml) -> Iterator[Service]:
    services = document.at("services")
    entries = services.items() if services is not None else _version_one(document)
    lines = (services or document).keys()
    waiting: dict[str, list[str]] = {}
    for name, node in entries.items():
        depends = node.at("depends_on")
        for dependency, wanted in depends.items().items() if depends is not None else ():
            condition = wanted.text("condition")
            if condition is not None and condition.value == "service_healthy":
                waiting.setdefault(dependency, []).append(name)
    for name, node in entries.items():
        if node.is_mapping:
            values = _extended(files, path, entries, node, 0)
            origin = lines[name].origin if name in lines else node.origin
            yield service_of(path, name, origin, values, tuple(waiting.get(name, ())))


def _version_one(document: Yaml) -> dict[str, Yaml]:
    """Services at the top of the file, as before version 2."""
    entries = document.items()
    return {name: node for name, node in entries.items() if node.at("build") or node.at("image")}


def _extended(files: Files, path: str, entries: Mapping[str, Yaml], node: Yaml, depth: int) -> dict[str, Yaml]:
    """A service's own keys over those of the service it extends."""
    own = node.items()
    extends = own.get("extends")
    if extends is None or depth >= _EXTENDS_DEPTH:
        return own
    name = extends.scalar or getattr(extends.text("service"), "value", None)
    file = extends.text("file")
    if file is not None:
        documents = read(files, join(posixpath.dirname(path), file.value))
        services = documents[0].at("services") if isinstance(documents, list) and documents else None
        entries = services.items() if services is not None else {}
    base = entries.get(name or "")
    return own if base is None else _extended(files, path, entries, base, depth + 1) | own
