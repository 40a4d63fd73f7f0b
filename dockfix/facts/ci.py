"""How a repository builds its images: ``docker build`` lines and build actions in a CI file, a Makefile or a script."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from dockfix.facts.fact import Problem
from dockfix.facts.files import decoded, join, normal
from dockfix.facts.words import parse as parse_line
from dockfix.facts.yamltext import Yaml
from dockfix.facts.yamltext import parse as parse_yaml
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BUILD = re.compile(r"\b(?:docker|podman|nerdctl|buildah)\b[^\n]*?\b(?:build|bud)\b")
_WITH_VALUE = frozenset(
    {
        "-t", "--tag", "--build-arg", "--label", "--cache-from", "--cache-to", "--platform", "--progress", "-o",
        "--output", "--secret", "--ssh", "--network", "--builder", "--add-host", "--build-context", "--iidfile",
        "--metadata-file", "--shm-size", "--ulimit", "-m", "--memory", "--isolation", "--pull-policy", "--provenance",
        "--sbom", "--attest", "--annotation", "--allow", "--format", "--layers", "--arch", "--os",
    }
)  # fmt: skip
_RUN_WITH_VALUE = frozenset(
    {
        "-e", "--env", "-u", "--user", "-w", "--workdir", "--name", "-v", "--volume", "-p", "--publish", "-l",
        "--label", "--entrypoint", "--index", "--env-file", "--network", "--net", "--hostname", "-h", "--mount",
        "--platform", "-m", "--memory", "--cpus", "--link", "--add-host", "--restart", "--shm-size", "--ulimit",
        "--cap-add", "--cap-drop", "--security-opt", "--device", "--gpus", "--pull", "--tmpfs", "--volumes-from",
        "--cidfile", "--ip", "--dns",
    }
)  # fmt: skip
_RUN = re.compile(r"\b(?:docker|podman|nerdctl)\s+(?:container\s+)?run\s+([^\n]*)")
_COMPOSE_CALL = re.compile(r"\bdocker(?:-compose|\s+compose)\b([^\n]*?)\s(run|exec)\s([^\n]*)")


@dataclass(frozen=True, slots=True)
class Build:
    """One build of an image.

    Attributes:
        dockerfile: the Dockerfile from the root; None when it cannot be told.
        context: the context from the root; None when it cannot be told.
        target: the stage that is built, or None for the last.
        origin: where the line stands.
        tags: what the image is called, as written.
    """

    dockerfile: str | None
    context: str | None
    target: str | None
    origin: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A ``compose run``, ``compose exec`` or ``docker run``: its words must exist in the image.

    Attributes:
        service: the name of the service, or of the image.
        words: what is run in it.
        origin: where the line stands.
        image: whether an image is named and no service.
    """

    service: str
    words: tuple[str, ...]
    origin: str
    image: bool = False


@lru_cache(maxsize=256)  # every Dockerfile of a repository asks for the same files
def contents(path: str, data: bytes) -> tuple[tuple[Build, ...], tuple[Call, ...], Problem | None]:
    """The builds and calls in one file, and what keeps it from being read to its end.

    Args:
        path: the file, from the root.
        data: its bytes.
    """
    source = decoded(data)
    logical = _logical(source)
    found = [*_lines(path, logical)] if _BUILD.search(logical) else []
    calls = tuple(_calls(path, logical))
    if path.endswith((".yml", ".yaml")) and ("build-push-action" in source or "dockerfile:" in source):
        documents = parse_yaml(source, path)
        if isinstance(documents, Problem):
            return tuple(found), calls, documents
        for document in documents:
            found += _actions(document)
    elif path.endswith(".hcl"):
        found += _bake(path, source)
    return tuple(found), calls, None


def _logical(source: str) -> str:
    """Continued lines joined, with the number of lines kept: the line ends move behind the whole."""
    if "\\\n" not in source and "\\\r\n" not in source:
        return source
    lines: list[str] = []
    start: int | None = None
    for line in source.split("\n"):
        whole = line.removesuffix("\r")
        continued = whole.endswith("\\")
        part = whole[:-1] if continued else line
        if start is None:
            lines.append(part)
            start = len(lines) - 1 if continued else None
        else:
            lines[start] += f" {part}"
            lines.append("")
            start = start if continued else None
    return "\n".join(lines)


def _lines(path: str, source: str) -> Iterator[Build]:
    # GitHub runs every step from the root, make and scripts usually run where their file lies.
    folder = "" if path.startswith(".") else posixpath.dirname(path)
    if posixpath.basename(folder) in {"scripts", "script", "bin", "ci", "tools", "hack", "deploy"}:
        folder = posixpath.dirname(folder)
    for number, line in enumerate(source.split("\n"), 1):
        if _BUILD.search(line) and not line.lstrip().startswith("#"):
            yield from _line(line, folder, f"{path}:{number}")


def _line(line: str, folder: str, origin: str) -> Iterator[Build]:
    bare = re.sub(r"^\s*(?:[-\"@+]*\s*)?(?:(?:run|script|command|[\w:.-]+)\s*:\s+)?[|>]?\s*[\"']?", "", line, count=1)
    bare = bare.rstrip().rstrip(",").rstrip("\"'")
    for command in parse_line(re.sub(r"\$\([^()]*\)|\$\{\{.*?\}\}|`[^`]*`", "$X", bare)).commands:
        words = command.words
        if words[:1] == ("cd",) and len(words) > 1:
            folder = join(folder, words[1])
        elif command.name in {"docker", "podman", "nerdctl", "buildah", "sudo"}:
            verb = next((index for index, word in enumerate(words) if word in ("build", "bud")), None)
            if verb is not None and "compose" not in words[:verb]:
                yield _build(words[verb + 1 :], folder, origin)


def _build(words: tuple[str, ...], folder: str, origin: str) -> Build:
    dockerfile = target = None
    positional: list[str] = []
    tags: list[str] = []
    arguments = iter(words)
    for word in arguments:
        option, equals, value = word.partition("=")
        if option in ("-f", "--file", "--target", "-t", "--tag"):
            value = value if equals else next(arguments, "")
            if option == "--target":
                target = value
            elif option in ("-t", "--tag"):
                tags.append(value)
            else:
                dockerfile = value
        elif not word.startswith("-"):
            positional.append(word)
        elif option in _WITH_VALUE and not equals:
            next(arguments, None)
    context = _inside(folder, positional[-1]) if positional else None
    if dockerfile is not None:
        return Build(_inside(folder, dockerfile), context, target, origin, tuple(tags))
    return Build(None if context is None else join(context, "Dockerfile"), context, target, origin, tuple(tags))


def _inside(folder: str, path: str) -> str | None:
    """*path* from the root; None when it is a variable, a URL, or elsewhere."""
    if "$" in path or "://" in path or path.startswith(("/", "-", "git@")) or "(" in path:
        return None
    place = join(folder, path)
    return None if place.startswith("..") else normal(place)


def _actions(node: Yaml, depth: int = 0) -> Iterator[Build]:
    """docker/build-push-action steps and Skaffold artifacts."""
    if depth > 12:
        return
    entries = node.items()
    uses = entries.get("uses")
    if uses is not None and "build-push-action" in (uses.scalar or ""):
        yield _from_mapping(entries.get("with"), uses.origin, "context", "file", "target", "")
    docker = entries.get("docker")
    if docker is not None and docker.is_mapping and "image" in entries:
        yield _from_mapping(docker, docker.origin, "", "dockerfile", "target", _value(entries.get("context")) or ".")
    for child in (*entries.values(), *node.values()):
        yield from _actions(child, depth + 1)


def _value(node: Yaml | None) -> str | None:
    return node.scalar if node is not None else None


def _from_mapping(node: Yaml | None, origin: str, context: str, file: str, target: str, base: str) -> Build:
    """A build written as keys; in the action `file` counts from the root, in Skaffold from the context."""
    entries: Mapping[str, Yaml] = node.items() if node is not None else {}
    folder = _inside("", base or _value(entries.get(context)) or ".")
    named = _value(entries.get(file))
    stage = entries.get(target)
    if named is not None:
        dockerfile = _inside((folder or "") if base else "", named)
    else:
        dockerfile = None if folder is None else join(folder, "Dockerfile")
    tags = tuple(re.split(r"[\s,]+", (_value(entries.get("tags")) or "").strip())) if "tags" in entries else ()
    return Build(dockerfile, folder, _value(stage), stage.origin if stage is not None else origin, tags)


def _bake(path: str, source: str) -> Iterator[Build]:
    """Targets of a docker-bake.hcl: assignments of plain strings are enough to know the stage."""
    folder = posixpath.dirname(path)
    defaults = dict(re.findall(r'^variable\s+"(\w+)"\s*\{\s*default\s*=\s*"([^"]*)"', source, re.MULTILINE))
    for block in re.finditer(r'^target\s+"[^"]*"\s*\{(.*?)^\}', source, re.DOTALL | re.MULTILINE):
        values = dict(re.findall(r'^\s*(context|dockerfile|target)\s*=\s*"([^"]*)"', block[1], re.MULTILINE))
        context = _inside(folder, values.get("context", "."))
        dockerfile = None if context is None else _inside(context, values.get("dockerfile", "Dockerfile"))
        line = line_of(source, block.start())
        listed = re.search(r"^\s*tags\s*=\s*\[(.*?)\]", block[1], re.DOTALL | re.MULTILINE)
        written = re.findall(r'"([^"]+)"', listed[1] if listed is not None else "")
        tags = tuple(re.sub(r"\$\{(\w+)\}", lambda name: defaults.get(name[1]) or name[0], tag) for tag in written)
        yield Build(dockerfile, context, values.get("target"), f"{path}:{line}", tags)


def _calls(path: str, source: str) -> Iterator[Call]:
    for match in _COMPOSE_CALL.finditer(source):
        for command in parse_line(match[3]).commands[:1]:
            words = _after_options(command.words)
            if words and re.fullmatch(r"[\w.-]+", words[0]):
                yield Call(words[0], words[1:], f"{path}:{source.count(chr(10), 0, match.start()) + 1}")
    for match in _RUN.finditer(source):
        for command in parse_line(match[1]).commands[:1]:
            words = _after_options(command.words)
            entrypoint = _entrypoint(command.words)
            if words and (words[1:] or entrypoint):
                origin = f"{path}:{source.count(chr(10), 0, match.start()) + 1}"
                yield Call(words[0], (*entrypoint, *words[1:]), origin, image=True)


def _entrypoint(words: tuple[str, ...]) -> tuple[str, ...]:
    """The program that ``docker run`` starts instead of the image's own."""
    for word, following in zip(words, (*words[1:], ""), strict=True):
        option, equals, value = word.partition("=")
        if option == "--entrypoint":
            return (value if equals else following,)
    return ()


def _after_options(words: tuple[str, ...]) -> tuple[str, ...]:
    """*words* from the name of the service or the image on."""
    position = 0
    while position < len(words) and words[position].startswith("-"):
        takes_value = words[position] in _RUN_WITH_VALUE
        position += 2 if takes_value else 1
    return words[position:]
