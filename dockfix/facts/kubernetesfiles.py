"""The Kubernetes manifests of a repository, and the containers that they describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.facts.files import Files

if TYPE_CHECKING:
    from dockfix.facts.fact import Problem
    from dockfix.facts.kubernetes import Container

_SIZE = 300_000
_LIMIT = 300


def containers(files: Files) -> tuple[tuple[Container, ...], tuple[Problem, ...]]:
    """Every container of every manifest, and what could not be read; templates that are no YAML are left out."""
    found: list[Container] = []
    problems: list[Problem] = []
    read = 0
    for path in files.walk():
        if not path.endswith((".yml", ".yaml")) or read >= _LIMIT:
            continue
        data = files.read(path)
        if data is None or len(data) > _SIZE or b"apiVersion:" not in data or b"containers:" not in data:
            continue
        from dockfix.facts.kubernetes import contents

        read += 1
        containers, problem = contents(path, data)
        found += containers
        problems += [problem] if problem is not None else []
    return tuple(found), tuple(problems)
