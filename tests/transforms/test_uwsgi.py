"""uWSGI, which the small images compile without some of its options."""

from __future__ import annotations

import pytest

from dockfix import registry
from dockfix.dockerfile import Document
from dockfix.engine import plan
from dockfix.facts import App, Tree
from dockfix.options import Options

DOCKERFILE = """\
FROM python:3.11
{before}
WORKDIR /app
COPY . .
RUN pip install -r requirements.txt
CMD ["uwsgi", {words}]
"""


def _moves(words: str, settings: str = "", before: str = "", compose: str = "") -> bool:
    dockerfile = DOCKERFILE.format(words=words, before=before)
    files = {
        "Dockerfile": dockerfile,
        "app.py": "def app(environ, start): ...\n",
        "requirements.txt": "uwsgi==2.0.26\n",
    }
    files |= {f"uwsgi.{kind}": settings for kind in ("ini", "json", "xml", "yml") if settings}
    files |= {"compose.yaml": compose} if compose else {}
    options = Options(only=frozenset({"alpine-base"}))
    found = plan(Document.parse(dockerfile), App(Tree(files)), options, registry.transforms())
    return not found.after.startswith("FROM python:3.11\n")


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ('"--module", "app:app", "--static-expires", "/static 3600"', ""),
        ('"--module", "app:app", "--https=:8443,a,b"', ""),
        ('"--ini", "uwsgi.ini"', "[uwsgi]\nmodule = app:app\nstatic-expires-uri = /static 3600\n"),
        ('"--yaml", "uwsgi.yml"', "uwsgi:\n  module: app:app\n  route: ^/a break:410\n"),
        ('"--json", "uwsgi.json"', '{"uwsgi": {"module": "app:app", "https": ":8443,a,b"}}'),
        ('"--xml", "uwsgi.xml"', "<uwsgi>\n  <module>app:app</module>\n  <route>^/a break:410</route>\n</uwsgi>"),
    ],
)
def test_options_of_pcre_and_openssl(words: str, settings: str) -> None:
    assert not _moves(words, settings)


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ('"--module", "routes:app"', ""),
        ('"--http", ":8000", "--module", "app:app"', ""),
        ('"--ini", "uwsgi.ini"', "[uwsgi]\nmodule = app:app\n# route = ^/a break:410\nstatic-map = /static=/app\n"),
        ('"--yaml", "uwsgi.yml"', "uwsgi:\n  module: app:app\n  # https: :8443\n"),
    ],
)
def test_options_that_every_uwsgi_knows(words: str, settings: str) -> None:
    assert _moves(words, settings)


@pytest.mark.parametrize(
    ("package", "option", "moves"),
    [
        ("libssl-dev", "--https", True),
        ("libssl-dev", "--route", False),
        ("libpcre3-dev", "--route", True),
        ("libpcre3-dev", "--https", False),
    ],
)
def test_headers_are_those_of_one_library(package: str, option: str, moves: bool) -> None:
    before = f"RUN apt-get update && apt-get install -y {package}"
    assert _moves(f'"--module", "app:app", "{option}", "x"', before=before) is moves


def test_variables_are_options() -> None:
    words = '"--module", "app:app"'
    assert not _moves(words, before="ENV UWSGI_ROUTE_HOST=x")
    assert not _moves(words, compose="services:\n  app:\n    build: .\n    environment:\n      UWSGI_HTTPS: x\n")
    assert _moves(words, before="ENV UWSGI_HTTP=:8000")
