"""``expose``: the port that is bound, written down."""

from __future__ import annotations

from collections.abc import Iterator

from dockfix.model import Model
from dockfix.model.config import stated
from dockfix.recipes.stage import insert_tail
from dockfix.transform import Change, Note, Phase, Result, Safety, transform


@transform("expose", phase=Phase.RUNTIME, safety=Safety.SAFE)
def expose(model: Model) -> Iterator[Result]:
    """Write down the port on which the app listens.

    What it does:
        Adds EXPOSE with the port that the sources or the start command bind, where the image exposes none. An EXPOSE
        that names another port is reported, never changed.

    Why:
        EXPOSE tells people, `docker run -P`, compose and proxies where to connect.

    Refuses when:
        The port cannot be told from the sources; nothing is said then, because nothing is wrong.

    Example:
        See fixtures/expose/example.
    """
    server, config = model.server, model.final.config
    if server.kind != "web" or server.port is None or not config.known:
        return
    port = server.port.value
    exposed = {name.partition("/")[0] for name in config.expose}
    if str(port) in exposed:
        return
    if exposed:
        at = model.final.last("EXPOSE")
        if at is not None and all(name.isdigit() for name in exposed) and server.variable is None:
            why = f"the app binds {port} ({server.port.origin}), which EXPOSE does not name"
            yield Note(at.instruction, why, advice=True)
        return
    if server.variable is not None and server.variable.value in config.env:
        return
    yield Change(
        model.start.command,
        (insert_tail(model, model.final, "EXPOSE", f"EXPOSE {port}"),),
        f"the app listens on {port} ({server.port.origin})",
        Safety.SAFE,
        stated(config, expose=(*config.expose, f"{port}/tcp")),
    )
