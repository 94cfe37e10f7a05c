"""Sizes in containers tell whether a file is whole, also where a stream left them open."""

from __future__ import annotations

from pathlib import Path

import pytest

from vbench.video.structure import CLUSTER_ID, EBML_ID, SEGMENT_ID, is_cut_off

UNKNOWN = b"\x01" + 7 * b"\xff"


def element(kind: bytes, body: bytes, *, is_open: bool = False) -> bytes:
    """One of Matroska: id, size in eight bytes, contents."""
    size = UNKNOWN if is_open else (len(body) | 1 << 56).to_bytes(8)
    return kind + size + body


BLOCKS = element(b"\xe7", b"\0\1") + 3 * element(b"\xa3", 200 * b"x")
HEAD = element(EBML_ID, b"\x42\x82\x84webm")
INFO = element(b"\x15\x49\xa9\x66", 30 * b"i")


def segment(*, is_open: bool, are_clusters_open: bool) -> bytes:
    clusters = 2 * element(CLUSTER_ID, BLOCKS, is_open=are_clusters_open)
    return HEAD + element(SEGMENT_ID, INFO + clusters, is_open=is_open)


def told(tmp_path: Path, data: bytes) -> bool:
    path = tmp_path / "c.webm"
    path.write_bytes(data)
    return is_cut_off(path, "webm")


@pytest.mark.parametrize("are_clusters_open", [False, True])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_whole_file_is_whole_and_each_part_of_one_is_not(
    tmp_path: Path, is_open: bool, are_clusters_open: bool
) -> None:
    data = segment(is_open=is_open, are_clusters_open=are_clusters_open)
    assert not told(tmp_path, data)
    for missing in (1, 7, 150, 203, 215):  # in the picture, in the size of it, in its id
        assert told(tmp_path, data[:-missing]), missing


def test_what_ends_between_two_pictures_of_a_stream_is_not_doubted(tmp_path: Path) -> None:
    data = segment(is_open=True, are_clusters_open=True)
    assert not told(tmp_path, data[: -len(element(b"\xa3", 200 * b"x"))])


def test_zeros_in_place_of_the_rest_are_told_and_a_few_after_it_are_not(tmp_path: Path) -> None:
    data = segment(is_open=True, are_clusters_open=False)
    assert told(tmp_path, data + bytes(100_000))
    assert not told(tmp_path, data + bytes(512))
