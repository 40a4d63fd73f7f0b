"""Apps in the root of the image: what the end takes from the builder, and where that cannot be told."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from dockfix import registry
from dockfix.dockerfile import Document
from dockfix.engine import Outcome, plan
from dockfix.facts import App, Tree
from dockfix.options import Options

DOCKERFILE = """\
FROM node:22-slim
COPY . .
RUN npm install
RUN npm run build
CMD ["node", "dist/main.js"]
"""
COMPILED = {"compilerOptions": {"outDir": "dist", "rootDir": "src"}}
BUNDLED = '{"compilerOptions": {"outDir": "dist", "outFile": "public/all.js", "module": "amd"}}'


def split(build: str, files: Mapping[str, str], scripts: Mapping[str, str], dockerfile: str) -> tuple[Outcome, str]:
    """What ``split-stages`` does with an app that *build* compiles, and the Dockerfile that comes of it."""
    manifest = {
        "scripts": {"build": build, **scripts},
        "dependencies": {"express": "4.19.2"},
        "devDependencies": {"typescript": "5.5.4"},
    }
    tree = {
        "Dockerfile": dockerfile,
        "package.json": json.dumps(manifest),
        "tsconfig.json": json.dumps(COMPILED),
        "src/main.ts": "import express from 'express';\nexpress().listen(3000);\n",
        "settings.json": "{}",
        **files,
    }
    app = App(Tree(tree))
    found = plan(
        Document.parse(dockerfile), app, Options(only=frozenset({"split-stages"})), registry.transforms(), None
    )
    return found.outcomes[0], found.after


@pytest.mark.parametrize(
    ("build", "files"),
    [
        ("tsc", {}),
        ("tsc -p tsconfig.json && tsc-alias", {}),
        ("tsc --noEmit && tsc", {}),
        ("tsc --build", {}),
        ("rimraf dist && tsc", {}),
        ("rm -rf dist *.tsbuildinfo && tsc", {}),
        ("tsc && cp -r src/views dist/views", {}),
        ("tsc && mkdir -p dist/views && copyfiles -u 1 'src/**/*.html' dist", {}),
        ("babel src -d dist", {}),
        ("swc src --out-dir dist", {}),
        ("nest build", {}),
        ("nest build", {"nest-cli.json": '{"sourceRoot": "src", "compilerOptions": {"assets": ["**/*.hbs"]}}'}),
    ],
)
def test_takes_the_output_alone(build: str, files: Mapping[str, str]) -> None:
    outcome, after = split(build, files, {}, DOCKERFILE)
    assert outcome.kind == "applied"
    end = after.partition("AS runtime\n")[2]
    assert [line for line in end.splitlines() if line.startswith("COPY")] == [
        "COPY . .",
        "COPY --from=builder /node_modules ./node_modules",
        "COPY --from=builder /dist ./dist",
    ]


@pytest.mark.parametrize(
    ("build", "files", "scripts", "why"),
    [
        ("tsc && node words.js", {}, {}, "beside dist cannot be told"),
        ("tsc && webpack", {}, {}, "beside dist cannot be told"),
        ("tsc && cp settings.json settings.local.json", {}, {}, "beside dist cannot be told"),
        ("tsc > words.txt", {}, {}, "beside dist cannot be told"),
        ("rm -rf settings.json && tsc", {}, {}, "beside dist cannot be told"),
        ("rm -rf * && tsc", {}, {}, "beside dist cannot be told"),
        ("tsc src/main.ts --outDir dist", {}, {}, "beside dist cannot be told"),
        ("tsc && tsc -p pages", {"pages/tsconfig.json": '{"compilerOptions": {"outDir": "out"}}'}, {}, "beside "),
        ("tsc -b", {"tsconfig.json": json.dumps({**COMPILED, "references": [{"path": "a"}]})}, {}, "beside dist"),
        ("tsc -b a b", {}, {}, "cannot be told"),
        ("tsc", {"tsconfig.json": "{}"}, {}, "what the build writes there cannot be told"),
        ("tsc", {"tsconfig.json": '{"compilerOptions": {"outDir": "./"}}'}, {}, "what the build writes there cannot"),
        ("babel src -d dist && babel pages -d out", {}, {}, "beside "),
        ("tsc && cp -t public dist/main.js", {}, {}, "beside dist cannot be told"),
        ("tsc && cp --target-directory=public dist/main.js", {}, {}, "beside dist cannot be told"),
        ("tsc && copyfiles src/a.html public --exclude dist/b", {}, {}, "beside dist cannot be told"),
        ("tsc && rm -rf dist/{a,../b}", {}, {}, "beside dist cannot be told"),
        ("tsc && tsc --outFile public/all.js", {}, {}, "beside dist cannot be told"),
        ("tsc", {"tsconfig.json": '{"extends": "./base"}', "base.json": BUNDLED}, {}, "what the build writes there"),
        ("tsc", {"tsconfig.json": BUNDLED}, {}, "what the build writes there cannot be told"),
        ("tsc --outDir $OUT", {}, {}, "what the build writes there cannot be told"),
        ("nest build shop", {}, {}, "beside dist cannot be told"),
        ("nest build --config=other.json", {}, {}, "beside dist cannot be told"),
        ("nest build", {"nest-cli.json": '{"compilerOptions": {"builder": {"type": "webpack"}}}'}, {}, "beside dist"),
        ("rm -rf {dist,src} && tsc", {}, {}, "beside dist cannot be told"),
        ("nest build", {"nest-cli.json": '{"projects": {"shop": {}}}'}, {}, "beside dist cannot be told"),
        ("nest build", {"nest-cli.json": '{"compilerOptions": {"webpack": true}}'}, {}, "beside dist cannot be told"),
        (
            "nest build",
            {"nest-cli.json": '{"compilerOptions": {"assets": [{"include": "*.hbs", "outDir": "views"}]}}'},
            {},
            "beside dist cannot be told",
        ),
        ("tsc", {}, {"postinstall": "node words.js"}, "what postinstall writes there cannot be told (package.json:1)"),
        ("tsc", {}, {"postbuild": "node words.js"}, "beside dist cannot be told"),
        ("tsc", {"binding.gyp": "{}"}, {}, "an add-on of its own is built there (binding.gyp)"),
        ("tsc", {"dist/main.js": ""}, {}, "dist of the build context would cover what the build makes"),
    ],
)
def test_refuses_what_may_lie_elsewhere(
    build: str, files: Mapping[str, str], scripts: Mapping[str, str], why: str
) -> None:
    outcome, after = split(build, files, scripts, DOCKERFILE)
    assert (outcome.kind, after) == ("refused", DOCKERFILE)
    assert outcome.why.startswith("the app lies in the root of the image, and ")
    assert why in outcome.why


@pytest.mark.parametrize("name", ["bin", "lib", "usr/share/shop"])
def test_refuses_folders_of_the_system(name: str) -> None:
    files = {"tsconfig.json": json.dumps({"compilerOptions": {"outDir": name, "rootDir": "src"}})}
    dockerfile = DOCKERFILE.replace("dist", name)
    outcome, after = split("tsc", files, {}, dockerfile)
    assert (outcome.kind, after) == ("refused", dockerfile)
    assert f"the build writes into /{name}, where the system has files of its own" in outcome.why


def test_refuses_what_would_come_again() -> None:
    dockerfile = DOCKERFILE.replace("CMD", "RUN rm -rf src\nCMD")
    outcome, after = split("tsc", {}, {}, dockerfile)
    assert (outcome.kind, after) == ("refused", dockerfile)
    assert outcome.why == "the app lies in the root of the image, and what is taken away here would come again"


@pytest.mark.parametrize(
    "command", ["chmod -R 777 node_modules", "mkdir -p dist/logs", "chown -R node .", "touch $FILE"]
)
def test_refuses_what_the_build_adds_to(command: str) -> None:
    dockerfile = DOCKERFILE.replace("RUN npm run build", f"RUN {command}\nRUN npm run build")
    outcome, after = split("tsc", {}, {}, dockerfile)
    assert (outcome.kind, after) == ("refused", dockerfile)
    assert outcome.why == "the app lies in the root of the image, and what is made here is built upon"


def test_refuses_a_build_elsewhere() -> None:
    dockerfile = DOCKERFILE.replace("RUN npm run build", "RUN cd client && npm run build")
    outcome, after = split("tsc", {"client/package.json": '{"scripts": {"build": "tsc"}}'}, {}, dockerfile)
    assert (outcome.kind, after) == ("refused", dockerfile)


def test_keeps_modes_that_are_set_before_the_build() -> None:
    dockerfile = DOCKERFILE.replace("RUN npm run build", "RUN chmod +x start.sh && mkdir -p files\nRUN npm run build")
    outcome, after = split("tsc", {"start.sh": "#!/bin/sh\nexec node dist/main.js\n"}, {}, dockerfile)
    assert outcome.kind == "applied"
    assert "RUN chmod +x start.sh && mkdir -p files" in after.partition("AS runtime\n")[2]


def test_lays_the_output_between_what_the_file_copies_before_and_behind_the_build() -> None:
    lines = ["COPY . .", "COPY shared ./", "RUN npm run build", "COPY pages ./dist/pages"]
    dockerfile = DOCKERFILE.replace(
        "COPY . .\nRUN npm install\nRUN npm run build", "\n".join(["RUN npm install", *lines])
    )
    dockerfile = dockerfile.replace("RUN npm install", "COPY package.json ./\nRUN npm install")
    outcome, after = split("tsc", {"shared/dist/a.js": "", "pages/index.html": ""}, {}, dockerfile)
    assert outcome.kind == "applied"
    end = after.partition("AS runtime\n")[2]
    assert [line for line in end.splitlines() if line.startswith("COPY")] == [
        "COPY . .",
        "COPY --from=builder /node_modules ./node_modules",
        "COPY shared ./",
        "COPY --from=builder /dist ./dist",
        "COPY pages ./dist/pages",
    ]


def test_refuses_copies_that_would_cover_what_is_laid_there() -> None:
    lines = ["RUN npm run build", "COPY pages ./dist/pages", "RUN cp pages/shop.html dist/pages/index.html"]
    dockerfile = DOCKERFILE.replace("RUN npm run build", "\n".join(lines))
    outcome, after = split("tsc", {"pages/index.html": ""}, {}, dockerfile)
    assert (outcome.kind, after) == ("refused", dockerfile)
    assert "this would cover what is laid beside the build behind it" in outcome.why


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ("module.exports = {output: 'export'}", "refused"),
        ("module.exports = {output: process.env.OUTPUT ?? 'export'}", "refused"),
        ("module.exports = {output: 'standalone', ...(process.env.PAGES && {output: 'export'})}", "refused"),
        ("module.exports = {output: 'standalone'}", "applied"),
        ("module.exports = {poweredByHeader: false}", "applied"),
    ],
)
def test_refuses_pages_that_next_exports(settings: str, kind: str) -> None:
    files = {"next.config.js": settings, "server.js": "require('express')().listen(3000);\n"}
    dockerfile = DOCKERFILE.replace("dist/main.js", "server.js")
    outcome, after = split("next build", files, {}, dockerfile)
    assert outcome.kind == kind
    assert (after == dockerfile) == (kind == "refused")


def test_gains_nothing_without_dev_dependencies() -> None:
    dockerfile = DOCKERFILE.replace("npm install", "npm install --omit=dev")
    outcome, after = split("tsc", {}, {}, dockerfile)
    assert (outcome.kind, after) == ("note", dockerfile)
