"""The scanner against BuildKit's own parser, where its wheel can be had."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from benchmarks import agreement, fuzz

pytestmark = pytest.mark.skipif(find_spec("dockerfile") is None, reason="the official parser has no wheel here")


@pytest.fixture(name="official", scope="module")
def _official() -> Iterator[agreement.Official]:
    with agreement.Official() as official:
        yield official


def test_both_read_the_seeds_alike(official: agreement.Official) -> None:
    for seed in fuzz.SEEDS:
        text = seed.decode("utf-8", "replace")
        assert agreement.compare(agreement.read(text), official.read(text)) == "the same"


def test_a_difference_is_seen(official: agreement.Official) -> None:
    theirs = official.read("FROM a\nRUN b")
    assert agreement.compare(agreement.read("FROM a\nRUN c"), theirs).startswith("different")
    assert agreement.compare(agreement.read("FROM a"), theirs).startswith("different: 1 and 2")
    assert agreement.compare(agreement.read("FROM a\nENV b"), theirs).startswith("only one refuses")


@pytest.mark.parametrize("seed", range(4))
def test_both_read_mutations_alike(official: agreement.Official, seed: int) -> None:
    chance = random.Random(seed)
    compared = 0
    while compared < 150:
        text = fuzz.mutate(chance.choice(fuzz.SEEDS), fuzz.SEEDS, chance).decode("utf-8", "replace")
        if _older(text):
            continue
        verdict = agreement.compare(agreement.read(text), official.read(text))
        assert verdict in ("the same", "both refuse") or verdict.startswith("older wheel"), (verdict, text)
        compared += 1


def _older(text: str) -> bool:
    """Whether a text has what the wheel's parser is known to read unlike today's BuildKit."""
    return any(
        piece in text for piece in ("<< ", "<<\t", "<<\r", "\0", "\v", "\x85", "\xa0", "ONBUILD ONBUILD", "check")
    )
