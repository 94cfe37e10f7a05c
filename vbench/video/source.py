"""Opens a video file, a picture or a folder of frames by what it holds, never by its name."""

from __future__ import annotations

import stat
from pathlib import Path

from vbench.errors import ClipError
from vbench.video.facts import Limits, VideoSource
from vbench.video.images import FolderSource, ImageSource, is_image
from vbench.video.stream import StreamSource

PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"<MPD", b"<?xml", b"<smil", b"#EXT-")


def open_source(
    path: Path, *, limits: Limits, threads: int = 0, fps: float | None = None, sound: bool = False, quick: bool = False
) -> VideoSource:
    """Open what lies at `path` by its content, never by its name.

    Args:
        path: A local regular file, or a folder of PNG or JPG frames.
        limits: What is refused unread.
        threads: Decoder threads; 0 lets the decoder choose.
        fps: Rate of a folder of frames; a file carries its own.
        sound: Also measure the span of the sound stream.
        quick: Leave out the loop filter: for counting frames, not for looking at them.

    Raises:
        ClipError: The path is not such a file, or passes a limit.
    """
    if path.is_dir():
        return FolderSource(path, limits=limits, fps=fps)
    head = check_file(path, limits)
    if is_image(head):
        return ImageSource(path, limits=limits)
    return StreamSource(path, head, limits=limits, threads=threads, sound=sound, quick=quick)


def check_file(path: Path, limits: Limits) -> bytes:
    """The first bytes of a local regular file that is no playlist.

    Raises:
        ClipError: It is something else, is empty, cannot be read, or passes `limits.max_bytes`.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise ClipError(f"{path}: a pipe, socket or device; give a local file", code="protocol")
        with path.open("rb") as file:
            head = file.read(64)
    except (OSError, ValueError) as error:
        raise ClipError(f"{path}: cannot be read ({error}); check the path and its permissions") from error
    if not head:
        raise ClipError(f"{path}: the file is empty; generate or import it again", code="empty")
    if facts.st_size > limits.max_bytes:
        raise ClipError(
            f"{path}: {facts.st_size:,} bytes, at most {limits.max_bytes:,} are read; cut it or raise the limit",
            code="too_large",
        )
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(PLAYLISTS):
        raise ClipError(f"{path}: a playlist that points to other files; give the video file itself", code="protocol")
    return head
