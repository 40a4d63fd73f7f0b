"""``user``: what the fixtures do not show, above all how accounts are read and made."""

from __future__ import annotations

from importlib import import_module

import pytest

from dockfix.dockerfile import Document
from dockfix.engine import Plan, plan
from dockfix.facts import App, Tree
from dockfix.model import Model
from dockfix.options import Options
from dockfix.recipes import accounts
from dockfix.recipes.programs import programs

TRANSFORM = import_module("dockfix.transforms.user").user
APP = {
    "package.json": '{"name": "clock", "scripts": {"start": "node index.js"}}',
    "index.js": "require('http').createServer((q, r) => r.end(String(Date.now()))).listen(8080);",
}
NAIVE = "FROM node:20\nWORKDIR /app\nCOPY . .\nRUN npm install\nCMD node index.js\n"


def planned(dockerfile: str, files: dict[str, str] | None = None, options: Options | None = None) -> Plan:
    app = App(Tree({**APP, **(files or {}), "Dockerfile": dockerfile}))
    chosen = options or Options()
    made = plan(Document.parse(dockerfile), app, chosen, [TRANSFORM])
    assert made.defects == ()
    return made


def model(dockerfile: str, files: dict[str, str] | None = None) -> Model:
    return Model(Document.parse(dockerfile), App(Tree({**APP, **(files or {})})), Options())


@pytest.mark.parametrize("user", ["1000", "node", "node:node", "$APP_USER"])
def test_a_user_that_is_set_stays(user: str) -> None:
    made = planned(NAIVE.replace("CMD", f"USER {user}\nCMD"))
    assert not made.changed
    assert made.outcomes == ()


def test_the_number_can_be_chosen() -> None:
    made = planned(NAIVE, options=Options(uid=5555))
    assert "groupadd --gid 5555 nodejs" in made.after
    assert "useradd --uid 5555" in made.after


def test_the_number_of_the_base_s_own_account_means_that_account() -> None:
    made = planned(NAIVE, options=Options(uid=1000))
    assert "USER node\n" in made.after
    assert "useradd" not in made.after


def test_a_number_that_a_system_account_has_is_refused() -> None:
    made = planned(NAIVE, options=Options(uid=33))
    assert [outcome.why for outcome in made.outcomes] == ["the number 33 belongs to www-data in this image"]


@pytest.mark.parametrize(
    ("image", "run", "expected"),
    [
        ("node:20-alpine", "addgroup -g 7 -S a && adduser -S b -u 8 -G a", ("b", "a", 8, 7, "/home/b", True)),
        ("node:20-alpine", "adduser -S b -u 8", ("b", "nogroup", 8, None, "/home/b", True)),
        ("node:20-alpine", "adduser -DH b", ("b", "b", None, None, "/home/b", False)),
        ("node:20-alpine", "adduser -D -h /srv/b b", ("b", "b", None, None, "/srv/b", True)),
        ("node:20", "useradd -ms /bin/bash -u 8 b", ("b", "b", 8, 8, "/home/b", True)),
        ("node:20", "groupadd -g 7 a && useradd -r -u 8 -g a b", ("b", "a", 8, 7, "/home/b", False)),
        ("node:20", "groupadd -g 7 a && useradd -u 8 -g 7 -d /srv b", ("b", "a", 8, 7, "/srv", False)),
        ("node:20", "useradd --uid=8 --create-home b", ("b", "b", 8, 8, "/home/b", True)),
        ("node:20", "adduser --system --group --uid 8 b", ("b", "b", 8, None, "/home/b", True)),
        ("node:20", "adduser --disabled-password --gecos '' b", ("b", "b", None, None, "/home/b", True)),
        ("node:20", "adduser --system --no-create-home b", ("b", "nogroup", None, None, "/home/b", False)),
    ],
)
def test_accounts_are_read_as_each_tool_makes_them(
    image: str, run: str, expected: tuple[str, str, int | None, int | None, str, bool]
) -> None:
    (owner,) = accounts.created(model(f"FROM {image}\nRUN {run}\nCMD node index.js\n").final)
    assert (owner.name, owner.group, owner.uid, owner.gid, owner.home, owner.has_home) == expected


def test_several_accounts_are_not_chosen_from() -> None:
    made = planned(NAIVE.replace("CMD", "RUN useradd -m one && useradd -m two\nCMD"))
    assert [outcome.why for outcome in made.outcomes] == ["which of the accounts one and two runs the app is not said"]


def test_of_several_accounts_the_one_that_gets_files_is_taken() -> None:
    made = planned(NAIVE.replace("CMD", "RUN useradd -m one && useradd -mu 1234 two && chown two .\nCMD"))
    assert "USER two\n" in made.after


def test_files_copied_before_the_account_is_made_are_given_to_its_number() -> None:
    made = planned(NAIVE.replace("CMD", "RUN useradd -m -u 1234 late\nCMD"))
    assert "COPY --chown=1234:1234 . .\n" in made.after


def test_files_copied_before_an_account_without_a_number_are_refused() -> None:
    made = planned(NAIVE.replace("CMD", "RUN useradd -m late\nCMD"))
    assert not made.changed
    assert "does not exist yet where the app is copied" in made.outcomes[0].why


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ('["npm", "start"]', ["node"]),
        ('["dumb-init", "--", "node", "index.js"]', ["node"]),
        ('["sh", "-c", "mkdir -p logs && exec node index.js"]', ["mkdir", "node"]),
        ("node index.js >> /var/log/clock.log", ["node"]),
        ('["./start.sh"]', ["touch", "node"]),
        ('["sh", "start.sh"]', ["touch", "node"]),
    ],
)
def test_programs_are_followed(command: str, names: list[str]) -> None:
    files = {"start.sh": "#!/bin/sh\ntouch ready\nexec node index.js\n"}
    found = programs(model(NAIVE.replace("node index.js", command), files))
    assert [program.name for program in found] == names


def test_a_redirection_names_a_folder_that_is_written() -> None:
    made = planned(NAIVE.replace("node index.js", "node index.js >> /var/log/clock/out.log"))
    assert "RUN mkdir -p /var/log/clock && chown nodejs:nodejs /var/log/clock\n" in made.after


@pytest.mark.parametrize(
    ("copies", "files", "early"),
    [
        ("COPY . .", {}, True),
        ("COPY package.json ./\nCOPY index.js ./", {}, True),
        # what the context brings there may be a link, or another's
        ("COPY . .", {"uploads/.gitkeep": ""}, False),
        ("COPY . ./uploads/", {}, False),
        # it would make the folder around it, as the account's
        ("COPY . /app/code/", {}, False),
        ("COPY --link . .", {}, False),
        ("COPY --from=made /app .", {}, False),
        ("COPY --from=made /app .\nCOPY index.js ./", {}, False),
    ],
)
def test_folders_are_made_above_the_copies_that_leave_them_alone(
    copies: str, files: dict[str, str], early: bool
) -> None:
    folder = "code/uploads" if "code" in copies else "uploads"
    source = f"require('fs').mkdirSync('/app/{folder}');\n{APP['index.js']}"
    stages = "FROM node:20 AS made\nWORKDIR /app\nCOPY . .\n\nFROM node:20\nWORKDIR /app\n"
    made = planned(f'{stages}{copies}\nCMD ["node", "index.js"]\n', {**files, "index.js": source})
    end = made.after.partition("\n\n")[2]
    assert (end.index(f"mkdir -p {folder}") < end.index("COPY")) is early


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("RUN chmod 700 /app/run", "chmod 700 keeps everybody but root out"),
        ("RUN umask 077 && npm rebuild", "what `umask 077` leaves behind"),
        ("RUN pip install --user httpie", "pip --user installs in root's home"),
        ("RUN npx playwright install chromium", "keeps browsers in root's home"),
        ("ENV PATH=/root/.bun/bin:$PATH", "PATH leads to /root/.bun/bin"),
        ("COPY settings /root/.config/clock", "/root/.config/clock is under /root"),
        ("COPY --chmod=700 run.sh /usr/local/bin/", "--chmod=700 lets nobody but the owner in"),
        ("RUN git describe > version", "git is called on the sources"),
    ],
)
def test_what_only_root_can_use_is_refused(line: str, why: str) -> None:
    options = Options(owner="root") if "chmod 700 /app" in line else Options()
    made = planned(NAIVE.replace("CMD", f"{line}\nCMD"), {"settings": "", "run.sh": ""}, options)
    assert not made.changed
    assert why in made.outcomes[0].why


@pytest.mark.parametrize(
    ("argument", "raw"),
    [
        ("privileged = True", True),
        ("privileged=True", True),
        ("privileged = False", False),
        ("privileged=False", False),
    ],
)
def test_pings_of_a_library_need_root_unless_it_is_told_otherwise(argument: str, raw: bool) -> None:
    source = f"from icmplib import ping\nping('192.0.2.1', {argument})\n"
    made = planned('FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD ["python", "main.py"]\n', {"main.py": source})
    assert ("raw sockets" in made.outcomes[0].why) is raw


def test_the_app_s_own_closed_files_are_no_obstacle() -> None:
    made = planned(NAIVE.replace("CMD", "RUN chmod 700 index.js\nCMD"))
    assert "USER nodejs\n" in made.after


def test_only_safe_changes_leave_root() -> None:
    made = planned(NAIVE, options=Options(safe=True))
    assert not made.changed
    assert [outcome.kind for outcome in made.outcomes] == ["offered"]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("gunicorn.conf.py", "user = 'www-data'\n", "gunicorn gives up root's rights by itself"),
        ("gunicorn.conf.py", "errorlog = '/etc/errors.log'\n", "the app writes to /etc (gunicorn.conf.py)"),
        ("gunicorn.conf.py", "bind = '0.0.0.0:8000'\n", None),
        ("gunicorn.conf.py", "accesslog = 'logs/access.log'\n", None),
    ],
)
def test_settings_of_servers_are_read(name: str, text: str, expected: str | None) -> None:
    dockerfile = 'FROM python:3.12\nWORKDIR /app\nRUN pip install gunicorn\nCOPY . .\nCMD ["gunicorn", "main:app"]\n'
    source = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n"
    made = planned(dockerfile, {"main.py": source, name: text})
    assert made.changed == (expected is None)
    assert ("chown appuser:appuser logs" in made.after) == ("logs/" in text)
    if expected is not None:
        assert expected in made.outcomes[0].why


def test_files_of_root_from_a_parent_stage_are_not_written() -> None:
    dockerfile = "FROM python:3.12 AS base\nWORKDIR /app\nCOPY . .\n\nFROM base\nCMD python main.py\n"
    made = planned(dockerfile, {"main.py": "import sqlite3\n\nsqlite3.connect('x.db')\n"})
    assert [outcome.why for outcome in made.outcomes] == [
        "the app may write to its files, and another stage brings them as root's"
    ]


def test_a_run_in_exec_form_is_not_extended() -> None:
    dockerfile = NAIVE.replace("WORKDIR", 'RUN ["apt-get", "install", "-y", "dumb-init"]\nWORKDIR')
    made = planned(dockerfile)
    assert 'RUN ["apt-get", "install", "-y", "dumb-init"]\nRUN groupadd' in made.after


def test_a_user_site_that_a_parent_stage_leads_to_is_refused() -> None:
    dockerfile = (
        "FROM python:3.12 AS base\nENV PATH=/root/.local/bin:$PATH\n"
        "FROM base AS builder\nRUN pip install --user flask\n"
        "FROM base\nWORKDIR /app\nCOPY --from=builder /root/.local /root/.local\nCOPY . .\nCMD python main.py\n"
    )
    made = planned(dockerfile, {"main.py": "print('hello')\n"})
    assert [outcome.why for outcome in made.outcomes] == ["PATH leads to /root/.local/bin, which only root can enter"]


@pytest.mark.parametrize(
    ("base", "tool"),
    [
        ("alpine:3.19", "adduser -S"),
        ("alpine", "adduser -S"),
        ("debian:bookworm", "useradd"),
        ("ubuntu:22.04", "useradd"),
    ],
)
def test_plain_distributions_get_the_account_of_their_kind(base: str, tool: str) -> None:
    install = "apk add nodejs npm" if base.startswith("alpine") else "apt-get update && apt-get install -y nodejs"
    made = planned(f"FROM {base}\nRUN {install}\nWORKDIR /app\nCOPY . .\nCMD node index.js\n")
    assert f"{tool} nodejs" in made.after or f"{tool} --uid 1001" in made.after


def test_a_program_from_elsewhere_is_left_to_root() -> None:
    made = planned('FROM python:3.12\nRUN pip install mqtt-io\nCMD ["python", "-m", "mqtt_io"]\n')
    assert "no COPY of this stage brings the app" in made.outcomes[0].why


@pytest.mark.parametrize(
    ("call", "url", "told"),
    [
        ("alembic", "sqlite:///%(here)s/data/a.db", "which owns what the app writes: conf/data (conf/alembic.ini)"),
        ("alembic -n jobs", "%(DATABASE)s", "which database Alembic changes cannot be told (the start command)"),
        ("alembic -n jobs", "sqlite:///jobs/a.db", "which owns what the app writes: jobs (conf/alembic.ini)"),
        ("alembic --config=gone.ini", "sqlite:///a.db", "which database Alembic changes cannot be told"),
        ("alembic -c $SETTINGS", "sqlite:///a.db", "which database Alembic changes cannot be told"),
        ("alembic", "postgresql://db/shop", "instead of root"),
    ],
)
def test_the_database_that_alembic_changes(call: str, url: str, told: str) -> None:
    section = "jobs" if "jobs" in call else "alembic"
    files = {"conf/alembic.ini": f"[{section}]\nsqlalchemy.url = {url}\n", "requirements.txt": "alembic==1.13.2\n"}
    option = "" if "onf" in call or "-c" in call else " -c conf/alembic.ini"
    dockerfile = f"FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD {call}{option} upgrade head\n"
    whys = [outcome.why for outcome in planned(dockerfile, files).outcomes]
    assert any(told in why for why in whys), whys
    assert any("cannot be told" in why for why in whys) is ("cannot be told" in told)
