"""What a compiler of JavaScript leaves: text, which every C library runs."""

from __future__ import annotations

from posixpath import basename, normpath
from typing import TYPE_CHECKING

from dockfix.dockerfile.shell import parse_shell
from dockfix.model import Purpose
from dockfix.model.config import covers, join
from dockfix.recipes import installs

if TYPE_CHECKING:
    from dockfix.dockerfile.instruction import CopySpec
    from dockfix.facts.node import Node
    from dockfix.model import Model, StageModel, Step

COMPILERS = frozenset({"tsc", "tsc-alias", "rimraf", "rm", "echo"})
"""Programs that write JavaScript from the sources alone, or nothing: a bundler may take a package's binary along.

https://www.typescriptlang.org/docs/handbook/compiler-options.html
"""

BESIDE = frozenset({Purpose.PACKAGES, Purpose.INSTALL, Purpose.CLEANUP})
"""What a stage does before it compiles."""

HOOKS = COMPILERS | {"husky", "true"}
"""What an install may run besides."""


def is_emitted(model: Model, source: StageModel, copy: CopySpec) -> bool:
    """Whether all that *copy* takes from *source* is what the compiler of TypeScript has written there."""
    built = [step for step in source.all_steps if step.instruction.keyword == "RUN" and not step.purposes <= BESIDE]
    node = installs.node_of(model, source, built[-1]) if built else None
    if node is None or node.build_output is None or not copy.sources:
        return False
    folder, place = built[-1].before.workdir, node.path(node.build_output.value)
    output = normpath(join(folder, node.build_output.value))
    if output == folder or not all(covers(output, normpath(path)) for path in copy.sources):
        return False
    if model.app.sends(place):
        return False
    return (
        not _is_built_by_install(node)
        and all(_compiles(node, step) for step in built)
        and not any(_brings(step, output) for step in source.all_steps)
    )


def _brings(step: Step, output: str) -> bool:
    """Whether a COPY or ADD may lay files into the output that nothing has compiled."""
    copy = step.instruction.copy
    if copy is None:
        return False
    target = normpath(join(step.before.workdir, copy.destination))
    foreign = copy.from_ is not None or step.instruction.keyword == "ADD"
    return covers(output, target) or (foreign and covers(target, output))


def _is_built_by_install(node: Node) -> bool:
    """Whether an install may write beside ``node_modules``: npm builds what has a binding.gyp.

    https://docs.npmjs.com/cli/v10/using-npm/scripts#npm-install
    """
    called = {basename(each.name) for fact in node.lifecycle.values() for each in parse_shell(fact.value).commands}
    return node.has("binding.gyp") or not called <= HOOKS


def _compiles(node: Node, step: Step) -> bool:
    """Whether a RUN compiles, and does nothing else."""
    if step.purposes != {Purpose.BUILD} or step.script is None:
        return False
    resolved = [node.resolve(tuple(word.text for word in command.words)) for command in step.script.commands]
    called = {basename(words[0]) for each in resolved for words in (*each.commands, *each.around) if words}
    return all(each.commands and not each.missing for each in resolved) and called <= COMPILERS
