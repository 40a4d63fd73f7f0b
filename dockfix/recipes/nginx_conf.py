"""nginx's configuration, read as far as a health check needs: who listens where, and what answers.

The syntax: https://nginx.org/en/docs/beginners_guide.html#conf_structure
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

TOKEN = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|(?:\$\{\w*\}|\\.|[^\s{};"'])+""")
HEALTH = re.compile(r"/(?:[\w-]+[/_-])?(?:health[\w-]*|healthz|ping|livez|alive)/?")
ASKER = ip_address("127.0.0.1")
"""From where a health check asks."""
OTHERS = frozenset({"$request_method", "$http_user_agent", "$http_referer"})
"""Variables that are alike in all plain requests, whoever sends them and to which host."""
PASSES = frozenset({"proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass"})


@dataclass(frozen=True, slots=True)
class Directive:
    """A directive with its arguments and, where it opens a block, the directives in it."""

    name: str
    args: tuple[str, ...]
    block: tuple[Directive, ...] = ()

    def all(self, name: str) -> tuple[Directive, ...]:
        """The directives of this name right in the block."""
        return tuple(directive for directive in self.block if directive.name == name)

    def deep(self) -> Iterator[Directive]:
        """Every directive in the block, at any depth."""
        for directive in self.block:
            yield directive
            yield from directive.deep()


@dataclass(frozen=True, slots=True)
class Site:
    """What a request to the container itself can ask for.

    Attributes:
        port: the port of the server block that answers.
        path: the path of a health check, or ``/``.
        problem: why nothing can be asked for certain; empty where it can.
    """

    port: int = 0
    path: str = "/"
    problem: str = ""


def parse(text: str) -> Directive:
    """The configuration as one block; braces that do not match end it early."""
    stack: list[list[Directive]] = [[]]
    heads: list[list[str]] = []
    words: list[str] = []
    for match in TOKEN.finditer(text):
        piece = match[0]
        if piece.startswith("#"):
            continue
        if piece == ";":
            if words:
                stack[-1].append(Directive(words[0], tuple(words[1:])))
            words = []
        elif piece == "{":
            heads.append(words)
            stack.append([])
            words = []
        elif piece == "}":
            if not heads:
                break
            head, block = heads.pop(), tuple(stack.pop())
            if head:
                stack[-1].append(Directive(head[0], tuple(head[1:]), block))
            words = []
        else:
            words.append(piece.strip("\"'"))
    return Directive("", (), tuple(stack[0]))


def site(texts: list[str]) -> Site:
    """The server block that answers on the one port without TLS that *texts*, files of a configuration, open."""
    trees = [parse(text) for text in texts]
    servers = [d for tree in trees for d in tree.deep() if d.name == "server" and d.block]
    wrapped = {port for server in servers for listen in server.all("listen") for port in _wrapped(listen)}
    plain = [(server, port) for server in servers for port in _ports(server) if port not in wrapped]
    ports = {port for _, port in plain}
    if not servers:
        return Site(problem="no server block was found")
    if not ports and wrapped:
        return Site(problem=f"nginx expects the PROXY protocol on {min(wrapped)}")
    if not ports:
        return Site(problem="no server block listens without TLS on IPv4")
    if len(ports) > 1:
        return Site(problem=f"the server blocks listen on {' and '.join(map(str, sorted(ports)))}")
    server = next((each for each, _ in plain if _is_default(each)), plain[0][0])
    outer = tuple(d for tree in trees for http in (tree, *tree.all("http")) for d in http.block)
    return _answer(server, ports.pop(), outer)


def _answer(server: Directive, port: int, around: tuple[Directive, ...]) -> Site:
    # what rewrites comes before every location, and before rules of access:
    # https://nginx.org/en/docs/dev/development_guide.html#http_phases
    if any(not _is_fine(each) for each in server.all("return")):
        return Site(problem="the server block sends every request elsewhere")
    if any(_turns_some_away(each) for each in server.all("if")):
        return Site(problem="what the server block answers depends on the request")
    outer = {directive.name for directive in around}
    for location in server.all("location"):
        path = location.args[-1] if location.args else ""
        exact = len(location.args) <= 1 or location.args[0] in {"=", "^~"}
        fine = any(map(_is_fine, location.all("return"))) and not any(map(_turns_some_away, location.all("if")))
        if exact and HEALTH.fullmatch(path) and fine:
            return Site(port, path)
    if "auth_basic" in outer or any(d.args[:1] != ("off",) for d in server.all("auth_basic")):
        return Site(problem="the site asks for a password")
    if not _admits(server.block, around):
        return Site(problem=f"the site turns away requests from {ASKER}")
    if server.all("include"):
        return Site(problem=f"the server block includes {server.all('include')[0].args[-1]}")
    if any(_is_handed_on(server, path) for path in _stand_ins(server)):
        return Site(problem="nginx hands requests on to another server")
    rooted = bool({"root"} & (outer | {directive.name for directive in server.block}))
    for location in server.all("location"):
        if _answers_the_top(location):
            names = {directive.name for directive in location.deep()}
            if names & PASSES:
                return Site(problem="nginx hands requests on to another server")
            if names & {"return", "auth_basic", "rewrite", "deny", "include"}:
                return Site(problem="what the location / answers depends on more than files")
            rooted = rooted or bool(names & {"root", "alias", "stub_status", "empty_gif"})
    # without a root it is the folder html beside the configuration, which the images do not have
    return Site(port) if rooted else Site(problem="no root and no location is there that would answer /")


def _turns_some_away(condition: Directive) -> bool:
    """Whether a request of a health check may be one that an ``if`` sends away."""
    variable = condition.args[0].strip("()") if condition.args else ""
    return variable not in OTHERS and any(each.name in {"return", "rewrite"} for each in condition.deep())


def _admits(*blocks: Iterable[Directive]) -> bool:
    """Whether a health check gets in, by the first rule that fits of the innermost block that has any.

    https://nginx.org/en/docs/http/ngx_http_access_module.html
    """
    for block in blocks:
        rules = [each for each in block if each.name in {"allow", "deny"} and each.args]
        if rules:
            return next((rule.name == "allow" for rule in rules if _fits(rule.args[0])), True)
    return True


def _fits(address: str) -> bool:
    """Whether a rule of access is for a health check."""
    try:
        return address == "all" or ASKER in ip_network(address, strict=False)
    except ValueError:  # a socket of unix
        return False


def _stand_ins(server: Directive) -> Iterator[str]:
    """What nginx may look for in place of ``/``: https://nginx.org/en/docs/http/ngx_http_index_module.html

    The last word of ``try_files`` is a path or the name of a location, those before it are files.
    """
    for block in (server, *(each for each in server.all("location") if _answers_the_top(each))):
        for index in block.all("index"):
            yield from (f"/{name.lstrip('/')}" for name in index.args)
        for tried in block.all("try_files"):
            yield tried.args[-1].partition("?")[0] if tried.args else "/"


def _is_handed_on(server: Directive, path: str) -> bool:
    """Whether a location other than that of ``/`` takes *path*, and passes it on."""
    return any(
        bool({directive.name for directive in location.deep()} & PASSES) and _takes(location, path)
        for location in server.all("location")
    )


def _takes(location: Directive, path: str) -> bool:
    """Whether a location is one for *path*."""
    if not location.args:
        return False
    kind, pattern = location.args[0], location.args[-1]
    if kind not in {"~", "~*"}:
        return path == pattern or (kind != "=" and pattern != "/" and path.startswith(pattern))
    try:
        return re.search(pattern, path, re.IGNORECASE if kind == "~*" else 0) is not None
    except re.error:  # a pattern that only nginx's own library reads
        return True


def _answers_the_top(location: Directive) -> bool:
    """Whether a location may be the one that a request for ``/`` comes to."""
    return location.args[-1:] == ("/",) or (location.args[:1] in {("~",), ("~*",)} and _takes(location, "/"))


def _wrapped(listen: Directive) -> Iterator[int]:
    """The port of a socket on which every connection has to begin with a line of a load balancer's.

    https://nginx.org/en/docs/http/ngx_http_core_module.html#listen
    """
    port = listen.args[0].rpartition(":")[2] if "proxy_protocol" in listen.args else ""
    if port.isdigit():
        yield int(port)


def _ports(server: Directive) -> Iterator[int]:
    listens = server.all("listen")
    if not listens:
        yield 80
    for listen in listens:
        match = (
            re.fullmatch(r"(?:(?:\*|0\.0\.0\.0|127\.0\.0\.1|localhost):)?(\d+)", listen.args[0])
            if listen.args
            else None
        )
        if (
            match is not None
            and "ssl" not in listen.args
            and not {"on"} & {a for d in server.all("ssl") for a in d.args}
        ):
            yield int(match[1])


def _is_default(server: Directive) -> bool:
    return any("default_server" in listen.args for listen in server.all("listen"))


def _is_fine(answer: Directive) -> bool:
    return bool(answer.args) and answer.args[0] in {"200", "204"}
