"""A weights-free description of how a frame looks, for following identity without a learned encoder."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Bytes, ClipFrame, Embeddings, Every, SourceFile, StreamFeature, small_rgb
from vbench.errors import MetricError

FINE = 16
"""Colour bins per axis."""
CELLS, ANGLES = 4, 8
EDGE_FLOOR = 40.0
"""Sobel strength below which a gradient is grain; also the weight of flat areas."""


class AppearanceFeature(StreamFeature):
    """`contracts.Embeddings`: colours of the whole picture, and edges by direction in 4 x 4 cells.

    Colours do not care where a thing is, so that a thing that moves stays itself and one that turns into another does
    not; edge directions see shape and structure. Rows are square roots of shares (Hellinger), of unit length.
    """

    name = "appearance"

    def params(self) -> dict[str, Any]:
        return {"descriptor": "lab-edges-1"}

    def open(self, source: SourceFile) -> _Appearance:
        return _Appearance(source)


class _Appearance:
    def __init__(self, source: SourceFile) -> None:
        self._sampler = Every(spikes=True).open(source.probe)
        self._rows: list[tuple[float, int, NDArray[np.float32]]] = []

    def add(self, frame: ClipFrame) -> None:
        self._take(self._sampler.add(frame))

    def close(self, end_s: float) -> Embeddings:
        self._take(self._sampler.close(end_s))
        if not self._rows:
            raise MetricError("the clip has no frame to describe", code="too_short")
        t_s, index, rows = zip(*self._rows, strict=True)
        return Embeddings(t_s=np.array(t_s), frame=np.array(index, np.int64), rows=np.stack(rows))

    def _take(self, picks: list[tuple[ClipFrame, float]]) -> None:
        for frame, t_s in picks:
            self._rows.append((t_s, frame.index, _described(frame)))


def _described(frame: ClipFrame) -> NDArray[np.float32]:
    return frame.memo("appearance", lambda: describe(small_rgb(frame)))


def describe(rgb: Bytes) -> NDArray[np.float32]:
    """Unit row of one picture."""
    parts = [(0.6, colour_shares(rgb)), (0.4, edge_shares(rgb))]
    row = np.concatenate([np.sqrt(weight * part) for weight, part in parts]).astype(np.float32)
    return row / np.float32(np.linalg.norm(row))


def colour_shares(rgb: Bytes) -> NDArray[np.float64]:
    """Shares of 16 x 16 soft bins in each of the a-b, L-a and L-b planes of CIE Lab; sums to 1, shape (768,)."""
    small = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) if min(rgb.shape[:2]) >= 8 else rgb
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    shares = []
    for planes in ((1, 2), (0, 1), (0, 2)):
        counts = cv2.calcHist([lab], list(planes), None, [FINE, FINE], [0, 256, 0, 256])
        shares.append(cv2.GaussianBlur(counts, (5, 5), 1.0).ravel())  # soft bins: a slight change of light moves little
    row: NDArray[np.float64] = np.concatenate(shares).astype(np.float64)
    return np.asarray(row / row.sum())


def edge_shares(rgb: Bytes) -> NDArray[np.float64]:
    """Shares of gradient strength by direction (8 in 180 degrees) in 4 x 4 cells, and of flatness; shape (129,)."""
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    dx, dy = cv2.spatialGradient(luma)
    length, angle = cv2.cartToPolar(dx.astype(np.float32), dy.astype(np.float32))
    length[length < EDGE_FLOOR] = 0  # grain is not structure
    direction = (angle * (ANGLES / np.pi)).astype(np.int32) % ANGLES
    height, width = luma.shape
    cell = np.add.outer(np.arange(height) * CELLS // height * CELLS, np.arange(width) * CELLS // width)
    row = np.bincount((cell * ANGLES + direction).ravel(), length.ravel(), minlength=CELLS * CELLS * ANGLES)
    row = np.append(row, EDGE_FLOOR * luma.size / 8)
    return np.asarray(row / row.sum())
