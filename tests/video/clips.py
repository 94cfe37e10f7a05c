"""Makes small clips of known content, through PyAV and Pillow directly: nothing here goes through vbench."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114)}
"""Red and blue luma weights by H.273 matrix number: 1 is BT.709, 5 is BT.601."""
COLOURS = np.array(
    [[(200, 30, 40), (40, 180, 60), (30, 60, 210)], [(235, 220, 40), (128, 128, 128), (40, 200, 210)]], np.uint8
)


def flat_blocks(width: int = 192, height: int = 160) -> Any:
    """RGB (H, W, 3) of six flat colours, and the pixel at the middle of each."""
    rows, columns = COLOURS.shape[:2]
    image = COLOURS.repeat(height // rows, 0).repeat(width // columns, 1)
    middles = [
        ((2 * y + 1) * height // rows // 2, (2 * x + 1) * width // columns // 2)
        for y in range(rows)
        for x in range(columns)
    ]
    return image, middles


def moving(n: int = 12, width: int = 64, height: int = 48) -> Any:
    """Smooth RGB frames in which a bright box moves right and down; frame `i` differs from every other."""
    y, x = np.mgrid[:height, :width]
    background = np.stack([x * 100 // width + 40, y * 100 // height + 40, np.full_like(x, 80)], -1).astype(np.uint8)
    frames = []
    for index in range(n):
        frame = background.copy()
        left, top = index * (width - 16) // max(1, n - 1), index * (height - 16) // max(1, n - 1)
        frame[top : top + 16, left : left + 16] = (230, 210, 60)
        frames.append(frame)
    return frames


def yuv420p(rgb: Any, *, matrix: int = 1, full: bool = False) -> Any:
    """Planes of an RGB image by the textbook formulas, rounded to 8 bit."""
    red, blue = WEIGHTS[matrix]
    r, g, b = (rgb[..., i] / 255 for i in range(3))
    luma = red * r + (1 - red - blue) * g + blue * b
    cb, cr = (b - luma) / (2 * (1 - blue)), (r - luma) / (2 * (1 - red))
    cb, cr = (c.reshape(c.shape[0] // 2, 2, c.shape[1] // 2, 2).mean((1, 3)) for c in (cb, cr))
    scales = ((255, 0), (255, 128), (255, 128)) if full else ((219, 16), (224, 128), (224, 128))
    return [np.rint(p * scale + off).astype(np.uint8) for p, (scale, off) in zip((luma, cb, cr), scales, strict=True)]


def picture(rgb: Any, pix_fmt: str = "yuv420p", **colour: Any) -> Any:
    """`av.VideoFrame` of an RGB image."""
    if pix_fmt != "yuv420p":
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24").reformat(format=pix_fmt)
    frame = av.VideoFrame(rgb.shape[1], rgb.shape[0], "yuv420p")
    for plane, values in zip(frame.planes, yuv420p(rgb, **colour), strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : plane.width] = values
        plane.update(rows.tobytes())
    return frame


def back_to_normal() -> None:
    """SVT-AV1 makes the whole process real-time where it may (for root), and children inherit it: all others starve."""
    for thread in Path("/proc/self/task").glob("*"):
        os.sched_setscheduler(int(thread.name), os.SCHED_OTHER, os.sched_param(0))


def encode(
    path: Any,
    frames: Any,
    *,
    codec: str = "libx264",
    fps: int = 24,
    pix_fmt: str = "yuv420p",
    options: Any = None,
    pts: Any = None,
    time_base: Any = None,
    matrix: int = 1,
    full: bool = False,
    tagged: bool = True,
    prepare: Any = None,
    container: Any = None,
    **file_options: Any,
) -> Any:
    """Write RGB arrays with any codec; `pts` in ticks of `time_base` where given."""
    with av.open(str(path), "w", format=container, options=file_options) as file:
        stream = file.add_stream(codec, rate=Fraction(fps), options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if time_base:
            stream.codec_context.time_base = time_base
        if tagged:
            stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = 2 if full else 1
        if prepare:
            prepare(stream)
        for index, rgb in enumerate(frames):
            frame = picture(rgb, pix_fmt, matrix=matrix, full=full) if pix_fmt == "yuv420p" else picture(rgb, pix_fmt)
            frame.color_range = 2 if full else 1
            frame.pts = index if pts is None else pts[index]
            frame.time_base = time_base or 1 / Fraction(fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    if codec == "libsvtav1":
        back_to_normal()
    return path


def tone(seconds: float = 1.0, rate: int = 48000, hz: float = 440.0, channels: int = 2) -> Any:
    """float32 (n, channels)."""
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, 1).astype(np.float32)


def psnr(a: Any, b: Any) -> Any:
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-9))
