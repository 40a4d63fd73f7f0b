"""RUNs that lay files beside others: they belong to what builds, or stay where nothing is built."""

from __future__ import annotations

import json

import pytest

from dockfix import registry
from dockfix.dockerfile import Document
from dockfix.engine import Plan, plan
from dockfix.facts import App, Tree
from dockfix.options import Options

DOCKERFILE = """\
FROM node:22-slim
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN {command}
CMD ["node", "dist/main.js"]
"""


def split(command: str, workdir: str = "/app", before: str = "") -> Plan:
    manifest = {
        "scripts": {"build": "tsc"},
        "dependencies": {"express": "4.19.2"},
        "devDependencies": {"typescript": "5.5.4"},
    }
    locked = {"": manifest, "node_modules/express": {"version": "4.19.2"}}
    locked["node_modules/typescript"] = {"version": "5.5.4", "dev": True}
    dockerfile = DOCKERFILE.format(command=command).replace("/app", workdir).replace("WORKDIR", f"{before}WORKDIR")
    tree = {
        "Dockerfile": dockerfile,
        "package.json": json.dumps(manifest),
        "package-lock.json": json.dumps({"lockfileVersion": 3, "packages": locked}),
        "tsconfig.json": json.dumps({"compilerOptions": {"outDir": "dist", "rootDir": "src"}}),
        "src/main.ts": "import express from 'express';\nexpress().listen(3000);\n",
        "settings.example": "",
    }
    options = Options(only=frozenset({"split-stages"}))
    return plan(Document.parse(dockerfile), App(Tree(tree)), options, registry.transforms())


@pytest.mark.parametrize(
    "command",
    [
        "npm run build && cp -r src/views dist/",
        "npm run build && mkdir -p dist/views && cp src/views/* dist/views/",
        "cp settings.example settings.json && npm run build",
        "npm run build && cp /etc/mime.types /app/dist/mime.types",
        "npm run build && chmod +x dist/main.js && npm cache clean --force",
        "npm run build\nRUN cp -r src/views dist/views",
        "cp settings.example settings.json\nRUN npm run build",
        "npm run build\nRUN mkdir -p dist/views\nRUN cp src/views/*.html dist/views/",
        "npm run build\nRUN mkdir dist/views && chmod 700 dist/views\nRUN cp src/views/*.html dist/views/",
        "npm run build\nCOPY words dist/words\nRUN cp words/en.txt dist/words/default.txt",
    ],
)
def test_belongs_to_the_builder(command: str) -> None:
    found = split(command)
    assert found.outcomes[0].kind == "applied"
    builder, _, end = found.after.partition("AS runtime\n")
    assert f"RUN {command}\nRUN npm prune --omit=dev\n" in builder
    assert "RUN" not in end
    assert "COPY --from=builder /app ./" in end.splitlines()


@pytest.mark.parametrize(
    "command",
    [
        "npm run build && cp dist/main.js /usr/local/bin/shop",
        "npm run build && cp -t /etc dist/main.js",
        "npm run build && cp -vt /etc dist/main.js",
        "npm run build && cp --target=/etc dist/main.js",
        "npm run build && cp dist/main.js",
        "npm run build && chmod -x dist/main.js package.json",
        "npm run build && mkdir ~/files",
        "npm run build && cp package.json /srv",
        "cp $SETTINGS settings.json && npm run build",
        "cp settings.example ../settings.json && npm run build",
        "cp settings.example . && npm run build",
        "cp package.docker.json package.json && npm run build",
        "cp -r shared node_modules/shared && npm run build",
        "npm run build && mv dist /srv/dist",
        "npm run build && rm -rf src package-lock.json",
        "npm run build && chmod -R 777 /app",
        "cd client && cp a b && npm run build",
        "npm run build && (cp a b || true)",
        "npm run build && cp a b > copied.txt",
    ],
)
def test_refuses_what_reaches_elsewhere(command: str) -> None:
    found = split(command)
    assert not found.changed
    assert "what this instruction leaves behind for the app cannot be told" in found.outcomes[0].why


@pytest.mark.parametrize(
    ("between", "command"),
    [
        ("COPY extra /extra", "cp /extra/a.txt dist/a.txt"),
        ("COPY --from=busybox /etc/passwd /app/extra.txt", "cp extra.txt dist/extra.txt"),
        ("RUN apt-get update && apt-get install -y media-types", "cp /etc/mime.types dist/mime.types"),
        ("RUN npm install -g pug-cli", "cp /usr/local/lib/node_modules/pug-cli/index.js dist/pug.js"),
        ("RUN chmod 600 settings.example && chown node settings.example", "cp settings.example dist/settings.json"),
        ("RUN mkdir -p /srv/shop", "cp settings.example dist/settings.json"),
        ("USER node", "cp settings.example dist/settings.json"),
        ("VOLUME /app/data", "cp settings.example data/settings.json"),
    ],
)
def test_refuses_what_may_need_a_step_of_the_end(between: str, command: str) -> None:
    found = split(f"npm run build\n{between}\nRUN {command}")
    assert not found.changed
    assert (
        "this belongs to the image that runs, and what is laid beside the build behind it may" in found.outcomes[0].why
    )


def test_refuses_folders_of_another_account_before_it() -> None:
    assert not split("mkdir -p dist/views && chown node dist/views\nRUN npm run build && cp a.html dist/views").changed


@pytest.mark.parametrize("between", ["ENV A=b", "EXPOSE 3000", "LABEL a=b", "RUN npm cache clean --force"])
def test_passes_by_what_leaves_no_file(between: str) -> None:
    assert split(f"npm run build\n{between}\nRUN cp settings.example dist/settings.json").changed


def test_leaves_to_the_end_what_only_makes_folders() -> None:
    builder, _, end = split("npm run build\nRUN mkdir -p files").after.partition("AS runtime\n")
    assert "mkdir" not in builder
    assert "RUN mkdir -p files\n" in end


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("cp /usr/local/lib/node_modules/pm2/package.json dist/pm2.json", True),
        ("cp ~/.pm2/a dist/a", True),
        ("cp settings.example dist/settings.json", False),
    ],
)
def test_has_the_tools_from_which_files_are_taken(command: str, kept: bool) -> None:
    found = split(f"npm run build\nRUN {command}", before="RUN npm install -g pm2\n")
    builder = found.after.partition("AS runtime\n")[0]
    assert found.changed
    assert ("pm2\n" in builder) == kept


def test_stays_where_nothing_is_built() -> None:
    found = split("cp settings.example settings.json")
    assert found.outcomes[0].kind == "applied"
    builder, _, end = found.after.partition("AS runtime\n")
    assert "RUN cp" not in builder
    assert "COPY . .\n" in end.partition("RUN cp settings.example settings.json\n")[0]


def test_refuses_to_take_from_the_modules_where_nothing_is_built() -> None:
    assert not split("cp node_modules/typescript/lib/tsc.js tsc.js").changed


def test_is_told_in_the_root_of_the_image() -> None:
    assert split("npm run build && cp -r src/views dist/views", "/").changed
    assert split("npm run build\nRUN cp -r src/views dist/views", "/").changed
    assert not split("npm run build && cp settings.example settings.json", "/").changed
    assert not split("npm run build\nRUN cp settings.example settings.json", "/").changed
