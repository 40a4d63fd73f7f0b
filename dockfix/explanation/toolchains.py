"""Compilers and the like in an image: those that it installs, those of its base, those that a COPY brings."""

from __future__ import annotations

from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.explanation.arrivals import Taken, taken
from dockfix.explanation.prose import Code, Words
from dockfix.explanation.shape import codes
from dockfix.model import Purpose
from dockfix.model.config import covers
from dockfix.recipes.packages import build_tools, installs

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.model import Model, StageModel, Step

_TOOLCHAINS = frozenset(
    {"buildpack-deps", "golang", "gradle", "maven", "rust", "elixir", "erlang", "oven/bun"}
    | {"mcr.microsoft.com/dotnet/sdk", "mcr.microsoft.com/dotnet/core/sdk"}
)
"""Images that are there to build with, in whatever variant: https://hub.docker.com/_/golang and so on."""
_PHP = frozenset({"php", "wordpress"})
"""On Debian they keep what compiles extensions: https://github.com/docker-library/php/blob/master/Dockerfile-linux.template"""
_JAVA = frozenset({"amazoncorretto", "eclipse-temurin", "openjdk", "tomcat"})
_PLACES = ("/bin", "/lib", "/opt", "/usr/bin", "/usr/lib", "/usr/libexec", "/usr/local/bin", "/usr/share")
"""Folders into which compilers are installed: https://refspecs.linuxfoundation.org/FHS_3.0/fhs/index.html"""
_ROOTS = ("/usr/local/go", "/usr/local/cargo", "/usr/local/rustup", "/usr/share/maven", "/opt/gradle", "/opt/java")
"""Those of the images that are there to build with."""


def carried(image: Image) -> bool:
    """Whether an image brings compilers, or what else serves builds alone."""
    if image.buildpack or image.name in _TOOLCHAINS:
        return True
    if image.name in _PHP:
        return image.distribution != "alpine"
    return image.name in _JAVA and "jre" not in image.tag and "headless" not in image.tag


def found(model: Model, stage: StageModel) -> tuple[bool | None, Words] | None:
    """Whether a stage's image has build tools, and which say so; ``None`` where it has none for certain.

    Returns:
        ``False`` where it has some, ``None`` where that is not known, each with the words that tell why.
    """
    reference = stage.lineage[0].reference
    if stage.image is None and reference != "scratch":
        return None, ("what ", Code(reference), " carries is not known")
    tools = build_tools(stage.all_steps)
    if tools:
        return False, ("it installs ", *codes(tools))
    if stage.image is not None and carried(stage.image):
        return False, (Code(reference), " carries compilers and headers")
    brought = [there for each in taken(model, stage) if (there := _brought(model, each)) is not None]
    if brought:
        return min(brought, key=lambda there: there[0] is None)
    for step in stage.all_steps:
        if Purpose.UNKNOWN in step.purposes or _hides(step):
            return None, (f"what line {step.instruction.line} leaves behind is not known",)
    return None


def _hides(step: Step) -> bool:
    """Whether a RUN installs packages that are not named in it."""
    named = {id(called.command) for called in installs(step)}
    for called in step.invocations:
        if called.manager in {"apt", "apk", "dnf"} and any(not word.static for word in called.operands):
            return True
        if called.verb in {"build-dep", "groupinstall", "group", "localinstall"} and id(called.command) not in named:
            return True
    return False


def _brought(model: Model, each: Taken) -> tuple[bool | None, Words] | None:
    """Whether a COPY from elsewhere brings build tools, and what says so."""
    name = each.name
    line = f"line {each.step.instruction.line} takes "
    if None in each.paths:
        return None, (line, "what depends on a variable from ", Code(name))
    paths = [path for path in each.paths if path is not None]
    named = [path for path in paths if _is_tool(path)]
    if named:
        return False, (line, *codes(named), " from ", Code(name))
    if each.stage is None and each.image is None:
        return None, (line, *codes(paths), " from ", Code(name), ", of which nothing is known")
    wide = [path for path in paths if any(covers(path, place) for place in (*_PLACES, *_ROOTS))]
    if not wide:
        return None
    if each.stage is None:
        certain = each.image is not None and carried(each.image)
        return False if certain else None, (line, *codes(wide), " from ", Code(name))
    there = found(model, each.stage)
    if there is None:
        return None
    holds, why = there
    return holds, (line, *codes(wide), " from ", Code(name), ": ", *why)


def _is_tool(path: str) -> bool:
    """Whether a path is a compiler's by its name, or one's own folder."""
    return any(covers(root, path) for root in _ROOTS) or catalog.is_build_tool(basename(path))
