"""The look-up rules for distribution packages."""

from __future__ import annotations

import pytest

from dockfix.catalog import (
    alpine,
    busybox_has,
    full_variant_carries,
    image,
    is_build_tool,
    provides,
    runtime_libraries,
)


@pytest.mark.parametrize(
    ("package", "branch", "packages", "kind"),
    [
        ("git", "3.20", ("git",), "tool"),
        ("curl:amd64", "3.20", ("curl",), "tool"),
        ("build-essential", None, ("build-base",), "build"),
        ("libpq-dev", "3.20", ("libpq-dev",), "build"),
        ("libpq-dev", "3.14", ("postgresql-dev",), "build"),
        ("gosu", "3.24", ("gosu",), "tool"),
        ("gosu", "3.18", ("su-exec",), "tool"),
        ("php8.2-mysql", "3.20", ("php82-mysqli", "php82-pdo_mysql", "php82-mysqlnd"), "runtime"),
        ("php8.2-intl", "3.24", (), "none"),
        ("php8.5-opcache", "3.24", (), "unneeded"),
        ("postgresql-client-15", "3.20", ("postgresql15-client",), "tool"),
        ("postgresql-client-13", "3.24", (), "none"),
        ("openjdk-17-jre-headless", "3.20", ("openjdk17-jre-headless",), "runtime"),
        ("openjdk-16-jdk", "3.20", (), "none"),
        ("python3.12", "3.20", ("python3",), "runtime"),
        ("python3.11-dev", "3.20", (), "none"),
        ("gcc-12", "3.20", ("gcc",), "build"),
        ("clang-15", "3.20", ("clang15",), "build"),
        ("libssl3t64", "3.20", ("libssl3", "libcrypto3"), "runtime"),
        ("libicu74", "3.20", ("icu-libs",), "runtime"),
        ("wkhtmltopdf", "3.20", (), "none"),
        ("cuda-cudart-11-7", "3.20", (), "none"),
        ("libcublas-dev-11-7", "3.20", (), "none"),
        ("python-docutils", "3.20", (), "none"),
        ("python-is-python3", "3.20", ("python3",), "runtime"),
        ("btrfs-tools", "3.20", ("btrfs-progs",), "tool"),
        ("libibverbs-dev", "3.12", (), "none"),
    ],
)
def test_debian_package_on_alpine(package: str, branch: str | None, packages: tuple[str, ...], kind: str) -> None:
    answer = alpine(package, branch)
    assert answer is not None
    assert (answer.packages, answer.kind) == (packages, kind)
    assert answer.origin and (answer.reason or answer.packages)


@pytest.mark.parametrize("package", ["", "no-such-package", "libnosuchthing7", "php8.2-nosuchextension", "t64"])
def test_unknown_package_is_none(package: str) -> None:
    assert alpine(package, "3.20") is None


def test_alpine_headers_of_several_debian_packages_have_all_their_libraries() -> None:
    assert runtime_libraries("libjpeg-turbo-dev", "alpine") == ("libjpeg-turbo", "libturbojpeg")
    assert set(runtime_libraries("util-linux-dev", "alpine") or ()) >= {"libuuid", "libblkid", "libmount"}


def test_family_is_unknown_on_a_branch_that_still_had_it() -> None:
    assert alpine("python-docutils", "3.15") is None


@pytest.mark.parametrize(
    ("package", "suite", "libraries"),
    [
        ("libssl-dev", "bullseye", ("libssl1.1",)),
        ("libssl-dev", "bookworm", ("libssl3",)),
        ("libssl-dev", "trixie", ("libssl3t64",)),
        ("libssl-dev", None, ("libssl3t64",)),
        ("default-libmysqlclient-dev", "bookworm", ("libmariadb3",)),
        ("libkrb5-dev", "bookworm", ("libgssapi-krb5-2", "libkrb5-3")),
        ("libc6-dev", "bookworm", ()),
        ("libssl-dev", "jammy", None),
        ("no-such-dev", "bookworm", None),
    ],
)
def test_libraries_of_debian_headers(package: str, suite: str | None, libraries: tuple[str, ...] | None) -> None:
    assert runtime_libraries(package, "debian", suite) == libraries


@pytest.mark.parametrize("package", ["libpq-dev", "libffi-dev"])
def test_libraries_of_alpine_headers(package: str) -> None:
    assert runtime_libraries(package, "alpine", None) in (("libpq",), ("libffi",))


def test_alpine_libraries_by_either_name() -> None:
    assert runtime_libraries("mariadb-connector-c-dev", "alpine") == ("mariadb-connector-c",)
    assert runtime_libraries("default-libmysqlclient-dev", "alpine") == ("mariadb-connector-c",)


@pytest.mark.parametrize(
    "name", ["gcc", "g++-12", "make", "build-essential", "libpq-dev", "cargo", "pkg-config", "cmake"]
)
def test_build_tools(name: str) -> None:
    assert is_build_tool(name)


@pytest.mark.parametrize("name", ["gcc", "musl-dev", "build-base", "linux-headers", "postgresql-dev", "pkgconf"])
def test_build_tools_on_alpine(name: str) -> None:
    assert is_build_tool(name)


@pytest.mark.parametrize(
    "name",
    [
        "curl",
        "git",
        "ffmpeg",
        "libpq5",
        "python3",
        "nginx",
        "ca-certificates",
        "libopenblas0",
        "default-jdk",
        "libatlas3-base",
    ],
)
def test_what_runs_is_no_build_tool(name: str) -> None:
    assert not is_build_tool(name)


def test_full_images_carry_what_slim_lacks() -> None:
    full, slim, go = image("node", "20"), image("node", "20-slim"), image("golang", "1.22")
    assert full is not None and slim is not None and go is not None
    assert {"git", "curl", "gcc", "python3", "libpq5", "procps"} <= full_variant_carries(full)
    assert "libgl1" not in full_variant_carries(full)
    assert not full_variant_carries(slim)
    assert {"git", "gcc", "make"} <= full_variant_carries(go)
    assert "imagemagick" not in full_variant_carries(go)


def test_python_slim_keeps_certificates() -> None:
    full = image("python", "3.11")
    assert full is not None
    assert "ca-certificates" not in full_variant_carries(full)


def test_image_on_a_small_base_carries_nothing() -> None:
    full = image("nginx", "1.25")
    assert full is not None and full.variant == "full"
    assert not full_variant_carries(full)


@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("git", "git"),
        ("python3", "python3"),
        ("convert", "imagemagick"),
        ("ps", "procps"),
        ("hg", "mercurial"),
        ("cc", "gcc"),
    ],
)
def test_commands_of_the_full_image(command: str, package: str) -> None:
    assert provides(command)[0] == package


def test_commands_that_no_full_image_has() -> None:
    assert provides("jq") == () and provides("vim") == ()


def test_adduser_is_in_slim_images_before_trixie() -> None:
    assert provides("adduser", "trixie") == ("adduser",)
    assert provides("adduser", "bookworm") == ()


def test_busybox() -> None:
    assert busybox_has("wget") and busybox_has("nc") and busybox_has("[")
    assert not busybox_has("curl") and not busybox_has("bash") and not busybox_has("httpd")
