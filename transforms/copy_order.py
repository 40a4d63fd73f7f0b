"""``copy-order``: manifests first, sources after the install."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from posixpath import basename

from dockfix.dockerfile import expand
from dockfix.dockerfile.layout import Gap, Item, Keep, New, layout
from dockfix.model import Model, Placement, Purpose, Role, StageModel, Step, is_manifest
from dockfix.model.commands import purpose
from dockfix.model.config import join
from dockfix.recipes.ecosystems import fetching, readers
from dockfix.recipes.manifests import WITHOUT_PROJECT, copies, left_out, readings
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span, apply
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

FOREIGN = {
    "cargo": ("build", "cargo builds the sources together with what they need"),
    "gradle": ("", "a Gradle project may have modules and build logic"),
}
"""Package managers whose projects may read anything of the sources."""

LATE = re.compile(
    r"(?:\w+_)?(?:VERSION|REVISION|COMMIT|SHA|SHA1|HASH|BUILD_DATE|BUILD_TIME|BUILD_ID|BUILD_NUMBER|VCS_REF)"
    r"|GIT_(?:SHA1?|COMMIT(?:_\w+)?|REF|REV|REVISION|HASH|BRANCH|TAG|DESCRIBE|VERSION)"
    r"|(?:VITE|REACT_APP|NEXT_PUBLIC|NUXT_PUBLIC|VUE_APP|GATSBY)_\w+"
)
"""Build arguments that change with every commit or environment, and that no install reads."""
TOOL_VERSIONS = re.compile(r"(?:NODE|NPM|YARN|PNPM|BUN|PYTHON|PIP|POETRY|UV|PIPENV|DEBIAN|ALPINE|UBUNTU)_\w+")

READERS = frozenset({"cat", "test", "[", "ls"})
MANIFEST_FOLDERS = frozenset({".yarn", "patches", "requirements", "prisma"})


@transform("copy-order", phase=Phase.COPY_ORDER, safety=Safety.SAFE)
def copy_order(model: Model) -> Iterator[Result]:
    """Copy the manifests and install before the sources are copied, so that an edit does not repeat the install.

    What it does:
        Where a stage copies its sources and installs afterwards, copies what the install reads (package.json and
        lock file, the manifests of workspaces, patches, requirements files with all that they include, settings of
        the package manager), moves the copies of the sources behind the install, and takes a RUN that installs and
        builds apart. Poetry, uv and Composer install the dependencies first, and the project itself behind the sources.
        Where a Go or Maven build fetches what it needs itself, that is done by the manifests alone above the sources.

    Why:
        The build cache keeps a step as long as everything above it is unchanged. Sources change all the time,
        dependencies seldom.

    Refuses when:
        The install reads the sources: a postinstall or prepare script, a local package, an editable project; or it adds
        a package to the manifest that the sources bring. A file that it reads is not in the build context. Something
        unknown stands between the copy and the install. The modules of the host would be copied over the installed ones
        because .dockerignore does not name them. The package manager's projects may read anything (Cargo, Gradle,
        projects of several Maven modules).

    Example:
        See fixtures/copy-order/example.
    """
    orders: dict[int, tuple[Item, ...]] = {}
    first: Step | None = None
    whys: dict[str, None] = {}
    for stage in model.stages:
        sources = _early_sources(model, stage)
        items: tuple[Item, ...] = tuple(Keep(step.instruction) for step in stage.steps)
        fetched: Fetched | None = None
        try:
            if sources is not None:
                items = _order(model, stage, sources)
                first = first or sources
                whys["the sources are copied before the install, so that every edit repeats it"] = None
            elif (fetched := _fetched(model, stage)) is not None:
                items = fetched.items
                first = first or fetched.sources
                whys[fetched.why] = None
            else:
                yield from _foreign(stage)
        except UnfitError as reason:
            yield Refusal(reason.at or (sources or stage.steps[0]).instruction, reason.why)
        late = _late(stage, items, fetched)
        if late:
            items = _delayed(stage, items, late, fetched)
            first = first or late[0]
            whys[f"{' and '.join(_names(late))} above the install repeats it whenever the value changes"] = None
        orders[stage.index] = items
    if first is not None:
        result = layout(model.document, [orders[stage.index] for stage in model.stages])
        yield Change(first.instruction, result.edits, ", and ".join(whys), ledger=result.ledger)


def _late(stage: StageModel, items: Sequence[Item], fetched: Fetched | None) -> list[Step]:
    """Build arguments, and variables set from them, above an install that does not need them, but a later RUN may.

    Args:
        stage: the stage.
        items: what it is to consist of; a RUN that installs and builds is taken apart there.
        fetched: where a RUN that fetches is put into it.
    """
    installs = [number for number, step in enumerate(stage.steps) if Purpose.INSTALL in step.purposes]
    kept = [item for item in items if isinstance(item, Keep)]
    cut = {item.instruction.index: _edited(item) for item in kept if item.edits}
    if not installs and fetched is None:
        return []
    above = stage.steps[: fetched.boundary if fetched is not None else installs[-1] + 1]
    found: list[Step] = []
    for number, step in enumerate(above):
        if step.instruction.keyword in {"ARG", "ENV"} and all(map(_is_late, _names([step]))):
            runs = [other for other in above[number + 1 :] if other.instruction.keyword == "RUN"]
            if all(other.instruction.index in cut or _is_plain(other) for other in runs):
                found.append(step)
    while True:
        # one that something else above still names stays, and then so does what that one is made of
        staying = [step for step in above if step not in found]
        text = "\n".join(cut.get(step.instruction.index, step.instruction.text) for step in staying)
        moving = [step for step in found if not _mentions([step]).search(text)]
        if moving == found:
            break
        found = moving
    if _target(stage, items, found, fetched) is None:
        return []
    return found


def _names(steps: Sequence[Step]) -> list[str]:
    return list(dict.fromkeys(name for step in steps for name, *_ in step.instruction.pairs()))


def _mentions(steps: Sequence[Step]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, _names(steps)))})\b")


def _is_late(name: str) -> bool:
    return LATE.fullmatch(name) is not None and TOOL_VERSIONS.fullmatch(name) is None


def _is_plain(step: Step) -> bool:
    """Whether a RUN installs or sets up, and so does not look at variables of the app."""
    plain = {Purpose.INSTALL, Purpose.SETTINGS, Purpose.PACKAGES, Purpose.TOOLS, Purpose.CLEANUP, Purpose.FOLDERS}
    return step.script is not None and step.script.ok and not step.purposes - plain - {Purpose.ACCOUNT}


def _edited(item: Keep) -> str:
    start = item.instruction.span.start
    inside = [edit for edit in item.edits if edit.span.start >= start]
    return apply(
        item.instruction.text,
        [Edit(Span(edit.span.start - start, edit.span.end - start), edit.text) for edit in inside],
    )


def _target(stage: StageModel, items: Sequence[Item], late: Sequence[Step], fetched: Fetched | None) -> int | None:
    """The number of the first item behind the last install that runs something or names a late variable."""
    if not late:
        return None
    start = fetched.end if fetched is not None else _behind_install(stage, items)
    mentions = _mentions(late)
    for number in range(start, len(items)):
        item = items[number]
        text = item.text if isinstance(item, New) else item.instruction.text if isinstance(item, Keep) else ""
        if text[:3].upper() == "RUN" or mentions.search(text):
            return number
    return None


def _behind_install(stage: StageModel, items: Sequence[Item]) -> int:
    """The number of the first item behind the last install."""
    install = [step for step in stage.steps if Purpose.INSTALL in step.purposes][-1].instruction.index
    kept = (number for number, item in enumerate(items) if isinstance(item, Keep) and item.instruction.index == install)
    return max(kept) + 1


def _delayed(
    stage: StageModel, items: Sequence[Item], late: Sequence[Step], fetched: Fetched | None
) -> tuple[Item, ...]:
    """*items* with the steps *late* where they are needed first."""
    target = _target(stage, items, late, fetched)
    assert target is not None
    moving = {step.instruction.index for step in late}

    def staying(part: Sequence[Item]) -> Iterator[Item]:
        return (item for item in part if not (isinstance(item, Keep) and item.instruction.index in moving))

    moved = (Keep(step.instruction) for step in late)
    return (*staying(items[:target]), *moved, *staying(items[target:]))


@dataclass(frozen=True)
class Fetched:
    """A stage with a RUN of its own that fetches the dependencies above the sources.

    Attributes:
        items: what the stage is to consist of.
        sources: the first copy of the sources.
        boundary: how many of the stage's steps stand above the fetch.
        end: the number of the first item behind it.
        why: what is gained.
    """

    items: tuple[Item, ...]
    sources: Step
    boundary: int
    end: int
    why: str


def _fetched(model: Model, stage: StageModel) -> Fetched | None:
    """The stage with the dependencies fetched first; ``None`` where no build does that below its sources.

    Raises:
        UnfitError: the manifests cannot be copied by themselves, or do not stand alone.
    """
    for position, step in enumerate(stage.steps):
        if Purpose.BUILD not in step.purposes:
            continue
        above = stage.steps[:position]
        placed = [p for p in stage.placements if p.step in above and p.folder and p.step.role is Role.SOURCES]
        copied = [p.step for p in placed if _is_sources(model, p, step.before.workdir)]
        if not copied or any(Purpose.INSTALL in other.purposes for other in above):
            continue
        if any(Purpose.BUILD in other.purposes for other in above[: above.index(copied[0])]):
            continue  # a build without the sources, which fetches what the next one needs
        fetch = fetching(model, stage, step)
        if fetch is None:
            continue
        first = stage.steps.index(copied[0])
        last = _settled_at(stage, first, position)
        _check_flags(copied[0])
        present = {p.source for p in stage.placements if p.step in above and p.step not in copied}
        paths = [path for path in fetch.paths if path not in present]
        lines = copies(model, stage, step, [other for other in above if other in copied], paths)
        gap = (Gap(),) if model.document.spacious or _gap_above(model, copied[0]) else ()
        moved = [other for other in stage.steps[first:last] if other in copied]
        staying = [*stage.steps[:first], *(other for other in stage.steps[first:last] if other not in copied)]
        head = (*(Keep(other.instruction) for other in staying), *gap, *(New(line) for line in (*lines, *fetch.lines)))
        rest = (*(Keep(other.instruction) for other in (*moved, *stage.steps[last:])),)
        return Fetched((*head, *gap, *rest), copied[0], len(staying), len(head), fetch.why)
    return None


def _settled_at(stage: StageModel, first: int, position: int) -> int:
    """The number of the step from which on the folder of the build does not change.

    Args:
        stage: the stage.
        first: the number of the first copy of the sources.
        position: the number of the RUN that builds.

    Raises:
        UnfitError: the folder, the shell or the user changes behind something that cannot stand below.
    """
    between = stage.steps[first:position]
    changing = {n for n, other in enumerate(between) if other.instruction.keyword in {"WORKDIR", "SHELL", "USER"}}
    settling = changing | {n for n, other in enumerate(between) if other.role is Role.MANIFESTS}
    last = max(settling, default=-1)
    for other in between[: last + 1]:
        keyword = other.instruction.keyword
        movable = keyword in {"COPY", "ADD"} and not (changing and _is_relative(other))
        if not movable and keyword not in {"WORKDIR", "ENV", "ARG"}:
            why = "the folder, the shell or the user changes between the sources and the build"
            raise UnfitError(stage.steps[position].instruction, why)
    return first + last + 1


def _foreign(stage: StageModel) -> Iterator[Refusal]:
    """Say of other package managers why their order is left alone."""
    copied = False
    for step in stage.steps:
        copied = copied or any(p.step is step and p.folder and not p.source for p in stage.placements)
        for command in step.script.commands if step.script and copied else ():
            verb, why = FOREIGN.get(basename(command.name).removesuffix("w"), ("-", ""))
            if why and (not verb or verb in command.args):
                yield Refusal(step.instruction, f"the sources stay above this: {why}")
                return


def _early_sources(model: Model, stage: StageModel) -> Step | None:
    """The copy of a whole folder of sources that stands before an install of dependencies."""
    for position, step in enumerate(stage.steps):
        if step.role is not Role.SOURCES:
            continue
        installs = [other for other in stage.steps[position + 1 :] if Purpose.INSTALL in other.purposes]
        installs = [o for o in installs if not (_done_above(stage.steps[:position], o) or _is_foreign(o))]
        if not installs:
            continue
        workdir = installs[0].before.workdir
        for placement in stage.placements:
            if placement.step is step and placement.folder and _is_sources(model, placement, workdir):
                return step
    return None


def _is_foreign(step: Step) -> bool:
    """Whether a RUN installs by a package manager of which nobody has told what it reads."""
    return any(called.manager in FOREIGN.keys() - readers().keys() for called in step.invocations)


def _done_above(above: Sequence[Step], install: Step) -> bool:
    """Whether the dependencies are installed above the sources already, and this installs the project itself."""
    managers = {called.manager for called in install.invocations if purpose(called.command) is Purpose.INSTALL}
    return bool(managers) and all(
        manager in WITHOUT_PROJECT
        and any(
            called.has(WITHOUT_PROJECT[manager].split()[-1], "--no-root")
            for step in above
            for called in step.calls(manager)
        )
        for manager in managers
    )


def _is_sources(model: Model, placement: Placement, workdir: str) -> bool:
    """Whether a copied folder holds sources of what is installed in *workdir*, not manifests or system files."""
    if basename(placement.source) in MANIFEST_FOLDERS or placement.source.startswith(".yarn/"):
        return False
    if placement.target == "/" and placement.source and workdir != "/":
        return False
    names = list(model.app.root.walk(placement.source, 50))
    if placement.source and names and all(is_manifest(name) for name in names):
        return False
    return _inside(placement.target, workdir) or _inside(workdir, placement.target)


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


@dataclass(frozen=True)
class Place:
    """A stage cut where its sources are copied too early.

    Attributes:
        above: what stands above the first copy of the sources.
        sources: that copy.
        between: what stands between it and the last install that can move, that one included.
        last: the install.
        below: what follows.
    """

    above: tuple[Step, ...]
    sources: Step
    between: tuple[Step, ...]
    last: Step
    below: tuple[Step, ...]


def _order(model: Model, stage: StageModel, sources: Step) -> tuple[Item, ...]:
    place = _place(stage, sources)
    moved = _moved(model, stage, place)
    installs = [step for step in place.between if Purpose.INSTALL in step.purposes]
    for step in place.between:
        _check_made(model, stage, step, moved, tuple(_environments(step, moved, stage)))
    present = {p.source for p in stage.placements if p.step in (*place.above, *place.between) and p.step not in moved}
    paths: list[str] = []
    first_installs: dict[int, Keep] = {}
    rest: list[Item] = []
    for step in installs:
        found = readings(model, stage, step, readers())
        _check_made(model, stage, step, moved, found.made)
        _check_readers(model, stage, step, found.paths)
        paths += [path for path in found.paths if path not in present]
        kept, behind = _cut(model, step)
        first_installs[step.instruction.index] = Keep(step.instruction, (*kept.edits, *left_out(found)))
        rest += [New(f"RUN {_words(model, step, called.command.span)}") for called, _ in found.without]
        rest += behind
    lines = copies(model, stage, place.last, moved, tuple(dict.fromkeys(paths)))
    staying = [step for step in place.between if step not in moved]
    at = next(number for number, step in enumerate(staying) if _reads_manifests(step))
    return (
        *(Keep(step.instruction) for step in place.above),
        *(Keep(step.instruction) for step in staying[:at]),
        *_grouped(
            model,
            stage,
            sources,
            lines,
            first_installs.get(staying[at].instruction.index, Keep(staying[at].instruction)),
        ),
        *(first_installs.get(step.instruction.index, Keep(step.instruction)) for step in staying[at + 1 :]),
        *((Gap(),) if model.document.spacious else ()),
        *(Keep(step.instruction) for step in moved),
        *((Gap(),) if rest and model.document.spacious and _gap_above(model, place.last) else ()),
        *rest,
        *((Gap(),) if rest and place.below and _gap_above(model, place.below[0]) else ()),
        *(Keep(step.instruction) for step in place.below),
    )


def _reads_manifests(step: Step) -> bool:
    """Whether a RUN installs, or lets corepack or yarn choose a version by the manifest."""
    if Purpose.INSTALL in step.purposes:
        return True
    commands = step.script.commands if step.script else ()
    return Purpose.SETTINGS in step.purposes and any(command.name in {"corepack", "yarn"} for command in commands)


def _grouped(model: Model, stage: StageModel, sources: Step, lines: Sequence[str], install: Keep) -> Iterator[Item]:
    """The new copies and the install below them, in one group unless the file keeps everything apart."""
    if not lines:
        yield install
        return
    step = model.step(install.instruction)
    if _gap_above(model, step) or (
        _gap_above(model, sources) and stage.steps.index(step) == stage.steps.index(sources) + 1
    ):
        yield Gap()
    yield from map(New, lines)
    if _separates(model, stage) or (step.instruction.comments and _gap_above(model, step)):
        yield Gap()
        yield install
    else:
        yield Keep(install.instruction, install.edits, close=True)


def _separates(model: Model, stage: StageModel) -> bool:
    """Whether the file puts an empty line between all instructions, so that none goes with another."""
    gaps = [_gap_above(model, step) for step in stage.steps[1:]]
    return sum(gaps) >= 0.8 * len(gaps)


def _gap_above(model: Model, step: Step) -> bool:
    lines = model.document.text[: step.instruction.block.start].split("\n")
    return len(lines) > 1 and not lines[-2].strip()


def _place(stage: StageModel, sources: Step) -> Place:
    steps = stage.steps
    at = steps.index(sources)
    installs = [step for step in steps[at + 1 :] if Purpose.INSTALL in step.purposes]
    last = installs[0]
    for step in installs[1:]:
        # an install behind a build step may need what that made
        between = steps[steps.index(last) + 1 : steps.index(step)]
        known = {Purpose.INSTALL, Purpose.SETTINGS, Purpose.PACKAGES, Purpose.TOOLS, Purpose.CLEANUP}
        if Purpose.BUILD in last.purposes or any(o.script is not None and o.purposes - known for o in between):
            break
        last = step
    end = steps.index(last) + 1
    return Place(steps[:at], sources, steps[at + 1 : end], last, steps[end:])


def _moved(model: Model, stage: StageModel, place: Place) -> list[Step]:
    """The steps that go behind the install: the copies of sources, and what works on them.

    Raises:
        UnfitError: one of those that stay may need the sources.
    """
    moved = [place.sources]
    _check_flags(place.sources)
    relative = _is_relative(place.sources)
    for step in place.between:
        keyword = step.instruction.keyword
        if keyword == "WORKDIR" and relative:
            raise UnfitError(step.instruction, "the working directory changes between the copy and the install")
        if keyword == "VOLUME" or (keyword == "COPY" and step.instruction.heredocs):
            raise UnfitError(step.instruction, "this stands between the copy of the sources and the install")
        if keyword in {"COPY", "ADD"}:
            if _goes_along(model, stage, step, moved):
                _check_flags(step)
                relative = relative or _is_relative(step)
                moved.append(step)
        elif keyword == "RUN" and step is not place.last and _works_on_sources(step):
            moved.append(step)
        elif _may_need_sources(step, place):
            raise UnfitError(step.instruction, "this may need the sources, or change what the install does")
        elif keyword == "RUN":
            _check_packages(step)
    user = place.last.before.user not in {"", "root", "0"}
    folders = next((step for step in moved if step.role is Role.FOLDERS), None)
    if user and folders is not None:
        raise UnfitError(folders.instruction, "the install runs as another user, who may need these folders")
    return moved


def _is_relative(step: Step) -> bool:
    """Whether a COPY writes to a folder below the working directory."""
    copy = step.instruction.copy
    destination = copy.destination if copy is not None else ""
    return not (expand(destination, {**step.arguments, **step.before.env}) or destination).startswith("/")


def _may_need_sources(step: Step, place: Place) -> bool:
    if step.role is Role.UNKNOWN and Purpose.INSTALL not in step.purposes:
        return True
    return Purpose.BUILD in step.purposes and step is not place.last


def _check_flags(step: Step) -> None:
    if any(flag.name not in {"chown", "chmod", "link"} for flag in step.instruction.flags):
        raise UnfitError(step.instruction, "the copy of the sources has flags of its own")


def _goes_along(model: Model, stage: StageModel, step: Step, moved: Sequence[Step]) -> bool:
    """Whether a COPY has to stay behind the copies of sources, because it writes to the same folders.

    Raises:
        UnfitError: the install may need it all the same.
    """
    copy = step.instruction.copy
    earlier = [p for p in stage.placements if p.step in moved]
    if copy is None or step.role is Role.UNKNOWN:
        raise UnfitError(step.instruction, "what this copies cannot be told")
    if copy.from_ is not None:
        target = join(step.before.workdir, copy.destination)
        if "$" in target or any(_inside(target, p.target) for p in earlier):
            raise UnfitError(step.instruction, "this copies over the sources, before the install")
        return False
    own = [p for p in stage.placements if p.step is step]
    if step.role is Role.MANIFESTS or all(basename(p.source) in MANIFEST_FOLDERS for p in own):
        for p in own:
            over = next((o for o in reversed(earlier) if o.folder and _inside(p.target, o.target)), None)
            if (
                over is not None
                and _source(over, p.target) != p.source
                and model.app.root.exists(_source(over, p.target))
            ):
                raise UnfitError(step.instruction, f"{p.target} is not the one that the sources bring")
        return False
    if any(is_manifest(p.target) for p in own if not p.folder) and len(own) == 1:
        raise UnfitError(step.instruction, "this brings a manifest under another name")
    folder = any(p.folder and _is_sources(model, p, step.before.workdir) for p in own)
    return folder or any(_inside(p.target, o.target) for p in own for o in earlier if o.folder)


def _source(placement: Placement, target: str) -> str:
    return f"{placement.source}/{target[len(placement.target.rstrip('/')) + 1 :]}".strip("/")


def _works_on_sources(step: Step) -> bool:
    """Whether a RUN only looks at the sources or changes their modes, so that it can follow them.

    Raises:
        UnfitError: it does so to whole folders, which would take in what is installed.
    """
    if step.script is None or not step.script.ok:
        return False
    names = {command.name for command in step.script.commands}
    recursive = any(
        command.name in {"chown", "chmod"} and any(re.fullmatch(r"-\w*R\w*|--recursive", arg) for arg in command.args)
        for command in step.script.commands
    )
    if recursive:
        raise UnfitError(step.instruction, "this changes whole folders, which the install may depend on")
    if not step.purposes:
        return True
    return step.role is Role.FOLDERS and names != {"mkdir"}


def _check_packages(step: Step) -> None:
    """Refuse installs of packages and tools whose names or files come from the sources."""
    if step.script is None:
        return
    for command in step.script.commands:
        if any(redirect.text.startswith("<") for redirect in command.redirects) or command.name == "xargs":
            raise UnfitError(step.instruction, "this reads a file that may be among the sources")
    for called in step.invocations:
        if called.manager in {"apt", "apk", "dnf"} or purpose(called.command) is Purpose.TOOLS:
            for word in called.operands:
                if word.text.startswith((".", "/")) or re.search(r"\$\(|`|\.(?:deb|rpm|apk|tgz)$", word.text):
                    raise UnfitError(step.instruction, "this installs what may be among the sources")


def _environments(step: Step, moved: Sequence[Step], stage: StageModel) -> Iterator[str]:
    """Virtual environments that a RUN makes in the folder of the sources, by the path in the context."""
    known = {**step.arguments, **step.before.env}
    for command in step.script.commands if step.script else ():
        words = [word.text for word in command.words]
        if "virtualenv" not in words[:1] and "venv" not in words[1:3]:
            continue
        target = join(step.before.workdir, expand(words[-1].strip("\"'"), known) or words[-1])
        for p in stage.placements:
            if p.step in moved and p.folder and target != p.target and _inside(target, p.target):
                yield f"{p.source}/{target[len(p.target.rstrip('/')) + 1 :]}".lstrip("/")


def _check_made(model: Model, stage: StageModel, step: Step, moved: Sequence[Step], made: Sequence[str]) -> None:
    """Refuse where the sources would bring the host's modules over the installed ones."""
    ignore = model.app.ignore
    for path in made:
        brought = any(
            p.folder and (not p.source or path.startswith(p.source + "/")) for p in stage.placements if p.step in moved
        )
        if brought and not ignore.ignores(path):
            why = f"{path} of the host would be copied over the installed ones ({ignore.path})"
            raise UnfitError(step.instruction, why)


def _check_readers(model: Model, stage: StageModel, step: Step, paths: Sequence[str]) -> None:
    """Refuse a RUN that looks at files of the sources beside installing."""
    for command in step.script.commands if step.script else ():
        for arg in command.args if command.name in READERS else ():
            path = stage.context_path(join(step.before.workdir, arg))
            if path and path not in paths and model.app.root.exists(path):
                raise UnfitError(step.instruction, f"this RUN reads {path}")


def _cut(model: Model, step: Step) -> tuple[Keep, tuple[Item, ...]]:
    """The RUN as its install and the rest, which may need the sources.

    Raises:
        UnfitError: it cannot be taken apart.
    """
    script, instruction = step.script, step.instruction
    lasting = step.purposes - {Purpose.CLEANUP}
    if lasting <= {Purpose.INSTALL, Purpose.SETTINGS, Purpose.PACKAGES, Purpose.TOOLS}:
        return Keep(instruction), ()
    if script is None or not script.flat or not script.ok or instruction.inner_comments or instruction.json is not None:
        raise UnfitError(instruction, "this RUN does more than install the dependencies")
    known = {Purpose.INSTALL, Purpose.SETTINGS, Purpose.CLEANUP, Purpose.NEUTRAL, Purpose.PACKAGES, Purpose.TOOLS}
    first = next((i for i, command in enumerate(script.commands) if purpose(command) not in known), None)
    commands = script.commands
    if first is None or first == 0 or any(purpose(command) is Purpose.INSTALL for command in commands[first:]):
        raise UnfitError(instruction, "this RUN does more than install the dependencies")
    if any(command.joiner not in {"", "&&"} for command in commands) or any(
        command.name in {"cd", "export", "set", "pushd"} for command in commands[:first]
    ):
        raise UnfitError(instruction, "this RUN does more than install the dependencies")
    if instruction.flags or instruction.heredocs:
        raise UnfitError(instruction, "this RUN has flags or a heredoc")
    end = instruction.span.end
    cut = Edit(Span(commands[first - 1].span.end, end), "")
    return Keep(instruction, (cut,)), (New(f"RUN {_words(model, step, Span(commands[first].span.start, end))}"),)


def _words(model: Model, step: Step, span: Span) -> str:
    """A stretch of a RUN as canonical text."""
    text = span.of(model.document.text).replace("\r\n", "\n")
    if "\n" in text and model.document.escape != "\\":
        raise UnfitError(step.instruction, "this RUN has several lines in another escape character")
    return text
