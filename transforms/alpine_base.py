"""``alpine-base``: the smallest base that is proven to carry the app."""

from __future__ import annotations

from collections.abc import Iterator

from dockfix.dockerfile.layout import layout
from dockfix.model import Model
from dockfix.recipes import bases
from dockfix.recipes.split import UnfitError
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform


@transform("alpine-base", phase=Phase.BASE, safety=Safety.REVIEW)
def alpine_base(model: Model) -> Iterator[Result]:
    """Put the image on Alpine where everything in it is known to work there, else on Debian's slim variant.

    What it does:
        Exchanges the base of every stage that shares files for its Alpine variant of the same version, together with
        all that depends on it: packages by their Alpine names, accounts in busybox's words, bash where a script wants
        it, and what the full image gave for free (git, curl, libraries). Where one thing has no evidence of working on
        musl, only the last stage moves, to the slim variant, and the builder keeps its full base. `--base slim` asks
        for that at once, `--base keep` for no change.

    Why:
        The full images carry compilers, headers and tools for building other software: hundreds of megabytes and most
        of the packages that scanners complain of.

    Refuses when:
        Alpine: a system package has no Alpine name in the catalogue, a Python or Node package has no recorded wheel or
        binary for musl, a locale is set, a program is downloaded, a script uses GNU options. Slim: something is
        compiled in the very stage, or its needs are unknown. Both: the base is pinned by digest, named by a variable,
        or has no such variant.

    Example:
        See fixtures/alpine-base/example.
    """
    if model.options.base == "keep":
        return
    stages = bases.candidates(model)
    if not stages:
        return
    if model.options.base == "alpine":
        try:
            whole, dropped, evidence = bases.on_alpine(model, stages)
        except UnfitError as reason:
            yield Refusal(reason.at or stages[-1].stage.base, f"not Alpine: {reason.why}")
        else:
            result = layout(model.document, whole, dropped)
            proof = f", {_some(evidence)} included" if evidence else ""
            why = f"all that {stages[-1].reference} carries for this app is known to work on Alpine{proof}"
            yield Change(stages[-1].stage.base, result.edits, why, Safety.REVIEW, ledger=result.ledger)
            return
    root = model.final.lineage[0]
    if root not in stages or root.image is None or root.image.variant != "full":
        return
    if root is not model.final:
        yield Refusal(root.stage.base, "not slim: other stages build on the same base")
        return
    try:
        slim, packages = bases.on_slim(model, root)
    except UnfitError as reason:
        yield Refusal(reason.at or root.stage.base, f"not slim: {reason.why}")
        return
    result = layout(model.document, slim)
    needed = (
        f"; {_some(packages)} came with it and {'is' if len(packages) == 1 else 'are'} installed" if packages else ""
    )
    why = f"nothing at run time needs the compilers and headers of {root.reference}{needed}"
    yield Change(root.stage.base, result.edits, why, Safety.REVIEW, ledger=result.ledger)
    if model.app.kubernetes and model.options.base == "alpine":
        yield Note(None, "musl reads the search domains of a Kubernetes cluster in its own way")


def _some(names: list[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:4])} and {len(names) - 4} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
