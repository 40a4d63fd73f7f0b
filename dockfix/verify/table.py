"""The table of one verification: what was measured before and after, as rows of words."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.verify.buildkit import short
from dockfix.verify.container import is_of_processes

if TYPE_CHECKING:
    from dockfix.verify.image import ImageFacts
    from dockfix.verify.observation import Observation
    from dockfix.verify.verification import Builds, Side, Verification

HEADER = ("", "before", "after", "change")
NOTHING = "-"
_MEGABYTE = 1e6
_WIDTH = 40
"""What a cell may take of a line before it is cut."""
_ORDINALS = ("", "  the second", "  the third")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: what was measured, on both sides, and what that means."""

    name: str
    before: str
    after: str
    change: str = ""


def rows(verification: Verification) -> Iterator[Row]:
    """The lines of the table, those alone that say something."""
    yield from weights(verification)
    yield from builds(verification)
    yield from runs(verification)


def weights(verification: Verification) -> Iterator[Row]:
    """The lines that tell how big the images are."""
    return _telling(_weights(verification.before, verification.after))


def builds(verification: Verification) -> Iterator[Row]:
    """The lines that tell how long builds take."""
    return _telling(_builds(verification.before.builds, verification.after.builds))


def runs(verification: Verification) -> Iterator[Row]:
    """The lines that tell how the containers behave."""
    return _telling(_runs(verification.before.run, verification.after.run))


def _telling(found: Iterable[Row]) -> Iterator[Row]:
    return (row for row in found if (row.before, row.after) != (NOTHING, NOTHING))


STEPS = ("by itself", "size", "change", "verdict")


def steps(verification: Verification) -> Iterator[tuple[str, str, str, str]]:
    """The lines of the table of transforms, each by itself; sizes do not add up, for one may save what another does."""
    whole = verification.before.image
    for id, step in verification.steps.items():
        size = _megabytes(step.size) if step.size else NOTHING
        change = reduction(whole.size, step.size) if whole and step.size else ""
        yield id, size, change, str(step.verdict)


def reduction(before: float, after: float) -> str:
    """How much smaller *after* is, as a percentage with its sign."""
    return f"{(after - before) / before:+.0%}" if before else ""


def _weights(before: Side, after: Side) -> Iterator[Row]:
    old, new = before.image, after.image
    if old is not None:
        size = _megabytes(new.size) if new is not None else NOTHING
        change = reduction(old.size, new.size) if new is not None else ""
        yield Row("size", _megabytes(old.size), size, change)
        yield Row("layers", str(old.layers), str(new.layers) if new is not None else NOTHING)
        for place in range(max(len(old.biggest), len(new.biggest) if new is not None else 0)):
            name = "biggest layers" if place == 0 else f"{_ORDINALS[place]}"
            yield Row(name, _layer(old, place), _layer(new, place))


def _layer(image: ImageFacts | None, place: int) -> str:
    """A layer's share of its image, and what made it."""
    if image is None or place >= len(image.biggest):
        return NOTHING
    layer = image.biggest[place]
    share = f"{layer.size / image.size:.0%}" if image.size else NOTHING
    return f"{share} {short(_made_by(layer.created_by), 28)}".strip()


def _made_by(instruction: str) -> str:
    """An instruction of an image's history, without what the builder puts around it."""
    return re.sub(r"^(?:/bin/sh -c (?:#\(nop\) )?)|# buildkit$", "", instruction).strip().replace("/bin/sh -c ", "")


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB"


def _builds(old: Builds, new: Builds) -> Iterator[Row]:
    cold = [(value,) if value is not None else () for value in (old.cold, new.cold)]
    yield _timed("build, cold", *cold)
    yield _timed("build after a change of source", old.source, new.source)
    yield Row("  dependencies from the cache", _yes(old.cached), _yes(new.cached))
    yield _timed("build after a change of dependencies", old.dependencies, new.dependencies)


def _timed(name: str, old: tuple[float, ...], new: tuple[float, ...]) -> Row:
    change = ""
    if old and new:
        change = f"{reduction(statistics.median(old), statistics.median(new))}"
    return Row(name, _seconds(old), _seconds(new), change)


def _seconds(values: tuple[float, ...]) -> str:
    if not values:
        return NOTHING
    spread = f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else ""
    return f"{statistics.median(values):.1f} s{spread}"


def _runs(old: Observation | None, new: Observation | None) -> Iterator[Row]:
    cells = [_run(each) for each in (old, new)]
    for name in cells[0]:
        yield Row(name, cells[0][name], cells[1][name])
    paths = dict.fromkeys(answer.path for each in (old, new) if each is not None for answer in each.answers)
    for path in paths:
        yield Row(f"GET {path}", _answered(old, path), _answered(new, path))


def _run(run: Observation | None) -> dict[str, str]:
    if run is None:
        run_state = NOTHING
    elif run.failure:
        run_state = "does not start"
    else:
        run_state = "stays up" if run.running else f"ends with {run.exit_code}"
        what = "processes" if is_of_processes(run.starved) else "memory"
        run_state += f", short of {what}" if run.starved else ""
    ready = run.ready if run is not None else None
    return {
        "container": run_state,
        "uid of process 1": str(run.uid) if run is not None and run.uid is not None else NOTHING,
        "process 1": short(" ".join(run.command), _WIDTH) if run is not None and run.command else NOTHING,
        "files of its command": _files(run),
        "reaps orphans": _yes(run.reaps if run is not None else None),
        "ready after": f"{ready:.1f} s" if ready is not None else NOTHING,
        "health": _health(run),
        "stops after": f"{run.stop.seconds:.1f} s ({run.stop.exit_code})" if run is not None and run.stop else NOTHING,
        "pages lack": _listed(tuple(run.unserved)) if run is not None else NOTHING,
        "listens on": ", ".join(map(str, run.ports)) if run is not None and run.ports else NOTHING,
    }


def _files(run: Observation | None) -> str:
    if run is None or not run.files:
        return NOTHING
    return ", ".join(path if there else f"{path} (missing)" for path, there in run.files.items())


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return short(names[0], _WIDTH - len(more)) + more if names else NOTHING


def _health(run: Observation | None) -> str:
    if run is None or run.health is None:
        return "no check" if run is not None and run.running else NOTHING
    return f"{run.health} after {run.healthy:.1f} s" if run.healthy is not None else run.health


def _answered(run: Observation | None, path: str) -> str:
    for answer in run.answers if run is not None else ():
        if answer.path == path:
            kind = f"to {answer.location}" if answer.location else answer.type
            then = "" if answer.turned is None else f", then {answer.turned or NOTHING}"
            return f"{answer.status} {kind}".strip() + then
    return NOTHING


def _yes(value: bool | None) -> str:
    return NOTHING if value is None else "yes" if value else "no"
