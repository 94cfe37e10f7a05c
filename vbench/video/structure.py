"""Whether a file ends where its own structure says, by the sizes that containers write before their contents."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

SEGMENT_ID = b"\x18\x53\x80\x67"
EBML_ID = b"\x1a\x45\xdf\xa3"
CLUSTER_ID = b"\x1f\x43\xb6\x75"
MAX_BOXES = 1_000_000
"""A fragmented file has two a fragment."""
TS_SYNC, TS_PACKETS = 0x47, {188: 0, 192: 4, 204: 0}
"""The byte that packets of a transport stream begin with, and their lengths with its place in them."""
MAX_PADDING = 4096
"""Zeros after a whole file that some recorders write."""


def is_cut_off(path: Path, container: str) -> bool:
    """Whether the file is shorter than the sizes in it promise; False where its container writes none.

    Args:
        path: The file.
        container: As `Facts.container` has it.

    Raises:
        OSError: it cannot be read.
    """
    check = CHECKS.get(container)
    if check is None:
        return False
    with path.open("rb") as file:
        return check(file, os.fstat(file.fileno()).st_size)


def _mp4(file: BinaryIO, size: int) -> bool:
    """Whether a box of headers is not all there; a cut in the pictures' own box is told by their index.

    After fragments, and without the list of them that ends such a file, zeros stand in for more of them.
    """
    at, kinds = 0, set()
    for _ in range(MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return False
        length, kind = int.from_bytes(head[:4]), head[4:8]
        if not any(head):
            return b"moof" in kinds and b"mfra" not in kinds and size - at > MAX_PADDING
        if length == 1:
            length = int.from_bytes(head[8:16])
        if length < 8:  # 0: to the end of the file; less is no box
            return False
        at += length
        kinds.add(kind)
        if at > size:
            return kind in (b"moof", b"moov")
    return False


def _matroska(file: BinaryIO, size: int) -> bool:
    """Whether the segment is not all there, or its parts are not one after the other to its end.

    One that was written as a stream tells no length, and so may its clusters: then the last part has to be whole.
    """
    head = _element(file, 0, size)
    if head is None or head[0] != EBML_ID or head[2] is None:
        return False
    segment = _element(file, head[1] + head[2], size)
    if segment is None or segment[0] != SEGMENT_ID:
        return False
    _, at, length = segment
    is_stream = length is None
    end = size if length is None else at + length
    if end > size:
        return True
    for _ in range(MAX_BOXES):
        if at >= end:
            return is_stream and at > size
        file.seek(at)
        if file.read(1) == b"\0":  # no element's id begins so: the rest was never written
            return not is_stream or size - at > MAX_PADDING
        part = _element(file, at, size)
        if part is None:
            return is_stream
        kind, at, length = part
        if kind == CLUSTER_ID and (length is None or at + length <= size):
            continue  # its own parts come next
        if length is None:
            return False
        at += length
    return False


def _element(file: BinaryIO, at: int, size: int) -> tuple[bytes, int, int | None] | None:
    """Id of an EBML element, where its contents begin, and their length, which streams leave open; None: cut off."""
    file.seek(at)
    head = file.read(12)
    n_id = 9 - head[0].bit_length() if head and head[0] else 0
    if not n_id or len(head) <= n_id or not head[n_id]:
        return None
    n_length = 9 - head[n_id].bit_length()
    body = at + n_id + n_length
    if body > size:
        return None
    value = int.from_bytes(head[n_id : n_id + n_length]) & ((1 << 7 * n_length) - 1)
    return head[:n_id], body, None if value == (1 << 7 * n_length) - 1 else value


def _avi(file: BinaryIO, size: int) -> bool:
    """A file of more than a gigabyte is a row of RIFF lists; one that was streamed has the size 0."""
    at = 0
    while at + 12 <= size:
        file.seek(at)
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:11] != b"AVI":
            return False
        length = int.from_bytes(head[4:8], "little")
        end = at + 8 + length
        if not length or end > size:
            return bool(length)
        at += 12
        while at + 8 <= end:
            file.seek(at)
            kind, n_bytes = file.read(4), int.from_bytes(file.read(4), "little")
            if kind == bytes(4):  # no chunk is called so: the rest was never written
                return True
            at += 8 + n_bytes + n_bytes % 2
        at = end + length % 2
    return False


def _mpegts(file: BinaryIO, size: int) -> bool:
    """A transport stream is a row of packets of one length, each of which begins with a sync byte."""
    head = file.read(2 * max(TS_PACKETS))
    for length, sync in TS_PACKETS.items():
        if len(head) > length + sync and head[sync] == head[length + sync] == TS_SYNC:
            file.seek((size // length - 1) * length + sync)
            return bool(size % length) or file.read(1) != bytes([TS_SYNC])
    return False


def _gif(file: BinaryIO, size: int) -> bool:
    """A GIF ends with a trailer, after blocks that tell their lengths."""
    data = file.read()
    at = 13 + (3 << ((data[10] & 7) + 1) if len(data) > 10 and data[10] & 0x80 else 0)
    while at < size:
        kind = data[at]
        if kind == 0x3B:
            return False
        if kind == 0x2C:  # a picture: its place, perhaps its colours, and the size of its codes
            flags = data[at + 9] if at + 9 < size else 0
            at += 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
        elif kind == 0x21:  # an extension
            at += 2
        elif not any(data[at:]):  # a download that was padded
            return True
        else:
            at += 1
            continue
        while at < size and data[at]:
            at += 1 + data[at]
        at += 1
    return True


CHECKS: dict[str, Callable[[BinaryIO, int], bool]] = {
    "mp4": _mp4,
    "mov": _mp4,
    "mkv": _matroska,
    "webm": _matroska,
    "avi": _avi,
    "mpegts": _mpegts,
    "gif": _gif,
}


NEVER_END_IN_ZEROS = frozenset({"h264", "hevc", "av1", "vp9"})
"""Codecs of whose pictures the last bytes are not all zero in an MP4 or MOV."""
N_ZEROS = 64


def ends_in_zeros(path: Path, end: int) -> bool:
    """Whether zeros stand in for the last bytes before `end`, the end of the last picture in a file."""
    with path.open("rb") as file:
        file.seek(max(0, end - N_ZEROS))
        tail = file.read(N_ZEROS)
    return len(tail) == N_ZEROS and not any(tail)
