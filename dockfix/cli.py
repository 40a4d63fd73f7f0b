"""The command line: ``dockfix [OPTIONS] [PATHS]`` and its subcommands."""

from __future__ import annotations

import atexit
import gc
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from dockfix import __version__
from dockfix.choices import complete_ids, known_transforms, overrides, parse_ids, rewriting
from dockfix.means import Sectioned, means, means_if_asked, measuring, verifying

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Words(click.Group):
    """A group of subcommands in which everything else belongs to one command that needs no name.

    The first word decides: a subcommand's name means the subcommand (a folder of that name is given as ``./name``).
    """

    def __init__(self, default: click.Command, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.default = default

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with _cut_short():
            if args and args[0] in self.commands:
                return super().make_context(info_name, args, parent, **extra)
            return self.default.make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _cut_short():
            return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run it. What cannot be shown, since the disk is full, say, is an error as others are."""
        try:
            return super().main(*arguments, **options)
        except OSError as error:
            _tell(f"Error: {error.filename or 'the output'}: {error.strerror or error}")
            sys.exit(2)


@contextmanager
def _cut_short() -> Iterator[None]:
    """Exit codes of what comes to no end, for which click has 1: with that dockfix says what it has found out."""
    try:
        yield
    except KeyboardInterrupt:
        _tell("Aborted!")
        raise click.exceptions.Exit(128 + signal.SIGINT) from None
    except BrokenPipeError:  # nobody reads on, and nobody has to be told
        _mute()
        raise click.exceptions.Exit(2) from None


def _tell(words: str) -> None:
    """Tell it on stderr, where somebody reads that: how it ends is the same if not."""
    with suppress(OSError):
        click.echo(words, err=True)
    _mute()


def _mute() -> None:
    """Let what is not yet written go: the interpreter would try once more as it ends, with an exit code of its own."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Later(click.Group):
    """A group of commands in a module that is imported when one of them is asked for.

    Args:
        module: the module; its ``commands`` are the group's.
    """

    def __init__(self, module: str, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.module = module

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._loaded())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._loaded().get(cmd_name)

    def _loaded(self) -> dict[str, click.Command]:
        from importlib import import_module

        return {command.name or "": command for command in import_module(self.module).commands}


class Default(Sectioned):
    """The command without a name: its help and its completion tell of the others."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(80)) for name, each in sorted(main.commands.items())])
        super().format_epilog(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name) for name in sorted(main.commands) if name.startswith(incomplete)]
        return [*names, *super().shell_complete(ctx, incomplete)]


def _list(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from dockfix.report.rule import phase
    from dockfix.report.text import table

    for line in table([(each.id, phase(each), each.safety.value, each.summary) for each in known_transforms()]):
        click.echo(line)
    ctx.exit()


_context_option = click.option(
    "--context", metavar="FOLDER", help="The build context, instead of what compose, CI or COPY tell."
)


def _names(ctx: click.Context, param: click.Parameter, file: BinaryIO | None) -> frozenset[str] | None:
    # git diff -z puts NUL between names
    names = re.split(rb"[\0\r\n]+", file.read()) if file is not None else None
    return frozenset(os.path.realpath(os.fsdecode(name)) for name in names) if names is not None else None


_among_option = click.option(
    "--among",
    type=click.File("rb"),
    callback=_names,
    metavar="FILE",
    help="Of what is found, only what this file names, a line each: git diff --name-only | dockfix --among -",
)


def _demand_current_folder(ctx: click.Context) -> None:
    """Paths are given, and shown, from the current folder, which may have been removed meanwhile."""
    try:
        Path.cwd()
    except OSError as error:
        raise click.UsageError(f"the current folder cannot be told: {error.strerror}", ctx) from None


@click.command(
    cls=Default,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done, 1 something would change (--check), was refused (--strict) or not written since it "
    "behaves otherwise (--verify), 2 something is wrong.",
)
@click.argument("paths", nargs=-1, type=click.Path(allow_dash=True))
@click.option("--diff", is_flag=True, help="Print what would change, and write nothing. The default.")
@click.option("--write", is_flag=True, help="Print what changes and write it; with - print the rewritten Dockerfile.")
@click.option("--verify", is_flag=True, help="Write only what, built and run, behaves as the original does.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if anything would change.")
@click.option("--interactive", is_flag=True, help="Ask for each transform, then write what was accepted.")
@click.option(
    "--stdin-filename", metavar="PATH", help="Where the Dockerfile given as - on standard input has its place."
)
@_context_option
@rewriting
@click.option("--strict", is_flag=True, help="Exit with 1 if a transform refused.")
@_among_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    help="The form of the report; github makes annotations of a workflow.",
)
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colours in the diff.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors beside the diff.")
@click.option("-v", "--verbose", is_flag=True, help="Show where an internal error arose.")
@verifying
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the transforms.")
@click.version_option(__version__, prog_name="dockfix", message="%(prog)s %(version)s")
@click.pass_context
def fix(ctx: click.Context, /, paths: tuple[str, ...], **given: Any) -> None:
    """Rewrite Dockerfiles for production: PATHS are Dockerfiles, folders to search (.), or - for standard input.

    The diff goes to standard output, everything else to standard error.
    """
    collect_rarely()
    from dockfix.planner import UsageError
    from dockfix.session import Request, run

    _demand_current_folder(ctx)
    chosen, how = overrides(given), means_if_asked(ctx, given, quick=True)
    try:
        code = run(Request(paths=paths or (".",), overrides=chosen, commands=tuple(main.commands), verify=how, **given))
    except UsageError as error:
        raise click.UsageError(str(error), ctx) from None
    ctx.exit(code)


def collect_rarely() -> None:
    """Look for garbage seldom: syntax trees are many objects with hardly a cycle, and a plan is soon at its end.

    Otherwise a tenth of the time goes into that, and more of a long one.
    """
    gc.set_threshold(100_000, 20, 50)
    # nor need the interpreter, when it ends, look for cycles among all that is alive then
    atexit.register(gc.freeze)


main = Words(fix, name="dockfix")


@main.command()
@click.argument("ids", nargs=-1, required=True, callback=parse_ids, shell_complete=complete_ids, metavar="ID...")
def rule(ids: frozenset[str]) -> None:
    """Print the documentation of a transform."""
    from dockfix.report.rule import page

    click.echo("\n".join(page(each) for each in known_transforms() if each.id in ids), nl=False)


_since_option = click.option(
    "--since",
    metavar="REV",
    help="Take what this git revision has for the original, and not what lies in the folder.",
)


@main.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 both behave the same, 1 they differ, 2 that could not be found out.",
)
@click.argument("paths", nargs=-1, type=click.Path())
@measuring
@click.option("--step", is_flag=True, help="Verify each transform by itself, too.")
@click.option("--bisect", is_flag=True, help="Of rewrites that differ, find the fewest transforms that it takes.")
@_since_option
@_context_option
@rewriting
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", help="The report's form."
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of what behaves the same.")
@click.option("-v", "--verbose", is_flag=True, help="Show where an internal error arose.")
@click.pass_context
def verify(ctx: click.Context, /, paths: tuple[str, ...], **given: Any) -> None:
    """Build and run the original and the rewrite, and compare.

    PATHS are Dockerfiles or folders to search. Nothing is written to the checkout, and every image, container and
    network made is removed. Layers stay in the builder's cache, as after any build.
    """
    from dockfix.planner import UsageError
    from dockfix.trials import Request, run

    _demand_current_folder(ctx)
    how = means(given)
    request = Request(
        paths=paths or (".",), overrides=overrides(given), commands=tuple(main.commands), means=how, **given
    )
    try:
        code = run(request)
    except UsageError as error:
        raise click.UsageError(str(error), ctx) from None
    ctx.exit(code)


@main.command(
    cls=Sectioned,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done, 2 something is wrong.",
)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--format", "form", type=click.Choice(["markdown", "html"]), default="markdown", help="The form of the page."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to this file, not to standard output.")
@click.option(
    "--measured",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Show the figures of this report of `dockfix verify --format json`.",
)
@click.option("--verify", is_flag=True, help="Build and run the originals and the rewrites now, and show the figures.")
@measuring
@_since_option
@_among_option
@_context_option
@rewriting
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors beside the page.")
@click.option("-v", "--verbose", is_flag=True, help="Show where an internal error arose.")
@click.pass_context
def explain(ctx: click.Context, /, paths: tuple[str, ...], **given: Any) -> None:
    """Explain the rewrite: what is done and why, with the lines, the evidence and what was refused.

    PATHS are Dockerfiles or folders to search. Nothing is written but the page. It tells sizes and times only where
    they were measured. What has been written already is explained --since a revision that has the original.
    """
    collect_rarely()
    from dockfix.explain import Request, run
    from dockfix.planner import UsageError

    _demand_current_folder(ctx)
    chosen, how = overrides(given), means_if_asked(ctx, given)
    try:
        code = run(Request(paths=paths or (".",), overrides=chosen, commands=tuple(main.commands), verify=how, **given))
    except UsageError as error:
        raise click.UsageError(str(error), ctx) from None
    ctx.exit(code)


main.add_command(
    Later(
        "dockfix.bot.command",
        name="bot",
        help="Open pull requests on a forge: on one repository, or on thousands.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
)
