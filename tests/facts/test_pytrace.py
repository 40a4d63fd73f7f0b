"""Parameters and loop variables of Python sources are traced to what they stand for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dockfix.facts import python
from dockfix.facts.files import Tree


def _writes(files: str | Mapping[str, str]) -> tuple[list[str], str | None]:
    found = python.read(Tree({"app.py": files} if isinstance(files, str) else files))
    assert found is not None
    server = found.server_of(["python", "app.py"])
    unknown = server.writes_unknown
    return sorted(fact.value for fact in server.writes), unknown.origin if unknown is not None else None


@pytest.mark.parametrize(
    ("source", "folders"),
    [
        ("for d in ['logs', 'uploads']:\n    os.makedirs(d)\n", ["logs", "uploads"]),
        ("DIRS = ('logs', 'uploads')\nfor d in DIRS:\n    Path(d).mkdir()\n", ["logs", "uploads"]),
        ("for d in ('a', 'b'):\n    os.makedirs(os.path.join('data', d))\n", ["data/a", "data/b"]),
        ("[os.makedirs(d) for d in ('a', 'b')]\n", ["a", "b"]),
        ("def make(d):\n    os.makedirs(d)\nmake('logs')\nmake(d='uploads')\n", ["logs", "uploads"]),
        ("def make(d='cache'):\n    os.makedirs(d)\nmake()\n", ["cache"]),
        ("def make(d=None):\n    d = d or 'cache'\n    os.makedirs(d)\nmake()\n", ["cache"]),
        ("def a(x):\n    b(f'data/{x}')\ndef b(y):\n    os.makedirs(y)\na('one')\n", ["data/one"]),
        ("def make(d):\n    full = Path(d)\n    full.mkdir()\nmake('logs')\n", ["logs"]),
        ("class S:\n    def __init__(self, d):\n        self.d = d\n        os.mkdir(self.d)\nS('store')\n", ["store"]),
        ("class S:\n    def make(self, d):\n        os.makedirs(d)\nS().make('store')\n", ["store"]),
        ("def f():\n    e = 'x' if os.name else 'y'\n    os.makedirs(e)\n", ["x", "y"]),
        (
            "def base():\n    if x:\n        return Path('a')\n    return Path('b')\n(base() / 'c').mkdir()\n",
            ["a/c", "b/c"],
        ),
        ("def save(name):\n    open(os.path.join('out', name), 'w')\n", ["out"]),
    ],
)  # fmt: skip
def test_names_of_functions_are_traced(source: str, folders: list[str]) -> None:
    assert _writes(f"import os\nfrom pathlib import Path\n{source}") == (folders, None)


@pytest.mark.parametrize(
    "source",
    [
        "def make(d):\n    os.makedirs(d)\n",
        "def make(d):\n    os.makedirs(d)\nmake('logs')\nThread(target=make)\n",
        "def make(d):\n    os.makedirs(d)\nmake(*given)\n",
        "def make(d):\n    make(d)\n    os.makedirs(d)\nmake(argv[1])\n",
        "@app.route('/x')\ndef make(d):\n    os.makedirs(d)\nmake('logs')\n",
        "class S:\n    def make(self, d):\n        os.makedirs(d)\nclass T(S): pass\nS().make('store')\n",
        "for d in os.listdir('.'):\n    os.makedirs(d)\n",
        "for d, e in [('a', 'b')]:\n    os.makedirs(d)\n",
        "def f():\n    d = 'one'\n    d += name\n    os.makedirs(d)\n",
    ],
)
def test_what_cannot_be_traced_stays_unknown(source: str) -> None:
    assert _writes(f"import os\nfrom threading import Thread\n{source}")[1] is not None


def test_a_caller_in_a_source_that_writes_nothing_itself_is_found() -> None:
    files = {
        "app.py": "import helper\nhelper.make('logs')\nimport other\n",
        "helper.py": "import os\ndef make(d):\n    os.makedirs(d)\n",
        "other.py": "from helper import make as prepare\nprepare('uploads')\n",
    }
    assert _writes(files) == (["logs", "uploads"], None)


def test_djangos_settings_are_looked_up_where_they_are_made() -> None:
    found = python.read(
        Tree(
            {
                "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n",
                "site_/__init__.py": "",
                "site_/settings.py": "from pathlib import Path\nBASE = Path(__file__).resolve().parent.parent\n"
                "ASSETS = BASE / 'assets'\nINSTALLED_APPS = ['site_']\nROOT_URLCONF = 'site_.urls'\n",
                "site_/urls.py": "from site_ import views\nurlpatterns = []\n",
                "site_/views.py": "import os\nfrom django.conf import settings\n"
                "def save(name):\n    open(os.path.join(settings.ASSETS, name), 'w')\n",
            }
        )
    )
    assert found is not None
    server = found.server_of(["python", "manage.py", "runserver"])
    assert [fact.value for fact in server.writes] == ["assets"]
    assert server.writes_unknown is None
