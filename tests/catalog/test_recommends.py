"""What comes by recommendation, and how it is judged."""

from __future__ import annotations

import pytest

from dockfix import catalog
from dockfix.catalog.recommends import RECORDED_SUITES, Recommendations, recommendations
from dockfix.catalog.table import table


def alone(package: str, suite: str) -> dict[str, str]:
    found = recommendations(package, suite)
    assert found is not None
    return {each.package: each.verdict for each in found.alone}


def test_certificates_come_with_curl_by_recommendation_alone() -> None:
    assert alone("curl", "bookworm")["ca-certificates"] == "needed"
    assert alone("curl", "trixie")["bash-completion"] == "unneeded"


def test_headers_come_with_gcc_by_recommendation_and_with_its_sister_anyway() -> None:
    assert alone("gcc", "trixie")["libc6-dev"] == "needed"
    found = recommendations("g++", "trixie")
    assert found is not None and "libc6-dev" in found.anyway


def test_libraries_that_others_may_load_are_not_judged() -> None:
    assert alone("git", "bookworm")["openssh-client"] == "loaded"


def test_nothing_comes_with_make() -> None:
    assert recommendations("make", "bookworm") == Recommendations((), frozenset())


@pytest.mark.parametrize(
    ("package", "suite"), [("curl", "jammy"), ("curl", None), ("ffmpeg", "bookworm"), ("no-such-package", "trixie")]
)
def test_what_is_not_recorded_or_judged_is_none(package: str, suite: str | None) -> None:
    assert recommendations(package, suite) is None


def test_every_name_is_judged() -> None:
    known = {row["package"] for row in table("recommended").rows()}
    cells = {row[suite] for row in table("recommends").rows() for suite in RECORDED_SUITES}
    names = {name.lstrip("+") for cell in cells for name in cell.split()} - {"-", "?"}
    assert names <= known


def test_images_carry_what_their_own_dockerfile_installs() -> None:
    slim, full = catalog.image("python", "3.12-slim-bookworm"), catalog.image("python", "3.12-bookworm")
    assert slim is not None and full is not None
    assert "ca-certificates" in catalog.carries(slim)
    assert {"ca-certificates", "git"} <= catalog.carries(full)
