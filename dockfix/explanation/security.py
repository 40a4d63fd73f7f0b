"""What holds of a rewritten image that matters to whoever has to defend it; nothing is ticked on faith."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.dockerfile import expand
from dockfix.explanation.arrivals import secrets
from dockfix.explanation.ownership import GIVES, given
from dockfix.explanation.prose import Code, Words, said
from dockfix.explanation.shape import account, built, codes, uid
from dockfix.explanation.toolchains import carried, found
from dockfix.model.start import NODE_RUNNERS, SHELLS
from dockfix.recipes.secrets import names_secret, suspicion
from dockfix.recipes.signals import handles, in_front, process, started

if TYPE_CHECKING:
    from dockfix.facts.compose import Service
    from dockfix.model import Model, Start

_NAMED = 3
"""Up to so many files are named."""
_NO_NEW = re.compile(r"no-new-privileges(?:[:=](true|false))?")
_USUAL = frozenset(
    {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW"}
    | {"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}
)
"""What Docker gives to every container: https://docs.docker.com/engine/security/#linux-kernel-capabilities"""
_SMALL = ("gcr.io/distroless/", "cgr.dev/chainguard/")
_WHOLE_GROUP = frozenset({"dumb-init", "s6-svscan", "my_init", "supervisord", "systemd", "init"})
"""Inits that pass a signal on to all processes, and not to their child alone: https://github.com/Yelp/dumb-init"""


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
    yield _files(model)
    yield _ownership(model, original)
    if _services(model):
        yield _of_services(model, "Read-only root file system", "read_only", _writable)
        yield _of_services(model, "No new privileges", "security_opt", _privileges)
        yield _but_for(model, _of_services(model, "Capabilities dropped", "cap_drop", _capabilities))


def _services(model: Model) -> tuple[Service, ...]:
    """The services that run the image, and not an earlier stage of it."""
    return tuple(service for service in model.services if built(model, service) is model.final)


def _account(model: Model) -> Check:
    name = "Not root"
    user = account(model.final)
    for service in _services(model):
        theirs = service.user.partition(":")[0] if service.user is not None else ""
        number = uid(model.final, theirs) if "$" not in theirs else None
        if theirs == "root" or number == 0:
            return Check(name, False, ("compose starts it as root (", Code(service.origin("user")), ")"))
        if "$" in theirs:
            return Check(name, None, ("whom a variable names in compose (", Code(service.origin("user")), ")"))
    if user is None:
        return Check(name, None, ("no USER is set, and what ", Code(model.final.reference), " sets is not known"))
    said = model.final.setting("USER")
    line: Words = (f"line {said.instruction.line} sets ", Code(said.instruction.text)) if said is not None else ()
    if said is not None and expand(said.instruction.value, said.before.env) is None:
        return Check(name, None, (*line, ", and what that is decides the build"))
    number = uid(model.final, user)
    if not user or number == 0:
        return Check(name, False, (*(line or ("no USER is set",)), ", so that it starts as root"))
    why: Words = ("runs as ", Code(user))
    return Check(name, True, why if number is None or user.isdigit() else (*why, f", uid {number}"))


def _base(model: Model) -> Check:
    name = "Small base image"
    image, reference = model.final.image, model.final.lineage[0].reference
    if reference == "scratch" or reference.startswith(_SMALL):
        return Check(name, True, (Code(reference),))
    if image is None:
        return Check(name, None, (Code(reference), " is not in the catalogue"))
    if carried(image):
        return Check(name, False, (Code(reference), " carries what builds software"))
    if image.variant in {"slim", "alpine"} or image.name == "alpine":
        return Check(name, True, (Code(reference),))
    return Check(name, False, (Code(reference), " is no slim or Alpine variant"))


def _tools(model: Model) -> Check:
    """Compilers: those that the stage installs or takes from elsewhere, and those that a full image brings."""
    name = "No build tools in the image that runs"
    there = found(model, model.final)
    if there is not None:
        return Check(name, *there)
    several = len(model.stages) > 1
    return Check(name, True, ("they stay in the earlier stages" if several else "none is installed",))


def _signals(model: Model) -> Check:
    name = "Signals reach the app"
    services = _services(model)
    replaced = [service for service in services if service.entrypoint is not None or service.command is not None]
    ways = [_as_started(model, service) for service in replaced]
    if len(replaced) < len(services) or not services:
        ways.append(_passes_on(model, model.start))
    inits = [service for service in services if service.init]
    if inits and len(inits) == len(services) and not any(way[0] is False and way[2] for way in ways):
        return Check(name, True, ("compose adds an init (", Code(inits[0].origin("init")), ")"))
    for wanted in (False, None, True):
        for holds, why, _ in ways:
            if holds is wanted:
                return Check(name, holds, why)
    return Check(name, None, ("nothing starts it",))


_Way = tuple[bool | None, Words, bool]
"""Whether signals reach an app that is started in some way, why, and whether no init would help."""


def _as_started(model: Model, service: Service) -> _Way:
    """How a compose service starts the image, which has a command or an entrypoint of its own for it."""
    own = service.entrypoint is not None
    origin: Words = (" (", Code(service.origin("entrypoint" if own else "command")), ")")
    start = started(model, service)
    first = start.words[0] if start.words else "nothing"
    if "$" in first and not start.init:
        return None, ("compose starts it by a variable", *origin), False
    holds, why, helpless = _passes_on(model, start)
    if own and not start.init and not holds:
        return False, ("compose puts ", Code(first), " in the place of the entrypoint", *origin), helpless
    return holds, (*why, *origin), helpless


def _passes_on(model: Model, start: Start) -> _Way:
    first = process(model, start)
    called = basename(first)
    if called in NODE_RUNNERS:
        return False, (Code(called), " passes them on, and does not wait for the app to end"), True
    front = in_front(model, start)
    if start.init:
        if not _has(model, start.init):
            return None, ("nothing here installs ", Code(start.init)), False
        if start.init not in _WHOLE_GROUP and front and start.argv is None:
            return None, (Code(start.init), " passes them to a shell, which may keep them"), False
        return True, (Code(start.init), " is process 1, and reaps orphans"), False
    if front:
        # a shell may hand over to a single command, and to the last of several
        return (
            False,
            (Code(front), " may stay in front of the app, and passes nothing on"),
            front not in SHELLS or start.argv is None,
        )
    if handles(called):
        return True, (Code(called), " handles them itself"), False
    if not start.words:
        return None, ("no command is set",), False
    signals = model.server.signals
    if signals is not None and start.main is not None and start.main == model.start.main:
        return True, ("the app ", *said(f"{signals.value} ({signals.origin})")), False
    return False, (Code(first or start.words[0]), " is process 1 without an init, and has to handle them itself"), False


def _has(model: Model, init: str) -> bool:
    """Whether an init comes into the image by something that names it."""
    for step in model.final.all_steps:
        copy = step.instruction.copy
        text = step.instruction.value if step.instruction.keyword == "RUN" else ""
        if copy is not None:
            text = " ".join((*copy.sources, copy.destination))
        if re.search(rf"(?<![\w-]){re.escape(init)}", text):
            return True
    return init in {"supervisord", "systemd", "init", "s6-svscan"} and "supervisor" in str(model.document)


def _health(model: Model) -> Check:
    name = "Health check"
    config = model.final.config
    services = _services(model)
    off = [service for service in services if service.healthcheck_disabled]
    if off:
        return Check(name, False, ("compose switches it off (", Code(off[0].origin("healthcheck")), ")"))
    if config.healthcheck and config.healthcheck != "NONE":
        return Check(name, True, ("in the image",))
    own = [service for service in services if service.healthcheck]
    if own and len(own) == len(services):
        return Check(name, True, ("in compose (", Code(own[0].origin("healthcheck")), ")"))
    return Check(name, False if config.known else None, ("none is set",))


def _secrets(model: Model) -> Check:
    """Variables as the advice ``secrets`` sees them; those that a build argument fills cannot be told."""
    name = "No secret among the image's variables"
    unsure: Words = ()
    for step in model.final.all_steps:
        instruction = step.instruction
        for assignment in instruction.assignments if instruction.keyword in {"ENV", "ARG"} else ():
            line: Words = (f"line {instruction.line} sets ", Code(assignment.key))
            if suspicion(instruction, assignment) is not None:
                return Check(name, False, line)
            if names_secret(assignment.key) and "$" in (assignment.value or ""):
                unsure = unsure or (*line, " to what a variable holds")
    if unsure:
        return Check(name, None, unsure)
    if not model.final.config.known:
        return Check(name, None, ("what ", Code(model.final.lineage[0].reference), " sets is not known"))
    return Check(name, True, ("none looks like one",))


def _files(model: Model) -> Check:
    name = "No settings, key or token file is copied into the image"
    arriving = tuple(secrets(model, model.final))
    certain = tuple(dict.fromkeys(each.path for each in arriving if each.certain))
    if certain:
        more = f" and {len(certain) - _NAMED} more" if len(certain) > _NAMED else ""
        verb = "is" if len(certain) == 1 else "are"
        return Check(name, False, (*codes(certain[:_NAMED]), f"{more} {verb} copied: keep secrets out of the image"))
    for each in arriving:
        return Check(
            name, None, (f"line {each.step.instruction.line}: what comes with ", Code(each.path), " is not known")
        )
    like = (Code(".env"), ", ", Code("id_rsa"), " or an ", Code(".npmrc"), " with a token")
    return Check(name, True, ("of the files here, nothing like ", *like, " is copied"))


def _ownership(model: Model, original: Model) -> Check:
    name = "The app cannot rewrite itself"
    runs_it = _account(model)
    user = account(model.final)
    if not user or runs_it.holds is not True:
        return Check(
            name,
            runs_it.holds,
            ("it starts as root, who may write everywhere",) if runs_it.holds is False else runs_it.why,
        )
    mounted = next((each for each in (model.mount,) if each is not None and not each[1].read_only), None)
    if mounted is not None:
        return Check(name, False, ("compose mounts its sources over it (", Code(mounted[1].origin), ")"))
    accounts = dict.fromkeys((user, *(each.user.partition(":")[0] for each in _services(model) if each.user)))
    gifts = [gift for name_ in accounts for gift in given(model, name_)]
    theirs = {instruction.text for instruction in original.document.instructions}
    for gift in sorted(gifts, key=lambda gift: not gift.certain):
        ours = gift.how == GIVES and gift.step.instruction.text not in theirs
        remedy: Words = ("; ", Code("--owner root"), " does not") if ours else ()
        why: Words = (f"line {gift.step.instruction.line} {gift.how}", *remedy)
        return Check(name, False if gift.certain else None, why)
    if not model.final.config.known:
        return Check(name, None, ("whose files are in ", Code(model.final.lineage[0].reference), " is not known"))
    return Check(name, True, ("root owns its files",))


def _of_services(model: Model, name: str, attribute: str, lack: Callable[[Service], Words]) -> Check:
    """Whether all services have a property; *lack* tells what keeps one from it, and nothing where it has it."""
    services = _services(model)
    lacking: dict[Words, list[str]] = {}
    for service in services:
        if why := lack(service):
            lacking.setdefault(why, []).append(service.name)
    if not lacking:
        return Check(name, True, (Code(services[0].origin(attribute)),))
    parts = (("; ", *why, " in compose for ", *codes(names)) for why, names in lacking.items())
    return Check(name, False, tuple(part for words in parts for part in words)[1:])


def _writable(service: Service) -> Words:
    return () if service.read_only else (Code("read_only: true"), " is not set")


def _privileges(service: Service) -> Words:
    told = [found for option in service.security_opt if (found := _NO_NEW.fullmatch(option)) is not None]
    return () if told and told[-1][1] in {None, "true"} else (Code("no-new-privileges:true"), " is not set")


def _capabilities(service: Service) -> Words:
    if service.privileged:
        return (Code("privileged: true"), " is set")
    if "ALL" not in _capability_names(service.cap_drop):
        return (Code("cap_drop: [ALL]"), " is not set")
    back = sorted(_capability_names(service.cap_add) - _USUAL)
    return (*codes(back), " is given again" if len(back) == 1 else " are given again") if back else ()


def _but_for(model: Model, dropped: Check) -> Check:
    """That capabilities are dropped, with those that a service keeps."""
    kept = sorted(_capability_names(name for service in _services(model) for name in service.cap_add))
    return replace(dropped, why=(*dropped.why, ", but for ", *codes(kept))) if dropped.holds and kept else dropped


def _capability_names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.upper().removeprefix("CAP_") for name in names)
