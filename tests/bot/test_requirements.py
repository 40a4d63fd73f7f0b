"""Every requirement has a test, and every test that names one names one that there is."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_requirements_and_tests_go_together() -> None:
    listed = re.findall(r"^- (\d\d): ", (HERE / "REQUIREMENTS.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == [f"{number:02}" for number in range(1, 26)]
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted(HERE.glob("test_*.py")))
    assert set(re.findall(r"^def test_requirement_(\d+)_", sources, re.MULTILINE)) == set(listed)
