"""``expose``: the port that is bound, written down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.model import Model
from dockfix.model.config import stated
from dockfix.model.server import LOOPBACK
from dockfix.recipes import probes
from dockfix.recipes.stage import insert_tail
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.facts import Fact


@transform("expose", phase=Phase.RUNTIME, safety=Safety.SAFE)
def expose(model: Model) -> Iterator[Result]:
    """Write down the port on which the app listens.

    What it does:
        Adds EXPOSE with the port that the sources or the start command bind, where the file exposes none. The
        program's own default counts; a variable that ENV sets does, too.

    Why:
        EXPOSE tells people, `docker run -P`, compose and proxies where to connect.

    Refuses when:
        EXPOSE names another port than the app binds, or the app listens on the loopback address alone. Where the port
        cannot be told nothing is said, because nothing is wrong.

    Example:
        See fixtures/expose/example.
    """
    server, config, stage = model.server, model.final.config, model.final
    port = _port(model)
    if server.kind != "web" or port is None or not config.known:
        return
    step = stage.setting("CMD") or stage.setting("ENTRYPOINT")
    at = step.instruction if step is not None else stage.stage.base
    exposed = {name.partition("/")[0] for name in config.expose}
    if str(port.value) in exposed:
        return
    if server.bind is not None and server.bind.value in LOOPBACK:
        yield Refusal(at, f"the app listens on {server.bind.value} alone ({server.bind.origin})")
        return
    own = stage.setting("EXPOSE")
    if own is not None:
        decided = server.variable is None or server.variable.value in config.env
        if decided and all(name.isdigit() for name in exposed):
            yield Refusal(own.instruction, f"the app binds {port.value} ({port.origin}), which EXPOSE does not name")
        return
    yield Change(
        at,
        (insert_tail(model, stage, "EXPOSE", f"EXPOSE {port.value}"),),
        f"the app listens on {port.value} ({port.origin})",
        Safety.SAFE,
        stated(config, expose=(*config.expose, f"{port.value}/tcp")),
    )


def _port(model: Model) -> Fact[int] | None:
    from dockfix.facts import Fact

    if model.server.language != "nginx":
        return model.server.port
    site = probes.nginx_site(model)
    return Fact(site.port, "nginx's configuration") if site.port else None
