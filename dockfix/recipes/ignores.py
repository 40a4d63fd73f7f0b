"""What a build context holds that no image needs."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from posixpath import basename, dirname, normpath
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dockfix.catalog.secretfiles import secret_file
from dockfix.dockerfile import DockerfileError, Document
from dockfix.facts import App
from dockfix.model import Model, Purpose
from dockfix.recipes import ecosystems, projects, turbo
from dockfix.recipes.caches import FILLING
from dockfix.recipes.split import UnfitError
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.facts import Files
    from dockfix.model import StageModel, Step

DOCKERFILE = re.compile(r"(?:^|[./_-])(?:Dockerfile|Containerfile)(?:[._-][\w.-]+)?$", re.IGNORECASE)
"""Names of Dockerfiles, as far as one can tell a file by its name."""

READS_GIT = re.compile(
    rb"rev-parse|rev-list|git (?:describe|log|show|status|ls-files|tag)|[\"']git[\"']\s*,|[\"'/]\.git\b"
    rb"|setuptools[-_]scm|hatch-vcs|versioneer|dynamic-versioning|versioningit|dunamai|\bpbr\b|flit[-_]scm|pdm-scm"
    rb"|git-rev|git-revision|git-describe|git-repo-info|git-commit|gitinfo|simple-git|isomorphic-git|nodegit"
    rb"|import git\b|from git import|GitPython|dulwich|pygit2",
    re.IGNORECASE,
)
"""What betrays that a build or an app reads the repository's history."""

TEXTS = (
    *(".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx", ".vue", ".svelte", ".py", ".sh", ".toml", ".cfg"),
    *(".json", "requirements.txt", ".in", ".ini", "Makefile", "Pipfile"),
)
LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "tsconfig.json")
"""Files without a say in this, and long."""
FILES_READ, BYTES_READ = 1500, 200_000


def patterns(model: Model, whole: str, *, history: bool) -> tuple[str, ...]:
    """Lines of a .dockerignore for the app in the folder *whole* of the context, right for every build in it.

    Nothing that an instruction of any Dockerfile of the same context names is among them.

    Args:
        model: the Dockerfile.
        whole: the folder of the context that is copied.
        history: whether something may read the repository's history.
    """
    models = [model, *_others(model)]
    found: list[str] = []
    if not model.app.context and not history:
        found.append(".git")
    modules = _modules(models, whole)
    if modules is not None:
        found.append(modules)
    if any(_is_python(stage) for stage in model.stages):
        found.append("**/__pycache__")
        found += [name for name in (".venv", "venv") if _is_environment(model, whole, name)]
    found += ecosystems.ignored(model, whole)
    named = [path for each in models for path in _named(each)]
    return tuple(pattern for pattern in found if not any(_names(path, pattern) for path in named))


def history_reader(model: Model) -> str | None:
    """What may read the repository's history, so that .git stays in the context."""
    return None if model.app.context else git_reader([model, *_others(model)])


def modules_pattern(model: Model, whole: str) -> str | None:
    """The pattern for the host's node_modules, where every build in the context installs its own."""
    models = [model, *_others(model)]
    pattern = _modules(models, whole)
    if pattern is None or any(_names(path, pattern) for each in models for path in _named(each)):
        return None
    return pattern


def environment_pattern(model: Model, whole: str) -> str | None:
    """The pattern for the host's virtual environment, where a package manager makes one in its place."""
    for stage in model.stages:
        try:
            made = projects.environment(stage, stage.doing(Purpose.INSTALL))
        except UnfitError:
            continue
        name = stage.context_path(made) if made is not None else None
        if name is not None and _is_environment(model, whole, name):
            named = [path for each in (model, *_others(model)) for path in _named(each)]
            return name if not any(_names(path, name) for path in named) else None
    return None


def environment_files(model: Model, whole: str) -> Iterator[str]:
    """Files with settings, keys or tokens that a copy of the folder *whole* brings into the image."""
    for name in model.app.root.list(whole):
        path = f"{whole}/{name}".lstrip("/")
        sort = secret_file(name)
        if sort is not None and not model.app.ignore.ignores(path) and sort.holds(model.app.root.read(path)):
            yield path


_siblings: WeakKeyDictionary[App, list[Model]] = WeakKeyDictionary()


def _others(model: Model) -> list[Model]:
    """The other Dockerfiles that are built in the same context with the same ignore file."""
    if model.app not in _siblings:
        _siblings[model.app] = _found(model)
    return _siblings[model.app]


def _found(model: Model) -> list[Model]:
    app = model.app
    found: list[Model] = []
    for path in app.files.walk(app.context, 5000):
        if path == app.dockerfile or not DOCKERFILE.search(path) or path.endswith(".dockerignore"):
            continue
        if app.files.exists(f"{path}.dockerignore"):
            continue
        other = App(app.files, path, app.context)
        context = next((service.context for service in app.all_services if service.dockerfile == path), None)
        data = app.files.read(path)
        if data is None or (dirname(path) if context is None else context.strip("/")) != app.context:
            continue
        try:
            document = Document.parse(data, path)
        except DockerfileError:
            continue
        found.append(Model(document, other, model.options))
    return found


def _modules(models: Sequence[Model], whole: str) -> str | None:
    """The pattern for node_modules; ``None`` where a build that copies them does not install them itself."""
    folders: set[str] = set()
    for number, model in enumerate(models):
        installed = {folder for stage in model.stages for folder in _installed(model, stage)}
        if any(_committed(model.app.root, folder) for folder in installed):
            return None
        if number and _copies(model, whole) and not installed and _is_node(model):
            return None
        folders |= installed if not number else set()
    if not folders:
        return None
    node = models[0].app.node_at(next(iter(folders)))
    deep = folders != {""} or (node is not None and bool(node.workspaces))
    return "**/node_modules" if deep else "node_modules"


def _installed(model: Model, stage: StageModel) -> Iterator[str]:
    """The folders of the context whose packages a stage installs itself, where the context's would land."""
    for step in stage.doing(Purpose.INSTALL):
        for called in step.invocations:
            if called.manager in {"npm", "yarn", "pnpm", "bun"} and (called.verb in FILLING or not called.verb):
                yield from _folders(model, stage, step)


def _folders(model: Model, stage: StageModel, step: Step) -> Iterator[str]:
    """The folder in which a RUN installs, and those that it changes to."""
    from dockfix.model.config import join

    places = [step.before.workdir]
    for command in step.script.commands if step.script else ():
        if command.name == "cd" and len(command.words) == 2 and command.words[1].static:
            places.append(join(places[-1], command.words[1].text))
    for place in places:
        folder = stage.context_path(place)
        if folder is None:
            folder = _of_manifest(stage, place)
        if folder is None:
            folder = turbo.source(model, stage, place)
        if folder is not None:
            yield folder
            return


def _of_manifest(stage: StageModel, place: str) -> str | None:
    """The folder of the context whose package.json was copied alone."""
    path = stage.context_path(f"{place.rstrip('/')}/package.json")
    return dirname(path) if path is not None else None


def _committed(root: Files, folder: str) -> bool:
    """Whether the modules belong to the repository: they are there, and git is not told to ignore them."""
    path = f"{folder}/node_modules".lstrip("/")
    if not root.is_dir(path):
        return False
    return not any(
        re.search(rb"^\s*/?(?:\*\*/)?(?:[\w.-]+/)*node_modules/?\**\s*$", data, re.MULTILINE)
        for place in _upward(folder)
        if (data := root.read(f"{place}/.gitignore".lstrip("/"))) is not None
    )


def _upward(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = dirname(folder)
    yield ""


def _copies(model: Model, whole: str) -> bool:
    return any(
        p.folder and (not p.source or p.source == whole or whole.startswith(p.source + "/"))
        for stage in model.stages
        for p in stage.placements
    )


def _is_node(model: Model) -> bool:
    return any(stage.image is None or stage.image.name == "node" for stage in model.stages)


def _is_python(stage: StageModel) -> bool:
    return stage.image is not None and stage.image.name == "python"


def _is_environment(model: Model, whole: str, name: str) -> bool:
    """Whether a folder of this name is a virtual environment, or would be one where git is told to ignore it."""
    if whole:
        return False
    root = model.app.root
    if root.is_dir(name):
        return root.exists(f"{name}/pyvenv.cfg")
    ignored = root.read(".gitignore") or b""
    return name == ".venv" or re.search(rf"^/?{re.escape(name)}/?\s*$".encode(), ignored, re.MULTILINE) is not None


def git_reader(models: Sequence[Model]) -> str | None:
    """What reads the history, or may read it, a build or an app; ``None`` where nothing in the context is seen to."""
    for model in models:
        if not all(_is_known(stage) for stage in model.stages):
            return f"what {model.app.dockerfile} builds"
        if _calls_git(model):
            return model.app.dockerfile
    app = models[0].app
    for number, path in enumerate(path for path in app.root.walk() if _is_text(path)):
        if number > FILES_READ:
            return "one of very many files"
        data = app.root.read(path)
        if data is not None and len(data) <= BYTES_READ and (match := READS_GIT.search(data)):
            line = line_of(data, match.start())
            return app.origin(path, line)
    return None


def _is_text(path: str) -> bool:
    return path.endswith(TEXTS) and basename(path) not in LOCKS and not DOCKERFILE.search(path)


def _calls_git(model: Model) -> bool:
    for stage in model.stages:
        for step in stage.steps:
            if "/.git" in step.instruction.value or " .git" in step.instruction.value:
                return True
            for command in step.script.commands if step.script else ():
                if basename(command.name) == "git" and command.args[:1] not in {("clone",), ("config",)}:
                    return True
            if step.script is not None and not step.script.ok:
                return True
    return False


def _is_known(stage: StageModel) -> bool:
    """Whether what a stage builds is of a kind whose readers of the history are known: Node, Python, static files."""
    if stage.image is None:
        return stage.reference == "scratch"
    return stage.image.name in {"node", "python", "nginx", "httpd", "caddy", "alpine", "debian", "ubuntu"} and not any(
        basename(command.name) in {"go", "cargo", "mvn", "gradle", "gradlew", "dotnet", "composer", "bundle", "make"}
        for step in stage.steps
        for command in (step.script.commands if step.script else ())
    )


def _named(model: Model) -> Iterator[str]:
    """Paths that a COPY, an ADD or a bind mount of a Dockerfile names, globs included; whole contexts left out."""
    for instruction in model.document.instructions:
        copy = instruction.copy
        if copy is not None and copy.from_ is None:
            yield from (path for source in copy.sources if (path := normpath(source).strip("/")) != ".")
        for flag in instruction.flags:
            if flag.name == "mount" and "type=bind" in flag.value and "from=" not in flag.value:
                options = dict(part.partition("=")[::2] for part in flag.value.split(","))
                source = normpath(options.get("source") or options.get("src") or ".").strip("/")
                if source != ".":
                    yield source


def _names(path: str, pattern: str) -> bool:
    """Whether a named path is, lies in, or may match what *pattern* ignores."""
    plain = pattern.removeprefix("**/")
    parts = path.split("/")
    if pattern == plain:
        return fnmatchcase(plain, parts[0]) and parts[0] != "*"
    return any(fnmatchcase(plain, part) and part != "*" for part in parts)
