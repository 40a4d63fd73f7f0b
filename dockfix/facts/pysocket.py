"""Where a Python server listens: by its command, its configuration file, the sources, or its own default."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from dockfix.facts import pycommand, pydjango, pylisten
from dockfix.facts.fact import Fact
from dockfix.facts.pyresult import UNDECIDED, UNKNOWN, WILD, Value, Variable
from dockfix.facts.pysource import Place, Source

if TYPE_CHECKING:
    from dockfix.facts.files import Files
    from dockfix.facts.pycommand import Start
    from dockfix.facts.pyvalue import Evaluator

COMMAND: Final = "the start command"
"""The origin of what the command itself says."""

# Ports that the servers' own command-line references give.
_DEFAULT_PORTS: Final = {
    "uvicorn": 8000, "flask": 5000, "fastapi": 8000, "hypercorn": 8000, "daphne": 8000, "waitress": 8080,
    "streamlit": 8501, "granian": 8000, "chainlit": 8000, "sanic": 8000, "manage": 8000, "jupyter": 8888,
    "mlflow": 5000, "panel": 5006, "http.server": 8000, "litestar": 8000,
}  # fmt: skip
_OPEN_BY_DEFAULT: Final = frozenset({"waitress", "streamlit", "http.server"})
_HOST_OPTIONS: Final = {"daphne": ("-b", "--bind"), "http.server": ("-b", "--bind"), "flask": ("-h", "--host")}
# https://uvicorn.dev/settings/, https://flask.palletsprojects.com/en/stable/cli/,
# https://docs.streamlit.io/develop/api-reference/configuration/config.toml
_PORT_VARIABLES: Final = {
    "uvicorn": ("UVICORN_HOST", "UVICORN_PORT"),
    "flask": ("FLASK_RUN_HOST", "FLASK_RUN_PORT"),
    "streamlit": ("STREAMLIT_SERVER_ADDRESS", "STREAMLIT_SERVER_PORT"),
    "granian": ("GRANIAN_HOST", "GRANIAN_PORT"),
    "chainlit": ("CHAINLIT_HOST", "CHAINLIT_PORT"),
    "litestar": ("LITESTAR_HOST", "LITESTAR_PORT"),
}


class Socket:
    """The address and port that a server listens on, of each the strongest evidence.

    Args:
        files: the build context.
        start: the command.
        option_origin: where its options stand.
        folder: the working directory.
        evaluator: works out what expressions are worth.
        parsed: gives the source at a path.
        unread: takes what could not be followed.
    """

    def __init__(
        self,
        files: Files,
        start: Start,
        option_origin: str,
        folder: str,
        evaluator: Evaluator,
        parsed: Callable[[str], Source | None],
        unread: list[Fact[str]],
    ) -> None:
        self._files = files
        self._start = start
        self._option_origin = option_origin
        self._folder = folder
        self._evaluator = evaluator
        self._parsed = parsed
        self._unread = unread
        self._given = False
        self._port: Value = UNKNOWN
        self._port_origin = ""
        self._bind: Value = UNKNOWN
        self._bind_origin = ""

    def _listen(self, bind: Value, port: Value, origin: str) -> None:
        if self._port is UNKNOWN and port is not UNKNOWN:
            self._port, self._port_origin = port, origin
        if self._bind is UNKNOWN and bind is not UNKNOWN:
            self._bind, self._bind_origin = bind, origin

    def read_command(self) -> None:
        """Take what the command and its configuration files say."""
        start, server = self._start, self._start.server
        if server == "gunicorn":
            self._gunicorn()
        elif server == "manage":
            address = start.positional[1] if len(start.positional) > 1 else ""
            self._address(address if ":" in address or not address else f"127.0.0.1:{address}", COMMAND)
        elif server == "hypercorn":
            self._hypercorn()
        elif server == "waitress":
            self._address((start.option("--listen") or "").split(" ")[0], COMMAND)
        elif server == "streamlit":
            for name, option in (("port", "--server.port"), ("address", "--server.address")):
                value = self.streamlit(name, option)
                if value is not None:
                    self._listen(
                        value[0] if name == "address" else UNKNOWN, value[0] if name == "port" else UNKNOWN, value[1]
                    )
        elif server == "uwsgi":
            self._address(start.option("--http", "--http-socket") or "", self._option_origin)
        elif server == "http.server":
            self._listen(UNKNOWN, pycommand.value_of(start.positional[0]) if start.positional else UNKNOWN, COMMAND)
        if server not in ("python", "gunicorn", "manage"):
            host = start.option(*_HOST_OPTIONS.get(server, ("--host", "-H", "--ip", "--address")))
            port = start.option("--port", "-p")
            number = pycommand.value_of(port) if port else UNKNOWN
            if port and number is UNKNOWN:
                self._undecided("the port", COMMAND)
            self._listen(pycommand.value_of(host) if host else UNKNOWN, number, COMMAND)

    def _address(self, address: str, origin: str) -> None:
        """``0.0.0.0:8000``, ``:8000``, ``[::]:8000``, ``unix:/run/app.sock``."""
        if not address or address.startswith(("unix:", "fd:", "/")) or address.endswith(".sock"):
            return
        whole = pycommand.value_of(address)
        if isinstance(whole, Variable):
            given = self._evaluator.settled(whole)
            if isinstance(given, str) and "$" not in given:
                self._address(given, origin)
            else:
                self._undecided("the address", origin)
            return
        variable = re.search(r"\$(?:\w+|\{[^}]*\})$", address)
        if variable is not None:
            host, port = address[: variable.start()].rpartition(":")[0], variable[0]
        elif ":" in address:
            host, _, port = address.rpartition(":")
        elif address.isdigit():
            host, port = "", address
        else:
            host, port = address, ""
        bind: Value = host.strip("[]") or pylisten.ANY
        number = pycommand.value_of(port) if port else UNKNOWN
        if port and number is UNKNOWN:
            self._undecided("the port", origin)
        self._listen(bind, number, origin)

    def _undecided(self, what: str, origin: str) -> None:
        """Note that something is given and not understood, so that no default takes its place."""
        if self._port is UNKNOWN:
            self._given = True
            self._unread.append(Fact(f"{what} {UNDECIDED}", origin))

    def _hypercorn(self) -> None:
        """The option, or a configuration in TOML: https://hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html"""
        from dockfix.facts import pylock

        self._address(self._start.option("-b", "--bind") or "", COMMAND)
        given = self._start.option("-c", "--config")
        if given is None:
            return
        path = posixpath.join(self._folder, given)
        data = pylock.toml(self._files, path) if given.endswith(".toml") and self._files.exists(path) else None
        bind = data.get("bind") if isinstance(data, dict) else None
        first = bind[0] if isinstance(bind, list) and bind else bind
        if isinstance(first, str):
            self._address(first, f"{self._evaluator.sources.prefix}{path}")
        elif data is None:
            self._undecided(f"what {given} says", COMMAND)

    def _gunicorn(self) -> None:
        import shlex

        start = self._start
        self._address((start.option("-b", "--bind") or "").split(",")[0], COMMAND)
        extra = shlex.split(self._evaluator.environment.get("GUNICORN_CMD_ARGS", ""))
        for index, word in enumerate(extra):
            if word.startswith(("--bind=", "-b=")):
                self._address(word.partition("=")[2], "GUNICORN_CMD_ARGS")
            elif word in ("--bind", "-b") and index + 1 < len(extra):
                self._address(extra[index + 1], "GUNICORN_CMD_ARGS")
        given = start.option("-c", "--config") or "gunicorn.conf.py"
        if given.startswith("python:"):
            path = self._evaluator.sources.module(given[7:], 0, "", self._evaluator.roots)
        else:
            path = (
                pycommand.find(self._files, given.removeprefix("file:"), self._folder)
                if given != "gunicorn.conf.py"
                else (
                    posixpath.join(self._folder, given)
                    if self._files.exists(posixpath.join(self._folder, given))
                    else None
                )
            )
        source = self._parsed(path) if path is not None else None
        if source is not None:
            place = self._evaluator.global_name(source, "bind")
            value = self._evaluator.of(place) if place is not None else None
            if isinstance(value, tuple) and value:
                value = value[0]
            if isinstance(value, Variable):
                value = self._evaluator.settled(value)
            if place is None:
                if "bind" in source.scope.names:
                    self._undecided("the address", f"{source.prefix}{source.path}")
            elif isinstance(value, str):
                self._gunicorn_bind(place, value)
            else:
                self._undecided("the address", pydjango.origin_of(place))
        elif start.option("-c", "--config") is not None:
            self._undecided(f"what {given} says", COMMAND)

    def _gunicorn_bind(self, place: Place, value: str) -> None:
        """The address of a configuration file; a variable inside ``f"0.0.0.0:{port}"`` is kept as one."""
        import libcst as cst

        origin = pydjango.origin_of(place)
        host, _, port = value.rpartition(":")
        variable: Value = port if port and WILD not in port else UNKNOWN
        parts: list[Any] = []
        if isinstance(place.expression, cst.FormattedString):
            parts = [
                part.expression for part in place.expression.parts if isinstance(part, cst.FormattedStringExpression)
            ]
        elif isinstance(place.expression, cst.BinaryOperation):
            parts = [place.expression.right]
        inner = self._evaluator.value(place.source, place.scope, parts[-1]) if parts else UNKNOWN
        if isinstance(inner, Variable):
            variable = inner
        if value.startswith("unix:"):
            self._given = True
            return
        if variable is UNKNOWN:
            self._undecided("the port", origin)
        self._listen((host.strip("[]") or pylisten.ANY) if WILD not in host else UNKNOWN, variable, origin)

    def streamlit(self, name: str, option: str) -> tuple[Value, str] | None:
        """A setting of streamlit's server and where it is given."""
        from dockfix.facts import pylock

        given = self._start.option(option)
        if given is not None:
            return pycommand.value_of(given), COMMAND
        variable = f"STREAMLIT_{re.sub(r'(?<=[a-z])(?=[A-Z])', '_', option[2:]).replace('.', '_').upper()}"
        if variable in self._evaluator.environment:
            return Variable(variable), variable
        path = posixpath.join(self._folder, ".streamlit/config.toml")
        data = pylock.toml(self._files, path)
        server = data.get("server") if isinstance(data, dict) else None
        value = server.get(name) if isinstance(server, dict) else None
        return (value, f"{self._evaluator.sources.prefix}{path}") if isinstance(value, (str, int)) else None

    def read_sources(self, sources: Sequence[Source], entry: Source | None) -> pylisten.Listener | None:
        """Take what the sources of a plain ``python`` command say; return the server that they start."""
        if self._start.server != "python" or entry is None:
            return None
        listeners = pylisten.listeners(self._evaluator, sources, entry)
        serving = [item for item in listeners if item.server != "prometheus"] or list(listeners)
        if not serving:
            return None
        own = [item for item in serving if item.source is entry]
        chosen = (own or serving)[0]
        ports = {repr(item.port) for item in (own or serving)}
        if len(ports) > 1:
            # Two servers, or one of two by a switch: neither's port is the image's for sure.
            self._unread.append(Fact("more than one server is started", chosen.origin))
        else:
            self._listen(chosen.bind, chosen.port, chosen.origin)
        return replace(chosen, encrypted=any(item.encrypted for item in (own or serving)))

    def read_defaults(self) -> None:
        """Take the server's own defaults for what nothing else says."""
        server = self._start.server
        if self._given:
            return
        if server == "gunicorn":
            # https://docs.gunicorn.org/en/stable/settings.html#bind
            if self._port is UNKNOWN and not self._unread and "unix:" not in (self._start.option("-b", "--bind") or ""):
                self._listen(
                    pylisten.ANY if "PORT" in self._evaluator.environment else "127.0.0.1",
                    Variable("PORT", 8000),
                    "gunicorn's default",
                )
            return
        host_variable, port_variable = _PORT_VARIABLES.get(server, ("", ""))
        default_host: Value = (
            pylisten.ANY
            if server in _OPEN_BY_DEFAULT or (server == "fastapi" and self._start.subcommand == "run")
            else "127.0.0.1"
        )
        if server in _DEFAULT_PORTS and self._start.option("--fd", "--uds", "--unix-socket", "-u") is None:
            port: Value = _DEFAULT_PORTS[server]
            if port_variable and port_variable in self._evaluator.environment:
                port = Variable(port_variable, port)
            bind: Value = (
                Variable(host_variable, default_host) if host_variable in self._evaluator.environment else default_host
            )
            self._listen(bind, port, f"{server}'s default" if server != "manage" else "Django's default")

    def port(self) -> tuple[Fact[int] | None, Fact[str] | None]:
        """The port, and the environment variable that decides it."""
        value = self._port
        variable = Fact(value.name, self._port_origin) if isinstance(value, Variable) else None
        number = self._evaluator.number(value)
        if number is None or not 0 < number < 65536:
            return None, variable
        return Fact(number, self._port_origin), variable

    def bind(self) -> Fact[str] | None:
        """The address without the port."""
        value = self._evaluator.text(self._bind)
        return Fact(value, self._bind_origin) if value and WILD not in value else None


def with_uwsgi_file(start: Start, files: Files, folder: str, prefix: str) -> tuple[Start, str]:
    """*start* with what ``uwsgi --ini app.ini`` or ``uwsgi app.ini`` reads, and where its options stand then."""
    from dockfix.facts.files import text

    if start.server != "uwsgi":
        return start, COMMAND
    given = start.option("--ini") or next((word for word in start.positional if word.endswith(".ini")), None)
    path = pycommand.find(files, given, folder) if given else None
    content = text(files, path) if path is not None else None
    if content is None:
        return start, COMMAND
    import configparser

    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        parser.read_string(content)
    except configparser.Error:
        return start, COMMAND
    if not parser.has_section("uwsgi"):
        return start, COMMAND
    options = {f"--{key}": value or "" for key, value in parser.items("uwsgi")} | dict(start.options)
    module = options.get("--module") or options.get("--wsgi") or options.get("--wsgi-file", "").removesuffix(".py")
    if module and ":" not in module:
        module = f"{module}:{options.get('--callable', 'application')}"
    return replace(start, options=options, application=start.application or module), f"{prefix}{path}"
