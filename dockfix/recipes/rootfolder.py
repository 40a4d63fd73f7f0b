"""Apps that lie in the root of the image, where the folders of the system are their neighbours."""

from __future__ import annotations

from fnmatch import fnmatchcase
from posixpath import basename, normpath
from typing import TYPE_CHECKING

from dockfix.facts.jsontext import Json
from dockfix.facts.jsontext import read as read_json
from dockfix.model import Purpose, Role
from dockfix.model.commands import purpose
from dockfix.model.config import covers, join
from dockfix.recipes.artefacts import Artefacts, entries, in_context
from dockfix.recipes.bundled import reads_files
from dockfix.recipes.folders import TOP
from dockfix.recipes.frameworks import exports, loads_others
from dockfix.recipes.modules import own_scripts, removes
from dockfix.recipes.nodeend import precedes, precedes_build
from dockfix.recipes.split import UnfitError
from dockfix.recipes.targets import REMOVING, targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockfix.facts.node import Node
    from dockfix.model import Model, Step
    from dockfix.recipes.modules import Parts

WHERE = "the app lies in the root of the image"

COMPILERS = frozenset({"tsc", "tspc", "tsc-alias", "babel", "swc", "nest", "next"})
"""Programs that write into the folder that they are given or that their settings name, and nowhere else:
https://www.typescriptlang.org/tsconfig/#outDir, https://babeljs.io/docs/babel-cli#compile-directories,
https://swc.rs/docs/usage/cli#--out-dir--d, https://docs.nestjs.com/cli/usages#nest-build,
https://nextjs.org/docs/app/api-reference/config/next-config-js/distDir"""

NEST = {
    "": {"$schema", "language", "collection", "sourceRoot", "entryFile", "compilerOptions", "generateOptions"},
    "compilerOptions": {"deleteOutDir", "assets", "watchAssets", "plugins", "builder", "typeCheck"},
}
"""Settings of nest that choose no other folder and no other compiler's settings:
https://docs.nestjs.com/cli/monorepo#cli-properties"""


def in_root(model: Model, node: Node, parts: Parts, found: Artefacts | None) -> Artefacts:
    """What the end needs of an app in the root: as *found*, or the output and the modules beside the app's own copies.

    All of the root is no folder to carry. But where the build is known to fill its output alone, whatever else of the
    app lies there has come by the copies of the file, and comes to the end by them.

    Raises:
        UnfitError: that is not known, or the folder that the build fills is one of the system's.
    """
    if found is None:
        found = Artefacts((_output(model, node, parts),), (), copied=True)
    at = parts.builds[-1].instruction
    for name in (*found.built, *filter(None, [found.root])):
        if normpath(name).partition("/")[0] in TOP:
            raise UnfitError(at, f"{WHERE}, and the build writes into /{name}, where the system has files of its own")
    return found


def _output(model: Model, node: Node, parts: Parts) -> str:
    """The one folder that the build fills.

    Raises:
        UnfitError: it may write elsewhere, or what the copies of the file bring is not what it leaves.
    """
    output = normpath(node.build_output.value) if node.build_output is not None else "."
    for step in (*model.final.doing(Purpose.BUILD), *parts.added):
        if step in parts.before or not _fills(model, node, step, output):
            beside = f" beside {output}" if output != "." else ""
            raise UnfitError(step.instruction, f"{WHERE}, and what the build writes there{beside} cannot be told")
    at, script = parts.install.instruction, own_scripts(node)
    if script is not None:
        raise UnfitError(at, f"{WHERE}, and what {script[0]} writes there cannot be told ({script[1]})")
    if node.has("binding.gyp"):  # npm builds it: https://docs.npmjs.com/cli/v10/using-npm/scripts#npm-install
        raise UnfitError(at, f"{WHERE}, and an add-on of its own is built there ({node.origin_of('binding.gyp')})")
    place = in_context(model, output)
    if model.app.sends(place):
        raise UnfitError(None, f"{WHERE}, and {place} of the build context would cover what the build makes")
    for step in parts.after:
        if removes(model, step):
            raise UnfitError(step.instruction, f"{WHERE}, and what is taken away here would come again")
        if step.role is Role.FOLDERS and precedes_build(step, parts) and not _is_apart(step, output):
            raise UnfitError(step.instruction, f"{WHERE}, and what is made here is built upon")
        if step.role is Role.SOURCES and not precedes_build(step, parts) and precedes(step, parts.added, parts):
            raise UnfitError(step.instruction, f"{WHERE}, and this would cover what is laid beside the build behind it")
    return output


def _is_apart(step: Step, output: str) -> bool:
    """Whether a RUN that makes or owns files, which the end repeats, names nothing that comes from the builder."""
    words = [word for command in (step.script.commands if step.script else ()) for word in command.words[1:]]
    paths = [join(step.before.workdir, word.text) for word in words if not word.text.startswith("-")]
    carried = [join("/", name) for name in ("node_modules", output)]
    touches = (covers(each, path) or covers(path, each) for each in carried for path in paths)
    return all(word.static for word in words) and not any(touches)


def _fills(model: Model, node: Node, step: Step, output: str) -> bool:
    """Whether a RUN builds, and by that writes into *output* alone."""
    if step.script is None or not step.script.flat or step.before.workdir != "/":
        return False
    if any(command.name == "cd" or command.redirects for command in step.script.commands):
        return False
    if node.workspaces or output == "." or output.startswith(("..", "/")):
        return False
    for command in step.script.commands:
        words = tuple(word.text for word in command.words)
        if purpose(command) in {Purpose.UNKNOWN, Purpose.FOLDERS} and not _writes_into(model, node, words, output):
            return False
        if purpose(command) is not Purpose.BUILD:
            continue
        found = node.resolve(words)
        if not found.commands or found.missing or found.outputs or found.folder != node.folder:
            return False
        if not all(_writes_into(model, node, each, output) for each in (*found.commands, *found.around)):
            return False
    return True


def _writes_into(model: Model, node: Node, words: tuple[str, ...], output: str) -> bool:
    """Whether a program writes into *output* alone, and takes away nothing that the app has come with."""
    name, operands = basename(words[0]), [word for word in words[1:] if not word.startswith("-")]
    changed = targets(words)
    if changed is not None:
        brought = {*entries(model)} if name in REMOVING else None
        return all(
            covers(output, normpath(each)) or (brought is not None and _is_new(each, brought)) for each in changed
        )
    if name == "echo" or (name == "tsc" and "--noEmit" in words):
        return True
    if name not in COMPILERS or any(each.endswith((".ts", ".tsx", ".js", ".mts", ".cts")) for each in operands):
        return False
    place = node.frontend.output_of(words)
    return _is_known(model, node, name, words, operands) and place is not None and covers(output, normpath(place.value))


def _is_known(model: Model, node: Node, name: str, words: tuple[str, ...], operands: Sequence[str]) -> bool:
    """Whether nothing that a compiler is given or reads sends it elsewhere."""
    if name == "next":  # runs the pages that it renders, which may write feeds and site maps
        return operands == ["build"] and not (loads_others(node) or exports(node) or reads_files(model))
    if name == "nest":
        return words[1:] == ("build",) and _is_plain_nest(node)
    return not {"-b", "--build"} & {*words} or _is_alone(node, operands)


def _is_new(path: str, brought: Iterable[str]) -> bool:
    """Whether no pattern for the root of the app meets what a copy has *brought*."""
    first = normpath(path).partition("/")[0]
    return first not in {"", ".", ".."} and not any(fnmatchcase(each, first) for each in brought)


def _is_alone(node: Node, projects: Sequence[str]) -> bool:
    """Whether ``tsc --build`` builds one project, which refers to none that have outputs of their own.

    https://www.typescriptlang.org/docs/handbook/project-references.html
    """
    name = projects[0] if projects else "tsconfig.json"
    path = node.path(name if name.endswith(".json") else f"{name}/tsconfig.json")
    config = read_json(node.files, path, node.prefix, comments=True) if len(projects) < 2 else None
    return isinstance(config, Json) and not config.get("references")


def _is_plain_nest(node: Node) -> bool:
    """Whether nest compiles one app into the folder of its tsconfig.json."""
    if not node.has("nest-cli.json"):
        return True
    config = read_json(node.files, node.path("nest-cli.json"), node.prefix, comments=True)
    if not isinstance(config, Json):
        return False
    options = config.get("compilerOptions") or {}
    if not isinstance(options, dict) or not isinstance(config.data, dict):
        return False
    assets = options.get("assets") or []
    texts = isinstance(assets, list) and all(isinstance(each, str) for each in assets)
    known = NEST[""] >= {*config.data} and NEST["compilerOptions"] >= {*options}
    return known and texts and options.get("builder", "tsc") in ("tsc", "swc")
