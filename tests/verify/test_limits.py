"""Amounts of memory, and what a build may use where nobody says."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from dockfix.cli import main
from dockfix.verify import limits
from dockfix.verify.limits import Limits, memory_bytes, of_builds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512m", 512 * 2**20),
        ("2g", 2 * 2**30),
        ("1.5G", 3 * 2**29),
        ("2gb", 2 * 2**30),
        ("4 KiB", 4096),
        ("100b", 100),
        ("0", 0),
    ],
)
def test_memory_as_docker_takes_it(text: str, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize("text", ["", "g", "-1", "2x", "lots", "2g2"])
def test_what_is_no_amount_of_memory(text: str) -> None:
    with pytest.raises(ValueError, match="is no amount of memory such as 512m or 2g"):
        memory_bytes(text)


@pytest.mark.parametrize(
    ("machine", "memory"), [(0, "8g"), (64 * 2**30, "8g"), (7 * 2**30, "5376m"), (10 * 2**30, "7680m")]
)
def test_a_small_machine_keeps_a_quarter(monkeypatch: pytest.MonkeyPatch, machine: int, memory: str) -> None:
    monkeypatch.setattr(limits, "machine_memory", lambda: machine)
    assert of_builds() == Limits(memory, 4096)


def test_what_is_said_is_taken() -> None:
    assert of_builds("20g", 7) == Limits("20g", 7)
    assert of_builds("0", 7).any
    assert not of_builds("0", 0).any


def test_this_machine_tells_its_memory() -> None:
    assert limits.machine_memory() > 2**27


@pytest.mark.parametrize("option", ["--memory", "--build-memory"])
def test_nonsense_is_refused_before_anything_is_built(option: str) -> None:
    result = CliRunner().invoke(main, ["verify", option, "2x", "."], prog_name="dockfix")
    assert result.exit_code == 2
    assert "'2x' is no amount of memory such as 512m or 2g" in result.stderr
