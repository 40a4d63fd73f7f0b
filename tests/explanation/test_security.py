"""A tick stands for what holds of the result, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockfix.api import Repository
from dockfix.dockerfile import Document
from dockfix.explanation import Case
from dockfix.explanation.security import checks
from dockfix.options import Options
from tests.explanation.conftest import ROOT, Make

GOOD = 'FROM python:3.11-slim\nRUN useradd --uid 1001 app\nCOPY app.py ./\nUSER app\nCMD ["python", "app.py"]\n'
TINI = GOOD.replace("RUN useradd", "RUN apt-get update && apt-get install -y tini\nRUN useradd")
NODE = """\
FROM node:20-alpine
RUN apk add --no-cache dumb-init
WORKDIR /app
COPY app.py ./
USER node
ENTRYPOINT ["dumb-init", "--"]
CMD ["node", "app.py"]
"""
LATER = "\nFROM python:3.11-slim\nWORKDIR /app\n"
GCC = "FROM debian:12 AS b\nRUN apt-get update && apt-get install -y gcc\n"
SIGNALS = "Signals reach the app"
TOOLS = "No build tools in the image that runs"
SECRETS = "No secret among the image's variables"
SETTINGS = "No settings, key or token file is copied into the image"
OWN = "The app cannot rewrite itself"
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
        (GOOD, TOOLS, True),
        (GOOD.replace("-slim", ""), TOOLS, False),
        (
            GOOD.replace("RUN useradd", "RUN apt-get update && apt-get install -y gcc\nRUN useradd"),
            TOOLS,
            False,
        ),
        (
            GOOD.replace("RUN useradd", "RUN ./install.sh\nRUN useradd"),
            TOOLS,
            None,
        ),
        (GOOD, SIGNALS, False),
        (TINI + 'ENTRYPOINT ["tini", "--"]\n', SIGNALS, True),
        (GOOD + 'ENTRYPOINT ["tini", "--"]\n', SIGNALS, None),
        (TINI + 'ENTRYPOINT ["tini", "--"]\nCMD python setup.py; python app.py\n', SIGNALS, None),
        (TINI + 'ENTRYPOINT ["tini", "--"]\nCMD python setup.py; npm start\n', SIGNALS, False),
        (GOOD, "Health check", False),
        (GOOD + "HEALTHCHECK CMD true\n", "Health check", True),
        (GOOD + "HEALTHCHECK NONE\n", "Health check", False),
        (GOOD, SECRETS, True),
        (GOOD + "ENV API_TOKEN=abc\n", SECRETS, False),
        (GOOD + "ENV KEYBOARD=us TOKENIZERS=1\n", SECRETS, True),
        (GOOD, OWN, True),
        (GOOD.replace("COPY", "COPY --chown=app:app"), OWN, False),
        (GOOD.replace("COPY", "COPY --chown=1001"), OWN, False),
        (GOOD.replace("USER", "RUN chown -R app:app .\nUSER"), OWN, False),
        (GOOD.replace("USER", "RUN chmod -R a+w /app.py\nUSER"), OWN, False),
        (GOOD.replace("USER", "RUN mkdir data && chown app data\nUSER"), OWN, True),
        (GOOD + "RUN pip install flask\n", OWN, False),
        (
            GOOD.replace('["python", "app.py"]', '["npm", "start"]\nENTRYPOINT ["dumb-init", "--"]'),
            SIGNALS,
            False,
        ),
    ],
)
def test_of_the_image(case: Make, dockerfile: str, name: str, holds: bool | None) -> None:
    assert verdicts(case, dockerfile)[name] is holds


@pytest.mark.parametrize(
    ("dockerfile", "name", "holds"),
    [
        (GOOD.replace("USER app", "ARG WHO=app\nUSER $WHO"), "Not root", None),
        (GOOD + "RUN useradd -o -u 0 toor\nUSER toor\n", "Not root", False),
        ("FROM scratchy/own\nCOPY app.py /\nUSER 1\n", "Small base image", None),
        ("FROM golang:1.22-alpine\nCOPY app.py /\nUSER 1\n", "Small base image", False),
        ("FROM golang:1.22-alpine\nCOPY app.py /\nUSER 1\n", TOOLS, False),
        ("FROM php:8.3-fpm\nCOPY app.py /\nUSER 1\n", TOOLS, False),
        ("FROM eclipse-temurin:21-jdk-alpine\nCOPY app.py /\nUSER 1\n", TOOLS, False),
        ("FROM eclipse-temurin:21-jre-alpine\nCOPY app.py /\nUSER 1\n", TOOLS, True),
        (GOOD + "COPY --from=golang:1.22 /usr/local/go /usr/local/go\n", TOOLS, False),
        (GOOD + "COPY --from=example.com/own /x /x\n", TOOLS, None),
        (GOOD + "ARG LIST\nRUN apt-get update && apt-get install -y $LIST\n", TOOLS, None),
        (
            f"{GCC}{GOOD}COPY --from=b /usr/bin /usr/bin\n",
            TOOLS,
            False,
        ),
        (f"{GCC}{GOOD}COPY --from=b / /\n", TOOLS, False),
        (
            f"{GCC}{GOOD}COPY --from=b /srv/x /srv/\n",
            TOOLS,
            True,
        ),
        (f"FROM debian:12 AS b\nRUN ./get.sh\n{GOOD}COPY --from=b /usr/bin /usr/bin\n", TOOLS, None),
        (GOOD + "ENV DB_PASS=hunter2\n", SECRETS, False),
        (GOOD + "ENV DATABASE_URL=postgres://u:pw@db/x\n", SECRETS, False),
        (GOOD + "ENV SECRETKEY=b8c1f0\n", SECRETS, False),
        (GOOD + "ARG API_TOKEN\n", SECRETS, False),
        (GOOD + "ARG GIVEN\nENV API_TOKEN=$GIVEN\n", SECRETS, None),
        (GOOD.replace("python:3.11-slim", "example.com/own"), SECRETS, None),
        (GOOD.replace("COPY", "ARG WHO=app\nCOPY --chown=${WHO}"), OWN, None),
        (GOOD.replace("COPY", "COPY --chown=2000:2000"), OWN, True),
        (GOOD.replace("COPY", "COPY --chmod=777"), OWN, False),
        (GOOD.replace("COPY", "COPY --chmod=775"), OWN, None),
        (GOOD.replace("COPY", "COPY --chmod=755"), OWN, True),
        (GOOD.replace("COPY", "WORKDIR /app\nCOPY").replace("USER", "RUN chmod 777 /app\nUSER"), OWN, False),
        (GOOD.replace("COPY", "WORKDIR /app\nCOPY").replace("USER", "RUN chown app /app\nUSER"), OWN, False),
        (GOOD.replace("USER", "RUN chown app app.py\nUSER"), OWN, False),
        (GOOD.replace("USER", "RUN cd / && chown app app.py\nUSER"), OWN, None),
        (GOOD.replace("USER", "RUN chmod 755 app.py && chmod +x app.py\nUSER"), OWN, True),
        (GOOD.replace("USER", "RUN find / -name '*.py' -exec chown app {} +\nUSER"), OWN, None),
        (GOOD.replace("COPY app.py ./", "USER app\nWORKDIR /app\nCOPY app.py ./"), OWN, None),
        (GOOD.replace("RUN useradd", "RUN useradd -m -d /app").replace("app.py ./", "app.py /app/"), OWN, None),
        (GOOD.replace("COPY app.py ./", "ADD app.tar.gz /app/"), OWN, None),
        (f"FROM debian:12 AS b\nRUN chmod -R 777 /x\n{GOOD}COPY --from=b /x /x\n", OWN, None),
        (NODE, OWN, True),
        (NODE.replace("COPY", "COPY --chown=1000"), OWN, False),
        (NODE, SIGNALS, True),
        (NODE.replace('"node", "app.py"', '"npm", "start"'), SIGNALS, False),
    ],
)
def test_what_is_not_known_is_not_ticked(case: Make, dockerfile: str, name: str, holds: bool | None) -> None:
    assert verdicts(case, dockerfile)[name] is holds


def test_who_runs_the_app_is_named_where_the_file_says_it(case: Make) -> None:
    made = case({"Dockerfile": GOOD.replace("USER app", "USER 0:0"), "app.py": ""}, options=KEPT)
    found = next(check for check in checks(made.after, made.before) if check.name == "Not root")
    assert (found.holds, "USER 0:0" in str(found.why), "no USER" in str(found.why)) == (False, True, False)


@pytest.mark.parametrize(
    ("lines", "holds"),
    [
        ("COPY .env ./\n", False),
        ("COPY .env* ./\n", False),
        ("COPY conf conf\n", False),
        ("COPY conf/sample .env\n", False),
        ("COPY <<EOF /app/.env\nA=b\nEOF\n", False),
        ("COPY --from=b /app /app\n", False),
        ("COPY --from=b /app/.env /app/conf\n", False),
        ("COPY --from=b /app/dist /app/dist\n", None),
        ("COPY --from=b /app/app.py /app/\n", True),
        ("COPY --from=c /app /app\n", False),
        ("COPY --from=python:3.11 /usr/lib/x /usr/lib/x\n", True),
        ("COPY --from=example.com/own /app /app\n", None),
        ("ADD app.tar.gz /app/\n", None),
        ("RUN cp conf/sample .env\n", None),
        ("ARG WHAT\nCOPY $WHAT ./\n", None),
        ("COPY app.py ./\n", True),
        ("COPY conf/.env.example ./\n", True),
    ],
)
def test_a_settings_file_that_comes_by_other_ways(case: Make, lines: str, holds: bool | None) -> None:
    stages = "FROM debian:12 AS b\nWORKDIR /app\nCOPY . .\nFROM debian:12 AS c\nCOPY --from=b /app /app"
    files = {".env": "A=b", "conf/.env.production": "A=b", "conf/.env.example": "", "conf/sample": ""}
    assert verdicts(case, f"{stages}{LATER}{lines}", **files)[SETTINGS] is holds


@pytest.mark.parametrize(
    ("lines", "holds"),
    [
        ("COPY app.py prod.env ./\n", False),
        ("COPY keys/id_rsa /root/.ssh/\n", False),
        ("COPY keys/server.key ./\n", False),
        ("COPY keys/server.crt keys/public.pem ./\n", True),
        ("COPY keys/missing.key ./\n", None),
        ("COPY keys/server.crt server.key\n", True),
        ("COPY keys ./\n", False),
        ("COPY *.pem ./\n", None),
        ("COPY .npmrc ./\n", False),
        ("COPY plain/.npmrc ./\n", True),
        ("COPY secrets.json ./\n", False),
        ("COPY <<EOF /app/.npmrc\n//npm.example.com/:_authToken=0123\nEOF\n", False),
        ("COPY <<EOF /app/.npmrc\n//npm.example.com/:_authToken=$TOKEN\nEOF\n", None),
        ("COPY <<'EOF' /app/.npmrc\n//npm.example.com/:_authToken=$TOKEN\nEOF\n", True),
        ("RUN echo //npm.example.com/:_authToken=0123 >.npmrc\n", None),
        ("RUN --mount=type=secret,id=npm,target=/root/.npmrc npm ci\n", True),
        ("COPY --from=keys /app/keys /app/keys\n", False),
        ("COPY --from=keys /app/dist /app/dist\n", True),
        ("COPY --from=keys /app /app\n", False),
        ("COPY --from=moved /srv /srv\n", None),
    ],
)
def test_keys_and_tokens_that_are_copied(case: Make, lines: str, holds: bool | None) -> None:
    stages = (
        "FROM debian:12 AS keys\nWORKDIR /app\nCOPY keys keys\nCOPY .npmrc ./\nRUN make dist\n"
        "FROM debian:12 AS moved\nCOPY --from=keys /app /srv\n"
    )
    files = {
        "prod.env": "A=b",
        "keys/id_rsa": "",
        "keys/server.key": "-----BEGIN PRIVATE KEY-----\n",
        "keys/server.crt": "-----BEGIN CERTIFICATE-----\n",
        "keys/public.pem": "-----BEGIN PUBLIC KEY-----\n",
        ".npmrc": "//npm.example.com/:_authToken=0123\n",
        "plain/.npmrc": "save-exact=true\n",
        "secrets.json": "{}",
    }
    assert verdicts(case, f"{stages}{LATER}{lines}", **files)[SETTINGS] is holds


def test_many_files_with_secrets_are_not_all_named(case: Make) -> None:
    files = {f"{name}.env": "" for name in "abcde"}
    made = case({"Dockerfile": "FROM debian:12\nCOPY . /app\n", **files}, options=KEPT)
    found = next(check for check in checks(made.after, made.before) if check.name == SETTINGS)
    assert "".join(part if isinstance(part, str) else part.text for part in found.why) == (
        "a.env, b.env, c.env and 2 more are copied: keep secrets out of the image"
    )


@pytest.mark.parametrize(
    ("service", "name", "holds"),
    [
        ('entrypoint: ["sh", "-c", "node app.py"]', SIGNALS, False),
        ('entrypoint: ["sh", "-c", "node app.py"]\n    init: true', SIGNALS, True),
        ('entrypoint: ["dumb-init", "node", "app.py"]', SIGNALS, True),
        ("command: npm start", SIGNALS, False),
        ("command: node app.py", SIGNALS, True),
        ('user: "00"', "Not root", False),
        ('user: "${WHO:-0}"', "Not root", False),
        ("healthcheck: {disable: true}", "Health check", False),
        ("cap_drop: [NET_RAW]", "Capabilities dropped", False),
        ("cap_drop: [ALL]\n    privileged: true", "Capabilities dropped", False),
        ("cap_drop: [ALL]\n    cap_add: [ALL]", "Capabilities dropped", False),
        ("cap_drop: [all]\n    cap_add: [CAP_SYS_ADMIN]", "Capabilities dropped", False),
        ("cap_drop: [ALL]\n    cap_add: [NET_BIND_SERVICE]", "Capabilities dropped", True),
        ('security_opt: ["no-new-privileges:true", "no-new-privileges:false"]', "No new privileges", False),
        ("security_opt: [no-new-privileges]", "No new privileges", True),
        ("user: root", OWN, False),
        ('volumes: ["./:/app"]', OWN, False),
    ],
)
def test_compose_takes_back_what_the_image_has(case: Make, service: str, name: str, holds: bool | None) -> None:
    compose = f"services:\n  api:\n    build: .\n    {service}\n"
    found = verdicts(case, f"{NODE}HEALTHCHECK CMD true\n", compose)
    assert found[name] is holds


def told(case: Make, name: str, dockerfile: str, compose: str = "", **files: str) -> str:
    """The line of the summary on a property, in plain words."""
    others = {"app.py": "", **({"compose.yaml": compose} if compose else {}), **files}
    made = case({"Dockerfile": dockerfile, **others}, options=KEPT)
    found = next(check for check in checks(made.after, made.before) if check.name == name)
    return "".join(part if isinstance(part, str) else getattr(part, "text", "") for part in found.why)


@pytest.mark.parametrize(
    ("service", "name", "why"),
    [
        ("read_only: false", "Read-only root file system", "read_only: true is not set in compose for a, b"),
        (
            'security_opt: ["seccomp:unconfined", "no-new-privileges:false"]',
            "No new privileges",
            "no-new-privileges:true is not set in compose for a, b",
        ),
        (
            "cap_drop: [ALL]\n    privileged: true",
            "Capabilities dropped",
            "privileged: true is set in compose for a; cap_drop: [ALL] is not set in compose for b",
        ),
        (
            "cap_drop: [ALL]\n    cap_add: [ALL]",
            "Capabilities dropped",
            "ALL is given again in compose for a; cap_drop: [ALL] is not set in compose for b",
        ),
    ],
)
def test_what_a_service_lacks_is_said_in_words(case: Make, service: str, name: str, why: str) -> None:
    compose = f"services:\n  a:\n    build: .\n    {service}\n  b:\n    build: .\n"
    assert told(case, name, NODE, compose) == why


def test_capabilities_that_are_kept_are_named(case: Make) -> None:
    compose = "services:\n  a:\n    build: .\n    cap_drop: [ALL]\n    cap_add: [NET_BIND_SERVICE]\n"
    assert told(case, "Capabilities dropped", NODE, compose) == "compose.yaml:4, but for NET_BIND_SERVICE"


def test_root_that_an_entrypoint_leaves_is_said_to_start_it_alone(case: Make) -> None:
    dockerfile = NODE.replace("USER node\n", "COPY start.sh /\n").replace('["dumb-init", "--"]', '["/start.sh"]')
    script = '#!/bin/sh\nexec gosu node "$@"\n'
    assert told(case, "Not root", dockerfile, **{"start.sh": script}) == "no USER is set, so that it starts as root"
    assert told(case, OWN, dockerfile, **{"start.sh": script}) == "it starts as root, who may write everywhere"


def test_the_summary_says_of_signals_what_the_notes_say(case: Make) -> None:
    dockerfile = (
        "FROM golang:1.22 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /main .\n"
        'FROM debian:12-slim\nCOPY --from=build /main /main\nUSER 1001\nCMD ["/main"]\n'
    )
    go = {"go.mod": "module x\n\ngo 1.22\n", "main.go": "package main\n\nfunc main() {}\n"}
    made = case({"Dockerfile": dockerfile, **go})
    notes = [each.why for each in made.plan.outcomes if each.transform == "init"]
    assert notes == ["the app ends at a signal by itself (Go's runtime) and needs no init"]
    found = next(check for check in checks(made.after, made.before) if check.name == SIGNALS)
    assert (found.holds, found.why) == (True, ("the app ", "ends at a signal by itself (Go's runtime)"))


def reports() -> list[Path]:
    """The reports of fixtures in which the transform says of an app that it needs no init."""
    found = (path for kind in ("init", "sequence") for path in (ROOT / "fixtures" / kind).glob("*/report.txt"))
    said = ("needs no init", "may stay process 1")
    return sorted(path for path in found if any(words in path.read_text() for words in said))


@pytest.mark.parametrize("report", reports(), ids=lambda report: report.parent.name)
def test_the_summary_denies_no_note(report: Path) -> None:
    folder = report.parent / "before"
    repository = Repository(folder)
    judged = 0
    for path in sorted(folder.rglob("Dockerfile")):
        plan = repository.plan(path, Options())
        said = [each.why for each in plan.outcomes if each.transform == "init" and "process 1" in each.why]
        said += [each.why for each in plan.outcomes if "needs no init" in each.why]
        if said:
            app = repository.app(Document.parse(plan.before, plan.path))
            made = Case(str(path), plan, app, Options())
            found = next(check for check in checks(made.after, made.before) if check.name == SIGNALS)
            assert found.holds is ("may stay" not in said[0]), (said, found)
            judged += 1
    assert judged


@pytest.mark.parametrize(
    ("command", "holds"),
    [
        ("exec nginx -g 'daemon off;'", True),
        ("nginx -g 'daemon off;'", False),
        ("sleep 1 && exec nginx", True),
        ("sleep 1 && nginx", False),
        ("exec npm start", False),
        ('["apachectl", "-D", "FOREGROUND"]', False),
        ('["httpd-foreground"]', True),
        ('["php-fpm8.3", "-F"]', True),
    ],
)
def test_a_shell_that_hands_over_is_not_process_1(case: Make, command: str, holds: bool) -> None:
    assert verdicts(case, f"FROM nginx:1.27-alpine\nENTRYPOINT {command}\n")[SIGNALS] is holds


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exec nginx -g 'daemon off;'", "nginx handles them itself"),
        ("nginx -g 'daemon off;'", "start may stay in front of the app, and passes nothing on"),
        ('exec "$@"', "/start is process 1 without an init, and has to handle them itself"),
    ],
)
def test_a_script_is_followed_to_what_it_hands_over_to(case: Make, script: str, why: str) -> None:
    dockerfile = 'FROM nginx:1.27-alpine\nCOPY start /start\nCMD ["/start"]\n'
    assert told(case, SIGNALS, dockerfile, start=f"#!/bin/sh\n{script}\n") == why


def test_an_entrypoint_of_the_app_hands_over_to_the_command_of_compose(case: Make) -> None:
    dockerfile = 'FROM ruby:3.3\nCOPY start.sh /\nENTRYPOINT ["/start.sh"]\nCMD ["ruby", "/app.rb"]\n'
    compose = "services:\n  a:\n    build: .\n    command: bash -c 'sleep 1 && ruby /app.rb'\n"
    files = {"start.sh": '#!/bin/sh\nexec "$@"\n'}
    why = "bash may stay in front of the app, and passes nothing on (compose.yaml:4)"
    assert told(case, SIGNALS, dockerfile, compose, **files) == why


def test_an_entrypoint_that_hands_over_is_not_process_1(case: Make) -> None:
    compose = "services:\n  a:\n    build: .\n    command: node /app.js --more\n"
    plain = 'FROM node:20-alpine\nCOPY app.js /\nCMD ["node", "/app.js"]\n'
    why = "node is process 1 without an init, and has to handle them itself"
    assert told(case, SIGNALS, plain) == why
    assert told(case, SIGNALS, plain, compose) == f"{why} (compose.yaml:4)"


def test_a_settings_file_that_is_copied(case: Make) -> None:
    whole = GOOD.replace("COPY app.py ./", "WORKDIR /app\nCOPY . .")
    name = SETTINGS
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
    assert found[SIGNALS]
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
        found = next(each for each in checks(made.after, made.before) if each.name == OWN)
        assert found.holds is False
        assert ("--owner root" in str(found.why)) is ours


def test_one_lax_service_of_two_is_named(case: Make) -> None:
    compose = "services:\n  api:\n    build: .\n    read_only: true\n  worker:\n    build: .\n"
    made = case({"Dockerfile": GOOD, "app.py": "", "compose.yaml": compose}, options=KEPT)
    found = next(check for check in checks(made.after, made.before) if check.name == "Read-only root file system")
    assert found.holds is False
    assert "worker" in str(found.why)
    assert "api" not in str(found.why)
