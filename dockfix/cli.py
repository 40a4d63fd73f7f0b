"""The command line: ``dockfix [OPTIONS] [PATHS]`` and its subcommands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dockfix import __version__
from dockfix.config import BASES, HIGHEST_UID, OWNERS, PYTHON_PACKAGES, SPLITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

    from dockfix.transform import Transform


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
        if args and args[0] in self.commands:
            return super().make_context(info_name, args, parent, **extra)
        return self.default.make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)


class Default(click.Command):
    """The command without a name: its help and its completion tell of the others."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(80)) for name, each in sorted(main.commands.items())])
        super().format_epilog(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name) for name in sorted(main.commands) if name.startswith(incomplete)]
        return [*names, *super().shell_complete(ctx, incomplete)]


def _transforms() -> tuple[Transform, ...]:
    from dockfix.registry import RegistryError, transforms

    try:
        return transforms()
    except RegistryError as error:
        raise click.UsageError(str(error)) from None


def _ids(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> frozenset[str]:
    """The ids of transforms in words that may each hold several, separated by commas."""
    ids = frozenset(id.strip() for word in given for id in word.split(",") if id.strip())
    known = [each.id for each in _transforms()] if ids else []
    for id in sorted(ids.difference(known)):
        from dockfix.suggestion import did_you_mean

        raise click.BadParameter(f"no transform is called {id!r}{did_you_mean(id, known)}", ctx, param)
    return ids


def _complete_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    before, comma, word = incomplete.rpartition(",")
    return [CompletionItem(before + comma + each.id) for each in _transforms() if each.id.startswith(word)]


def _id_option(name: str, *, help: str) -> Callable[[Any], Any]:
    return click.option(name, multiple=True, callback=_ids, shell_complete=_complete_ids, metavar="ID[,ID]", help=help)


def _list(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from dockfix.report.rule import phase
    from dockfix.report.text import table

    for line in table([(each.id, phase(each), each.safety.value, each.summary) for each in _transforms()]):
        click.echo(line)
    ctx.exit()


@click.command(
    cls=Default,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done, 1 something would change (--check) or was refused (--strict), 2 something is wrong.",
)
@click.argument("paths", nargs=-1, type=click.Path(allow_dash=True))
@click.option("--diff", is_flag=True, help="Print what would change, and write nothing. The default.")
@click.option("--write", is_flag=True, help="Print what changes and write it; with - print the rewritten Dockerfile.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if anything would change.")
@click.option("--interactive", is_flag=True, help="Ask for each transform, then write what was accepted.")
@click.option(
    "--stdin-filename", metavar="PATH", help="Where the Dockerfile given as - on standard input has its place."
)
@click.option("--context", metavar="FOLDER", help="The build context, if neither compose nor COPY tell it.")
@_id_option("--only", help="Run these transforms alone.")
@_id_option("--skip", help="Leave these transforms out.")
@click.option("--safe", is_flag=True, default=None, help="Only what leaves the image behaving as before.")
@click.option("--base", type=click.Choice(BASES), help="The smallest family of base images wanted.  [alpine]")
@click.option("--split", type=click.Choice(SPLITS), help="Split into stages where it pays, or wherever sound.  [worth]")
@click.option("--python-packages", type=click.Choice(PYTHON_PACKAGES), help="Where Python packages go.  [user]")
@click.option("--owner", type=click.Choice(OWNERS), help="Who owns the app's files in the image.  [app]")
@click.option("--uid", type=click.IntRange(1, HIGHEST_UID), help="Uid and gid of an account that is created.  [1001]")
@click.option("--cache-mounts/--no-cache-mounts", default=None, help="Use RUN --mount=type=cache (needs BuildKit).")
@click.option("--config", type=click.Path(dir_okay=False), help="The configuration file, instead of the nearest one.")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
@click.option("--strict", is_flag=True, help="Exit with 1 if a transform refused.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="The form of the report.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colours in the diff.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors beside the diff.")
@click.option("-v", "--verbose", is_flag=True, help="Show where an internal error arose.")
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the transforms.")
@click.version_option(__version__, prog_name="dockfix", message="%(prog)s %(version)s")
@click.pass_context
def fix(ctx: click.Context, /, paths: tuple[str, ...], **given: Any) -> None:
    """Rewrite Dockerfiles for production: PATHS are Dockerfiles, folders to search (.), or - for standard input.

    The diff goes to standard output, everything else to standard error.
    """
    from dockfix.session import Request, UsageError, run

    options = {name: given.pop(name) for name in ("base", "split", "python_packages", "owner", "uid", "safe")}
    options["cache_mounts"] = given.pop("cache_mounts")
    overrides = {name: value for name, value in options.items() if value is not None}
    for name in ("only", "skip"):
        ids = given.pop(name)
        if ids:
            overrides[name] = ids
    try:
        code = run(Request(paths=paths or (".",), overrides=overrides, commands=tuple(main.commands), **given))
    except UsageError as error:
        raise click.UsageError(str(error), ctx) from None
    ctx.exit(code)


main = Words(fix, name="dockfix")


@main.command()
@click.argument("ids", nargs=-1, required=True, callback=_ids, shell_complete=_complete_ids, metavar="ID...")
def rule(ids: frozenset[str]) -> None:
    """Print the documentation of a transform."""
    from dockfix.report.rule import page

    click.echo("\n".join(page(each) for each in _transforms() if each.id in ids), nl=False)
