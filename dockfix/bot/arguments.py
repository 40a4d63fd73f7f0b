"""Options that commands of the bot share, and what is made of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockfix.bot.forge import Forge
    from dockfix.bot.http import Credential
    from dockfix.bot.state import Shard
    from dockfix.verify.verification import Verification

DONE, FAILED, UNABLE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: some repositories failed and the others were handled; nothing could be done, or the run had to stop."""

selecting = (
    click.option(
        "--repo",
        "repositories",
        multiple=True,
        metavar="OWNER/NAME",
        help="A repository, on GitLab with all of its groups; may be repeated.",
    ),
    click.option("--org", "organisations", multiple=True, metavar="NAME", help="All of an organisation or account."),
    click.option(
        "--repos-file", "files", multiple=True, metavar="FILE", help="A file with a name a line; # begins a comment."
    ),
)
connecting = (
    click.option(
        "--forge",
        "forge",
        type=click.Choice(["github", "gitlab", "forgejo"]),
        help="What to speak to; forgejo is Gitea, too.  [what the host of --url tells, else github]",
    ),
    click.option("--url", metavar="URL", envvar="DOCKFIX_URL", help="The address of a server of your own."),
    click.option(
        "--token-file",
        metavar="FILE",
        help="Holds the token, else DOCKFIX_TOKEN does, or the variable that the forge's own tools read.",
    ),
    click.option("--app-id", metavar="ID", envvar="DOCKFIX_APP_ID", help="Work as this GitHub App."),
    click.option("--app-key-file", metavar="FILE", help="Holds the app's private key, else DOCKFIX_APP_KEY does."),
)


def sharing(*, required: bool) -> tuple[Any, ...]:
    """The options that name a machine's share."""
    return (
        click.option(
            "--count",
            type=click.IntRange(1),
            required=required,
            metavar="N",
            help="How many machines share the repositories out.",
        ),
        click.option(
            "--index", type=click.IntRange(0), required=required, metavar="I", help="Which this one is, from 0."
        ),
    )


keeping = (
    click.option(
        "--state",
        metavar="FILE|URL",
        help="Where runs are kept: a file, or a PostgreSQL database that machines share; else DOCKFIX_STATE says it."
        "  [a file in the user's state folder]",
    ),
)


def options(*groups: tuple[Any, ...]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of some groups, in their order."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return add


def forge_of(given: dict[str, Any], *, dry_run: bool, unpaced: bool = False) -> Forge:
    """The forge that the command line names.

    Raises:
        ForgeError: there is no token, or the address is not safe.
    """
    try:
        from dockfix.bot.http import Http
    except ModuleNotFoundError as error:
        raise click.UsageError(f"{error.name} is missing: pip install 'dockfix[bot]'") from None
    from dockfix.bot.app import AppKey, Installations
    from dockfix.bot.credentials import Anonymous, kept, token
    from dockfix.bot.forge import ForgeError
    from dockfix.bot.forges import KINDS, PUBLIC, host_of, name_of
    from dockfix.bot.github import GitHub
    from dockfix.bot.pace import UNLIMITED, Pace, Rates
    from dockfix.bot.secret import Secret

    def waits(message: str) -> None:
        click.echo(message, err=True)

    name = name_of(given["forge"], given["url"])
    kind = KINDS[name]
    base = kind.address(given["url"])
    if unpaced and host_of(base) in PUBLIC:
        raise click.UsageError(f"--unpaced is for a server of your own, not for {host_of(base)}")
    if given["app_id"] and name != "github":
        raise click.UsageError("--app-id is for GitHub alone")
    if given["app_id"]:
        file = given["app_key_file"]
        key = Secret(kept(file) if file else os.environ.get("DOCKFIX_APP_KEY", ""))
        app = Http(base, AppKey(given["app_id"], key), Pace(report=waits), kind.headers)
        credential: Credential = Installations(app, read_only=dry_run)
    else:
        found = token(given["token_file"], kind=name)
        if found is None and not dry_run:
            raise ForgeError("no token: set DOCKFIX_TOKEN, or name a file with --token-file")
        credential = found or Anonymous()
    pace = Pace(UNLIMITED if unpaced else Rates(), report=waits)
    http = Http(base, credential, pace, kind.headers, read_only=dry_run)
    return GitHub(http, as_app=True) if given["app_id"] else kind.connect(http)


def shard_given(given: dict[str, Any]) -> Shard:
    """The share of the selection that the command line names."""
    from dockfix.bot.state import WHOLE, Shard

    index, count = given["index"], given["count"]
    if index is None and count is None:
        return WHOLE
    if index is None or count is None:
        raise click.UsageError("--count and --index go together")
    if index >= count:
        raise click.UsageError(f"--index is a number from 0 to {count - 1}")
    return Shard(index, count)


def place_of(given: str | None) -> str:
    """Where the state is; by default https://specifications.freedesktop.org/basedir-spec/latest/"""
    told = given or os.environ.get("DOCKFIX_STATE")
    if told:
        return told
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "dockfix"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / "bot.sqlite")


def signer_given(ctx: click.Context, parameter: click.Parameter, given: str) -> str:
    """Who signs commits off, as a callback of the option."""
    if given and not re.fullmatch(r"[^<>\s][^<>\n]* <[^<>@\s]+@[^<>\s]+>", given):
        raise click.BadParameter("'NAME <ADDRESS>' is expected")
    return given


def measured_in(path: str | None) -> Mapping[str, Verification]:
    """The verifications of a report, by what they verified."""
    from dockfix.verify.json import taken

    try:
        return {} if path is None else taken(path)
    except ValueError as error:
        raise click.UsageError(f"--measured {path}: {error}") from None
