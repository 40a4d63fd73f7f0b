"""The ecosystems that the transforms know, each with what it has to say where a transform asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockfix.recipes import dotnet, go, java, node, nuget, php, python, ruby, rust, spa

if TYPE_CHECKING:
    from dockfix.model import Model, StageModel, Step
    from dockfix.recipes.manifests import Fetch, Reader
    from dockfix.recipes.split import Split


@dataclass(frozen=True, slots=True)
class Ecosystem:
    """An ecosystem. What it has no answer to is absent.

    Attributes:
        split: takes the single stage of a file apart; ``None`` where the file is none of the ecosystem's.
        readers: by package manager, what an install reads of the build context.
        fetch: how a RUN that builds gets its dependencies before the sources; ``None`` where it is none of the
            ecosystem's.
        images: images whose programs the model's server facts tell about, so that an account can be given to them.
        account: the account that those images make for the app, where they have one and their makers advise it.
        ignored: what of a folder of the context that is copied whole no image needs, as lines of a .dockerignore.

    The functions raise :class:`~dockfix.recipes.split.UnfitError` where something stands in the way.
    """

    split: Callable[[Model], Split | None] | None = None
    readers: Mapping[str, Reader] = field(default_factory=dict)
    fetch: Callable[[Model, StageModel, Step], Fetch | None] | None = None
    images: frozenset[str] = frozenset()
    account: str = ""
    ignored: Callable[[Model, str], Iterator[str]] | None = None


ECOSYSTEMS = (
    Ecosystem(split=spa.split),
    Ecosystem(split=node.split, images=frozenset({"node"})),
    Ecosystem(split=python.split, images=frozenset({"python"})),
    Ecosystem(
        split=dotnet.split,
        readers={"dotnet": nuget.reading},
        images=dotnet.RUNTIMES,
        account=dotnet.ACCOUNT,
        ignored=dotnet.ignored,
    ),
    Ecosystem(split=go.split, readers={"go": go.reading}, fetch=go.fetch, images=frozenset({"golang"})),
    Ecosystem(split=php.split, readers={"composer": php.reading}, images=frozenset({"php"}), ignored=php.ignored),
    Ecosystem(split=ruby.split, readers={"bundle": ruby.reading}, images=frozenset({"ruby"})),
    Ecosystem(split=java.split, readers={"mvn": java.reading}, fetch=java.fetch, images=java.RUNTIMES | java.BUILDERS),
    Ecosystem(split=rust.split, images=frozenset({"rust"})),
)
"""In the order in which they are asked; a browser app is built by Node, so it comes first."""


def readers() -> dict[str, Reader]:
    """What the installs of each package manager read, by its name."""
    return {manager: reader for ecosystem in ECOSYSTEMS for manager, reader in ecosystem.readers.items()}


def fetching(model: Model, stage: StageModel, step: Step) -> Fetch | None:
    """How a RUN gets its dependencies before the sources; ``None`` where no ecosystem has an answer.

    Raises:
        UnfitError: it may read the sources for that.
    """
    hooks = (ecosystem.fetch for ecosystem in ECOSYSTEMS if ecosystem.fetch is not None)
    return next((found for hook in hooks if (found := hook(model, stage, step)) is not None), None)


def images() -> frozenset[str]:
    """Images whose programs the model's server facts tell about."""
    return frozenset().union(*(ecosystem.images for ecosystem in ECOSYSTEMS))


def account(image: str) -> str:
    """The account that *image* makes for the app; empty where none is known."""
    return next((each.account for each in ECOSYSTEMS if image in each.images), "")


def ignored(model: Model, whole: str) -> Iterator[str]:
    """What no image needs of the folder *whole* of the context, as lines of a .dockerignore."""
    for ecosystem in ECOSYSTEMS:
        if ecosystem.ignored is not None:
            yield from ecosystem.ignored(model, whole)
