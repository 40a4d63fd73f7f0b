"""What init says of the program that it stands in front of."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockfix import api
from dockfix.options import Options

FIXTURES = Path(__file__).parents[2] / "fixtures" / "init"


@pytest.mark.parametrize(
    ("fixture", "name"),
    [
        ("4-07-names-the-program-behind-env", "python"),
        ("4-02-names-the-script-of-the-entrypoint", "run.sh"),
        ("4-02-chains-the-entrypoint-of-the-app", "gunicorn"),
    ],
)
def test_process_1_has_the_name_that_a_person_knows(fixture: str, name: str) -> None:
    folder = FIXTURES / fixture / "before"
    plan = api.fix(folder / "Dockerfile", root=folder, options=Options(only=frozenset({"init"})))
    assert [outcome.why.partition(" as process 1 ")[0] for outcome in plan.outcomes if outcome.kind == "applied"] == [
        name
    ]
