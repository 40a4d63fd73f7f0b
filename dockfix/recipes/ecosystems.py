"""The ecosystems that the transforms know, each with what it has to say where a transform asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dockfix.model import Model, StageModel, Step
    from dockfix.recipes.manifests import Fetch, Reader
    from dockfix.recipes.split import Split


@dataclass(frozen=True, slots=True)
class Ecosystem:
    """An ecosystem. What it has no answer to is absent, and it is asked only of a file that it concerns.

    Attributes:
        images: images that its apps are built and run in, whose programs the model's server facts tell about.
        managers: the package managers and build tools whose calls it answers for.
        split: takes the single stage of a file apart; ``None`` where the file is none of the ecosystem's.
        readers: by package manager, what an install reads of the build context.
        fetch: how a RUN that builds gets its dependencies before the sources; ``None`` where it is none of the
            ecosystem's.
        account: the account that those images make for the app, where they have one and their makers advise it.
        ignored: what of a folder of the context that is copied whole no image needs, as lines of a .dockerignore.

    The functions raise :class:`~dockfix.recipes.split.UnfitError` where something stands in the way.
    """

    images: frozenset[str]
    managers: frozenset[str] = frozenset()
    split: Callable[[Model], Split | None] | None = None
    readers: Mapping[str, Reader] = field(default_factory=dict)
    fetch: Callable[[Model, StageModel, Step], Fetch | None] | None = None
    account: str = ""
    ignored: Callable[[Model, str], Iterator[str]] | None = None

    def called(self, step: Step) -> bool:
        """Whether a RUN calls one of the managers."""
        return any(called.manager in self.managers for called in step.invocations)


def _later(recipe: str, function: str) -> Callable[..., Any]:
    """A function of a recipe's module, which is imported when it is called: most files concern one ecosystem."""

    def call(*arguments: Any) -> Any:
        return getattr(import_module(f"dockfix.recipes.{recipe}"), function)(*arguments)

    return call


JAVA_RUNTIMES = frozenset({"eclipse-temurin", "openjdk", "amazoncorretto"})
"""The images that Java programs run in, and are built in by a wrapper of Maven or Gradle."""

ECOSYSTEMS = (
    Ecosystem(frozenset({"node"}), split=_later("spa", "split")),
    Ecosystem(frozenset({"node"}), split=_later("node", "split")),
    # https://bun.com/guides/ecosystem/docker: its image makes an account for the app
    Ecosystem(frozenset({"oven/bun"}), split=_later("spa", "split"), account="bun"),
    Ecosystem(frozenset({"oven/bun"}), split=_later("node", "split"), account="bun"),
    Ecosystem(frozenset({"python"}), split=_later("python", "split")),
    Ecosystem(
        frozenset(
            f"mcr.microsoft.com/dotnet/{core}{name}"
            for core in ("", "core/")
            for name in ("sdk", "aspnet", "runtime", "runtime-deps")
        ),
        frozenset({"dotnet"}),
        split=_later("dotnet", "split"),
        readers={"dotnet": _later("nuget", "reading")},
        # https://devblogs.microsoft.com/dotnet/securing-containers-with-rootless/: in the images of .NET 8 and later
        account="app",
        ignored=_later("dotnet", "ignored"),
    ),
    Ecosystem(
        frozenset({"golang"}),
        frozenset({"go"}),
        split=_later("go", "split"),
        readers={"go": _later("gomodules", "reading")},
        fetch=_later("gomodules", "fetch"),
    ),
    Ecosystem(
        frozenset({"php"}),
        frozenset({"composer"}),
        split=_later("php", "split"),
        readers={"composer": _later("php", "reading")},
        ignored=_later("php", "ignored"),
    ),
    Ecosystem(
        frozenset({"ruby"}),
        frozenset({"bundle"}),
        split=_later("ruby", "split"),
        readers={"bundle": _later("ruby", "reading")},
    ),
    Ecosystem(
        JAVA_RUNTIMES | {"maven", "gradle"},
        frozenset({"mvn", "gradle"}),
        split=_later("java", "split"),
        readers={"mvn": _later("maven", "reading")},
        fetch=_later("maven", "fetch"),
    ),
    Ecosystem(frozenset(), frozenset({"gradle"}), fetch=_later("gradle", "fetch")),
    Ecosystem(
        frozenset({"rust"}),
        frozenset({"cargo"}),
        split=_later("rust", "split"),
        fetch=_later("cargo", "fetch"),
        ignored=_later("cargo", "ignored"),
    ),
    # https://github.com/GoogleContainerTools/distroless#how-do-i-use-distroless-images: ends of compiled programs
    Ecosystem(
        frozenset(
            f"gcr.io/distroless/{name}{debian}"
            for name in ("static", "base", "base-nossl", "cc", "java-base", "java11", "java17", "java21", "java25")
            for debian in ("", "-debian11", "-debian12", "-debian13")
        ),
        account="nonroot",
    ),
)
"""In the order in which they are asked; a browser app is built by Node, so it comes first."""


def splits(model: Model) -> Iterator[Callable[[Model], Split | None]]:
    """The ways to take the single stage of a file apart that its image lets one think of."""
    image = model.final.image
    for ecosystem in ECOSYSTEMS:
        if ecosystem.split is not None and image is not None and image.name in ecosystem.images:
            yield ecosystem.split


def readers() -> dict[str, Reader]:
    """What the installs of each package manager read, by its name."""
    return {manager: reader for ecosystem in ECOSYSTEMS for manager, reader in ecosystem.readers.items()}


def fetching(model: Model, stage: StageModel, step: Step) -> Fetch | None:
    """How a RUN gets its dependencies before the sources; ``None`` where no ecosystem has an answer.

    Raises:
        UnfitError: it may read the sources for that.
    """
    hooks = (each.fetch for each in ECOSYSTEMS if each.fetch is not None and each.called(step))
    return next((found for hook in hooks if (found := hook(model, stage, step)) is not None), None)


def images() -> frozenset[str]:
    """Images whose programs the model's server facts tell about."""
    return frozenset().union(*(ecosystem.images for ecosystem in ECOSYSTEMS))


def account(image: str) -> str:
    """The account that *image* makes for the app; empty where none is known."""
    return next((each.account for each in ECOSYSTEMS if image in each.images), "")


def ignored(model: Model, whole: str) -> Iterator[str]:
    """What no image needs of the folder *whole* of the context, as lines of a .dockerignore."""
    steps = [step for stage in model.stages for step in stage.steps]
    for ecosystem in ECOSYSTEMS:
        if ecosystem.ignored is not None and any(map(ecosystem.called, steps)):
            yield from ecosystem.ignored(model, whole)
