"""Bodies come back as they were, and never larger than allowed."""

import gzip
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from web.bodies import inflate
from web.problems import Problem

LIMIT = 1000


@given(st.binary(max_size=LIMIT), st.sampled_from(["", "identity", "gzip", "zstd", " GZIP "]))
def test_what_went_in_comes_out(body: bytes, encoding: str) -> None:
    squeeze = {"gzip": gzip.compress, "zstd": zstandard.compress}.get(encoding.strip().lower(), bytes)
    assert inflate(squeeze(body), encoding, LIMIT) == body


def test_several_members_make_one_body() -> None:
    for squeeze, encoding in ((gzip.compress, "gzip"), (zstandard.compress, "zstd")):
        assert inflate(squeeze(b"a") + squeeze(b"b"), encoding, LIMIT) == b"ab"


@pytest.mark.parametrize(("squeeze", "encoding"), [(gzip.compress, "gzip"), (zstandard.compress, "zstd")])
def test_a_bomb_is_refused_in_little_memory(squeeze: object, encoding: str) -> None:
    bomb = squeeze(bytes(50_000_000)) if callable(squeeze) else b""
    tracemalloc.start()
    with pytest.raises(Problem) as refused:
        inflate(bomb, encoding, LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.status == 413
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b"x" * 500, mtime=0)[:-9], "gzip", 400),
        (zlib.compress(b"x"), "gzip", 400),
        (zstandard.compress(b"x" * 500)[:-3], "zstd", 400),
        (b"plain", "zstd", 400),
        (b"plain", "br", 415),
        (b"x" * (LIMIT + 1), "", 413),
        (gzip.compress(b"x" * (LIMIT + 1), mtime=0), "gzip", 413),
    ],
)
def test_what_cannot_be_read_is_a_problem(body: bytes, encoding: str, status: int) -> None:
    with pytest.raises(Problem) as refused:
        inflate(body, encoding, LIMIT)
    assert refused.value.status == status
