"""Folders that Python apps write to, and programs that they call."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dockfix.facts import pysources, python
from dockfix.facts.files import Tree
from dockfix.facts.pyserver import PyServer

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


def serve(files: Mapping[str, str | bytes] | str, environment: Mapping[str, str] | None = None) -> PyServer:
    found = python.read(Tree({"app.py": files} if isinstance(files, str) else files))
    assert found is not None
    return found.server_of(["python", "app.py"], environment)


def written(source: str, environment: Mapping[str, str] | None = None) -> list[str]:
    return [fact.value for fact in serve(source, environment).writes]


@pytest.mark.parametrize(
    ("source", "folders"),
    [
        pytest.param("import os\nos.makedirs('uploads', exist_ok=True)\n", ["uploads"], id="makedirs"),
        pytest.param("from os import mkdir\nmkdir('./a/b/')\n", ["a/b"], id="mkdir"),
        pytest.param("from pathlib import Path\nPath('data').mkdir(exist_ok=True)\n", ["data"], id="pathlib"),
        pytest.param(
            "from pathlib import Path\nROOT = Path(__file__).parent\n(ROOT / 'x' / 'y').mkdir()\n",
            ["x/y"],
            id="beside-file",
        ),
        pytest.param(
            "import os\nB = os.path.dirname(os.path.abspath(__file__))\nos.makedirs(os.path.join(B, 'logs'))\n",
            ["logs"],
            id="dirname",
        ),
        pytest.param("import os\nos.makedirs(os.getenv('DIR', 'out'))\n", ["out"], id="variable-default"),
        pytest.param("import os\nos.makedirs(f\"{os.environ.get('DIR', 'out')}/img\")\n", ["out/img"], id="f-string"),
        pytest.param("open('result.txt', 'w')\n", ["."], id="file"),
        pytest.param("with open('logs/a.log', mode='a') as f: ...\n", ["logs"], id="append"),
        pytest.param("open('in.txt')\nopen('in.bin', 'rb')\n", [], id="reading"),
        pytest.param("def save(name):\n    open(f'uploads/{name}.png', 'wb')\n", ["uploads"], id="undecided-name"),
        pytest.param("import lzma\nlzma.open('/mnt/outputs/all.xz', mode='wt')\n", ["/mnt/outputs"], id="compressed"),
        pytest.param("import lzma, bz2\nlzma.open('in.xz', 'rt')\nbz2.BZ2File('in.bz2')\n", [], id="compressed-read"),
        pytest.param("import h5py\nh5py.File('runs/a.h5', 'w')\nh5py.File('in/b.h5', 'r')\n", ["runs"], id="hdf"),
        pytest.param("import duckdb\nduckdb.connect('data/x.db')\nduckdb.connect()\n", ["data"], id="duckdb"),
        pytest.param(
            "from chromadb.config import Settings\nSettings(persist_directory='vectors', is_persistent=True)\n",
            ["vectors"],
            id="vectors",
        ),
        pytest.param(
            "import os, whisper\nwhisper.load_model('base', download_root=os.getenv('MODELS', 'models'))\n",
            ["models"],
            id="models",
        ),
        pytest.param("import gradio as gr\ngr.Interface(fn=len, inputs='text', outputs='text')\n", ["."], id="flagged"),
        pytest.param("from ultralytics import YOLO\nYOLO('yolov8n.pt')\n", ["."], id="weights"),
        pytest.param("from ultralytics import YOLO\nYOLO('weights/best.pt')\n", [], id="weights-of-its-own"),
        pytest.param("from pathlib import Path\nPath('a/b.txt').write_text('x')\n", ["a"], id="write-text"),
        pytest.param("import os\nos.makedirs('/tmp/work')\nopen('/dev/null', 'w')\n", [], id="temporary"),
        pytest.param("import os\nos.makedirs('/var/lib/app/files')\n", ["/var/lib/app/files"], id="absolute"),
        pytest.param("import os\nos.makedirs(os.path.expanduser('~/.cache'))\n", [], id="home"),
        pytest.param("import sqlite3\nsqlite3.connect('x.db')\n", ["."], id="sqlite"),
        pytest.param("import sqlite3\nsqlite3.connect(':memory:')\n", [], id="sqlite-memory"),
        pytest.param(
            "from sqlalchemy import create_engine\ncreate_engine('sqlite:///./data/x.db')\n", ["data"], id="sqlalchemy"
        ),
        pytest.param("URL = 'sqlite+aiosqlite:////var/data/x.db?timeout=1'\n", ["/var/data"], id="absolute-database"),
        pytest.param("URL = 'sqlite://'\nif URL.startswith('sqlite:///'): ...\n", [], id="no-database"),
        pytest.param(
            "import os\nB = os.path.dirname(__file__)\nURL = 'sqlite:///' + os.path.join(B, 'db', 'x.db')\n",
            ["db"],
            id="joined-database",
        ),
        pytest.param(
            FLASK + "app.config['SQLALCHEMY_DATABASE_URI'] = 'sqlite:///x.db'\n", ["instance"], id="flask-sqlalchemy"
        ),
        pytest.param("import logging\nlogging.FileHandler('logs/a.log')\n", ["logs"], id="file-handler"),
        pytest.param("import logging\nlogging.basicConfig(filename='a.log')\n", ["."], id="basic-config"),
        pytest.param(
            "from logging.handlers import RotatingFileHandler as R\nR('logs/b.log')\n", ["logs"], id="rotating"
        ),
        pytest.param(
            "LOGGING = {'handlers': {'f': {'class': 'logging.FileHandler', 'filename': 'logs/c.log'}}}\n",
            ["logs"],
            id="dict-config",
        ),
        pytest.param(
            "from loguru import logger\nimport sys\nlogger.add(sys.stderr)\nlogger.add('logs/x.log')\n",
            ["logs"],
            id="loguru",
        ),
        pytest.param(
            FLASK + "app.config['UPLOAD_FOLDER'] = 'static/uploads'\n", ["static/uploads"], id="upload-folder"
        ),
        pytest.param(
            FLASK + "import os\napp.config['X'] = 'imgs'\ndef f(u):\n"
            "    u.save(os.path.join(app.config['X'], u.filename))\n",
            ["imgs"],
            id="config",
        ),
        pytest.param(FLASK + "app.config['SESSION_TYPE'] = 'filesystem'\n", ["flask_session"], id="sessions"),
        pytest.param("import joblib\njoblib.dump(model, 'models/m.pkl')\n", ["models"], id="joblib"),
        pytest.param("df.to_csv('out/x.csv')\nuser.save()\nform.save(commit)\n", ["out"], id="methods"),
        pytest.param(
            "class A:\n    def __init__(self):\n        self.d = 'cache'\n    def f(self):\n"
            "        import os\n        os.makedirs(self.d)\n",
            ["cache"],
            id="attribute",
        ),
        pytest.param(
            "from pathlib import Path\ndef base():\n    return Path('state')\n(base() / 'x').mkdir()\n",
            ["state/x"],
            id="function",
        ),
    ],
)
def test_folders_written(source: str, folders: list[str]) -> None:
    assert written(source) == folders


@pytest.mark.parametrize(
    ("source", "folders"),
    [
        ("import yt_dlp\nyt_dlp.YoutubeDL({})\n", ["."]),
        ("import yt_dlp\nyt_dlp.YoutubeDL({'outtmpl': '/clips/%(title)s.%(ext)s'})\n", [".", "/clips"]),
        ("from huggingface_hub import snapshot_download as get\nget('m', local_dir='models/m')\n", ["models"]),
        ("from git import Repo\nRepo.clone_from(url, 'repos/a')\n", ["repos"]),
        ("import graphviz\ngraphviz.Digraph().render('out/a')\n", ["out"]),
        ("page.render('out/a')\n", []),
        ("import boto3\nboto3.client('s3').download_file('b', 'k', 'got/a')\n", ["got"]),
        ("import rasterio\nrasterio.open('in/a.tif')\nrasterio.open('out/a.tif', 'w')\n", ["out"]),
        ("import wandb\nwandb.init()\n", ["."]),
        ("from reportlab.pdfgen import canvas\ncanvas.Canvas('out/a.pdf')\n", ["out"]),
        (
            "import io\nfrom reportlab.pdfgen.canvas import Canvas as C\nb = io.BytesIO()\nC(b)\nC(io.BytesIO())\n",
            [],
        ),
        ("from fpdf import FPDF\nFPDF().output(name='out/a.pdf')\n", ["out"]),
        ("from flask_caching import Cache\nCache(app, config={'CACHE_DIR': 'kept'})\n", ["kept"]),
        ("app.config.update(UPLOAD_FOLDER='up', SESSION_TYPE='filesystem')\n", ["up", "flask_session"]),
        ("import os\nos.system(f'date > out/{name}.txt')\nos.system('date > /dev/null 2>&1')\n", ["out"]),
        ("import subprocess as s\ns.run('date >> out/a', shell=True)\ns.run(['date', '>', 'other/a'])\n", ["out"]),
        ("from telethon import TelegramClient\nTelegramClient('bot', 1, 'x')\n", ["."]),
        ("import requests_cache\nrequests_cache.CachedSession('cache/http')\n", ["cache", "."]),
        ("from requests_cache import CachedSession\nCachedSession(backend='redis')\n", ["."]),
        ("from whoosh.index import create_in\ncreate_in('index', schema)\n", ["index"]),
        ("import lancedb\nlancedb.connect('s3://bucket/x')\nlancedb.connect(uri='vectors')\n", ["vectors"]),
        (
            "from qdrant_client import QdrantClient\nQdrantClient(':memory:')\nQdrantClient(path='vectors')\n",
            ["vectors"],
        ),
        ("from pymilvus import MilvusClient\nMilvusClient('http://milvus:19530')\n", []),
        ("from pymilvus import MilvusClient\nMilvusClient(uri='data/milvus.db')\n", ["data"]),
        ("from weasyprint import HTML\nHTML(string='x').write_pdf()\n", []),
        ("from weasyprint import HTML\nHTML(string='x').write_pdf('bills/a.pdf')\n", ["bills"]),
        ("import pdfkit\npdfkit.from_string('x', False)\npdfkit.from_url('u', output_path='out/a.pdf')\n", ["out"]),
        ("import zipfile\nzipfile.ZipFile('a.zip').extractall('unpacked')\n", ["unpacked"]),
        ("page.screenshot(path='shots/a.png')\n", ["shots"]),
        ("index.storage_context.persist(persist_dir='storage')\n", ["storage"]),
        ("db.bind(provider='sqlite', filename='shop.sqlite', create_db=True)\n", ["."]),
        ("Tortoise.init(db_url='sqlite://data/shop.db')\nTortoise.init(db_url='sqlite://:memory:')\n", ["data"]),
        ("from torch.utils.tensorboard import SummaryWriter\nSummaryWriter(log_dir='runs/a')\n", ["runs/a"]),
    ],
)
def test_folders_of_libraries(source: str, folders: list[str]) -> None:
    assert written(source) == folders


@pytest.mark.parametrize(
    ("source", "tools", "unknown"),
    [
        (
            "def call(words):\n    subprocess.run(words)\ncall(['git', 'log'])\ncall(['svn', 'log'])\n",
            ["git", "svn"],
            None,
        ),
        ("subprocess.run([sys.executable, 'job.py'])\n", [], None),
        ("GIT = shutil.which('git')\ndef log():\n    subprocess.run([GIT, 'log'])\n", ["git"], None),
        ("subprocess.run(os.environ['LINE'], shell=True)\n", [], "os.environ['LINE']"),
        ("def call(words):\n    subprocess.run(words)\n", [], "words"),
        ("subprocess.run([])\nsubprocess.run(())\nos.system(' ')\n", [], None),
        ("words = []\nwords.append(os.environ['TOOL'])\nsubprocess.run(words)\n", [], "words"),
    ],
)
def test_programs_as_far_as_they_can_be_told(source: str, tools: list[str], unknown: str | None) -> None:
    found = serve(f"import os, shutil, subprocess, sys\n{source}")
    assert [fact.value for fact in found.tools] == tools
    assert (found.tools_unknown.value if found.tools_unknown is not None else None) == unknown


@pytest.mark.parametrize(
    ("source", "known"),
    [
        ("logging.config.fileConfig('logging.ini')\n", False),
        ("logging.config.dictConfig(json.load(open('logging.json')))\n", False),
        ("logging.config.dictConfig({'version': 1})\n", True),
        ("LOGS = {'version': 1}\nlogging.config.dictConfig(LOGS)\n", True),
    ],
)
def test_settings_of_logs_that_are_read_may_name_files(source: str, known: bool) -> None:
    assert (serve(f"import json, logging.config\n{source}").writes_unknown is None) is known


def test_environment_decides_the_folder_and_the_database() -> None:
    source = "import os\nos.makedirs(os.getenv('DIR', 'out'))\nURL = os.getenv('DATABASE_URL', 'sqlite:///x.db')\n"
    assert written(source) == ["out", "."]
    assert written(source, {"DIR": "/data", "DATABASE_URL": "postgresql://db"}) == ["/data"]


def test_old_flask_sqlalchemy_writes_beside_the_application() -> None:
    files = {"app.py": FLASK + "app.config['SQLALCHEMY_DATABASE_URI'] = 'sqlite:///x.db'\n"}
    assert [fact.value for fact in serve({**files, "requirements.txt": "flask-sqlalchemy==2.5.1"}).writes] == ["."]


def test_sources_past_the_budget_are_named() -> None:
    files: dict[str, str | bytes] = {f"m{number}.py": "open('x/y', 'w')\n" + "\n" * 1400 for number in range(13)}
    found = serve({"app.py": "".join(f"import m{number}\n" for number in range(13)), **files})
    assert [fact.value for fact in found.writes] == ["x"]
    assert {fact.origin for fact in found.unread} == {"m10.py", "m11.py", "m12.py"}


def test_unknown_paths_are_said() -> None:
    found = serve("import os, sys\nos.makedirs(sys.argv[1])\n")
    assert found.writes == ()
    assert found.writes_unknown is not None
    assert found.writes_unknown.origin == "app.py:2"


def test_sources_that_nothing_imports_do_not_write() -> None:
    assert serve({"app.py": "print(1)\n", "train.py": "open('m.bin', 'wb')\n"}).writes == ()


def test_files_and_origins() -> None:
    found = serve({"app.py": "import store\n", "store.py": "\n\n# it\nDB = 'sqlite:///data/x.db'\n"})
    assert [(fact.value, fact.origin) for fact in found.written_files] == [("data/x.db", "store.py:4")]


def test_tools_called_where_they_are_decided() -> None:
    found = serve(
        "import subprocess as s\nARGS = ['ffmpeg']\nARGS.append('-y')\ns.Popen(ARGS)\n"
        "s.run(['/usr/bin/git', *x])\ns.run(f())\n"
    )
    assert [fact.value for fact in found.tools] == ["ffmpeg", "/usr/bin/git"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"print 'python 2'\n", id="python-2"),
        pytest.param(b"\xff\xfe\x00bad", id="bytes"),
        pytest.param(b"# -*- coding: nonsense -*-\n", id="encoding"),
        pytest.param(b"# -*- coding: utf-7 -*-\nx = '+2AA-'\n", id="half-of-a-pair"),
        pytest.param(b"x = " + b"(" * 3000 + b")" * 3000 + b"\n", id="deep"),
        pytest.param(b"x = " + b"[" * 3000 + b"]" * 3000 + b"\n", id="deep-lists"),
        pytest.param(b"x = y" + b".a" * 3000 + b"\n", id="deep-attributes"),
    ],
)
def test_unreadable_sources_are_problems(content: bytes) -> None:
    broken = content + b"\nimport subprocess\n"
    found = python.read(Tree({"app.py": b"import broken\nbroken.run()\n", "broken.py": broken}))
    assert found is not None
    server = found.server_of(["python", "app.py"])
    assert server.kind.value == "none"
    assert found.tools == ()
    assert [problem.origin.partition(":")[0] for problem in found.problems] == ["broken.py"]


def test_own_mistakes_are_not_taken_for_unreadable_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*_: object) -> None:
        raise LookupError("ours")

    monkeypatch.setattr(pysources, "Source", mistaken)
    with pytest.raises(LookupError, match="ours"):
        pysources.Sources(Tree({"app.py": b"x = 1\n"})).source("app.py")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("a = b\nb = a\nimport os\nos.makedirs(a)\n", id="circle-of-names"),
        pytest.param("def f():\n    return f()\nopen(f(), 'w')\n", id="recursion"),
        pytest.param("from app import x\nfrom app import *\nopen(x, 'w')\n", id="imports-itself"),
        pytest.param("class A(A):\n    x = A.y\nopen(A.z, 'w')\n", id="inherits-itself"),
        pytest.param("open()\nimport os\nos.makedirs()\nos.path.join()\nPath()\n", id="no-arguments"),
        pytest.param("import os\nos.makedirs(os.path.join(*parts))\nx, *y = z\n(a.b).c = 1\n", id="stars"),
    ],
)
def test_odd_sources_do_no_harm(source: str) -> None:
    assert serve(source).writes == ()
