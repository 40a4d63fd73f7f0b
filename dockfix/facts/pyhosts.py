"""The hosts that a Python web app answers, where it looks at the Host header."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dockfix.facts import pydjango
from dockfix.facts.fact import Fact
from dockfix.facts.pysource import Source
from dockfix.facts.pytree import argument
from dockfix.facts.pyvalue import Evaluator


def allowed_hosts(
    evaluator: Evaluator, sources: Sequence[Source], settings: Source | None
) -> Fact[tuple[str, ...]] | None:
    """The hosts that an app answers; None where it does not look at the Host header, empty where they are not known."""
    if settings is not None:
        return pydjango.allowed_hosts(evaluator, settings)
    for source in sources:
        if "TrustedHostMiddleware" in source.text and (trusted := _trusted(evaluator, source)) is not None:
            return trusted
    for source in sources:
        for site in source.assignments if "SERVER_NAME" in source.text else ():
            # Flask answers 404 to any host but its SERVER_NAME.
            if re.search(r"\[[\"']SERVER_NAME[\"']\]\s*=|^SERVER_NAME\s*=", source.code(site.node)):
                return Fact((), source.origin(site))
    return None


def _trusted(evaluator: Evaluator, source: Source) -> Fact[tuple[str, ...]] | None:
    for site in source.calls:
        first = argument(site.node, 0, "middleware_class")
        names = (evaluator.canonical(source, first), evaluator.canonical(source, site.node.func))
        if any(name.endswith("TrustedHostMiddleware") for name in names):
            value = evaluator.settled(evaluator.value(source, site.scope, argument(site.node, None, "allowed_hosts")))
            hosts = value if isinstance(value, tuple) else ()
            return Fact(tuple(item for item in hosts if isinstance(item, str)), source.origin(site))
    return None
