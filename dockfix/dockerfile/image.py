"""References to images, as FROM, COPY --from and compose files write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VARIABLE = re.compile(r"\$\{[^}]*\}|\$\w+")
# The last is a name of Docker Hub's that Rails 7.1 wrote into the Dockerfiles of new apps.
_DEFAULT_REGISTRIES = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.docker.com")
# https://docs.aws.amazon.com/AmazonECR/latest/public/docker-hub.html: Amazon's copies of the official images
_MIRROR, _MIRRORED = "public.ecr.aws", "docker/library/"


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A reference to an image, taken apart by the rules of https://github.com/distribution/reference.

    Attributes:
        text: as written.
        name: registry and repository as written.
        registry: ``docker.io`` where none is written.
        repository: without the registry, and without ``library/`` for official images.
        tag: None where none is written.
        digest: ``sha256:…``, None where none is written.
        variables: whether any part of it is a variable.
    """

    text: str
    name: str
    registry: str
    repository: str
    tag: str | None
    digest: str | None
    variables: bool

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Take *text* apart; anything is accepted, since a builder and not dockfix judges it."""
        # Variables may hold any of the separators in their defaults: keep their length, hide their content.
        masked = _VARIABLE.sub(lambda match: "_" * len(match[0]), text)
        end = masked.find("@")
        digest = text[end + 1 :] if end >= 0 else None
        end = len(text) if end < 0 else end
        colon = masked.rfind(":", masked.rfind("/", 0, end) + 1, end)
        tag = text[colon + 1 : end] if colon >= 0 else None
        name = text[: colon if colon >= 0 else end]
        slash = masked.find("/", 0, len(name))
        host = masked[:slash] if slash >= 0 else ""
        registry, repository = "docker.io", name
        if host and ("." in host or ":" in host or host == "localhost" or host != host.lower()):
            registry, repository = text[:slash], text[slash + 1 : len(name)]
        if registry in _DEFAULT_REGISTRIES:
            registry, repository = "docker.io", repository.removeprefix("library/")
        elif registry == _MIRROR and repository.startswith(_MIRRORED):
            registry, repository = "docker.io", repository.removeprefix(_MIRRORED)
        return cls(text, name, registry, repository, tag, digest, "$" in text)

    @property
    def official(self) -> bool:
        """Whether it is one of Docker's official images (``scratch`` is no image)."""
        plain = "/" not in self.repository and "$" not in self.repository
        return self.registry == "docker.io" and plain and self.repository != "scratch"

    @property
    def catalogued(self) -> str:
        """The name by which the catalogue would list it: with its registry, unless that is Docker Hub."""
        return self.repository if self.registry == "docker.io" else f"{self.registry}/{self.repository}"

    def with_tag(self, tag: str) -> str:
        """The same image under another tag, in the author's spelling of its name; a digest is left out."""
        return f"{self.name}:{tag}"
