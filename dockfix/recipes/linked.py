"""Where a program is linked to libraries of the system on which it is built: the end has to be the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.model import Model


def settled_base(model: Model) -> str:
    """The base under the tag that names its release, where the file's own may come to stand on a newer one.

    A program that is built against a newer C library does not start on an older one:
    https://developers.redhat.com/blog/2019/08/01/how-the-gnu-c-library-handles-backward-compatibility

    Returns:
        The image as FROM names it; empty where it stays.

    Raises:
        UnfitError: no tag is known that names the release.
    """
    stage = model.final
    base, image = stage.stage.base, stage.image
    written = base.words[0].text
    if image is None or "@" in written or (image.last_listed is not None and "$" not in written):
        return ""  # pinned, or rebuilt no more
    found = catalog.settled(image)
    if found is image:
        return ""
    name, colon, tag = written.rpartition(":")
    if found is not None and not (colon and "/" not in tag):
        return f"{written}:{found.tag}"
    if found is not None and tag == image.tag:
        return f"{name}:{found.tag}"
    if found is not None and found.tag.startswith(f"{image.tag}-"):
        return written + found.tag.removeprefix(image.tag)  # a build argument chooses the version
    why = "which release of its distribution it will stand on is not said, so that the end may have older libraries"
    raise UnfitError(base, f"{stage.reference} moves on: {why}")
