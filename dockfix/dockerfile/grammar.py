"""What BuildKit demands of each instruction; a Dockerfile that breaks it has never been built.

https://github.com/moby/buildkit/blob/master/frontend/dockerfile/instructions/parse.go and
https://github.com/moby/buildkit/blob/master/frontend/dockerfile/parser/line_parsers.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dockfix.dockerfile.error import DockerfileError
from dockfix.dockerfile.logical import BLANK, SPACE
from dockfix.dockerfile.scanner import Heredoc, Scan, arguments, split
from dockfix.dockerfile.words import NotStringsError, fields, flag_text, json_array, words

FLAGS: dict[str, tuple[str, ...]] = {
    "ADD": ("chown", "chmod", "link", "keep-git-dir", "checksum", "unpack", "exclude"),
    "ARG": (),
    "CMD": (),
    "COPY": ("chown", "from", "chmod", "link", "exclude", "parents"),
    "ENTRYPOINT": (),
    "ENV": (),
    "EXPOSE": (),
    "FROM": ("platform",),
    "HEALTHCHECK": ("interval", "timeout", "start-period", "start-interval", "retries"),
    "LABEL": (),
    "MAINTAINER": (),
    "ONBUILD": (),
    "RUN": ("mount", "network", "security", "device"),
    "SHELL": (),
    "STOPSIGNAL": (),
    "USER": (),
    "VOLUME": (),
    "WORKDIR": (),
}
"""Every instruction with the flags that it knows."""

_UNCHECKED_FLAGS = ("ARG", "STOPSIGNAL")
_SWITCHES = ("link", "keep-git-dir", "unpack", "parents")
_REPEATABLE = ("mount", "exclude", "device")
_JSON = ("ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL", "VOLUME")
_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*\Z")
_HEREDOC = re.compile(r"[0-9]*<<-?[\t\n\f\r ]*[^<\t\n\f\r ]+\Z")


class _FaultError(Exception):
    """What is wrong with an instruction, before its place is known."""


def check_syntax(scan: Scan, path: str) -> None:
    """Refuse what BuildKit's parser refuses: values that cannot be taken apart.

    Raises:
        DockerfileError: at the first such instruction.
    """
    for statement in scan.statements:
        start, end = statement.value
        try:
            _syntax(statement.keyword, statement.logical.text[start:end], scan.escape)
        except _FaultError as fault:
            raise DockerfileError(path, statement.line, str(fault)) from None


def check_meaning(scan: Scan, path: str) -> None:
    """Refuse what BuildKit refuses after parsing: unknown instructions and flags, arguments too many or too few.

    Raises:
        DockerfileError: at the first such instruction.
    """
    known_frontend = not any(directive.name == "syntax" for directive in scan.directives)
    staged = False
    stages = 0
    for statement in scan.statements:
        start, end = statement.value
        keyword, text = statement.keyword, statement.logical.text
        try:
            if keyword not in FLAGS:
                raise _FaultError(f"unknown instruction: {keyword}")
            found = [flag_text(text[slice(*span)], scan.escape) for span in statement.flags]
            if found and keyword not in _UNCHECKED_FLAGS:
                _flags(keyword, found, known_frontend)
            _meaning(keyword, text[start:end], scan.escape, statement.heredocs)
            if keyword == "FROM":
                staged = True
                stages += 1
            elif not staged and keyword != "ARG":
                raise _FaultError(f"no build stage in current context: {keyword} before the first FROM")
            elif keyword == "COPY":
                _copy_from(found, stages)
        except _FaultError as fault:
            raise DockerfileError(path, statement.line, str(fault)) from None
    if not staged:
        raise DockerfileError(path, scan.statements[-1].line, "dockerfile contains no stages to build")


def _syntax(keyword: str, value: str, escape: str) -> None:
    if keyword in ("ENV", "LABEL"):
        _pairs(keyword, value, escape)
    elif keyword in _JSON:
        if "[" in value:
            _json(keyword, value)
    elif keyword == "ONBUILD" and value:
        inner, _, (start, end) = split(value, 0, escape)
        _syntax(inner, value[start:end], escape)


def _json(keyword: str, value: str) -> list[str] | None:
    try:
        return json_array(arguments(keyword, value))
    except NotStringsError:
        raise _FaultError("when using JSON array syntax, arrays must be comprised of strings only") from None


def _pairs(keyword: str, value: str, escape: str) -> None:
    found = [value[start:end] for start, end in words(value, escape)]
    if not found:
        return
    if "=" not in found[0]:
        if not re.search(f"[{BLANK}]", value):
            raise _FaultError(f"{keyword} must have two arguments")
        return
    for word in found:
        if "=" not in word:
            message = f"Syntax error - can't find = in {word!r}. Must be of the form: name=value"
            raise _FaultError(message)


def _flags(keyword: str, found: Sequence[str], known_frontend: bool) -> None:
    seen: set[str] = set()
    for flag in found:
        name, separator, value = flag[2:].partition("=")
        if name not in FLAGS[keyword]:
            if known_frontend:
                raise _FaultError(f"unknown flag: --{name}")
            continue
        if name in seen and name not in _REPEATABLE:
            raise _FaultError(f"duplicate flag specified: --{name}")
        seen.add(name)
        if name in _SWITCHES:
            if separator and value.lower() not in ("true", "false"):
                raise _FaultError(f"expecting boolean value for flag --{name}, not: {value}")
        elif not separator:
            raise _FaultError(f"missing a value on flag: --{name}")


def _meaning(keyword: str, value: str, escape: str, heredocs: Sequence[Heredoc]) -> None:
    if keyword == "FROM":
        _from(value)
    elif keyword in ("COPY", "ADD"):
        _copy(keyword, value)
    elif keyword in ("ENV", "LABEL"):
        _names(keyword, value, escape)
    elif keyword == "ARG":
        if not value:
            raise _FaultError("ARG requires at least one argument")
        if any(value[start] == "=" for start, _ in words(value, escape)):
            raise _FaultError("ARG names can not be blank")
    elif keyword in ("WORKDIR", "USER", "STOPSIGNAL", "MAINTAINER"):
        if not value:
            raise _FaultError(f"{keyword} requires exactly one argument")
    elif keyword == "EXPOSE":
        if not value:
            raise _FaultError("EXPOSE requires at least one argument")
    elif keyword == "VOLUME":
        volumes = _json(keyword, value)
        if not value or volumes == []:
            raise _FaultError("VOLUME requires at least one argument")
        if any(not volume.strip(SPACE) for volume in volumes or ()):
            raise _FaultError("VOLUME specified can not be an empty string")
    elif keyword == "SHELL":
        shell = _json(keyword, value)
        if not shell:
            needs = "the arguments to be in JSON form" if value and shell is None else "at least one argument"
            raise _FaultError(f"SHELL requires {needs}")
    elif keyword == "HEALTHCHECK":
        _healthcheck(value)
    elif keyword == "ONBUILD":
        _onbuild(value, escape, heredocs)


def _from(value: str) -> None:
    found = [value[start:end] for start, end in fields(value)]
    if len(found) == 3 and found[1].lower() == "as":
        if not _STAGE_NAME.match(found[2].lower()):
            message = f'invalid name for build stage: "{found[2]}", name can\'t start with a number or contain symbols'
            raise _FaultError(message)
    elif len(found) != 1:
        raise _FaultError("FROM requires either one or three arguments")


def _copy(keyword: str, value: str) -> None:
    found = _json(keyword, value)
    if found is None:
        found = [value[start:end] for start, end in fields(value)]
    if len(found) < 2:
        raise _FaultError(f"{keyword} requires at least two arguments: what to copy and where to")
    if _HEREDOC.match(found[-1]):
        raise _FaultError(f"{keyword} cannot accept a heredoc as a destination")


def _copy_from(found: Sequence[str], stages: int) -> None:
    for flag in found:
        if flag.startswith("--from="):
            number = flag[len("--from=") :]
            if re.fullmatch("[0-9]+", number) and int(number) >= stages - 1:
                raise _FaultError(f"invalid from flag value {number}: no earlier stage has this number")


def _names(keyword: str, value: str, escape: str) -> None:
    if not value:
        raise _FaultError(f"{keyword} requires at least one argument")
    first = words(value, escape)[:1]
    if first and value[first[0][0]] == "=":
        raise _FaultError(f"{keyword} names can not be blank")


def _healthcheck(value: str) -> None:
    kind = value.split(None, 1)[0].upper() if value else ""
    command = arguments("HEALTHCHECK", value)
    if not kind:
        raise _FaultError("HEALTHCHECK requires at least one argument")
    if kind == "NONE":
        if command:
            raise _FaultError("HEALTHCHECK NONE takes no arguments")
    elif kind != "CMD":
        raise _FaultError(f'Unknown type "{kind}" in HEALTHCHECK (try CMD)')
    elif not command or _json("HEALTHCHECK", value) == []:
        raise _FaultError("Missing command after HEALTHCHECK CMD")


def _onbuild(value: str, escape: str, heredocs: Sequence[Heredoc]) -> None:
    if not value:
        raise _FaultError("ONBUILD requires at least one argument")
    keyword, _, (start, end) = split(value, 0, escape)
    if keyword == "ONBUILD":
        raise _FaultError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if keyword in ("MAINTAINER", "FROM"):
        raise _FaultError(f"{keyword} isn't allowed as an ONBUILD trigger")
    if keyword not in FLAGS:
        raise _FaultError(f"unknown instruction: {keyword}")
    _meaning(keyword, value[start:end], escape, heredocs)
