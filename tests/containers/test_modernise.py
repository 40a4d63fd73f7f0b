"""What is written in another way means the same to a real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .fixtures import built, rewrite

if TYPE_CHECKING:
    from pathlib import Path

    from .engine import Engine

pytestmark = pytest.mark.container

VALUES = r"""
plain
two words
three   words apart
a=b c
"in double quotes"
'in single $X quotes'
it costs '$5' and "$X"
-Dname="a b" -v
$X and ${Y:-z}/${X:+set}
\$X is \"literal\" \\
a\ b c\\d e\f
#no comment
"half"and'half' more
"tab	inside" and	outside
é ü
""".strip("\n").split("\n")


def test_values_of_the_old_form_stay(engine: Engine, tmp_path: Path) -> None:
    lines = [f"ENV KEY{number} {value}" for number, value in enumerate(VALUES)]
    labels = [f"LABEL label{number} {value}" for number, value in enumerate(VALUES)]
    path = tmp_path / "Dockerfile"
    path.write_text("\n".join(['FROM scratch\nENV X="x  y\'z"', *lines, *labels, ""]), encoding="utf-8")
    before = engine.image_config(built(engine, tmp_path))
    rewrite(tmp_path, "key-value-form")
    written = path.read_text(encoding="utf-8")
    assert sum(written.count(f"\n{line}\n") for line in (*lines, *labels)) == 0, written
    after = engine.image_config(built(engine, tmp_path))
    assert after["Env"] == before["Env"]
    assert after["Labels"] == before["Labels"]


def test_the_whole_configuration_stays(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(
        "FROM scratch as base\nmaintainer Ada\nWORKDIR srv\nADD app.py .\nCMD true\n\nCMD python app.py\n"
        'from base\nWORKDIR app\nADD . .\nENTRYPOINT env\nENTRYPOINT ["env"]\n'
    )
    tmp_path.joinpath("app.py").write_text("print('up')\n")
    before = engine.image_config(built(engine, tmp_path))
    rewrite(tmp_path, "keyword-case", "maintainer-label", "workdir", "add-copy", "multiple-commands")
    assert path.read_text() == (
        'FROM scratch AS base\nLABEL org.opencontainers.image.authors="Ada"\nWORKDIR /srv\nCOPY app.py .\n\n'
        'CMD python app.py\nFROM base\nWORKDIR /srv/app\nCOPY . .\nENTRYPOINT ["env"]\n'
    )
    after = engine.image_config(built(engine, tmp_path))
    assert after.pop("Labels") == {"org.opencontainers.image.authors": "Ada"}
    before.pop("Labels")
    assert after == before
