"""``exec-form``: the program itself as process 1, without a shell or npm in between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace as changed
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.dockerfile import Instruction
from dockfix.dockerfile.habits import replace
from dockfix.dockerfile.shell import ShellScript
from dockfix.model import Model
from dockfix.model.config import ConfigDelta, join, render, stated
from dockfix.model.start import NODE_RUNNERS, RUNTIMES, SHELLS
from dockfix.recipes.ownership import INITS
from dockfix.text import Edit, Span
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.facts.commands import Resolved

BUILTINS = frozenset({
    "!", ".", ":", "[", "alias", "bg", "break", "builtin", "case", "cd", "command", "continue", "declare", "dirs",
    "enable", "eval", "exit", "export", "fc", "fg", "for", "function", "getopts", "hash", "help", "if", "jobs",
    "let", "local", "logout", "mapfile", "popd", "pushd", "read", "readonly", "return", "select", "set", "shift",
    "shopt", "source", "suspend", "test", "time", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias",
    "unset", "until", "wait", "while", "{"
})  # fmt: skip
"""Words that a shell carries out itself: https://www.gnu.org/software/bash/manual/html_node/Bash-Builtins.html"""
DEFINING = frozenset({".", "source", "eval", "alias"})
"""Commands that may define functions, which exec does not know."""
PLAIN_SHELL = ("/bin/sh", "-c")
SHELL_OPTION = re.compile(r"-[ceuxo]+|pipefail|errexit|nounset|xtrace")
PASSING = frozenset({*RUNTIMES, "php"})
"""Images whose entrypoint hands a program on as it is: https://github.com/docker-library/php/blob/master/docker-php-entrypoint"""
DIRECT = frozenset({"next", "fastify", "remix-serve", "react-router-serve"})
"""Servers of packages that stop in order by themselves, started from node_modules/.bin."""


@transform("exec-form", phase=Phase.MODERNISE, safety=Safety.REVIEW)
def exec_form(model: Model) -> Iterator[Result]:
    """Start the program itself, so that signals reach it instead of a shell or npm.

    What it does:
        Writes CMD and ENTRYPOINT as JSON words where the shell line is one plain command. A line that needs the shell
        (a variable, `&&`) keeps it, and hands over to the program with `exec`. `npm start` and its like are
        followed through package.json where they come to one plain `node file` or to `next start`; variables that the
        script sets are set by `env`.

    Why:
        A shell as process 1 does not pass SIGTERM on, and npm passes it on but does not wait: the app is killed in
        the middle of a request when its container stops.

    Refuses when:
        ENTRYPOINT is a shell line and there are arguments that would now be appended; SHELL is a login shell or no
        shell; the base's entrypoint treats the program in its own way; the line has pipes, background jobs or several
        commands that are not joined by `&&`; an npm script has pre or post scripts, or the sources read the variables
        that npm sets; the program is a script without `#!`, which only a shell runs.

    Example:
        See fixtures/exec-form/example.
    """
    for keyword in ("ENTRYPOINT", "CMD"):
        step = model.final.last(keyword)
        if step is None or not step.instruction.value.strip():
            continue
        words = step.instruction.json
        if words is None:
            yield from _shell_line(model, step.instruction, keyword)
        elif len(words) == 3 and words[0] in {"sh", "bash", "/bin/sh", "/bin/bash"} and words[1] == "-c":
            yield from _written_out(model, step.instruction, keyword, words)
        elif keyword == "CMD":
            yield from _script(model, step.instruction)


def _shell_line(model: Model, instruction: Instruction, keyword: str) -> Iterator[Result]:
    """``CMD command`` and ``ENTRYPOINT command``, which Docker wraps in a shell."""
    obstacle = _arguments(model, keyword) or _shell_obstacle(model)
    if obstacle is not None:
        yield Refusal(instruction, obstacle)
        return
    if instruction.value.lstrip().startswith("["):
        yield Note(instruction, "this is no valid JSON, so that a shell looks for a program named [", advice=True)
        return
    foreign = _base_entrypoint(model) if keyword == "CMD" else None
    if keyword == "CMD" and model.start.command is instruction and model.start.resolved is not None and not foreign:
        followed = _followed(model)
        if isinstance(followed, Followed):
            yield _change(model, instruction, keyword, followed.words, followed.why, Safety.REVIEW)
            return
        if followed is not None:
            yield followed
    from dockfix.dockerfile import shell

    text = instruction.value.strip()
    line = shell.parse_shell(text)
    words = _plain(line, text)
    if words is None:
        yield _exec_in(model, instruction, keyword, line, text)
    elif foreign is not None:
        yield Refusal(instruction, foreign)
    elif (interpreted := _interpreted(model, words)) is not None:
        yield Refusal(instruction, interpreted)
    elif not _is_shell(words):
        why = f"a shell as process 1 does not pass signals on to {_program(words)}"
        yield _change(model, instruction, keyword, words, why, Safety.SAFE)


def _exec_in(model: Model, instruction: Instruction, keyword: str, line: ShellScript, text: str) -> Result:
    """``exec`` in a shell line: a line in JSON words, or just the word where the author has written several lines."""
    handed = _handed_over(line, text)
    if handed is None:
        return Refusal(instruction, "the shell line is more than commands joined by &&")
    if handed == text:
        return Note(instruction, "the shell line hands over to the program by exec already")
    why = "the line needs a shell, which hands over to the program so that signals reach it"
    if "\n" not in instruction.text:
        shell = model.final.config.shell
        words = ("sh", "-c") if shell == PLAIN_SHELL else shell
        return _change(model, instruction, keyword, (*words, handed), why, Safety.SAFE)
    shift = len(instruction.value) - len(instruction.value.lstrip())
    at = _beginning(line)
    start = instruction.source(shift + at, shift + at + 1).start
    edit = Edit(Span(start, start), handed[at : at + len(handed) - len(text)])
    words = (*model.final.config.shell, handed)
    delta = stated(model.final.config, **{keyword.lower(): words})
    return Change(instruction, (edit,), why, Safety.SAFE, delta)


def _written_out(model: Model, instruction: Instruction, keyword: str, words: tuple[str, ...]) -> Iterator[Result]:
    """``CMD ["sh", "-c", "command"]``, in which the shell may stay in between."""
    from dockfix.dockerfile import shell

    if keyword == "ENTRYPOINT" and model.final.config.cmd:
        return
    if keyword == "CMD" and model.start.command is instruction and model.start.resolved is not None:
        followed = _followed(model)
        if isinstance(followed, Followed) and _arguments(model, keyword) is None:
            yield _change(model, instruction, keyword, followed.words, followed.why, Safety.REVIEW)
            return
    line = shell.parse_shell(words[2])
    plain = _plain(line, words[2])
    if plain is not None:
        obstacle = _arguments(model, keyword) or (_base_entrypoint(model) if keyword == "CMD" else None)
        obstacle = obstacle or _interpreted(model, plain)
        if obstacle is not None:
            yield Refusal(instruction, obstacle)
        elif not _is_shell(plain):
            why = f"no shell is needed, and as process 1 it does not pass signals on to {_program(plain)}"
            yield _change(model, instruction, keyword, plain, why, Safety.SAFE)
        return
    text = _handed_over(line, words[2])
    if text is None:
        yield Refusal(instruction, "the shell line is more than commands joined by &&")
    elif text != words[2]:
        yield _exec_inside(model, instruction, keyword, (*words[:2], text), _beginning(line))


def _exec_inside(
    model: Model, instruction: Instruction, keyword: str, words: tuple[str, ...], beginning: int
) -> Change:
    """``exec`` in a line in JSON words, whose lines stay where the words can be found as they are written."""
    why = "the line needs a shell, which hands over to the program so that signals reach it"
    change = _change(model, instruction, keyword, words, why, Safety.SAFE)
    new = re.match(r"exec (?:env )?", words[2][beginning:])
    rest = words[2][beginning + len(new[0]) :] if new is not None else ""
    at = instruction.value.rfind(rest)
    if new is None or at < 0:
        return change
    start = instruction.source(at, at + 1).start
    return changed(change, edits=(Edit(Span(start, start), new[0]),))


def _arguments(model: Model, keyword: str) -> str | None:
    """Why the line must stay one argument, or the last one."""
    config = model.final.config
    if keyword == "CMD":
        image = model.final.image
        own = config.entrypoint and (image is None or config.entrypoint != image.entrypoint)
        if config.entrypoint and basename(config.entrypoint[0]) in INITS and config.entrypoint[-1] == "--":
            return None  # an init runs the words behind -- as they are
        return "the shell line is passed to ENTRYPOINT as arguments" if own else None
    if config.cmd:
        return "the shell form ignores CMD, and would not any more"
    for service in model.services:
        if service.command is not None:
            return f"the shell form ignores compose's command, and would not any more ({service.origin('command')})"
    return None


def _shell_obstacle(model: Model) -> str | None:
    """Why the SHELL may set up more than it runs, such as a login shell or ``conda run``."""
    shell = model.final.config.shell
    plain = basename(shell[0]) in SHELLS and all(SHELL_OPTION.fullmatch(word) for word in shell[1:])
    return None if plain else f"SHELL is {render(shell)}, which this line may need"


def _base_entrypoint(model: Model) -> str | None:
    """Why the entrypoint of the base may do something else when it sees the program instead of a shell.

    Those of the images of Node and PHP look whether it is a program, or an option of theirs; others prepare things for
    their own program, by its name.
    """
    image, config = model.final.image, model.final.config
    if image is None:
        known = config.known or model.final.setting("ENTRYPOINT") is not None
        return None if known else f"whether the base has an entrypoint is not known: {model.final.unresolved}"
    if not image.entrypoint or image.name in PASSING or config.entrypoint != image.entrypoint:
        return None
    return f"the entrypoint of {model.final.reference} treats its own program in another way than a shell"


def _interpreted(model: Model, words: tuple[str, ...]) -> str | None:
    """Why a shell may be what runs the program: the kernel starts no script whose first line names no interpreter.

    A shell runs it all the same, see ENOEXEC in https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
    """
    program = next(word for word in words if word != "env" and "=" not in word)
    if "/" not in program:
        return None
    place = join(model.folder, program)
    sources = (stage.context_path(place) for stage in reversed(model.stages))
    source = next((path for path in sources if path is not None), None)
    data = model.app.root.read(source) if source is not None else None
    if source is None or data is None:
        return (
            f"what {program} begins with is not known, and a shell also runs scripts without #!"
            if program.endswith((".sh", ".bash"))
            else None
        )
    if data.startswith((b"#!", b"\x7fELF")) or b"\0" in data[:1024]:
        return None
    return f"{model.app.origin(source)} has no #!, so that only a shell runs it"


def _program(words: tuple[str, ...]) -> str:
    """The program behind ``env`` and its assignments."""
    return basename(next(word for word in words if word != "env" and "=" not in word))


def _is_shell(words: tuple[str, ...]) -> bool:
    """Whether *words* start a shell for a person."""
    return basename(words[0]) in SHELLS and all(word.startswith("-") for word in words[1:])


def _change(
    model: Model, instruction: Instruction, keyword: str, words: tuple[str, ...], why: str, safety: Safety
) -> Change:
    words = _settled(words)
    edit = replace(model.document, instruction, f"{keyword} {render(words)}")
    delta: ConfigDelta = (
        stated(model.final.config, cmd=words) if keyword == "CMD" else stated(model.final.config, entrypoint=words)
    )
    return Change(instruction, (edit,), why, safety, delta)


def _settled(words: tuple[str, ...]) -> tuple[str, ...]:
    """*words* with the same done to a shell line inside them, as ``bash -c "…"`` has one."""
    from dockfix.dockerfile import shell

    if len(words) != 3 or basename(words[0]) not in SHELLS or words[1] != "-c":
        return words
    line = shell.parse_shell(words[2])
    plain = _plain(line, words[2])
    if plain is not None:
        return words if _is_shell(plain) else _settled(plain)
    return (*words[:2], _handed_over(line, words[2]) or words[2])


def _plain(line: ShellScript, text: str) -> tuple[str, ...] | None:
    """The words of *text*, parsed as *line*, that is one command without anything that a shell does."""
    if not line.ok or len(line.commands) != 1:
        return None
    command = line.commands[0]
    if command.redirects or command.depth or not command.words:
        return None
    if not all(word.static for word in (*command.words, *command.assignments)):
        return None
    if text[command.words[-1].span.end :].strip():
        return None  # a comment
    words = tuple(word.text for word in command.words)
    words = words[1:] if words[0] == "exec" else words
    if not words or words[0] in BUILTINS or words[0].startswith("-"):
        return None
    assignments = tuple(word.text for word in command.assignments)
    return ("env", *assignments, *words) if assignments else words


def _handed_over(line: ShellScript, text: str) -> str | None:
    """*text*, parsed as *line*, with ``exec`` before its last command; ``None`` where it cannot be."""
    if not line.ok or not line.flat or not line.commands:
        return None
    if any(command.joiner not in {"", "&&"} or command.name == "trap" for command in line.commands):
        return None
    if any(command.name in DEFINING for command in line.commands[:-1]):
        return None
    last = line.commands[-1]
    if not all(word.static for word in last.assignments):
        return None  # of env it would be an argument, which the shell splits into words
    if not last.words or last.depth or basename(last.name) in BUILTINS | SHELLS:
        return None
    if last.name == "exec":
        return text
    # exec takes no assignments of its own
    at = _beginning(line)
    return f"{text[:at]}exec {'env ' if last.assignments else ''}{text[at:]}"


def _beginning(line: ShellScript) -> int:
    """Where the last command begins."""
    last = line.commands[-1]
    return (*last.assignments, *last.words)[0].span.start


def _script(model: Model, instruction: Instruction) -> Iterator[Result]:
    """``CMD ["npm", "start"]``, followed through package.json."""
    if model.start.command is not instruction or model.start.resolved is None:
        return
    followed = _followed(model)
    if isinstance(followed, Followed):
        yield _change(model, instruction, "CMD", followed.words, followed.why, Safety.REVIEW)
    elif followed is not None:
        yield followed


@dataclass(frozen=True, slots=True)
class Followed:
    """The one command that a script comes to, and why it is written."""

    words: tuple[str, ...]
    why: str


def _followed(model: Model) -> Followed | Note | None:
    """The plain command behind the script, or why it is not followed; ``None`` where there is nothing to say."""
    from dockfix.facts.development import development_tool

    start, node = model.start, model.node
    resolved, at = start.resolved, start.command
    assert resolved is not None
    assert node is not None
    runner = basename((start.argv or ("",))[0])
    if runner not in NODE_RUNNERS - {"npx", "bun"}:
        return None
    where = f" ({resolved.steps[-1].origin})" if resolved.steps else ""
    if resolved.missing is not None:
        why = f"package.json has no {resolved.missing} script, so the container cannot start ({node.origin})"
        return Note(at, why, advice=True)
    tool = next(filter(None, map(development_tool, resolved.commands)), None)
    if tool is not None:
        return Note(at, f"{tool} is for development, so {runner} stays{where}")
    reason = _unfit(model, resolved)
    if reason is not None:
        return Note(at, f"{runner} cuts a graceful stop short, but its script is not followed: {reason}", advice=True)
    words = resolved.direct or ()
    if resolved.environment:
        words = ("env", *(f"{name}={value}" for name, value in resolved.environment), *words)
    return Followed(words, f"{runner} swallows signals, and the script comes to this one command{where}")


def _unfit(model: Model, resolved: Resolved) -> str | None:
    """Why a script cannot be replaced by the command behind it."""
    node = model.node
    assert node is not None
    where = f" ({resolved.steps[-1].origin})" if resolved.steps else ""
    if resolved.folder != node.folder and len(resolved.commands) == 1 and not resolved.has_pre_post:
        return f"it runs in {resolved.folder or 'the folder above'}{where}"
    if resolved.command is None or not resolved.plain:
        return (
            f"it is not one plain command{where}" if not resolved.has_pre_post else f"a pre or post script runs{where}"
        )
    program = basename(resolved.command[0])
    if program not in {"node", *DIRECT}:
        return f"{program} is found by npm alone{where}"
    if node.manager == "yarn-berry":
        from dockfix.facts import yarn

        if yarn.linker(node).value == "pnp":
            return "yarn finds the packages by Plug'n'Play"
    if program in DIRECT and node.workspaces:
        return f"where {program} lies cannot be told{where}"
    settings = node.files.read(node.path(".npmrc"))
    if settings is not None and re.search(rb"^\s*(?:node-options|script-shell)\s*=", settings, re.MULTILINE):
        return f"npm's settings say how scripts run ({model.app.origin(node.path('.npmrc'))})"
    called = next((fact for fact in model.server.tools if fact.value in node.binaries), None)
    if called is not None:
        return f"the app calls {called.value}, which npm puts on PATH ({called.origin})"
    if any("$" in word for word in resolved.command) or any("$" in value for _, value in resolved.environment):
        return f"it has variables{where}"
    for path in model.server_files():
        data = model.app.root.read(path)
        if data is not None and re.search(rb"npm_(package|lifecycle|config)_|\bINIT_CWD\b", data):
            return f"the sources read npm's variables ({model.app.origin(path)})"
    return None
