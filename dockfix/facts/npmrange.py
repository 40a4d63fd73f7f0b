"""Ranges of versions as npm reads them: https://github.com/npm/node-semver#ranges"""

from __future__ import annotations

import re

Version = tuple[int, int, int, tuple[tuple[int, int, str], ...]]
"""Major, minor, patch, and the parts of a pre-release."""

RELEASE = ((2, 0, ""),)
"""What a version has in place of such parts: it comes after all of its pre-releases."""
EARLIEST = ((-1, 0, ""),)
"""What comes before all pre-releases of a version."""
FIRST: Version = (0, 0, 0, EARLIEST)
_NUMBER = r"[vV=]*\s*(\d+|[xX*])(?:\.(\d+|[xX*])(?:\.(\d+|[xX*])(?:-?([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?)?)?"
_WHOLE = re.compile(_NUMBER)
_COMPARATOR = re.compile(rf"(\^|~>?|[<>]=?|)\s*{_NUMBER}")
_HYPHEN = re.compile(r"(\S+)\s+-\s+(\S+)")


def satisfies(version: str, wanted: str) -> bool | None:
    """Whether *version* lies in the range *wanted*; ``None``: one of them is no version, but a tag or an address."""
    found = _WHOLE.fullmatch(version.strip())
    number = _bounds("", found)[0] if found is not None else None
    sets = [_comparators(part.strip()) for part in wanted.split("||")]
    if number is None or any(each is None for each in sets):
        return None
    return any(_lies_in(number, each) for each in sets if each is not None)


def _lies_in(number: Version, bounds: list[tuple[Version, Version | None]]) -> bool:
    """Whether a version lies within all *bounds*; a pre-release only where one of them names one of its release."""
    inside = all(low <= number and (high is None or number < high) for low, high in bounds)
    if number[3] == RELEASE or not inside:
        return inside
    ends = [end for low, high in bounds for end in (low, high) if end is not None and end[3] not in (RELEASE, EARLIEST)]
    return any(end[:3] == number[:3] for end in ends)


def _comparators(text: str) -> list[tuple[Version, Version | None]] | None:
    """The bounds of a set of comparators, each with the first version that it leaves out above."""
    hyphen = _HYPHEN.fullmatch(text)
    text = f">={hyphen[1]} <={hyphen[2]}" if hyphen is not None else text
    found: list[tuple[Version, Version | None]] = []
    at = 0
    while at < len(text):
        match = _COMPARATOR.match(text, at)
        if match is None or (match.end() < len(text) and not text[match.end()].isspace()):
            return None
        found.append(_bounds(match[1], match, 1))
        at = match.end() + len(text[match.end() :]) - len(text[match.end() :].lstrip())
    return found


def _bounds(operator: str, match: re.Match[str], skipped: int = 0) -> tuple[Version, Version | None]:
    """The first version that a comparator takes, and the first above it that it does not."""
    *numbers, pre = match.groups()[skipped : skipped + 4]
    given = next((at for at, part in enumerate(numbers) if not (part and part.isdigit())), 3)
    major, minor, patch = (*(int(part) for part in numbers[:given]), 0, 0, 0)[:3]
    whole = _parts(pre) if pre else EARLIEST if operator == "<" and given < 3 else RELEASE
    low: Version = (major, minor, patch, whole)
    if operator == ">=" or not given:
        return low, None
    if operator == "<":
        return FIRST, low
    if operator == "^":
        leading = next((at for at, part in enumerate(low[:3]) if part), 2)
        return low, _above(low, min(leading + 1, given))
    if operator.startswith("~"):
        return low, _above(low, min(given, 2))
    above = _above(low, given) if given < 3 else _after(low)
    if operator == ">":
        return above, None
    return (FIRST if operator == "<=" else low), above


def _above(low: Version, given: int) -> Version:
    """The first version with another number at the place *given*, from 1."""
    major, minor, patch, _ = low
    numbers = ((major + 1, 0, 0), (major, minor + 1, 0), (major, minor, patch + 1))[given - 1]
    return *numbers, EARLIEST


def _after(number: Version) -> Version:
    """The version that comes next to *number*."""
    major, minor, patch, rest = number
    return major, minor, patch, (*rest, (0, 0, ""))


def _parts(text: str) -> tuple[tuple[int, int, str], ...]:
    """The parts of a pre-release: numbers come before words."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in text.split("."))
