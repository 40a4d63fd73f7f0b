"""The options that say how a rewrite is verified, for every command that verifies."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from dockfix.trials import Means


class MeansOption(click.Option):
    """An option that only a verification heeds."""


class Sectioned(click.Command):
    """A command that verifies where it is asked to, and whose help keeps the options of that apart."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, of_means in (("Options", False), ("Options of --verify", True)):
            params = [param for param in self.get_params(ctx) if isinstance(param, MeansOption) is of_means]
            with formatter.section(heading):
                formatter.write_dl([told for param in params if (told := param.get_help_record(ctx)) is not None])


def _pairs(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    for word in given:
        if not word.partition("=")[0] or "=" not in word:
            raise click.BadParameter(f"{word!r} is not NAME=VALUE", ctx, param)
    return dict(word.split("=", 1) for word in given)


def _absolute(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for route in given:
        if not route.startswith("/"):
            raise click.BadParameter(f"{route!r} does not begin with /", ctx, param)
    return given


def _memory(ctx: click.Context, param: click.Parameter, given: str | None) -> str | None:
    if given is None or given == param.default:
        return given
    from dockfix.verify.limits import memory_bytes

    try:
        memory_bytes(given)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    return given


def _option(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    return click.option(*names, cls=MeansOption, **attributes)


def _pair_option(*names: str, help: str) -> Callable[[Any], Any]:
    return _option(*names, multiple=True, callback=_pairs, metavar="NAME=VALUE", help=help)


_TIMING: tuple[Callable[[Any], Any], ...] = (
    _option("--quick", is_flag=True, help="Build each once, with the cache, and time nothing else than --rebuilds."),
    _option(
        "--rebuilds",
        type=click.IntRange(1),
        help="Timed builds after a change of source.  [default: 3; none if --quick]",
    ),
)
_MEANS: tuple[Callable[[Any], Any], ...] = (
    _option(
        "--engine",
        metavar="COMMAND",
        help="docker, podman, or buildah, which builds alone; by default what answers first.",
    ),
    _option("--builder", metavar="NAME", help="A buildx builder, wherever it builds; by default the engine's own."),
    _option(
        "--network",
        metavar="NAME",
        help="An existing network for the containers; by default one that leads to this host alone.",
    ),
    _pair_option("-e", "--env", help="A variable for both containers."),
    _option(
        "--path",
        "routes",
        multiple=True,
        metavar="/ROUTE",
        callback=_absolute,
        help="Ask for this too, beside / and the health route.",
    ),
    _pair_option("--build-arg", "build_args", help="A build argument for both builds."),
    _option("--target", metavar="STAGE", help="The stage to build, instead of the last."),
    _option(
        "--timeout", type=click.IntRange(1), default=1800, show_default=True, help="Seconds that a build may take."
    ),
    _option("--patience", type=click.IntRange(1), default=60, show_default=True, help="Seconds to wait for an answer."),
    _option(
        "--memory",
        default="2g",
        show_default=True,
        callback=_memory,
        help="What a container may use, as docker run takes it.",
    ),
    _option("--pids", type=click.IntRange(1), default=1024, show_default=True, help="Processes of a container."),
    _option(
        "--build-memory",
        callback=_memory,
        show_default="8g, or 3/4 of the machine's",
        help="What a build may use; 0 for no limit.",
    ),
    _option(
        "--build-pids",
        type=click.IntRange(0),
        default=4096,
        show_default=True,
        help="Processes of a build; 0 for no limit.",
    ),
)


def verifying(command: Callable[..., None]) -> Callable[..., None]:
    """Give *command* the options that say how a rewrite is verified."""
    for option in reversed(_MEANS):
        command = option(command)
    return command


def measuring(command: Callable[..., None]) -> Callable[..., None]:
    """Give *command* these options, and those that say what is timed."""
    command = verifying(command)
    for option in reversed(_TIMING):
        command = option(command)
    return command


def means(given: dict[str, Any], **settled: Any) -> Means:
    """Take what the command line says of verifying out of *given*.

    Args:
        given: the values of the options by their names.
        settled: what the command itself says of a trial, where it has no option for that.
    """
    from dockfix.trials import Means
    from dockfix.verify import Limits, Trial
    from dockfix.verify.limits import of_builds
    from dockfix.verify.observation import Patience

    trial = Trial(
        build_seconds=given.pop("timeout"),
        env=given.pop("env"),
        paths=given.pop("routes"),
        build_args=given.pop("build_args"),
        target=given.pop("target"),
        patience=Patience(port=given.pop("patience")),
        **{name: given.pop(name) for name in ("quick", "rebuilds") if name in given},
        **settled,
    )
    return Means(
        trial,
        engine=given.pop("engine"),
        builder=given.pop("builder"),
        network=given.pop("network"),
        limits=Limits(given.pop("memory"), given.pop("pids")),
        build_limits=of_builds(given.pop("build_memory"), given.pop("build_pids")),
    )


def means_if_asked(ctx: click.Context, given: dict[str, Any], **settled: Any) -> Means | None:
    """Take ``verify``, and what the command line says of it, out of *given*; ``None`` where nothing is verified.

    Raises:
        UsageError: options of a verification are given, and none is asked for.
    """
    if given.pop("verify"):
        return means(given, **settled)
    for param in ctx.command.params:
        if isinstance(param, MeansOption) and param.name is not None:
            if ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"{param.opts[-1]} goes with --verify", ctx)
            del given[param.name]
    return None
