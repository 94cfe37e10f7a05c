"""Videos made beside the original: the proxy a browser plays, and takes side by side in one file."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vbench.records import Probe
from vbench.video import fonts
from vbench.video.encoder import AudioChunks, Drawn, EncoderSettings, X264Options, encode, exact_rate, write_clip
from vbench.video.facts import DEFAULT_LIMITS, FOLDER_FPS, Limits
from vbench.video.frames import Frame, read_frames
from vbench.video.inspection import survey
from vbench.video.sound import sound_chunks
from vbench.video.stream import open_container

MAX_GRID_FPS = 120.0
PLAYABLE = {
    "mp4": ({"h264", "av1", "vp9"}, {"", "aac", "mp3", "opus", "flac"}),
    "webm": ({"vp8", "vp9", "av1"}, {"", "opus", "vorbis"}),
}
"""What every current browser plays: container → video codecs, sound codecs."""


def is_browser_playable(probe: Probe) -> bool:
    """Whether browsers play the original as it is: container, codecs, 8 bit 4:2:0, nothing transparent."""
    video, audio = PLAYABLE.get(probe.container, (set(), set()))
    return (
        probe.codec in video
        and probe.audio_codec in audio
        and probe.pixel_format in ("yuv420p", "yuvj420p")
        and not probe.has_alpha
    )


def proxy(
    path: Path,
    out: Path,
    *,
    height: int = 480,
    fps: float | None = None,
    strip: bool = True,
    silent: bool = False,
    crf: int = 20,
    limits: Limits = DEFAULT_LIMITS,
) -> EncoderSettings:
    """Write an MP4 that browsers play and step through exactly: constant rate, short GOPs, no B-frames.

    A variable frame rate is re-timed onto a constant grid; the settings say how many frames were repeated or dropped.

    Args:
        path: The clip.
        out: Where to; replaced if it exists.
        height: In pixels, even; all proxies of a page have the same.
        fps: None: the clip's own rate, by its usual frame interval.
        strip: Leave out all metadata of the original, which may tell who made it.
        silent: Leave out the sound, which some tools make and others do not.
        crf: x264's constant quality.
        limits: What is refused unread.

    Raises:
        ClipError: The clip cannot be read, or the file cannot be written.
    """
    path = Path(path)
    if height < 2 or height % 2:
        raise ValueError(f"the height of a proxy is even and at least 2; got {height}")
    facts, times = survey(path, limits=limits)
    rate = exact_rate(fps) if fps is not None else usual_rate(facts, times)
    size = (max(2, 2 * round(facts.width * height / facts.height / 2)), height)
    n_repeated = n_dropped = 0

    def pictures() -> Iterator[Drawn]:
        nonlocal n_repeated, n_dropped
        for frame, n_steps in on_grid(read_frames(path, limits=limits), rate):
            n_repeated += max(0, n_steps - 1)
            n_dropped += n_steps == 0
            if n_steps:
                image = frame.yuv420p(size)
                yield from (Drawn(image) for _ in range(n_steps))

    settings = encode(
        pictures(),
        out,
        fps=rate,
        x264=X264Options(crf=crf, preset="veryfast", gop=12, b_frames=False),
        audio=_sound(path, limits) if facts.has_audio and not silent else None,
        metadata=None if strip else _metadata(path, limits),
    )
    return replace(settings, n_repeated=n_repeated, n_dropped=n_dropped)


def side_by_side(
    paths: Sequence[Path],
    labels: Sequence[str],
    out: Path,
    *,
    height: int = 480,
    columns: int = 4,
    fps: float | None = None,
    crf: int = 18,
    limits: Limits = DEFAULT_LIMITS,
) -> EncoderSettings:
    """Write takes next to each other on one clock, each under its name; a take that has ended holds its last frame.

    Args:
        paths: The clips.
        labels: A name each, burnt in above the picture.
        out: Where to; replaced if it exists.
        height: Of each take, in pixels.
        columns: Takes per row.
        fps: None: the highest rate among the takes.
        crf: x264's constant quality.
        limits: What is refused unread.

    Raises:
        ClipError: A clip cannot be read, or the file cannot be written.
    """
    if not paths or len(paths) != len(labels):
        raise ValueError(f"give at least one clip and a label each; got {len(paths)} clips and {len(labels)} labels")
    surveys = [survey(Path(path), limits=limits) for path in paths]
    rate = exact_rate(fps) if fps is not None else max(usual_rate(facts, times) for facts, times in surveys)
    sizes = [(max(2, round(facts.width * height / facts.height)), height) for facts, _ in surveys]
    bar = max(16, height // 14)
    cell_width, n_columns = max(width for width, _ in sizes), min(columns, len(paths))
    n_rows = -(-len(paths) // n_columns)
    canvas = np.zeros((n_rows * (height + bar), n_columns * cell_width, 3), np.uint8)
    corners = [((place // n_columns) * (height + bar), place % n_columns * cell_width) for place in range(len(paths))]
    for (top, left), label in zip(corners, labels, strict=True):
        canvas[top : top + bar, left : left + cell_width] = label_bar(label, cell_width, bar)

    def sheets() -> Iterator[NDArray[np.uint8]]:
        takes = [_steps(Path(path), rate, size, limits) for path, size in zip(paths, sizes, strict=True)]
        n_live = len(takes)
        ended = [False] * n_live
        while True:
            for place, ((top, left), (width, _)) in enumerate(zip(corners, sizes, strict=True)):
                if ended[place]:
                    continue
                pixels = next(takes[place], None)
                if pixels is None:
                    ended[place], n_live = True, n_live - 1
                else:
                    inset = left + (cell_width - width) // 2
                    canvas[top + bar : top + bar + height, inset : inset + width] = pixels
            if not n_live:
                return
            yield canvas

    return write_clip(sheets(), out, fps=rate, crf=crf, preset="veryfast")


def on_grid(frames: Iterator[Frame], rate: Fraction) -> Iterator[tuple[Frame, int]]:
    """Each frame and how many steps of a constant grid show it; 0: a later one takes its step."""
    n_done = 0
    for frame in frames:
        # The first frame is always shown, so that even the shortest clip has a step.
        end = max(round((frame.t_s + frame.duration_s) * float(rate)), 1 if frame.index == 0 else 0)
        yield frame, max(0, end - n_done)
        n_done = max(n_done, end)


def usual_rate(facts: Probe, times: array[float]) -> Fraction:
    """The rate whose grid fits a clip: its mean, or for a variable one its median interval."""
    if len(times) < 2:
        return exact_rate(1 / facts.duration_s if facts.duration_s > 0.001 else FOLDER_FPS)
    if not facts.is_vfr:
        return exact_rate(facts.fps)
    return exact_rate(min(MAX_GRID_FPS, 1 / float(np.median(np.diff(np.frombuffer(times))))))


def label_bar(text: str, width: int, height: int) -> NDArray[np.uint8]:
    """White text on black, RGB uint8 (height, width, 3); shortened where it does not fit."""
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    font = fonts.font(height * 0.65)
    shown = text
    while len(shown) > 1 and draw.textlength(shown, font=font) > width - 8:
        shown = shown.removesuffix("…")[:-1] + "…"
    draw.text((width / 2, height / 2), shown, font=font, fill="white", anchor="mm")
    return np.asarray(image)


def _steps(path: Path, rate: Fraction, size: tuple[int, int], limits: Limits) -> Iterator[NDArray[np.uint8]]:
    for frame, n_steps in on_grid(read_frames(path, limits=limits), rate):
        if n_steps:
            pixels = frame.rgb(size)
            yield from (pixels for _ in range(n_steps))


def _sound(path: Path, limits: Limits) -> AudioChunks | None:
    """The sound as a stream, with its rate known beforehand."""
    chunks = sound_chunks(path, limits=limits)
    first = next(chunks, None)
    if first is None:
        return None
    return (chunk for chunk, _ in chain([first], chunks)), first[1]


def _metadata(path: Path, limits: Limits) -> dict[str, str]:
    if path.is_dir():
        return {}
    with closing(open_container(path, limits)) as file:
        return dict(file.metadata)
