"""Tags of official images: what they stand on and which smaller tag has the same version."""

from __future__ import annotations

import pytest

from dockfix.catalog import PROVENANCE, image, stable_nginx, variant


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("node:20", ("full", "20", "bookworm", "debian", "glibc", "apt")),
        ("node:20-alpine", ("alpine", "20", "3.23", "alpine", "musl", "apk")),
        ("node:20.11.1-bookworm", ("full", "20.11.1", "bookworm", "debian", "glibc", "apt")),
        ("node:16", ("full", "16", "buster", "debian", "glibc", "apt")),
        ("node:lts", ("full", "lts", "bookworm", "debian", "glibc", "apt")),
        ("python:3.9.1", ("full", "3.9.1", "buster", "debian", "glibc", "apt")),
        ("python:3.12-slim-bookworm", ("slim", "3.12", "bookworm", "debian", "glibc", "apt")),
        ("python:3.11-alpine3.18", ("alpine", "3.11", "3.18", "alpine", "musl", "apk")),
        ("php:8.1-apache", ("full", "8.1", "trixie", "debian", "glibc", "apt")),
        ("openjdk:17", ("other", "17", "oraclelinux8", "rhel", "glibc", "dnf")),
        ("ubuntu:22.04", ("full", "22.04", "jammy", "ubuntu", "glibc", "apt")),
        ("ubuntu:focal-20230301", ("full", "", "focal", "ubuntu", "glibc", "apt")),
        ("alpine:3.18", ("alpine", "3.18", "3.18", "alpine", "musl", "apk")),
        ("fedora:40", ("other", "40", "fedora40", "rhel", "glibc", "dnf")),
        ("rockylinux:9.3", ("other", "9.3", "rockylinux9", "rhel", "glibc", "dnf")),
        ("mcr.microsoft.com/dotnet/sdk:8.0", ("full", "8.0", "bookworm", "debian", "glibc", "apt")),
        ("mcr.microsoft.com/dotnet/aspnet:8.0-alpine", ("alpine", "8.0", "3.24", "alpine", "musl", "apk")),
        ("mcr.microsoft.com/dotnet/runtime:10.0-noble-chiseled", ("other", "10.0", None, "unknown", "none", None)),
        ("mcr.microsoft.com/dotnet/core/aspnet:3.1", ("full", "3.1", "buster", "debian", "glibc", "apt")),
        ("oven/bun:1", ("full", "1", "trixie", "debian", "glibc", "apt")),
        ("oven/bun:1.1.38-slim", ("slim", "1.1.38", "bullseye", "debian", "glibc", "apt")),
        ("oven/bun:1.3.2", ("full", "1.3.2", None, "debian", "glibc", "apt")),
        ("oven/bun:alpine", ("alpine", "", None, "alpine", "musl", "apk")),
        ("nginx:stable-alpine", ("alpine", "stable", "3.24", "alpine", "musl", "apk")),
    ],
)
def test_tag_resolves(reference: str, expected: tuple[str | None, ...]) -> None:
    name, _, tag = reference.partition(":")
    found = image(name, tag)
    assert found is not None
    assert (
        found.variant,
        found.version,
        found.suite,
        found.distribution,
        found.libc,
        found.manager,
    ) == expected


@pytest.mark.parametrize(
    ("reference", "alpine", "slim"),
    [
        ("node:20", "20-alpine", "20-slim"),
        ("node:20.11.1-bookworm", "20.11.1-alpine", "20.11.1-bookworm-slim"),
        ("node:latest", "alpine", "slim"),
        ("node:lts", "lts-alpine", "lts-slim"),
        ("node:18-slim", "18-alpine", "18-slim"),
        ("python:3.11", "3.11-alpine", "3.11-slim"),
        ("python:3.11-bullseye", "3.11-alpine", "3.11-slim-bullseye"),
        ("python:latest", "alpine", "slim"),
        ("ruby:3.2.2", "3.2.2-alpine", "3.2.2-slim"),
        ("php:8.2-fpm", "8.2-fpm-alpine", None),
        ("php:8.1-apache", None, None),
        ("golang:1.21.3", "1.21.3-alpine", None),
        ("eclipse-temurin:17-jdk", "17-jdk-alpine", None),
        ("openjdk:17", None, None),
        ("openjdk:11-jre", None, "11-jre-slim"),
        ("nginx:1.25", "1.25-alpine", None),
        ("debian:bookworm", None, "bookworm-slim"),
        ("mysql:8", None, None),
    ],
)
def test_smaller_sibling_keeps_the_version(reference: str, alpine: str | None, slim: str | None) -> None:
    name, _, tag = reference.partition(":")
    found = image(name, tag)
    assert found is not None
    smaller, slimmer = variant(found, "alpine"), variant(found, "slim")
    assert (smaller.tag if smaller else None, slimmer.tag if slimmer else None) == (alpine, slim)
    assert smaller is None or smaller.libc == "musl"
    assert slimmer is None or slimmer.suite == found.suite


def test_sibling_with_an_older_patch_release_is_not_offered() -> None:
    """openjdk:8-jdk-alpine stopped at 8u212 in 2019 while 8-jdk went on to 8u342."""
    found = image("openjdk", "8-jdk")
    assert image("openjdk", "8-jdk-alpine") is not None
    assert found is not None and variant(found, "alpine") is None


@pytest.mark.parametrize(
    "reference",
    [
        *("node:99", "node:nonsense", "acme/app:1", "python:3.11-onbuild", "golang:1.22-windowsservercore"),
        *("oven/bun:1.0.25", "oven/bun:distroless", "oven/bun:canary"),
    ],
)
def test_unknown_is_none(reference: str) -> None:
    name, _, tag = reference.partition(":")
    assert image(name, tag) is None


def test_patch_release_newer_than_the_data_follows_its_living_minor_release() -> None:
    newer, living = image("python", "3.13.99"), image("python", "3.13")
    assert newer is not None and living is not None
    assert (newer.suite, newer.entrypoint) == (living.suite, living.entrypoint)
    assert image("python", "3.6.99") is None


@pytest.mark.parametrize(
    ("reference", "moved"),
    [
        ("node:16", True),
        ("node:14-slim", True),
        ("node:20-buster", True),
        ("python:2.7", True),
        ("node:16-alpine", False),
        ("node:18", False),
        ("python:3.11-bullseye", False),
        ("python:3.12", False),
    ],
)
def test_archive_of_the_suite(reference: str, moved: bool) -> None:
    name, _, tag = reference.partition(":")
    found = image(name, tag)
    assert found is not None and found.archive_moved is moved


@pytest.mark.parametrize("tag", ["20", "20-alpine", "12", "current-slim"])
def test_node_has_its_user_on_every_variant(tag: str) -> None:
    found = image("library/node", tag)
    assert found is not None
    assert [(account.uid, account.gid, account.home) for account in found.accounts if account.name == "node"] == [
        (1000, 1000, "/home/node")
    ]
    assert found.entrypoint == ("docker-entrypoint.sh",) and found.cmd == ("node",)


@pytest.mark.parametrize(
    ("reference", "name", "uid", "gid"),
    [
        ("nginx:1.25", "nginx", 101, 101),
        ("nginx:alpine", "nginx", 101, 101),
        ("postgres:15", "postgres", 999, 999),
        ("postgres:15-alpine", "postgres", 70, 70),
        ("php:8.2-fpm", "www-data", 33, 33),
        ("php:8.2-fpm-alpine", "www-data", 82, 82),
        ("rabbitmq:3-management-alpine", "rabbitmq", 100, 101),
        ("gradle:8-jdk17", "gradle", 1000, 1000),
        ("oven/bun:1-alpine", "bun", 1000, 1000),
        ("debian:bookworm", "nobody", 65534, 65534),
        ("ubuntu:24.04", "ubuntu", 1000, 1000),
        ("eclipse-temurin:17-jdk-noble", "ubuntu", 1000, 1000),
    ],
)
def test_accounts(reference: str, name: str, uid: int, gid: int) -> None:
    repository, _, tag = reference.partition(":")
    found = image(repository, tag)
    assert found is not None
    assert [(account.uid, account.gid) for account in found.accounts if account.name == name] == [(uid, gid)]


def test_environment_of_an_exact_tag_has_its_version() -> None:
    exact, floating = image("node", "20.11.1"), image("node", "20")
    assert exact is not None and floating is not None
    assert exact.env["NODE_VERSION"] == "20.11.1"
    assert floating.env["NODE_VERSION"] == PROVENANCE
    assert floating.env["PATH"].startswith("/usr/local/sbin:")


@pytest.mark.parametrize(("tag", "lang"), [("3.12", "C.UTF-8"), ("3.6-alpine", "C.UTF-8"), ("3.13", None)])
def test_python_sets_lang_up_to_3_12(tag: str, lang: str | None) -> None:
    found = image("python", tag)
    assert found is not None
    assert found.env.get("LANG") == lang
    assert found.env["PATH"].startswith("/usr/local/bin:")


def test_variants_of_one_version_agree_on_what_an_app_may_refer_to() -> None:
    for reference in ("node:20", "python:3.11", "golang:1.22", "ruby:3.2", "rust:1.70"):
        name, _, tag = reference.partition(":")
        found = image(name, tag)
        assert found is not None
        smaller = variant(found, "alpine")
        assert smaller is not None
        assert (smaller.env["PATH"], smaller.workdir, smaller.entrypoint) == (
            found.env["PATH"],
            found.workdir,
            found.entrypoint,
        )


def test_end_of_life_is_the_language_s() -> None:
    found = image("node", "16.20.2")
    assert found is not None and found.end_of_life == "2023-09-11"


def test_older_ubuntu_has_no_user_and_gradle_renames_it() -> None:
    older, renamed = image("ubuntu", "22.04"), image("gradle", "8-jdk17")
    assert older is not None and renamed is not None
    assert "ubuntu" not in {account.name for account in (*older.accounts, *renamed.accounts)}


def test_stable_nginx_is_listed_on_both_sides() -> None:
    line = stable_nginx()
    assert image("nginx", line) and image("nginx", f"{line}-alpine")
    assert int(line.partition(".")[2]) % 2 == 0
