"""Services of compose files: from which Dockerfile each is built, and what it lays over the image.

The format: https://github.com/compose-spec/compose-spec/blob/main/05-services.md
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dockfix.facts.fact import Fact
from dockfix.facts.files import join, normal
from dockfix.facts.words import split
from dockfix.facts.yamltext import Yaml, scalars

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Role = Literal["main", "override", "development", "test", "production", "other"]
Command = tuple[str, ...] | str

_MAIN = frozenset({"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"})
_ROLES: tuple[tuple[Role, re.Pattern[str]], ...] = (
    ("override", re.compile(r"override")),
    ("development", re.compile(r"(?:^|[^a-z])(?:dev|devel|develop|development|local|debug|watch)(?:[^a-z]|$)")),
    ("test", re.compile(r"(?:^|[^a-z])(?:tests?|testing|ci|e2e|integration)(?:[^a-z]|$)")),
    ("production", re.compile(r"(?:^|[^a-z])(?:prod|production|deploy|release)(?:[^a-z]|$)")),
)
_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?:(:?[-+?])([^{}]*))?\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Volume:
    """One entry of ``volumes:`` (or ``tmpfs:``).

    Attributes:
        kind: what is mounted.
        source: the host path or the volume's name as written; None for anonymous and tmpfs.
        target: the path in the container.
        path: a bind's host path from the repository's root; None when it lies outside or is no bind.
        read_only: whether the container cannot write to it.
        origin: where it is written.
    """

    kind: Literal["bind", "named", "anonymous", "tmpfs"]
    source: str | None
    target: str
    path: str | None
    read_only: bool
    origin: str


@dataclass(frozen=True, slots=True)
class Port:
    """One entry of ``ports:``.

    Attributes:
        published: the host's side as written; None when the daemon chooses.
        target: the container's port; None when it is a range or a variable.
        protocol: ``tcp`` or ``udp``.
        origin: where it is written.
    """

    published: str | None
    target: int | None
    protocol: str
    origin: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a compose file that is built from a Dockerfile in these files, or names no build at all.

    Paths are relative to the root of the files. :meth:`origin` and :meth:`fact` tell where an attribute is written.

    Attributes:
        name: its key under ``services``.
        file: the compose file.
        role: what the file is for, by its name.
        context: the build context; None without a build, or when it is remote or outside.
        dockerfile: the Dockerfile; None like *context*, and for ``dockerfile_inline``.
        target: the stage that is built.
        image: the image's name.
        command: the ``command``: a tuple for a list, the text for a string; None where the image's holds.
        entrypoint: the ``entrypoint``, likewise.
        user: the account that runs it.
        init: whether the daemon adds an init.
        read_only: whether the root file system is read-only.
        privileged: whether it runs privileged.
        healthcheck: whether it has a probe of its own.
        healthcheck_test: that probe's words, without CMD or CMD-SHELL; None when disabled or absent.
        healthcheck_disabled: whether the image's probe is switched off.
        ports: published ports.
        expose: ports named by ``expose``.
        volumes: mounts.
        environment: variables and their values, None where the value comes from the host.
        env_files: files from which variables are read, as far as they are inside by their path there.
        develop_watch: whether ``develop.watch`` looks at sources.
        synced: the folders of the container that it copies them to.
        build_args: build arguments and their values.
        cap_drop: capabilities taken away.
        cap_add: capabilities given.
        devices: the host's devices that it is given, and rules for them, as written.
        host_network: whether it has the host's network, with the host's rules for ports.
        security_opt: security options, as written.
        cache_from: where the build looks for layers, as written.
        memory: the most memory that it may use, as written.
        depends_on: services waited for.
        healthy_dependents: services that wait until this one is healthy.
    """

    name: str
    file: str
    role: Role
    context: str | None = None
    dockerfile: str | None = None
    target: str | None = None
    image: str | None = None
    command: Command | None = None
    entrypoint: Command | None = None
    user: str | None = None
    init: bool = False
    read_only: bool = False
    privileged: bool = False
    healthcheck: bool = False
    healthcheck_test: Command | None = None
    healthcheck_disabled: bool = False
    ports: tuple[Port, ...] = ()
    expose: tuple[str, ...] = ()
    volumes: tuple[Volume, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    env_files: tuple[Fact[str], ...] = ()
    develop_watch: bool = False
    synced: tuple[Fact[str], ...] = ()
    build_args: Mapping[str, str | None] = field(default_factory=dict)
    cap_drop: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    devices: tuple[Fact[str], ...] = ()
    host_network: bool = False
    security_opt: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    memory: str | None = None
    depends_on: tuple[str, ...] = ()
    healthy_dependents: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, attribute: str = "name") -> str:
        """``file:line`` of an attribute; of the service where the attribute is not written."""
        return self.origins.get(attribute) or self.origins["name"]

    def fact(self, attribute: str) -> Fact[Any] | None:
        """An attribute's value with its origin; None where it is not written."""
        if attribute not in self.origins:
            return None
        return Fact(getattr(self, attribute), self.origins[attribute])

    def binds_over(self, folder: str) -> tuple[Volume, ...]:
        """Binds that hide *folder* of the image, because they are mounted at it or above it."""
        return tuple(
            volume
            for volume in self.volumes
            if volume.kind == "bind" and f"{folder.rstrip('/')}/".startswith(f"{volume.target.rstrip('/')}/")
        )


def role(path: str) -> Role:
    """What a compose file is for, by its name."""
    name = posixpath.basename(path).lower()
    if name in _MAIN:
        return "main"
    return next((role for role, expression in _ROLES if expression.search(name)), "other")


def interpolate(value: str, environment: Mapping[str, str] | None = None) -> str:
    """Carry out ``${NAME:-default}`` and ``$$``; a variable without a value stays as it is written."""

    def substitute(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        known = (environment or {}).get(match[1] or match[4])
        operator, word = match[2] or "", match[3] or ""
        if operator.endswith("+"):
            return word if known is not None else ""
        if known is not None and (known or not operator.startswith(":")):
            return known
        return word if operator.endswith("-") else match[0]

    return _VARIABLE.sub(substitute, value)


def service_of(path: str, name: str, origin: str, node: dict[str, Yaml], waiting: tuple[str, ...]) -> Service:
    """The service *name* as it is written in a file.

    Args:
        path: the file.
        name: its key.
        origin: where that stands.
        node: its own keys, with those of the service that it extends.
        waiting: the services that wait until it is healthy.
    """
    folder = posixpath.dirname(path)
    origins = {"name": origin}

    def note(attribute: str, found: Yaml | None) -> Yaml | None:
        if found is not None:
            origins[attribute] = found.origin
        return found

    def scalar(attribute: str) -> str | None:
        found = note(attribute, node.get(attribute))
        return interpolate(found.scalar) if found is not None and found.scalar is not None else None

    def truth(attribute: str) -> bool:
        found = note(attribute, node.get(attribute))
        return found is not None and found.truth

    def command(attribute: str) -> Command | None:
        return _command(note(attribute, node.get(attribute)))

    def values(attribute: str, found: Yaml | None) -> tuple[str, ...]:
        return tuple(interpolate(fact.value) for fact in scalars(note(attribute, found)))

    build = note("context", node.get("build"))
    context, dockerfile = _build(folder, build)
    target = note("target", build.at("target") if build is not None else None)
    if dockerfile is not None and build is not None:
        note("dockerfile", build.at("dockerfile") or build)
    health = note("healthcheck", node.get("healthcheck"))
    test = _command(health.at("test") if health is not None else None)
    disable = health.at("disable") if health is not None else None
    disabled = (disable is not None and disable.truth) or test in (("NONE",), "NONE")
    if isinstance(test, tuple) and test and test[0] in ("CMD", "CMD-SHELL"):
        test = test[1:] if test[0] == "CMD" else " ".join(test[1:])
    watch = note("develop_watch", node["develop"].at("watch") if "develop" in node else None)
    depends = node.get("depends_on")
    limit = node["deploy"].at("resources", "limits", "memory") if "deploy" in node else None
    memory = note("memory", node.get("mem_limit") or limit)
    return Service(
        name=name,
        file=path,
        role=role(path),
        context=context,
        dockerfile=dockerfile,
        target=interpolate(target.scalar) if target is not None and target.scalar else None,
        image=scalar("image"),
        command=command("command"),
        entrypoint=command("entrypoint"),
        user=scalar("user"),
        init=truth("init"),
        read_only=truth("read_only"),
        privileged=truth("privileged"),
        healthcheck=health is not None and not disabled,
        healthcheck_test=None if disabled else test,
        healthcheck_disabled=disabled,
        ports=tuple(_ports(note("ports", node.get("ports")))),
        expose=values("expose", node.get("expose")),
        volumes=(
            *_volumes(folder, note("volumes", node.get("volumes"))),
            *_tmpfs(node.get("tmpfs")),
        ),
        environment=_pairs(note("environment", node.get("environment"))),
        env_files=tuple(_env_files(folder, node.get("env_file"))),
        develop_watch=watch is not None,
        synced=tuple(_synced(watch)),
        build_args=_pairs(note("build_args", build.at("args") if build is not None else None)),
        cap_drop=values("cap_drop", node.get("cap_drop")),
        cap_add=values("cap_add", node.get("cap_add")),
        devices=tuple(_devices(node)),
        host_network=scalar("network_mode") == "host",
        security_opt=values("security_opt", node.get("security_opt")),
        cache_from=values("cache_from", build.at("cache_from") if build is not None else None),
        memory=interpolate(memory.scalar) if memory is not None and memory.scalar else None,
        depends_on=tuple(depends.keys())
        if depends and depends.is_mapping
        else tuple(f.value for f in scalars(depends)),
        healthy_dependents=waiting,
        origins=origins,
    )


def _build(folder: str, build: Yaml | None) -> tuple[str | None, str | None]:
    """The context and the Dockerfile of ``build:``, from the root; None for what is elsewhere."""
    if build is None:
        return None, None
    written = build.scalar if build.scalar is not None else getattr(build.text("context"), "value", None)
    written = interpolate(written if written is not None else ".")
    if "://" in written or written.startswith(("git@", "github.com/", "/", "~", "$")):
        return None, None
    context = normal(join(folder, written)) if not join(folder, written).startswith("..") else None
    if context is None or "$" in context or build.at("dockerfile_inline") is not None:
        return context, None
    named = build.text("dockerfile")
    dockerfile = interpolate(named.value) if named is not None else "Dockerfile"
    if dockerfile.startswith("/") or "$" in dockerfile:
        return context, None
    place = join(context, dockerfile)
    return context, None if place.startswith("..") else normal(place)


def _command(node: Yaml | None) -> Command | None:
    if node is None:
        return None
    if node.is_list:
        return tuple(interpolate(fact.value) for fact in scalars(node))
    return None if node.scalar is None else interpolate(node.scalar)


def words(command: Command | None) -> tuple[str, ...]:
    """A command as the words that compose makes of it: a string is split, no shell is put before it."""
    if isinstance(command, str):
        return split(command)
    return command or ()


def _pairs(node: Yaml | None) -> dict[str, str | None]:
    """``KEY: value`` or ``- KEY=value``."""
    if node is None:
        return {}
    if node.is_mapping:
        return {key: None if value.scalar is None else interpolate(value.scalar) for key, value in node.items().items()}
    pairs: dict[str, str | None] = {}
    for fact in scalars(node):
        key, equals, value = fact.value.partition("=")
        pairs[key.strip()] = interpolate(value) if equals else None
    return pairs


def _ports(node: Yaml | None) -> Iterator[Port]:
    for element in node.values() if node is not None else ():
        if element.is_mapping:
            published, target, protocol = element.text("published"), element.text("target"), element.text("protocol")
            yield Port(
                interpolate(published.value) if published else None,
                _number(interpolate(target.value)) if target else None,
                protocol.value if protocol else "tcp",
                element.origin,
            )
        elif element.scalar:
            mapping, _, protocol_name = interpolate(element.scalar).partition("/")
            published_text, _, target_text = mapping.rpartition(":")
            yield Port(published_text or None, _number(target_text), protocol_name or "tcp", element.origin)


def _number(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() else None


def _volumes(folder: str, node: Yaml | None) -> Iterator[Volume]:
    for element in node.values() if node is not None else ():
        if element.is_mapping:
            kind, source, target = element.text("type"), element.text("source"), element.text("target")
            if target is None:
                continue
            read_only = element.at("read_only")
            yield _volume(
                folder,
                interpolate(source.value) if source else None,
                interpolate(target.value),
                read_only is not None and read_only.truth,
                element.origin,
                kind.value if kind else "volume",
            )
        elif element.scalar:
            parts = re.split(r":(?![-+?\\])", interpolate(element.scalar))
            source_text, target_text = (parts[0], parts[1]) if len(parts) > 1 else (None, parts[0])
            modes = parts[2].split(",") if len(parts) > 2 else []
            yield _volume(folder, source_text, target_text, "ro" in modes, element.origin, None)


def _volume(folder: str, source: str | None, target: str, read_only: bool, origin: str, kind: str | None) -> Volume:
    if kind == "tmpfs":
        return Volume("tmpfs", None, target, None, read_only, origin)
    if not source:
        return Volume("anonymous", None, target, None, read_only, origin)
    if kind != "bind" and not source.startswith((".", "/", "~", "$")):
        return Volume("named", source, target, None, read_only, origin)
    inside = None if source.startswith(("/", "~", "$")) else normal(join(folder, source))
    if source in ("$PWD", "${PWD}") or source.startswith(("$PWD/", "${PWD}/")):
        inside = normal(join(folder, re.sub(r"^\$\{?PWD\}?/?", "./", source)))
    return Volume("bind", source, target, inside, read_only, origin)


def _env_files(folder: str, node: Yaml | None) -> Iterator[Fact[str]]:
    listed = [entry.text("path") for entry in node.values() if entry.is_mapping] if node is not None else []
    for fact in (*scalars(node), *(fact for fact in listed if fact is not None)):
        path = interpolate(fact.value)
        yield Fact(normal(join(folder, path)) or path, fact.origin)


def _synced(watch: Yaml | None) -> Iterator[Fact[str]]:
    """Where ``develop.watch`` copies to: https://docs.docker.com/reference/compose-file/develop/#watch"""
    for rule in watch.values() if watch is not None else ():
        action, target = rule.text("action"), rule.text("target")
        if action is not None and action.value.startswith("sync") and target is not None:
            path = interpolate(target.value)
            yield Fact(posixpath.dirname(path) if posixpath.splitext(path)[1] else path, target.origin)


def _devices(node: Mapping[str, Yaml]) -> Iterator[Fact[str]]:
    """Devices by their path and rules for them. One with another name is a GPU or the like, which a vendor's driver
    brings: https://docs.docker.com/reference/compose-file/services/#devices
    """
    listed = node.get("devices")
    long = [entry.text("source") for entry in listed.values() if entry.is_mapping] if listed is not None else []
    for fact in (*scalars(listed), *(fact for fact in long if fact is not None)):
        path = interpolate(fact.value).partition(":")[0]
        if path.startswith(("/", "$")):
            yield Fact(path, fact.origin)
    yield from scalars(node.get("device_cgroup_rules"))


def _tmpfs(node: Yaml | None) -> Iterator[Volume]:
    for fact in scalars(node):
        yield Volume("tmpfs", None, fact.value.partition(":")[0], None, False, fact.origin)
