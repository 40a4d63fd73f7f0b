"""What the commands that make, copy and take away files change of what they are given."""

from __future__ import annotations

import re
from posixpath import basename
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTIONS = {
    "cp": re.compile(r"-[adfilnprRsuvxHLPT]+|--(?:archive|force|recursive|no-clobber|preserve|update|verbose)"),
    "mkdir": re.compile(r"-[pv]+|--parents|--verbose"),
    "touch": re.compile(r"-[acm]+|--no-create"),
    "chmod": re.compile(r"-[Rvcf]+|--recursive|--verbose|--changes|--silent|--quiet"),
    "copyfiles": re.compile(r"-[faeEsuVF]|--(?:flat|all|up|exclude)"),
    "rm": re.compile(r"-[dfirRvI]+|--force|--recursive|--verbose"),
    "rimraf": re.compile(r"-[rfgv]+|--glob|--verbose"),
}
"""Options by which it is still the last path of a copy that is changed, and every one of the others, as by
``--target-directory`` it is not: https://www.gnu.org/software/coreutils/manual/coreutils.html,
https://www.npmjs.com/package/copyfiles, https://www.npmjs.com/package/rimraf"""

ADDING = frozenset({"cp", "mkdir", "touch", "chmod"})
"""Programs that change nothing but what they are given, and take nothing away."""

REMOVING = frozenset({"rm", "rimraf"})
VALUED = frozenset({"-u", "--up", "-e", "--exclude"})
"""Options of copyfiles that the next word belongs to."""

OPEN = re.compile(r"[{}~\\]")
PATTERN = re.compile(r"[*?\[]")


def targets(words: Sequence[str]) -> tuple[str, ...] | None:
    """The paths that a command changes, as it is given them; ``None`` where that cannot be told.

    Those of what takes away may hold a pattern, and no others.

    Args:
        words: the command, with its name.
    """
    name = basename(words[0]) if words else ""
    given = [word for word in words[1:] if word.startswith("-")]
    operands = [word for word in words[1:] if not word.startswith("-")]
    if name not in OPTIONS or any(OPTIONS[name].fullmatch(word) is None for word in given):
        return None
    if name in {"cp", "copyfiles"}:
        changed = operands[-1:] if len(operands) > 1 and words[-1] == operands[-1] else []
    else:
        changed = operands[1:] if name == "chmod" else operands
    told = not any({"$", "`"} & {*word} for word in words) and not (name == "copyfiles" and words[-2] in VALUED)
    plain = all(not OPEN.search(word) and (name in REMOVING or not PATTERN.search(word)) for word in changed)
    return tuple(changed) if changed and told and plain else None
