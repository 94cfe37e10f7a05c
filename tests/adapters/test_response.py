"""Responses of hosted tools: how long they ask to wait, how they are unpacked, and what of them can be named."""

from __future__ import annotations

import email.utils
import gzip
import itertools
import json
import tracemalloc
import types
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import httpx
import pytest

from vbench.adapters import response
from vbench.adapters.response import (
    TooLargeError,
    fit_id,
    fit_text,
    read_response,
    retry_after_s,
    shortened,
    unpacked,
)

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("3", 3.0),
        ("1.5", 1.5),
        ("-4", 0.0),
        ("soon", None),
        ("date+60", 60.0),
        ("nan", 0.0),
        ("inf", 86400.0),
        ("1e400", 86400.0),
    ],
)
def test_retry_after(text: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "time", types.SimpleNamespace(time=lambda: NOW))
    if text == "date+60":
        text = email.utils.formatdate(NOW + 60, usegmt=True)
    assert retry_after_s({"retry-after": text}) == seconds


def test_a_poll_hint_in_milliseconds() -> None:
    assert retry_after_s({"openai-poll-after-ms": "2500", "retry-after": "9"}) == 2.5
    assert retry_after_s({"openai-poll-after-ms": "9" * 5000}) == 86400.0


def raw_deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(data) + machine.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:]),  # of two members
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "br": lambda data: brotli.compress(data, quality=1),
}
PAIRS = list(itertools.product(PACKERS, repeat=2))


def answered(body: bytes, coding: str, piece: int = 1000) -> httpx.Response:
    class Pieces(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield from (body[start : start + piece] for start in range(0, len(body), piece))

    return httpx.Response(200, headers={"content-encoding": coding}, stream=Pieces())


@pytest.mark.parametrize("size", [0, 1, 100, 200_000, 3 * 65536])
@pytest.mark.parametrize("coding", PACKERS)
def test_what_is_packed_comes_out_as_it_went_in(coding: str, size: int) -> None:
    data = bytes(n * n % 251 for n in range(size))
    for piece in (1, 1000) if size < 1000 else (999, 10**7):
        assert b"".join(unpacked(answered(PACKERS[coding](data), coding, piece), max_bytes=10**6)) == data


@pytest.mark.parametrize(("inner", "outer"), PAIRS)
def test_codings_upon_codings(inner: str, outer: str) -> None:
    data = json.dumps({"id": "x" * 5000}).encode()
    packed = PACKERS[outer](PACKERS[inner](data))
    assert read_response(answered(packed, f"{inner}, identity, {outer}")).json == {"id": "x" * 5000}


@pytest.mark.parametrize("codings", [[name] for name in PACKERS] + [["gzip", "gzip"], ["br", "gzip"], ["gzip", "br"]])
def test_a_small_answer_does_not_become_a_large_one(codings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    packed = bytes(64 * 2**20)
    for coding in codings:
        packed = PACKERS[coding](packed)
    assert len(packed) < 400_000
    monkeypatch.setattr(response, "MAX_RESPONSE_BYTES", 2**20)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="larger than 1048576 bytes"):
            read_response(answered(packed, ", ".join(codings), piece=10**7))
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", PACKERS)
def test_a_packed_answer_that_is_cut_off_or_damaged_is_no_answer(coding: str) -> None:
    packed = PACKERS[coding](bytes(range(256)) * 50)
    for body in (packed[:-9], packed[: len(packed) // 2], packed[:12] + b"\xff" * 9 + packed[21:]):
        with pytest.raises(httpx.DecodingError):
            list(unpacked(answered(body, coding), max_bytes=10**6))


@pytest.mark.parametrize(
    ("coding", "sentence"), [("gzip," * 4, "4 times over"), ("rot13", "packed as 'rot13'"), ("x" * 9000, "9000 char")]
)
def test_a_coding_that_is_not_read(coding: str, sentence: str) -> None:
    with pytest.raises(httpx.DecodingError, match=sentence):
        read_response(answered(b"{}", coding))


def test_a_document_of_too_many_values_is_not_built() -> None:
    with pytest.raises(TooLargeError, match="more than 1000000 values"):
        read_response(answered(gzip.compress(b"[" + b"[]," * 700_000 + b"0]"), "gzip"))


@pytest.mark.parametrize(
    ("value", "id"),
    [
        ("task_1-a.b:c/d=", "task_1-a.b:c/d="),
        (42, "42"),
        ("x" * 513, None),
        ("x" * 3_000_000, None),
        ("a b", None),
        ("a\r\nHost: b", None),
        ("a\x00", None),
        ("", None),
        (True, None),
        (1.5, None),
        (["a"], None),
        (10**4000, None),
    ],
)
def test_what_can_be_the_id_of_a_job(value: object, id: str | None) -> None:
    assert fit_id(value) == id


def test_what_is_told_of_an_odd_value() -> None:
    assert shortened("a\r\nb") == r"'a\r\nb'"
    assert shortened("y" * 3_000_000) == "'" + "y" * 80 + "'... (3000000 characters)"
    assert len(shortened(10**4000)) < 130
    assert fit_text("https://x.test/a?sig=" + "z" * 5000) is not None
