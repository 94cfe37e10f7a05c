"""What a control measures, and what it says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vbench.records import Event
from vbench.score import ScoreSpec, measure_file
from vbench.selftest.samples import Sample
from vbench.video import write_clip

INCOHERENT = 0.8
"""Motion jerk above which a clip has no motion to follow, so that controls of motion say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlResult:
    """One expectation, checked on one clip."""

    control: str
    clip: str
    expected: str
    found: str
    passed: bool

    def line(self) -> str:
        """For a terminal."""
        return f"{'ok  ' if self.passed else 'FAIL'} {self.control:12} {self.clip:28} {self.expected}; {self.found}"

    def as_mapping(self) -> dict[str, Any]:
        """JSON values."""
        return {name: getattr(self, name) for name in ("control", "clip", "expected", "found", "passed")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a scoring pass said of a sample."""

    values: Mapping[str, float]
    failures: Mapping[str, str]
    """Metric → code."""
    events: tuple[Event, ...]

    def event(self, kind: str) -> list[int]:
        """Frames of the events of a kind."""
        return [event.frame for event in self.events if event.kind == kind]


class SampleBench:
    """Writes samples and measures them, with the same plan throughout."""

    def __init__(self, folder: Path, spec: ScoreSpec) -> None:
        self._folder, self._spec = folder, spec
        self._n = 0

    def measure(self, sample: Sample, *, crf: int = 0) -> Measured:
        """Write losslessly (or at `crf`) and measure."""
        self._n += 1
        path = self._folder / f"{self._n:03}.mp4"
        write_clip(sample.frames, path, fps=sample.fps, crf=crf, preset="ultrafast")
        _, outcomes = measure_file(path, sample.prompt, self._spec)
        path.unlink()
        return Measured(
            values={score.key.metric: score.value for score in outcomes.scores},
            failures={f.key.metric: f.code for f in outcomes.failures if f.key is not None},
            events=outcomes.events,
        )


Control = Callable[[Sample, Measured, SampleBench], list[ControlResult]]


def check(control: str, sample: Sample, expected: str, found: str, passed: bool) -> ControlResult:
    return ControlResult(control=control, clip=sample.name, expected=expected, found=found, passed=passed)


def steady(
    control: str,
    sample: Sample,
    before: Measured,
    after: Measured,
    tolerance: Mapping[str, float],
    *,
    floor: float | None = None,
) -> ControlResult:
    """All named measures of both clips stay within their tolerance, relative to the value or `floor` if given."""
    off = {}
    for name, room in tolerance.items():
        if name in before.values and name in after.values:
            change = abs(after.values[name] - before.values[name])
            allowed = room if floor is None else room * max(abs(before.values[name]), floor)
            if change > allowed + 1e-9:
                off[name] = f"{name} {before.values[name]:.4g} -> {after.values[name]:.4g}"
    found = ", ".join(off.values()) or f"{len(tolerance.keys() & before.values.keys())} measures steady"
    return check(control, sample, "steady measures stay", found, not off)


def followed(tolerance: Mapping[str, float], plain: Measured) -> dict[str, float]:
    """Without the measures of motion where there is no motion to follow."""
    is_coherent = plain.values.get("motion_jerk", 0.0) <= INCOHERENT
    return {name: room for name, room in tolerance.items() if is_coherent or not name.startswith("motion")}
