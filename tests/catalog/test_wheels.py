"""Python packages on musl and on glibc."""

from __future__ import annotations

import pytest

from dockfix.catalog import python_system_libraries, python_wheel

ORDINARY = (
    *("flask", "werkzeug", "jinja2", "click", "itsdangerous", "markupsafe", "gunicorn", "requests", "python-dotenv"),
    *("django", "djangorestframework", "whitenoise", "celery", "redis", "boto3", "pyjwt", "sqlalchemy", "alembic"),
    *("fastapi", "starlette", "uvicorn", "httptools", "uvloop", "watchfiles", "httpx", "pydantic", "pydantic-core"),
    *("psycopg2", "psycopg2-binary", "greenlet", "numpy", "pandas", "pillow", "lxml", "orjson", "pyyaml"),
    *("cryptography", "cffi", "bcrypt"),
)


@pytest.mark.parametrize(
    ("name", "version", "python", "musl"),
    [
        ("flask", None, None, "pure"),
        ("Flask", "1.0", None, "pure"),
        ("numpy", "1.24.4", "3.11", "sdist"),
        ("numpy", "1.25.0", "3.11", "wheel"),
        ("numpy", "1.25.0", "3.12", "sdist"),
        ("psycopg2-binary", "2.9.9", "3.11", "wheel"),
        ("psycopg2-binary", "2.9.9", "3.13", "sdist"),
        ("cryptography", "3.4.7", None, "sdist"),
        ("cryptography", "42.0.5", "3.12", "wheel"),
        ("pydantic", "1.8.2", None, "pure"),
        ("charset-normalizer", "3.3.2", "3.14", "wheel"),
        ("torch", None, None, "none"),
        ("no-such-package", None, None, "unknown"),
        ("torch", "not a version", None, "unknown"),
        ("torch", "1.0", None, "none"),
    ],
)
def test_pinned_version_is_what_counts(name: str, version: str | None, python: str | None, musl: str) -> None:
    wheel = python_wheel(name, version, python)
    assert wheel.musl == musl
    assert wheel.evidence


def test_stable_abi_serves_later_pythons() -> None:
    assert python_wheel("bcrypt", "4.0.1", "3.13").musl == "wheel"
    assert python_wheel("cryptography", "41.0.0", "3.6").musl == "sdist"


def test_first_version_with_a_wheel() -> None:
    assert python_wheel("numpy", "1.20.0").since == "1.25.0"


def test_quick_build_brings_its_packages() -> None:
    wheel = python_wheel("psycopg2", "2.9.3", "3.11", "bookworm")
    assert (wheel.musl, wheel.quick_build) == ("sdist", True)
    assert (wheel.build, wheel.runtime) == (("gcc", "musl-dev", "libpq-dev"), ("libpq",))
    assert wheel.debian_runtime == ("libpq5",)


@pytest.mark.parametrize(("suite", "library"), [("bullseye", "libffi7"), ("bookworm", "libffi8")])
def test_runtime_library_of_a_quick_build_follows_the_suite(suite: str, library: str) -> None:
    assert python_wheel("cffi", "1.14.0", "3.11", suite).debian_runtime == (library,)


def test_nothing_is_compiled_on_debian_where_there_is_a_wheel() -> None:
    wheel = python_wheel("psutil", "5.9.8", "3.11")
    assert (wheel.musl, wheel.glibc) == ("sdist", "wheel")
    assert wheel.build and not wheel.debian_build and not wheel.debian_runtime


def test_optional_extension_needs_no_compiler() -> None:
    wheel = python_wheel("MarkupSafe", "1.1.1")
    assert (wheel.musl, wheel.quick_build, wheel.build) == ("sdist", True, ())


def test_slow_build_is_not_quick() -> None:
    assert not python_wheel("numpy", "1.20.0").quick_build


def test_ordinary_packages_are_known() -> None:
    unknown = [name for name in ORDINARY if python_wheel(name, None, "3.12").musl == "unknown"]
    assert not unknown


@pytest.mark.parametrize(
    ("suite", "libraries"), [("bookworm", ("libmagic1",)), ("trixie", ("libmagic1t64",)), (None, ("libmagic1t64",))]
)
def test_libraries_loaded_by_name(suite: str | None, libraries: tuple[str, ...]) -> None:
    assert python_system_libraries("python_magic", "debian", suite) == libraries


def test_libraries_loaded_by_name_on_alpine() -> None:
    assert python_system_libraries("opencv-python", "alpine") == ("mesa-gl", "glib")
    assert python_system_libraries("flask", "alpine") == ()


def test_psycopg_needs_libpq_only_without_its_compiled_half() -> None:
    assert python_system_libraries("psycopg", "debian", "bookworm") == ("libpq5",)
    assert python_system_libraries("psycopg", "debian", "bookworm", {"psycopg", "psycopg-binary"}) == ()
    assert python_system_libraries("psycopg", "alpine", beside={"psycopg-c"}) == ()


def test_ctypes_finds_no_library_on_musl() -> None:
    assert python_system_libraries("psycopg", "alpine") is None
    assert python_system_libraries("pyzbar", "alpine") is None


def test_program_that_a_distribution_lacks() -> None:
    assert python_system_libraries("pdfkit", "alpine") is None
    assert python_system_libraries("pdfkit", "debian", "trixie") is None
    assert python_system_libraries("pdfkit", "debian", "bookworm") == ("wkhtmltopdf",)
