"""However a start is written, the transforms about it keep their promises: no proof fails, and line ends stay."""

from __future__ import annotations

import pytest

from dockfix.dockerfile import Document
from dockfix.engine import Plan, plan
from dockfix.facts import App
from dockfix.facts.files import Tree
from dockfix.options import Options
from dockfix.registry import transforms

TRANSFORMS = frozenset({"exec-form", "init", "expose", "healthcheck", "python-env"})

HEADS = {
    "plain": "FROM node:20-alpine\nWORKDIR /app\nCOPY . .\n",
    "inherited": 'FROM node:20 AS a\nWORKDIR /app\nCOPY . .\nCMD ["node", "server.js"]\n\nFROM a\n',
    "lower-case": "from node:20-slim\nworkdir /app\ncopy . .\n",
    "packages": "FROM node:20-slim\n\nRUN apt-get update && apt-get install -y \\\n  # tools\n  curl \\\n  git\n\n"
    "WORKDIR /app\n\nCOPY . .\n\n",
    "strict-shell": 'FROM node:20-slim\nSHELL ["/bin/bash", "-c"]\nWORKDIR /app\nCOPY . .\n',
    "windows": "FROM mcr.microsoft.com/windows/nanoserver\nCOPY . .\n",
    "scratch": "FROM scratch\nCOPY . .\n",
    "variable": "FROM $BASE\nWORKDIR /app\nCOPY . .\n",
    "user": "FROM node:20-alpine\nUSER node\nWORKDIR /app\nCOPY . .\n",
}

STARTS = (
    "",
    "CMD []",
    'CMD [""]',
    'ENTRYPOINT []\nCMD ["node", "server.js"]',
    'ENTRYPOINT ["node", \\\n  # the server\n  "server.js"]',
    'CMD ["node", "server.js"]\nCMD ["node","server.js"]',
    "CMD node server.js",
    "ENTRYPOINT node server.js\nCMD []",
    "CMD exec node server.js",
    "CMD cd /app && node server.js",
    "CMD cd /app && \\\n    node server.js",
    "CMD node server.js || true",
    "CMD (node server.js)",
    'CMD ["/bin/sh", "-c", "cd /app && PORT=4000 node server.js"]',
    "CMD A=1 B=2 node $X",
    "CMD node server.js &",
    "CMD if true; then node server.js; fi",
    'CMD ["npm", "run", "start", "--", "--verbose"]',
    'CMD "node" "server.js"',
    'CMD ["sh", "start.sh"]',
    "CMD set -e; node server.js",
    "CMD\tnode  server.js   # the server",
    'ENTRYPOINT ["/bin/sh", "-c", "node server.js"]\nCMD ["x"]',
    "CMD node server.js > /dev/null",
    'CMD ["node", "server.js"]\nENTRYPOINT ["tini", "--"]',
    'CMD trap "exit" TERM && node server.js',
    'CMD ["dumb-init", "node", "server.js"]',
    "HEALTHCHECK CMD curl localhost\nCMD node server.js",
    'CMD ["server.js"]',
    "ONBUILD CMD node x.js\nCMD node server.js",
    'CMD ["node", "server.js",]',
    'CMD "',
)


def planned(text: str) -> Plan:
    files = {
        "Dockerfile": text,
        "package.json": '{"name": "app", "version": "1.0.0", "scripts": {"start": "node server.js"}}\n',
        "server.js": "require('http').createServer((q, a) => a.end()).listen(process.env.PORT || 3000)\n",
        "start.sh": "#!/bin/sh\nnode server.js\n",
    }
    app = App(Tree(files), "Dockerfile")
    return plan(Document.parse(text), app, Options(only=TRANSFORMS), transforms())


@pytest.mark.parametrize("end", ["", "\n"], ids=["open", "closed"])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("start", STARTS)
def test_every_start_is_proven(head: str, start: str, end: str) -> None:
    text = HEADS[head] + start + end
    result = planned(text)
    assert not result.defects
    assert planned(result.after).after == result.after
    windows = planned(text.replace("\n", "\r\n"))
    assert not windows.defects
    assert windows.after == result.after.replace("\n", "\r\n")
