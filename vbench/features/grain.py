"""How much grain a picture has, told apart from texture by its spectrum."""

from __future__ import annotations

import cv2
import numpy as np

from vbench.contracts import Bytes, Floats

SIDE = 8
N_PATCHES = 6000
"""At least as many are looked at in a large picture, evenly spread; the spacing is odd, so that no grid of a codec is
in step with it."""
PLAIN_SHARE = 0.2
"""Share of the patches, those with the least coarse detail, in which grain is looked for."""
DARK, BRIGHT = 8, 247
"""Patches whose mean lies beyond are left out where that leaves enough: clipping takes their grain."""
TEXTURE_FALL = 8.0
"""How many times the power of texture falls at least when its detail gets twice as fine; that of grain does not."""


def _basis() -> Floats:
    """Orthonormal DCT of a patch as a matrix, shape (64, 64)."""
    k, n = np.mgrid[:SIDE, :SIDE]
    rows = np.cos(np.pi * (n + 0.5) * k / SIDE) * np.where(k == 0, np.sqrt(1 / SIDE), np.sqrt(2 / SIDE))
    return np.asarray(np.kron(rows, rows))


_BASIS = _basis().astype(np.float32)
_RADIUS = np.hypot(*np.mgrid[:SIDE, :SIDE]).ravel()
_COARSE, _MIDDLE, _FINE = (_RADIUS > 0) & (_RADIUS < 5), (_RADIUS >= 3) & (_RADIUS <= 4.6), _RADIUS >= 6.5


def _mirrored_grid(side: int, spacing: int) -> slice:
    """Where patches begin along a side: as far from its end as from its start, so that a turned picture gives the same.

    `spacing` is odd, so that one patch less makes an odd remainder even.
    """
    n_steps = (side - SIDE) // spacing
    if (side - SIDE - n_steps * spacing) % 2 and n_steps:
        n_steps -= 1
    return slice((side - SIDE - n_steps * spacing) // 2, side - SIDE + 1, spacing)


def noise(luma: Bytes) -> float:
    """Standard deviation of the grain, in 8-bit levels.

    Grain has the same power at every frequency, texture the less the finer it is, and a weave has it at few. In the
    plainest patches the quietest of the fine frequencies is therefore grain, with what texture leaves there; that is
    at most an eighth of the quietest of the middle ones, an octave below:

        noise² = max(0, (8 · fine - middle) / 7)

    which is the power of the grain where there is no texture, and 0 where texture falls by 8 or more. SourceFile: after
    Ponomarenko et al. 2007 (blind estimation in the DCT domain), with the octave below taken off.

    Args:
        luma: Full size (h, w); below 32 pixels it is mirrored at its edges.
    """
    missing = [max(0, 32 - side) for side in luma.shape]
    if any(missing):
        luma = np.asarray(cv2.copyMakeBorder(luma, 0, missing[0], 0, missing[1], cv2.BORDER_REFLECT), np.uint8)
    spacing = (int(np.sqrt(luma.size / N_PATCHES)) - 1) // 2 * 2 + 1 if luma.size > N_PATCHES else 1
    rows, columns = (_mirrored_grid(side, spacing) for side in luma.shape)
    patches = np.lib.stride_tricks.sliding_window_view(luma, (SIDE, SIDE))[rows, columns]
    patches = patches.reshape(-1, SIDE * SIDE).astype(np.float32)
    mean = patches.mean(axis=1)
    is_whole = (mean > DARK) & (mean < BRIGHT)
    if is_whole.mean() >= 0.05:
        patches = patches[is_whole]
    power = np.square(patches @ _BASIS.T)
    coarse = power[:, _COARSE].sum(axis=1)
    spectrum = power[coarse <= np.quantile(coarse, PLAIN_SHARE)].mean(axis=0)
    fine, middle = float(spectrum[_FINE].min()), float(spectrum[_MIDDLE].min())
    return float(np.sqrt(max(0.0, (TEXTURE_FALL * fine - middle) / (TEXTURE_FALL - 1))))
