"""``exec-form``: the program itself as process 1, without a shell or npm in between."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from dockfix.dockerfile import Instruction
from dockfix.dockerfile.layout import replace
from dockfix.dockerfile.shell import ShellScript
from dockfix.model import Model
from dockfix.model.config import render, stated
from dockfix.model.start import NODE_RUNNERS, SHELLS
from dockfix.transform import Change, ConfigDelta, Note, Phase, Refusal, Result, Safety, transform

BUILTINS = frozenset({"cd", "source", ".", "export", "set", "ulimit", "umask", "trap", "eval", "alias", "unset", "if"})
PLAIN_SHELL = ("/bin/sh", "-c")


@transform("exec-form", phase=Phase.MODERNISE, safety=Safety.REVIEW)
def exec_form(model: Model) -> Iterator[Result]:
    """Start the program itself, so that signals reach it instead of a shell or npm.

    What it does:
        Writes CMD and ENTRYPOINT as JSON words where the shell line is one plain command. A line that needs the shell
        (a variable, `&&`) keeps it, and hands over to the program with `exec`. `npm start` and its like are
        followed through package.json where they come to one plain `node file`.

    Why:
        A shell as process 1 does not pass SIGTERM on, and npm passes it on but does not wait: the app is killed in
        the middle of a request when its container stops.

    Refuses when:
        ENTRYPOINT is a shell line and there are arguments that would now be appended; another SHELL is set; the line
        has pipes, background jobs or several commands that are not joined by `&&`; an npm script has pre or post
        scripts, sets variables, or the sources read the variables that npm sets.

    Example:
        See fixtures/exec-form/example.
    """
    for keyword in ("ENTRYPOINT", "CMD"):
        step = model.final.last(keyword)
        if step is None:
            continue
        if step.instruction.json is None:
            yield from _shell_line(model, step.instruction, keyword)
        elif keyword == "CMD":
            yield from _script(model, step.instruction)


def _shell_line(model: Model, instruction: Instruction, keyword: str) -> Iterator[Result]:
    config = model.final.config
    if config.shell != PLAIN_SHELL:
        yield Refusal(instruction, f"SHELL is {render(config.shell)}, which this line may need")
        return
    if keyword == "ENTRYPOINT":
        if config.cmd:
            yield Refusal(instruction, "the shell form ignores CMD, and would not any more")
            return
        for service in model.services:
            if service.command is not None:
                why = f"the shell form ignores compose's command, and would not any more ({service.origin('command')})"
                yield Refusal(instruction, why)
                return
    elif config.entrypoint and (model.final.image is None or config.entrypoint != model.final.image.entrypoint):
        yield Refusal(instruction, "the shell line is passed to ENTRYPOINT as arguments")
        return
    if keyword == "CMD" and model.start.command is instruction and model.start.resolved is not None:
        followed = _followed(model)
        if isinstance(followed, tuple):
            yield _change(model, instruction, keyword, followed, _why_followed(model), Safety.REVIEW)
            return
        if followed:
            yield Note(instruction, followed, advice=True)
    from dockfix.dockerfile import shell

    line = shell.script(model.document, instruction)
    words = _plain(line)
    if words is not None:
        why = f"a shell as process 1 does not pass signals on to {basename(words[0])}"
        yield _change(model, instruction, keyword, words, why, Safety.SAFE)
        return
    text = _handed_over(line, instruction.value)
    if text is None:
        yield Refusal(instruction, "the shell line is more than commands joined by &&")
    else:
        why = "the line needs a shell, which hands over to the program so that signals reach it"
        yield _change(model, instruction, keyword, ("sh", "-c", text), why, Safety.SAFE)


def _change(
    model: Model, instruction: Instruction, keyword: str, words: tuple[str, ...], why: str, safety: Safety
) -> Change:
    edit = replace(model.document, instruction, f"{keyword} {render(words)}")
    delta: ConfigDelta = (
        stated(model.final.config, cmd=words) if keyword == "CMD" else stated(model.final.config, entrypoint=words)
    )
    return Change(instruction, (edit,), why, safety, delta)


def _plain(line: ShellScript) -> tuple[str, ...] | None:
    """The words of a line that is one command without anything that a shell does."""
    if not line.ok or len(line.commands) != 1:
        return None
    command = line.commands[0]
    if command.assignments or command.redirects or command.depth or not command.words:
        return None
    if not all(word.static for word in command.words):
        return None
    words = tuple(word.text for word in command.words)
    words = words[1:] if words[0] == "exec" else words
    return words if words and words[0] not in BUILTINS and not words[0].startswith("-") else None


def _handed_over(line: ShellScript, value: str) -> str | None:
    """The line with ``exec`` before its last command; ``None`` where that would change what it does."""
    if not line.ok or not line.flat or not line.commands:
        return None
    if any(command.joiner not in {"", "&&"} for command in line.commands):
        return None
    last = line.commands[-1]
    if not last.words or last.assignments or last.depth or basename(last.name) in BUILTINS | SHELLS:
        return None
    text = value.strip()
    if last.name == "exec":
        return text
    written = last.words[0].text
    at = text.rfind("&&") + 2 if len(line.commands) > 1 else 0
    at = text.index(written, at) if written in text[at:] else -1
    return None if at < 0 else f"{text[:at]}exec {text[at:]}"


def _script(model: Model, instruction: Instruction) -> Iterator[Result]:
    """``CMD ["npm", "start"]``, followed through package.json."""
    if model.start.command is not instruction or model.start.resolved is None:
        return
    followed = _followed(model)
    if isinstance(followed, tuple):
        yield _change(model, instruction, "CMD", followed, _why_followed(model), Safety.REVIEW)
    elif followed:
        yield Note(instruction, followed, advice=True)


def _why_followed(model: Model) -> str:
    resolved = model.start.resolved
    assert resolved is not None
    runner = (model.start.argv or ("npm",))[0]
    where = f" ({resolved.steps[-1].origin})" if resolved.steps else ""
    return f"{runner} swallows signals, and the script comes to this one command{where}"


def _followed(model: Model) -> tuple[str, ...] | str:
    """The plain command behind the script, or why it is not followed; empty where there is nothing to say."""
    start, node = model.start, model.node
    resolved = start.resolved
    assert resolved is not None
    assert node is not None
    runner = basename((start.argv or ("",))[0])
    if runner not in NODE_RUNNERS - {"npx", "bun"}:
        return ""
    where = f" ({resolved.steps[-1].origin})" if resolved.steps else ""
    lead = f"{runner} cuts a graceful stop short, but its script is not followed"
    if resolved.missing is not None:
        return f"package.json has no {resolved.missing} script, so the container cannot start ({node.origin})"
    if resolved.command is None or not resolved.plain:
        return f"{lead}: it is not one plain command{where}"
    if resolved.has_pre_post:
        return f"{lead}: a pre or post script runs with it{where}"
    if basename(resolved.command[0]) != "node":
        return f"{lead}: {resolved.command[0]} is found by {runner} alone{where}"
    if resolved.environment:
        return f"{lead}: it sets {resolved.environment[0][0]}{where}"
    if resolved.folder != node.folder:
        return f"{lead}: it runs in another folder{where}"
    for path in model.server_files():
        data = model.app.root.read(path)
        if data is not None and b"npm_package_" in data:
            return f"{lead}: the sources read npm's variables ({model.app.origin(path)})"
    return resolved.command
