"""Run dockfix on a folder of checkouts and say what it did to them.

For every transform: in how many files it applied, was refused and why, had nothing to do; and what must never happen,
by an outsider's judgement: a result that BuildKit's parser does not take, a comment lost, a second run that changes
something, a traceback. Then how useful it was to the naive Dockerfiles of ordinary apps.

    python benchmarks/measure.py FOLDER --cap 20 --jobs 2 --json out.json --show-diffs diffs
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from apps import Naive, Virtues, naive, virtues
from composed import Composed, composed
from corpus import Entry, entries
from official import Verdict, verdicts
from trial import Trial, attempt, culprit, lost_comments

from dockfix.registry import transforms
from dockfix.report.diff import unified
from dockfix.transform import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_PHASES = {
    "split": Phase.SPLIT,
    "user": Phase.USER,
    "small": Phase.BASE,
    "caches": Phase.CACHES,
    "order": Phase.COPY_ORDER,
}
_RIGHTLY = {
    "split": ("development images", re.compile("this is a development image"), "mounted"),
    "user": ("apps that write to the host's folders", re.compile(r"\bthe host's\b"), "writable"),
}
"""What the rules forbid for some files, by the words of the refusal and by an outsider's reading of the compose files:
counted with the others, and told apart."""
TROUBLES = ("defect", "broken", "comments", "unstable", "crashed")


@dataclass(frozen=True, slots=True)
class Row:
    """A Dockerfile with all that is known of it after the measurement.

    Attributes:
        entry: the Dockerfile.
        trial: what dockfix did.
        valid: whether BuildKit's parser takes the original.
        troubles: what went wrong, kind to culprit and details.
        naive: what the original is naive about, ``None`` where it is not an app's naive Dockerfile.
        before: the virtues of the original, where it is one.
        after: the virtues of the result.
        around: what compose lays over its image.
    """

    entry: Entry
    trial: Trial
    valid: bool
    troubles: Mapping[str, tuple[str, str]]
    naive: Naive | None
    before: Virtues | None
    after: Virtues | None
    around: Composed | None


def main() -> None:
    """Measure, print, and keep what was asked for."""
    options = _arguments()
    chosen = entries(options.folder, cap=options.cap, sample=options.sample, seed=options.seed)
    trials = dict(_trials(chosen, options.jobs))
    rows = list(_judged(chosen, [trials[entry] for entry in chosen]))
    for line in _report(rows, options.reasons):
        print(line)
    if options.json:
        options.json.write_text(json.dumps([_plain(row) for row in rows], indent=1), encoding="utf-8")
    if options.show_diffs:
        _show(rows, options.show_diffs, options.pick, options.seed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds one folder a checkout")
    parser.add_argument("--cap", type=int, help="the most Dockerfiles of one checkout")
    parser.add_argument("--sample", type=int, metavar="N", help="the most Dockerfiles altogether, drawn after the cap")
    parser.add_argument("--seed", type=int, default=7, help="of everything random (default: 7)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument(
        "--reasons", type=int, default=5, metavar="N", help="refusals listed of a transform (default: 5)"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write what is known of each file")
    parser.add_argument("--show-diffs", type=Path, metavar="DIR", help="write diffs for reading")
    parser.add_argument("--pick", type=int, default=30, metavar="N", help="how many of them, at random (default: 30)")
    return parser.parse_args()


def _trials(chosen: Sequence[Entry], jobs: int) -> Iterator[tuple[Entry, Trial]]:
    """Try all, in *jobs* processes. An interpreter that dies takes its pool along: what is left is tried one by one."""
    left = dict.fromkeys(chosen)
    try:
        with ProcessPoolExecutor(jobs) as pool:
            futures = {pool.submit(attempt, entry): entry for entry in chosen}
            for future in as_completed(futures):
                trial = future.result()
                del left[futures[future]]
                yield futures[future], trial
                if sys.stderr.isatty():
                    print(f"\r{len(chosen) - len(left)}/{len(chosen)}", end="", file=sys.stderr, flush=True)
    except BrokenProcessPool:
        for entry in left:
            yield entry, _alone(entry)


def _alone(entry: Entry) -> Trial:
    try:
        with ProcessPoolExecutor(1) as pool:
            return pool.submit(attempt, entry).result()
    except BrokenProcessPool:
        return Trial("crashed", 0.0, "", "", trouble=("engine", "the interpreter died"))


def _judged(chosen: Sequence[Entry], trials: Sequence[Trial]) -> Iterator[Row]:
    texts = [text for trial in trials for text in (trial.before, trial.after, *(text for _, text in trial.steps))]
    known = dict(zip(unique := list(dict.fromkeys(texts)), verdicts(unique), strict=True))
    for entry, trial in zip(chosen, trials, strict=True):
        before, after = known[trial.before], known[trial.after]
        kind = naive(before.commands, entry.place, entry.root)
        yield Row(
            entry,
            trial,
            before.error is None,
            dict(_troubles(trial, known)),
            kind,
            virtues(before.commands) if kind else None,
            virtues(after.commands) if kind and after.error is None else None,
            composed(entry.place, entry.root) if kind else None,
        )


def _troubles(trial: Trial, known: Mapping[str, Verdict]) -> Iterator[tuple[str, tuple[str, str]]]:
    if trial.trouble and trial.end in {"defect", "crashed"}:
        yield trial.end, trial.trouble
    if trial.end != "changed":
        return
    error = known[trial.after].error
    if error is not None and known[trial.before].error is None:
        yield "broken", (culprit(trial.steps, [known[text].error is not None for _, text in trial.steps]), error)
    lost = lost_comments(trial.before, trial.after)
    if lost:
        bad = [bool(lost_comments(trial.before, text)) for _, text in trial.steps]
        yield "comments", (culprit(trial.steps, bad), lost[0])
    if trial.again:
        yield "unstable", trial.again[0]


def _report(rows: Sequence[Row], reasons: int) -> Iterator[str]:
    ends = Counter(row.trial.end for row in rows)
    checkouts = len({row.entry.checkout for row in rows})
    yield f"{len(rows)} Dockerfiles of {checkouts} checkouts: " + ", ".join(
        f"{n} {end}" for end, n in ends.most_common()
    )
    yield from _parsers(rows)
    yield ""
    yield from _table(rows)
    yield ""
    yield from _details(rows)
    yield from _usefulness(rows, reasons)
    yield "Refusals"
    for id, whys in sorted(_refusals(rows).items()):
        yield from (f"  {count:5}  {id}: {why}" for why, count in whys.most_common(reasons))


def _parsers(rows: Sequence[Row]) -> Iterator[str]:
    strict = [row for row in rows if row.valid and row.trial.end == "rejected"]
    lenient = sum(not row.valid and row.trial.end != "rejected" for row in rows)
    yield f"BuildKit's parser takes {sum(row.valid for row in rows)}; of these dockfix rejects {len(strict)}"
    yield from (f"  {row.entry}: {row.trial.trouble[1]}" for row in strict if row.trial.trouble)
    yield f"dockfix reads {lenient} that BuildKit's parser does not take"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    read = [row for row in rows if row.trial.end in {"changed", "unchanged", "defect"}]
    troubled = Counter((who, kind) for row in rows for kind, (who, _) in row.troubles.items())
    kinds = ("applied", "offered", "refused", "noted", "n/a")
    ids = [each.id for each in transforms()]
    ids += sorted({who for who, _ in troubled} - set(ids))
    yield f"{'files':24}" + "".join(f"{kind:>10}" for kind in (*kinds, *TROUBLES))
    for id in ids:
        count = Counter(_standing(row.trial, id) for row in read)
        cells = [count[kind] for kind in kinds] + [troubled[id, kind] for kind in TROUBLES]
        yield f"{id:24}" + "".join(f"{cell:10}" for cell in cells)
    sums = Counter(kind for row in rows for kind in row.troubles)
    yield f"{'all':24}{'':50}" + "".join(f"{sums[kind]:10}" for kind in TROUBLES)


def _standing(trial: Trial, id: str) -> str:
    """The one thing that a transform came to in a file, the weightiest first."""
    said = {each.kind for each in trial.said if each.transform == id}
    for kind in ("applied", "offered", "refused"):
        if kind in said:
            return kind
    return "noted" if said else "n/a"


def _details(rows: Sequence[Row]) -> Iterator[str]:
    for kind in TROUBLES:
        for row in rows:
            if kind in row.troubles:
                who, what = row.troubles[kind]
                yield f"{kind.upper()} {who}: {row.entry}: {what}"


def _usefulness(rows: Sequence[Row], reasons: int) -> Iterator[str]:
    """Rates over naive Dockerfiles that are not for development by their name."""
    judged = [
        (row, row.naive, row.before, row.after)
        for row in rows
        if row.naive and row.before and row.after and not row.naive.development
    ]
    kinds = Counter(kind.ecosystem for _, kind, _, _ in judged)
    yield ""
    yield f"Naive single-stage apps: {len(judged)} ({', '.join(f'{n} {kind}' for kind, n in kinds.most_common())})"
    gaining = [(kind, after) for _, kind, _, after in judged if kind.gains]
    yield f"  with something to gain from a split {_share(after.split for _, after in gaining)}"
    for gain in sorted({gain for kind, _ in gaining for gain in kind.gains}):
        yield f"    {gain:20} {_share(after.split for kind, after in gaining if gain in kind.gains)}"
    yield "  lean (no dev dependencies) where there is something to gain " + _share(
        after.split or after.lean for _, after in gaining
    )
    yield from _without(((row, after.split) for row, kind, _, after in judged if kind.gains), "split")
    for virtue in ("user", "small", "caches", "order"):
        had = _share(getattr(before, virtue) for _, _, before, _ in judged)
        has = _share(getattr(after, virtue) for _, _, _, after in judged)
        yield f"  {virtue:10} before {had}   after {has}"
        yield from _without(((row, getattr(after, virtue)) for row, _, _, after in judged), virtue)
    for virtue, phase in _PHASES.items():
        lacking = [
            row.trial
            for row, kind, _, after in judged
            if not getattr(after, virtue) and (virtue != "split" or kind.gains)
        ]
        yield f"  Why {len(lacking)} still lack {virtue}"
        whys = Counter(why for trial in lacking for why in _whys(trial, phase))
        yield from (f"    {count:5}  {why}" for why, count in whys.most_common(reasons))
    yield ""


def _without(answers: Iterable[tuple[Row, bool]], virtue: str) -> Iterator[str]:
    """The share of those that no rule forbids, where some are forbidden."""
    if virtue not in _RIGHTLY:
        return
    what, words, forbids = _RIGHTLY[virtue]
    given = list(answers)
    allowed = [has for row, has in given if has or not any(words.search(each.why) for each in row.trial.said)]
    yield f"    without {what}, of which the rules want none: {_share(allowed)}"
    others = [has for row, has in given if row.around is None or not getattr(row.around, forbids)]
    yield f"    without those of which the compose files say so, whatever dockfix says: {_share(others)}"


def _whys(trial: Trial, phase: Phase) -> set[str]:
    """What the transforms of *phase* said where they changed nothing; their silence is told too."""
    if trial.trouble:
        return {f"{trial.end}: {_pattern(trial.trouble[1])}"}
    ids = {each.id for each in transforms() if each.phase is phase}
    said = {f"{each.transform} {each.kind}: {_pattern(each.why)}" for each in trial.said if each.transform in ids}
    return said or {"silence"}


def _share(answers: Iterable[bool]) -> str:
    given = list(answers)
    return f"{sum(given):4} of {len(given):4} ({sum(given) / len(given):4.0%})" if given else "none"


def _refusals(rows: Sequence[Row]) -> Mapping[str, Counter[str]]:
    """How many files a transform was refused in, by reason; a file counts once a reason."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for id, why in {(each.transform, _pattern(each.why)) for each in row.trial.said if each.kind == "refused"}:
            found[id][why] += 1
    return found


def _pattern(why: str) -> str:
    """*why* without what is of one file only: quoted words, paths, numbers."""
    bare = re.sub(r"\bservice [\w-]+", "service …", why)
    bare = re.sub(r"`[^`]*`|'[^']*'|\"[^\"]*\"|“[^”]*”", "…", bare)
    bare = re.sub(r"(?<!\w)[\w.@$*{}-]*[/:][\w./@$*{}:-]+|\b[\w-]+(?:\.\w+)+\b", "…", bare)
    return re.sub(r"\d+", "N", bare)


def _plain(row: Row) -> dict[str, object]:
    return {
        "checkout": row.entry.checkout,
        "dockerfile": row.entry.path,
        "end": row.trial.end,
        "seconds": round(row.trial.seconds, 4),
        "valid": row.valid,
        "trouble": row.trial.trouble,
        "troubles": dict(row.troubles),
        "naive": asdict(row.naive) if row.naive else None,
        "before": asdict(row.before) if row.before else None,
        "after": asdict(row.after) if row.after else None,
        "around": asdict(row.around) if row.around else None,
        "files": sorted(row.trial.files),
        "said": [[each.transform, each.kind, each.line, each.why] for each in row.trial.said],
    }


def _show(rows: Sequence[Row], folder: Path, pick: int, seed: int) -> None:
    """Write the diffs of some changed files, each under what the transforms said of it."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = [row for row in rows if row.trial.end == "changed"]
    for number, row in enumerate(random.Random(seed).sample(changed, min(pick, len(changed))), 1):
        trial = row.trial
        said = "".join(f"{each.line or '-'}: {each.transform} {each.kind}: {each.why}\n" for each in trial.said)
        diffs = [unified(row.entry.path, trial.before, trial.after)]
        diffs += [unified(path, old, new) for path, (old, new) in sorted(trial.files.items())]
        name = f"{number:02}-{row.entry.checkout}-{row.entry.path.replace('/', '-')}.diff"
        text = f"{row.entry}\n{said}\n{''.join(diffs)}"
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))


if __name__ == "__main__":
    main()
