"""What the commands that make accounts and groups are given."""

from __future__ import annotations

import re


def account_name(args: tuple[str, ...]) -> str | None:
    """The name that ``useradd`` or ``adduser`` with *args* creates.

    Both take the name as an operand; the options that take a value are told by their letters, from
    busybox's and shadow's manuals.
    """
    valued = {"-u", "-g", "-G", "-h", "-d", "-s", "-c", "-k", "-K", "-e", "-f", "-p", "-b", "--uid", "--gid"}
    valued |= {"--home", "--home-dir", "--shell", "--comment", "--groups", "--ingroup", "--gecos", "--group"}
    operands: list[str] = []
    skip = False
    for arg in args:
        if skip:
            skip = False
        elif arg.startswith("-"):
            # adduser's --group takes no value on Debian, where --system stands beside it
            skip = (arg in valued and not (arg == "--group" and "--system" in args)) or (
                len(arg) > 2 and arg[1] != "-" and f"-{arg[-1]}" in valued and not arg[2:].isdigit()
            )
        else:
            operands.append(arg)
    return operands[0] if operands else None


def option_value(args: tuple[str, ...], *names: str) -> str | None:
    """The value of an option, behind it or after ``=``; the last of bundled short options can take one too."""
    for arg, following in zip(args, (*args[1:], ""), strict=True):
        name, equals, value = arg.partition("=")
        if name in names:
            return value if equals else following
        for short in (name for name in names if len(name) == 2):
            if re.fullmatch(rf"-[A-Za-z]+{short[1]}", arg):
                return following
            if re.fullmatch(rf"{short}\d+", arg):
                return arg[2:]
    return None
