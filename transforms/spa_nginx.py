"""``spa-nginx``: tell nginx which paths belong to a single-page app."""

from __future__ import annotations

from collections.abc import Iterator

from dockfix.dockerfile.habits import insert_before
from dockfix.model import Model
from dockfix.recipes.split import UnfitError
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform


@transform("spa-nginx", phase=Phase.SPLIT, safety=Safety.REVIEW)
def spa_nginx(model: Model) -> Iterator[Result]:
    """Give nginx a configuration for the routes of a single-page app.

    What it does:
        Where the last stage is nginx with its own default configuration, and serves what an earlier stage built of an
        app with a router in the browser, it adds an `nginx.conf`: unknown paths get `index.html`, which no browser
        keeps; a missing file of the folder with hashed names and anything under `/api/` is 404; the hashed folder may
        be kept for a year. Port 80 and IPv6 stay.

    Why:
        With the default configuration a reload of any page but the first is 404, and after a deployment browsers keep
        an old `index.html` that asks for files which are gone.

    Refuses when:
        The app lives under a base path, or something called `nginx.conf` lies in its folder already. A stage
        with a configuration, templates or a start command of its own is left alone.

    Good to know:
        There is no `=404` behind `/index.html`: the page exists, so that it would never be reached. What really is
        missing has a place of its own: a file of the hashed folder, and everything under `/api/`, is 404, since a
        browser that asks for a script and gets a page with 200 shows an empty screen. Only the folder whose names hold
        a hash is kept for a year. A rule for endings (`.js`, `.png`) would keep the icon and every other file that has
        the same name after the next deployment, too.

    Example:
        See fixtures/spa-nginx/example.
    """
    if model.final.image is None or model.final.image.name != "nginx":
        return
    from dockfix.recipes import nginx
    from dockfix.recipes.site import site

    try:
        found = site(model)
        if found is None:
            return
        path = nginx.conf_path(model.app, found.source)
    except UnfitError as reason:
        yield Refusal(reason.at or model.final.stage.base, reason.why)
        return
    yield Change(
        found.copy,
        (insert_before(model.document, found.copy, f"COPY {path} {nginx.CONF}"),),
        f"the app finds its pages in the browser by {found.router.value} ({found.router.origin}), and nginx's own "
        "configuration answers 404 to all of them but the first",
        Safety.REVIEW,
        files={model.app.origin(path): nginx.conf(nginx.PORT, nginx.hashed_folder(found.node))},
    )
