"""What a metric is: a pure function of features, with what its number means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vbench.contracts.values import Measure
from vbench.errors import MetricError
from vbench.records import Group, MetricInfo, Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipWishes:
    """What a clip was asked to be; None: not asked. A value of every clip, like `probe` and `prompt`."""

    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    audio: bool | None = None
    aspect: str | None = None
    """Width to height, e.g. `16:9`."""
    image_use: str = ""
    """Which pictures of its prompt were sent, as `records.Setting` says it; empty: not noted."""


GIVEN = ("probe", "prompt", "asked")
"""Inputs every clip has without a feature: `records.Probe`, `records.Prompt`, `ClipWishes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Measures that belong together and apart from all others, asked for as one; each of them names its family."""

    name: str
    """Of the preset that takes all of them; no other preset takes any."""
    about: str
    """What the preset measures, for a person."""
    not_measured: Mapping[str, str] = field(default_factory=dict)
    """Measure that belongs to the family and is not built in → why. A plug-in's metric of this name is one of it."""
    pixels_of: str = ""
    """What the measures are defined on the pixels of, so that no other decoder may stand in; empty: any will do."""


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
    family: Family | None = None
    """None: one of the measures that the common presets take."""

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
