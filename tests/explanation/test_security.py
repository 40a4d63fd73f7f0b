"""A tick stands for what holds of the result, and for nothing else."""

from __future__ import annotations

import pytest

from dockfix.explanation.security import checks
from dockfix.options import Options
from tests.explanation.conftest import Make

GOOD = 'FROM python:3.11-slim\nRUN useradd --uid 1001 app\nCOPY app.py ./\nUSER app\nCMD ["python", "app.py"]\n'
KEPT = Options(only=frozenset({"none"}))


def verdicts(case: Make, dockerfile: str, compose: str = "", **files: str) -> dict[str, bool | None]:
    others = {"app.py": "", **({"compose.yaml": compose} if compose else {}), **files}
    made = case({"Dockerfile": dockerfile, **others}, options=KEPT)
    return {check.name: check.holds for check in checks(made.after, made.before)}


@pytest.mark.parametrize(
    ("dockerfile", "name", "holds"),
    [
        (GOOD, "Not root", True),
        (GOOD.replace("USER app\n", ""), "Not root", False),
        (GOOD + "USER root\n", "Not root", False),
        (GOOD.replace("python:3.11-slim", "example.com/own").replace("USER app\n", ""), "Not root", None),
        (GOOD, "Small base image", True),
        (GOOD.replace("-slim", ""), "Small base image", False),
        (GOOD.replace("python:3.11-slim", "example.com/own"), "Small base image", None),
        ('FROM scratch\nCOPY app.py /\nUSER 1\nCMD ["/app.py"]\n', "Small base image", True),
        (GOOD, "No build tools in the image that runs", True),
        (GOOD.replace("-slim", ""), "No build tools in the image that runs", False),
        (
            GOOD.replace("RUN useradd", "RUN apt-get update && apt-get install -y gcc\nRUN useradd"),
            "No build tools in the image that runs",
            False,
        ),
        (
            GOOD.replace("RUN useradd", "RUN ./install.sh\nRUN useradd"),
            "No build tools in the image that runs",
            None,
        ),
        (GOOD, "Signals reach the app, orphans are reaped", False),
        (GOOD + 'ENTRYPOINT ["tini", "--"]\n', "Signals reach the app, orphans are reaped", True),
        (GOOD, "Health check", False),
        (GOOD + "HEALTHCHECK CMD true\n", "Health check", True),
        (GOOD + "HEALTHCHECK NONE\n", "Health check", False),
        (GOOD, "No secret among the image's variables", True),
        (GOOD + "ENV API_TOKEN=abc\n", "No secret among the image's variables", False),
        (GOOD + "ENV KEYBOARD=us TOKENIZERS=1\n", "No secret among the image's variables", True),
        (GOOD, "The app cannot rewrite itself", True),
        (GOOD.replace("COPY", "COPY --chown=app:app"), "The app cannot rewrite itself", False),
        (GOOD.replace("COPY", "COPY --chown=1001"), "The app cannot rewrite itself", False),
        (GOOD.replace("USER", "RUN chown -R app:app .\nUSER"), "The app cannot rewrite itself", False),
        (GOOD.replace("USER", "RUN chmod -R a+w /srv\nUSER"), "The app cannot rewrite itself", False),
        (GOOD.replace("USER", "RUN mkdir data && chown app data\nUSER"), "The app cannot rewrite itself", True),
        (GOOD + "RUN pip install flask\n", "The app cannot rewrite itself", False),
        (
            GOOD.replace('["python", "app.py"]', '["npm", "start"]\nENTRYPOINT ["dumb-init", "--"]'),
            "Signals reach the app, orphans are reaped",
            False,
        ),
    ],
)
def test_of_the_image(case: Make, dockerfile: str, name: str, holds: bool | None) -> None:
    assert verdicts(case, dockerfile)[name] is holds


def test_a_settings_file_that_is_copied(case: Make) -> None:
    whole = GOOD.replace("COPY app.py ./", "WORKDIR /app\nCOPY . .")
    name = "No settings file in the image"
    assert verdicts(case, whole)[name] is True
    assert verdicts(case, whole, **{".env": "A=b"})[name] is False
    assert verdicts(case, whole, **{".env": "A=b", ".dockerignore": ".env\n"})[name] is True


def test_of_the_containers_where_compose_tells(case: Make) -> None:
    hardened = (
        "services:\n  api:\n    build: .\n    read_only: true\n    init: true\n    cap_drop: [ALL]\n"
        "    security_opt:\n      - no-new-privileges:true\n"
    )
    found = verdicts(case, GOOD, hardened)
    assert found["Read-only root file system"]
    assert found["No new privileges"]
    assert found["Capabilities dropped"]
    assert found["Signals reach the app, orphans are reaped"]
    plain = verdicts(case, GOOD, "services:\n  api:\n    build: .\n    user: root\n")
    assert plain["Not root"] is False
    assert plain["Read-only root file system"] is False
    assert "Read-only root file system" not in verdicts(case, GOOD)


def test_a_service_of_another_stage_runs_another_image(case: Make) -> None:
    compose = (
        "services:\n  dev:\n    build: {context: ., target: BUILD}\n    user: root\n    healthcheck: {test: 'true'}\n"
    )
    found = verdicts(case, f"FROM python:3.11 AS build\n{GOOD}", compose)
    assert found["Not root"] is True
    assert found["Health check"] is False
    assert "Read-only root file system" not in found


def test_only_what_dockfix_gives_away_can_it_keep(case: Make, service: Make) -> None:
    theirs = GOOD.replace("COPY", "COPY --chown=app")
    for made, ours in ((case({"Dockerfile": theirs, "app.py": ""}), False), (service("flask-backend"), True)):
        found = next(each for each in checks(made.after, made.before) if each.name == "The app cannot rewrite itself")
        assert found.holds is False
        assert ("--owner root" in str(found.why)) is ours


def test_one_lax_service_of_two_is_named(case: Make) -> None:
    compose = "services:\n  api:\n    build: .\n    read_only: true\n  worker:\n    build: .\n"
    made = case({"Dockerfile": GOOD, "app.py": "", "compose.yaml": compose}, options=KEPT)
    found = next(check for check in checks(made.after, made.before) if check.name == "Read-only root file system")
    assert found.holds is False
    assert "worker" in str(found.why)
    assert "api" not in str(found.why)
