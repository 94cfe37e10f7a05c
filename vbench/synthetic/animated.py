"""Moves a given picture, so that image-to-video can be tried and measured with nothing downloaded."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from vbench.records import digest
from vbench.synthetic.render import Frame

ANIMATION_VERSION = 1
"""Raised when the same pictures and seed may give other pixels: it is part of a job's identity."""

Fault: TypeAlias = Literal["none", "other_picture"]
"""`other_picture`: the clip starts from another picture than the one that was given."""
ZOOM = 0.12
"""Natural logarithm of the magnification at the end."""
LAST_FROM = 0.4
"""Share of the clip after which it turns into the last picture."""


def animated(
    first: Image.Image,
    last: Image.Image | None,
    *,
    width: int,
    height: int,
    n_frames: int,
    seed: int,
    fault: Fault = "none",
) -> Iterator[Frame]:
    """The frames of a clip: the camera moves into the first picture; where there is a last one, the clip ends as it.

    Args:
        first: RGB; cropped about its centre to the shape of the clip.
        last: As `first`; None: the camera just goes on.
        width: Pixels.
        height: Pixels.
        n_frames: One at least.
        seed: Where the camera goes.
        fault: What is planted.

    Yields:
        RGB uint8 (height, width, 3); the first is the first picture, the last the last one.
    """
    size = (width, height)
    start = ImageOps.fit(first, size, Image.Resampling.LANCZOS)
    if fault == "other_picture":
        red, green, blue = ImageOps.mirror(start).split()
        start = Image.merge("RGB", (blue, red, green))
    end = None if last is None else np.asarray(ImageOps.fit(last, size, Image.Resampling.LANCZOS), np.float32)
    draw = random.Random(digest("animated", seed))
    aim = (width * draw.uniform(0.3, 0.7), height * draw.uniform(0.3, 0.7))
    for i in range(n_frames):
        share = i / max(1, n_frames - 1)
        moved = np.asarray(magnified(start, math.exp(ZOOM * share), aim))
        if end is None or share <= LAST_FROM:
            yield moved.copy()
            continue
        eased = (1 - math.cos(math.pi * (share - LAST_FROM) / (1 - LAST_FROM))) / 2
        yield np.rint(moved + eased * (end - moved)).astype(np.uint8)


def magnified(picture: Image.Image, times: float, about: tuple[float, float]) -> Image.Image:
    """The picture enlarged about a point that keeps its place, cut to its own size."""
    x, y = about
    place = (1 / times, 0.0, x - x / times, 0.0, 1 / times, y - y / times)
    return picture.transform(picture.size, Image.Transform.AFFINE, place, Image.Resampling.BICUBIC)
