"""``split-stages``: build in one stage, run in another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dockfix.dockerfile import Document
from dockfix.dockerfile.layout import layout
from dockfix.model import Model
from dockfix.recipes import bases
from dockfix.recipes.ecosystems import splits
from dockfix.recipes.split import NoGainError, UnfitError
from dockfix.text import Edit, apply
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform


@transform("split-stages", phase=Phase.SPLIT, safety=Safety.REVIEW)
def split_stages(model: Model) -> Iterator[Result]:
    """Build in one stage and run in another, so that compilers and dev dependencies stay behind.

    What it does:
        Takes a single stage apart. Python packages are installed in a builder, by pip, Poetry, uv or Pipenv, and
        carried to the end in the user site or a virtual environment, with the run-time libraries of the -dev packages
        that the builder needed; the end starts without `poetry run` and its like. A Node service, or one of bun, gets
        its production modules and its build output from stages of their own, Next.js, Nuxt, SvelteKit and Remix just
        what their servers read; of one in the root of the image the file's own copies bring the rest. A single-page app
        is built by Node and served by nginx on the port it had. A Go program runs without the toolchain, on Alpine
        where nothing in it calls C, else on the Debian or Alpine that it was built on, with the files that its sources
        name. A Java archive that is complete in itself runs on its vendor's JRE, without Maven or Gradle. A Rust
        program runs on the same Debian or Alpine with the libraries that its crates link to. What `dotnet publish`
        makes runs on the image of its runtime. Gems and the assets of Rails are built apart, and the end is slim where
        every gem of the lock is known. Extensions of PHP are compiled apart on Alpine, and the end gets their
        libraries; on Debian, whose image of PHP keeps compilers of its own, with `--split always`.

    Why:
        What an image does not carry need not be pulled, scanned or patched, and cannot be used by an intruder.

    Refuses when:
        The start command, a script or the sources need a dev dependency or a build tool; something else than the known
        instructions leaves files behind; yarn makes no node_modules (Plug'n'Play), or corepack would fetch the package
        manager at each start; a command, script or configuration names by its absolute path what pip installs; the
        build of an app in the root of the image may write elsewhere than into one folder; what is copied beside the
        build may need what an instruction of the end makes before it; compose mounts the sources (a development image);
        the stage has ONBUILD; a single-page app has a proxy, a base path or settings that come at run time. Where
        nothing would be gained it says so and leaves the file as it is; `--split always` splits all the same.

    Example:
        See fixtures/split-stages/example.
    """
    if len(model.stages) != 1:
        return
    base = model.final.stage.base
    if model.final.image is None:
        yield Refusal(base, model.final.unresolved)
        return
    for recipe in splits(model):
        try:
            split = recipe(model)
        except UnfitError as reason:
            yield Refusal(reason.at or base, reason.why)
            return
        except NoGainError as reason:
            yield Note(base, f"nothing to gain: {reason}")
            return
        if split is not None:
            result = layout(model.document, split.stages, split.dropped)
            if split.idle_on and model.options.split != "always" and bases.keeps(_after(model, result.edits)):
                yield Note(
                    base, f"nothing to gain: the end would stay on {split.idle_on}, which brings the build tools itself"
                )
                return
            yield Change(base, result.edits, split.why, split.safety, split.config, split.files, tuple(result.ledger))
            yield from split.notes
            return


def _after(model: Model, edits: Sequence[Edit]) -> Model:
    """The model with *edits* made."""
    document = Document.parse(apply(model.document.text, edits), model.document.path)
    return Model(document, model.app, model.options)
