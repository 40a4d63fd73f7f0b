"""Which containers of Kubernetes manifests run the image of a Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import ImageReference

if TYPE_CHECKING:
    from dockfix.facts.kubernetes import Container
    from dockfix.model import Model


def pods(model: Model) -> tuple[Container, ...]:
    """The containers of Kubernetes manifests that run the image by its name, or may where none of them does."""
    containers = [each for each in model.app.kubernetes if not _of_others(each)]
    names = frozenset(filter(None, _names(model)))
    return tuple(each for each in containers if _called(each.image or "") in names) or tuple(containers)


def _of_others(container: Container) -> bool:
    """Whether a container runs an image that others publish: one of Docker's own, or one of the catalogue."""
    image = container.image or ""
    if "X" in image and container.template:
        return False
    reference = ImageReference.parse(image)
    return "/" not in image or catalog.image(reference.catalogued, reference.tag) is not None


def _called(image: str) -> str:
    """The name of an image, without where it comes from and its tag."""
    return basename(ImageReference.parse(image).name).lower()


def _names(model: Model) -> Iterator[str]:
    """What the image may be called, by the folders of its Dockerfile and the services of compose that build it."""
    app = model.app
    yield from (basename(folder).lower() for folder in (app.context, dirname(app.dockerfile)) if folder)
    yield re.sub(r"(?:^|[._-])dockerfile(?:[._-]|$)", "", basename(app.dockerfile).lower())
    for service in model.services:
        yield service.name.lower()
        yield _called(service.image or "")
