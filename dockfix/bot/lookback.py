"""The commands that tell of the last run: a line, a report, a page."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dockfix.bot.arguments import DONE, FAILED, UNABLE, keeping, options, place_of
from dockfix.report.text import printable


@click.command()
@options(keeping)
@click.option("--report", metavar="FILE", help="Write what became of each repository as JSON.")
def summary(state: str | None, report: str | None) -> None:
    """Tell what became of the last run, in all of its shards. The exit codes are those of the run."""
    from dockfix.bot import report as reports
    from dockfix.bot.database import StateError
    from dockfix.bot.state import State

    try:
        kept = State(place_of(state), create=False)
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
@options(keeping)
@click.option("--report", metavar="FILE", help="The report of a run, instead.")
@click.option("-o", "--output", metavar="FILE", help="Write to this file, not to standard output.")
def dashboard(state: str | None, report: str | None, output: str | None) -> None:
    """Show the last run, in all of its shards, as one page for a browser, which needs no server."""
    from dockfix.bot import dashboard as pages
    from dockfix.bot.database import StateError

    if state and report:
        raise click.UsageError("--state and --report exclude each other")
    try:
        visits = pages.from_report(report) if report else pages.from_state(place_of(state))
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
