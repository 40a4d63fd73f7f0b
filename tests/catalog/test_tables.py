"""Every table is sorted, dated, complete, and names only what exists elsewhere in the data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dockfix.catalog
from dockfix.catalog.table import Table, table

FILES = sorted(Path(dockfix.catalog.__file__).parent.glob("*.tsv"))


def alpine_names() -> set[str]:
    names: set[str] = set()
    for row in table("apt").rows():
        names.update(row["alpine"].split(), row["elsewhere"].split())
    for row in table("development").rows():
        names.update(row["alpine_dev"].split(), row["alpine_runtime"].split())
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_table_is_sorted_dated_and_regular(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# origin: ") and re.search(r"\b20\d\d(?:-\d\d)?\b", lines[0])
    keys = [line.split("\t")[0].encode() for line in lines[2:]]
    assert keys and keys == sorted(set(keys))
    assert {line.count("\t") for line in lines[2:]} == {lines[1].count("\t")}
    assert path.read_bytes().endswith(b"\n")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_row_is_found_by_its_key(path: Path) -> None:
    rows = list(Table(path.name).rows())
    column = next(iter(rows[0]))
    for row in (*rows[::97], rows[0], rows[-1]):
        assert Table(path.name).row(row[column]) == row


@pytest.mark.parametrize("key", ["", "\x00", "!", "node:20x", "~~~~"])
def test_absent_key_is_none(key: str) -> None:
    assert table("tags").row(key) is None


def test_prefixed_rows_are_neighbours() -> None:
    names = [row["package"] for row in table("apt").prefixed("libpq")]
    assert "libpq5" in names and all(name.startswith("libpq") for name in names)


def test_tags_name_profiles_and_suites_that_exist() -> None:
    profiles = {row["profile"] for row in table("profiles").rows()}
    suites = {row["suite"] for row in table("suites").rows()}
    for row in table("tags").rows():
        image = row["tag"].partition(":")[0]
        for cell in row["suffixes"].split():
            match = re.fullmatch(r"([^=#@]+)(?:=([^#@]+))?(?:#(\d*))?(?:@(\d{4}-\d\d-\d\d))?", cell)
            assert match, (row["tag"], cell)
            number = row["profile"] if match[3] is None else match[3]
            assert not number or f"{image}#{number}" in profiles, (row["tag"], cell)
            if match[2] and match[2] != "?":
                assert match[2] in suites or re.match(
                    r"oracle|(?:oraclelinux|ubi|al|amazonlinux|fedora|centos|almalinux|rockylinux)\d", match[2]
                ), row


def test_alpine_names_are_known() -> None:
    known = alpine_names()
    for name in ("builds", "npm"):
        for row in table(name).rows():
            used = set(row["alpine_build"].split()) | set(row["alpine_runtime"].split())
            assert used <= known, (name, row)


def test_every_replacement_has_packages_exactly_if_its_kind_installs_any() -> None:
    for row in table("apt").rows():
        assert row["confidence"] in ("high", "medium", "low")
        assert row["kind"] in ("runtime", "tool", "build", "none", "unneeded")
        if row["kind"] in ("runtime", "tool", "build"):
            assert row["alpine"] and row["branches"], row


def test_carried_packages_provide_the_commands() -> None:
    carried: dict[str, set[str]] = {}
    for row in table("buildpack").rows():
        carried.setdefault(row["layer"].partition(":")[0], set()).update(row["packages"].split())
    for row in table("commands").rows():
        for suite in row["suites"].split() or ["bookworm"]:
            assert carried[suite] & set(row["packages"].split()), row


def test_wheel_histories_are_in_order() -> None:
    from packaging.version import Version

    for row in table("wheels").rows():
        for column in ("musl", "glibc"):
            versions = [Version(cell.partition("=")[0]) for cell in row[column].split()]
            assert versions == sorted(versions), row["package"]
            for cell in row[column].split():
                assert re.fullmatch(r"[^=]+=(?:wheel(?:/3\.\d+\+?(?:,3\.\d+\+?)*)?|pure|sdist|none)", cell), (
                    row["package"],
                    cell,
                )
