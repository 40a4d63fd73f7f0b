"""What needs root: in the image, in its scripts and sources, and in what compose and Kubernetes lay around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.facts.development import caches_beside_modules
from dockfix.model import Purpose
from dockfix.model.config import join
from dockfix.recipes import browsers
from dockfix.recipes.accounts import WITH_SHADOW
from dockfix.recipes.grants import of_containers, of_services, of_sources
from dockfix.recipes.idle import is_idle
from dockfix.recipes.leftovers import ROOT_HOME, left_behind
from dockfix.recipes.obstacle import Obstacle
from dockfix.recipes.programs import Program, final_services, programs, settings
from dockfix.recipes.surroundings import of_compose, of_kubernetes
from dockfix.recipes.usersite import USER_SITE, carries_user_site

if TYPE_CHECKING:
    from dockfix.dockerfile import Instruction
    from dockfix.model import Model
    from dockfix.recipes.writable import Writable

AMONG_MODULES = frozenset({"@instana/collector"})
"""npm packages that put compiled add-ons among the modules when the app starts:
https://www.npmjs.com/package/@instana/shared-metrics
"""
BUILDERS = frozenset({"go", "cargo", "mvn", "mvnw", "gradle", "gradlew"})
"""Programs that build what they run."""
INSTALLERS = frozenset({"npm", "yarn", "pnpm", "pip", "pip3", "bundle", "gem", "composer"})
SHARED_BASES = frozenset({"debian", "ubuntu", "alpine"}) | WITH_SHADOW
MANUAL = "https://docs.github.com/actions/reference/dockerfile-support-for-github-actions#user"


def obstacles(model: Model, found: Writable) -> Iterator[Obstacle]:
    """Everything that is known to need root, the plainest first.

    Args:
        model: the Dockerfile with its app.
        found: what containers write.
    """
    yield from _purpose(model)
    yield from _image(model)
    yield from _places(model)
    yield from _programs(model, found)
    yield from _libraries(model)
    yield from left_behind(model)
    yield from of_services(model)
    yield from of_compose(model, found)
    yield from of_containers(model)
    yield from of_kubernetes(model, found)
    yield from of_sources(model)


def _purpose(model: Model) -> Iterator[Obstacle]:
    """Images that others run in their own way."""
    base = model.final.stage.base
    folder = model.app.dockerfile.rpartition("/")[0]
    for name in ("action.yml", "action.yaml"):
        data = model.app.files.read(f"{folder}/{name}" if folder else name)
        if data is not None and re.search(rb"using:\s*['\"]?docker", data):
            yield Obstacle(base, f"this is a GitHub action ({name}), and GitHub wants those to run as root: {MANUAL}")
    if ".devcontainer" in folder.split("/"):
        yield Obstacle(base, "this is the image of a development container, whose editor sets the user")
    for step in model.final.all_steps:
        if step.instruction.keyword == "ONBUILD":
            yield Obstacle(step.instruction, "ONBUILD acts in images built from this one, which expect root")
    image = model.final.image
    if image is not None and "onbuild" in image.tag:
        yield Obstacle(base, "the base acts ONBUILD, and expects root")
    if catalog.needs_root(model.start.init, "program"):
        yield Obstacle(model.start.command, f"the start command calls {model.start.init}, which needs root")
    started = basename(model.start.words[0]) if model.start.words else ""
    if model.final.starter is None and (stepping := catalog.steps_down(started)):
        yield Obstacle(base, f"{started} {stepping}")
    elif model.final.starter is None and not any(s.command or s.entrypoint for s in final_services(model)):
        yield Obstacle(
            base, "the file starts no program of its own, so who will use the image, and for what, is unknown"
        )


def _image(model: Model) -> Iterator[Obstacle]:
    """Packages in the final stage that are there for root."""
    for stage in model.final.lineage:
        for step, name in stage.packages:
            bare = name.partition("=")[0]
            if catalog.needs_root(bare, "package") and not is_idle(model, bare):
                yield Obstacle(step.instruction, f"{bare} is installed, which works as root")


def _places(model: Model) -> Iterator[Obstacle]:
    """What lies in root's home, which nobody else can enter."""
    config = model.final.config
    if f"{config.workdir}/".startswith("/root/"):
        yield Obstacle(_last(model, "WORKDIR"), "the app lies under /root, which only root can enter")
    carried = carries_user_site(model)
    for key, value in config.env.items():
        values = [part for part in re.split(r"[:\s]", value) if part.startswith("/root")]
        if key in {"PATH", "PYTHONUSERBASE"} and carried and _sets(model, key) is not model.final.stage.base:
            values = [part for part in values if part not in {USER_SITE, f"{USER_SITE}/bin"}]
        if values:
            yield Obstacle(_sets(model, key), f"{key} leads to {values[0]}, which only root can enter")
    for step in model.final.all_steps:
        copy = step.instruction.copy
        if copy is None:
            continue
        target = join(step.before.workdir, copy.destination)
        if f"{target}/".startswith("/root/") and not (copy.from_ is not None and target == USER_SITE):
            yield Obstacle(step.instruction, f"{target} is under /root, which only root can enter")
        closed = copy.chmod is not None and re.fullmatch(r"[0-7]{3,4}", copy.chmod) and not int(copy.chmod[-1]) & 4
        owned = model.options.owner == "app" and f"{target}/".startswith(f"{model.folder.rstrip('/')}/")
        if closed and not owned:
            yield Obstacle(step.instruction, f"--chmod={copy.chmod} lets nobody but the owner in")


def _programs(model: Model, found: Writable) -> Iterator[Obstacle]:
    command = model.start.command
    installs = next((s for s in model.final.all_steps if Purpose.INSTALL in s.purposes), None)
    for program in programs(model):
        name, words = program.name, program.words
        if stepping := catalog.steps_down(name):
            yield Obstacle(command, f"{name} ({program.origin}) {stepping}")
        elif catalog.needs_root(name, "program"):
            yield Obstacle(command, f"{program.origin} calls {name}, which needs root")
        elif program.missing:
            yield Obstacle(
                command, f"what {words[0]} does ({program.origin}) cannot be told: it is not a script in the context"
            )
        elif caches_beside_modules(words):
            why = f"{' '.join(words[:2])} ({program.origin}) builds when it starts, into folders of root's"
            yield Obstacle(command, why, among_modules=True)
        elif name in BUILDERS:
            yield Obstacle(command, f"{name} ({program.origin}) builds when it starts, into folders of root's")
        elif name in INSTALLERS and {"install", "ci", "i", "add"} & set(words[1:2]):
            why = f"{program.origin} installs packages when the container starts"
            yield Obstacle(command, why, among_modules=name in {"npm", "yarn", "pnpm"})
        elif name == "dotnet" and {"run", "watch"} & set(words[1:2]):
            yield Obstacle(
                command, f"dotnet {words[1]} ({program.origin}) builds when it starts, from packages in root's home"
            )
        elif name == "prisma" and installs is not None:
            why = "prisma writes its engines beside itself, where root installed it"
            yield Obstacle(command, why, among_modules=True)
        elif name in {"uv", "poetry", "pipenv", "pdm", "conda", "mamba"}:
            yield Obstacle(
                command, f"{name} ({program.origin}) looks after its environment when it starts, which is root's"
            )
        elif drop := _drops(model, program):
            yield Obstacle(command, f"{name} gives up root's rights by itself ({drop})")
        for redirect in (*words[1:], *program.redirects):
            if ROOT_HOME.search(redirect) and not program.missing:
                yield Obstacle(command, f"{program.origin} uses {redirect}, in root's home")
    runner = basename(model.start.words[0]) if model.start.words else ""
    for step in model.final.all_steps:
        for called in step.script.commands if step.script else ():
            if (
                called.name == "corepack"
                and runner in {"yarn", "pnpm"}
                and "COREPACK_HOME" not in model.final.config.env
            ):
                yield Obstacle(step.instruction, f"corepack keeps {runner} in root's home")
    for tool in found.tools:
        if catalog.needs_root(basename(tool.value), "program"):
            yield Obstacle(command, f"the app calls {tool.value} ({tool.origin}), which needs root")


def _drops(model: Model, program: Program) -> str | None:
    """The option by which a server changes its own user, as root only can."""
    options = {"gunicorn": ("--user", "-u", "--group", "-g"), "uwsgi": ("--uid", "--gid", "--chown-socket")}
    options |= {"celery": ("--uid", "--gid")}
    for word in program.words[1:]:
        if word.partition("=")[0] in options.get(program.name, ()):
            return word
    found = settings(model, program)
    match = re.search(r"^\s*(?:user|group|uid|gid|chown-socket)\s*=", found[1], re.MULTILINE) if found else None
    return found[0] if found is not None and match is not None else None


def _libraries(model: Model) -> Iterator[Obstacle]:
    """Libraries that reach for devices, and browsers kept in root's home."""
    base = model.final.stage.base
    for requirement in model.requirements:
        if catalog.needs_root(requirement.name, "library"):
            yield Obstacle(base, f"{requirement.name} ({requirement.origin}) reaches what belongs to root")
    node = model.node
    if node is None:
        return
    for name, fact in node.dependencies.items():
        if catalog.needs_root(name.rpartition("/")[2], "library"):
            yield Obstacle(base, f"{name} ({fact.origin}) reaches what belongs to root")
        if name in AMONG_MODULES:
            why = f"{name} ({fact.origin}) writes among the modules that root installs"
            yield Obstacle(base, why, among_modules=True)
    for fact in browsers.downloaded(model, node):
        if not model.final.config.env.keys() & browsers.FOLDERS:
            yield Obstacle(base, f"{fact.value} ({fact.origin}) keeps its browser in the home of root, who installs it")
    if node.manager == "yarn-berry":
        settings = model.app.root.read(node.path(".yarnrc.yml")) or b""
        if b"node-modules" not in settings:
            yield Obstacle(
                base,
                f"yarn's packages may lie in a cache under root's home ({model.app.origin(node.path('.yarnrc.yml'))})",
            )


def _last(model: Model, keyword: str) -> Instruction | None:
    step = model.final.last(keyword)
    return step.instruction if step is not None else None


def _sets(model: Model, variable: str) -> Instruction | None:
    for step in reversed(model.final.steps):
        if step.instruction.keyword == "ENV" and any(pair[0] == variable for pair in step.instruction.pairs()):
            return step.instruction
    return model.final.stage.base
