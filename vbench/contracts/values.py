"""What features hand to metrics, and what metrics return: small frozen records of numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vbench.records import EventKind

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
GRID_S = 1 / 8
"""Spacing of the common time grid: the neighbour of a frame is the frame shown this much later."""


# --- what a metric returns ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Series:
    """A quantity over the time of a clip."""

    t_s: Floats
    """Seconds from the first frame, ascending, shape (N,)."""
    value: Floats
    """Shape (N,), finite."""

    def __post_init__(self) -> None:
        if self.t_s.shape != self.value.shape or self.t_s.ndim != 1:
            raise ValueError(
                f"a series needs one time per value; found {self.t_s.shape} times, {self.value.shape} values"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A stretch of a clip worth seeing; becomes a `records.Event`."""

    kind: EventKind
    start_s: float
    end_s: float
    frame: int
    """0-based index, in the file's own frames, of the first frame after the change (or inside the stretch)."""
    value: float


@dataclass(frozen=True, slots=True)
class Measure:
    """What a metric says of one clip: one value, where it came from in time, and the moments it found."""

    value: float
    timeline: Series | None = None
    events: tuple[Moment, ...] = ()


# --- what features hand to metrics ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One unit row per frame of the time grid."""

    t_s: Floats
    """Times of the grid, shape (T,)."""
    frame: NDArray[np.int64]
    """Index, in the file, of the frame shown at each time, shape (T,)."""
    rows: NDArray[np.float32]
    """Unit rows, shape (T, D)."""

    @property
    def on_grid(self) -> NDArray[np.bool_]:
        """False for the extra rows that a sampling with `spikes` adds between the times of the grid, shape (T,)."""
        steps = self.t_s / GRID_S
        return np.asarray(np.abs(steps - np.round(steps)) < 1e-6)


@dataclass(frozen=True, slots=True)
class TextRows:
    """A prompt and its distractors in the space of an image encoder."""

    prompt: NDArray[np.float32]
    """Unit row, shape (D,)."""
    distractors: NDArray[np.float32]
    """Unit rows of wrong prompts, shape (K, D)."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Changes between *distinct* consecutive frames: exact and near duplicates (luma MAE below 0.05) are merged.

    Doubling every frame therefore leaves all of it as it was, but for `n_frames`.
    """

    n_frames: int
    """Frames in the file."""
    duration_s: float
    """First timestamp to the end of the last frame."""
    t_s: Floats
    """When each distinct frame first appears, shape (N,)."""
    frame: NDArray[np.int64]
    """Index in the file of each distinct frame's first showing, shape (N,)."""
    held_s: Floats
    """How long each distinct frame stays, shape (N,)."""
    change: Floats
    """Mean absolute luma difference to the distinct frame before, 8-bit levels; the first is 0, shape (N,)."""
    colour_change: Floats
    """Distance in [0, 1] of the colour layouts of a frame and the one before; the first is 0, shape (N,)."""
    hue_change: Floats
    """Mean distance in the a-b plane of CIE Lab from the frame before over an 8 x 8 grid, all at the same lightness:
    another light on the same things has little of it; the first is 0, shape (N,)."""
    lost: Floats
    """Share of the textured blocks of the frame before that are found nowhere near; NaN for ordinary changes."""
    mean_luma: Floats
    """Mean luma of each distinct frame, 8-bit levels, shape (N,)."""
    dark_share: Floats
    """Share of near-black pixels of each distinct frame, shape (N,)."""
    tiles: NDArray[np.float32]
    """Mean luma on an 8 x 8 grid, shape (N, 64)."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Optical flow between frames 1/8 s apart, reduced to numbers; one entry per pair, lengths in frame diagonals."""

    t_s: Floats
    """Time of the first frame of the pair, shape (P,)."""
    frame: NDArray[np.int64]
    """Index in the file of the second frame of the pair, shape (P,)."""
    median: Floats
    """Median over pixels of the length of the flow, diagonals/s, shape (P,)."""
    p95: Floats
    """95th percentile of the same, shape (P,)."""
    camera: Floats
    """Mean length of the part that one homography explains, diagonals/s, shape (P,)."""
    subject: Floats
    """Mean length of the rest over valid pixels, diagonals/s, shape (P,)."""
    move: Floats
    """Picture shift right and down (diagonals/s), log growth (1/s), turn clockwise (rad/s), shape (P, 4)."""
    inliers: Floats
    """Share of tracked points the camera model explains, shape (P,)."""
    residual: Floats
    """Mean absolute luma difference, motion undone where flow is reliable, as it is elsewhere; levels, shape (P,)."""
    valid: Floats
    """Share of pixels where forward and backward flow agree, shape (P,)."""
    jerk: Floats
    """Mean change of the flow along its own path over its mean length; NaN for the first pair, shape (P,)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """How steady a reference set of clips is at a given motion: parallel quantile lines, see `vbench.metrics.gated`."""

    slope: float
    """Of all lines."""
    shares: Floats
    """Share of the reference set below each line, ascending from 0 to 1, shape (Q,)."""
    intercepts: Floats
    """Shape (Q,), ascending."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Weights-free picture measures on about two frames per second; all of shape (T,).

    At full resolution, but for `definition` and `texture` (levels per pixel), which are those of the small copy.
    """

    t_s: Floats
    frame: NDArray[np.int64]
    sharpness: Floats
    noise: Floats
    blockiness: Floats
    banding: Floats
    exposure: Floats
    colour_cast: Floats
    letterbox: Floats
    definition: Floats
    texture: Floats


@dataclass(frozen=True, slots=True)
class Rates:
    """One number per sampled frame or stretch."""

    t_s: Floats
    frame: NDArray[np.int64]
    value: Floats

    def mean(self) -> Measure:
        """Mean over them, with its timeline."""
        return Measure(float(self.value.mean()), Series(self.t_s, self.value))


@dataclass(frozen=True, slots=True)
class PairFlow:
    """How fast the fastest pixels move between pairs of frames."""

    t_s: Floats
    """Time of the second frame of each pair, shape (P,)."""
    frame: NDArray[np.int64]
    """Its index in the file, shape (P,)."""
    pixels: Floats
    """Mean length of the largest flow vectors, in pixels of the file per pair, shape (P,)."""
    short_side: int
    """Of the frames, in pixels."""
    ends: tuple[float, float] | None = None
    """The same from the first frame to the last and back; None where it is not asked for."""

    @property
    def n_frames(self) -> int:
        """Frames the pairs were made of."""
        return len(self.pixels) + 1


@dataclass(frozen=True, slots=True)
class Sound:
    """Measures of the sound track, 0.1 s apart; `present` is False and the rest empty where there is none."""

    present: bool
    t_s: Floats
    rms_db: Floats
    """Level of each window in dBFS; -120 for digital silence, shape (N,)."""
    loudness_lufs: float
    """Integrated loudness (ITU-R BS.1770-4); -70 (the absolute gate) where every block is below it."""
    clipped_share: float
    """Share of samples in runs of at least 3 at full scale."""
    duration_s: float
