"""Weights-free measures of single pictures at full resolution, about twice a second."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Bytes, ClipFrame, Every, Picture, SourceFile, StreamFeature, small_luma, small_rgb
from vbench.errors import MetricError
from vbench.features.grain import noise

SPACING_S = 0.5
SHARPNESS_SIDE = 540
"""Short side at which sharpness is judged, so that more pixels of the same picture are not sharper."""
BAR_LEVEL = 20
FINE_SIGMA, COARSE_SIGMA = 0.7, 3.0
"""Scales of the edges that `definition` compares, in pixels of the small copy."""
EDGE_FLOOR = 0.3
"""Levels per pixel added to the strength of coarse edges, so that a plain picture has no definition rather than any."""
TEXTURE_SIGMA = 1.5
"""Scale of `texture`, in pixels of the small copy: grain and a sharpening filter move it little."""


class PictureFeature(StreamFeature):
    """`contracts.Picture`: sharpness, noise, blockiness, banding, exposure, colour, bars, definition and texture."""

    name = "picture"

    def open(self, source: SourceFile) -> _Picture:
        return _Picture(source)


class _Picture:
    def __init__(self, source: SourceFile) -> None:
        self._sampler = Every(SPACING_S).open(source.probe)
        self._rows: list[tuple[float, ...]] = []
        self._last: tuple[int, tuple[float, ...]] = (-1, ())

    def add(self, frame: ClipFrame) -> None:
        self._take(self._sampler.add(frame))

    def close(self, end_s: float) -> Picture:
        self._take(self._sampler.close(end_s))
        if not self._rows:
            raise MetricError("the clip has no frame to look at", code="too_short")
        t_s, index, *columns = np.array(self._rows, np.float64).T
        return Picture(t_s, index.astype(np.int64), *columns)

    def _take(self, picks: list[tuple[ClipFrame, float]]) -> None:
        for frame, t_s in picks:
            if self._last[0] != frame.index:
                self._last = (frame.index, look_at(frame.luma(), small_rgb(frame), small_luma(frame)))
            self._rows.append((t_s, frame.index, *self._last[1]))


def look_at(luma: Bytes, rgb: Bytes, small: Bytes) -> tuple[float, ...]:
    """All measures of one picture, in the order of `contracts.Picture`.

    Args:
        luma: Full size (h, w).
        rgb: Small copy (h, w, 3), for colour.
        small: Luma of the small copy (h, w), for edges.
    """
    bars, (top, bottom, left, right) = letterbox(luma)
    inner = np.ascontiguousarray(luma[top:bottom, left:right])
    return (
        sharpness(inner),
        noise(inner),
        blockiness(luma),
        banding(inner),
        exposure_fault(inner),
        colour_cast(rgb),
        bars,
        definition(small),
        texture(small),
    )


def letterbox(luma: Bytes) -> tuple[float, tuple[int, int, int, int]]:
    """Share of the picture under black bars, and the rows and columns (top, bottom, left, right) within them.

    A bar is a run of even, near-black rows or columns at opposite edges, so that a night scene is not one. An entirely
    black picture has none.
    """
    height, width = luma.shape
    rows, columns = _dark(luma.max(axis=1)), _dark(luma.max(axis=0))
    if rows.all() or columns.all():
        return 0.0, (0, height, 0, width)
    top, bottom = int(np.argmin(rows)), int(np.argmin(rows[::-1]))
    left, right = int(np.argmin(columns)), int(np.argmin(columns[::-1]))
    if min(top, bottom) < height / 50:
        top = bottom = 0
    if min(left, right) < width / 50:
        left = right = 0
    inner = (height - top - bottom) * (width - left - right)
    return 1.0 - inner / luma.size, (top, height - bottom, left, width - right)


def _dark(brightest: Bytes) -> NDArray[np.bool_]:
    return np.asarray(brightest <= BAR_LEVEL)


def sharpness(luma: Bytes) -> float:
    """1 - perceptual blur of Crete et al. 2007 (doi:10.1117/12.702790): how much a re-blur takes away; [0, 1]."""
    scale = SHARPNESS_SIDE / min(luma.shape)
    if scale < 1:
        luma = np.asarray(cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    if min(luma.shape) < 16:
        return 0.0
    blurs = []
    for axis, kernel in ((0, (1, 9)), (1, (9, 1))):
        blurred = cv2.blur(luma, kernel)
        before = _steps(luma, axis)
        lost = cv2.subtract(before, _steps(blurred, axis))  # saturates at 0
        total = float(cv2.sumElems(before)[0])
        blurs.append((total - float(cv2.sumElems(lost)[0])) / total if total else 1.0)
    return 1.0 - max(blurs)


def _steps(luma: Any, axis: int) -> Any:
    return cv2.absdiff(luma[1:], luma[:-1]) if axis == 0 else cv2.absdiff(luma[:, 1:], luma[:, :-1])


def blockiness(luma: Bytes) -> float:
    """How much stronger luma steps are across the 8-pixel grid of a codec than next to it; [0, 1], 0: no grid.

    A codec's grid begins at the top left; in a picture shown turned, that corner is another one. Where a side is no
    multiple of 8 the grid is therefore looked for from both its ends, and the stronger one counts.
    """
    shares = []
    for axis in (0, 1):
        if luma.shape[axis] < 24:
            return 0.0
        mean = cv2.reduce(_steps(luma, axis), 1 - axis, cv2.REDUCE_AVG, dtype=cv2.CV_64F).ravel()
        ends = (mean,) if luma.shape[axis] % 8 == 0 else (mean, mean[::-1])
        shares.append(max(_grid_share(steps) for steps in ends))
    return float(np.mean(shares))


def _grid_share(steps: NDArray[np.float64]) -> float:
    """By how much steps between the 8th and the 9th, the 16th and the 17th, ... pixel exceed their neighbours."""
    across = steps[7:-1:8]
    beside = (steps[6:-2:8] + steps[8::8]) / 2
    total = float(across.sum() + beside.sum())
    return max(0.0, float(across.sum() - beside.sum()) / total) if total else 0.0


def banding(luma: Bytes) -> float:
    """Share of the luma climb in smooth areas, along rows and columns, that happens in isolated steps of 2 levels or
    more; [0, 1].

    8 bits draw a smooth ramp in steps of one level, and grain in steps to and fro; a coarser staircase is banding,
    whichever way it runs.
    """
    if min(luma.shape) < 32:
        return 0.0
    size = (round(luma.shape[1] / 16), round(luma.shape[0] / 16))  # of the whole picture, so that it can be turned
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    parts = [_climbs(luma, small), _climbs(cv2.transpose(luma), cv2.transpose(small))]
    climb, banded = np.sum(parts, axis=0)
    return float(banded / climb) if climb else 0.0


def _climbs(luma: Any, small: Any) -> tuple[float, float]:
    """Along rows: the sum of the steps in smooth areas, and of the isolated ones of at least 2 levels among them."""
    slope = cv2.absdiff(small[:, 1:], small[:, :-1])
    smooth = (
        cv2.resize(
            cv2.dilate(slope, np.ones((3, 3), np.uint8)),
            (luma.shape[1] - 5, luma.shape[0]),
            interpolation=cv2.INTER_NEAREST_EXACT,
        )
        <= 10
    )
    step = cv2.absdiff(luma[:, 1:], luma[:, :-1])
    around = cv2.max(cv2.max(step[:, :-4], step[:, 1:-3]), cv2.max(step[:, 3:-1], step[:, 4:]))
    middle = step[:, 2:-2]
    return float(middle[smooth].sum()), float(middle[smooth & (middle >= 2) & (around == 0)].sum())


def exposure_fault(luma: Bytes) -> float:
    """Share of pixels without detail since they are crushed (at most 2) or blown out (at least 253); [0, 1]."""
    counts = cv2.calcHist([luma], [0], None, [256], [0, 256]).ravel()
    return float(counts[:3].sum() + counts[253:].sum()) / luma.size


def colour_cast(rgb: Bytes) -> float:
    """Distance of the mean colour from grey in the a-b plane of CIE Lab; a description, as a sunset has one too."""
    _, a, b, _ = cv2.mean(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB))
    return float(np.hypot(a - 128, b - 128))


def gradient(luma: Bytes, sigma: float) -> tuple[Any, Any]:
    """Slope to the right and downwards at a scale of `sigma` pixels, in levels per pixel, each float32 (h, w)."""
    smooth = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), sigma)
    return (cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8))


def definition(small: Bytes) -> float:
    r"""How much steeper edges are than the same edges seen coarsely; [0, inf), about 1 where they are washed out.

    .. math:: \sqrt{\max(0, \operatorname{mean}(a^2 - b^2))} / (\sqrt{\operatorname{mean} |c|^2} + 0.3)

    with the coarse gradient c (Gaussian of 3 px), and the fine gradient (0.7 px) along it, a, and across it, b. Grain
    and fuzz run as much across as along, so that they count nothing; contrast is divided out.
    """
    fine_x, fine_y = gradient(small, FINE_SIGMA)
    coarse_x, coarse_y = gradient(small, COARSE_SIGMA)
    energy = coarse_x * coarse_x + coarse_y * coarse_y
    along, across = fine_x * coarse_x + fine_y * coarse_y, fine_x * coarse_y - fine_y * coarse_x
    excess = float(((along * along - across * across) / np.maximum(energy, 1e-6)).mean(dtype=np.float64))
    return float(np.sqrt(max(0.0, excess)) / (np.sqrt(energy.mean(dtype=np.float64)) + EDGE_FLOOR))


def texture(small: Bytes) -> float:
    """Mean steepness of the picture at a scale of 1.5 pixels of the small copy, in levels per pixel."""
    x, y = gradient(small, TEXTURE_SIGMA)
    # not cv2.magnitude, whose last digit depends on where the array lies in memory
    return float(np.sqrt(x * x + y * y).mean(dtype=np.float64))
