"""Files with secrets are known by their names, and where names do not tell, by what they hold."""

from __future__ import annotations

import re

import pytest

from dockfix.catalog.secretfiles import secret_file, spells_secret_file
from dockfix.catalog.table import table

KEY = b"-----BEGIN RSA PRIVATE KEY-----\nMII\n"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMII\n"


@pytest.mark.parametrize(
    ("name", "data", "holds"),
    [
        (".env", b"", True),
        (".env.production", None, True),
        ("Prod.env", b"", True),
        ("secrets.yml", b"", True),
        ("id_ed25519", None, True),
        ("master.key", b"00112233445566778899aabbccddeeff", True),
        ("store.pfx", None, True),
        ("server.key", KEY, True),
        ("server.key", None, None),
        ("server.key", b"\x30\x82\x00", None),
        ("server.pem", CERTIFICATE, False),
        ("server.pem", CERTIFICATE + KEY, True),
        ("trust.jks", b"\xfe\xed", None),
        (".npmrc", b"registry=https://npm.example.com/\n", False),
        (".npmrc", b"//npm.example.com/:_authToken=0123\n", True),
        (".npmrc", b"//npm.example.com/:_authToken=${NPM_TOKEN}\n", False),
        (".npmrc", b"; //npm.example.com/:_authToken=0123\n", False),
        (".pypirc", b"[pypi]\nusername = me\n", False),
        (".pypirc", b"[pypi]\npassword = 0123\n", True),
        (".netrc", b"machine example.com login me password 0123\n", True),
        ("NuGet.Config", b'<add key="ClearTextPassword" value="0123" />', True),
        ("NuGet.Config", b'<add key="ClearTextPassword" value="%TOKEN%" />', False),
        ("pip.conf", b"index-url = https://me:0123@example.com/simple\n", True),
        ("pip.conf", b"index-url = https://example.com/simple\n", False),
        ("auth.json", b'{"github-oauth": {"github.com": "0123"}}', True),
        ("auth.json", b'{"github-oauth": {}}', False),
    ],
)
def test_what_a_file_holds(name: str, data: bytes | None, holds: bool | None) -> None:
    sort = secret_file(name)
    assert sort is not None
    assert sort.holds(data) is holds


@pytest.mark.parametrize("name", [".env.example", "sample.env", ".env.dist", "package.json", "env.py", "id_rsa.pub"])
def test_other_files_are_of_no_such_sort(name: str) -> None:
    assert secret_file(name) is None


@pytest.mark.parametrize(
    ("glob", "spells"),
    [
        ("*.env", True),
        (".e*", True),
        ("*.pem", True),
        ("id_*", True),
        ("*", False),
        ("*.json", False),
        ("p*.json", False),
    ],
)
def test_globs_that_are_written_for_them(glob: str, spells: bool) -> None:
    assert spells_secret_file(glob) is spells


def test_rows_are_of_known_kinds_and_their_patterns_can_be_read() -> None:
    for row in table("secretfiles").rows():
        assert row["pattern"] == row["pattern"].lower()
        assert row["kind"] in {"settings", "key", "token"}
        assert row["source"].startswith("https://")
        for pattern in (row["tells"], row["spares"]):
            re.compile(pattern)
