"""A container engine, driven through its command line: build an image, run it, look at what runs.

What the engines have in common is here, in the words of ``docker``; each one's own is in its module.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from dockfix.verify.cage import Cage, Cell, shortage
from dockfix.verify.container import Container
from dockfix.verify.credentials import masked
from dockfix.verify.limits import Limits, memory_bytes
from dockfix.verify.outage import outage
from dockfix.verify.process import Done, execute
from dockfix.verify.result import BuildResult, EngineError, Executed, Layer, StartError, TimedOutError
from dockfix.verify.variables import handed, passed

COMMAND_SECONDS = 60.0
_UNREACHABLE = {
    "none": "in which a container has no address, so that nothing can be asked",
    "host": "in which what the host listens on is taken for the app's, and the app is open to the host's own network",
}
"""What containers may join without being seen apart there, and why not."""


class Kind(NamedTuple):
    """A kind of things that an engine makes: the commands that list it and remove some of it."""

    plural: str
    listing: tuple[str, ...]
    removal: tuple[str, ...]


@dataclass(frozen=True)
class Engine(ABC):
    """An engine that its command reaches when run with ``environment``.

    Attributes:
        environment: the environment of the command; ``DOCKER_HOST`` and the like steer it.
        label: ``key=value``, set on everything that is made, so that it can be found and removed.
        program: the command's name or path.
        limits: what containers may use; ``None`` for no limit.
        build_limits: what builds may use, where they can be held to it; ``None`` for no limit.
        cage: where builds are held to that; ``None`` where they are limited in time alone.
        scratch: where temporary files are put; by default where the system puts them.
        place: the folder in which the command runs; by default that in which dockfix does.
        overdue: commands that were called off because they took too long, and that the engine may carry out yet.
        runs: whether it runs containers, or builds alone.
    """

    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    label: str | None = None
    program: str = ""
    limits: Limits | None = None
    build_limits: Limits | None = None
    cage: Cage | None = None
    scratch: Path | None = None
    place: Path | None = None
    overdue: list[str] = field(default_factory=list, compare=False)

    runs: ClassVar[bool] = True
    log_options: ClassVar[tuple[str, ...]] = ()
    """What keeps a container that prints without end from filling the disk."""
    least_memory: ClassVar[str] = "0"
    """The least that a container may be limited to."""

    # -- what each engine has of its own -------------------------------------------------------------------------

    @abstractmethod
    def check(self) -> None:
        """Raise EngineError, with the reason, where the engine cannot do what is asked of it here."""

    @abstractmethod
    def build_command(self) -> list[str]:
        """The first words of a build, before what every engine takes."""

    @abstractmethod
    def read_build(self, log: str, ok: bool, image: str, seconds: float) -> BuildResult:
        """What a build's output says of it."""

    @abstractmethod
    def building(self, log: str) -> str:
        """The step that a build is at which has printed *log* so far; empty where it has begun none."""

    @abstractmethod
    def health_options(self, image: str) -> list[str]:
        """The options of a container whose health is to be known soon."""

    @abstractmethod
    def without_proxies(self, env: Collection[str]) -> list[str]:
        """The options of a container that gets no proxies of this machine, beside those in *env*."""

    def container(self, identity: str) -> Container:
        """The container *identity*."""
        return Container(self, identity)

    @contextmanager
    def running(self, identity: str) -> Iterator[Container]:
        """The container *identity*, which is started. Raises StartError where it cannot be."""
        self._started("start", identity)
        yield self.container(identity)

    def layers(self, image: str) -> tuple[Layer, ...]:
        """The layers of an image, the oldest first."""
        printed = self.call("history", "--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", image)
        pairs = (line.partition("\t") for line in reversed(printed.splitlines()))
        return tuple(Layer(masked(created_by), int(size)) for size, _, created_by in pairs)

    def image_record(self, image: str) -> dict[str, Any]:
        """What the engine knows of an image, as ``docker image inspect`` shows it."""
        return self.inspect("image", image)

    def name(self, tag: str | None) -> str | None:
        """The name that a build gives its image, where *tag* is the one wanted."""
        return tag

    def image_of(self, identity: str, tag: str | None) -> str:
        """The image that a build has called *identity* and named *tag*."""
        return identity

    def apart(self) -> str:
        """Why builds are out of reach of this machine's control groups; empty where they may be within."""
        return ""

    def without(self, base: str) -> str:
        """What to say where a build could not get its base image."""
        return f"base {base} cannot be had"

    # -- what they have in common ---------------------------------------------------------------------------------

    def call(self, *arguments: str, timeout: float = COMMAND_SECONDS) -> str:
        """Run the command; its standard output. Raises EngineError with its message where it fails."""
        done = self._execute(arguments, timeout)
        if done.code:
            said = masked(done.errors.strip() or done.output.strip())
            raise EngineError(f"{self.program} {' '.join(arguments[:2])}: {said}")
        return done.output

    def attempt(self, *arguments: str, timeout: float = COMMAND_SECONDS) -> Executed:
        """Run the command, which may fail; both its streams, without credentials."""
        done = self._execute(arguments, timeout, merged=True)
        return Executed(done.code, done.output)

    def build(
        self,
        context: Path,
        dockerfile: str | Path = "Dockerfile",
        *,
        target: str | None = None,
        tag: str | None = None,
        build_args: Mapping[str, str] | None = None,
        no_cache: bool = False,
        timeout: float = 1200,
        say: Callable[[str], None] | None = None,
    ) -> BuildResult:
        """Build ``dockerfile`` (absolute, or a path inside ``context``).

        *say* is told each step while it runs. A build that fails, or that ``timeout`` seconds do not suffice for, is a
        result, no exception, and so is one that a cage is too small for. One that lost a download is tried once more.
        """
        tag = self.name(tag)
        arguments = passed(build_args or {}, self._environment())
        options = self._build_options(target, tag, arguments.options, no_cache)
        building = replace(self, environment={**self.environment, **arguments.environment})
        once = partial(building._built, context, dockerfile, options, tag, timeout, say)
        result = once()
        return once() if result.outage and not result.starved else result

    def _build_options(
        self, target: str | None, tag: str | None, arguments: Sequence[str], no_cache: bool
    ) -> list[str]:
        options = self._labelled()
        if target:
            options += ["--target", target]
        if tag:
            options += ["--tag", tag]
        options += arguments
        if no_cache:
            options.append("--no-cache")
        return options

    def _built(
        self,
        context: Path,
        dockerfile: str | Path,
        options: Sequence[str],
        tag: str | None,
        timeout: float,
        say: Callable[[str], None] | None,
    ) -> BuildResult:
        """One build, without another try."""
        with tempfile.TemporaryDirectory(prefix="dockfix-build-", dir=self.scratch) as scratch, self._held() as cell:
            identity = Path(scratch, "image-id")
            command = [*self.build_command(), "--iidfile", str(identity), "--file", str(context / dockerfile)]
            command += options
            if cell is not None:
                command += ["--cgroup-parent", cell.parent]
            started = time.monotonic()
            try:
                done = self._execute((*command, str(context)), timeout, merged=True, say=say)
            except TimedOutError as error:
                seconds = time.monotonic() - started
                return BuildResult(False, "", seconds, error.output, reason=error.reason, timed_out=True)
            seconds = time.monotonic() - started
            ok = done.code == 0
            image = self.image_of(identity.read_text(encoding="ascii"), tag) if ok else ""
            short = None if cell is None else cell.shortage()
        result = self.read_build(done.output, ok, image, seconds)
        if not ok and result.missing is None:
            result = replace(result, outage=outage(done.output))
        # a fork that was refused is tried again, and a process that was killed is not
        if short is None or self.cage is None or (ok and short != "memory"):
            return result
        said = shortage(short, self.cage.limits)
        return replace(result, reason=said if ok else f"{said}: {result.reason}", starved=True)

    @contextmanager
    def run(
        self,
        image: str,
        *command: str,
        env: Mapping[str, str] | None = None,
        hosts: Mapping[str, str] | None = None,
        network: str = "bridge",
        proxies: bool = True,
        options: Sequence[str] = (),
    ) -> Iterator[Container]:
        """Start a container, and remove it with its volumes at the end.

        It is reached at its own address, and its health check is run soon and often. ``hosts`` maps names to addresses.
        ``proxies=False`` keeps the proxies from it that this machine's settings have, which may hold passwords.
        ``options`` are others of the engine's own. Raises StartError where it cannot start.
        """
        words = ["--network", network, *self._labelled(), *self.log_options, *options]
        if self.limits is not None:
            words += ["--memory", self.limits.memory, "--memory-swap", self.limits.memory]
            words += ["--pids-limit", str(self.limits.pids)]
        if not proxies:
            words += self.without_proxies((env or {}).keys())
        for host, address in (hosts or {}).items():
            words += ["--add-host", f"{host}:{address}"]
        words += self.health_options(image)
        # created first: a container that cannot start (no such command) must be removed as well
        with handed(env or {}, self._environment(), self.scratch) as variables:
            creating = replace(self, environment={**self.environment, **variables.environment})
            identity = creating._started("create", *words, *variables.options, image, *command).strip()
        try:
            with self.running(identity) as container:
                yield container
        finally:
            self.call("rm", "--force", "--volumes", identity)

    def _started(self, *arguments: str) -> str:
        try:
            return self.call(*arguments)
        except TimedOutError:
            raise  # the engine is at fault
        except EngineError as error:
            raise StartError(str(error)) from error

    def create_network(self, name: str, *, internal: bool) -> None:
        """Make a bridge network; an internal one has no way out, but for the host's own address in it.

        By that address containers are looked at from the host, which cannot be had in one direction alone:
        https://github.com/moby/moby/commit/c761353e7c75e4ffa90b80f3b5df40473d59620a
        """
        self.call("network", "create", *self._labelled(), *(["--internal"] if internal else []), name)

    def demand_network(self, name: str) -> None:
        """Raise EngineError where containers cannot join the network *name*, or cannot be asked there."""
        if name in _UNREACHABLE:
            raise EngineError(f"--network {name} is a network {_UNREACHABLE[name]}")
        if self.attempt("network", "inspect", name).exit_code:
            raise EngineError(f"{self.program} has no network {name}")

    def demand_limits(self) -> None:
        """Raise EngineError where the engine limits no container as tightly as it is asked to."""
        least = memory_bytes(self.least_memory)
        if self.limits is not None and 0 < self.limits.bytes < least:
            raise EngineError(
                f"--memory {self.limits.memory} is less than the {self.least_memory} that {self.program} allows"
            )

    def image_config(self, image: str) -> dict[str, Any]:
        """The configuration of an image: Env, User, Cmd, Healthcheck and the like."""
        config: dict[str, Any] = self.image_record(image)["Config"]
        return config

    def remove_image(self, image: str) -> None:
        """Remove an image; its layers may stay in the build cache."""
        self.call("image", "rm", "--force", image)

    def sweep(self) -> int:
        """Remove everything that bears the label; how many things there were.

        Raises EngineError where the engine does not answer, after having tried every kind of thing.
        """
        if self.label is None:
            return 0
        found = 0
        problem: EngineError | None = None
        for kind in self.kinds():
            try:
                names = self._bearers(kind)
                found += len(names)
                if names:
                    self.call(*kind.removal, *names)
            except EngineError as error:
                problem = error
        if problem is not None:
            raise problem
        return found

    def remains(self) -> tuple[str, ...]:
        """What bears the label still, a line for each kind of thing, with the command that removes it."""
        found = []
        for kind in self.kinds() if self.label is not None else ():
            removal = " ".join((self.program, *kind.removal, f"$({' '.join((self.program, *self._listing(kind)))})"))
            try:
                names = ", ".join(name.removeprefix("sha256:")[:12] for name in self._bearers(kind))
            except EngineError as error:
                found.append(f"{kind.plural} that may be left ({error}) are removed by {removal}")
            else:
                found += [f"{kind.plural} left: {names}; remove with {removal}"] if names else []
        return tuple(found)

    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of things that are made."""
        return (
            Kind("containers", ("ps", "--all"), ("rm", "--force", "--volumes")),
            Kind("networks", ("network", "ls"), ("network", "rm")),
            Kind("images", ("images", "--all"), ("image", "rm", "--force")),
        )

    def _bearers(self, kind: Kind) -> list[str]:
        """The names of all things of a kind that bear the label."""
        return sorted(set(self.call(*self._listing(kind)).split()))

    def _listing(self, kind: Kind) -> tuple[str, ...]:
        return (*kind.listing, "--quiet", "--no-trunc", "--filter", f"label={self.label}")

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """The engine's record of the image, container or network *name*."""
        record: dict[str, Any] = json.loads(self.call(kind, "inspect", name))[0]
        return record

    def _elsewhere(self, template: str) -> str:
        """Why this machine is not the one that the engine tells of, with its name and its kernel."""
        try:
            name, kernel = self.call("info", "--format", template).split()
        except (EngineError, ValueError):
            return f"{self.program} does not tell on which machine it builds"
        if (name, kernel) == (platform.node(), platform.release()):
            return ""
        return f"the engine is on another machine ({name}, Linux {kernel})"

    def _held(self) -> AbstractContextManager[Cell | None]:
        return nullcontext() if self.cage is None else self.cage.cell()

    def _labelled(self) -> list[str]:
        return ["--label", self.label] if self.label is not None else []

    def _environment(self) -> Mapping[str, str]:
        return self.environment

    def _execute(
        self,
        arguments: Sequence[str],
        timeout: float,
        *,
        merged: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> Done:
        command = (self.program, *arguments)
        hear = None if say is None else lambda log: say(self.building(masked(log)))
        try:
            done = execute(
                command,
                self._environment(),
                timeout=timeout,
                errors="merged" if merged else "apart",
                hear=hear,
                folder=self.place,
            )
        except subprocess.TimeoutExpired as error:
            self.overdue.append(arguments[0])
            raise TimedOutError(f"{self.program} {arguments[0]}", timeout, error.output) from error
        except OSError as error:
            raise EngineError(f"{self.program}: {error.strerror or error}") from error
        # what is merged is for people, what is apart is read by machines
        return replace(done, output=masked(done.output)) if merged else done
