"""What manifests and lock files of Python apps say."""

from __future__ import annotations

import pytest

from dockfix.facts import python
from dockfix.facts.fact import Fact
from dockfix.facts.files import Tree
from dockfix.facts.python import Python


def tree(files: dict[str, str | bytes], prefix: str = "") -> Python:
    found = python.read(Tree(files), prefix)
    assert found is not None
    return found


def versions(found: Python) -> dict[str, str | None]:
    return {item.name: item.version for item in found.requirements}


def test_absent_without_any_python() -> None:
    assert python.read(Tree({"package.json": "{}"})) is None


def test_present_with_sources_alone() -> None:
    assert tree({"src/app.py": "print(1)"}).requirements == ()


def test_pins_extras_markers_and_origins() -> None:
    found = tree(
        {"requirements.txt": "# base\nFlask[Async]==3.0.3 ; python_version > '3.8'\nzope.interface>=5,<6\n"}, "api"
    )
    first, second = found.requirements
    assert (first.name, first.version, first.extras, first.marker) == (
        "flask",
        "3.0.3",
        ("async",),
        "python_version > '3.8'",
    )
    assert first.origin == "api/requirements.txt:2"
    assert (second.name, second.version, second.spec) == ("zope-interface", None, ">=5,<6")


def test_continuations_and_hashes() -> None:
    text = (
        "requests==2.32.3 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "idna==3.7 --hash=sha256:cc  # via requests\n"
    )
    found = tree({"requirements.txt": text})
    assert versions(found) == {"requests": "2.32.3", "idna": "3.7"}
    assert all(item.hashed for item in found.requirements)
    assert [item.origin for item in found.requirements] == ["requirements.txt:1", "requirements.txt:4"]
    assert found.problems == ()


def test_follows_includes_relative_to_the_including_file() -> None:
    found = tree(
        {
            "requirements/prod.txt": "-r base.txt\n-c ../constraints.txt\ngunicorn\n",
            "requirements/base.txt": "--requirement=more.txt\nflask\n",
            "requirements/more.txt": "six==1.16.0\n-r base.txt\n",
            "constraints.txt": "flask==2.3.3\nunused==1\n",
        }
    )
    assert found.requirement_files("requirements/prod.txt") == (
        "requirements/prod.txt",
        "requirements/base.txt",
        "constraints.txt",
        "requirements/more.txt",
    )
    wanted = {item.name: item.version for item in found.requirements_of("requirements/prod.txt")}
    assert wanted == {"gunicorn": None, "flask": "2.3.3", "six": "1.16.0"}


@pytest.mark.parametrize(
    ("line", "local"),
    [
        pytest.param("-e .", ".", id="editable"),
        pytest.param("--editable=./lib", "./lib", id="editable-long"),
        pytest.param("./vendor/pkg", "./vendor/pkg", id="path"),
        pytest.param("vendor/pkg-1.0-py3-none-any.whl", "vendor/pkg-1.0-py3-none-any.whl", id="wheel"),
        pytest.param("file:///app/pkg", "file:///app/pkg", id="file-url"),
        pytest.param("git+https://example.org/x.git@v1#egg=x", "git+https://example.org/x.git@v1#egg=x", id="git"),
        pytest.param("thing @ git+https://example.org/x.git", "git+https://example.org/x.git", id="direct-reference"),
    ],
)
def test_local_and_direct_references(line: str, local: str) -> None:
    found = tree({"requirements.txt": f"flask\n{line}\n"})
    assert found.local == (Fact(local, "requirements.txt:2"),)
    assert found.problems == ()


def test_options_are_no_requirements() -> None:
    found = tree({"requirements.txt": "-i https://mirror.example/simple\n--extra-index-url https://x.example\nflask\n"})
    assert versions(found) == {"flask": None}
    assert [option.value for option in found.requirement_file("requirements.txt").options] == [
        "--index-url https://mirror.example/simple",
        "--extra-index-url https://x.example",
    ]


def test_utf16_written_by_powershell() -> None:
    found = tree({"requirements.txt": "Flask==3.0.0\r\n".encode("utf-16")})
    assert versions(found) == {"flask": "3.0.0"}


def test_nonsense_is_a_problem() -> None:
    found = tree({"requirements.txt": "flask\n<<<<<<< HEAD\n"})
    assert versions(found) == {"flask": None}
    assert [problem.origin for problem in found.problems] == ["requirements.txt:2"]


def test_development_files_are_left_out() -> None:
    found = tree({"requirements.txt": "flask\n", "requirements-dev.txt": "pytest\n"})
    assert versions(found) == {"flask": None}


def test_poetry_with_lock() -> None:
    found = tree(
        {
            "pyproject.toml": '[tool.poetry]\nname = "My_App"\nreadme = "README.md"\n'
            '[tool.poetry.dependencies]\npython = "^3.11"\n'
            'flask = "^3.0"\nlib = {path = "../lib", develop = true}\n'
            '[tool.poetry.group.dev.dependencies]\npytest = "*"\n'
            '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n',
            "poetry.lock": '[[package]]\nname = "flask"\nversion = "3.0.3"\n\n[[package]]\n'
            'name = "Werkzeug"\nversion = "3.0.1"\n',
            "README.md": "",
        }
    )
    assert found.manager == "poetry"
    assert versions(found) == {"flask": "3.0.3", "lib": None}
    assert {item.name: item.version for item in found.locked} == {"flask": "3.0.3", "werkzeug": "3.0.1"}
    assert found.locked[1].origin == "poetry.lock:5"
    werkzeug = found.requirement("Werkzeug")
    assert werkzeug is not None
    assert werkzeug.version == "3.0.1"
    assert [fact.value for fact in found.local] == ["../lib"]
    project = found.project
    assert project is not None
    assert project.name == "my-app"
    assert project.package
    assert project.groups == ("dev",)
    assert project.readme == (Fact("README.md", "pyproject.toml:3"),)


def test_uv_with_lock_and_workspace() -> None:
    found = tree(
        {
            "pyproject.toml": '[project]\nname = "svc"\nversion = "1"\n'
            'dependencies = ["fastapi[standard]>=0.110", "core"]\n'
            '[dependency-groups]\ndev = ["ruff"]\n[tool.uv.sources]\ncore = { workspace = true }\n'
            '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
            "uv.lock": 'version = 1\n[[package]]\nname = "fastapi"\nversion = "0.115.0"\n'
            'source = { registry = "https://pypi.org/simple" }\n'
            '[[package]]\nname = "svc"\nsource = { virtual = "." }\n'
            '[[package]]\nname = "core"\nversion = "0.1"\nsource = { editable = "packages/core" }\n',
        }
    )
    assert found.manager == "uv"
    assert versions(found) == {"fastapi": "0.115.0", "core": "0.1"}
    assert [(item.name, item.url) for item in found.locked] == [("fastapi", ""), ("core", "packages/core")]
    project = found.project
    assert project is not None
    assert project.members == ("packages/*",)
    assert not project.package
    assert [fact.value for fact in found.local] == ["workspace:core"]
    assert [item.name for item in project.optional] == ["ruff"]


def test_pipfile_and_lock() -> None:
    found = tree(
        {
            "Pipfile": '[packages]\nflask = "*"\nredis = "==5.0.1"\n[dev-packages]\npytest = "*"\n',
            "Pipfile.lock": '{\n "default": {\n  "flask": {\n   "version": "==3.0.2"\n  }\n },\n'
            ' "develop": {"pytest": {"version": "==8.0"}}\n}\n',
        }
    )
    assert found.manager == "pipenv"
    assert versions(found) == {"flask": "3.0.2", "redis": "5.0.1"}
    assert [(item.name, item.group) for item in found.locked] == [("flask", ""), ("pytest", "dev")]
    assert found.locked[0].origin == "Pipfile.lock:3"


def test_conda_environment() -> None:
    found = tree(
        {
            "environment.yml": "name: x\ndependencies:\n  - python=3.11\n  - conda-forge::numpy=1.26.4\n"
            "  - pip:\n      - flask==3.0.0\n"
        }
    )
    assert found.manager == "conda"
    assert versions(found) == {"flask": "3.0.0"}
    assert {item.name: item.version for item in found.conda} == {"python": "3.11", "numpy": "1.26.4"}


def test_setup_py_and_setup_cfg() -> None:
    found = tree(
        {
            "setup.py": "from setuptools import setup\nREQUIRED = ['flask==2.0', 'click']\n"
            "setup(name='x', install_requires=REQUIRED)\n",
            "setup.cfg": "[options]\ninstall_requires =\n    requests>=2\n    # comment\n    idna==3.4\n",
        }
    )
    assert found.manager == "setuptools"
    assert versions(found) == {"requests": None, "idna": "3.4", "flask": "2.0", "click": None}


def test_broken_manifests_are_problems() -> None:
    found = tree({"pyproject.toml": "[project\n", "Pipfile.lock": "{", "environment.yml": "a: [\n"})
    assert found.requirements == ()
    assert found.project is None
    assert {problem.origin.partition(":")[0] for problem in found.problems} == {
        "pyproject.toml",
        "Pipfile.lock",
        "environment.yml",
    }


def test_framework_by_requirement_then_by_import() -> None:
    assert tree({"requirements.txt": "uvicorn\nfastapi\n"}).framework == Fact("fastapi", "requirements.txt:2")
    assert tree({"app.py": "import os\nfrom flask import Flask\n"}).framework == Fact("flask", "app.py:2")


def test_imports_are_third_party_and_not_from_tests_or_strings() -> None:
    found = tree(
        {
            "app.py": '"""\nimport fake\n"""\nimport os, yaml\nfrom helpers import x\n'
            "from .y import z\nfrom psycopg2.extras import (\n    a,\n    b,\n)\n",
            "helpers.py": "import cv2  # import nothing\n",
            "tests/test_app.py": "import pytest\n",
        }
    )
    assert {(fact.value, fact.origin) for fact in found.imports} == {
        ("yaml", "app.py:4"),
        ("psycopg2", "app.py:7"),
        ("cv2", "helpers.py:1"),
    }


def test_tools_called_anywhere() -> None:
    found = tree(
        {
            "a.py": "import subprocess\nBIN = 'ffmpeg'\nsubprocess.run([BIN, '-i', x])\n",
            "b.py": "from subprocess import check_output as co\nimport os\n"
            "co('git log | head', shell=True)\nos.system('cd x && tar xf y')\n",
            "c.py": "import shutil, subprocess\nshutil.which('convert')\ndef f(cmd):\n    subprocess.call(cmd)\n",
        }
    )
    assert {(fact.value, fact.origin) for fact in found.tools} == {
        ("ffmpeg", "a.py:3"),
        ("git", "b.py:3"),
        ("head", "b.py:3"),
        ("tar", "b.py:4"),
        ("convert", "c.py:2"),
    }


WHEEL, SOURCES = "ruamel.yaml-0.18.6-py3-none-any.whl", "ruamel.yaml-0.18.6.tar.gz"
FILES = f'[\n    {{file = "{WHEEL}", hash = "sha256:1"}},\n    {{file = "{SOURCES}", hash = "sha256:0"}},\n]\n'
PACKAGE = '[[package]]\nname = "ruamel.yaml"\nversion = "0.18.6"\n'
HOST = "https://files.example"


@pytest.mark.parametrize(
    ("lock", "listed"),
    [
        ("uv.lock", f'sdist = {{ url = "{HOST}/{SOURCES}" }}\nwheels = [\n    {{ url = "{HOST}/{WHEEL}" }},\n]\n'),
        ("poetry.lock", f"files = {FILES}"),
        ("poetry.lock", f'\n[metadata.files]\n"ruamel.yaml" = {FILES}'),  # before version 1.5
    ],
)
def test_files_of_a_lock(lock: str, listed: str) -> None:
    (found,) = tree({lock: PACKAGE + listed}).locked
    assert set(found.files) == {WHEEL, SOURCES}
