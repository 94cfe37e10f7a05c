"""Frames that are pixels in memory rather than a file, for measures inside a training loop."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray

from vbench.errors import OptionError
from vbench.records import Probe
from vbench.video.frames import Frame, Lens


def array_frames(rgb: NDArray[np.uint8], fps: float) -> Iterator[Frame]:
    """The same frames that a lossless file of these pictures would give.

    Args:
        rgb: RGB uint8 (T, H, W, 3).
        fps: Frames per second.
    """
    lens: Lens | None = None
    for index, picture in enumerate(rgb):
        image = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
        lens = lens or Lens(image, 1.0)
        yield Frame(image, lens, index, index / fps, 1 / fps)


def array_probe(rgb: NDArray[np.uint8], fps: float) -> Probe:
    """Facts of frames in memory.

    Raises:
        OptionError: not RGB uint8 (T, H, W, 3) with at least one frame, or no rate.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 4 or rgb.shape[-1] != 3 or 0 in rgb.shape:
        raise OptionError(f"expected RGB uint8 frames of shape (T, H, W, 3); found {rgb.dtype} {rgb.shape}")
    if not fps > 0:
        raise OptionError(f"fps is {fps}; expected frames per second, above 0")
    return Probe(
        container="memory",
        codec="raw",
        pixel_format="rgb24",
        width=rgb.shape[2],
        height=rgb.shape[1],
        rotation=0,
        n_frames=len(rgb),
        fps=float(fps) if len(rgb) > 1 else 0.0,
        duration_s=len(rgb) / fps,
        is_vfr=False,
        bit_depth=8,
        has_alpha=False,
        has_audio=False,
        size_bytes=rgb.nbytes,
    )
