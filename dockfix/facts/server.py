"""What a program serves and touches while it runs, as its sources say, and what a facts module is told to find out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dockfix.facts.fact import Fact

Kind = Literal["web", "worker", "unknown"]


@dataclass(frozen=True)
class Server:
    """The app's server side. A fact that is not decided is absent.

    Attributes:
        kind: ``web`` answers on a port, ``worker`` runs until it is stopped; ``unknown`` where nothing tells.
        language: in what it is written: ``node``, ``python``, ``go`` …, or ``nginx``; ``None`` where nothing tells.
        name: the program that serves, such as ``gunicorn`` or ``celery``.
        framework: the web framework.
        port: the port that is bound where no variable overrides it.
        variable: the environment variable that overrides the port.
        health: the route of a health check found in the sources.
        bind: the address that is bound.
        hosts: the hosts that the app answers to, where it checks them; empty where it checks and they are unknown.
        tls: where the sources make it serve https.
        signals: how it stops in order as process 1, with the evidence, such as ``ends at a signal by itself``.
        writes: folders written at run time, relative to the app's folder or absolute; ``.`` is the app's folder.
        written_files: files written, in the same terms.
        writes_unknown: a place that writes where it cannot be told where.
        reads: files and folders read at run time.
        reads_unknown: a place that reads where it cannot be told what.
        tools: programs called at run time.
        tools_unknown: an expression that names another one, which cannot be told.
        lines: calls of programs as a shell would be given them; ``…`` is an undecided part.
        imports: packages that the sources load.
        unread: why the absence of a fact proves nothing.
    """

    kind: Kind = "unknown"
    language: str | None = None
    name: str = ""
    framework: str = ""
    port: Fact[int] | None = None
    variable: Fact[str] | None = None
    health: Fact[str] | None = None
    bind: Fact[str] | None = None
    hosts: Fact[tuple[str, ...]] | None = None
    tls: Fact[str] | None = None
    signals: Fact[str] | None = None
    writes: tuple[Fact[str], ...] = ()
    written_files: tuple[Fact[str], ...] = ()
    writes_unknown: Fact[str] | None = None
    reads: tuple[Fact[str], ...] = ()
    reads_unknown: Fact[str] | None = None
    tools: tuple[Fact[str], ...] = ()
    tools_unknown: Fact[str] | None = None
    lines: tuple[Fact[str], ...] = ()
    imports: tuple[Fact[str], ...] = ()
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that a RUN called.

    Attributes:
        words: its name and arguments.
        workdir: the absolute folder of the image in which it ran.
        folder: the folder of the build context that lies there; ``None`` where that cannot be told.
        environment: the variables that it saw.
    """

    words: tuple[str, ...]
    workdir: str
    folder: str | None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file of the image comes from: the stage in which it was made.

    Attributes:
        path: its absolute path there, perhaps with a glob where a COPY had one.
        source: the path in the build context from which a COPY brought it, if one could have.
        ran: the commands of that stage and those that it descends from, in order.
        beside: where another file of that stage, by its absolute path, lies in the build context.
    """

    path: str
    source: str | None
    ran: tuple[Ran, ...]
    beside: Callable[[str], str | None] = lambda path: None


@dataclass(frozen=True)
class Running:
    """A program as a container runs it.

    Attributes:
        words: its name and arguments.
        workdir: the absolute folder in which it runs.
        folder: the folder of the build context that lands there; ``None`` where that cannot be told.
        environment: the variables that it sees.
        trace: where a file of the image, by its path, comes from.
    """

    words: tuple[str, ...]
    workdir: str
    folder: str | None
    environment: Mapping[str, str]
    trace: Callable[[str], Place]
