"""Apps in Ruby: gems are installed, and assets built, in a builder; the end has no compilers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.catalog.gems import gem_libraries
from dockfix.dockerfile import ImageReference
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.facts.ruby import gemfile
from dockfix.model import Purpose, Role
from dockfix.model.config import difference, join
from dockfix.recipes import needs, packages
from dockfix.recipes.manifests import Reading, folder_of
from dockfix.recipes.split import (
    NoGainError,
    Split,
    UnfitError,
    brought_again,
    check_common,
    check_started,
    first_line,
    is_root,
    listed,
    plain_copies,
    spaced,
    spare,
    stage_name,
    used,
)
from dockfix.recipes.stage import package_edit
from dockfix.text import line_of
from dockfix.transform import Safety

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockfix.model import Invocation, Model, StageModel, Step
    from dockfix.text import Edit

GEMS = "/usr/local/bundle"
"""Where the images of Ruby keep gems and Bundler's settings:
https://github.com/docker-library/docs/blob/master/ruby/README.md"""
CALLS = re.compile(
    rb"\bsystem[ (]|%x[\[({!|/]|\bspawn[ (]|Open3|IO\.popen|\bPTY\b|\bexec[ (][\"']|=\s*`|MiniMagick::Tool|\bfork\b"
)
"""What runs other programs: https://docs.ruby-lang.org/en/master/Process.html"""
BUILD_SETTING = re.compile(r"BUNDLE_BUILD__|\bbuild\.\w|--use-system-libraries")
"""What lets a gem link the system's libraries in place of its own: https://bundler.io/man/bundle-config.1.html"""
BUILDING = {Purpose.PACKAGES, Purpose.INSTALL, Purpose.TOOLS, Purpose.SETTINGS, Purpose.BUILD, Purpose.CLEANUP}
IDLE = {Purpose.FOLDERS, Purpose.ACCOUNT}
LASTING = frozenset({"ARG", "ENV", "LABEL", "MAINTAINER", "SHELL", "WORKDIR", "USER", "EXPOSE", "VOLUME", "STOPSIGNAL"})
ENDING = frozenset(
    {"EXPOSE", "VOLUME", "LABEL", "MAINTAINER", "HEALTHCHECK", "CMD", "ENTRYPOINT", "STOPSIGNAL", "USER"}
)


def split(model: Model) -> Split | None:
    """The stage as a builder with compilers and an end without; ``None`` where no gems are installed on Ruby's image.

    Raises:
        UnfitError: something stands in the way.
        NoGainError: no build tools are installed.
    """
    stage = model.final
    if stage.image is None or stage.image.name != "ruby":
        return None
    installs = [step for step in stage.steps if step.calls("bundle", "", "install")]
    if not installs:
        return None
    check_common(model)
    check_started(model)
    builds = [step for step in stage.steps if Purpose.BUILD in step.purposes]
    cut = max(stage.steps.index(step) for step in (*installs, *builds)) + 1
    head, tail = stage.steps[:cut], stage.steps[cut:]
    tools = packages.build_tools(head)
    slim, reason = _slim(model, stage, installs)
    if slim is None and model.options.split != "always":
        idle = packages.carrier(stage, tools)
        if idle:
            raise NoGainError(f"the end would stay on {idle}, which brings the build tools itself{reason}")
        if not tools:
            raise NoGainError(f"no build tools are installed{reason}")
    for step in stage.steps:
        _check(step, step in tail)
    place = _place(model, installs)
    whole = bool(builds)
    if whole:
        _check_sources(model, stage, head)
    builder, end = _builder(model, head), _end(model, head, tail, place, slim, whole=whole)
    kept = {item.instruction.index for item in (*builder, *end) if isinstance(item, Keep)}
    if slim is not None:
        why = f"the compilers of {stage.reference} are needed only while gems are built"
    else:
        idle_tools = packages.idle_tools(stage, head) or tools
        why = f"{listed(idle_tools)} {'is' if len(idle_tools) == 1 else 'are'} needed only while gems are built"
    return Split(
        (spaced(model.document, builder), spaced(model.document, end)),
        f"{why}; the image that runs does without"
        if tools or slim
        else "the gems are installed in a stage of their own",
        difference(stage.config, replace(stage.config, base=slim.reference)) if slim is not None else {},
        {step.instruction.index: "the builder's work is done" for step in head if step.instruction.index not in kept},
        safety=Safety.REVIEW,
    )


@dataclass(frozen=True, slots=True)
class Slim:
    """The slim variant of the base, and what the app needs there of Debian's packages."""

    reference: str
    packages: tuple[str, ...]


def _slim(model: Model, stage: StageModel, installs: Sequence[Step]) -> tuple[Slim | None, str]:
    """The smaller base of the end, where all that the app needs there is known; else why it is not, for a sentence."""
    try:
        return _found_slim(model, stage, installs), ""
    except UnfitError as reason:
        return None, f": {reason.why}"


def _found_slim(model: Model, stage: StageModel, installs: Sequence[Step]) -> Slim | None:
    """The slim variant of a full base; ``None`` where the base is none, or shall stay.

    Raises:
        UnfitError: what the app takes from the full image is not known.
    """
    image = stage.image
    if image is None or image.variant != "full" or model.options.base == "keep":
        return None
    found = catalog.variant(image, "slim")
    reference = ImageReference.parse(stage.stage.base.words[0].value)
    if found is None or reference.digest is not None or reference.variables or image.archive_moved:
        raise UnfitError(None, f"{stage.reference} has no slim variant to be named")
    folder = stage.context_path(installs[0].before.workdir)
    manifest = gemfile(model.app, folder if folder is not None else model.source or "")
    if manifest is None or not model.app.root.exists(manifest.lock):
        raise UnfitError(None, "there is no Gemfile.lock that tells of every gem")
    needed: list[str] = []
    for name in sorted(manifest.gems):
        libraries = gem_libraries(name, image.suite)
        if libraries is None:
            raise UnfitError(
                None, f"what {name} ({model.app.origin(manifest.lock)}) needs of the full image is not known"
            )
        needed += libraries
    built = next((step for step in stage.steps if BUILD_SETTING.search(step.instruction.value)), None)
    if built is not None:
        raise UnfitError(built.instruction, "gems are built with settings of the file's own")
    _check_calls(model)
    called = [name for name in needs.tools(model, stage) if not packages.is_tool(name)]
    return Slim(reference.with_tag(found.tag), tuple(dict.fromkeys((*needed, *called))))


def _check_calls(model: Model) -> None:
    """Refuse apps that may call programs, which the full image has.

    Raises:
        UnfitError: with the place.
    """
    for path in model.app.root.walk(model.source or ""):
        if (
            not path.endswith((".rb", ".rake", ".ru"))
            or "/spec/" in path
            or path.startswith(("spec/", "test/", "bin/"))
        ):
            continue
        data = model.app.root.read(path) or b""
        match = CALLS.search(data)
        if match is not None:
            where = model.app.origin(path, line_of(data, match.start()))
            raise UnfitError(None, f"the app may call programs of the full image ({where})")


def _check(step: Step, behind: bool) -> None:
    """Refuse a RUN of which it is not known what it leaves behind, and for which stage."""
    if step.script is None:
        return
    found = step.purposes
    if not step.script.ok or not found <= (IDLE | {Purpose.CLEANUP} if behind else BUILDING | IDLE):
        raise UnfitError(step.instruction, "what this RUN leaves behind for the app cannot be told")
    if found & IDLE and found & (BUILDING - {Purpose.CLEANUP}):
        raise UnfitError(step.instruction, "this RUN installs or builds, and makes folders or accounts, at once")
    for called in step.invocations:
        if called.manager == "gem" and called.has("--system"):
            raise UnfitError(step.instruction, "RubyGems itself is updated, outside of the folder of the gems")
        if called.manager == "bundle" and called.verb == "config" and not called.has("--local"):
            raise UnfitError(step.instruction, "bundle config without --local may keep its settings in root's home")


def _place(model: Model, installs: Sequence[Step]) -> tuple[str, ...]:
    """The folders that hold the gems and Bundler's settings.

    Raises:
        UnfitError: they are not those of the image, or depend on settings of the file's own.
    """
    for step in installs:
        environment = step.before.env
        if environment.get("GEM_HOME", GEMS) != GEMS or environment.get("BUNDLE_APP_CONFIG", GEMS) != GEMS:
            raise UnfitError(step.instruction, "the gems are not where the image of Ruby keeps them")
        if not is_root(step.before.user):
            raise UnfitError(step.instruction, "gems are installed by another user than root")
        text = " ".join(each.instruction.value for each in model.final.steps if each.script is not None)
        if "deployment" in text or "vendor/bundle" in text or " path " in text or "--path" in text:
            raise UnfitError(step.instruction, "Bundler is told to keep the gems elsewhere")
        if environment.get("BUNDLE_DEPLOYMENT") and not environment.get("BUNDLE_PATH"):
            raise UnfitError(step.instruction, "BUNDLE_DEPLOYMENT keeps the gems in the app's folder")
    own = {step.before.env["BUNDLE_PATH"] for step in installs if step.before.env.get("BUNDLE_PATH")} - {GEMS}
    if any(not path.startswith("/") for path in own):
        raise UnfitError(installs[0].instruction, "BUNDLE_PATH is not an absolute folder")
    return (GEMS, *sorted(path for path in own if not f"{path}/".startswith(f"{GEMS}/")))


def _check_sources(model: Model, stage: StageModel, head: Sequence[Step]) -> None:
    """Refuse builds whose sources do not all lie in the app's folder, which the end takes as it is built.

    Raises:
        UnfitError: with the COPY.
    """
    if model.folder == "/":
        raise UnfitError(None, "the app has no folder of its own")
    for placement in stage.placements:
        inside = f"{placement.target}/".startswith(f"{model.folder}/")
        if placement.step in head and not inside and placement.folder:
            raise UnfitError(placement.step.instruction, f"{placement.target} lies outside of the app's folder")


def _builder(model: Model, head: Sequence[Step]) -> list[Item]:
    items: list[Item] = [first_line(model.document, head[0].instruction, spare(model.document, "builder"))]
    steps = [step for step in head[1:] if step.instruction.keyword not in ENDING and step.role is not Role.ACCOUNT]
    return [*items, *plain_copies(model.document, steps)]


def _end(
    model: Model,
    head: Sequence[Step],
    tail: Sequence[Step],
    place: Sequence[str],
    slim: Slim | None,
    *,
    whole: bool,
) -> list[Item]:
    """The stage that runs.

    Args:
        model: the model.
        head: the steps down to the last that installs or builds.
        tail: those below.
        place: the folders that hold the gems.
        slim: the smaller base of the end; ``None`` where it stays on the builder's.
        whole: take the app's folder from the builder, with what is built in it.
    """
    system = packages.run_time(model, model.final, head, afresh=True)
    builder = spare(model.document, "builder")
    items: list[Item] = [stage_name(model.document, head[0].instruction, "runtime")]
    if slim is not None:
        items = [New(f"FROM {slim.reference} AS {model.final.stage.name or 'runtime'}")]
        present = _installed(system)
        extra = [name for name in slim.packages if name not in present]
        items += _added(model, system, extra)
    for step in head[1:]:
        if step.instruction.index in system:
            items += system[step.instruction.index]
        elif _stays(model, step, head, tail, whole=whole):
            items.append(Keep(step.instruction))
    items += [New(f"COPY --from={builder} {path} {path}") for path in place]
    if whole:
        items.append(New(f"COPY --from={builder} {model.folder} {model.folder}"))
    return [*items, *(Keep(step.instruction) for step in tail)]


def _added(model: Model, system: dict[int, list[Item]], names: Sequence[str]) -> list[Item]:
    """A RUN that installs *names* at the end, or nothing where one in *system* can take them, and then does."""
    edits = package_edit(model, model.final, names)
    for index, items in system.items():
        for item in items:
            if isinstance(item, Keep) and not item.edits and all(_inside(item, edit) for edit in edits):
                system[index] = [Keep(item.instruction, edits)]
                return []
    return [New(packages.install_line("apt", names))] if names else []


def _inside(item: Keep, edit: Edit) -> bool:
    return item.instruction.span.start < edit.span.start < item.instruction.span.end


def _installed(system: Mapping[int, Sequence[Item]]) -> set[str]:
    """The words of all that the end installs by the file's own commands, those that took another's place included."""
    texts = [item.text for items in system.values() for item in items if isinstance(item, New)]
    kept = [item for items in system.values() for item in items if isinstance(item, Keep)]
    texts += [edit.text for item in kept for edit in item.edits]
    texts += [item.instruction.value for item in kept]
    return {word for text in texts for word in text.split()}


def _stays(model: Model, step: Step, head: Sequence[Step], tail: Sequence[Step], *, whole: bool) -> bool:
    """Whether a step of the head belongs to the end as well."""
    keyword = step.instruction.keyword
    if keyword == "ARG":
        later = [*tail, *(other for other in head if other.instruction.keyword in {"ENV", "LABEL", "USER", "WORKDIR"})]
        return any(used(assignment.key, later) for assignment in step.instruction.assignments)
    if keyword in LASTING or keyword in ENDING:
        return True
    placed = [p for p in model.final.placements if p.step is step]
    if placed:
        inside = all(f"{p.target}/".startswith(f"{model.folder.rstrip('/')}/") for p in placed)
        return not (whole and inside) and not brought_again(model, step, tail)
    if step.instruction.copy is not None:
        return True
    if step.role is Role.FOLDERS:
        return not whole or not all(path for path in _made(step, model.folder))
    return step.role is Role.ACCOUNT


def _made(step: Step, folder: str) -> Iterator[bool]:
    """Of each operand of a RUN that makes folders, whether it lies in *folder*."""
    for command in step.script.commands if step.script else ():
        for arg in command.args:
            if not arg.startswith("-"):
                yield f"{join(step.before.workdir, arg)}/".startswith(f"{folder}/")


# -- the order --------------------------------------------------------------------------------------------------------


def reading(model: Model, stage: StageModel, step: Step, called: Invocation) -> Reading:
    """What Bundler reads of the app.

    Raises:
        UnfitError: it cannot be told, or it reads the sources too.
    """
    if called.has("--gemfile") or "BUNDLE_GEMFILE" in step.before.env:
        raise UnfitError(step.instruction, "the Gemfile is named by a setting")
    folder = folder_of(stage, step, called)
    found = gemfile(model.app, folder)
    if found is None:
        raise UnfitError(step.instruction, f"there is no Gemfile in {model.app.origin(folder) or 'the context'}")
    if found.unknown is not None:
        why = f"the Gemfile may read other files of the app ({found.unknown.origin})"
        raise UnfitError(step.instruction, why)
    if found.local is not None:
        raise UnfitError(step.instruction, f"a gem lies among the sources ({found.local.origin})")
    paths = [found.path, found.lock, *found.reads, f"{folder}/vendor/cache".lstrip("/")]
    text = " ".join(each.instruction.value for each in stage.steps)
    inside = "vendor/bundle" in text or "deployment" in text.lower() or "BUNDLE_PATH" in step.before.env
    made = (f"{folder}/vendor/bundle".lstrip("/"),) if inside else ()
    there = [path for path in paths if model.app.root.exists(path) or model.app.root.is_dir(path)]
    return Reading(tuple(there), made)
