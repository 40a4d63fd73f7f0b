"""Accounts made with Debian's tools, said in busybox's words.

The flags of both sides: https://manpages.debian.org/bookworm/passwd/useradd.8.en.html and busybox's ``adduser --help``
of 1.36; the pairs were collected in August 2026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dockfix.model.accounts import account_name

SHELLS = {"/usr/sbin/nologin": "/sbin/nologin", "/bin/bash": "/bin/sh", "/usr/bin/bash": "/bin/sh"}

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
SILENT = frozenset({"--create-home", "--no-create-home", "--system", "--no-log-init", "--user-group"})
DEBIAN_VALUED = {"--gecos": "-g", "--uid": "-u", "--ingroup": "-G", "--home": "-h", "--shell": "-s"}
DEBIAN_SILENT = frozenset({"--quiet", "--disabled-password", "--disabled-login", "--system", "--group"})


UNDERSTOOD = {
    "addgroup": frozenset({"--gid", "--system"}),
    "adduser": frozenset(
        {"--home", "--gecos", "--shell", "--ingroup", "--disabled-password", "--system", "--no-create-home", "--uid"}
    ),
}
"""Long options that busybox took over from Debian: https://git.busybox.net/busybox/tree/loginutils/adduser.c"""


def understands(name: str, args: Sequence[str]) -> bool:
    """Whether busybox does the same with the very words of a command for Debian."""
    if name not in UNDERSTOOD:
        return False
    options = {arg.partition("=")[0] for arg in args if arg.startswith("-")}
    silent = name != "adduser" or bool(options & {"--system", "--disabled-password"})
    return silent and options <= UNDERSTOOD[name] and not set(args) & SHELLS.keys()


def translate(name: str, args: Sequence[str], groups: Mapping[str, str]) -> str | None:
    """The busybox command for an account command of Debian; ``None`` where it has no counterpart.

    Args:
        name: ``useradd``, ``groupadd``, ``usermod``, ``adduser`` or ``addgroup``.
        args: its arguments.
        groups: the groups that exist, number to name: busybox takes a group by its name only.
    """
    makers = {"groupadd": _group, "addgroup": _group, "usermod": _member}
    if name in makers:
        return makers[name](list(args))
    if name == "useradd":
        return _user(list(args), groups)
    return _debian_user(list(args)) if name == "adduser" else None


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
        elif arg == "-rg" and args:
            options += ["-S", "-g", args.pop(0)]
        elif arg.startswith("-") or name:
            return None
        else:
            name = arg
    return " ".join(["addgroup", *options, name]) if name else None


def _user(args: list[str], groups: Mapping[str, str]) -> str | None:
    options: list[str] = []
    home, system, group = False, False, False
    name = account_name(tuple(args))
    if name is None:
        return None
    extra: list[str] = []
    while args:
        arg = args.pop(0)
        key, equals, value = arg.partition("=")
        bundle = f"-{arg[-1]}" if len(arg) > 2 and arg[1] != "-" and f"-{arg[-1]}" in VALUED else ""
        if bundle and set(arg[1:-1]) <= {"m", "M", "r", "l", "U"}:
            args[:0] = [arg[:-1], bundle]
            continue
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
            if letter == "-G":
                group = True
                value = groups.get(value, value)
                if value.isdigit():
                    return None
            options += [letter, quoted(SHELLS.get(value, value))]
        elif arg.startswith("-") and not arg.startswith("--"):
            if not set(arg[1:]) <= {"m", "M", "r", "l", "U"}:
                return None
            home, system = home or "m" in arg, system or "r" in arg
        elif arg in SILENT:
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


def _debian_user(args: list[str]) -> str | None:
    """``adduser`` of Debian, in the short options that say the same to busybox."""
    name = account_name(tuple(args))
    if name is None:
        return None
    system, own_group = "--system" in args, "--group" in args
    if own_group and not system:
        return None
    options: list[str] = ["-D"] if "-D" not in args else []
    while args:
        key, equals, value = args.pop(0).partition("=")
        if key in DEBIAN_VALUED:
            value = value if equals else (args.pop(0) if args else "")
            options += [DEBIAN_VALUED[key], quoted(SHELLS.get(value, value))]
        elif key == "--no-create-home":
            options.append("-H")
        elif key in {"-u", "-h", "-s", "-G", "-g"} and args:
            options += [key, quoted(args.pop(0))]
        elif key in {"-D", "-H", "-S"}:
            options.append(key)
        elif key not in DEBIAN_SILENT and key != name:
            return None
    if not system:
        return " ".join(["adduser", *options, name])
    group = [] if "-G" in options else ["-G", name if own_group else "nogroup"]
    first = [f"addgroup -S {name}"] if own_group and group else []
    return " && ".join([*first, " ".join(["adduser", "-S", *options, *group, name])])


def _member(args: list[str]) -> str | None:
    if args[:2] == ["-a", "-G"]:
        args = ["-aG", *args[2:]]
    if len(args) == 3 and args[0] in {"-aG", "-Ga"}:
        return " && ".join(f"addgroup {args[2]} {group}" for group in args[1].split(","))
    return None


def quoted(word: str) -> str:
    """*word* for a shell."""
    return word if word and all(c.isalnum() or c in "-_./=:," for c in word) else f'"{word}"'
