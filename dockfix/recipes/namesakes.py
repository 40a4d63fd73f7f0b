"""Which services of compose run the image of a Dockerfile by its name alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dockfix.dockerfile import ImageReference

if TYPE_CHECKING:
    from dockfix.facts import App
    from dockfix.facts.compose import Service


def namesakes(app: App) -> tuple[Service, ...]:
    """The services without a build whose image is called as a build of the Dockerfile calls its own.

    Each has the target of that build.
    """
    return app.once("namesakes", lambda: _namesakes(app))


def _namesakes(app: App) -> tuple[Service, ...]:
    alone = [each for each in app.all_services if each.image and "context" not in each.origins]
    alone = [each for each in alone if each.dockerfile is None]
    if not alone:
        return ()
    called = [(service.image, service.target) for service in app.compose if service.image]
    called += [(tag, build.target) for build in app.builds for tag in build.tags]
    found = ((each, next((t for name, t in called if _same(each.image or "", name)), "")) for each in alone)
    return tuple(replace(each, target=target) for each, target in found if target != "")


def _same(text: str, other: str) -> bool:
    """Whether two references are to one image, as far as the tags have no variables."""
    image, built = ImageReference.parse(text), ImageReference.parse(other)
    tag, built_tag = (reference.tag or "latest" for reference in (image, built))
    same = image.catalogued == built.catalogued and "$" not in image.catalogued
    return same and (tag == built_tag or "$" in tag + built_tag)
