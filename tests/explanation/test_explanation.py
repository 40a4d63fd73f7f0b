"""What is told of a plan is what the plan holds."""

from __future__ import annotations

import pytest

from dockfix import registry
from dockfix.explanation import explanation
from dockfix.options import Options
from tests.explanation.conftest import SEQUENCE, Make

SERVICES = sorted(path.name for path in SEQUENCE.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", SERVICES)
def test_everything_said_of_a_plan_is_told_once(name: str, service: Make) -> None:
    case = service(name)
    found = explanation([case])
    told = [
        (remark.transform, remark.kind, remark.line, remark.why)
        for remarks in (*(a.remarks for o in found.optimisations for a in o.applications), found.remarks)
        for remark in remarks
    ]
    outcomes = [(each.transform, each.kind, each.line, each.why) for each in case.plan.outcomes]
    assert sorted(map(str, told)) == sorted(map(str, outcomes))


@pytest.mark.parametrize("name", SERVICES)
def test_excerpts_are_lines_of_the_result(name: str, service: Make) -> None:
    case = service(name)
    lines = case.plan.after.split("\n")
    for optimisation in explanation([case]).optimisations:
        for application in optimisation.applications:
            assert application.excerpts, f"{optimisation.id} shows nothing"
            for excerpt in application.excerpts:
                if excerpt.language == "dockerfile":
                    pieces = ["\n".join(lines[first - 1 : last]) for first, last in excerpt.lines]
                    assert excerpt.text == "\n\n# …\n\n".join(pieces)
                elif excerpt.language != "diff":
                    assert excerpt.text == case.plan.files[excerpt.path]


def test_the_order_is_that_in_which_it_was_done(service: Make) -> None:
    found = explanation([service("flask-backend"), service("stage-server")])
    order = [transform.id for transform in registry.transforms()]
    ids = [optimisation.id for optimisation in found.optimisations]
    assert ids == sorted(ids, key=order.index)
    assert {a.path for o in found.optimisations for a in o.applications} == {
        "flask-backend/Dockerfile",
        "stage-server/Dockerfile",
    }


def test_a_companion_file_is_shown_with_the_transform_that_makes_it(service: Make) -> None:
    found = explanation([service("react-frontend")])
    shown = {e.path: o.id for o in found.optimisations for a in o.applications for e in a.excerpts}
    assert shown["nginx.conf"] == "split-stages"
    assert shown[".dockerignore"] == "dockerignore"
    split = next(o for o in found.optimisations if o.id == "split-stages")
    assert "=404" in split.notes


def test_notes_on_a_site_are_told_where_there_is_one_alone(service: Make) -> None:
    split = next(o for o in explanation([service("flask-backend")]).optimisations if o.id == "split-stages")
    assert split.notes == ""


def test_nothing_to_change_is_told_as_it_stands(case: Make) -> None:
    found = explanation([case({"Dockerfile": 'FROM scratch\nCOPY app /app\nUSER 65532\nCMD ["/app"]\n', "app": ""})])
    assert found.optimisations == ()
    assert not found.files[0].changed
    assert found.files[0].diff == ""
    assert found.files[0].after.user == "65532"


def test_a_change_that_the_options_leave_out_is_a_remark(case: Make) -> None:
    files = {"Dockerfile": "FROM node:20\nCMD node server.js\n", "server.js": "", "package.json": "{}"}
    found = explanation([case(files, options=Options(safe=True))])
    assert {remark.kind for remark in found.remarks} >= {"offered"}
