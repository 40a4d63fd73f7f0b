"""``target-platform``: FROM without the platform that it has anyway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.dockerfile import Instruction
    from dockfix.model import Model

_VALUES = frozenset({"$TARGETPLATFORM", "${TARGETPLATFORM}"})


@transform("target-platform", phase=Phase.MODERNISE, safety=Safety.SAFE)
def target_platform(model: Model) -> Iterator[Result]:
    """Leave out the platform of FROM where it is the one that the image is built for anyway.

    What it does:
        Removes `--platform=$TARGETPLATFORM` from FROM.

    Why:
        It is the default. BuildKit warns of it (its check RedundantTargetPlatform), and builders that do not know the
        variable fail.

    Refuses when:
        The file gives the variable a value of its own.

    Example:
        See fixtures/target-platform/example.
    """
    for stage in model.document.stages:
        flag = next((flag for flag in stage.base.flags if flag.name == "platform"), None)
        if flag is None or flag.value not in _VALUES:
            continue
        given = [arg for arg in model.document.global_args if any(a.key == "TARGETPLATFORM" for a in arg.assignments)]
        if any(a.value for arg in given for a in arg.assignments):
            yield Refusal(stage.base, f"line {given[0].line} gives TARGETPLATFORM a value of its own")
            continue
        following = min(span.start for span in _spans(stage.base) if span.start > flag.span.start)
        # a comment in between stays, on a line of its own
        end = following if not stage.base.inner_comments else flag.span.end
        edit = Edit(Span(flag.span.start, end), "")
        yield Change(stage.base, (edit,), "the platform that the image is built for is the default")


def _spans(base: Instruction) -> Iterator[Span]:
    """The places of flags and words."""
    yield from (flag.span for flag in base.flags)
    yield from (word.span for word in base.words)
