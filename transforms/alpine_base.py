"""``alpine-base``: the smallest base that is proven to carry the app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
        working on musl, only the last stage moves, to the slim variant, and the builder keeps its full base.
        `--base slim` asks for that at once, `--base keep` for no change. `--online` asks pip's package index which
        wheels the pinned Python packages have; its answers are kept for a day, and without one the catalogue decides.

    Why:
        A base has programs that the app never calls, which weigh and which scanners complain of. Debian's full images
        have the most, compilers and headers among them: hundreds of megabytes. Its slim ones leave those out and keep
        apt, Perl and GNU's tools, in whose place Alpine has busybox.

    Refuses when:
        Alpine: a system package has no Alpine name in the catalogue, a program has another name there or is used in
        another way (cron, sshd, Apache, nginx of the distribution), a Python or Node package or something that it
        brings along has no recorded wheel or binary for musl, a manifest is not in the build context, a locale is set,
        a program is downloaded or lies among the files, a library or a module of nginx comes from elsewhere, a script
        uses GNU options or is mounted. Slim: something is compiled in the very stage, or its needs are unknown. Both:
        no COPY brings the app, or nothing shows what starts; the base is pinned by digest, named by a variable, or has
        no such variant; a browser is installed.

    Example:
        See fixtures/alpine-base/example.
    """
    if model.options.base == "keep":
        return
    yield from _on_alpine(model) if model.options.base == "alpine" else _on_slim(model)
    untold = installs.untold(model) if model.options.online else ""
    if untold:
        yield Note(None, f"{untold}, so the catalogue alone tells which wheels there are")


def _on_alpine(model: Model) -> Iterator[Result]:
    first, *others = bases.families(model)
    swap, moved = bases.Swap(), []
    for family in (first, *others):
        candidates = [stage for stage in family if bases.is_candidate(stage)]
        if not candidates:
            continue
        try:
            found = bases.on_alpine(model, family)
        except UnfitError as reason:
            if family is first:
                yield Refusal(reason.at or candidates[-1].stage.base, f"not Alpine: {reason.why}")
                yield from _on_slim(model)
                return
            continue
        swap = _together(swap, found)
        moved += candidates
    if not moved:
        return
    result = layout(model.document, swap.stages(model), swap.dropped)
    yield Change(
        moved[0].stage.base, result.edits, _proof(moved, swap), Safety.REVIEW, _config(model), {}, result.ledger
    )
    if model.app.kubernetes:
        yield Note(None, "musl reads the search domains of a Kubernetes cluster in its own way")


def _together(one: bases.Swap, other: bases.Swap) -> bases.Swap:
    evidence = list(dict.fromkeys([*one.evidence, *other.evidence]))
    packages = list(dict.fromkeys([*one.packages, *other.packages]))
    return bases.Swap(one.items | other.items, one.dropped | other.dropped, evidence, packages)


def _proof(moved: Sequence[StageModel], swap: bases.Swap) -> str:
    """Why the move is right, in one sentence."""
    references = list(dict.fromkeys(stage.reference for stage in moved))
    names, verb = _some(references), "carries" if len(references) == 1 else "carry"
    if not swap.evidence and all(bases.serves(stage) for stage in moved):
        return f"{names} serves the same files with the same settings on Alpine"
    proof = f", {_some(swap.evidence)} included" if swap.evidence else ", and none of its packages is compiled"
    added = f"; Alpine has to be given {_some(swap.packages)}" if swap.packages else ""
    return f"all that {names} {verb} for this app is known to work on Alpine{proof}{added}"


def _config(model: Model) -> ConfigDelta:
    """What changes in the configuration: the path of tini, which Alpine keeps elsewhere."""
    config, (here, there) = model.final.config, alpine.TINI
    if here not in (*config.entrypoint, *config.cmd):
        return {}
    moved = {
        name: tuple(there if word == here else word for word in getattr(config, name)) for name in ("entrypoint", "cmd")
    }
    return stated(config, **moved)


def _on_slim(model: Model) -> Iterator[Result]:
    root = model.final.lineage[0]
    if not bases.is_candidate(root) or root.image is None or root.image.variant != "full":
        return
    if root.image.name in bases.SERVERS:
        return
    try:
        swap = bases.on_slim(model, root)
    except UnfitError as reason:
        yield Refusal(reason.at or root.stage.base, f"not slim: {reason.why}")
        return
    result = layout(model.document, swap.stages(model), swap.dropped)
    verb = "is" if len(swap.packages) == 1 else "are"
    needed = f"; {_some(swap.packages)} came with it and {verb} installed" if swap.packages else ""
    why = f"nothing at run time needs the compilers and headers of {root.reference}{needed}"
    yield Change(root.stage.base, result.edits, why, Safety.REVIEW, ledger=result.ledger)


def _some(names: Sequence[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:4])} and {len(names) - 4} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
