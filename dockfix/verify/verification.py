"""Verifying one plan: build the original and the rewrite, run both, measure both, and judge."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dockfix.facts.files import blob, join
from dockfix.verify import contexts
from dockfix.verify.buildkit import short
from dockfix.verify.comparison import Seen, Verdict, hinges_on_bodies, hinges_on_chance, judge, judge_unseen, of_both
from dockfix.verify.expectation import expectation
from dockfix.verify.image import ImageFacts, dependencies_cached, facts
from dockfix.verify.observation import Observation, Patience, observe
from dockfix.verify.result import EngineError

if TYPE_CHECKING:
    from dockfix.engine import Plan
    from dockfix.facts import App
    from dockfix.options import Options
    from dockfix.verify.result import BuildResult
    from dockfix.verify.workspace import Workspace

SIDES = ("before", "after")
_TOKEN = 4
"""Bytes that make a change one that the builder's cache has not seen: neither in an earlier run, nor on the other side,
from which it would take a stage that both have."""
_REBUILDS = 3
_NOWHERE = "192.0.2.1"
"""An address that nobody has (https://www.rfc-editor.org/rfc/rfc5737): a server that looks its upstreams up before it
starts, as nginx does, starts, and whoever calls is told at once that there is no way."""
_LINGER = 10.0
"""Seconds for which the original is watched longer than usual, where only a line of the log or the end is new."""
_STARTS = 3
"""How often the original is started once more, where it may be chance that another page says something else."""
_SLOWER = 3
"""How many times as long as the rewrite the original may take to its end, on a machine that has other things to do."""
_REPORT = re.compile(rb'\{\s*"version": \d+,\s*"(?:build_limits|files)"')
"""How the documents of :mod:`dockfix.verify.json` begin."""
_NEVER_REPORTS = frozenset({"package.json", "package-lock.json", "tsconfig.json", "composer.json", "angular.json"})
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """How a verification is carried out.

    Attributes:
        quick: leave out what only times builds, but for rebuilds that are asked for by number.
        rebuilds: how often each image is built again after a change of a source file; ``None`` is three times, and
            never if *quick*.
        build_seconds: the most that one build may take.
        env: variables given to both containers.
        paths: routes to ask for beside those that the facts name.
        build_args: build arguments given to both builds.
        target: the stage to build; by default the last.
        patience: how long to wait for a running container.
    """

    quick: bool = False
    rebuilds: int | None = None
    build_seconds: float = 1800.0
    env: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    build_args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    patience: Patience = field(default_factory=Patience)

    @property
    def after_source(self) -> int:
        """How often each image is built again after a change of a source file."""
        return (0 if self.quick else _REBUILDS) if self.rebuilds is None else self.rebuilds


@dataclass(frozen=True, slots=True)
class Builds:
    """How long the builds of an image took, in seconds.

    Attributes:
        cold: without any cache; ``None`` where it was not measured.
        source: again after a change of a source file alone.
        dependencies: again after a change of a manifest.
        cached: whether the dependencies came from the cache after the change of a source file.
        repeated: the RUNs that ran again after it; ``None`` where that was not measured.
    """

    cold: float | None = None
    source: tuple[float, ...] = ()
    dependencies: tuple[float, ...] = ()
    cached: bool | None = None
    repeated: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two images.

    Attributes:
        image: what was built; ``None`` where the build failed.
        run: what was seen of a container; ``None`` where none was started.
        builds: how long builds took.
        log: what the failed build printed.
        failure: the build that failed.
        starved: what the build had not enough of, although it went on to its end; empty where it had.
    """

    image: ImageFacts | None = None
    run: Observation | None = None
    builds: Builds = field(default_factory=Builds)
    log: str = ""
    failure: BuildResult | None = None
    starved: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What one transform by itself comes to.

    Attributes:
        verdict: the verdict.
        size: the size of the image in bytes; ``None`` where it could not be built.
    """

    verdict: Verdict
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What came out for one Dockerfile.

    Attributes:
        path: the Dockerfile as the person named it.
        verdict: the verdict.
        before: the original.
        after: the rewrite.
        changed: the source file and the manifests that were changed to time rebuilds.
        steps: what each transform by itself comes to, where that was asked for.
        culprits: the smallest set of transforms found that makes the difference.
        seconds: how long it all took.
        rewrite: the fingerprint of the rewrite that was verified; empty for a part of one.
    """

    path: str
    verdict: Verdict
    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    changed: tuple[str, ...] = ()
    steps: Mapping[str, Step] = field(default_factory=dict)
    culprits: tuple[str, ...] = ()
    seconds: float = 0.0
    rewrite: str = ""


def fingerprint(plan: Plan, app: App) -> str:
    """What tells a rewrite of one app from any other: a digest of its texts before and after, and of the app's files.

    The files are those of the context that a builder gets, by the names that git gives to what they hold, so that a
    folder, a commit and a tree on a forge come to the same. Reports of dockfix are left out, one of which may be being
    written just there, and so are links.

    Args:
        plan: the plan.
        app: the facts with which it was made.
    """
    files = [(path, plan.originals[path], text) for path, text in sorted(plan.files.items())]
    texts = {plan.path, *plan.files}
    names = (path for path in app.root.walk() if join(app.context, path) not in texts)
    sent = sorted(
        (path, name)
        for path in names
        if not app.ignore.ignores(path) and not _is_report(app, path) and (name := blob(app.root, path)) is not None
    )
    content = repr([(plan.path, plan.before, plan.after), *files, *sent])
    return hashlib.sha256(content.encode("utf-8", "backslashreplace")).hexdigest()


def _is_report(app: App, path: str) -> bool:
    """Whether a file is a report of dockfix, or one that a shell has opened for it and that is still empty."""
    if "/" in path or not path.endswith(".json") or path in _NEVER_REPORTS:
        return False
    data = app.root.read(path)
    return data is not None and (not data.strip() or _REPORT.match(data) is not None)


def verify(
    plan: Plan,
    app: App,
    root: Path,
    workspace: Workspace,
    *,
    path: str,
    options: Options,
    trial: Trial,
    original: Side | None = None,
    say: Say = lambda text: None,
) -> Verification:
    """Build and run both sides of *plan* and judge; nothing is written to *root*.

    Args:
        plan: the plan.
        app: the facts with which it was made.
        root: the repository's folder.
        workspace: where to work.
        path: how the person named the Dockerfile.
        options: the options with which the plan was made.
        trial: how to go about it.
        original: what an earlier verification found of the original, which is not built and run again then.
        say: told what goes on, for a person who waits.
    """
    began = time.monotonic()
    if not plan.changed:
        return Verification(path, Verdict("unchanged"), rewrite=fingerprint(plan, app))
    try:
        with tempfile.TemporaryDirectory(dir=workspace.folder) as place:
            work = _Work(plan, app, root, Path(place), workspace, options, trial, say)
            try:
                found = work.run(original)
            finally:
                work.discard()
    except (EngineError, OSError) as error:
        found = Verification(path, Verdict("could not run", (str(error),)))
    verdict = found.verdict.discreet()
    # nobody looks for the figures of a part of a rewrite, which is all that an original known before is compared with
    rewrite = fingerprint(plan, app) if original is None else ""
    return replace(found, path=path, verdict=verdict, seconds=time.monotonic() - began, rewrite=rewrite)


class _Work:
    """The two copies and what has been found of them so far."""

    def __init__(
        self,
        plan: Plan,
        app: App,
        root: Path,
        place: Path,
        workspace: Workspace,
        options: Options,
        trial: Trial,
        say: Say,
    ) -> None:
        self.workspace = workspace
        self.trial = trial
        self.say = say
        self.expected = expectation(
            plan, app, options, target=trial.target, build_args=trial.build_args, asked=trial.paths
        )
        self.images: list[str] = []
        say("copying the context")
        self.copies = {
            "before": contexts.lay(app, root, place / "before", plan.before, {}),
            "after": contexts.lay(app, root, place / "after", plan.after, plan.files),
        }

    def run(self, original: Side | None) -> Verification:
        before = original or self._side("before")
        if before.image is None:
            return Verification("", self._unbuilt(before), before)
        after = self._side("after")
        if after.image is None:
            return Verification("", self._miswritten(after), before, after)
        before = self._to_its_end(before, after)
        sides = {"before": before, "after": after}
        verdict = fed(self._judge(before, after), before, after)
        changed: tuple[str, ...] = ()
        remarks = verdict.remarks
        if original is None:
            timed = dict(sides)
            try:
                changed = self._time(timed)
            except EngineError as error:  # which takes nothing from what was seen
                remarks = (*remarks, f"builds after a change were not timed: {error}")
            else:
                sides = timed
        remarks = (*remarks, *uneven(sides["before"].builds, sides["after"].builds))
        return Verification("", replace(verdict, remarks=remarks), sides["before"], sides["after"], changed)

    def _to_its_end(self, before: Side, after: Side) -> Side:
        """The original, watched for longer where the rewrite alone has ended: it may only have been the slower one."""
        if before.run is None or after.run is None or not before.run.running or after.run.lasted is None:
            return before
        again = self._linger(_SLOWER * after.run.lasted)
        return before if again is None or (again.running and not again.starved) else replace(before, run=again)

    def _judge(self, before: Side, after: Side) -> Verdict:
        assert before.image is not None and after.image is not None
        if before.run is None or after.run is None:
            return judge_unseen(before.image, after.image, self.expected, self.workspace.engine.program)
        verdict = judge(Seen(before.image, before.run), Seen(after.image, after.run), self.expected)
        original = before.run
        for number in range(_STARTS):
            if not (hinges_on_bodies(verdict) if number else hinges_on_chance(verdict)):
                break
            # whatever any run of the original says is its own, and what varies in one varies
            again = self._linger(after.run.healthy or after.run.ready or 0.0)
            if again is None:
                break
            original = of_both(original, again)
            verdict = judge(Seen(before.image, original), Seen(after.image, after.run), self.expected)
        return verdict

    def _linger(self, seconds: float) -> Observation | None:
        """The original once more, for longer than *seconds*; ``None`` where it is not built again."""
        result = self._build("before", "building the original once more")
        self.say("running the original once more")
        patience = replace(self.trial.patience, linger=_LINGER + seconds)
        return self._observe(result.image, 0, patience) if result.ok else None

    def discard(self) -> None:
        """Remove the images, so that they do not pile up over many Dockerfiles."""
        for image in self.images:
            with suppress(EngineError):  # the sweep at the end tries again
                self.workspace.engine.remove_image(image)

    def _side(self, side: str) -> Side:
        """Build and run one of the two; without a run where the engine builds alone."""
        result = self._build(side, f"building the {_named(side)}", cold=not self.trial.quick)
        if not result.ok:
            return Side(log=result.log, failure=result)
        run = None
        if self.workspace.engine.runs:
            self.say(f"running the {_named(side)}")
            run = self._observe(result.image, SIDES.index(side))
        builds = Builds() if self.trial.quick else Builds(cold=result.seconds)
        return Side(facts(self.workspace.engine, result.image), run, builds, starved=result.reason)

    def _build(self, side: str, doing: str, *, cold: bool = False) -> BuildResult:
        copy = self.copies[side]
        began = time.monotonic()
        self.say(doing)
        result = self.workspace.engine.build(
            copy.context,
            copy.dockerfile,
            target=self.trial.target,
            build_args=self.expected.build_args,
            no_cache=cold,
            timeout=self.trial.build_seconds,
            say=lambda step: self.say(f"{doing}, {time.monotonic() - began:.0f} s" + (f": {step}" if step else "")),
        )
        if result.ok and result.image not in self.images:
            self.images.append(result.image)
        return result

    def _observe(self, image: str, side: int, patience: Patience | None = None) -> Observation:
        return observe(
            self.workspace.engine,
            image,
            network=self.workspace.network,
            env={**self.expected.env, **self.trial.env},
            hosts=dict.fromkeys(sorted(self.expected.neighbours), _NOWHERE) if self.workspace.alone else {},
            ports=self.expected.ports[side],
            paths=self.expected.paths,
            patience=patience or self.trial.patience,
            proxies=not self.workspace.alone,  # of no use where there is no way out
        )

    def _time(self, sides: dict[str, Side]) -> tuple[str, ...]:
        """Time builds after changes, the two sides in turn, so that a busy minute strikes both."""
        copies = tuple(self.copies.values())
        rebuilds = self.trial.after_source
        source = contexts.source_file(copies, self.expected.entry) if rebuilds else None
        manifests = () if self.trial.quick else contexts.manifests(copies)
        if source is not None:
            for number in range(rebuilds):
                doing = f"after a change of {source}, {number + 1} of {rebuilds}"
                for side in SIDES:
                    contexts.touch_source(self.copies[side], source, os.urandom(_TOKEN))
                    result = self._rebuild(side, doing)
                    builds = sides[side].builds
                    cached = dependencies_cached(result.steps)
                    repeated = tuple(step.command for step in result.steps if not step.cached)
                    seconds = (*builds.source, result.seconds)
                    builds = replace(builds, source=seconds, cached=cached, repeated=repeated)
                    sides[side] = replace(sides[side], builds=builds)
        if manifests:
            doing = f"after a change of {', '.join(manifests)}"
            for side in SIDES:
                for manifest in manifests:
                    contexts.touch_manifest(self.copies[side], manifest, os.urandom(_TOKEN))
                result = self._rebuild(side, doing)
                builds = replace(sides[side].builds, dependencies=(result.seconds,))
                sides[side] = replace(sides[side], builds=builds)
        return (*([source] if source is not None else []), *manifests)

    def _rebuild(self, side: str, doing: str) -> BuildResult:
        result = self._build(side, f"building the {_named(side)} {doing}")
        if not result.ok:
            raise EngineError(_cut_short(side, result) or f"the {_named(side)} does not build again: {result.reason}")
        return result

    def _unbuilt(self, side: Side) -> Verdict:
        assert side.failure is not None
        if cut := _cut_short("before", side.failure):
            return Verdict("not comparable", (cut,))
        if side.failure.outage:
            return Verdict("not comparable", (f"the original does not get its downloads: {side.failure.outage}",))
        missing = side.failure.missing
        why = self.workspace.engine.without(missing.image) if missing is not None else side.failure.reason
        return Verdict("the original does not build", (why,))

    def _miswritten(self, side: Side) -> Verdict:
        assert side.failure is not None
        missing = side.failure.missing
        if missing is not None and not missing.denied:
            return Verdict("not comparable", (f"the rewrite's {self.workspace.engine.without(missing.image)}",))
        if side.failure.timed_out:
            return Verdict("not comparable", (_cut_short("after", side.failure),))
        if side.failure.starved:
            # as may be where nothing limits a build: what the rewrite does at once, the original did in turn
            return Verdict(
                "not comparable", (f"the build of the rewrite, unlike the original's, {side.failure.reason}",)
            )
        if side.failure.outage and self._cut_off():
            return Verdict(
                "not comparable", (f"by now neither side gets its downloads; the rewrite's: {side.failure.outage}",)
            )
        why = f"base {missing.image} does not exist" if missing is not None else side.failure.reason
        return Verdict("different", (f"the rewrite does not build: {why}",))

    def _cut_off(self) -> bool:
        """Whether the original, which was built before, does not get its downloads either by now."""
        again = self._build("before", "building the original once more, for its downloads", cold=True)
        return not again.ok and bool(again.outage)


def fed(verdict: Verdict, before: Side, after: Side) -> Verdict:
    """*verdict*, if a build from which the kernel took a process, and that went on without it, leaves it standing."""
    if before.starved and after.starved:
        return replace(verdict, remarks=(*verdict.remarks, f"both builds {before.starved}, and went on"))
    if not before.starved and not after.starved:
        return verdict
    side, other, starved = ("original", "rewrite", before) if before.starved else ("rewrite", "original", after)
    reason = f"the build of the {side}, unlike the {other}'s, {starved.starved}, and went on"
    return Verdict("not comparable", (reason,), (*verdict.reasons, *verdict.remarks))


def uneven(before: Builds, after: Builds) -> tuple[str, ...]:
    """A remark where the rewrite builds again what the original, an image that serves the sources, never builds."""
    if before.repeated != () or not after.repeated:
        return ()
    return (f"after a change of source the original only copies, and the rewrite runs {short(after.repeated[0], 60)}",)


def _cut_short(side: str, build: BuildResult) -> str:
    """What a build was not given enough of to come to its end; empty where it failed for itself."""
    if build.timed_out:
        return f"the build of the {_named(side)} is {build.reason} (--timeout)"
    return f"the build of the {_named(side)} {build.reason}" if build.starved else ""


def _named(side: str) -> str:
    return "original" if side == "before" else "rewrite"
