"""The effective configuration of a stage: what ``docker inspect`` would show of its image."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from dockfix.catalog import PROVENANCE
from dockfix.dockerfile import expand

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.dockerfile import Instruction

ConfigValue = str | tuple[str, ...] | None
ConfigDelta = Mapping[str, tuple[ConfigValue, ConfigValue]]
"""Keys of a configuration with their values before and after."""

_PROVENANCE = re.compile(r".*_(VERSION|KEYS?|SHA\d+|URL|RELEASE|PATCH|DIGEST\w*)|GPG_.*")

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What Docker sets where an image sets no PATH.

https://github.com/moby/buildkit/blob/master/util/system/path.go
"""


@dataclass(frozen=True, slots=True)
class Config:
    """An image's configuration after an instruction.

    Attributes:
        base: reference of the root image, as a symbol equal only to itself where the catalogue does not know it.
        known: whether the base's own configuration is in the catalogue.
        env: variables, resolved as far as they can be.
        inherited: names of the variables that still have the value that the base gave them.
        user: as written, with variables resolved; empty means root.
        workdir: absolute folder; ``/`` where nothing sets it.
        entrypoint: the words of ENTRYPOINT; the shell form is wrapped as Docker wraps it.
        cmd: likewise for CMD.
        shell: the words of SHELL.
    """

    base: str
    known: bool
    env: Mapping[str, str] = field(default_factory=dict)
    inherited: frozenset[str] = frozenset()
    user: str = ""
    workdir: str = "/"
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    expose: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    stopsignal: str = ""
    healthcheck: str = ""
    onbuild: tuple[str, ...] = ()
    cmd_set_here: bool = False

    def flat(self) -> dict[str, ConfigValue]:
        """The configuration as keys and values, to compare two of them.

        Variables by which the base says where it comes from (versions, keys, checksums) are left out, as long as
        nobody changed them: they differ from one build of an image to the next.
        """
        values: dict[str, ConfigValue] = {
            f"ENV {name}": value
            for name, value in self.env.items()
            if name not in self.inherited or not (value == PROVENANCE or _PROVENANCE.fullmatch(name))
        }
        values |= {f"LABEL {name}": value for name, value in self.labels.items()}
        values |= {
            "USER": self.user or "root",
            "WORKDIR": self.workdir,
            "ENTRYPOINT": self.entrypoint,
            "CMD": self.cmd,
            "SHELL": self.shell,
            "EXPOSE": tuple(sorted(self.expose)),
            "VOLUME": tuple(sorted(self.volumes)),
            "STOPSIGNAL": self.stopsignal or "SIGTERM",
            "HEALTHCHECK": self.healthcheck,
            "ONBUILD": self.onbuild,
        }
        if not self.known:
            values["BASE"] = self.base
        return values


def difference(before: Config, after: Config) -> ConfigDelta:
    """The keys whose values differ, with both values."""
    old, new = before.flat(), after.flat()
    return {
        key: (old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)
    }


def stated(config: Config, **changes: Any) -> ConfigDelta:
    """What a change states when it sets these attributes of *config* to new values.

    New variables are given as the whole ``env``; the ones whose value changes no longer count as inherited.
    """
    env: Mapping[str, str] = changes.get("env", config.env)
    own = {name for name, value in env.items() if config.env.get(name) != value}
    return difference(config, replace(config, inherited=config.inherited - own, **changes))


def of_image(reference: str, image: Image | None) -> Config:
    """The configuration that a stage starts with.

    Args:
        reference: the image as the file names it.
        image: what the catalogue knows of it.
    """
    if image is None:
        return Config(base=reference, known=reference == "scratch", env={"PATH": DEFAULT_PATH})
    env = {"PATH": DEFAULT_PATH, **image.env}
    return Config(
        base=reference,
        known=True,
        env=env,
        inherited=frozenset(env),
        user="" if image.user == "root" else image.user,
        workdir=image.workdir or "/",
        entrypoint=image.entrypoint,
        cmd=image.cmd,
        shell=image.shell,
        expose=image.expose,
        volumes=image.volumes,
        stopsignal=image.stopsignal or "",
    )


def after(config: Config, instruction: Instruction, arguments: Mapping[str, str], escape: str) -> Config:
    """*config* as *instruction* leaves it.

    Args:
        config: the configuration before.
        instruction: any instruction of the stage but FROM.
        arguments: build arguments in scope, by name; ENV wins over them.
        escape: the file's escape character.
    """

    def resolve(text: str) -> str:
        value = expand(text, {**arguments, **config.env}, escape)
        return text if value is None else value

    keyword, value = instruction.keyword, instruction.value.strip()
    if keyword == "ENV":
        new = {pair[0]: resolve(pair[1]) for pair in instruction.pairs()}
        return replace(config, env={**config.env, **new}, inherited=config.inherited - new.keys())
    if keyword == "LABEL":
        return replace(config, labels={**config.labels, **{pair[0]: resolve(pair[1]) for pair in instruction.pairs()}})
    if keyword == "USER":
        return replace(config, user=resolve(value))
    if keyword == "WORKDIR":
        return replace(config, workdir=join(config.workdir, resolve(_unquoted(instruction))))
    if keyword == "EXPOSE":
        ports = (resolve(word.value) for word in instruction.words)
        return replace(config, expose=tuple(dict.fromkeys((*config.expose, *(_port(port) for port in ports)))))
    if keyword == "VOLUME":
        words = instruction.json if instruction.json is not None else tuple(word.value for word in instruction.words)
        return replace(config, volumes=tuple(dict.fromkeys((*config.volumes, *(resolve(word) for word in words)))))
    if keyword == "STOPSIGNAL":
        return replace(config, stopsignal=resolve(value))
    if keyword == "SHELL":
        return replace(config, shell=instruction.json or config.shell)
    if keyword == "HEALTHCHECK":
        flags = " ".join(f"--{flag.name}={flag.value}" for flag in instruction.flags)
        kind, _, command = value.partition(" ")
        return replace(config, healthcheck=f"{flags} {kind.upper()} {command}".strip())
    if keyword == "CMD":
        return replace(config, cmd=_exec(config, instruction), cmd_set_here=True)
    if keyword == "ENTRYPOINT":
        # Docker clears a CMD that was inherited when the stage sets an ENTRYPOINT of its own:
        # dispatchEntrypoint in
        # https://github.com/moby/buildkit/blob/master/frontend/dockerfile/dockerfile2llb/convert.go
        kept = config.cmd if config.cmd_set_here else ()
        return replace(config, entrypoint=_exec(config, instruction), cmd=kept)
    if keyword == "ONBUILD":
        return replace(config, onbuild=(*config.onbuild, value))
    return config


def join(folder: str, path: str) -> str:
    """The absolute path that *path* names when *folder* is the working directory."""
    if not path.startswith("/"):
        path = f"{folder.rstrip('/')}/{path}"
    return "/" + normpath(path).lstrip("/")


def covers(place: str, path: str) -> bool:
    """Whether *path* is *place* or lies in it."""
    return f"{path.rstrip('/')}/".startswith(f"{place.rstrip('/')}/")


def render(words: tuple[str, ...]) -> str:
    """*words* as a JSON array, the way Dockerfiles are written."""
    return json.dumps(list(words), ensure_ascii=False)


def _exec(config: Config, instruction: Instruction) -> tuple[str, ...]:
    if instruction.json is not None:
        return instruction.json
    value = instruction.value.strip()
    return (*config.shell, value) if value else ()


def _unquoted(instruction: Instruction) -> str:
    return " ".join(word.value for word in instruction.words)


def _port(port: str) -> str:
    return port if "/" in port else f"{port}/tcp"
