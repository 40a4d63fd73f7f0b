"""Verifying a rewrite: the original and the rewrite are built, run, measured and compared."""

from dockfix.verify.comparison import Verdict
from dockfix.verify.engine import Engine
from dockfix.verify.limits import Limits
from dockfix.verify.result import EngineError
from dockfix.verify.verification import Trial, Verification, verify
from dockfix.verify.workspace import Interrupted, Workspace, workspace

__all__ = [
    "Engine",
    "EngineError",
    "Interrupted",
    "Limits",
    "Trial",
    "Verdict",
    "Verification",
    "Workspace",
    "verify",
    "workspace",
]
