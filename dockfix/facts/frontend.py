"""Browser apps and framework servers: what builds them, where the output lands, what their dev server adds."""

from __future__ import annotations

import posixpath
import re
from functools import cached_property
from typing import TYPE_CHECKING

from dockfix.facts.angular import Angular
from dockfix.facts.devserver import extras
from dockfix.facts.dotenv import values
from dockfix.facts.fact import Fact
from dockfix.facts.files import join
from dockfix.facts.jsconfig import Configuration
from dockfix.facts.jsprograms import ProgramPort, option, port_of
from dockfix.facts.jssyntax import line, pairs, text
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tree_sitter import Node as Syntax

    from dockfix.facts.commands import Resolved
    from dockfix.facts.node import Node
    from dockfix.facts.replacements import Replacement

#: Package → framework, the more particular first.
_FRAMEWORKS = {
    "next": "next", "nuxt": "nuxt", "nuxt3": "nuxt", "@remix-run/node": "remix", "@react-router/node": "react-router",
    "@sveltejs/kit": "svelte-kit", "astro": "astro", "gatsby": "gatsby", "@docusaurus/core": "docusaurus",
    "@strapi/strapi": "strapi", "strapi": "strapi", "@nestjs/core": "nest", "@angular/core": "angular",
    "react-scripts": "cra", "@vue/cli-service": "vue-cli", "@quasar/app-vite": "quasar", "@11ty/eleventy": "eleventy",
    "vitepress": "vitepress", "fastify": "fastify", "express": "express", "koa": "koa", "@hapi/hapi": "hapi",
    "hono": "hono",
    "restify": "restify", "polka": "polka", "vite": "vite", "parcel": "parcel", "webpack": "webpack",
}  # fmt: skip
_SERVERS = frozenset({"express", "fastify", "koa", "hapi", "hono", "restify", "polka", "nest", "strapi", "next",
                      "nuxt", "remix",
                      "react-router", "svelte-kit"})  # fmt: skip
_SPA = {"@angular/core": "angular", "react-scripts": "cra", "@craco/craco": "cra", "react-app-rewired": "cra",
        "@vue/cli-service": "vue-cli", "vite": "vite"}  # fmt: skip
_SSR = ("@angular/ssr", "@nguniversal/express-engine", "vike", "vite-plugin-ssr", "vite-ssr",
        "@angular/platform-server",
        "@tanstack/react-start", "@tanstack/start", "@solidjs/start", "@builder.io/qwik-city", "electron")  # fmt: skip
_VITE = tuple(f"vite.config.{extension}" for extension in ("ts", "js", "mts", "mjs", "cts", "cjs"))
_VUE = ("vue.config.js", "vue.config.cjs", "vue.config.ts")
_NUXT = tuple(f"nuxt.config.{extension}" for extension in ("js", "ts", "mjs"))
_NEXT = ("next.config.js", "next.config.mjs", "next.config.ts", "next.config.cjs")
_PREFIXES = {"vite": ("VITE_",), "cra": ("REACT_APP_",), "vue-cli": ("VUE_APP_",), "next": ("NEXT_PUBLIC_",),
             "nuxt": ("NUXT_PUBLIC_",), "gatsby": ("GATSBY_",), "astro": ("PUBLIC_",)}  # fmt: skip


class Frontend:
    """What configuration files say of a package's build and dev server.

    Args:
        node: the package.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self._configuration = Configuration(node)
        self._angular = Angular(node)

    @cached_property
    def framework(self) -> Fact[str] | None:
        """The framework, by the dependencies; the more particular before what it is made of."""
        for package, name in _FRAMEWORKS.items():
            found = self.node.dependency(package)
            if found is not None:
                return Fact(name, found.origin)
        return None

    @cached_property
    def spa(self) -> Fact[str] | None:
        """The builder of an app that only a browser runs: no server of its own, nothing rendered on a server."""
        framework = self.framework
        if framework is None or framework.value in _SERVERS:
            return None
        dependencies = {**self.node.dependencies, **self.node.optional_dependencies}
        if any(self.node.dependency(package) for package in _SSR):
            return None
        if any(_FRAMEWORKS.get(package) in _SERVERS for package in dependencies):
            return None
        for package, name in _SPA.items():
            found = self.node.dependency(package)
            if found is None:
                continue
            if name == "vite" and not (self._configuration.source(_VITE) or self.node.has("index.html")):
                return None
            if name == "vite" and (self.output is None or self._vite_is_a_library):
                return None
            return Fact(name, found.origin)
        return None

    @cached_property
    def _vite_is_a_library(self) -> bool:
        return any(self._configuration.option(_VITE, "build", key) for key in ("lib", "ssr"))

    # -- output --------------------------------------------------------------------------------------------------

    @cached_property
    def output(self) -> Fact[str] | None:
        """The folder that the ``build`` script fills, from the package's folder; None where it cannot be told."""
        script = self.node.scripts.get("build")
        if script is None:
            return self._framework_output()
        for words in self.node.resolve((self._runner, "run", "build")).commands[::-1]:
            found = self.output_of(words, script)
            if found is not None:
                return found
        return None

    @property
    def next_output(self) -> Fact[str] | None:
        """The folder that ``next build`` fills, and in which the server renews pages; None where it cannot be told.

        https://nextjs.org/docs/app/api-reference/config/next-config-js/distDir
        """
        return self._configuration.folder(_NEXT, ("distDir",), ".next")

    @property
    def _runner(self) -> str:
        return self.node.manager.removesuffix("-berry")

    def _framework_output(self) -> Fact[str] | None:
        spa = self.framework.value if self.framework else ""
        program = {
            "vite": "vite",
            "cra": "react-scripts",
            "angular": "ng",
            "vue-cli": "vue-cli-service",
            "next": "next",
        }.get(spa)
        return self.output_of((program, "build")) if program else None

    def output_of(self, words: tuple[str, ...], script: Fact[str] | None = None) -> Fact[str] | None:
        """The folder that a program fills; None where it cannot be told.

        Args:
            words: its call.
            script: the script in which that stands.
        """
        program = posixpath.basename(words[0])
        origin = script.origin if script else self.node.origin
        given = option(
            words, ("--outDir", "--out-dir", "--outdir", "--dest", "--output-path", "--dist-dir", "-d", "-o", "--out")
        )
        if given is not None and {"$", "`"} & {*given}:
            return None
        if program == "vite" and self.node.dependency("@sveltejs/kit"):
            return None  # its adapter decides
        if program == "vite" and "build" in words:
            return Fact(given, origin) if given else self._vite_output()
        if program in ("react-scripts", "craco", "react-app-rewired") and "build" in words:
            return self._cra_output(origin)
        if program == "ng" and words[1:2] in (("build",), ("b",)):
            return Fact(given, origin) if given else self._angular.output(words)
        if program == "vue-cli-service" and "build" in words:
            return Fact(given, origin) if given else self._configuration.folder(_VUE, ("outputDir",), "dist")
        if program == "bun" and words[1:2] == ("build",):
            return Fact(given, origin) if given else None
        if program == "next" and "build" in words:
            return self.next_output
        if program in ("nuxt", "nuxi") and words[1:2] in (("build",), ("generate",)):
            return Fact(".output", origin)
        if program in ("tsc", "tsc-alias", "nest", "tspc", "ttsc"):
            if any(word.lower().partition("=")[0] in ("--outfile", "--out") for word in words):
                return None  # one file
            return Fact(given, origin) if given and program != "nest" else self._compiled(words, origin)
        if program in (
            "babel",
            "swc",
            "tsup",
            "esbuild",
            "ncc",
            "parcel",
            "webpack",
            "rspack",
            "microbundle",
            "bunchee",
        ):
            if given:
                file = posixpath.splitext(given)[1] != ""
                return Fact(join("", posixpath.dirname(given) if file else given), origin)
            if program == "webpack":
                return self._webpack_output()
            return Fact("dist", f"{origin} (the program's default)") if program in ("tsup", "ncc", "parcel") else None
        if program in ("astro", "eleventy", "gatsby", "docusaurus") and "build" in (*words, "eleventy"):
            folder = {"astro": "dist", "eleventy": "_site", "gatsby": "public", "docusaurus": "build"}[program]
            return Fact(given or folder, origin)
        return None

    def _vite_output(self) -> Fact[str] | None:
        root = self._configuration.option(_VITE, "root")
        folder = root.value if root else ""
        found = self._configuration.folder(_VITE, ("build", "outDir"), "dist")
        return Fact(join(folder, found.value), found.origin) if found is not None else None

    def _cra_output(self, origin: str) -> Fact[str] | None:
        script = self.node.scripts.get("build")
        match = re.search(r"BUILD_PATH=['\"]?([^\s'\"&;]+)", script.value) if script else None
        given = Fact(match[1], script.origin) if match and script else self._env_file("BUILD_PATH")
        if given is None:
            return Fact("build", f"{origin} (the program's default)")
        return Fact(join("", given.value), given.origin)

    def _env_file(self, name: str) -> Fact[str] | None:
        """The value that the files of variables give a build: https://create-react-app.dev/docs/adding-custom-environment-variables"""
        for path in (".env.production", ".env"):
            found = [(value, number) for key, value, number in self._values(path) if key == name and value]
            if found:
                return Fact(found[-1][0], self.node.origin_of(path, found[-1][1]))
        return None

    def _compiled(self, words: tuple[str, ...], origin: str) -> Fact[str] | None:
        from dockfix.facts.jsgraph import compiler

        named = option(words, ("-p", "--project", "-b", "--build"))
        names = [named if named.endswith(".json") else join(named, "tsconfig.json")] if named else []
        if words[0] == "nest":
            names += ["tsconfig.build.json"]
        for name in (*names, "tsconfig.json"):
            found = compiler(self.node, name)
            if found is not None:
                return Fact(found.output, found.origin) if found.output and not found.bundle else None
        return Fact("dist", f"{origin} (the program's default)") if words[0] == "nest" else None

    def _webpack_output(self) -> Fact[str] | None:
        names = tuple(f"webpack.config.{kind}" for kind in ("js", "prod.js", "ts", "cjs", "mjs"))
        found = self._configuration.source(names)
        if found is None:
            return None
        for node in found.nodes["pair"]:
            key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
            if key is not None and value is not None and text(key) == "path" and _under(node, "output"):
                place = found.value(value)
                if place is not None and not place.open:
                    return Fact(join("", place.text.lstrip("/")), self.node.origin_of(found.path, line(node)))
                return None
        return Fact("dist", f"{self.node.origin_of(found.path)} (the program's default)")

    @cached_property
    def base_path(self) -> Fact[str] | None:
        """The path under which the app expects to be served, where it is not ``/``."""
        name = self.framework.value if self.framework else ""
        found: Fact[str] | None = None
        if name in ("vite", "quasar"):
            found = self._configuration.option(_VITE, "base")
        elif name == "vue-cli":
            found = self._configuration.option(_VUE, "publicPath")
        elif name == "next":
            found = self._configuration.option(_NEXT, "basePath")
        elif name == "cra":
            homepage = self.node.manifest.text("homepage")
            path = re.sub(r"^https?://[^/]*", "", homepage.value) if homepage else ""
            found = Fact(path or "/", homepage.origin) if homepage else None
        elif name == "angular":
            found = self._angular.base_path
        script = self.node.scripts.get("build")
        given = re.search(r"--(?:base-href|base|public-path)[= ]['\"]?([^\s'\"]+)", script.value) if script else None
        if given and script:
            found = Fact(given[1], script.origin)
        return found if found is not None and found.value not in ("/", "./", "", ".") else None

    @cached_property
    def dev_proxy(self) -> Fact[str] | None:
        """The dev server's proxy: what it forwards would fail in a plain file server."""
        manifest = self.node.manifest
        if manifest.get("proxy") is not None:
            return Fact(str(manifest.get("proxy")), manifest.origin("proxy"))
        for path in ("src/setupProxy.js", "src/setupProxy.ts", "proxy.conf.json", "proxy.conf.js",
                     "src/proxy.conf.json",
                     "proxy.config.json"):  # fmt: skip
            if self.node.has(path):
                return Fact(path, self.node.origin_of(path))
        given = self._angular.serving("proxyConfig")
        if given is not None:
            return given
        for names, keys in ((_VITE, ("server", "proxy")), (_VUE, ("devServer", "proxy"))):
            found = self._configuration.entry(names, keys)
            if found is not None:
                shown = ", ".join(pairs(found[1])) if found[1].type == "object" else text(found[1])
                return Fact(shown, self.node.origin_of(found[0].path, line(found[1])))
        for path in (*_VITE, *_VUE):
            # a configuration that is computed may have a proxy where nobody looks for one
            source = self.node.files.read(self.node.path(path)) or b""
            for number, content in enumerate(source.split(b"\n"), 1):
                if re.search(rb"\bproxy\b", content.partition(b"//")[0]):
                    return Fact(path, self.node.origin_of(path, number))
        return None

    @cached_property
    def dev_extra(self) -> Fact[str] | None:
        """What the dev server's configuration wants that no server of files does: headers, TLS, answers of its own."""
        return next(extras(self.node, self._configuration, (*_VITE, *_VUE)), None)

    @property
    def fetched_fonts(self) -> Fact[str] | None:
        """The host from which a build fetches the fonts of the page."""
        return self._angular.fetched_fonts if self.framework and self.framework.value == "angular" else None

    @cached_property
    def dev_port(self) -> Fact[int] | None:
        """The port of the dev server, where a configuration or the script names one."""
        for names, keys in ((_VITE, ("server", "port")), (_VUE, ("devServer", "port"))):
            found = self._configuration.option(names, *keys)
            if found is not None and found.value.isdigit():
                return Fact(int(found.value), found.origin)
        given = self._angular.serving("port")
        if given is not None and given.value.isdigit():
            return Fact(int(given.value), given.origin)
        for name in ("dev", "start", "serve"):
            script = self.node.scripts.get(name)
            match = re.search(r"(?:--port[= ]|\bPORT=)(\d+)", script.value) if script else None
            if match and script:
                return Fact(int(match[1]), script.origin)
        return None

    @cached_property
    def computed_port(self) -> Fact[str] | None:
        """Where a configuration may set the dev server's port to what only running it would tell."""
        for path in (*_VITE, *_VUE) if self.dev_port is None else ():
            data = self.node.files.read(self.node.path(path)) or b""
            for number, content in enumerate(data.split(b"\n"), 1):
                if re.search(rb"\bport\b", content.partition(b"//")[0]):
                    return Fact(path, self.node.origin_of(path, number))
        return None

    def development_only(self, given: Collection[str]) -> Fact[str] | None:
        """A variable of the pages that only a development server reads, and that a build would lack.

        https://vite.dev/guide/env-and-mode, https://create-react-app.dev/docs/adding-custom-environment-variables

        Args:
            given: variables that the environment of the build has.
        """
        built = {name for path in (".env", ".env.production") for name, _, _ in self._values(path)} | {*given}
        for path in (".env.development", ".env.development.local"):
            for name, _, number in self._values(path):
                if name not in built and name.startswith(("VITE_", "REACT_APP_", "VUE_APP_")):
                    return Fact(name, self.node.origin_of(path, number))
        return None

    def replacements(self, serving: Sequence[str], building: Sequence[str]) -> tuple[Replacement, ...]:
        """The files that a build by one command takes where the server of another takes others."""
        from dockfix.facts.replacements import replacements

        angular = self.spa is not None and self.spa.value == "angular"
        return tuple(replacements(self._angular, serving, building)) if angular else ()

    def risky_size(self, building: Sequence[str]) -> Fact[str] | None:
        """Why a build by a command may fail for the size of what it makes."""
        from dockfix.facts.budgets import STYLES, WHOLE, budget, oversized

        if self.spa is None or self.spa.value != "angular":
            return None
        allowed = budget(self._angular, building, STYLES)
        found = oversized(self._angular, allowed.value) if allowed is not None else None
        if allowed is not None and found is not None:
            why = f"{found.origin} has {found.value} bytes, and a component's styles may have {allowed.value}"
            return Fact(why, allowed.origin)
        whole = budget(self._angular, building, WHOLE)
        return Fact(f"the app may not be bigger than {whole.value}", whole.origin) if whole is not None else None

    def _values(self, path: str) -> Iterator[tuple[str, str, int]]:
        """The variables of a file of them, their values, and lines."""
        return values(self.node.files.read(self.node.path(path)) or b"")

    @cached_property
    def standalone(self) -> Fact[str] | None:
        """Next's ``output``: ``standalone`` or ``export``."""
        return self._configuration.option(_NEXT, "output")

    @cached_property
    def environment(self) -> tuple[Fact[str], ...]:
        """Variables that a build bakes into the output: ``VITE_…``, ``REACT_APP_…`` that the sources name."""
        prefixes = _PREFIXES.get(self.framework.value if self.framework else "", ())
        if not prefixes:
            return ()
        expression = re.compile(rb"\b(?:" + b"|".join(prefix.encode() for prefix in prefixes) + rb")\w+")
        found: dict[str, Fact[str]] = {}
        for path in self.node.files.walk(self.node.folder, 5000):
            base = posixpath.basename(path)
            if not base.endswith(
                (".js", ".jsx", ".ts", ".tsx", ".vue", ".svelte", ".html", ".mjs")
            ) and not base.startswith(".env"):
                continue
            data = self.node.files.read(path) or b""
            if len(data) > 500_000 or not any(prefix.encode() in data for prefix in prefixes):
                continue
            for match in expression.finditer(data):
                name = match[0].decode()
                number = line_of(data, match.start())
                found.setdefault(name, Fact(name, f"{join(self.node.prefix, path)}:{number}"))
        return tuple(found.values())

    def port_of(self, resolved: Resolved) -> ProgramPort | None:
        """Where the framework's own server that a command starts listens; None for any other program."""
        return port_of(resolved, lambda: self.dev_port, self._nuxt_port)

    def _nuxt_port(self) -> Fact[str] | None:
        """What Nuxt's settings say of the port of its server, as it is written there.

        https://v2.nuxt.com/docs/configuration-glossary/configuration-server
        """
        settings = self._configuration
        return settings.option(_NUXT, "server", "port") or settings.option(_NUXT, "devServer", "port")


def _under(node: Syntax, name: str) -> bool:
    """Whether a pair lies in the object under the key *name*."""
    holder = node.parent.parent if node.parent is not None else None
    key = holder.child_by_field_name("key") if holder is not None else None
    return key is not None and text(key) == name
