"""The commands ``dockfix bot …``. What they need beside click is imported when they run."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockfix.bot.arguments import (
    DONE,
    FAILED,
    INTERRUPTED,
    UNABLE,
    connecting,
    forge_of,
    keeping,
    measured_in,
    options,
    place_of,
    selecting,
    shard_given,
    sharing,
    signer_given,
)
from dockfix.bot.lookback import dashboard, summary
from dockfix.bot.settings import Caps, Settings
from dockfix.choices import overrides, steering
from dockfix.report.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from dockfix.bot.campaign import Record
    from dockfix.bot.state import Shard


@click.command(
    epilog="Exit codes: 0 done, 1 some repositories failed and the others were handled, 2 nothing could be done or the "
    "run had to stop. Nothing tells the token but a file or the environment."
)
@options(selecting)
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
    callback=signer_given,
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
@options(keeping, sharing(required=False))
@click.option("--report", metavar="FILE", help="Write what became of each repository as JSON.")
@options(connecting)
@steering
def run(**given: Any) -> None:
    """Propose rewritten Dockerfiles in pull requests, at most one open for each repository.

    Begin with --dry-run, and with --limit 1.
    """
    from dockfix.bot.database import StateError
    from dockfix.bot.forge import ForgeError

    if not (given["repositories"] or given["files"] or given["organisations"]):
        raise click.UsageError("name repositories with --repo, --repos-file or --org")
    shard = shard_given(given)
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
        measured=measured_in(given["measured"]),
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
    forge = forge_of(given, dry_run=settings.dry_run, unpaced=given["unpaced"])

    from dockfix.bot.campaign import Campaign
    from dockfix.bot.concealment import conceal
    from dockfix.bot.names import names, selection, share
    from dockfix.bot.report import summary as summed
    from dockfix.bot.report import write
    from dockfix.bot.state import State
    from dockfix.bot.throughgit import through_git
    from dockfix.bot.workshop import workshop

    conceal()
    state = State("" if settings.dry_run else place_of(given["state"]))
    try:
        chosen = (given["repositories"], given["files"], given["organisations"])
        state.begin(selection(given["url"] or given["forge"] or "", *chosen), resume=given["resume"], shard=shard)
        enter = partial(through_git, forge, signer=settings.signer) if given["through"] else None
        try:
            async with workshop(min(given["jobs"], 2 * (os.cpu_count() or 1))) as planners:
                show = _show(settings.dry_run)
                campaign = Campaign(forge, settings, planners.plan, state, show, given["jobs"], enter)
                await campaign.run(share(names(forge, *chosen), shard))
            if not state.finish(run=settings.caps.run) and not settings.dry_run:
                click.echo("what is deferred is left to --resume", err=True)
        finally:
            counts = state.counts()
            click.echo(summed(counts), err=True)
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


@click.command()
@options(selecting, connecting, sharing(required=True))
def shard(**given: Any) -> None:
    """Print the repositories that are this machine's, a line each, for --repos-file."""
    from dockfix.bot.forge import ForgeError

    mine = shard_given(given)
    try:
        asyncio.run(_shard(mine, given))
    except ForgeError as error:
        click.echo(printable(f"dockfix: {error}"), err=True)
        sys.exit(UNABLE)


async def _shard(mine: Shard, given: dict[str, Any]) -> None:
    from dockfix.bot.names import names, share

    forge = forge_of(given, dry_run=True) if given["organisations"] else None
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
@options(connecting)
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
    forge = forge_of(given, dry_run=given["dry_run"])

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


commands = (run, review, shard, template, summary, dashboard)
