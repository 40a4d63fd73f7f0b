"""The pages: complete, well-formed, and inert whatever the repository holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from dockfix.explanation import Explanation, explanation, html, markdown, page
from dockfix.explanation.prose import Code, documented, said
from dockfix.verify.answer import Answer
from dockfix.verify.comparison import Kind, Verdict
from dockfix.verify.image import ImageFacts
from dockfix.verify.observation import Observation
from dockfix.verify.result import Layer, Stopped
from dockfix.verify.verification import Builds, Side, Step, Verification
from tests.explanation.conftest import Make

VOID = {"meta", "br", "hr", "img", "link"}

HOSTILE = {
    "Dockerfile": "FROM node:20\nWORKDIR /</code><script>alert(1)</script>\nCOPY . .\nRUN npm install\n"
    "# ``` fence\n# @octocat fixes #1\nCMD npm start\n",
    "package.json": '{"scripts": {"start": "node </code><img/src=x>.js"}}',
    "compose.yaml": "services:\n  '<b>@octocat</b>':\n    build: .\n    volumes: ['`x`|<i>:/data']\n",
}


class Wellformed(HTMLParser):
    """Notes each tag, and fails on one that is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attributes if name in {"href", "src"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(text: str) -> Wellformed:
    parser = Wellformed()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


def measured(path: str) -> Verification:
    def side(size: int, uid: int, source: tuple[float, ...]) -> Side:
        image = ImageFacts(size, 5, (Layer("/bin/sh -c npm install # buildkit", size // 2),))
        run = Observation(
            True, uid=uid, command=("node", "a.js"), answers=(Answer("/", 200, "text/html", ""),), stop=Stopped(0.2, 0)
        )
        return Side(image, run, Builds(12.0, source, (8.0,), cached=uid > 0))

    steps = {"alpine-base": Step(Verdict("same behaviour"), 300_000_000)}
    return Verification(
        path, Verdict("same behaviour"), side(1_000_000_000, 0, (9.0,)), side(200_000_000, 1001, (1.5,)), steps=steps
    )


def test_the_page_has_what_a_reader_looks_for(service: Make) -> None:
    text = markdown(page(explanation([service("flask-backend")])))
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        "Overview",
        "What was done, and why",
        "Size comparison",
        "Build performance",
        "Security summary",
        "How it fits what runs it",
        "For you to do",
        "Next steps",
        "The whole change",
    ]
    assert "`app.py:13`" in text
    assert "docker compose run --rm --user root" in text
    steps = text.partition("## Next steps\n")[2]
    assert steps.index("dockfix --write flask-backend/Dockerfile") < steps.index(
        "docker compose -f docker-compose.yml up"
    )


def test_nothing_is_told_of_sizes_and_times_that_were_not_measured(service: Make) -> None:
    text = markdown(page(explanation([service("stage-server")])))
    sizes, performance = (text.partition(f"## {title}\n")[2].partition("\n## ")[0] for title in TITLES)
    assert "dockfix verify stage-server/Dockerfile" in sizes
    assert "the same command tells" in performance
    for section in (sizes, performance):
        assert not re.search(r"\d\s*(MB|GB|s|%)\b", section)


TITLES = ("Size comparison", "Build performance")


def test_what_was_measured_is_told(service: Make) -> None:
    case = service("stage-server")
    text = markdown(page(explanation([case], {case.path: measured(case.path)})))
    assert "| size | 1000.0 MB | 200.0 MB | -80% |" in text
    assert "| build after a change of source | 9.0 s | 1.5 s | -83% |" in text
    assert "| alpine-base | 300.0 MB | -70% | same behaviour |" in text
    assert "| uid of process 1 | 0 | 1001 |" in text
    assert "Not measured" not in text


def test_the_commands_ask_for_what_is_explained(case: Make) -> None:
    made = case({"Dockerfile": "FROM node:20\nCOPY . .\nRUN npm ci\nEXPOSE 80 53/udp\nCMD node a.js\n"})
    text = markdown(page(explanation([made], since="HEAD", arguments=("--base", "slim"))))
    assert "dockfix --write --base slim Dockerfile\n" in text
    assert "dockfix verify --since HEAD --base slim Dockerfile\n" in text
    assert "docker run --detach --name app -p 80:80 -p 53:53/udp app:rewritten\n" in text


def test_no_command_replaces_a_base_or_another_image(case: Make) -> None:
    dockerfile = "FROM node:20\nCOPY . .\nRUN npm ci\nEXPOSE 80\nCMD node a.js\n"
    paths = ["nginx/Dockerfile", "nginx/Dockerfile.dev", "nginx/dev/Dockerfile", "Dockerfile"]
    made = [case(dict.fromkeys(paths, dockerfile), path=path) for path in paths]
    text = markdown(page(explanation(made, repository="Redis")))
    images = re.findall(r"^docker build -t (\S+) ", text, re.MULTILINE)
    names = [image.removesuffix(":rewritten") for image in images]
    assert names == ["redis-nginx", "redis-nginx-dev", "redis-nginx-dev-2", "redis"]
    assert not set(names) & set(images)
    runs = re.findall(r"^docker run .*", text, re.MULTILINE)
    assert runs[0] == "docker run --detach --name redis-nginx -p 80:80 redis-nginx:rewritten"
    assert runs[1] == "docker run --detach --name redis-nginx-dev -p 80 redis-nginx-dev:rewritten"
    assert f"docker rm --force {' '.join(names)}\n" in text


@pytest.mark.parametrize(("repository", "name"), [("", "app"), ("a", "app-a"), ("Œuvre_2", "uvre-2"), ("日本", "app")])
def test_an_image_has_a_name_that_docker_takes(case: Make, repository: str, name: str) -> None:
    made = case({"Dockerfile": "FROM node:20\nCMD node a.js\n"})
    text = markdown(page(explanation([made], repository=repository)))
    assert f"docker run --detach --name {name} {name}:rewritten\n" in text


@pytest.mark.parametrize("kind", ["the original does not build", "could not run"])
def test_why_there_are_no_figures_stands_in_their_place(case: Make, kind: Kind) -> None:
    made = case({"Dockerfile": "FROM node:20\nCMD node a.js\n"})
    nothing = Verification(made.path, Verdict(kind, ("target stage nope could not be found",)))
    text = markdown(page(explanation([made], {made.path: nothing})))
    sizes = text.partition("## Size comparison\n\n")[2].partition("\n\n## ")[0].strip()
    assert sizes == f"`Dockerfile` has no figures: {kind}: target stage nope could not be found."
    assert "## Build performance" not in text
    assert "Sizes are" not in text


def manifest(**images: str) -> str:
    containers = "".join(
        f"        - name: {name}\n          image: {image}\n"
        + ("          livenessProbe: {tcpSocket: {port: 80}}\n" if name.startswith("p") else "")
        for name, image in images.items()
    )
    return f"apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n{containers}"


@pytest.mark.parametrize(
    ("manifests", "told"),
    [
        (
            {
                "a.yaml": manifest(api="ghcr.io/shop/api:1", other="ghcr.io/shop/other:1", mq="rabbitmq:3"),
                "b.yaml": manifest(api="ghcr.io/shop/api:2"),
            },
            "- `api` (`a.yaml:7`, `b.yaml:7`) have no probe.\n",
        ),
        (
            {"a.yaml": manifest(proxy="ghcr.io/shop/x:1", mq="rabbitmq")},
            "- `proxy` (`a.yaml:7`) has probes: `liveness`.\n",
        ),
        ({"a.yaml": manifest(mq="rabbitmq", db="docker.io/library/postgres:16")}, ""),
    ],
)
def test_of_kubernetes_only_what_may_run_the_image_is_told(case: Make, manifests: dict[str, str], told: str) -> None:
    made = case({"api/Dockerfile": "FROM node:20\nCMD node a.js\n", **manifests}, path="api/Dockerfile")
    text = markdown(page(explanation([made])))
    assert text.partition("the manifests are left as they are:\n\n")[2].partition("\n## ")[0] == told


def test_what_is_said_of_several_lines_is_said_once(case: Make) -> None:
    made = case({"Dockerfile": "FROM debian:12\nRUN apt update\nRUN apt install -y jq\nCMD jq\n"})
    text = markdown(page(explanation([made])))
    assert "- `Dockerfile:2`, `Dockerfile:3`: apt is made for terminals" in text


def test_compose_is_called_once_for_all_that_it_builds(case: Make) -> None:
    compose = "services:\n  a:\n    build: .\n  b:\n    build: {context: ., dockerfile: b.Dockerfile}\n"
    files = {"b.Dockerfile": "FROM node:20\nCMD node b.js\n", "Dockerfile": "FROM node:20\nCMD node a.js\n"}
    files["compose.yaml"] = compose
    text = markdown(page(explanation([case(files), case(files, path="b.Dockerfile")])))
    assert "docker compose -f compose.yaml up --build --detach a b\ndocker compose -f compose.yaml ps\n" in text


def told(case: Make) -> Explanation:
    return explanation([case(HOSTILE)])


def test_html_of_a_hostile_repository_is_inert(case: Make) -> None:
    found = parsed(html(page(told(case))))
    assert not found.tags & {"script", "img", "i", "b", "iframe", "link"}
    assert all(address.startswith("#") for address in found.addresses)


def test_markdown_of_a_hostile_repository_is_inert(case: Make) -> None:
    text = markdown(page(told(case)))
    fences = [line for line in text.split("\n") if line.startswith("```")]
    assert len(fences) % 2 == 0
    outside = re.sub(r"^(`{3,})[a-z]*\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", outside).replace("&#8203;", "\u200b")
    assert not re.search(r"(?<!\\)<(?!/?(details|summary|code)>)", prose)
    assert not re.search(r"@\w", prose)
    assert not re.search(r"#\d", prose)


@pytest.mark.parametrize("name", ["flask-backend", "react-frontend", "stage-server"])
def test_html_is_well_formed_and_loads_nothing(name: str, service: Make) -> None:
    case = service(name)
    text = html(page(explanation([case], {case.path: measured(case.path)})))
    found = parsed(text)
    assert {"main", "nav", "table", "figure", "details"} <= found.tags
    assert "default-src 'none'" in text
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text
    anchors = re.findall(r'href="#([^"]+)"', text)
    assert anchors == re.findall(r'<section id="([^"]+)"', text)


def test_both_forms_tell_the_same(service: Make) -> None:
    told = page(explanation([service("flask-backend")]))
    web = html(told)
    for section in told.sections:
        assert section.title in web
        assert section.title in markdown(told)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("the app answers /health (src/server.ts:39) on port 9001", ["/health", "src/server.ts:39"]),
        ("all that node:20 carries, package.json included", ["node:20", "package.json"]),
        ("look that `vite build` passes.", ["vite build"]),
        ("see app.py:3.", ["app.py:3"]),
        ("and/or: nothing", []),
        ("run once: docker compose run --rm web chown 1:1 /a", ["docker compose run --rm web chown 1:1 /a"]),
    ],
)
def test_what_is_to_be_read_letter_by_letter_stands_out(text: str, codes: list[str]) -> None:
    assert [part.text for part in said(text) if isinstance(part, Code)] == codes
    joined = "".join(part if isinstance(part, str) else part.text for part in said(text))
    assert joined == text.replace("`", "")


def test_backticks_of_docstrings_are_code() -> None:
    assert documented("With `a b` and ``c``.") == ("With ", Code("a b"), " and ", Code("c"), ".")
