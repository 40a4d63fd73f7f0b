# Sources read best on the line of their case.
# ruff: noqa: E501
from __future__ import annotations

import json
from typing import Any

import pytest

from dockfix.facts import App, Tree
from dockfix.facts.node import Node


def node(manifest: dict[str, Any], files: dict[str, str] | None = None) -> Node:
    found = App(Tree({"package.json": json.dumps(manifest), **(files or {})})).node
    assert found is not None
    return found


VITE = {"devDependencies": {"vite": "5"}, "scripts": {"build": "tsc && vite build", "dev": "vite"}}
ANGULAR = {"dependencies": {"@angular/core": "17"}, "scripts": {"build": "ng build --configuration production"}}


def angular(builder: str, options: dict[str, Any]) -> dict[str, str]:
    build = {"builder": f"@angular-devkit/build-angular:{builder}", "options": options}
    return {
        "angular.json": json.dumps(
            {"projects": {"shop": {"projectType": "application", "architect": {"build": build}}}}
        )
    }


@pytest.mark.parametrize(
    ("manifest", "files", "spa", "output"),
    [
        (VITE, {"vite.config.ts": "export default defineConfig({ plugins: [react()] })"}, "vite", "dist"),
        (VITE, {"vite.config.ts": "export default defineConfig(({ mode }) => ({ build: { outDir: 'out/web' } }))"}, "vite", "out/web"),
        (VITE, {"vite.config.js": "const config = { build: { outDir: process.env.OUT } }\nexport default config"}, None, None),
        (VITE, {"index.html": ""}, "vite", "dist"),
        ({**VITE, "dependencies": {"express": "4"}}, {"index.html": ""}, None, "dist"),
        ({"dependencies": {"react-scripts": "5"}, "scripts": {"build": "react-scripts build"}}, {}, "cra", "build"),
        ({"dependencies": {"react-scripts": "5"}, "scripts": {"build": "BUILD_PATH=./www react-scripts build"}}, {}, "cra", "www"),
        ({"dependencies": {"react-scripts": "5"}, "scripts": {"build": "react-scripts build"}}, {".env": "BUILD_PATH=out", ".env.production": "export BUILD_PATH = './www' # served"}, "cra", "www"),
        (ANGULAR, angular("application", {"outputPath": "dist/shop"}), "angular", "dist/shop/browser"),
        (ANGULAR, angular("browser", {"outputPath": "dist/shop"}), "angular", "dist/shop"),
        (ANGULAR, angular("application", {"outputPath": {"base": "dist/x", "browser": ""}}), "angular", "dist/x"),
        ({**ANGULAR, "devDependencies": {"@angular/ssr": "17"}}, angular("application", {"outputPath": "dist/shop"}), None, "dist/shop/browser"),
        ({"devDependencies": {"@vue/cli-service": "5"}, "scripts": {"build": "vue-cli-service build"}}, {"vue.config.js": "module.exports = { outputDir: 'public_html' }"}, "vue-cli", "public_html"),
        ({"dependencies": {"next": "14"}, "scripts": {"build": "next build"}}, {}, None, ".next"),
        ({"dependencies": {"express": "4"}, "scripts": {"build": "rimraf dist && tsc -p tsconfig.build.json"}}, {"tsconfig.build.json": '{"extends": "./tsconfig.json"}', "tsconfig.json": '{"compilerOptions": {"outDir": "./built"}}'}, None, "built"),
        ({"dependencies": {"@nestjs/core": "10"}, "scripts": {"build": "nest build"}}, {}, None, "dist"),
        ({"scripts": {"build": "webpack src/a.js -o ./out/bundle.js"}}, {}, None, "out"),
        ({"scripts": {"build": "esbuild src/a.ts --bundle --outdir=lib"}}, {}, None, "lib"),
    ],
)  # fmt: skip
def test_spa_and_output(manifest: dict[str, Any], files: dict[str, str], spa: str | None, output: str | None) -> None:
    found = node(manifest, files)
    assert (found.spa and found.spa.value) == spa
    assert (found.build_output and found.build_output.value) == output


def test_what_a_plain_file_server_would_not_do() -> None:
    config = "export default {\n  base: '/shop/',\n  server: { port: 8080, proxy: { '/api': 'http://api' } },\n}"
    found = node(VITE, {"vite.config.js": config, "src/a.ts": "fetch(import.meta.env.VITE_API)"})
    assert found.base_path is not None
    assert (found.base_path.value, found.base_path.origin) == (
        "/shop/",
        "vite.config.js:2",
    )
    assert found.dev_proxy is not None
    assert (found.dev_proxy.value, found.dev_proxy.origin) == ("/api", "vite.config.js:3")
    assert found.dev_port is not None
    assert found.dev_port.value == 8080
    assert [(fact.value, fact.origin) for fact in found.frontend.environment] == [("VITE_API", "src/a.ts:1")]
    assert node({"proxy": "http://x"}).dev_proxy is not None


@pytest.mark.parametrize(
    ("script", "port", "variable"),
    [
        ("next start", 3000, "PORT"),
        ("next start -p 4000", 4000, None),
        ("next start -p $PORT", None, "PORT"),
        ("PORT=5000 react-scripts start", 5000, "PORT"),
        ("vite --host 0.0.0.0", 5173, None),
        ("vite preview --port 80", 80, None),
        ("ng serve --host 0.0.0.0", 4200, None),
        ("serve -s build -l tcp://0.0.0.0:5000", 5000, None),
    ],
)
def test_ports_of_frameworks(script: str, port: int | None, variable: str | None) -> None:
    found = node({"scripts": {"start": script}})
    program = found.frontend.port_of(found.resolve(("npm", "start")))
    assert program is not None
    assert program.port == port
    assert program.variable == variable


def test_a_program_without_a_server_has_no_port() -> None:
    found = node({"scripts": {"start": "node a.js"}})
    assert found.frontend.port_of(found.resolve(("npm", "start"))) is None
