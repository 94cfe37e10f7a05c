"""Files of clips: which they are, the order of frames, what tells their content, and how a file is written whole."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg")
"""Of the pictures of a folder of frames."""
VIDEO_SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".gif", ".webp", ".avi", ".m4v")
"""Of the single files that tools deliver."""
CLIP_SUFFIXES = (*VIDEO_SUFFIXES, ".png")
"""Of the files that may be clips: a PNG may be animated."""


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """Sorts `frame2` before `Frame10`: numbers by their value and before letters, letters without regard to case."""
    parts = re.split(r"([0-9]+)", path.name)
    key = [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts if part]
    return [*key, (2, 0, path.name)]


def frames_in(folder: Path) -> list[Path]:
    """The frames of a folder of them, in the order in which they are played: its visible pictures.

    Raises:
        OSError: the folder cannot be read.
    """
    return sorted((path for path in folder.iterdir() if is_frame(path)), key=natural_order)


def is_frame(path: Path) -> bool:
    """Whether a file is one frame of a folder of them: a picture that is not hidden."""
    return path.suffix.lower() in FRAME_SUFFIXES and not path.name.startswith(".") and path.is_file()


def sha256_of(path: Path) -> str:
    """What tells a clip's content, in hex: of the file's bytes; of a folder, that of its frames' digests in order.

    Raises:
        OSError: a file cannot be read.
    """
    if path.is_dir():
        return hashlib.sha256(b"".join(bytes.fromhex(sha256_of(frame)) for frame in frames_in(path))).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def home_expanded(path: str | Path) -> Path:
    """A path as a person writes it: `~` is their home folder."""
    return Path(path).expanduser()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; when the block ends well, `path` is what was written, whole and on the disk.

    A reader, and a machine whose power fails, sees the old file or the new one, never a part. What an error or a kill
    leaves unfinished has a name that begins with a dot and ends in `.part`.

    Raises:
        OSError: it cannot be written (no room, no permission).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small file of UTF-8 whole or not at all; see `written_whole`."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")
