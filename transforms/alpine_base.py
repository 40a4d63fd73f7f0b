"""``alpine-base``: the smallest base that is proven to carry the app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.dockerfile.layout import layout
from dockfix.model import Model
from dockfix.model.config import stated
from dockfix.recipes import alpine, bases, installs
from dockfix.recipes.split import UnfitError
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.model import StageModel
    from dockfix.model.config import ConfigDelta


@transform("alpine-base", phase=Phase.BASE, safety=Safety.REVIEW)
def alpine_base(model: Model) -> Iterator[Result]:
    """Put the image on Alpine where everything in it is known to work there, else on Debian's slim variant.

    What it does:
        Exchanges the base of every stage that shares programs for its Alpine variant of the same version, together
        with all that depends on it: packages by their Alpine names, accounts in busybox's words, bash where a script
        wants it, and what the full image gave for free (git, curl, libraries). Where one thing has no evidence of
        working on musl, only the last stage moves, to the slim variant, and the builder keeps its full base. A stage
        that only makes files, for a web server or by TypeScript's compiler, goes to slim whatever the last one is on.
        `--base slim` asks for that at once, `--base keep` for no change. `--online` asks pip's package index which
        wheels the pinned Python packages have; its answers are kept for a day, and without one the catalogue decides.

    Why:
        A base has programs that the app never calls, which weigh and which scanners complain of. Debian's full images
        have the most, compilers and headers among them: hundreds of megabytes. Its slim ones leave those out and keep
        apt, Perl and GNU's tools, in whose place Alpine has busybox. A stage that only makes files is never shipped, so
        that its speed matters more than its size: `tsc && vite build` takes a fifth less time on glibc than on musl.

    Refuses when:
        Alpine: a system package has no Alpine name in the catalogue, a program has another name there or is used in
        another way (cron, sshd, Apache, nginx of the distribution), a Python or Node package or something that it
        brings along has no recorded wheel or binary for musl, a manifest is not in the build context, a locale is set,
        a program is downloaded or lies among the files, a library or a module of nginx comes from elsewhere, a script
        uses GNU options or is mounted, the sources open what lies there on Debian alone. Slim: something is compiled in
        the very stage, or its needs are unknown. Both: no COPY brings the app, or nothing shows what starts; the base
        is pinned by digest, named by a variable, or has no such variant; a browser is installed.

    Example:
        See fixtures/alpine-base/example.
    """
    if model.options.base == "keep":
        return
    own, *others = bases.families(model)
    moves: list[_Move] = []
    try:
        if model.options.base == "alpine":
            moves += _to_alpine(model, own)
            if moves and model.app.kubernetes:
                yield Note(None, "musl reads the search domains of a Kubernetes cluster in its own way")
    except UnfitError as reason:
        yield Refusal(reason.at or _candidates(own)[-1].stage.base, f"not Alpine: {reason.why}")
    config = _config(model) if moves else {}
    if not moves:
        try:
            moves += _to_slim(model, model.final.lineage[0])
        except UnfitError as reason:
            yield Refusal(reason.at or model.final.lineage[0].stage.base, f"not slim: {reason.why}")
    for family in others:
        more, refusal = _aside(model, family)
        moves += more
        if refusal is not None:
            yield refusal
    if moves:
        swap = bases.together(move.swap for move in moves)
        result = layout(model.document, swap.stages(model), swap.dropped)
        why = "; ".join(dict.fromkeys(move.why for move in moves))
        yield Change(moves[0].stages[0].stage.base, result.edits, why, Safety.REVIEW, config, {}, result.ledger)
    untold = installs.untold(model) if model.options.online else ""
    if untold:
        yield Note(None, f"{untold}, so the catalogue alone tells which wheels there are")


@dataclass(frozen=True, slots=True)
class _Move:
    """Stages that go to another base together, and why that is right, in one clause."""

    stages: tuple[StageModel, ...]
    swap: bases.Swap
    why: str


def _candidates(family: Sequence[StageModel]) -> tuple[StageModel, ...]:
    return tuple(stage for stage in family if bases.is_candidate(stage))


def _to_alpine(model: Model, family: Sequence[StageModel]) -> Iterator[_Move]:
    """A family on Alpine, where a stage of it could move.

    Raises:
        UnfitError: one cannot stand on Alpine for certain.
    """
    if moved := _candidates(family):
        swap = bases.on_alpine(model, family)
        yield _Move(moved, swap, _proof(moved, swap))


def _proof(moved: Sequence[StageModel], swap: bases.Swap) -> str:
    """Why Alpine is right."""
    references = list(dict.fromkeys(stage.reference for stage in moved))
    names, verb = _some(references), "carries" if len(references) == 1 else "carry"
    if not swap.evidence and all(bases.serves(stage) for stage in moved):
        return f"{names} serves the same files with the same settings on Alpine"
    proof = f", {_some(swap.evidence)} included" if swap.evidence else ", and none of its packages is compiled"
    added = f"; Alpine has to be given {_some(swap.packages)}" if swap.packages else ""
    return f"all that {names} {verb} for this app is known to work on Alpine{proof}{added}"


def _to_slim(model: Model, root: StageModel) -> Iterator[_Move]:
    """What stands on a full image of a language on its slim variant.

    Raises:
        UnfitError: what the full image gave cannot be made up for.
    """
    if not bases.is_candidate(root) or root.image is None or root.image.variant != "full":
        return
    if root.image.name in bases.SERVERS:
        return
    swap = bases.on_slim(model, root)
    verb = "is" if len(swap.packages) == 1 else "are"
    needed = f"; {_some(swap.packages)} came with it and {verb} installed" if swap.packages else ""
    if root is model.final.lineage[0]:
        why = f"nothing at run time needs the compilers and headers of {root.reference}{needed}"
    else:
        speed = ", and sooner than Alpine" if root.image.name == "node" else ""
        why = f"stage {root.stage.name or root.index} only makes files, which slim does as well{speed}{needed}"
    yield _Move((root,), swap, why)


def _aside(model: Model, family: Sequence[StageModel]) -> tuple[list[_Move], Refusal | None]:
    """Stages beside those of the final one: slim where files alone leave them, else Alpine, else where they are."""
    refusal = None
    if bases.gives_files(model, family):
        try:
            return [move for root in family for move in _to_slim(model, root)], None
        except UnfitError as reason:
            refusal = Refusal(reason.at or family[0].stage.base, f"not slim: {reason.why}")
    try:
        return list(_to_alpine(model, family)), None
    except UnfitError:
        return [], refusal


def _config(model: Model) -> ConfigDelta:
    """What changes in the configuration: the path of tini, which Alpine keeps elsewhere."""
    config, (here, there) = model.final.config, alpine.TINI
    if here not in (*config.entrypoint, *config.cmd):
        return {}
    moved = {
        name: tuple(there if word == here else word for word in getattr(config, name)) for name in ("entrypoint", "cmd")
    }
    return stated(config, **moved)


def _some(names: Sequence[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:4])} and {len(names) - 4} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
