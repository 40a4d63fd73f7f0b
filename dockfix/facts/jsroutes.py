"""The GET routes that JavaScript sources declare, and which of them is the health route."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.health import GUARD, is_health, rank
from dockfix.facts.jssyntax import arguments, line, pairs, string, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node as Syntax

    from dockfix.facts.jsgraph import Graph
    from dockfix.facts.jssource import Source

#: Packages that are functions which make an app.
_APPS = frozenset({"express", "fastify", "polka"})
_TURNS_AWAY = re.compile(
    r"\b(?:status|sendStatus|code|writeHead)\(\s*4\d\d\b|\bstatus(?:Code)?\s*[=:]\s*4\d\d\b|"
    r"\bheaders\??(?:\.|\[[\"'])authorization\b|unauthori[sz]ed|forbidden",
    re.IGNORECASE,
)
_CLIENTS = re.compile(
    r"(?:^|\.)(?:axios|http|https|request|superagent|supertest|chai|got|fetch|cache|redis|client|map|params|headers|query|agent"
    r"|\$http|instance|axiosInstance|session|cookies|storage|localStorage|config|nock|cy|page|searchParams)$|\(\)|\?|[cC]lient$|[aA]pi$",
)
_CONDITIONS = frozenset({"if_statement", "ternary_expression", "binary_expression"})
_SERVES = re.compile(
    r"\bcluster\b|\bis(?:Master|Primary|MainThread)\b|\brequire\.main\b|\bmodule\.parent\b|\bimport\.meta\b"
)
"""Conditions that hold in the process that serves."""
_VERBS = frozenset({"get", "all"})
_PARAMETERS = frozenset({"app", "server", "fastify", "instance", "application", "api", "expressApp", "webserver"})


@dataclass(frozen=True, slots=True)
class Route:
    """A GET route.

    Attributes:
        path: its whole path.
        origin: where it is declared.
        guarded: whether something before it may answer instead, a login or a guard, or whether it is there at times.
    """

    path: str
    origin: str
    guarded: bool


@dataclass(frozen=True, slots=True)
class _Mount:
    """``owner.use(prefix, target)`` in a source."""

    source: str
    owner: str
    prefix: str
    module: str | None
    local: str | None
    guarded: bool


class Routes:
    """The routes of the sources of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._mounts = [mount for source in graph.sources for mount in self._mounts_of(source)]

    def all(self) -> tuple[Route, ...]:
        """Every GET route whose whole path is known, in the order of the sources."""
        found = [route for source in self.graph.sources for route in self._routes(source)]
        return tuple(dict.fromkeys(found))

    def _routes(self, source: Source) -> Iterator[Route]:
        data = source.data
        if b".get(" in data or b".all(" in data or b".route(" in data or b".use(" in data or b".register(" in data:
            yield from self._called(source)
        if b"@Controller" in data:
            yield from self._decorated(source)
        if b".url" in data or b"pathname" in data:
            yield from self._compared(source)
        if b"createTerminus" in data:
            yield from self._terminus(source)

    def _origin(self, source: Source, node: Syntax) -> str:
        return self.graph.node.origin_of(source.path, line(node))

    # -- express, koa, fastify, hono, hapi -------------------------------------------------------------------------

    def _called(self, source: Source) -> Iterator[Route]:
        for callee, given, node in source.calls():
            owner, _, verb = callee.rpartition(".")
            if verb in _VERBS and given and owner:
                yield from self._verb(source, owner, given, node)
            elif verb == "route" and given and given[0].type == "object":
                yield from self._object(source, owner, given[0])
            elif verb == "use" and len(given) > 1 and given[-1].type in ("arrow_function", "function_expression"):
                path = string(given[0])
                if path is not None and len(path) > 1:
                    yield from self._placed(source, owner, path, given[1:], node)

    def _verb(self, source: Source, owner: str, given: list[Syntax], node: Syntax) -> Iterator[Route]:
        chained = re.fullmatch(r"(.+)\.route\(\)(?:\.\w+\(\))*", owner)
        if chained:
            path = _chained_path(source, node)
            if path is not None:
                yield from self._placed(source, chained[1], path, given, node)
            return
        owner = re.sub(r"(?:\.\w+\(\))+$", "", owner)
        if len(given) < 2 or (_CLIENTS.search(owner) and owner not in _PARAMETERS):
            return
        for path in _paths(self.graph, source, given[0]):
            if path.startswith("/") and given[-1].type not in ("object", "string", "number"):
                yield from self._placed(source, owner, path, given[1:], node)

    def _object(self, source: Source, owner: str, given: Syntax) -> Iterator[Route]:
        entries = pairs(given)
        method, path = entries.get("method"), entries.get("url") or entries.get("path")
        written = string(path) if path is not None else None
        if written is not None and method is not None and re.search(r"\bGET\b|\*", text(method), re.IGNORECASE):
            hooks = [
                entries[key]
                for key in ("preHandler", "onRequest", "preValidation", "config", "options")
                if key in entries
            ]
            yield from self._placed(source, owner, written, hooks, given)

    def _placed(self, source: Source, owner: str, path: str, handlers: list[Syntax], node: Syntax) -> Iterator[Route]:
        guarded = any(GUARD.search(text(part)[:200]) for part in handlers[:-1])
        guarded = guarded or any(_TURNS_AWAY.search(text(part)) for part in handlers) or _depends(node)
        for prefix, behind in self._prefixes(source, owner, node.start_byte, 0):
            yield Route(_path(prefix, path), self._origin(source, node), guarded or behind)

    def _prefixes(self, source: Source, owner: str, position: int, depth: int) -> Iterator[tuple[str, bool]]:
        """What stands before the paths of a router, and whether a login may stand there too."""
        if depth > 5:
            return
        guarded = self._guards(source, owner, position)
        own = self._own_prefix(source, owner)
        if self._is_app(source, owner):
            yield own, guarded
            return
        mounts = [
            mount
            for mount in self._mounts
            if (mount.source == source.path and mount.local == owner) or mount.module == source.path
        ]
        for mount in mounts:
            parent = self.graph.source(mount.source)
            if parent is None or (mount.source == source.path and mount.owner == owner):
                continue
            for prefix, behind in self._prefixes(parent, mount.owner, 1 << 60, depth + 1):
                yield _path(_path(prefix, mount.prefix), own), guarded or mount.guarded or behind
        if not mounts and owner in _PARAMETERS and owner not in source.imported and owner not in source.constants:
            yield own, guarded

    def _is_app(self, source: Source, owner: str) -> bool:
        declared = source.constants.get(owner)
        if declared is None:
            if owner in source.imported:
                module, name = source.imported[owner]
                path = self.graph.resolve(source, module)
                other = self.graph.source(path) if path is not None else None
                return other is not None and (
                    self._is_app(other, name if name not in ("*", "default") else "app")
                    or self._is_app(other, "server")
                )
            return owner.startswith("this.") and owner.endswith(("app", "server", "express", "fastify"))
        made = declared.child_by_field_name("function") or declared.child_by_field_name("constructor") or declared
        given = arguments(made)
        if made.type == "call_expression" and source.dotted(made) == "require()" and given:
            return string(given[0]) in _APPS  # require('express')()
        callee = source.dotted(made)
        created = re.search(
            r"(?:^|\.)(?:express|fastify|Fastify|polka|createServer|Hono|Koa|Elysia|create|App|server|Server)$", callee
        )
        return created is not None

    def _own_prefix(self, source: Source, owner: str) -> str:
        """``new Router({prefix})``, ``router.prefix()`` and ``new Hono().basePath()``."""
        declared = source.constants.get(owner)
        for part in arguments(declared) if declared is not None else []:
            value = pairs(part).get("prefix") if part.type == "object" else None
            if value is not None:
                return string(value) or ""
        for callee, given, _ in source.calls():
            if callee == f"{owner}.prefix" and given:
                return string(given[0]) or ""
        return ""

    def _guards(self, source: Source, owner: str, position: int) -> bool:
        for callee, given, node in source.calls():
            if callee == f"{owner}.addHook" and any(_TURNS_AWAY.search(text(part)) for part in given[1:]):
                return True
            if callee == f"{owner}.use" and node.start_byte < position and len(given) == 1:
                if _TURNS_AWAY.search(text(given[0])):
                    return True
                shown = text(given[0])[:120]
                if GUARD.search(shown) and not re.search(
                    r"initialize|session\(|cookie|helmet|rout", shown, re.IGNORECASE
                ):
                    return True
        return False

    def _mounts_of(self, source: Source) -> Iterator[_Mount]:
        if (
            b".use(" not in source.data
            and b".register(" not in source.data
            and b".route(" not in source.data
            and b".mount(" not in source.data
        ):
            return
        for callee, given, _ in source.calls():
            owner, _, verb = callee.rpartition(".")
            owner = re.sub(r"(?:\.\w+\(\))+$", "", owner)
            if verb not in ("use", "register", "route", "mount") or not given or not owner:
                continue
            prefix = ""
            targets = given
            path = self.graph.value(source, given[0]) if given[0].type != "identifier" or len(given) > 1 else None
            if path is not None and (path.text.startswith("/") or path.text == "") and verb != "register":
                if path.open:
                    continue
                prefix, targets = path.text, given[1:]
            elif verb == "register" and len(given) > 1 and given[1].type == "object":
                value = pairs(given[1]).get("prefix")
                prefix = (string(value) or "") if value is not None else ""
                targets = given[:1]
            guarded = any(GUARD.search(text(part)[:80]) for part in targets[:-1])
            for target in targets:
                mount = self._mount(source, owner, prefix, target, guarded)
                if mount is not None:
                    yield mount

    def _mount(self, source: Source, owner: str, prefix: str, target: Syntax, guarded: bool) -> _Mount | None:
        name = source.dotted(target)
        root = re.split(r"\.|\(", name)[0]
        if target.type == "call_expression" and root in ("require", "import"):
            given = arguments(_innermost(target))
            module = string(given[0]) if given else None
            place = self.graph.resolve(source, module) if module else None
            return _Mount(source.path, owner, prefix, place, None, guarded) if place else None
        if root in source.imported:
            place = self.graph.resolve(source, source.imported[root][0])
            return _Mount(source.path, owner, prefix, place, None, guarded) if place else None
        if root in source.constants or root in source.destructured:
            return _Mount(source.path, owner, prefix, None, root, guarded)
        return None

    # -- Nest ----------------------------------------------------------------------------------------------------

    def _decorated(self, source: Source) -> Iterator[Route]:
        prefix, unsure = self._nest_prefix()
        controllers: list[tuple[str, Syntax, bool]] = []
        for node in source.nodes["decorator"]:
            call = node.named_children[0] if node.named_children else node
            callee, given = call.child_by_field_name("function"), arguments(call)
            if callee is None:
                continue
            name = text(callee)
            if name == "Controller":
                holder = next(
                    (n for n in (node.parent, node.next_named_sibling) if n is not None and "class" in n.type),
                    node.parent,
                )
                path = _controller_path(given)
                if path is not None and holder is not None:
                    guards = (
                        "@UseGuards" in text(holder).partition("{")[0]
                        or "@UseGuards" in text(node.parent or node).partition("class ")[0]
                    )
                    controllers.append((path, node.parent or node, guards))
            elif name == "Get":
                written = string(given[0]) if given else ""
                own = [item for item in controllers if item[1].start_byte <= node.start_byte]
                if own and written is not None and (not given or written is not None):
                    path = _path(_path(prefix, own[-1][0]), written)
                    guarded = unsure or own[-1][2] or self._guarded_method(node)
                    yield Route(path, self._origin(source, node), guarded)

    def _guarded_method(self, node: Syntax) -> bool:
        current: Syntax | None = node
        decorators = []
        while current is not None and current.type in ("decorator", "comment"):
            decorators.append(text(current))
            current = current.prev_named_sibling
        current = node.next_named_sibling
        while current is not None and current.type in ("decorator", "comment"):
            decorators.append(text(current))
            current = current.next_named_sibling
        if any(item.startswith("@Public") for item in decorators):
            return False
        everywhere = any(
            b"APP_GUARD" in source.data or b"useGlobalGuards" in source.data for source in self.graph.sources
        )
        return everywhere or any(item.startswith(("@UseGuards", "@Auth", "@Roles")) for item in decorators)

    def _nest_prefix(self) -> tuple[str, bool]:
        """The global prefix, and whether something makes paths unsure: exclusions, versions, a computed prefix."""
        for source in self.graph.sources:
            if b"setGlobalPrefix" in source.data or b"enableVersioning" in source.data:
                unsure = b"enableVersioning" in source.data
                for callee, given, _ in source.calls():
                    if callee.endswith(".setGlobalPrefix") and given:
                        value = self.graph.value(source, given[0])
                        if value is None or value.open:
                            return "", True
                        return value.text, unsure or len(given) > 1
                return "", unsure
        return "", False

    # -- node:http -----------------------------------------------------------------------------------------------

    def _compared(self, source: Source) -> Iterator[Route]:
        for node in source.nodes["binary_expression"]:
            operator = node.child_by_field_name("operator")
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if operator is None or left is None or right is None or text(operator) not in ("===", "=="):
                continue
            for side, other in ((left, right), (right, left)):
                path = string(other)
                if (
                    path is not None
                    and path.startswith("/")
                    and re.search(r"(?:req\w*\.url|pathname)$", source.dotted(side))
                ):
                    yield Route(path, self._origin(source, node), False)

    def _terminus(self, source: Source) -> Iterator[Route]:
        for callee, given, node in source.calls():
            if callee.endswith("createTerminus") and len(given) > 1:
                checks = source.entry(given[1], "healthChecks")
                for path in pairs(checks) if checks is not None and checks.type == "object" else ():
                    if path.startswith("/"):
                        yield Route(path, self._origin(source, node), False)


def health(routes: tuple[Route, ...]) -> Fact[str] | None:
    """The route to probe: named so that nobody means anything else by it, without parameters and without a login."""
    found = [route for route in routes if not route.guarded and is_health(route.path)]
    best = min(found, key=lambda route: rank(route.path), default=None)
    return Fact(best.path, best.origin) if best is not None else None


def _depends(node: Syntax) -> bool:
    """Whether a route is declared only on a condition other than that the program is the one that serves."""
    around = node.parent
    while around is not None:
        condition = around.child_by_field_name("condition" if around.type != "binary_expression" else "left")
        if around.type in _CONDITIONS and condition is not None and not _SERVES.search(text(condition)):
            return True
        around = around.parent
    return False


def _path(prefix: str, path: str) -> str:
    joined = posixpath.join(prefix or "/", path.lstrip("/"))
    joined = joined if joined.startswith("/") else f"/{joined}"
    return joined.rstrip("/") or "/"


def _paths(graph: Graph, source: Source, node: Syntax) -> list[str]:
    elements = node.named_children if node.type == "array" else [node]
    values = [graph.value(source, element) for element in elements]
    return [value.text for value in values if value is not None and not value.open]


def _chained_path(source: Source, node: Syntax) -> str | None:
    """The path in ``router.route('/x').get(…)``."""
    current: Syntax | None = node
    while current is not None:
        if current.type == "call_expression":
            callee = current.child_by_field_name("function")
            if callee is not None and source.dotted(callee).endswith(".route"):
                given = arguments(current)
                return string(given[0]) if given else None
            current = callee
        else:
            current = current.child_by_field_name("object")
    return None


def _innermost(node: Syntax) -> Syntax:
    callee = node.child_by_field_name("function")
    while callee is not None and callee.type in ("call_expression", "member_expression"):
        inner = callee.child_by_field_name("object") if callee.type == "member_expression" else callee
        if inner is None:
            break
        if inner.type == "call_expression":
            node = inner
            callee = node.child_by_field_name("function")
        else:
            callee = inner
    return node


def _controller_path(given: list[Syntax]) -> str | None:
    """The path of ``@Controller``; None for one that is computed or versioned."""
    if not given:
        return ""
    if given[0].type == "object":
        entries = pairs(given[0])
        path = string(entries["path"]) if "path" in entries else ""
        return None if "version" in entries and "NEUTRAL" not in text(entries["version"]) else path
    return string(given[0])
