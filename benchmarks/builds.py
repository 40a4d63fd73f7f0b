"""Build and run real apps before and after: a random draw from a folder of checkouts, drawn before anything is built.

A Dockerfile can be drawn if the engine has all its base images and dockfix would change it. With ``--nearest`` the
nearest image of the same repository and variant is given the name of one that the engine lacks: ``node:18-alpine`` that
of ``node:18.17.1-alpine3.18``. What happens to each is appended to a file of JSON lines, so that a run can be stopped
and taken up again; the table counts what is in it. ``--apart-from`` leaves out what the files of earlier draws have.

    python benchmarks/builds.py FOLDER --out builds.jsonl --wanted 30 --nearest --engine tests/containers/docker-offline
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus import Entry, entries
from trial import attempt

from dockfix.dockerfile import DockerfileError, Document

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

STRUCTURAL = frozenset({"split-stages", "alpine-base", "copy-order", "runtime-packages", "user", "init", "exec-form"})
"""Transforms that a build or a run can refute; a rewrite without any of them proves little."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one app.

    Attributes:
        path: its Dockerfile, from the folder of checkouts.
        transforms: what dockfix changed.
        verdict: that of ``dockfix verify``, or ``overdue``.
        reasons: why.
        before: size of the original image in bytes, where it was built.
        after: size of the rewrite.
        rebuilds: seconds that both take after an edit of a source file.
        cached: whether the dependencies then came from the cache, before and after.
    """

    path: str
    transforms: tuple[str, ...]
    verdict: str
    reasons: tuple[str, ...] = ()
    before: int | None = None
    after: int | None = None
    rebuilds: tuple[float, float] | None = None
    cached: tuple[bool | None, bool | None] = (None, None)

    @property
    def built(self) -> bool:
        """Whether the original was, and so the rewrite judged."""
        return self.verdict in {"same behaviour", "different", "not comparable"}


def main() -> None:
    """Draw, build, and print the table."""
    options = _arguments()
    known = _results(options.out) if options.out.exists() else []
    done = Done(known, options)
    earlier = [result for file in options.apart_from for result in _results(file)]
    with ThreadPoolExecutor(options.jobs) as pool:
        for entry, changed in _candidates(options, {result.path for result in (*known, *earlier)}):
            done.wait(below=options.jobs)
            if sum(result.built for result in done.results) >= options.wanted:
                break
            done.pending.add(pool.submit(_verified, entry, changed, options))
        done.wait(below=1)
    for line in _table(done.results):
        print(line)


@dataclass
class Done:
    """What is known, and what is still at work."""

    results: list[Result]
    options: argparse.Namespace
    pending: set[Future[Result]] = field(default_factory=set)

    def wait(self, below: int) -> None:
        """Take results in until fewer than *below* are at work."""
        while len(self.pending) >= below:
            ready, self.pending = wait(self.pending, return_when=FIRST_COMPLETED)
            with self.options.out.open("a", encoding="utf-8") as out:
                for result in (future.result() for future in ready):
                    self.results.append(result)
                    print(json.dumps(asdict(result)), file=out)
                    print(_line(result), file=sys.stderr, flush=True)


def _candidates(options: argparse.Namespace, known: Container[str]) -> Iterator[tuple[Entry, tuple[str, ...]]]:
    """In the order of the draw, those that can be built here and would be changed, with the transforms that do."""
    images = _images()
    for entry in _draw(options.folder, options.cap, options.seed):
        if str(entry) in known:
            continue
        wanted = _bases(entry.place.read_bytes().decode("utf-8", "surrogateescape"))
        images |= _retagged(wanted - images, images) if options.nearest else frozenset()
        if not wanted or not wanted <= images:
            continue
        trial = attempt(entry)
        changed = tuple(id for id, _ in trial.steps)
        if trial.end == "changed" and STRUCTURAL.intersection(changed):
            if options.nearest:
                images |= _retagged(_bases(trial.after) - images, images)
            yield entry, changed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds one folder a checkout")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines, read first and appended to")
    parser.add_argument("--wanted", type=int, default=30, metavar="N", help="apps whose original builds (default: 30)")
    parser.add_argument("--cap", type=int, default=3, help="the most of one checkout (default: 3)")
    parser.add_argument("--seed", type=int, default=7, help="of the draw (default: 7)")
    parser.add_argument(
        "--apart-from", type=Path, nargs="+", default=[], metavar="FILE", help="earlier draws to leave out"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="apps verified at a time (default: 1)")
    parser.add_argument("--nearest", action="store_true", help="name the nearest image where the engine lacks one")
    parser.add_argument("--engine", default="docker", help="passed to dockfix verify (default: docker)")
    parser.add_argument("--timeout", type=int, default=400, help="passed to dockfix verify, seconds (default: 400)")
    parser.add_argument("--patience", type=int, default=45, help="passed to dockfix verify, seconds (default: 45)")
    return parser.parse_args()


def _draw(folder: Path, cap: int, seed: int) -> Sequence[Entry]:
    found = entries(folder, cap=cap, seed=seed)
    return random.Random(seed).sample(found, len(found))


def _images() -> frozenset[str]:
    listed = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"]
    return frozenset(subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split())


def _bases(text: str) -> frozenset[str]:
    """Every image that a Dockerfile starts or copies from; none where it cannot be read."""
    try:
        document = Document.parse(text, "Dockerfile")
    except DockerfileError:
        return frozenset()
    named = [stage.base.words[0].text for stage in document.stages if stage.base.words]
    copied = [i.copy.from_ for i in document.instructions if i.copy is not None and i.copy.from_ is not None]
    stages = {stage.name for stage in document.stages if stage.name} | {str(stage.index) for stage in document.stages}
    outside = {name for name in (*named, *copied) if name not in stages and name != "scratch"}
    return frozenset(name if ":" in name else f"{name}:latest" for name in outside)


def _retagged(names: Iterable[str], images: frozenset[str]) -> frozenset[str]:
    """Those of *names* that some image of the engine has been given."""
    found = frozenset(name for name in names if _nearest(name, images))
    for name in found:
        subprocess.run(["docker", "tag", str(_nearest(name, images)), name], check=True)
    return found


def _nearest(name: str, images: frozenset[str]) -> str | None:
    """The image of the same repository and variant whose version is the longest beginning of that in *name*."""
    if "@" in name:
        return None  # a digest names one image alone
    repository, _, tag = name.removeprefix("docker.io/").removeprefix("library/").partition(":")
    version, *words = tag.split("-")
    variant = "".join(f"-{kind}" for kind in ("slim", "alpine") if any(word.startswith(kind) for word in words))
    numbers = version.split(".")
    tags = (".".join(numbers[:length]) + variant for length in range(len(numbers), 0, -1))
    return next((image for image in (f"{repository}:{tag}" for tag in tags) if image in images), None)


def _verified(entry: Entry, changed: tuple[str, ...], options: argparse.Namespace) -> Result:
    # a path is one from here, and dockfix starts in the checkout
    engine = str(Path(options.engine).resolve()) if os.sep in options.engine else options.engine
    limits = [f"--timeout={options.timeout}", f"--patience={options.patience}"]
    command = ["dockfix", "verify", "--quick", "--rebuilds=1", "--format=json", f"--engine={engine}", *limits]
    run = [sys.executable, "-m", *command, str(entry.place)]
    done = subprocess.CompletedProcess[str](run, 0, "", "")
    try:
        done = subprocess.run(run, cwd=entry.root, capture_output=True, text=True, check=False, timeout=1500)
        found = json.loads(done.stdout)["files"][0]
    except (subprocess.TimeoutExpired, ValueError, LookupError) as error:
        said = done.stderr.strip().splitlines()[-1:] if isinstance(error, ValueError) else []
        return Result(str(entry), changed, "overdue", (type(error).__name__, *said))
    before, after = (found[side].get("image", {}).get("size") for side in ("before", "after"))
    builds = [found[side].get("builds", {}) for side in ("before", "after")]
    times = [build["source"][0] for build in builds if build.get("source")]
    rebuilds = (times[0], times[1]) if len(times) == len(builds) else None
    cached = (builds[0].get("dependencies_cached"), builds[1].get("dependencies_cached"))
    return Result(str(entry), changed, found["verdict"], tuple(found["reasons"]), before, after, rebuilds, cached)


def _results(file: Path) -> list[Result]:
    return list(map(_read, file.read_text("utf-8").splitlines()))


def _read(line: str) -> Result:
    content: dict[str, Any] = json.loads(line)
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
    }
    return Result(**fields)


def _line(result: Result) -> str:
    sizes = f"{result.before / 1e6:6.0f} -> {result.after / 1e6:.0f} MB" if result.before and result.after else ""
    rebuild = "rebuilt in {:.1f} -> {:.1f} s".format(*result.rebuilds) if result.rebuilds else ""
    return f"{result.verdict:28} {sizes:18} {rebuild:28} {result.path}  {'; '.join(result.reasons)[:120]}"


def _table(results: Iterable[Result]) -> Iterator[str]:
    results = list(results)
    yield from sorted(map(_line, results))
    counts = Counter(result.verdict for result in results)
    yield f"{len(results)} drawn: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    for id in sorted({id for result in results for id in result.transforms}):
        own = Counter(result.verdict for result in results if id in result.transforms)
        yield f"  {id:20} " + ", ".join(f"{count} {verdict}" for verdict, count in own.most_common())


if __name__ == "__main__":
    main()
