# Sources read best on the line of their case.
# ruff: noqa: E501
from __future__ import annotations

import pytest

from dockfix.facts import App, Tree
from dockfix.facts.cifiles import builds


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        pytest.param("Makefile", "b:\n\t@docker build --target=test -t a:b .\n", ("Dockerfile", "", "test"), id="make"),
        pytest.param(
            ".github/workflows/a.yml",
            "jobs:\n  b:\n    steps:\n      - run: docker build . --file api/Dockerfile --tag x:$(date +%s)\n",
            ("api/Dockerfile", "", None),
            id="run",
        ),
        pytest.param(
            ".github/workflows/a.yml",
            "jobs:\n  b:\n    steps:\n      - uses: docker/build-push-action@v6\n        with:\n          context: ./api\n          target: prod\n",
            ("api/Dockerfile", "api", "prod"),
            id="action",
        ),
        pytest.param(
            ".github/workflows/a.yml",
            "jobs:\n  b:\n    steps:\n      - run: |\n          cd api && docker build -t x .\n",
            ("api/Dockerfile", "api", None),
            id="cd",
        ),
        pytest.param(
            "scripts/b.sh",
            'docker buildx build --push --platform a,b -t "$X" api\n',
            ("api/Dockerfile", "api", None),
            id="script",
        ),
        pytest.param(
            "docker-bake.hcl",
            'target "x" {\n  context = "api"\n  target = "prod"\n}\n',
            ("api/Dockerfile", "api", "prod"),
            id="bake",
        ),
        pytest.param("Makefile", "b:\n\tdocker build -f $(FILE) .\n", (None, "", None), id="variable"),
    ],
)
def test_builds(path: str, source: str, expected: tuple[str | None, str | None, str | None]) -> None:
    [build] = builds(Tree({path: source}))[0]
    assert (build.dockerfile, build.context, build.target) == expected


def test_targets_belong_to_their_dockerfile() -> None:
    files = Tree({"Makefile": "a:\n\tdocker build --target one .\n\tdocker build --target two -f other/Dockerfile .\n"})
    assert [(fact.value, fact.origin) for fact in App(files).ci_targets] == [("one", "Makefile:2")]


def test_calls_name_what_must_stay() -> None:
    files = Tree(
        {
            "compose.yml": "services: {web: {build: .}}",
            "Makefile": "m:\n\tdocker compose -f a.yml run --rm -e A=b web python manage.py migrate\n\tdocker-compose exec db psql\n",
        }
    )
    assert [(call.service, call.words, call.origin) for call in App(files).calls] == [
        ("web", ("python", "manage.py", "migrate"), "Makefile:2")
    ]


def test_runs_of_an_image_that_is_built_here_name_what_must_stay() -> None:
    travis = """
script:
  - docker build -t shop/web:test -f web/Dockerfile web
  - docker run --rm -e CI=true --entrypoint node shop/web:test check.js
  - docker run shop/web:test npm test -- --coverage
  - docker run shop/web:test
  - docker run alpine:3 ls
"""
    files = Tree({".travis.yml": travis, "web/Dockerfile": "FROM node:20"})
    app = App(files, "web/Dockerfile", "web")
    assert [(call.words, call.origin) for call in app.calls] == [
        (("node", "check.js"), ".travis.yml:4"),
        (("npm", "test", "--", "--coverage"), ".travis.yml:5"),
    ]


def test_continued_lines_are_one_and_later_lines_keep_their_numbers() -> None:
    makefile = "image:\n\tdocker build \\\n\t  --target one \\\n\t  .\n\tdocker build --target two .\n"
    found, _, _ = builds(Tree({"Makefile": makefile}))
    assert [(item.target, item.origin) for item in found] == [("one", "Makefile:2"), ("two", "Makefile:5")]
