"""What dockfix starts stops in order: the signal reaches the app, and everything that started before still does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .fixtures import built, built_after, rewrite

if TYPE_CHECKING:
    from pathlib import Path

    from .engine import Engine

pytestmark = pytest.mark.container

# An app that needs more than this to end on SIGTERM did not get the signal: the engine kills after ten seconds.
STOP_SECONDS = 1.5

GRACEFUL = """\
const http = require('http')

const server = http.createServer((request, response) => response.end('up'))
server.listen(3000, () => console.log('listening'))
process.on('SIGTERM', () => server.close(() => setTimeout(() => console.log('closed in order'), 300)))
"""


@pytest.mark.parametrize(
    ("case", "command"),
    [
        ("example", ("dumb-init", "--", "node", "server.js")),
        ("4-02-chains-the-node-entrypoint", ("dumb-init", "--", "docker-entrypoint.sh", "server.js")),
        ("4-01-inherited-cmd-is-written-again", ("dumb-init", "--", "python", "app.py")),
        ("4-02-chains-the-entrypoint-of-a-stage", ("dumb-init", "--", "/entrypoint.sh", "python", "app.py")),
        ("4-08-among-other-packages", ("dumb-init", "--", "python", "app.py")),
        ("4-08-crlf-and-backtick", ("dumb-init", "--", "node", "server.js")),
    ],
)
def test_starts_and_stops_at_once(engine: Engine, case: str, command: tuple[str, ...], tmp_path: Path) -> None:
    with engine.run(built_after(engine, f"init/{case}", tmp_path / "app")) as container:
        assert container.pid1_cmdline() == command
        assert container.running()
        assert container.stop().seconds < STOP_SECONDS, container.logs()


@pytest.mark.parametrize("start", ['CMD ["npm", "start"]', "CMD npm start", 'CMD ["sh", "-c", "node server.js"]'])
def test_a_graceful_stop_reaches_its_end(engine: Engine, start: str, tmp_path: Path) -> None:
    tmp_path.joinpath("Dockerfile").write_text(f"FROM node:20-alpine\nWORKDIR /app\nCOPY . .\n{start}\n")
    tmp_path.joinpath("package.json").write_text('{"name": "graceful", "scripts": {"start": "node server.js"}}\n')
    tmp_path.joinpath("server.js").write_text(GRACEFUL)
    rewrite(tmp_path, "exec-form", "init")
    with engine.run(built(engine, tmp_path)) as container:
        container.wait_http("/", 3000)
        stopped = container.stop()
        assert "closed in order" in container.logs()
        assert stopped.exit_code == 0
        assert stopped.seconds < STOP_SECONDS


def test_celery_finishes_behind_single_child(engine: Engine, tmp_path: Path) -> None:
    image = built_after(engine, "init/4-07-celery-gets-single-child", tmp_path / "app")
    with engine.run(image, env={"BROKER_URL": "memory://"}) as container:
        assert container.pid1_cmdline()[:3] == ("dumb-init", "--single-child", "--")
        for _ in range(200):
            if "ready" in container.logs():
                break
            container.exec("sleep", "0.1")
        stopped = container.stop()
        assert "Warm shutdown" in container.logs()
        assert stopped.exit_code == 0
