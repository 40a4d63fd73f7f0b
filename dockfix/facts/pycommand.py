"""The start command of a Python app, with wrappers taken off and options told apart."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dockfix.facts import words
from dockfix.facts.files import Files, text
from dockfix.facts.pyresult import UNKNOWN, Value, Variable


@dataclass(frozen=True, slots=True)
class Start:
    """A command that starts something in Python.

    Attributes:
        server: ``gunicorn``, ``uvicorn``, ``flask``, ``manage`` (Django's manage.py), ``celery`` …; ``python`` for a
            plain script or module; empty where the command is none of Python's.
        application: what is served, as the server takes it: ``app:app``, ``main:create_app()``.
        script: the script's path as written.
        module: the module of ``python -m``.
        subcommand: ``worker``, ``runserver`` …
        options: options by their spelling; a repeated one keeps its last value.
        positional: the words that are neither options nor their values.
        environment: variables that the command line sets.
    """

    server: str = ""
    application: str = ""
    script: str = ""
    module: str = ""
    subcommand: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    positional: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def option(self, *names: str) -> str | None:
        """The value of the first of *names* that is given."""
        return next((self.options[name] for name in names if name in self.options), None)


# What takes no value. Read from the option lists of gunicorn 23, uvicorn 0.34, flask 3.1, fastapi-cli 0.0.7,
# hypercorn 0.17, daphne 4.1, waitress 3.0, streamlit 1.44, celery 5.5, django 5.2.
_SWITCHES: Final[Mapping[str, frozenset[str]]] = {
    "gunicorn": frozenset(
        [
            "--reload",
            "--preload",
            "-D",
            "--daemon",
            "--check-config",
            "--print-config",
            "--spew",
            "--no-sendfile",
            "--capture-output",
            "-R",
            "--enable-stdio-inheritance",
            "--proxy-protocol",
            "--reuse-port",
            "--strip-header-spaces",
            "--initgroups",
            "--log-syslog",
            "--disable-redirect-access-to-syslog",
            "--suppress-ragged-eofs",
            "--do-handshake-on-connect",
            "--version",
            "-v",
        ]
    ),
    "uvicorn": frozenset(
        [
            "--reload",
            "--proxy-headers",
            "--no-proxy-headers",
            "--access-log",
            "--no-access-log",
            "--use-colors",
            "--no-use-colors",
            "--server-header",
            "--no-server-header",
            "--date-header",
            "--no-date-header",
            "--factory",
            "--version",
        ]
    ),
    "flask": frozenset(
        [
            "--reload",
            "--no-reload",
            "--debugger",
            "--no-debugger",
            "--with-threads",
            "--without-threads",
            "--debug",
            "--no-debug",
        ]
    ),
    "fastapi": frozenset(["--reload", "--no-reload", "--proxy-headers", "--no-proxy-headers"]),
    "hypercorn": frozenset(["--reload", "--debug", "-D", "--daemon"]),
    "daphne": frozenset(["--proxy-headers"]),
    "waitress": frozenset(
        ["--call", "--expose-tracebacks", "--ipv4", "--no-ipv4", "--ipv6", "--no-ipv6", "--log-untrusted-proxy-headers"]
    ),
    "manage": frozenset(
        [
            "--noreload",
            "--nothreading",
            "--nostatic",
            "--insecure",
            "--no-color",
            "--ipv6",
            "-6",
            "--noinput",
            "--no-input",
        ]
    ),
    "celery": frozenset(
        [
            "-B",
            "--beat",
            "-E",
            "--events",
            "-q",
            "--quiet",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "-D",
            "--detach",
        ]
    ),
    "uwsgi": frozenset(
        [
            "--master",
            "--enable-threads",
            "--die-on-term",
            "--need-app",
            "--lazy-apps",
            "--lazy",
            "--vacuum",
            "--single-interpreter",
            "-M",
        ]
    ),
    "reflex": frozenset(["--backend-only", "--frontend-only"]),
    "chainlit": frozenset(["-h", "--headless", "-w", "--watch", "-d", "--debug"]),
}
_SERVERS: Final[Mapping[str, str]] = {
    "gunicorn": "gunicorn", "uvicorn": "uvicorn", "flask": "flask", "fastapi": "fastapi", "hypercorn": "hypercorn",
    "daphne": "daphne", "waitress-serve": "waitress", "waitress": "waitress", "streamlit": "streamlit",
    "celery": "celery",
    "uwsgi": "uwsgi", "quart": "flask", "django-admin": "manage", "granian": "granian", "chainlit": "chainlit",
    "sanic": "sanic", "rq": "rq", "rqworker": "rq", "dramatiq": "dramatiq", "arq": "arq", "huey_consumer": "huey",
    "huey_consumer.py": "huey", "taskiq": "taskiq", "scrapy": "scrapy", "pytest": "pytest", "alembic": "alembic",
    "jupyter": "jupyter", "jupyter-lab": "jupyter", "jupyter-notebook": "jupyter", "mlflow": "mlflow", "panel": "panel",
    "http.server": "http.server", "litestar": "litestar", "prefect": "prefect", "airflow": "airflow",
}  # fmt: skip
_PYTHON = re.compile(r"^(?:python|pypy)[\d.]*$")
_DEPTH = 8


def value_of(word: str) -> Value:
    """A word of a command line as a value: ``$PORT`` and ``${PORT:-8000}`` become variables."""
    match = re.fullmatch(r"\$(?:(\w+)|\{(\w+)(?::?[-=]([^}]*))?\})", word.strip("\"'"))
    if match is None:
        return UNKNOWN if "$" in word else word
    return Variable(match[1] or match[2], match[3] if match[3] is not None else UNKNOWN)


def flask_app(environment: Mapping[str, str]) -> str:
    """The application that ``flask`` and ``quart`` are told of by a variable.

    https://flask.palletsprojects.com/en/stable/cli/, https://quart.palletsprojects.com/en/latest/how_to_guides/command_line/
    """
    return environment.get("FLASK_APP") or environment.get("QUART_APP", "")


def candidates(command: Sequence[str], files: Files, folder: str = "") -> Iterator[Start]:
    """What *command* may start, the likeliest first: the last command of a line or of a start script."""
    yield from _follow(tuple(command), files, folder, {}, 0)


def serving(start: Start) -> bool:
    """Whether *start* is a server or worker by its name alone."""
    if start.server == "manage":
        return start.subcommand in ("runserver", "runserver_plus", "runsslserver")
    if start.server in ("flask", "fastapi"):
        return start.subcommand in ("run", "dev")
    return start.server not in ("", "python", "alembic", "pytest")


def starts_of(command: Sequence[str], files: Files, folder: str = "") -> tuple[Start, ...]:
    """What *command* may start, each once, the one that it most likely comes to first.

    A start script that decides between several, as between production and development, gives them all: one without
    a reloader goes first, then the last one written.
    """
    found = list(candidates(command, files, folder))
    servers: list[Start] = []
    for start in found:
        if serving(start) and start not in servers:
            servers.append(start)
    if servers:
        return tuple(sorted(servers, key=lambda start: "--reload" in start.options or start.server == "manage"))
    return tuple(start for start in found if start.server)[:1]


def _follow(
    command: tuple[str, ...], files: Files, folder: str, environment: Mapping[str, str], depth: int
) -> Iterator[Start]:
    if not command or depth > _DEPTH:
        return
    if len(command) == 1 and re.search(r"\s", command[0].strip()):
        yield from _line(command[0], files, folder, environment, depth)
        return
    name = posixpath.basename(command[0])
    if name in words.SHELLS:
        rest = list(command[1:])
        while rest and rest[0].startswith("-") and "c" not in rest[0].lstrip("-"):
            rest.pop(0)
        if rest and rest[0].startswith("-"):
            yield from _line(rest[1] if len(rest) > 1 else "", files, folder, environment, depth)
        elif rest:
            yield from _script(rest[0], tuple(rest[1:]), files, folder, environment, depth)
        return
    unwrapped = _unwrapped(command)
    if unwrapped is not None:
        inner, added = unwrapped
        yield from _follow(inner, files, folder, {**environment, **added}, depth + 1)
        return
    start = _start(name, command, environment)
    if start is not None:
        yield start
    elif name.endswith((".sh", ".bash")) or _is_shell(files, command[0], folder):
        yield from _script(command[0], command[1:], files, folder, environment, depth)


def _line(line: str, files: Files, folder: str, environment: Mapping[str, str], depth: int) -> Iterator[Start]:
    for item in reversed(words.parse(line).commands):
        yield from _follow(item.words, files, folder, {**environment, **dict(item.assignments)}, depth + 1)


def find(files: Files, path: str, folder: str = "") -> str | None:
    """The file of the context that *path*, as the image names it, most likely is.

    An absolute path loses leading folders until a file fits; a name found nowhere else must be unique in the tree.
    """
    clean = posixpath.normpath(path.strip("\"'")).lstrip("/")
    parts = [part for part in clean.split("/") if part not in ("..", ".")]
    for base in dict.fromkeys((folder, "")):
        for count in range(len(parts) if path.startswith("/") else min(1, len(parts))):
            place = posixpath.join(base, *parts[count:])
            if files.exists(place) and not files.is_dir(place):
                return place
    if not parts or not parts[-1]:
        return None
    tail = "/" + ("/".join(parts) if not path.startswith("/") else parts[-1])
    found = [item for item in files.walk(limit=5000) if f"/{item}".endswith(tail)]
    shallow = min((item.count("/") for item in found), default=0)
    nearest = [item for item in found if item.count("/") == shallow]
    return nearest[0] if len(nearest) == 1 else None


def _is_shell(files: Files, path: str, folder: str) -> bool:
    if "/" not in path:
        return False
    place = find(files, path, folder)
    return place is not None and (files.read(place) or b"")[:64].split(b"\n")[0].rstrip().endswith(b"sh")


def _script(
    path: str, rest: tuple[str, ...], files: Files, folder: str, environment: Mapping[str, str], depth: int
) -> Iterator[Start]:
    place = find(files, path, folder)
    content = text(files, place) if place is not None else None
    if content is None:
        # A script out of sight that is given a command most likely ends by `exec "$@"`.
        yield from _follow(rest, files, folder, environment, depth + 1)
        return
    lines = "\n".join(line for line in content.replace("\r\n", "\n").split("\n") if not line.lstrip().startswith("#"))
    exported = dict(re.findall(r"^[ \t]*export[ \t]+(\w+)=[\"']?([^\s\"'$]*)[\"']?[ \t]*$", lines, re.MULTILINE))
    for item in reversed(words.parse(lines).commands):
        if item.words and item.words[-1] in ("$@", "${@}") and rest:
            yield from _follow(rest, files, folder, {**environment, **exported}, depth + 1)
            continue
        added = {**environment, **exported, **dict(item.assignments)}
        keywords = ("then", "else", "do", "if", "while", "!", "{")
        inner = item.words
        while inner and inner[0] in keywords:
            inner = inner[1:]
        yield from _follow(inner, files, folder, added, depth + 1)


def _unwrapped(command: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, str]] | None:
    """*command* without one wrapper around it, and the variables that the wrapper sets; ``None`` for no wrapper."""
    name, rest = posixpath.basename(command[0]), list(command[1:])
    if re.match(r"^[A-Za-z_]\w*=", command[0]):
        key, _, value = command[0].partition("=")
        return tuple(rest), {key: value}
    added: dict[str, str] = {}
    takes: frozenset[str] = frozenset()
    if name in ("exec", "nohup", "time", "ddtrace-run", "opentelemetry-instrument", "catchsegv", "honcho", "xvfb-run"):
        takes = frozenset({"-a", "-s", "-n", "--service_name", "--traces_exporter", "--metrics_exporter"})
    elif name in ("dumb-init", "tini", "catatonit", "doppler", "infisical", "chamber", "dotenv"):
        takes = frozenset({"-r", "--rewrite", "-p", "-e", "-f"})
        rest = [word for word in rest if word != "run" or rest.index(word) > 1]
    elif name == "env":
        takes = frozenset({"-u", "-C"})
    elif name in ("gosu", "su-exec", "setpriv", "chroot", "newrelic-admin", "stdbuf", "nice", "ionice", "timeout"):
        while rest and rest[0].startswith("-"):
            rest.pop(0)
        if name in ("gosu", "su-exec", "newrelic-admin", "timeout", "chroot"):
            rest = rest[1:]
        return tuple(rest), {}
    elif (
        name in ("poetry", "pipenv", "uv", "pdm", "hatch", "conda", "mamba", "micromamba", "rye", "pixi")
        and "run" in rest
    ):
        rest = rest[rest.index("run") + 1 :]
        takes = frozenset(
            {"-n", "--name", "-p", "--prefix", "--extra", "--group", "--with", "--python", "--env-file", "--project",
             "--directory", "--package", "--cwd", "--no-group", "--only-group"}
        )  # fmt: skip
    elif name == "watchmedo" and "--" in rest:
        return tuple(rest[rest.index("--") + 1 :]), {}
    elif name == "coverage" and rest[:1] == ["run"]:
        return ("python", *rest[1:]), {}
    elif (
        _PYTHON.match(name)
        and "-m" in rest
        and rest[rest.index("-m") + 1 :][:1] in (["debugpy"], ["ddtrace"], ["coverage"])
    ):
        inner = rest[rest.index("-m") + 2 :]
        while inner and (inner[0].startswith("-") and inner[0] != "-m"):
            inner = inner[2 if inner[0] in ("--listen", "--connect", "--log-to") else 1 :]
        return ("python", *(inner[1:] if inner[:1] == ["run"] else inner)), {}
    else:
        return None
    while rest and (rest[0].startswith("-") or re.match(r"^[A-Za-z_]\w*=", rest[0])):
        word = rest.pop(0)
        if word == "--":
            break
        if not word.startswith("-"):
            key, _, value = word.partition("=")
            added[key] = value
        elif word in takes and rest:
            rest.pop(0)
    if name == "uv" and rest and rest[0].endswith(".py"):
        rest.insert(0, "python")
    return tuple(rest), added


def _start(name: str, command: tuple[str, ...], environment: Mapping[str, str]) -> Start | None:
    if _PYTHON.match(name):
        return _python(command[1:], environment)
    if name == "manage.py":
        return _of("manage", command[0], command[1:], environment)
    if name in _SERVERS:
        return _of(_SERVERS[name], "", command[1:], environment)
    if name.endswith(".py"):
        return _of("python", command[0], command[1:], environment)
    return None


def _python(rest: tuple[str, ...], environment: Mapping[str, str]) -> Start | None:
    index = 0
    while index < len(rest) and rest[index].startswith("-"):
        word = rest[index]
        if word == "-m" or (word.endswith("m") and not word.startswith("--")):
            module = rest[index + 1] if index + 1 < len(rest) else ""
            after = rest[index + 2 :]
            if module in _SERVERS:
                return _of(_SERVERS[module], "", after, environment)
            if module in ("django", "hypercorn.__main__"):
                return _of("manage" if module == "django" else "hypercorn", "", after, environment)
            return _of("python", "", after, environment, module=module)
        if word == "-c":
            return None
        index += 2 if word in ("-W", "-X", "--check-hash-based-pycs") else 1
    if index >= len(rest):
        return None
    script = rest[index]
    server = "manage" if posixpath.basename(script) == "manage.py" else "python"
    return _of(server, script, rest[index + 1 :], environment)


def _of(server: str, script: str, rest: tuple[str, ...], environment: Mapping[str, str], module: str = "") -> Start:
    options, positional = _options(server, rest)
    shape = _SHAPES.get(server)
    subcommand, application = shape(options, positional) if shape is not None else ("", "")
    if (server == "streamlit" and len(positional) > 1) or (server in ("fastapi", "chainlit") and len(positional) > 1):
        script = positional[1]
    return Start(server, application, script, module, subcommand, options, tuple(positional), dict(environment))


def _options(server: str, rest: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    switches = _SWITCHES.get(server, frozenset())
    guessing = server not in _SWITCHES
    options: dict[str, str] = {}
    positional: list[str] = []
    index = 0
    while index < len(rest):
        word = rest[index]
        index += 1
        if word == "--":
            positional += rest[index:]
            break
        if not word.startswith("-") or word == "-":
            positional.append(word)
        elif word.startswith("--") and "=" in word:
            key, _, value = word.partition("=")
            options[key] = value
        elif word in switches:
            options[word] = ""
        elif not word.startswith("--") and len(word) > 2 and not guessing:
            options[word[:2]] = word[2:].removeprefix("=")
        elif index < len(rest) and (not guessing or not rest[index].startswith("-")):
            options[word] = rest[index]
            index += 1
        else:
            options[word] = ""
    return options, positional


def _application_first(options: Mapping[str, str], positional: Sequence[str]) -> tuple[str, str]:
    return "", next((word for word in positional if ":" in word), positional[0] if positional else "")


def _subcommand_first(options: Mapping[str, str], positional: Sequence[str]) -> tuple[str, str]:
    application = next((options[name] for name in ("-A", "--app") if name in options), "")
    return positional[0] if positional else "", application


def _waitress(options: Mapping[str, str], positional: Sequence[str]) -> tuple[str, str]:
    application = positional[0] if positional else options.get("--app", "")
    return "", f"{application}()" if "--call" in options and application else application


def _uwsgi(options: Mapping[str, str], positional: Sequence[str]) -> tuple[str, str]:
    module = options.get("--module") or options.get("-w") or ""
    call = options.get("--callable", "application")
    return "", f"{module}:{call}" if module and ":" not in module else module


_SHAPES: Final[Mapping[str, Callable[[Mapping[str, str], Sequence[str]], tuple[str, str]]]] = {
    "gunicorn": _application_first,
    "uvicorn": _application_first,
    "hypercorn": _application_first,
    "daphne": _application_first,
    "granian": _application_first,
    "sanic": _application_first,
    "waitress": _waitress,
    "uwsgi": _uwsgi,
    "flask": _subcommand_first,
    "fastapi": _subcommand_first,
    "celery": _subcommand_first,
    "manage": _subcommand_first,
    "streamlit": _subcommand_first,
    "chainlit": _subcommand_first,
    "litestar": _subcommand_first,
}

__all__ = ["Start", "candidates", "find", "flask_app", "serving", "starts_of", "value_of"]
