"""Accounts made with Debian's tools, said in busybox's words.

The flags of both sides: https://manpages.debian.org/bookworm/passwd/useradd.8.en.html and busybox's ``adduser --help``
of 1.36; the pairs were collected in August 2026.
"""

from __future__ import annotations

from collections.abc import Sequence

from dockfix.model.stages import account_name

SHELLS = {"/usr/sbin/nologin": "/sbin/nologin", "/bin/bash": "/bin/sh"}


def translate(name: str, args: Sequence[str]) -> str | None:
    """The busybox command for an account command of Debian; ``None`` where it has no counterpart.

    Args:
        name: ``useradd``, ``groupadd``, ``usermod``, ``adduser`` or ``addgroup``.
        args: its arguments.
    """
    makers = {"groupadd": _group, "addgroup": _group, "useradd": _user, "adduser": _debian_user, "usermod": _member}
    maker = makers.get(name)
    return None if maker is None else maker(list(args))


def _group(args: list[str]) -> str | None:
    options: list[str] = []
    name = ""
    while args:
        arg = args.pop(0)
        if arg in {"-r", "--system", "-S"}:
            options.append("-S")
        elif arg in {"-g", "--gid"} and args:
            options += ["-g", args.pop(0)]
        elif arg.startswith("--gid="):
            options += ["-g", arg.partition("=")[2]]
        elif arg.startswith("-") or name:
            return None
        else:
            name = arg
    return " ".join(["addgroup", *options, name]) if name else None


def _user(args: list[str]) -> str | None:
    options: list[str] = []
    home, system, group = False, False, False
    name = account_name(tuple(args))
    if name is None:
        return None
    extra: list[str] = []
    while args:
        arg = args.pop(0)
        key, equals, value = arg.partition("=")
        if arg == name:
            continue
        if key in VALUED:
            if not equals:
                if not args:
                    return None
                value = args.pop(0)
            letter = VALUED[key]
            if letter == "groups":
                extra += [f"addgroup {name} {other}" for other in value.split(",")]
                continue
            group = group or letter == "-G"
            options += [letter, _quoted(SHELLS.get(value, value))]
        elif arg.startswith("-") and not arg.startswith("--"):
            if not set(arg[1:]) <= {"m", "M", "r", "l", "U"}:
                return None
            home, system = home or "m" in arg, system or "r" in arg
        elif arg in {"--create-home", "--no-create-home", "--system", "--no-log-init", "--user-group"}:
            home, system = home or arg == "--create-home", system or arg == "--system"
        else:
            return None
    first = []
    if system:
        options.insert(0, "-S")
        if not group:
            first, options = [f"addgroup -S {name}"], [*options, "-G", name]
    command = " ".join(["adduser", "-D", *([] if home else ["-H"]), *options, name])
    return " && ".join([*first, command, *extra])


VALUED = {
    "-u": "-u",
    "--uid": "-u",
    "-g": "-G",
    "--gid": "-G",
    "-d": "-h",
    "--home": "-h",
    "--home-dir": "-h",
    "-s": "-s",
    "--shell": "-s",
    "-c": "-g",
    "--comment": "-g",
    "-G": "groups",
    "--groups": "groups",
}


def _debian_user(args: list[str]) -> str | None:
    """``adduser`` of Debian; busybox knows most of its long options."""
    known = {
        "--disabled-password",
        "--no-create-home",
        "--system",
        "--gecos",
        "--uid",
        "--ingroup",
        "--home",
        "--shell",
    }
    if "--group" in args:
        name = account_name(tuple(args))
        rest = [arg for arg in args if arg not in {"--group", "--system", name}]
        if name is None or any(arg.startswith("--") and arg not in known for arg in rest):
            return None
        return f"addgroup -S {name} && adduser -S -D -G {name} {' '.join([*map(_quoted, rest), name])}"
    if any(arg.startswith("--") and arg.partition("=")[0] not in known for arg in args):
        return None
    words = [_quoted(SHELLS.get(arg, arg)) for arg in args]
    return " ".join(["adduser", *([] if "--disabled-password" in args or "-D" in args else ["-D"]), *words])


def _member(args: list[str]) -> str | None:
    if len(args) == 3 and args[0] in {"-aG", "-a -G"}:
        return " && ".join(f"addgroup {args[2]} {group}" for group in args[1].split(","))
    return None


def _quoted(word: str) -> str:
    return word if word and all(c.isalnum() or c in "-_./=:," for c in word) else f'"{word}"'
