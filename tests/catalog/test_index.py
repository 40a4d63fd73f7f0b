"""``--online``: what a package index is asked, and what is made of its answers, against a server of our own."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from dockfix.catalog import index
from dockfix.catalog.index import Index
from dockfix.cli import main

JSON = "application/vnd.pypi.simple.v1+json"
WHEEL = "clockwork-1.2-cp311-cp311-musllinux_1_2_x86_64.whl"
FILES = (WHEEL, "clockwork-1.2.0.tar.gz", "clockwork-1.1.tar.gz", "clockwork-1.2.zip.asc", "clockwork-.whl")


class Server(ThreadingHTTPServer):
    """Says nothing of a client that has gone, which a test would take for words of dockfix."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@dataclass
class Shelf:
    """A package index on this machine.

    Attributes:
        status, kind, body: the answer to everything about ``clockwork``; others are not there.
        delay: seconds before it.
        asked: paths and credentials of the requests.
        url: its address.
    """

    status: int = 200
    kind: str = JSON
    body: str = json.dumps({"meta": {"api-version": "1.0"}, "files": [{"filename": name} for name in FILES]})
    delay: float = 0
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    made = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.path, self.headers["Authorization"]))
            time.sleep(made.delay)
            known = self.path == "/simple/clockwork/"
            self.send_response(made.status if known else 404)
            self.send_header("Content-Type", made.kind)
            self.end_headers()
            self.wfile.write(made.body.encode() if known else b"")

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/simple"
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


RELEASE = ("clockwork", "1.2")


def test_files_of_a_version_whatever_its_spelling(shelf: Shelf, tmp_path: Path) -> None:
    asked = Index(shelf.url, tmp_path)
    assert asked.files([RELEASE])[RELEASE] == (WHEEL, "clockwork-1.2.0.tar.gz")
    assert asked.files([("clockwork", "9")]) == {("clockwork", "9"): ()}
    assert asked.problem == "" and shelf.asked == [("/simple/clockwork/", None)]


def test_an_index_without_json(shelf: Shelf, tmp_path: Path) -> None:
    shelf.kind, shelf.body = "text/html", f'<html><a href="../{WHEEL}#sha256=0" data-yanked="">\n{WHEEL} </a></html>'
    assert Index(shelf.url, tmp_path).files([RELEASE])[RELEASE] == (WHEEL,)


def test_a_package_that_the_index_lacks_is_no_failure(shelf: Shelf, tmp_path: Path) -> None:
    asked = Index(shelf.url, tmp_path)
    assert asked.files([("nothing", "1"), RELEASE])[("nothing", "1")] == ()
    assert asked.problem == "" and asked.files([RELEASE])[RELEASE]


@pytest.mark.parametrize(
    ("status", "kind", "body", "why"),
    [
        (503, JSON, "", "Service Unavailable"),
        (200, JSON, "{", "Expecting"),
        (200, JSON, '{"files": 3}', "no list of files"),
        (200, "image/png", "", "image/png is not what an index sends"),
    ],
)
def test_a_bad_answer_is_told_once_and_ends_the_asking(
    shelf: Shelf, tmp_path: Path, status: int, kind: str, body: str, why: str
) -> None:
    shelf.status, shelf.kind, shelf.body = status, kind, body
    asked = Index(shelf.url, tmp_path)
    assert asked.files([RELEASE]) == {RELEASE: ()}
    assert why in asked.problem and asked.problem.startswith(f"the package index {shelf.url} gave no answer: ")
    asked.files([("another", "1")])
    assert len(shelf.asked) == 1 and not list(tmp_path.iterdir())


def test_a_silent_index_is_not_waited_for(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "TIMEOUT", 0.2)
    shelf.delay = 1
    asked = Index(shelf.url, tmp_path)
    start = time.monotonic()
    assert asked.files([RELEASE]) == {RELEASE: ()} and "timed out" in asked.problem
    assert time.monotonic() - start < 0.9


@pytest.mark.parametrize("name", ["MOST", "PATIENCE"])
def test_an_endless_answer_is_cut_off(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(index, name, -1)
    asked = Index(shelf.url, tmp_path)
    assert asked.files([RELEASE]) == {RELEASE: ()} and asked.problem


def test_an_answer_is_kept_for_a_day_and_beyond_where_there_is_no_other(shelf: Shelf, tmp_path: Path) -> None:
    Index(shelf.url, tmp_path).files([RELEASE])
    assert Index(shelf.url, tmp_path).files([RELEASE])[RELEASE] and len(shelf.asked) == 1
    kept = tmp_path / "clockwork.json"
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "asked": time.time() - index.FRESH - 1}))
    shelf.status = 503
    late = Index(shelf.url, tmp_path)
    assert late.files([RELEASE])[RELEASE] and late.problem and len(shelf.asked) == 2


@pytest.mark.parametrize("spoilt", ["", "[]", '{"asked": "soon", "files": []}', '{"asked": 1}'])
def test_a_spoilt_cache_is_asked_again(shelf: Shelf, tmp_path: Path, spoilt: str) -> None:
    (tmp_path / "clockwork.json").write_text(spoilt)
    assert Index(shelf.url, tmp_path).files([RELEASE])[RELEASE]


def test_a_cache_that_cannot_be_written_is_done_without(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert Index(shelf.url, tmp_path / "file" / "folder").files([RELEASE])[RELEASE]


def test_a_password_is_sent_and_never_told(shelf: Shelf, tmp_path: Path) -> None:
    shelf.status = 403
    asked = Index(shelf.url.replace("http://", "http://ann:s%40cret@"), tmp_path)
    asked.files([RELEASE])
    assert shelf.asked == [("/simple/clockwork/", f"Basic {b64encode(b'ann:s@cret').decode()}")]
    assert "cret" not in asked.problem and shelf.url in asked.problem


@pytest.mark.parametrize("url", ["file:///srv/simple", "/srv/simple", "http://[/simple", "http://127.0.0.1:x/simple"])
def test_only_the_web_is_asked(tmp_path: Path, url: str) -> None:
    asked = Index(url, tmp_path)
    assert asked.files([RELEASE]) == {RELEASE: ()} and asked.problem


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which nobody has said anything to pip, with its folder of configuration."""
    for name in ("PIP_INDEX_URL", "PIP_CONFIG_FILE", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "system"))
    index.configured.cache_clear()
    return tmp_path


def test_the_index_is_the_one_that_pip_is_told(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> str:
        index.configured.cache_clear()
        return index.configured().url

    assert found() == index.PYPI
    for folder, url in (("system", "https://one.example/simple"), ("config", "https://two.example/100%/simple")):
        place = nobody / folder / "pip"
        place.mkdir(parents=True)
        (place / "pip.conf").write_text(f"[global]\ntimeout = 3\nindex-url = {url}\n")
        assert found() == url
    (nobody / "own.conf").write_text("[global]\nindex-url = https://three.example\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(nobody / "own.conf"))
    assert found() == "https://three.example"
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert found() == index.PYPI
    monkeypatch.setenv("PIP_INDEX_URL", "https://four.example")
    assert found() == "https://four.example"
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(nobody / "own.conf"))
    (nobody / "own.conf").write_text("no section")
    assert found() == index.PYPI


def test_a_person_without_a_home_asks_as_well(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(pytest.importorskip("pwd"), "getpwuid", {}.__getitem__)
    index.configured.cache_clear()
    assert index.configured().url == index.PYPI
    assert index.configured().folder.is_relative_to(index.NO_HOME)


def rewritten(nobody: Path, *arguments: str, requirements: str = "clockwork==1.2\n") -> tuple[str, str]:
    app = nobody / "app"
    app.mkdir(exist_ok=True)
    (app / "Dockerfile").write_text(
        "FROM python:3.11\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
        'COPY . .\nCMD ["python", "main.py"]\n'
    )
    (app / "requirements.txt").write_text(requirements)
    (app / "main.py").write_text("import clockwork\n\nclockwork.run()\n")
    done = CliRunner().invoke(main, ["--isolated", "--only", "alpine-base", *arguments, str(app)])
    assert done.exit_code == 0
    return done.stdout, done.stderr


def test_a_wheel_that_the_index_has_moves_the_image(
    nobody: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", shelf.url)
    diff, said = rewritten(nobody)
    assert diff == "" and shelf.asked == [] and "whether clockwork 1.2" in said
    diff, said = rewritten(nobody, "--online")
    assert "+FROM python:3.11-alpine" in diff and "clockwork included" in said and "gave no answer" not in said
    assert shelf.asked == [("/simple/clockwork/", None)]


def test_without_an_answer_all_is_as_offline_with_a_note(
    nobody: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", shelf.url)
    shelf.status = 500
    offline, online = rewritten(nobody), rewritten(nobody, "--online")
    assert online[0] == offline[0]
    added = set(online[1].splitlines()) - set(offline[1].splitlines())
    assert len(added) == 1 and "note: the package index http://127.0.0.1" in added.pop()


def test_an_index_that_the_sources_name_is_not_this_machines(
    nobody: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", shelf.url)
    said = rewritten(nobody, "--online", requirements="--extra-index-url https://wheels.example\nclockwork==1.2\n")[1]
    assert shelf.asked == [] and "the sources name an index of their own (requirements.txt:1)" in said
