"""What copy-order has nothing to say of."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockfix import api
from dockfix.options import Options

FETCHED = """FROM eclipse-temurin:21-jdk AS build
WORKDIR /app
COPY gradlew build.gradle settings.gradle ./
COPY gradle gradle
RUN ./gradlew {task}
COPY . .
RUN ./gradlew bootJar
"""


@pytest.mark.parametrize("task", ["downloadRepos", "dependencies", "--version"])
def test_gradle_that_has_fetched_by_the_manifests_alone_needs_nothing(tmp_path: Path, task: str) -> None:
    for path in ("gradlew", "build.gradle", "settings.gradle", "gradle/wrapper/gradle-wrapper.properties"):
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(FETCHED.format(task=task))
    plan = api.fix(dockerfile, root=tmp_path, options=Options(only=frozenset({"copy-order"})))
    assert not plan.outcomes
