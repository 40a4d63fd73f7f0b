"""The commands ``dockfix bot …``. What they need beside click is imported when they run."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockfix.bot.settings import Caps, Settings
from dockfix.choices import overrides, steering
from dockfix.report.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dockfix.bot.campaign import Record
    from dockfix.bot.forge import Forge
    from dockfix.bot.http import Credential
    from dockfix.bot.state import Shard
    from dockfix.verify.verification import Verification

DONE, FAILED, UNABLE, INTERRUPTED = 0, 1, 2, 130

_selection = (
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
_connection = (
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


def _sharing(*, required: bool) -> tuple[Any, ...]:
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


_state = click.option(
    "--state",
    metavar="FILE|URL",
    help="Where runs are kept: a file, or a PostgreSQL database that machines share; else DOCKFIX_STATE says it."
    "  [a file in the user's state folder]",
)


def _options(*groups: tuple[Any, ...]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return add


def _signer(ctx: click.Context, parameter: click.Parameter, given: str) -> str:
    if given and not re.fullmatch(r"[^<>\s][^<>\n]* <[^<>@\s]+@[^<>\s]+>", given):
        raise click.BadParameter("'NAME <ADDRESS>' is expected")
    return given


def _measured(path: str | None) -> Mapping[str, Verification]:
    """The verifications of a report, by what they verified."""
    from dockfix.verify.json import taken

    try:
        return {} if path is None else taken(path)
    except ValueError as error:
        raise click.UsageError(f"--measured {path}: {error}") from None


@click.command(
    epilog="Exit codes: 0 done, 1 some repositories failed and the others were handled, 2 nothing could be done or the "
    "run had to stop. Nothing tells the token but a file or the environment."
)
@_options(_selection)
@click.option("--dry-run", is_flag=True, help="Print the diffs and what would be done; send nothing but reads.")
@click.option("--limit", type=click.IntRange(0), metavar="N", help="Open at most so many pull requests in this run.")
@click.option("--per-hour", type=click.IntRange(1), default=60, show_default=True, help="Open at most so many an hour.")
@click.option(
    "--per-repository", type=click.IntRange(1), default=3, show_default=True, help="Have at most so many open in each."
)
@click.option("--split", "one_each", is_flag=True, help="One pull request for each transform.")
@click.option("--draft", is_flag=True, help="Open drafts.")
@click.option("--label", "labels", multiple=True, metavar="NAME", help="A label; may be repeated.")
@click.option("--reviewer", "reviewers", multiple=True, metavar="NAME", help="Whom to ask, or ORG/TEAM.")
@click.option(
    "--sign-off",
    "signer",
    metavar="'NAME <ADDRESS>'",
    default="",
    callback=_signer,
    help="Sign commits off, as the account is called on the forge.",
)
@click.option(
    "--measured",
    metavar="FILE",
    help="Tell the figures of this report of `dockfix verify --format json` where they are about the same rewrite.",
)
@click.option("--fork", is_flag=True, help="Propose from a fork where the account may not push.")
@click.option("--forks", is_flag=True, help="Visit repositories that are forks, too.")
@click.option("--git", "through", is_flag=True, help="Fetch and push with git, for trees too large for the API.")
@click.option("--onboard", is_flag=True, help="Ask first, with a pull request that adds a .dockfix.toml.")
@click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Repositories at a time.")
@click.option("--unpaced", is_flag=True, help="Write without the pauses that GitHub asks for, to a server of your own.")
@click.option("--resume", is_flag=True, help="Go on with the last run, if it was not finished.")
@_options((_state,), _sharing(required=False))
@click.option("--report", metavar="FILE", help="Write what became of each repository as JSON.")
@_options(_connection)
@steering
def run(**given: Any) -> None:
    """Propose rewritten Dockerfiles in pull requests, at most one open for each repository.

    Begin with --dry-run, and with --limit 1.
    """
    from dockfix.bot.database import StateError
    from dockfix.bot.forge import ForgeError

    if not (given["repositories"] or given["files"] or given["organisations"]):
        raise click.UsageError("name repositories with --repo, --repos-file or --org")
    shard = _shard_of(given)
    settings = Settings(
        overrides=overrides(given),
        split=given["one_each"],
        draft=given["draft"],
        labels=given["labels"],
        reviewers=given["reviewers"],
        caps=Caps(given["limit"], given["per_hour"], given["per_repository"]),
        fork=given["fork"],
        forks=given["forks"],
        onboard=given["onboard"],
        signer=given["signer"],
        measured=_measured(given["measured"]),
        dry_run=given["dry_run"],
    )
    try:
        code = asyncio.run(_run(settings, shard, given))
    except (ForgeError, StateError) as error:
        click.echo(printable(f"dockfix: {error}"), err=True)
        code = UNABLE
    except KeyboardInterrupt:
        click.echo("interrupted; --resume goes on from here", err=True)
        code = INTERRUPTED
    sys.exit(code)


async def _run(settings: Settings, shard: Shard, given: dict[str, Any]) -> int:
    # first of all, since it says so where the packages of the bot are not installed
    forge = _forge(given, dry_run=settings.dry_run, unpaced=given["unpaced"])

    from dockfix.bot.campaign import Campaign
    from dockfix.bot.concealment import conceal
    from dockfix.bot.names import names, selection, share
    from dockfix.bot.report import summary, write
    from dockfix.bot.state import State
    from dockfix.bot.throughgit import through_git
    from dockfix.bot.workshop import workshop

    conceal()
    state = State("" if settings.dry_run else _place(given["state"]))
    try:
        chosen = (given["repositories"], given["files"], given["organisations"])
        state.begin(selection(given["url"] or given["forge"] or "", *chosen), resume=given["resume"], shard=shard)
        enter = partial(through_git, forge) if given["through"] else None
        try:
            async with workshop(min(given["jobs"], 2 * (os.cpu_count() or 1))) as planners:
                show = _show(settings.dry_run)
                campaign = Campaign(forge, settings, planners.plan, state, show, given["jobs"], enter)
                await campaign.run(share(names(forge, *chosen), shard))
            if not state.finish(run=settings.caps.run) and not settings.dry_run:
                click.echo("what is deferred is left to --resume", err=True)
        finally:
            counts = state.counts()
            click.echo(summary(counts), err=True)
            if given["report"]:
                write(Path(given["report"]), state.records(), counts)
        return FAILED if counts.get("failed") else DONE
    finally:
        state.close()
        await forge.close_connections()


def _show(dry_run: bool) -> Callable[[Record], None]:
    from dockfix.bot.report import lines, preview

    def show(record: Record) -> None:
        if dry_run:
            for difference, reasons in preview(record):
                click.echo(difference.encode("utf-8", "surrogateescape"), nl=False)
                for reason in reasons:
                    click.echo(reason, err=True)
        for line in lines(record):
            click.echo(line, err=True)

    return show


def _forge(given: dict[str, Any], *, dry_run: bool, unpaced: bool = False) -> Forge:
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


def _shard_of(given: dict[str, Any]) -> Shard:
    from dockfix.bot.state import WHOLE, Shard

    index, count = given["index"], given["count"]
    if index is None and count is None:
        return WHOLE
    if index is None or count is None:
        raise click.UsageError("--count and --index go together")
    if index >= count:
        raise click.UsageError(f"--index is a number from 0 to {count - 1}")
    return Shard(index, count)


def _place(given: str | None) -> str:
    """Where the state is: https://specifications.freedesktop.org/basedir-spec/latest/"""
    told = given or os.environ.get("DOCKFIX_STATE")
    if told:
        return told
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "dockfix"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / "bot.sqlite")


@click.command()
@_options(_selection, _connection, _sharing(required=True))
def shard(**given: Any) -> None:
    """Print the repositories that are this machine's, a line each, for --repos-file."""
    from dockfix.bot.forge import ForgeError

    mine = _shard_of(given)
    try:
        asyncio.run(_shard(mine, given))
    except ForgeError as error:
        click.echo(printable(f"dockfix: {error}"), err=True)
        sys.exit(UNABLE)


async def _shard(mine: Shard, given: dict[str, Any]) -> None:
    from dockfix.bot.names import names, share

    forge = _forge(given, dry_run=True) if given["organisations"] else None
    try:
        async for name in share(names(forge, given["repositories"], given["files"], given["organisations"]), mine):
            click.echo(name)
    finally:
        if forge is not None:
            await forge.close_connections()


@click.command()
@click.option("--repo", "repository", required=True, metavar="OWNER/NAME", help="The repository, on GitHub.")
@click.option("--pull", "number", type=click.IntRange(1), required=True, metavar="N", help="The pull request.")
@click.option("--dry-run", is_flag=True, help="Print the suggestions; send nothing but reads.")
@_options(_connection)
@steering
def review(**given: Any) -> None:
    """Suggest changes on the lines of a pull request, and annotate the rest.

    One review has all suggestions; what was suggested before is not again. What lies outside of the lines that the pull
    request shows, and everything where the token may only read, is printed as annotations of a workflow of GitHub.
    """
    from dockfix.bot.forge import ForgeError

    try:
        asyncio.run(_review(given))
    except ForgeError as error:
        click.echo(printable(f"dockfix: {error}"), err=True)
        sys.exit(UNABLE)


async def _review(given: dict[str, Any]) -> None:
    forge = _forge(given, dry_run=given["dry_run"])

    from dockfix.bot.concealment import conceal
    from dockfix.bot.github import GitHub
    from dockfix.bot.review import review as reviewed
    from dockfix.bot.workshop import workshop
    from dockfix.report.github import document

    if not isinstance(forge, GitHub):
        raise click.UsageError("reviews are for GitHub alone")
    conceal()
    settings = Settings(overrides=overrides(given), dry_run=given["dry_run"])
    try:
        async with workshop(1) as planners:
            found = await reviewed(forge, given["repository"], given["number"], planners.plan, settings)
    finally:
        await forge.close_connections()
    if settings.dry_run:
        for each in found.suggested:
            click.echo(f"{printable(each.path)}:{each.change.first}-{each.change.last}\n{each.body}\n")
    click.echo(document(found.rest), nl=False)
    if found.refused:
        click.echo(printable(f"no suggestions, annotations instead: {found.refused}"), err=True)
    count = len(found.suggested)
    click.echo(f"{count} {'suggestion' if count == 1 else 'suggestions'}, {found.new} new", err=True)


@click.command()
@click.argument("kind", type=click.Choice(["github", "gitlab", "forgejo", "kubernetes"]))
def template(kind: str) -> None:
    """Print what runs dockfix elsewhere: a workflow, a pipeline, or a Job that shares a campaign out among pods."""
    from importlib.resources import files

    place = files(__package__ or "dockfix.bot") / "templates" / f"{kind}.yml"
    click.echo(place.read_text(encoding="utf-8"), nl=False)


@click.command()
@_options((_state,))
@click.option("--report", metavar="FILE", help="Write what became of each repository as JSON.")
def summary(state: str | None, report: str | None) -> None:
    """Tell what became of the last run, in all of its shards. The exit codes are those of the run."""
    from dockfix.bot import report as reports
    from dockfix.bot.database import StateError
    from dockfix.bot.state import State

    try:
        kept = State(_place(state), create=False)
        try:
            done, shards = kept.look_back()
            counts = kept.counts()
            if report is not None:
                reports.write(Path(report), kept.records(), counts)
        finally:
            kept.close()
    except StateError as error:
        click.echo(printable(f"dockfix: {error}"), err=True)
        sys.exit(UNABLE)
    if done < shards:
        click.echo(f"{done} of {shards} shards are through" if shards > 1 else "the run is not through")
    click.echo(reports.summary(counts))
    sys.exit(FAILED if counts.get("failed") else DONE)


@click.command()
@_options((_state,))
@click.option("--report", metavar="FILE", help="The report of a run, instead.")
@click.option("-o", "--output", metavar="FILE", help="Write to this file, not to standard output.")
def dashboard(state: str | None, report: str | None, output: str | None) -> None:
    """Show the last run, in all of its shards, as one page for a browser, which needs no server."""
    from dockfix.bot import dashboard as pages
    from dockfix.bot.database import StateError

    if state and report:
        raise click.UsageError("--state and --report exclude each other")
    try:
        visits = pages.from_report(report) if report else pages.from_state(_place(state))
        page = pages.dashboard(visits)
        if output is None:
            click.echo(page.encode(), nl=False)
        else:
            Path(output).write_text(page, encoding="utf-8")
    except StateError as error:
        click.echo(printable(f"dockfix: {error}"), err=True)
        sys.exit(UNABLE)
    except OSError as error:
        click.echo(printable(f"dockfix: {output}: cannot be written: {error.strerror or error}"), err=True)
        sys.exit(UNABLE)


commands = (run, review, shard, template, summary, dashboard)
