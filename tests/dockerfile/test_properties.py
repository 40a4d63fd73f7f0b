"""What must be true of any bytes; the promises themselves are those that the fuzzer keeps for hours."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import fuzz
from dockfix.dockerfile import DockerfileError, Document

LINES = st.sampled_from(
    [
        b"FROM a", b"FROM a AS b", b"from b", b"RUN a \\", b"  b \\", b"  # inner", b"", b"# free", b"\t", b"COPY a b",
        b"COPY --from=0 a b", b"RUN <<E", b"E", b"body", b'CMD ["a", "b"]', b"ENV A=1 B='x y'", b"ENV A b", b"ARG X=1",
        b"RUN cat <<-'E' > f && g", b"\tE", b"# escape=`", b"a `", b"HEALTHCHECK CMD a | b", b"ONBUILD RUN a && b",
        b"LABEL a=\"b\\\"c\"", b"# \xe9\xff", b"RUN for i in a; do b $i; done", b"VOLUME [\"/a\"]", b"USER a \\ ",
    ]
)  # fmt: skip


@st.composite
def dockerfiles(draw: st.DrawFn) -> bytes:
    newline = draw(st.sampled_from([b"\n", b"\r\n"]))
    lines = draw(st.lists(LINES, max_size=14))
    start = draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"# syntax=x" + newline]))
    return start + newline.join([b"FROM x", *lines]) + draw(st.sampled_from([b"", newline]))


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(dockerfiles(), st.integers(0, 2**32))
def test_promises_on_dockerfiles(source: bytes, seed: int) -> None:
    fuzz.check(source, random.Random(seed))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(source: bytes) -> None:
    for data in (source, b"FROM a\n" + source, b"FROM a\nRUN " + source):
        fuzz.check(data, random.Random(0))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=100))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        document = Document.parse("FROM a\n# " + text)
    except DockerfileError:
        return
    assert document.encode().decode("utf-8", "surrogateescape") == "FROM a\n# " + text


@pytest.mark.parametrize("number", range(len(fuzz.SEEDS)))
def test_the_seeds_are_valid(number: int) -> None:
    for seed in range(40):
        assert fuzz.check(fuzz.SEEDS[number], random.Random(seed)) == "valid"


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(DockerfileError, match="surrogate"):
        Document.parse("FROM a\n# \ud800")
