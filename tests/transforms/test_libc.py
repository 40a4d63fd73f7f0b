"""What keeps glibc in sources of Python: dates that musl does not write, libraries that are looked for by name."""

from __future__ import annotations

import pytest

from dockfix import registry
from dockfix.dockerfile import Document
from dockfix.engine import plan
from dockfix.facts import App, Tree
from dockfix.options import Options

DOCKERFILE = """\
FROM python:3.11
WORKDIR /app
COPY . .
CMD ["python", "app.py"]
"""
SERVER = (
    "import http.server\nhttp.server.HTTPServer(('', 8000), http.server.SimpleHTTPRequestHandler).serve_forever()\n"
)


def _base(files: dict[str, str]) -> str:
    app = {"Dockerfile": DOCKERFILE, "app.py": SERVER, **files}
    found = plan(
        Document.parse(DOCKERFILE), App(Tree(app)), Options(only=frozenset({"alpine-base"})), registry.transforms()
    )
    return found.after.split()[1].partition("-")[2]


@pytest.mark.parametrize(
    "source",
    [
        "now.strftime('%-l')",
        "now.strftime('%d' + sep + '%k')",
        "now.strftime(fmt if fmt else\n  '%l')",
        "from time import strftime as write\nwrite('%^a')",
        "FORMATS = {'clock': '%k'}\nnow.strftime(FORMATS['clock'])",
        "class A:\n  CLOCK = '%P'\n  def f(self):\n    return now.strftime(self.CLOCK)",
        "def clock(now, form='%l'):\n  return now.strftime(form)",
        "format(now, '%l')",
        "'{0.at:%d %k}'.format(row)",
        "TIME_FORMAT = '%l:%M%p'",
        "f'{now:%P}'",
        "print 'Python 2', now.strftime('%I %P')",
    ],
)
def test_dates_that_musl_does_not_write(source: str) -> None:
    assert _base({"dates.py": source}) == "slim"


@pytest.mark.parametrize(
    "source",
    [
        "now.strftime('%I:%M %p, %-d %b %H')",
        "now.strftime('100%%P')",
        "print('%lu of %ld' % sizes)",
        "LOG = '%h %l %u %t \"%r\" %>s %b'",
        "call('git log --format=%H%x09%P')",
        "'''Written as %I:%M %P once.'''",
        "query = \"SELECT strftime('%k:%M', at)\"",
        "func.strftime('%l', column)",
        "f'{share:.1%} {pages:>5}'",
        "{'a': '%label'}",
    ],
)
def test_dates_and_other_formats_that_it_does(source: str) -> None:
    assert _base({"dates.py": source}) == "alpine"


@pytest.mark.parametrize(
    ("name", "source", "base"),
    [
        ("mail.txt", "{{ now.strftime(\n'%l') }}", "slim"),
        ("page.html", "{% set clock = '%I:%M %P' %}", "slim"),
        ("page.mako", "${now.strftime('%k')}", "slim"),
        ("page.html", "<script>sprintf('%l:%M', a)</script> {%label%}", "alpine"),
        ("page.html", "{{ now.strftime('%I:%M') }} {{ '%lu' }}", "alpine"),
    ],
)
def test_dates_of_templates(name: str, source: str, base: str) -> None:
    assert _base({f"templates/{name}": source}) == base


@pytest.mark.parametrize(
    ("source", "base"),
    [
        ("import ctypes.util as u\nu.find_library('magic')", ""),
        ("from ctypes.util import find_library as look\nlook('magic')", ""),
        ("from ctypes import util\nNAME = 'magic'\nutil.find_library(NAME)", ""),
        ("from ctypes import util\ndef load(name):\n  return util.find_library(name)", ""),
        ("from ctypes import CDLL as load\nload('libmagic.so.1')", ""),
        ("import ctypes\nNAME = 'libmagic.so.1'\nctypes.CDLL(NAME)", ""),
        ("import ctypes\nprint 'Python 2', ctypes.CDLL('libmagic.so.1')", ""),
        ("from ctypes import util\nC = 'c'\nutil.find_library(C)", "alpine"),
        ("import ctypes\nctypes.CDLL(None)  # not CDLL('libmagic.so')", "alpine"),
    ],
)
def test_libraries_that_are_looked_for(source: str, base: str) -> None:
    assert _base({"loads.py": source}) == base
