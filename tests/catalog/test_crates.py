from __future__ import annotations

import pytest

from dockfix import catalog
from dockfix.catalog.crates import crate_headers
from dockfix.catalog.table import table


@pytest.mark.parametrize(
    ("crate", "headers"),
    [("pq-sys", "libpq-dev"), ("zstd-sys", ""), ("windows-sys", ""), ("unheard-of-sys", None), ("serde", None)],
)
def test_libraries_of_crates(crate: str, headers: str | None) -> None:
    assert crate_headers(crate) == headers


@pytest.mark.parametrize("suite", ["bullseye", "bookworm", "trixie"])
def test_the_library_of_every_crate_is_known(suite: str) -> None:
    named = [row["headers"] for row in table("crates").rows() if row["headers"]]
    assert named
    assert [name for name in named if not catalog.runtime_libraries(name, "debian", suite)] == []


def test_what_serves_builds_and_what_is_essential() -> None:
    assert catalog.serves_builds("protobuf-compiler")
    assert not catalog.serves_builds("ffmpeg")
    assert catalog.is_essential("grep")
    assert catalog.is_essential("export")
    assert not catalog.is_essential("curl")
