"""Keeping other processes of the same account from reading this one's memory and environment, where a token is."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

PR_SET_DUMPABLE = 4


def conceal() -> None:
    """On Linux, give ``/proc/PID/environ`` and ``mem`` to root alone, and let none but root trace this process:
    https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html. Elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
