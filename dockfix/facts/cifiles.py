"""The CI files, Makefiles and scripts of a repository, and the builds that they name."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from dockfix.facts.files import Files

if TYPE_CHECKING:
    from dockfix.facts.ci import Build, Call
    from dockfix.facts.fact import Problem

_SIZE = 500_000
_NAMES = frozenset(
    {
        ".gitlab-ci.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml", "cloudbuild.yaml", "cloudbuild.yml",
        ".drone.yml", ".travis.yml", "appveyor.yml", "buildspec.yml", "skaffold.yaml", "skaffold.yml", "makefile",
        "gnumakefile", "justfile", "taskfile.yml", "taskfile.yaml", "jenkinsfile", "docker-bake.hcl", "package.json",
    }
)  # fmt: skip
_TOOLS = re.compile(rb"docker|podman|nerdctl|buildah")


def is_build_file(path: str) -> bool:
    """Whether a file may tell how images are built, by its name and place."""
    name = posixpath.basename(path).lower()
    if path.startswith(
        (".github/workflows/", ".circleci/", ".gitlab/", ".azure-pipelines/", ".tekton/", ".woodpecker")
    ):
        return name.endswith((".yml", ".yaml"))
    return name in _NAMES or name.endswith((".sh", ".mk")) or name.startswith("jenkinsfile")


def builds(files: Files) -> tuple[tuple[Build, ...], tuple[Call, ...], tuple[Problem, ...]]:
    """Every build and every ``compose run``/``exec`` that the repository's own automation names."""
    found: list[Build] = []
    calls: list[Call] = []
    problems: list[Problem] = []
    for path in filter(is_build_file, files.walk()):
        data = files.read(path)
        if data is None or len(data) > _SIZE or not (_TOOLS.search(data) or path.endswith(".hcl")):
            continue
        from dockfix.facts.ci import contents

        own, called, problem = contents(path, data)
        found += own
        calls += called
        problems += [problem] if problem is not None else []
    return tuple(found), tuple(calls), tuple(problems)
