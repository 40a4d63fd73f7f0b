"""What a package index offers of a Python package, asked over the network where a person allows it.

The index is the one that pip on this machine uses: ``PIP_INDEX_URL``, else ``index-url`` of pip's configuration, else
PyPI. It is asked by https://packaging.python.org/en/latest/specifications/simple-repository-api/.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from urllib.request import Request

PYPI = "https://pypi.org/simple"
NO_HOME = Path("/nonexistent")
"""Where nothing ever is: https://www.debian.org/doc/debian-policy/ch-opersys.html#non-existent-home-directories"""
FORMS = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
FRESH = 86_400
"""Seconds for which an answer is believed: a release may get wheels for a new Python later."""
TIMEOUT = 10.0
"""Seconds in which an index has to connect, and to go on sending."""
PATIENCE = 30.0
"""Seconds in which it has to have sent an answer."""
MOST = 64_000_000
"""Bytes of an answer that are read."""
AT_ONCE = 8

Release = tuple[str, str]
"""A package, by its normalised name, and its version."""


@dataclass
class Index:
    """A package index, and what it has answered.

    Attributes:
        url: its address, perhaps with a user and a password.
        folder: where its answers are kept.
        problem: why it is asked no more; empty as long as it answers.
    """

    url: str
    folder: Path
    problem: str = ""
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def files(self, releases: Collection[Release]) -> Mapping[Release, tuple[str, ...]]:
        """The names of the wheels and source archives of *releases*; none where the index tells nothing of one."""
        from concurrent.futures import ThreadPoolExecutor

        names = sorted({name for name, _ in releases} - self._known.keys())
        if names:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                self._known.update(zip(names, pool.map(self._project, names), strict=True))
        return {(name, version): tuple(_of(version, self._known[name])) for name, version in releases}

    def _project(self, name: str) -> tuple[str, ...]:
        kept = self.folder / f"{name}.json"
        known = _kept(kept)
        if known is not None and time.time() - known[0] < FRESH:
            return known[1]
        try:
            found = () if self.problem else _asked(self.url, name)
        except (OSError, ValueError) as error:
            self.problem = f"the package index {_shown(self.url)} gave no answer: {getattr(error, 'reason', error)}"
        if self.problem:
            return known[1] if known is not None else ()
        _keep(kept, found)
        return found


@cache
def configured() -> Index:
    """The index of this machine, whose answers are kept in the user's folder of caches."""
    from hashlib import sha256

    url = _setting("index-url") or PYPI
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Index(url, _expanded(Path(caches)).joinpath("dockfix", "index", sha256(url.encode()).hexdigest()[:16]))


def _setting(name: str) -> str:
    """An option of pip: https://pip.pypa.io/en/stable/topics/configuration/"""
    given = os.environ.get(f"PIP_{name.upper().replace('-', '_')}")
    if given is not None:
        return given
    from configparser import Error, RawConfigParser

    settings = RawConfigParser(strict=False)
    try:
        settings.read(_files())
    except (Error, UnicodeDecodeError):
        return ""
    return settings.get("global", name, fallback="")


def _files() -> Iterator[Path]:
    """Where pip looks for its configuration, what weighs most at the end."""
    own = os.environ.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return
    folders = [f"{each}/pip" for each in reversed(os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"))]
    home = "~/Library/Application Support" if sys.platform == "darwin" else "~/.config"
    folders += ["/etc", "~/.pip", f"{os.environ.get('XDG_CONFIG_HOME') or home}/pip", sys.prefix]
    yield from (_expanded(Path(folder, "pip.conf")) for folder in folders)
    if "APPDATA" in os.environ:
        yield Path(os.environ["APPDATA"], "pip", "pip.ini")
    if own:
        yield Path(own)


def _expanded(path: Path) -> Path:
    """*path* in the home of the person, which nothing is read from or kept in where there is none."""
    try:
        return path.expanduser()
    except RuntimeError:
        return NO_HOME / path.relative_to("~")


def _asked(url: str, name: str) -> tuple[str, ...]:
    """The names of all files of a project; none where the index does not have it.

    Raises:
        OSError: there is no answer.
        ValueError: it is none that can be understood.
    """
    import ssl
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import HTTPSHandler, build_opener

    secure = ssl.create_default_context(cafile=_setting("cert") or None)
    try:
        with build_opener(HTTPSHandler(context=secure)).open(_request(url, name), timeout=TIMEOUT) as response:
            data, kind = b"".join(_received(response)), response.headers.get_content_type()
    except HTTPError as error:
        if error.code == 404:
            return ()
        raise
    except HTTPException as error:
        raise OSError(f"{type(error).__name__} {error}".strip()) from error
    return tuple(_names(data.decode(), kind))


def _request(url: str, name: str) -> Request:
    from base64 import b64encode
    from urllib.request import Request

    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"{parts.scheme or 'a path'} is no protocol to ask by")
    host = parts.netloc.rpartition("@")[2]
    address = f"{urlunsplit((parts.scheme, host, parts.path.rstrip('/'), '', ''))}/{quote(name)}/"
    request = Request(address, headers={"Accept": FORMS, "User-Agent": "dockfix"})  # noqa: S310 - the scheme is known
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        # not to be sent on to where the index redirects to
        request.add_unredirected_header("Authorization", f"Basic {b64encode(user.encode()).decode()}")
    return request


def _received(response: Any) -> Iterator[bytes]:
    end, size = time.monotonic() + PATIENCE, 0
    while data := response.read1(1 << 16):
        size += len(data)
        if size > MOST:
            raise OSError(f"more than {MOST:,} bytes")
        if time.monotonic() > end:
            raise TimeoutError(f"not all within {PATIENCE:.0f} s")
        yield data


def _names(text: str, kind: str) -> Iterator[str]:
    if kind.endswith("json"):
        answer = json.loads(text)
        if not isinstance(answer, dict) or not isinstance(answer.get("files"), list):
            raise ValueError("what it sends is no list of files")
        yield from (str(file["filename"]) for file in answer["files"] if isinstance(file, dict) and "filename" in file)
    elif kind.endswith("html"):
        from html import unescape

        yield from (unescape(name).strip() for name in re.findall(r"<a\b[^>]*>([^<]+)</a>", text, re.IGNORECASE))
    else:
        raise ValueError(f"{kind} is not what an index sends")


def _of(version: str, names: Collection[str]) -> Iterator[str]:
    """The files among *names* that pip takes for *version*."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
    from packaging.version import InvalidVersion, Version

    try:
        wanted = Version(version)
    except InvalidVersion:
        return
    for name in names:
        try:
            found = parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
            continue
        if found == wanted:
            yield name


def _kept(path: Path) -> tuple[float, tuple[str, ...]] | None:
    """An answer that was kept, and when; ``None`` where there is none."""
    try:
        kept = json.loads(path.read_bytes())
        return float(kept["asked"]), tuple(map(str, kept["files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, names: tuple[str, ...]) -> None:
    """Keep an answer, whole or not at all; a folder that cannot be written to keeps none."""
    from tempfile import NamedTemporaryFile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            json.dump({"asked": time.time(), "files": names}, file)
        Path(file.name).replace(path)
    except OSError:
        return


def _shown(url: str) -> str:
    """*url* without what only the person may know."""
    return re.sub(r"//.*@", "//", url)
