"""The fuzzer's promises and the official parser stand beside the benchmarks; the tests here use both."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
