"""The contract of scoring: what a feature is, what a metric is, and the typed values that pass between them.

A clip is decoded once. *Features* are made from its frames, each once, and shared; *metrics* are pure functions of
features. To add a metric: write a function of feature values and a `Metric` declaration, and register its name. To add
a feature: subclass `StreamFeature` (numpy on the CPU, beside the decoder), `DeviceFeature` (a backbone over frames,
batched across clips) or `TextFeature` (of the prompt alone), and register the class.

What features hand to metrics is numpy, so that nothing but a backbone needs torch.
Time is in seconds from the first frame, always: frames are taken on a grid of seconds, never by index.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vbench.errors import MetricError, OptionError
from vbench.records import EventKind, Group, MetricInfo, Probe, Prompt
from vbench.registry import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Kernel = Literal["area", "linear", "cubic", "plain"]
"""Resampling: `area` averages (antialiased); `linear` and `cubic` (a = -0.75) sample without antialiasing.

`plain` is for frames at their own size: colours as OpenCV and decord give them, for measures defined on those."""
T = TypeVar("T")
SLOW_S = 0.06
"""Spacing of distinct frames from which each is seen by itself."""
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
class Picture:
    """Weights-free picture measures on about two frames per second at full resolution; all of shape (T,)."""

    t_s: Floats
    frame: NDArray[np.int64]
    sharpness: Floats
    noise: Floats
    blockiness: Floats
    banding: Floats
    exposure: Floats
    colour_cast: Floats
    letterbox: Floats


@dataclass(frozen=True, slots=True)
class Rates:
    """One number per sampled frame or stretch."""

    t_s: Floats
    frame: NDArray[np.int64]
    value: Floats


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


# --- settings -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices that can move a number: which weights, which flow, which precision."""

    values: Mapping[str, str] = field(default_factory=dict)
    """Settings by name, as `--set name=value` gives them."""
    device: str = "cpu"
    """Where backbones run: `cpu`, `cuda:0`, ..."""
    precision: Literal["fp32", "bf16"] = "fp32"

    def get(self, name: str, default: str) -> str:
        return self.values.get(name, default)

    def check(self, known: Mapping[str, str]) -> None:
        """Refuse names nobody reads.

        Raises:
            OptionError: a setting that no feature knows; the message lists near ones.
        """
        for name in self.values:
            if name not in known:
                raise OptionError(f"no setting {name!r}; {did_you_mean(name, known)}")


# --- features -------------------------------------------------------------------------------------------------------


class Frame(Protocol):
    """What a feature sees of one decoded frame; conversions are kept, so that equal ones cost once per frame."""

    @property
    def index(self) -> int: ...
    @property
    def t_s(self) -> float: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def is_new(self) -> bool:
        """False for an exact or near duplicate (luma MAE below 0.05) of the last new frame."""
        ...

    @property
    def change(self) -> float:
        """Mean absolute luma difference to the last new frame before, 8-bit levels; 0 for the first."""
        ...

    def rgb(self, size: tuple[int, int] | None = None, kernel: Kernel = "area") -> Bytes:
        """RGB uint8 (height, width, 3); `size` is (width, height)."""
        ...

    def luma(self, size: tuple[int, int] | None = None, kernel: Kernel = "area") -> Bytes:
        """Full-range luma uint8 (height, width); `size` is (width, height)."""
        ...

    def memo(self, key: str, make: Callable[[], T]) -> T:
        """What `make` gives, made once per frame and key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file behind a clip, for features that need more than its frames."""

    path: Path
    probe: Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A set of weights that a feature needs."""

    name: str
    """Hub repository or file name."""
    setting: str
    """The setting that points to a local copy, e.g. `clip.model`."""
    size_mb: int
    licence: str
    present: bool
    """Found in the given folder or in the cache of this machine."""
    revision: str
    """Pinned revision, or the digest of a local copy."""
    optional: bool = False
    """The `vbench` preset goes on without what needs it where it cannot be had, and names what it leaves out."""


class Feature(ABC):
    """Something computed at most once per clip and shared by metrics."""

    name: ClassVar[str]
    known_settings: ClassVar[Mapping[str, str]] = {}
    """Settings this feature reads → what they mean and their default, for `--set` and its help."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def params(self) -> Mapping[str, Any]:
        """JSON values that can move the numbers; they become part of the key of every score made from this feature."""
        return {}

    def weights(self) -> tuple[Weights, ...]:
        """Weights needed, and whether they are there; called before anything is loaded."""
        return ()

    def fetch(self) -> None:  # noqa: B027 (most features have nothing to fetch)
        """Get missing weights where that can be done.

        Raises:
            WeightsError: it cannot.
        """


class Accumulator(Protocol):
    """Takes the frames of one clip in order, in memory that does not grow with its pixels."""

    def add(self, frame: Frame) -> None: ...
    def close(self, end_s: float) -> Any:
        """The feature's value; the clip ended at `end_s` seconds. Raises MetricError where this clip has none."""
        ...


class StreamFeature(Feature):
    """A feature of numpy and OpenCV, computed in the process that decodes; must not load torch."""

    @abstractmethod
    def open(self, source: Source) -> Accumulator: ...


class TextFeature(Feature):
    """A feature of the prompt alone."""

    @abstractmethod
    def encode(self, prompt: Prompt) -> Any:
        """Called once per distinct prompt; loads its weights at the first call."""


class Sampler(Protocol):
    """Chooses frames as they stream by."""

    def add(self, frame: Frame) -> list[tuple[Frame, float]]:
        """The (frame, time) picks that are certain now that `frame` was seen; may name the frame before."""
        ...

    def close(self, end_s: float) -> list[tuple[Frame, float]]:
        """The picks that only the end of the clip, at `end_s` seconds, decides."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """The frame shown at 0, s, 2 s, ... seconds up to the end; one that stays longer than `s` is taken again.

    Of duplicates the first is taken, so that a clip with every frame doubled gives the same frames at the same times.
    """

    seconds: float = GRID_S
    spikes: bool = False
    """Also take, at their own times, frames between two of the grid that a person would notice: ones that differ far
    more than their neighbours do, and every one where they come slower than 16 a second."""

    def open(self, probe: Probe) -> Sampler:
        return _GridSampler(self.seconds, self.spikes)


@dataclass(frozen=True, slots=True)
class AllFrames:
    """Every `stride`-th frame of the file, at its own time."""

    stride: int = 1

    def open(self, probe: Probe) -> Sampler:
        return _IndexSampler(lambda index: index % self.stride == 0)


@dataclass(frozen=True, slots=True)
class Evenly:
    """The middle frames of `n` equal stretches of the clip; a shorter clip gives each of its frames."""

    n: int = 8

    def open(self, probe: Probe) -> Sampler:
        edges = np.linspace(0, probe.n_frames, self.n + 1).astype(int)
        wanted = {int(low + max(high - 1, low)) // 2 for low, high in pairwise(edges)}
        return _IndexSampler(lambda index: index in wanted)


Sampling = Every | AllFrames | Evenly


class _GridSampler:
    def __init__(self, seconds: float, spikes: bool) -> None:
        self._seconds, self._spikes = seconds, spikes
        self._next = 0
        self._last: Frame | None = None
        self._changes: deque[float] = deque(maxlen=8)

    def _until(self, end_s: float) -> list[tuple[Frame, float]]:
        picks: list[tuple[Frame, float]] = []
        while self._last is not None and self._next * self._seconds < end_s - 1e-4:
            picks.append((self._last, self._next * self._seconds))
            self._next += 1
        return picks

    def add(self, frame: Frame) -> list[tuple[Frame, float]]:
        if not frame.is_new:
            return []
        picks = self._until(frame.t_s)
        is_between = self._next * self._seconds - frame.t_s > 1e-4
        is_slow = self._last is not None and frame.t_s - self._last.t_s > SLOW_S
        if self._spikes and is_between and (is_slow or is_spike(frame.change, self._changes)):
            picks.append((frame, frame.t_s))
        if self._last is not None:
            self._changes.append(frame.change)
        self._last = frame
        return picks

    def close(self, end_s: float) -> list[tuple[Frame, float]]:
        return self._until(max(end_s, 1e-3))


def is_spike(change: float, before: Collection[float]) -> bool:
    """Whether a luma step stands out of the ones before it: above 4 levels and 3 times their median."""
    return change > 4.0 and change > 3.0 * (float(np.median(list(before))) if before else 0.0)


class _IndexSampler:
    def __init__(self, wanted: Callable[[int], bool]) -> None:
        self._wanted = wanted

    def add(self, frame: Frame) -> list[tuple[Frame, float]]:
        return [(frame, frame.t_s)] if self._wanted(frame.index) else []

    def close(self, end_s: float) -> list[tuple[Frame, float]]:
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRequest:
    """Which frames a backbone wants, and how large; equal requests of several backbones are served once."""

    sampling: Sampling = field(default_factory=Every)
    short_side: int | None = 224
    """The short side in pixels, the long one in proportion (rounded to even); None: as in the file."""
    kernel: Kernel = "area"
    crop: int | None = None
    """Side of a centred square cut out after resizing; None: the whole frame."""
    never_enlarge: bool = False
    """Frames already smaller than `short_side` keep their size."""

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after resizing and before the crop."""
        short = min(width, height)
        if self.short_side is None or (self.never_enlarge and short <= self.short_side):
            return width, height
        scale = self.short_side / short
        if width <= height:
            return self.short_side, max(self.short_side, int(height * scale))
        return max(self.short_side, int(width * scale)), self.short_side

    def cut(self, frame: Frame) -> Bytes:
        """RGB uint8 (h, w, 3) of one frame, resized and cropped."""
        width, height = self.size(frame.width, frame.height)
        rgb = frame.rgb(None if (width, height) == (frame.width, frame.height) else (width, height), self.kernel)
        if self.crop is None:
            return rgb
        top, left = round((height - self.crop) / 2), round((width - self.crop) / 2)
        return np.ascontiguousarray(rgb[top : top + self.crop, left : left + self.crop])


class Collector(Protocol):
    """Takes the rows a backbone made for one clip, in order of time."""

    def add(self, t_s: Floats, frame: NDArray[np.int64], rows: NDArray[np.float32], frames: Bytes) -> None:
        """Some more rows, shape (N, ...), with the RGB frames (N, h, w, 3) they were made from.

        For an encoder with `window` w, times, indices and frames are those of the last frame of each window, and
        `frames` is (N, w, h, w, 3).
        """
        ...

    def close(self) -> Any:
        """The feature's value. Raises MetricError where this clip has none."""
        ...


class Encoder(ABC):
    """A loaded backbone."""

    window: int = 1
    """Consecutive frames that make one row; above 1 `encode` gets (N, window, 3, h, w)."""
    hop: int = 1
    """Frames from one window to the next."""
    batch: int = 32
    """Rows per call at most; halved by the scorer, with a note, when the device runs out of memory."""

    @abstractmethod
    def encode(self, frames: Tensor) -> Tensor:
        """RGB uint8 (N, 3, h, w) on the device → rows (N, ...); frames of several clips may be mixed."""

    @abstractmethod
    def collect(self, source: Source, prompt: Prompt) -> Collector:
        """A fresh collector for one clip."""


class DeviceFeature(Feature):
    """A feature that a backbone makes of resized frames, batched across clips."""

    @abstractmethod
    def request(self) -> FrameRequest: ...

    @abstractmethod
    def load(self) -> Encoder:
        """Load the weights onto `settings.device`. Called once per process; features may share weights by caching.

        Raises:
            WeightsError: weights are missing or are not what they should be.
        """


# --- metrics --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a clip was asked to be; None: not asked. A value of every clip, like `probe` and `prompt`."""

    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    audio: bool | None = None
    aspect: str | None = None
    """Width to height, e.g. `16:9`."""


GIVEN = ("probe", "prompt", "asked")
"""Inputs every clip has without a feature: `records.Probe`, `records.Prompt`, `Asked`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A pure function of features, and what its number means.

    Example:
        ``Metric(name="frame_consistency", version=1, inputs=("clip_frames",), compute=frame_consistency,
        unit="cosine", higher_is_better=True, bounds=(-1.0, 1.0), group="temporal", about="...")``
    """

    name: str
    version: int
    """Raised when a change can move a number."""
    inputs: tuple[str, ...]
    """Names of features, or of `GIVEN`, in the order `compute` takes them."""
    compute: Callable[..., Any]
    """Features → a float, or a `Measure` with its timeline and moments.

    Raises MetricError where the metric is not defined for a clip; the scorer makes a Failure row of it. A NaN or a
    value outside `bounds` is a Failure too.
    """
    unit: str
    higher_is_better: bool | None
    """None: neutral, a description rather than a merit."""
    bounds: tuple[float, float]
    group: Group
    about: str
    """One sentence for a person."""
    min_seconds: float = 0.0
    """A shorter clip is a Failure with code `too_short` that says so."""
    min_frames: int = 1

    @property
    def info(self) -> MetricInfo:
        return MetricInfo(
            name=self.name,
            version=self.version,
            unit=self.unit,
            higher_is_better=self.higher_is_better,
            bounds=self.bounds,
            group=self.group,
            about=self.about,
        )

    def measure(self, features: Mapping[str, Any], probe: Probe) -> Measure:
        """The checked value for one clip.

        Args:
            features: Values by name; every name of `inputs` is there.
            probe: Facts of the file, for the length it needs.

        Raises:
            MetricError: too short (`too_short`), not defined for this clip (`undefined`, `not_applicable`), not a
                number (`not_finite`) or outside the bounds (`out_of_bounds`).
        """
        self._check_length(probe)
        result = self.compute(*(features[name] for name in self.inputs))
        measure = result if isinstance(result, Measure) else Measure(float(result))
        self.check(measure.value)
        return measure

    def _check_length(self, probe: Probe) -> None:
        if probe.n_frames < self.min_frames:
            raise MetricError(
                f"{self.name} needs at least {self.min_frames} frames, the clip has {probe.n_frames}", code="too_short"
            )
        if probe.duration_s < self.min_seconds - 1e-6:
            raise MetricError(
                f"{self.name} needs at least {self.min_seconds:g} s, the clip has {probe.duration_s:.3f} s",
                code="too_short",
            )

    def check(self, value: float) -> None:
        """Refuse what is not a number or not in bounds (with room for rounding)."""
        low, high = self.bounds
        if not math.isfinite(value):
            raise MetricError(
                f"{self.name} came out as {value}; expected a number in [{low:g}, {high:g}]", code="not_finite"
            )
        room = 1e-5 * max(1.0, abs(value))
        if not low - room <= value <= high + room:
            raise MetricError(f"{self.name} came out as {value:g}, outside [{low:g}, {high:g}]", code="out_of_bounds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined(Metric):
    """A metric made of other metrics' values rather than of features; `compute` takes one mapping name → value.

    `inputs` names the metrics it can use. Those that are not in the plan (no weights) are left out of the mapping, and
    the plan's choice is part of the score's parameters; so are those not applicable to a clip or not defined for it
    (a still clip has no jerk), unless `needs` names them. A part that fails in any other way fails the combination too,
    so that a broken clip cannot score by what was left.
    """

    needs: tuple[str, ...]
    """Parts without which there is no value: a plan that lacks one leaves the combination out."""

    def combine(self, values: Mapping[str, float]) -> Measure:
        """The checked value.

        Raises:
            MetricError: not a number or outside the bounds.
        """
        measure: Measure = self.compute(values)
        self.check(measure.value)
        return measure
