"""Accounts in busybox's words, and what its shell and applets cannot do."""

from __future__ import annotations

import pytest

from dockfix.recipes.busybox import translate, understands
from dockfix.recipes.dialect import DOWNLOADS, ESCAPES, FOREIGN, GNU_ONLY


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("groupadd app", "addgroup app"),
        ("groupadd -r app", "addgroup -S app"),
        ("groupadd --gid 10001 app", "addgroup -g 10001 app"),
        ("useradd app", "adduser -D -H app"),
        ("useradd -m app", "adduser -D app"),
        ("useradd -m -u 10001 -g app app", "adduser -D -u 10001 -G app app"),
        ("useradd -m -g 10001 app", "adduser -D -G staff app"),
        ("useradd -r app", "addgroup -S app && adduser -D -H -S -G app app"),
        ("useradd -ms /bin/bash app", "adduser -D -s /bin/sh app"),
        ("useradd -rm -d /srv/app app", "addgroup -S app && adduser -D -S -h /srv/app -G app app"),
        ("useradd -m -G video,audio app", "adduser -D app && addgroup app video && addgroup app audio"),
        ("useradd --create-home --no-log-init app", "adduser -D app"),
        ("usermod -aG video app", "addgroup app video"),
        ("usermod -a -G video app", "addgroup app video"),
        ("adduser --system --group app", "addgroup -S app && adduser -S -D -G app app"),
        ("adduser --disabled-password --disabled-login app", "adduser -D app"),
    ],
)
def test_account_command_is_translated(command: str, expected: str) -> None:
    name, *args = command.split()
    assert translate(name, args, {"10001": "staff"}) == expected


@pytest.mark.parametrize(
    "command",
    [
        "useradd -m -g 4711 app",
        "useradd -o -u 0 admin",
        "useradd -e 2030-01-01 app",
        "usermod -u 1001 app",
        "groupmod -g 1001 app",
        "adduser --gid 1001 app",
        "adduser --group app",
    ],
)
def test_account_command_without_counterpart(command: str) -> None:
    name, *args = command.split()
    assert translate(name, args, {}) is None


@pytest.mark.parametrize(
    ("command", "same"),
    [
        ("addgroup --system --gid 1001 nodejs", True),
        ("adduser --system --uid 1001 nextjs", True),
        ("adduser --disabled-password --no-create-home app", True),
        ("adduser app", False),
        ("adduser --system --group app", False),
        ("adduser --disabled-password --shell /bin/bash app", False),
        ("useradd --system app", False),
    ],
)
def test_command_that_both_sides_understand(command: str, same: bool) -> None:
    name, *args = command.split()
    assert understands(name, args) is same


@pytest.mark.parametrize(
    "line",
    [
        "grep -oP 'x' file",
        "find . -name x -printf '%p'",
        "sed -z 's/a/b/' file",
        "ls | xargs -d '\\n' rm",
        "date -d yesterday",
        "date --date='1 day ago'",
        "tar --transform 's,a,b,' -xf x.tar",
        "tar -I zstd -xf x.tar.zst",
        "bsdtar --owner 0 -cf x.tar x",
        "xzgrep -P 'x' file.xz",
        "rgrep --include '*.py' x",
        "ps aux",
        "ps -o pid -p 1",
        "readlink -e x",
        "wget --progress=dot https://example.org/x",
    ],
)
def test_gnu_option_is_seen(line: str) -> None:
    assert GNU_ONLY.search(line)


@pytest.mark.parametrize(
    "line",
    [
        "grep -q x file",
        "find . -name x -delete",
        "sed -i 's/a/b/' file",
        "date -u +%s",
        "tar -xzf x.tgz",
        "ps",
        "docker ps -q",
        "wget -q x",
    ],
)
def test_common_option_is_left_alone(line: str) -> None:
    assert not GNU_ONLY.search(line)


def test_escapes_of_echo() -> None:
    assert ESCAPES.search(r'echo "#!/bin/sh\nexec app" > run.sh')
    assert ESCAPES.search(r"echo -n 'a\tb'")
    assert not ESCAPES.search("echo 'plain'")
    assert not ESCAPES.search(r'printf "a\nb"')


@pytest.mark.parametrize(
    ("line", "foreign", "download"),
    [
        ("dpkg -i x.deb", True, False),
        ("echo deb x > /etc/apt/sources.list.d/x.list", True, False),
        ("curl -fsSL https://example.org/install | sh", False, True),
        ("curl -f http://localhost:8000/", False, True),
        ("export DEBIAN_FRONTEND=noninteractive", False, False),
        ("pip install -r requirements.txt", False, False),
    ],
)
def test_debian_words_and_downloads(line: str, foreign: bool, download: bool) -> None:
    assert bool(FOREIGN.search(line)) is foreign
    assert bool(DOWNLOADS.search(line)) is download
