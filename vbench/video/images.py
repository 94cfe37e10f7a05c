"""Reads animated and still pictures, and folders of frames, through Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from vbench.errors import ClipError
from vbench.files import frames_in
from vbench.video.facts import (
    ANIMATION_DEFAULT_S,
    FOLDER_FPS,
    DecodedPicture,
    Facts,
    Limits,
    browser_delay_s,
    check_size,
    short_delays,
)

IMAGE_FORMATS = ("WEBP", "PNG", "JPEG")
IMAGE_ERRORS = (OSError, SyntaxError, ValueError, EOFError)
"""What Pillow raises for a damaged picture."""


class ImageSource:
    """A still or animated WebP, PNG or JPEG, through Pillow, which composes and disposes its frames."""

    def __init__(self, path: Path, *, limits: Limits) -> None:
        self._path = path
        self._image = open_image(path, limits)
        kind = (self._image.format or "").lower()
        self._n = int(getattr(self._image, "n_frames", 1))
        # An animated PNG may carry a cover picture that is no part of the animation.
        self._first = 1 if getattr(self._image, "default_image", False) and self._n > 1 else 0
        self.facts = Facts(
            container="apng" if kind == "png" and self._n > 1 else kind,
            codec=kind,
            tick_s=0.001,
            interval_s=ANIMATION_DEFAULT_S,
            header_n_frames=self._n - self._first,
        )

    def pictures(self) -> Iterator[DecodedPicture]:
        t_s, n_short = 0.0, 0
        for index in range(self._first, self._n):
            try:
                self._image.seek(index)
                frame = as_frame(self._image)
            except IMAGE_ERRORS as error:
                self.facts.is_cut_off = True
                self.facts.warnings.append(f"reading stopped early: {error}")
                break
            duration_s = float(self._image.info.get("duration") or 0) / 1000
            if self.facts.header_n_frames == 1:
                duration_s = 0.0
            elif (shown_s := browser_delay_s(duration_s)) != duration_s:
                duration_s, n_short = shown_s, n_short + 1
            yield DecodedPicture(frame, t_s, duration_s)
            t_s += duration_s
        self.facts.warnings += short_delays(n_short)

    def close(self) -> None:
        self._image.close()


class FolderSource:
    """A folder of PNG or JPG frames, in the natural order of their numbers."""

    def __init__(self, path: Path, *, limits: Limits, fps: float | None) -> None:
        self._frames = frames_in(path)
        n_visible = sum(not entry.name.startswith(".") for entry in path.iterdir())
        self._limits = limits
        if not self._frames:
            raise ClipError(f"{path}: a folder without PNG or JPG frames; give a video file or frames", code="no_video")
        if fps is not None and not 0 < fps <= 1000:
            raise ClipError(f"{path}: fps is {fps}; give a rate between 0 and 1000")
        self._interval_s = 1 / (fps or FOLDER_FPS)
        if len(self._frames) * self._interval_s > limits.max_seconds:
            raise ClipError(
                f"{path}: {len(self._frames)} frames are more than {limits.max_seconds:.0f} s; "
                "give fewer or raise the limit",
                code="too_long",
            )
        suffix = self._frames[0].suffix.lower()
        self.facts = Facts(
            container="folder",
            codec="png" if suffix == ".png" else "jpeg",
            tick_s=1e-6,
            interval_s=self._interval_s,
            header_n_frames=len(self._frames),
        )
        if fps is None:
            self.facts.warnings.append(f"a folder of frames tells no rate; {FOLDER_FPS:g} fps assumed")
        if n_other := n_visible - len(self._frames):
            self.facts.warnings.append(f"{n_other} entries of the folder are not PNG or JPG and were left out")

    def pictures(self) -> Iterator[DecodedPicture]:
        for index, path in enumerate(self._frames):
            try:
                with open_image(path, self._limits) as image:
                    frame = as_frame(image)
            except IMAGE_ERRORS as error:
                raise ClipError(f"{path}: frame {index} of the folder cannot be decoded ({error})") from error
            yield DecodedPicture(frame, index * self._interval_s, self._interval_s)

    def close(self) -> None:
        """Nothing stays open between frames."""


def open_image(path: Path, limits: Limits) -> Image.Image:
    """Read a picture's header with Pillow and check its size.

    Raises:
        ClipError: It is no WebP, PNG or JPEG, or passes `limits.max_pixels`.
    """
    try:
        image = Image.open(path, formats=IMAGE_FORMATS)
    except Image.DecompressionBombError as error:
        raise ClipError(f"{path}: {error}; scale it down first", code="too_large") from error
    except IMAGE_ERRORS as error:
        raise ClipError(f"{path}: not a picture that can be read; make or import it again") from error
    try:
        check_size(path, *image.size, limits)
    except ClipError:
        image.close()
        raise
    return image


def as_frame(image: Image.Image) -> Any:
    """The current frame of a Pillow image as `av.VideoFrame`, rgba where it is transparent, else rgb24."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow's own conversion clips 16 bit at 255.
        grey = (np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8)
        return av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, axis=2), "rgb24")
    has_alpha = image.has_transparency_data
    pixels = np.asarray(image.convert("RGBA" if has_alpha else "RGB"))
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgba" if has_alpha else "rgb24")


def is_image(head: bytes) -> bool:
    """Whether a file starts like WebP, PNG or JPEG, which Pillow reads."""
    return head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
