"""Tidied layers hold no caches, install what they did, and mounted caches are kept between builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockfix.api import fix
from dockfix.options import Options

if TYPE_CHECKING:
    from pathlib import Path

    from .engine import Engine

pytestmark = pytest.mark.container

APP = """\
FROM python:3.11-slim
# a pager
RUN apt-get update
RUN apt-get install -y --no-install-recommends \\
    less
RUN pip install itsdangerous==2.2.0
CMD ["python", "-c", "import itsdangerous"]
"""
NODE = """\
FROM node:20-slim
WORKDIR /app
COPY package.json ./
RUN npm install
CMD ["node", "-e", "require('ms')"]
"""
MANIFEST = '{"name": "clock", "version": "1.0.0", "dependencies": {"ms": "2.1.3"}}\n'
CACHES = "find /var/lib/apt/lists /root/.cache /root/.npm/_cacache -type f 2> /dev/null | grep -v lock | wc -l"


def rewritten(place: Path, text: str, *, cache_mounts: bool = False) -> str:
    (place / "Dockerfile").write_text(text, encoding="utf-8")
    (place / "package.json").write_text(MANIFEST, encoding="utf-8")
    options = Options(only=frozenset({"package-cache"}), cache_mounts=cache_mounts)
    plan = fix(place / "Dockerfile", root=place, options=options)
    assert not plan.defects
    return plan.after


def shown(engine: Engine, image: str, command: str) -> str:
    with engine.run(image, "sh", "-c", command) as container:
        assert container.wait() == 0, container.logs()
        return container.logs().strip()


@pytest.mark.parametrize("text", [APP, NODE], ids=["apt-and-pip", "npm"])
@pytest.mark.parametrize("cache_mounts", [False, True], ids=["emptied", "mounted"])
def test_image_holds_no_cache(engine: Engine, text: str, cache_mounts: bool, tmp_path: Path) -> None:
    after = rewritten(tmp_path, text, cache_mounts=cache_mounts)
    old = engine.build(tmp_path)
    (tmp_path / "Dockerfile").write_text(after, encoding="utf-8")
    new = engine.build(tmp_path)
    assert old.ok, old.log
    assert new.ok, new.log
    assert int(shown(engine, old.image, CACHES)) > 0
    assert int(shown(engine, new.image, CACHES)) == 0
    assert engine.image_size(new.image) < engine.image_size(old.image)
    with engine.run(new.image) as container:
        assert container.wait() == 0, container.logs()
