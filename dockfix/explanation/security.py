"""What holds of a rewritten image that matters to whoever has to defend it; nothing is ticked on faith."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.explanation.prose import Code, Words
from dockfix.explanation.shape import account, built, codes, uid
from dockfix.model import Purpose
from dockfix.model.start import NODE_RUNNERS
from dockfix.recipes.ignores import environment_files
from dockfix.recipes.packages import build_tools

if TYPE_CHECKING:
    from dockfix.facts.compose import Service
    from dockfix.model import Model, Step

_SMALL = ("scratch", "gcr.io/distroless/", "cgr.dev/chainguard/")
# the words of BuildKit's check SecretsUsedInArgOrEnv: https://docs.docker.com/reference/build-checks/
_SECRET = re.compile(
    r"(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)", re.IGNORECASE
)
_PUBLIC = re.compile(r"(?:^|_)public(?:_|$)", re.IGNORECASE)
_LASTING_NOTHING = frozenset({Purpose.FOLDERS, Purpose.CLEANUP, Purpose.ACCOUNT, Purpose.NEUTRAL, Purpose.SETTINGS})
_SIGNALS_ITSELF = frozenset({"nginx", "httpd", "php-fpm", "apache2"})


@dataclass(frozen=True, slots=True)
class Check:
    """A property and whether an image has it.

    Attributes:
        name: the property.
        holds: whether it does; ``None`` where that cannot be told from the files.
        why: what says so, or what is missing.
    """

    name: str
    holds: bool | None
    why: Words


def checks(model: Model, original: Model) -> Iterator[Check]:
    """The properties of the image that a Dockerfile builds; those of its containers, where compose tells of them.

    Args:
        model: the Dockerfile as it would be.
        original: the Dockerfile as it is.
    """
    yield _account(model)
    yield _base(model)
    yield _tools(model)
    yield _signals(model)
    yield _health(model)
    yield _secrets(model)
    yield _environment(model)
    yield _ownership(model, original)
    if _services(model):
        yield _of_services(model, "Read-only root file system", "read_only", lambda service: service.read_only)
        yield _of_services(
            model, "No new privileges", "security_opt", lambda service: any(map(_no_new, service.security_opt))
        )
        yield _of_services(model, "Capabilities dropped", "cap_drop", lambda service: bool(service.cap_drop))


def _services(model: Model) -> tuple[Service, ...]:
    """The services that run the image, and not an earlier stage of it."""
    return tuple(service for service in model.services if built(model, service) is model.final)


def _account(model: Model) -> Check:
    name = "Not root"
    user = account(model.final)
    for service in _services(model):
        if service.user is not None and service.user.partition(":")[0] in {"root", "0"}:
            return Check(name, False, ("compose runs it as root (", Code(service.origin("user")), ")"))
    if user is None:
        return Check(name, None, ("no USER is set, and what ", Code(model.final.reference), " sets is not known"))
    if not user:
        return Check(name, False, ("no USER is set, so root runs the app",))
    number = uid(model.final, user)
    why: Words = ("runs as ", Code(user))
    return Check(name, True, why if number is None or user.isdigit() else (*why, f", uid {number}"))


def _base(model: Model) -> Check:
    name = "Small base image"
    image, reference = model.final.image, model.final.lineage[0].reference
    if reference.startswith(_SMALL):
        return Check(name, True, (Code(reference),))
    if image is None:
        return Check(name, None, (Code(reference), " is not in the catalogue"))
    if image.variant in {"slim", "alpine"} or image.name == "alpine":
        return Check(name, True, (Code(reference),))
    return Check(name, False, (Code(reference), " is no slim or Alpine variant"))


def _tools(model: Model) -> Check:
    """Compilers: those that the stage installs, and those that a full image brings."""
    name = "No build tools in the image that runs"
    final = model.final
    if final.image is None and not final.lineage[0].reference.startswith("scratch"):
        return Check(name, None, ("what ", Code(final.lineage[0].reference), " carries is not known"))
    tools = build_tools(final.all_steps)
    if tools:
        return Check(name, False, ("it installs ", *codes(tools)))
    if final.image is not None and final.image.buildpack:
        return Check(name, False, (Code(final.lineage[0].reference), " carries compilers and headers"))
    unknown = [step for step in final.all_steps if Purpose.UNKNOWN in step.purposes]
    if unknown:
        return Check(name, None, (f"what line {unknown[0].instruction.line} leaves behind is not known",))
    several = len(model.stages) > 1
    return Check(name, True, ("they stay in the earlier stages" if several else "none is installed",))


def _signals(model: Model) -> Check:
    name = "Signals reach the app, orphans are reaped"
    start = model.start
    runner = basename(start.main[0]) if start.main else ""
    if runner in NODE_RUNNERS:
        return Check(name, False, (Code(runner), " passes them on, and does not wait for the app to end"))
    if start.init:
        return Check(name, True, (Code(start.init), " is process 1"))
    services = _services(model)
    if services and all(service.init for service in services):
        return Check(name, True, ("compose adds an init (", Code(services[0].origin("init")), ")"))
    own = sorted(_SIGNALS_ITSELF & start.names)
    if own and not start.shell_form:
        return Check(name, True, (Code(own[0]), " sees to both itself"))
    if not start.words:
        return Check(name, None, ("no command is set",))
    return Check(name, False, ("process 1 is ", Code(start.words[0])))


def _health(model: Model) -> Check:
    name = "Health check"
    config = model.final.config
    if config.healthcheck and config.healthcheck != "NONE":
        return Check(name, True, ("in the image",))
    services = _services(model)
    own = [service for service in services if service.healthcheck]
    if own and len(own) == len(services):
        return Check(name, True, ("in compose (", Code(own[0].origin("healthcheck")), ")"))
    return Check(name, False if config.known else None, ("none is set",))


def _secrets(model: Model) -> Check:
    name = "No secret among the image's variables"
    for stage in model.final.lineage:
        for step in stage.steps:
            for key, value in step.instruction.pairs() if step.instruction.keyword == "ENV" else ():
                if value and _SECRET.search(key) and not _PUBLIC.search(key):
                    return Check(name, False, (f"line {step.instruction.line} sets ", Code(key)))
    return Check(name, True, ("no ENV has the name of one",))


def _environment(model: Model) -> Check:
    name = "No settings file in the image"
    for stage in model.final.lineage:
        for placement in stage.placements:
            if placement.folder:
                found = list(environment_files(model, placement.source))
                if found:
                    return Check(name, False, (*codes(found), " is copied with the sources: keep secrets out of it"))
    return Check(name, True, ("nothing like ", Code(".env"), " is copied"))


def _ownership(model: Model, original: Model) -> Check:
    name = "The app cannot rewrite itself"
    user = account(model.final)
    if not user:
        return Check(name, False if user == "" else None, ("root may write everywhere" if user == "" else "unknown",))
    theirs = {instruction.text for instruction in original.document.instructions}
    for step in model.final.all_steps:
        how = _given(step, user, uid(model.final, user))
        if how:
            ours = step.instruction.text not in theirs
            remedy: Words = ("; ", Code("--owner root"), " does not") if "gives" in how and ours else ()
            return Check(name, False, (f"line {step.instruction.line} {how}", *remedy))
    return Check(name, True, ("root owns its files",))


def _given(step: Step, user: str, number: int | None) -> str:
    """How a step makes files that the account *user* may write to; folders alone are for what the app writes."""
    copy = step.instruction.copy
    names = {user, str(number)}
    if copy is not None and copy.chown is not None:
        return "gives it its files" if copy.chown.partition(":")[0] in names else ""
    for command in step.script.commands if step.script is not None else ():
        tool, options = basename(command.name), [word for word in command.args if word.startswith("-")]
        if tool in {"chown", "chmod"} and any(
            re.fullmatch(r"-[A-Za-z]*R[A-Za-z]*|--recursive", word) for word in options
        ):
            owners = {word.partition(":")[0] for word in command.args}
            if tool == "chmod" or owners & names:
                return "changes who may write to whole folders"
    if step.purposes - _LASTING_NOTHING and step.before.user.partition(":")[0] in names:
        return "runs as this account, whose files it leaves behind"
    return ""


def _of_services(model: Model, name: str, attribute: str, holds: Callable[[Service], bool]) -> Check:
    services = _services(model)
    lacking = dict.fromkeys(service.name for service in services if not holds(service))
    if not lacking:
        return Check(name, True, (Code(services[0].origin(attribute)),))
    verb = "does" if len(lacking) == 1 else "do"
    return Check(name, False, (*codes(lacking), f" {verb} not set {attribute} in compose"))


def _no_new(option: str) -> bool:
    return re.fullmatch(r"no-new-privileges(?:[:=]true)?", option) is not None
