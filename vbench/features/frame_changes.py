"""Changes from frame to frame at the clip's own rate: the ground for cuts, freezes, black frames and flicker."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Bytes, ClipFrame, SourceFile, Steps, StreamFeature, is_spike, small_luma, small_rgb

DARK_LEVEL = 16
"""Full-range luma at or below which a pixel counts as near-black."""
TILES = 8
COLOURS = 32
"""Side of the copy that colours are read from."""
OTHER_LEVELS, OTHER_COLOUR = 15.0, 0.3
"""A step beyond both may be a cut even where every step is large."""
MIN_TEXTURE = 4.0
"""Standard deviation, in 8-bit levels, below which a block has nothing to follow."""
SAME_BLOCK = 0.75
"""Correlation from which a block counts as found again."""
BLOCK = 8
"""Side of the blocks that tell motion from light, in pixels of the small copy."""
STILL_LEVELS = 1.2
"""By how much a block may change its mean luma, light taken off, in a picture that stands still."""
STEADY_LIGHT = 0.25
"""Change of the mean level up to which there is no other light to take off."""
CLIPPED, CLIPPED_SHARE = 12, 0.02
"""Blocks within so many levels of black or white are no witnesses: light that is cut off there looks like motion. Of
the others, this share may hold single pixels that are cut off."""
MIN_WITNESSES = 0.25
"""Share of blocks below which all of them are asked."""

_QUARTER = np.add.outer(np.arange(COLOURS) // 16 * 2, np.arange(COLOURS) // 16) * 64


class StepsFeature(StreamFeature):
    """`contracts.Steps`: one pass of differences between distinct frames on the small copy."""

    name = "steps"

    def open(self, source: SourceFile) -> _Steps:
        return _Steps()


class _Steps:
    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._changes: list[float] = []
        self._luma: Bytes | None = None
        self._still: NDArray[np.float32] | None = None
        self._layout = np.zeros(0, np.float32)
        self._hues = np.zeros(0, np.float32)
        self._n_frames = 0

    def add(self, frame: ClipFrame) -> None:
        self._n_frames += 1
        if not frame.is_new:
            return
        luma, colours = (
            small_luma(frame),
            cv2.resize(small_rgb(frame), (COLOURS, COLOURS), interpolation=cv2.INTER_AREA),
        )
        layout, hues = colour_layout(colours), tile_hues(colours)
        colour_change, hue_change, lost = 0.0, 0.0, np.nan
        if self._luma is not None:
            colour_change = float(np.abs(layout - self._layout).sum() / 2)
            hue_change = float(np.hypot(*(hues - self._hues).T).mean())
            is_other = frame.change > OTHER_LEVELS and colour_change > OTHER_COLOUR
            if is_other or is_spike(frame.change, self._changes[-8:]):
                lost = blocks_lost(self._luma, luma)
            self._changes.append(frame.change)
        blocks = block_means(luma)
        moved = self._still is None or self._still.shape != blocks.shape or has_moved(self._still, blocks)
        if moved:
            self._still = blocks
        mean = float(cv2.mean(luma)[0])
        dark = float(np.count_nonzero(luma <= DARK_LEVEL)) / luma.size
        changes = (frame.change, colour_change, hue_change, lost)
        self._rows.append((frame.t_s, frame.index, moved, *changes, mean, dark, tile_means(luma).ravel()))
        self._luma, self._layout, self._hues = luma, layout, hues

    def close(self, end_s: float) -> Steps:
        t_s, index, moved, change, colour, hue, lost, mean, dark, tiles = zip(*self._rows, strict=True)
        times = np.array(t_s)
        return Steps(
            n_frames=self._n_frames,
            duration_s=end_s,
            t_s=times,
            frame=np.array(index, np.int64),
            held_s=np.diff(np.append(times, max(end_s, times[-1]))),
            moved=np.array(moved),
            change=np.array(change),
            colour_change=np.array(colour),
            hue_change=np.array(hue),
            lost=np.array(lost),
            mean_luma=np.array(mean),
            dark_share=np.array(dark),
            tiles=np.stack(tiles),
        )


def block_means(luma: Bytes) -> NDArray[np.float32]:
    """Mean luma of blocks of about 8 x 8 pixels, in 8-bit levels, not rounded."""
    size = (max(1, luma.shape[1] // BLOCK), max(1, luma.shape[0] // BLOCK))
    return np.asarray(cv2.resize(luma.astype(np.float32), size, interpolation=cv2.INTER_AREA))


def has_moved(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    """Whether a block changes by more than the light of the whole picture, brighter or darker by one gain and offset.

    Args:
        before: Mean luma of blocks, (h, w).
        after: The same, later.
    """
    low, high = np.minimum(before, after), np.maximum(before, after)
    witnesses = (low > CLIPPED) & (high < 255 - CLIPPED)
    if np.count_nonzero(witnesses) >= MIN_WITNESSES * witnesses.size:
        before, after = before[witnesses], after[witnesses]
    change = after - before
    if abs(float(change.mean())) <= STEADY_LIGHT:
        return float(np.abs(change).max()) > STILL_LEVELS
    own, change = before - before.mean(), change - change.mean()
    left = np.abs(change - own * ((own * change).sum() / ((own * own).sum() + 1.0)))
    return float(np.quantile(left, 1 - CLIPPED_SHARE)) > STILL_LEVELS


def tile_means(luma: Bytes) -> Any:
    """Mean luma on the grid of tiles in 8-bit levels, not rounded, float32 (8, 8).

    Rounded ones would hide a flicker of less than half a level and blow up a slightly larger one.
    """
    rows, columns = (tile_weights(side) for side in luma.shape)
    return rows @ luma.astype(np.float32) @ columns.T


@lru_cache(maxsize=8)
def tile_weights(side: int) -> NDArray[np.float32]:
    """How much of each tile along a side each of its pixels is, rows sum to 1, shape (8, side)."""
    edges = np.arange(TILES + 1)[:, None] * side / TILES
    pixel = np.arange(side)
    overlap = np.minimum(edges[1:], pixel + 1) - np.maximum(edges[:-1], pixel)
    return np.asarray(overlap.clip(0) * TILES / side, np.float32)


def tile_hues(colours: Bytes) -> Any:
    """a and b of CIE Lab on the grid of tiles as they were at a lightness of 50, shape (64, 2).

    More or less light multiplies a, b and L + 16 alike; below a lightness of 20 colours are too uncertain for that.

    Args:
        colours: RGB (32, 32, 3).
    """
    tiles = cv2.resize(colours, (TILES, TILES), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(tiles.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return (lab[..., 1:] * 66 / np.maximum(lab[..., :1] + 16, 36)).reshape(-1, 2)


def colour_layout(colours: Bytes) -> Any:
    """Where which colours are: 4 x 4 x 4 colour shares over the picture's 2 x 2 quarters; sums to 1, shape (256,).

    Args:
        colours: RGB (32, 32, 3).
    """
    high = colours >> 6
    code = high[..., 0] * np.uint8(16) + high[..., 1] * np.uint8(4) + high[..., 2]
    return np.bincount((code + _QUARTER).ravel(), minlength=256).astype(np.float32) / code.size


def blocks_lost(before: Bytes, after: Bytes) -> float:
    """Share of the textured blocks of `before` that `after` shows nowhere within a quarter of the picture.

    Blocks are compared by normalised correlation, so that a fade or a flash is not a loss; 1 where `before` has no
    texture to follow.
    """
    size = (96, max(24, round(96 * before.shape[0] / before.shape[1])))
    first, second = (cv2.resize(luma, size, interpolation=cv2.INTER_AREA) for luma in (before, after))
    height, width = size[1] // 4, size[0] // 4
    n_blocks = n_lost = 0
    for top in range(0, 4 * height, height):
        for left in range(0, 4 * width, width):
            block = first[top : top + height, left : left + width]
            if float(block.std()) < MIN_TEXTURE:
                continue
            area = second[max(0, top - height) : top + 2 * height, max(0, left - width) : left + 2 * width]
            n_blocks += 1
            n_lost += float(cv2.matchTemplate(area, block, cv2.TM_CCOEFF_NORMED).max()) < SAME_BLOCK
    return n_lost / n_blocks if n_blocks else 1.0
