"""Whether the pages ask another address in development than in a build, decided by syntax."""

# Sources read best on the line of their case.
# ruff: noqa: E501
from __future__ import annotations

import pytest

from dockfix.facts.jsmodes import decided, flags


@pytest.mark.parametrize(
    "source",
    [
        "const API = import.meta.env.DEV ? 'http://localhost:3001' : '/api'",
        "const isDev = import.meta.env.DEV; const API = isDev ? 'http://localhost:3001' : '/api'",
        "const isProd = process.env.NODE_ENV === 'production'\nexport const API = isProd ? '' : 'http://localhost:3001'",
        "const API = import.meta.env.MODE === 'development' ? '/dev-api' : '/api'",
        "const { DEV } = import.meta.env; const u = DEV ? 'ws://localhost' : 'wss://x.io'",
        "const env = import.meta.env; const u = env.PROD ? 'https://a.b.io' : 'http://localhost:1'",
        "const dev = () => process.env.NODE_ENV !== 'production'; const u = dev() ? 'http://localhost:1' : '/'",
        "const config = { isDev: import.meta.env.DEV }; const u = config.isDev ? 'http://a' : 'http://b'",
        "const A = 'http://localhost:1', B = '/api'; axios.create({ baseURL: import.meta.env.DEV ? A : B })",
        "import { A_URL, B_URL } from './c'; const u = import.meta.env.DEV ? A_URL : B_URL",
        "const u = import.meta.env.DEV ? `${location.protocol}//${location.hostname}:3001` : ''",
        "const s = io(process.env.NODE_ENV === 'production' ? undefined : 'http://localhost:4000')",
        "const u = (import.meta.env.DEV && 'http://localhost:1') || '/api'",
        "let url = '/api'\nif (import.meta.env.DEV) { url = `http://localhost:3001` }",
        "if (import.meta.env.DEV) { console.log('x'); url = 'http://localhost:3001' }",
        "if (import.meta.env.PROD) url = location.origin; else url = 'http://localhost:3001'",
        "if (import.meta.env.DEV) { fetch('/mock') }",
        "function base() { if (process.env.NODE_ENV === 'production') { return location.pathname } return 'http://localhost:3001' }",
        "switch (process.env.NODE_ENV) { case 'production': url = '/api'; break; default: url = 'http://localhost:1' }",
        "const u = {development: 'http://localhost:1', production: '/api'}[process.env.NODE_ENV]",
        "const urls = {development: 'http://localhost:1', production: '/api'}; const u = urls[import.meta.env.MODE]",
    ],
)
def test_an_address_that_the_mode_decides(source: str) -> None:
    assert decided("src/main.jsx", source.encode()) is not None
    assert decided("src/main.ts", source.encode()) is not None


@pytest.mark.parametrize(
    "source",
    [
        "if (import.meta.env.DEV) console.log('hi')\nconst docs = 'https://react.dev'",
        "if (import.meta.env.DEV) { console.log('see https://react.dev/x') }",
        "if (process.env.NODE_ENV !== 'production') { throw new Error('see https://x.io') }",
        "const composed = process.env.NODE_ENV === 'production' ? compose : composeWithDevTools",
        "const api = import.meta.env.DEV ? '/api' : '/api'",
        "const mode = import.meta.env.PROD ? 'production' : 'development'; fetch('https://x.io/' + mode)",
        "if (process.env.NODE_ENV === 'production' && 'serviceWorker' in navigator) { register(`${process.env.PUBLIC_URL}/service-worker.js`) }",
        "if (process.env.NODE_ENV !== 'production' && location.pathname === '/x') { debug() }",
        "const tools = import.meta.env.DEV && <a href='/debug'>x</a>",
        "export const store = configureStore({ devTools: process.env.NODE_ENV !== 'production', start: '/x' })",
        "if (import.meta.env.DEV) { import('/src/dev.js') }",
        "const url = import.meta.env.VITE_API || '/api'",
        "const App = () => { if (import.meta.env.DEV) { console.log(1) } return fetch('/x') }",
        "function log() { if (process.env.NODE_ENV === 'production') return null; fetch('/x') }",
        "if (import.meta.env.PROD) navigator.serviceWorker.register('/sw.js')",
        "import express from 'express'; if (process.env.NODE_ENV === 'production') app.get('/', page)",
    ],
)
def test_what_the_mode_decides_otherwise(source: str) -> None:
    assert decided("src/main.jsx", source.encode()) is None


def test_the_script_of_a_component_and_its_line() -> None:
    source = '<template>\n  <a href="https://x.io">x</a>\n</template>\n<script setup lang="ts">\nconst port: number = 1\nconst u = import.meta.env.DEV ? "http://a.io" : "/"\n</script>\n'
    assert decided("src/App.vue", source.encode()) == 6


def test_a_name_of_the_mode_from_another_source() -> None:
    known = flags("src/env.ts", b"export const isDev = import.meta.env.DEV; export const name = 'x'")
    assert known == {"isDev"}
    source = b"import { isDev } from './env'\nexport const API = isDev ? 'http://localhost:3001' : '/api'"
    assert decided("src/api.ts", source, known) == 2
    assert decided("src/api.ts", source) is None
    assert flags("src/api.ts", source) == frozenset()


def test_what_is_nested_too_deeply_to_be_followed_counts() -> None:
    nested = "f(" * 20_000 + '"x"' + ")" * 20_000
    assert decided("a.js", f"\nif (import.meta.env.DEV) {nested}".encode()) == 2
