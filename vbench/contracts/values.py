"""What features hand to metrics, and what metrics return: small frozen records of numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vbench.records import Box, EventKind

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
    box: Box | None = None
    """Where in the picture; None: all of it."""


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
class Thumbnails:
    """Small pictures of a clip four times a second, and its very last frame."""

    t_s: Floats
    """Seconds from the first frame, ascending from 0, shape (T,)."""
    rgb: Bytes
    """Shape (T, h, w, 3), short side at most 64."""


@dataclass(frozen=True, slots=True)
class GivenPictures:
    """The pictures that a prompt gives; None: it gives none of the kind."""

    first: Bytes | None
    """RGB uint8 (h, w, 3), as large as the file."""
    last: Bytes | None


@dataclass(frozen=True, slots=True)
class GivenRows:
    """The pictures that a prompt gives, in the space of an image encoder."""

    first: NDArray[np.float32] | None
    """Unit row, shape (D,); None: no such picture is given."""
    last: NDArray[np.float32] | None
    references: NDArray[np.float32]
    """Unit rows, shape (N, D); N may be 0."""


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
    moved: NDArray[np.bool_]
    """Whether more than the light is another than in the last frame that moved: a still picture that flickers or fades
    is a still picture; the first is True, shape (N,)."""
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


@dataclass(frozen=True, slots=True)
class Sightings:
    """Things that a detector found in pictures of a clip."""

    t_s: Floats
    """Times looked at, shape (T,)."""
    frame: NDArray[np.int64]
    """Index, in the file, of the frame shown at each time, shape (T,)."""
    names: tuple[str, ...]
    """What `label` counts in: all that the detector looked for."""
    of: NDArray[np.int64]
    """In which of the T pictures each thing was seen, shape (D,)."""
    label: NDArray[np.int64]
    """Which of `names`, shape (D,)."""
    score: Floats
    """How sure the detector is, shape (D,)."""
    box: Floats
    """Left, top, right, bottom in shares of the picture, shape (D, 4)."""

    def counts(self, name: str, least: float) -> NDArray[np.int64]:
        """How many of a thing are seen in each picture with at least that score, shape (T,)."""
        kept = (self.label == self.names.index(name)) & (self.score >= least)
        return np.bincount(self.of[kept], minlength=len(self.t_s)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces found in pictures of a clip."""

    t_s: Floats
    """Times looked at, shape (T,)."""
    frame: NDArray[np.int64]
    """Index, in the file, of the frame shown at each time, shape (T,)."""
    of: NDArray[np.int64]
    """In which of the T pictures each face was seen, shape (D,)."""
    score: Floats
    """Shape (D,)."""
    box: Floats
    """Left, top, right, bottom in shares of the picture, shape (D, 4)."""
    height_px: Floats
    """Height of each face in pixels of the file, shape (D,)."""
    rows: NDArray[np.float32]
    """Unit descriptor of each face, shape (D, K); K is 0 where nobody asked who they are."""


@dataclass(frozen=True, slots=True)
class Writing:
    """Lines of writing that a reader found in pictures of a clip."""

    t_s: Floats
    """Times looked at, shape (T,)."""
    frame: NDArray[np.int64]
    """Index, in the file, of the frame shown at each time, shape (T,)."""
    of: NDArray[np.int64]
    """In which of the T pictures each line was read, shape (D,)."""
    text: tuple[str, ...]
    """As read, D of them."""
    score: Floats
    """How sure the reader is of the characters, 0 to 1, shape (D,)."""
    box: Floats
    """Left, top, right, bottom in shares of the picture, shape (D, 4)."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Where somebody speaks, and how well it sounds."""

    t_s: Floats
    """Start of each stretch of 32 ms, shape (N,)."""
    probability: Floats
    """That there is speech in it, shape (N,)."""
    quality_t_s: Floats
    """Start of each judged stretch of 9 s, shape (Q,); empty where nobody speaks."""
    quality: Floats
    """Overall quality (mean opinion score, 1 to 5) of each, shape (Q,)."""


@dataclass(frozen=True, slots=True)
class Onsets:
    """When sounds begin, and how strongly."""

    t_s: Floats
    """On the clock of the pictures, shape (N,)."""
    strength: Floats
    """Rise of the spectrum over what is usual in this clip, in its deviations, shape (N,)."""
    present: bool
    """There is a sound track."""


@dataclass(frozen=True, slots=True)
class Impacts:
    """When motion in the picture stops or turns round, and how strongly."""

    t_s: Floats
    """Of the frame at which it does, shape (N,)."""
    strength: Floats
    """Over what is usual in this clip, in its deviations, shape (N,)."""
