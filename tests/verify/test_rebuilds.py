"""What is said of builds after an edit."""

from __future__ import annotations

import json

import pytest

from dockfix.verify.comparison import Verdict
from dockfix.verify.json import document, read
from dockfix.verify.verification import Builds, Side, Verification, uneven


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((), ("npm run build", "chown app x"), True),
        ((), (), False),
        (("npm ci",), ("npm run build",), False),
        (None, ("npm run build",), False),
        ((), None, False),
    ],
    ids=["copies-alone", "neither-builds", "both-build", "before-unknown", "after-unknown"],
)
def test_an_original_that_only_copies_is_remarked(
    before: tuple[str, ...] | None, after: tuple[str, ...] | None, said: bool
) -> None:
    remark = "after a change of source the original only copies, and the rewrite runs npm run build"
    assert uneven(Builds(repeated=before), Builds(repeated=after)) == ((remark,) if said else ())


@pytest.mark.parametrize("repeated", [None, (), ("npm run build",)])
def test_what_was_repeated_is_in_the_document(repeated: tuple[str, ...] | None) -> None:
    builds = Builds(3.0, (1.0,), (), True, repeated)
    (found,) = read(document([Verification("Dockerfile", Verdict("same behaviour"), Side(builds=builds))]))
    assert found.before.builds == builds


def test_a_document_of_an_earlier_release_is_read() -> None:
    told = json.loads(document([Verification("Dockerfile", Verdict("same behaviour"))]))
    for key in ("build_limits", "build_limits_missing"):
        del told[key]
    for side in ("before", "after"):
        del told["files"][0][side]["builds"]["repeated"]
    assert read(json.dumps(told))[0].before.builds.repeated is None
