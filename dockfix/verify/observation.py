"""A container of an image, looked at from its start to its stop."""

from __future__ import annotations

import http.client
import re
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from dockfix.verify.answer import Answer, ask, compared, unserved
from dockfix.verify.container import POLL_SECONDS, Container
from dockfix.verify.credentials import masked
from dockfix.verify.engine import Engine
from dockfix.verify.result import EngineError, StartError, Stopped

_SETTLING_SECONDS = 1.1
"""Between two questions: longer than the second in which clocks of apps count."""

_ORPHAN = "(sleep 0.2 &)"
_ORPHAN_SECONDS = 5.0
_LOOKS = 3
"""How often in a row an orphan is seen dead before nobody is taken to wait for it."""
_FILE = re.compile(
    r"(?!-)[\w@./-]+\.(?:[cm]?[jt]s|py|rb|php|pl|sh|exs|jar|war|dll|conf|cfg|ini|toml|ya?ml|json|xml|ru)"
)
_SHELLS = frozenset({"sh", "ash", "bash", "dash"})


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait.

    Attributes:
        port: for an app that is expected to listen.
        idle: for one that is not, before it is taken to run.
        health: for the health check to pass, once the app answers.
        stop: for the end after the stop signal.
        linger: before the end, for what it has to say meanwhile.
    """

    port: float = 60.0
    idle: float = 6.0
    health: float = 45.0
    stop: int = 10
    linger: float = 0.0


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of a container.

    Attributes:
        running: whether its first process ran until it was stopped.
        exit_code: of a first process that ended by itself.
        lasted: seconds after which it was seen to have ended.
        failure: why the engine could not start it.
        starved: what it had not enough of, so that the kernel ended or refused a process of it; empty where it had.
        log: what it printed.
        uid: user id of the first process.
        command: the first process's command line.
        ports: the ports on which it listened.
        port: the one that was asked; ``None`` where none answered.
        ready: seconds until it answered, or else listened.
        replies: the ports on which something was replied that is no HTTP, where none answered.
        answers: the answers.
        unserved: the scripts and style sheets of its pages that it does not serve, and how each is answered.
        health: the last state of the health check, ``None`` without one.
        healthy: seconds until it was healthy.
        check: what the health check printed last.
        stop: how it stopped.
        reaps: whether orphans are reaped; ``None`` where that could not be tried.
        files: the files that the command of the image names, and whether the container has them.
    """

    running: bool
    exit_code: int | None = None
    lasted: float | None = None
    failure: str = ""
    starved: str = ""
    log: str = ""
    uid: int | None = None
    command: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    port: int | None = None
    ready: float | None = None
    replies: tuple[int, ...] = ()
    answers: tuple[Answer, ...] = ()
    unserved: Mapping[str, str] = field(default_factory=dict)
    health: str | None = None
    healthy: float | None = None
    check: str = ""
    stop: Stopped | None = None
    reaps: bool | None = None
    files: Mapping[str, bool] = field(default_factory=dict)


def observe(
    engine: Engine,
    image: str,
    *,
    network: str,
    env: Mapping[str, str],
    hosts: Mapping[str, str],
    ports: Sequence[int],
    paths: Sequence[str],
    patience: Patience,
    proxies: bool = True,
) -> Observation:
    """Run *image* and look at it until it is stopped.

    Args:
        engine: the engine.
        image: the image's id.
        network: the network that the container joins.
        env: variables set in addition to the image's.
        hosts: names of hosts and their addresses.
        ports: where the app is expected to listen, the likeliest first.
        paths: what to ask for.
        patience: how long to wait.
        proxies: whether it gets the proxies that this machine's settings have.

    Raises:
        EngineError: the engine does not answer, which tells nothing of the image.
    """
    try:
        with engine.run(image, network=network, env=env, hosts=hosts, proxies=proxies) as container:
            seen = _watch(container, ports, paths, patience)
            return replace(seen, files=_files(container, engine.image_config(image)))
    except StartError as error:
        return Observation(False, failure=str(error))


def _watch(container: Container, ports: Sequence[int], paths: Sequence[str], patience: Patience) -> Observation:
    began = time.monotonic()
    listening = _wait_listening(container, ports, patience, began)
    if not container.running():
        return _ended(container, began)
    port, replies = _answering(container, _in_order(ports, listening), paths[0], patience, began)
    seen = Observation(True, ports=tuple(sorted(listening)), port=port, replies=replies)
    if port is not None or listening:
        seen = replace(seen, ready=time.monotonic() - began)
    first = ask(container, port, paths)
    seen = replace(seen, unserved=unserved(container, port, first.values()))
    uid, command = _first_process(container)
    seen = replace(seen, uid=uid, command=command)
    status, healthy = _wait_health(container, time.monotonic() + patience.health, began)
    seen = replace(seen, health=status, healthy=healthy, check=container.last_check() if status else "")
    seen = replace(seen, reaps=_reaps(container))
    time.sleep(_SETTLING_SECONDS + patience.linger)
    again = ask(container, port, paths)
    answers = tuple(compared(answer, again.get(question)) for question, answer in first.items())
    if not container.running():
        return replace(_ended(container, began), ports=seen.ports, port=port, answers=answers, uid=seen.uid)
    with suppress(EngineError):
        seen = replace(seen, ports=tuple(sorted(listening | container.listening())))
    # before the stop: what is said while all is torn down tells nothing of the app
    log = container.logs()
    seen = replace(seen, answers=answers, log=log, stop=container.stop(patience.stop))
    return replace(seen, starved=container.shortage(log))


def _files(container: Container, config: Mapping[str, Any]) -> dict[str, bool]:
    found = named_files((*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())))
    folder = PurePosixPath(config.get("WorkingDir") or "/")
    return {path: container.holds(str(folder / path)) for path in found}


def named_files(command: Sequence[str]) -> tuple[str, ...]:
    """The files that a command's arguments name, as it names them: scripts, archives, configurations."""
    words = list(command)
    if len(words) > 2 and words[1] == "-c" and PurePosixPath(words[0]).name in _SHELLS:
        with suppress(ValueError):  # not for this shell
            words = shlex.split(words[2], comments=True)
    return tuple(dict.fromkeys(word for word in words[1:] if _FILE.fullmatch(word)))


def _ended(container: Container, began: float) -> Observation:
    lasted = time.monotonic() - began
    code, log = container.exit_code(), container.logs()
    return Observation(False, exit_code=code, lasted=lasted, starved=container.shortage(log), log=log)


def _wait_listening(container: Container, ports: Sequence[int], patience: Patience, began: float) -> frozenset[int]:
    """The ports on which something listens, once it is one that was expected, or the time is over."""
    deadline = began + (patience.port if ports else patience.idle)
    while True:
        try:
            listening = container.listening()
        except EngineError:
            # ended, or out of sight: then only asking tells
            return frozenset(ports) if container.running() else frozenset()
        unexpected = listening and time.monotonic() > began + patience.idle
        if listening.intersection(ports) or (listening and not ports) or unexpected or time.monotonic() > deadline:
            return listening
        time.sleep(POLL_SECONDS)


def _in_order(expected: Sequence[int], listening: Iterable[int]) -> list[int]:
    there = set(listening)
    return [port for port in dict.fromkeys(expected) if port in there] + sorted(there.difference(expected))


def _answering(
    container: Container, ports: Sequence[int], path: str, patience: Patience, began: float
) -> tuple[int | None, tuple[int, ...]]:
    """The first of *ports* that speaks HTTP; where none does, those that speak another language."""
    replies = set()
    for port in ports:
        while time.monotonic() < began + patience.port and container.running():
            try:
                container.http(path, port, timeout=patience.port / 2)
            except http.client.HTTPException:
                replies.add(port)
                break
            except ConnectionResetError:
                replies.add(port)  # perhaps of an app that is not done with its start
                time.sleep(POLL_SECONDS * 4)
            except OSError:
                time.sleep(POLL_SECONDS * 4)
            else:
                return port, ()
    return None, tuple(sorted(replies))


def _first_process(container: Container) -> tuple[int | None, tuple[str, ...]]:
    try:
        return container.uid(), tuple(map(masked, container.pid1_cmdline()))
    except (EngineError, OSError):
        return None, ()


def _wait_health(container: Container, deadline: float, began: float) -> tuple[str | None, float | None]:
    while (status := container.health()) == "starting" and time.monotonic() < deadline and container.running():
        time.sleep(POLL_SECONDS)
    return status, time.monotonic() - began if status == "healthy" else None


def _reaps(container: Container) -> bool | None:
    """Whether the first process reaps an orphan that ends; needs a shell in the image."""
    try:
        before = container.children().keys()
        if container.exec("/bin/sh", "-c", _ORPHAN).exit_code:
            return None
        return _waited_for(container, before, time.monotonic() + _ORPHAN_SECONDS)
    except (EngineError, OSError):
        return None


def _waited_for(container: Container, before: Set[str], deadline: float) -> bool | None:
    """Whether what is new among the children is gone once it has ended; ``None`` where it does not end in time."""
    dead = 0
    while time.monotonic() < deadline:
        states = {state for process, state in container.children().items() if process not in before}
        if not states:
            return True
        dead = dead + 1 if "Z" in states else 0
        if dead > _LOOKS:
            return False
        time.sleep(POLL_SECONDS * 2)
    return None
