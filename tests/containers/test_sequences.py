"""What dockfix rewrites still builds, starts, answers as before, and gained what the rewrite promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .sequences import Build, Case, cases, port_of, statuses, unbuilt

if TYPE_CHECKING:
    from pathlib import Path

    from .engine import Engine

pytestmark = pytest.mark.container

BUILDS = [
    pytest.param(case, build, variant, id=f"{case.name}-{build.dockerfile}-{variant}")
    for case in cases()
    for build in case.builds
    for variant in case.variants
]

# An app that did not get SIGTERM is killed by the engine after ten seconds. The margin is for a machine that builds
# other images meanwhile.
STOP_SECONDS = 8.0

SERVICES = [
    pytest.param(case, id=case.name)
    for case in cases()
    if case.name in {"flask-backend", "react-frontend", "stage-server", "spa-serve"}
]
IDLE = ("-c", "trap exit TERM; while :; do sleep 0.02; done")


def built(engine: Engine, place: Path, build: Build) -> str:
    result = engine.build(place / build.context, build.dockerfile)
    assert result.ok, result.log
    return result.image


def test_every_case_is_built_or_says_why_not() -> None:
    assert [name for name, reason in unbuilt().items() if not reason] == []


@pytest.mark.parametrize(("case", "build", "variant"), BUILDS)
def test_rewritten_app_answers_as_before(
    engine: Engine, case: Case, build: Build, variant: str, tmp_path: Path
) -> None:
    place = tmp_path / "after"
    after = case.lay_after(place) if variant == "alpine" else case.lay_rewritten(place, "--base", variant)
    naive = built(engine, case.lay_before(tmp_path / "before"), build)
    rewritten = built(engine, after, build)

    with engine.run(naive, env=case.env) as container:
        expected = statuses(container, case.paths, port_of(engine, naive, case.port))
    with engine.run(rewritten, env=case.env) as container:
        if engine.image_config(rewritten).get("Healthcheck"):
            container.wait_healthy(60)
        assert statuses(container, case.paths, port_of(engine, rewritten, case.port)) == expected
        assert container.uid() == case.uid
        assert container.stop().seconds < STOP_SECONDS, container.logs()


@pytest.mark.parametrize("case", SERVICES)
def test_services_stop_within_a_second(engine: Engine, case: Case, tmp_path: Path) -> None:
    image = built(engine, case.lay_after(tmp_path / "after"), case.builds[0])
    longer = []
    for _ in range(3):  # as the engine itself takes its time on a busy machine, and not always the same
        with engine.run(image, *IDLE, options=["--entrypoint", "sh"]) as idle:
            least = idle.stop().seconds
        with engine.run(image, env=case.env) as container:
            statuses(container, case.paths, port_of(engine, image, case.port))
            longer.append(container.stop().seconds - least)
    assert min(longer) < 1.0, longer
