"""What kind of process a Python start command is: one that listens, one that works on, or a task that ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dockfix.facts.fact import Fact
from dockfix.facts.pycommand import Start
from dockfix.facts.pylisten import Listener
from dockfix.facts.pysocket import COMMAND
from dockfix.facts.pysource import Source
from dockfix.text import line_of

_WEB: Final = frozenset(
    {"gunicorn", "uvicorn", "flask", "fastapi", "hypercorn", "daphne", "waitress", "streamlit", "uwsgi", "granian",
     "chainlit", "sanic", "jupyter", "mlflow", "panel", "http.server", "litestar"}
)  # fmt: skip
_WORKERS: Final = frozenset({"celery", "rq", "dramatiq", "arq", "huey", "taskiq", "airflow", "prefect"})
_BOTS: Final = re.compile(
    r"\.(?:run_polling|start_polling|infinity_polling|polling|idle|run_forever|serve_forever|start_consuming|run_until_disconnected"
    r"|consume|worker_main|start_worker|work)\s*\(|BlockingScheduler|discord|\bwhile\s+(?:True|1)\s*:"
)


def kind_of(
    start: Start, entry: Source | None, sources: Sequence[Source], listener: Listener | None, prefix: str
) -> Fact[str]:
    """What kind of process *start* is.

    Args:
        start: the command.
        entry: the source that is run.
        sources: the sources that it reaches.
        listener: what listens in them.
        prefix: what goes before paths in origins.
    """
    if start.server in _WEB:
        if start.server in ("flask", "fastapi") and start.subcommand not in ("run", "dev", ""):
            return Fact("none", COMMAND)
        return Fact("web", COMMAND)
    if start.server == "manage":
        if start.subcommand in ("runserver", "runserver_plus", "runsslserver"):
            return Fact("web", COMMAND)
        worker = re.search(r"worker|qcluster|rundramatiq|process_tasks|consume|listen|bot|beat", start.subcommand or "")
        return Fact("worker" if worker else "none", COMMAND)
    if start.server in _WORKERS:
        return Fact("worker", COMMAND)
    if start.server == "python" and listener is not None:
        if listener.server == "prometheus":
            return Fact("worker", listener.origin)
        return Fact("web", listener.origin)
    if start.server == "python":
        for source in sources:
            match = _BOTS.search(source.text)
            if match is not None and (source is entry or not match[0].startswith("while")):
                line = line_of(source.text, match.start())
                return Fact("worker", f"{source.prefix}{source.path}:{line}")
    return Fact("none", prefix + entry.path if entry is not None else COMMAND)
