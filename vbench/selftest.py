"""Controls: clips whose right answer is known, made from any clip; what fails them must not be trusted."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.errors import OptionError
from vbench.records import Event, Prompt
from vbench.score import measure_file
from vbench.video import read_frames, write_clip

Pictures = list[NDArray[np.uint8]]
INCOHERENT = 0.8
"""Motion jerk above which a clip has no motion to follow, so that controls of motion say nothing."""
MAX_SECONDS, SIDE = 3.0, 256
"""A control takes the start of a clip, at most this long and this large, so that the test stays quick."""
TIME_BASED = (
    "temporal_consistency", "temporal_drift", "temporal_worst", "temporal_horizon", "temporal_gated",
    "subject_consistency", "background_consistency", "appearance_consistency", "appearance_drift", "appearance_worst",
    "appearance_gated", "flicker", "flicker_hf", "warp_residual", "motion_amount", "motion_p95", "motion_camera",
    "motion_subject", "motion_jerk", "freeze_ratio", "freeze_longest", "cut_count", "black_ratio", "clip_alignment",
    "align_rank", "overall",
)  # fmt: skip
"""Measures that must not care how often a picture is shown."""
FRAMES_ONLY = ("sharpness", "noise", "banding", "exposure", "letterbox", "blockiness", "clip_alignment", "technical")
"""Measures of single pictures: the rate at which they are shown does not matter."""
REENCODE_TOLERANCE = {
    "appearance_consistency": 0.01, "appearance_worst": 0.03, "temporal_consistency": 0.02, "temporal_worst": 0.05,
    "motion_amount": 0.01, "motion_p95": 0.03, "flicker": 0.3, "freeze_ratio": 0.2, "cut_count": 0.0,
    "black_ratio": 0.02, "exposure": 0.03, "sharpness": 0.08, "overall": 6.0,
}  # fmt: skip
"""How far a value may move when a clip is re-encoded at CRF 18."""
RESIZE_TOLERANCE = {
    **REENCODE_TOLERANCE,
    "appearance_consistency": 0.015, "motion_amount": 0.02, "motion_p95": 0.05, "sharpness": 0.25, "exposure": 0.05,
    "overall": 10.0,
}  # fmt: skip
"""The same at half the size; sharpness is that of the smaller picture."""


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
class Sample:
    """A clip in memory that controls are made from."""

    name: str
    frames: Pictures
    fps: float
    prompt: Prompt
    is_made: bool = False
    """Drawn here, so that a real clip's own faults do not excuse a measure."""

    def with_(self, frames: Pictures, fps: float | None = None) -> Sample:
        return replace(self, frames=frames, fps=self.fps if fps is None else fps)


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


class Bench:
    """Writes samples and measures them, with the same plan throughout."""

    def __init__(self, folder: Path, *, preset: str, device: str, settings: Mapping[str, str]) -> None:
        self._folder, self._preset, self._device, self._settings = folder, preset, device, dict(settings)
        self._n = 0

    def measure(self, sample: Sample, *, crf: int = 0) -> Measured:
        """Write losslessly (or at `crf`) and measure."""
        self._n += 1
        path = self._folder / f"{self._n:03}.mp4"
        write_clip(sample.frames, path, fps=sample.fps, crf=crf, preset="ultrafast")
        _, outcomes = measure_file(
            path, sample.prompt, preset=self._preset, device=self._device, settings=self._settings, workers=0
        )
        path.unlink()
        return Measured(
            values={found.key.metric: found.value for found in outcomes.scores},
            failures={f.key.metric: f.code for f in outcomes.failures if f.key is not None},
            events=outcomes.events,
        )


Control = Callable[[Sample, Measured, Bench], list[ControlResult]]


def _check(control: str, sample: Sample, expected: str, found: str, passed: bool) -> ControlResult:
    return ControlResult(control=control, clip=sample.name, expected=expected, found=found, passed=passed)


def _steady(
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
    return _check(control, sample, "steady measures stay", found, not off)


def frozen(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """The first frame, repeated: stillness must not pay."""
    after = bench.measure(sample.with_([sample.frames[0]] * len(sample.frames)))
    results = [
        _check(
            "frozen",
            sample,
            "freeze_ratio is 1 with one event at frame 0",
            f"{after.values.get('freeze_ratio', math.nan):.3f}, events {after.event('freeze')}",
            after.values.get("freeze_ratio") == 1.0 and after.event("freeze") == [0],
        )
    ]
    for name in ("overall", "appearance_gated", "temporal_gated", "overall_temporal", "overall_motion"):
        if plain.values.get(name, 0.0) > 0.0:
            now = after.values.get(name, math.nan)
            results.append(
                _check("frozen", sample, f"{name} falls to 0", f"{plain.values[name]:.3g} -> {now:.3g}", now == 0)
            )
    return results


def half_frozen(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """The second half stands still: the headline must not rise."""
    half = len(sample.frames) // 2
    if half / sample.fps < 0.5:
        return []
    after = bench.measure(
        sample.with_([*sample.frames[:half], *[sample.frames[half - 1]] * (len(sample.frames) - half)])
    )
    early = 1 if sample.is_made else round(0.5 * sample.fps)
    before, now = plain.values.get("overall", math.nan), after.values.get("overall", math.nan)
    return [
        _check("half frozen", sample, "overall does not rise", f"{before:.3g} -> {now:.3g}", now <= before + 0.01),
        _check(
            "half frozen",
            sample,
            f"freeze found at frame {half - 1} (+-1; earlier where the clip's own picture stays)",
            f"{after.event('freeze')}",
            any(half - 1 - early <= frame <= half for frame in after.event("freeze")),
        ),
    ]


def doubled(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """Every frame twice at twice the rate: nothing measured in seconds may change."""
    after = bench.measure(sample.with_([frame for frame in sample.frames for _ in range(2)], sample.fps * 2))
    return [_steady("doubled", sample, plain, after, dict.fromkeys(TIME_BASED, 0.01), floor=0.01)]


def retagged(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """The same frames shown at half the rate: pictures stay, speed halves."""
    after = bench.measure(sample.with_(sample.frames, sample.fps / 2))
    # other pictures of the clip fall on the half seconds now: those of a real clip differ
    floor = 0.05 if sample.is_made else 1.0
    results = [_steady("re-tagged", sample, plain, after, dict.fromkeys(FRAMES_ONLY, 0.1), floor=floor)]
    before, now = plain.values.get("motion_amount", 0.0), after.values.get("motion_amount", 0.0)
    if before > 0.02 and plain.values.get("motion_jerk", 0.0) <= INCOHERENT:
        ratio = now / before
        results.append(_check("re-tagged", sample, "motion_amount halves", f"x {ratio:.3f}", 0.42 <= ratio <= 0.58))
    return results


def reencoded(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """CRF 18."""
    return [_steady("re-encoded", sample, plain, bench.measure(sample, crf=18), _followed(REENCODE_TOLERANCE, plain))]


def _followed(tolerance: Mapping[str, float], plain: Measured) -> dict[str, float]:
    """Without the measures of motion where there is no motion to follow."""
    is_coherent = plain.values.get("motion_jerk", 0.0) <= INCOHERENT
    return {name: room for name, room in tolerance.items() if is_coherent or not name.startswith("motion")}


def resized(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """Half the size, unless that is smaller than what flow is measured on."""
    if min(sample.frames[0].shape[:2]) < 180:
        return []
    small = [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in sample.frames]
    after = bench.measure(sample.with_([np.asarray(frame, np.uint8) for frame in small]))
    room = _followed(RESIZE_TOLERANCE, plain)
    return [_steady("resized", sample, plain, after, room)]


def corrupted(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """One frame of blocks of noise: the worst moment is there, within a frame."""
    at = len(sample.frames) // 2 + 1
    height, width = sample.frames[0].shape[:2]
    blocks = np.random.default_rng(0).integers(0, 256, (max(1, height // 16), max(1, width // 16), 3), np.uint8)
    broken = np.asarray(cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    after = bench.measure(sample.with_([*sample.frames[:at], broken, *sample.frames[at + 1 :]]))
    return _worst("corrupted", sample, plain, after, at)


def _worst(control: str, sample: Sample, plain: Measured, after: Measured, at: int) -> list[ControlResult]:
    results = []
    for name in ("appearance_worst", "temporal_worst"):
        if name in plain.values and name in after.values:
            frames = [event.frame for event in after.events if event.metric == name]
            results.append(
                _check(
                    control,
                    sample,
                    f"{name} falls and lies at frame {at} (+-1)",
                    f"{plain.values[name]:.3f} -> {after.values[name]:.3f} at {frames}",
                    (after.values[name] < plain.values[name] and any(abs(frame - at) <= 1 for frame in frames))
                    or (not sample.is_made and after.values[name] == plain.values[name] < 0.5),
                )
            )
    return results


def cut(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """Another scene from the middle on: one cut more, at its frame."""
    at = len(sample.frames) // 2
    height, width = sample.frames[0].shape[:2]
    other = textured_pan(len(sample.frames) - at, width, height, seed=7)
    if float(np.abs(other[0].mean() - sample.frames[at - 1].mean())) < 25:
        other = [255 - frame for frame in other]
    after = bench.measure(sample.with_([*sample.frames[:at], *other]))
    more = after.values.get("cut_count", 0) - plain.values.get("cut_count", 0)
    found = f"{more:+.0f} at {after.event('cut')}"
    before = [frame for frame in plain.event("cut") if frame >= at]
    passed = more == 1 - len(before) and any(abs(frame - at) <= 1 for frame in after.event("cut"))
    return [_check("cut", sample, f"one cut more, at frame {at} (+-1)", found, passed)]


def black(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """Five black frames at the start: an event there, and no cut."""
    dark = [np.zeros_like(sample.frames[0])] * 5
    after = bench.measure(sample.with_([*dark, *sample.frames[5:]]))
    ends = [event.end_s * sample.fps for event in after.events if event.kind == "black" and event.frame == 0]
    cuts = [frame for frame in after.event("cut") if frame <= 6]
    return [
        _check(
            "black",
            sample,
            "a black event over frames 0 to 5, and no cut there",
            f"black until frames {[round(end, 1) for end in ends]}, cuts {cuts}",
            any(abs(end - 5) <= 1 for end in ends) and not cuts,
        )
    ]


def shuffled(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """Frames in random order: what follows motion must see it."""
    if plain.values.get("motion_p95", 0.0) < 0.02 or plain.values.get("motion_jerk", 0.0) > INCOHERENT:
        return []
    order = list(range(len(sample.frames)))
    random.Random(0).shuffle(order)
    after = bench.measure(sample.with_([sample.frames[i] for i in order]))
    results = []
    for name in ("motion_jerk", "warp_residual"):
        if name in plain.values:
            before, now = plain.values[name], after.values.get(name, math.nan)
            factor = 2.0 if sample.is_made else 1.2
            expected, found = f"{name} rises {factor:g} times", f"{before:.3g} -> {now:.3g}"
            results.append(_check("shuffled", sample, expected, found, now >= factor * before))
    return results


def reversed_(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """Backwards: what has no direction in time stays."""
    after = bench.measure(sample.with_(sample.frames[::-1]))
    room = {"flicker": 0.05, "cut_count": 0.0, "motion_p95": 0.2, "freeze_ratio": 0.05, "duplicate_ratio": 0.01}
    if not sample.is_made:  # other pairs fall on the grid, and near duplicates are merged from the other side
        room = _followed(
            room | {"motion_p95": 0.5, "freeze_ratio": 0.1, "duplicate_ratio": 0.1, "flicker": 0.15}, plain
        )
    return [_steady("reversed", sample, plain, after, room, floor=0.01 if sample.is_made else 0.05)]


def pan(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """A window sliding right over the middle frame: all camera, no subject, recognised as a pan to the right."""
    still = sample.frames[len(sample.frames) // 2]
    n, width = 25, still.shape[1] * 2 // 3
    offsets = np.linspace(0, still.shape[1] - width - 1, n)
    frames = [_window(still, offset, width) for offset in offsets]
    speed = (offsets[-1] / (n - 1)) * 24 / math.hypot(width, still.shape[0])
    asked = replace(sample.prompt, expects={"camera": "pan_right"})
    after = bench.measure(replace(sample, frames=frames, fps=24.0, prompt=asked))
    camera, subject = after.values.get("motion_camera", 0.0), after.values.get("motion_subject", math.inf)
    return [
        _check(
            "pan",
            sample,
            f"motion_camera is {speed:.3f} (+-15 %), motion_subject under a tenth of it",
            f"{camera:.3f}, {subject:.4f}",
            abs(camera / speed - 1) <= 0.15 and subject <= 0.1 * camera,
        ),
        _check(
            "pan",
            sample,
            "camera_move sees a pan to the right",
            f"{after.values.get('camera_move', math.nan):.2f}",
            after.values.get("camera_move", 0.0) >= 0.9,
        ),
    ]


def _window(still: NDArray[np.uint8], offset: float, width: int) -> NDArray[np.uint8]:
    shift = np.array([[1, 0, -offset], [0, 1, 0]], np.float32)
    size = (width // 2 * 2, still.shape[0] // 2 * 2)
    return np.asarray(cv2.warpAffine(still, shift, size, flags=cv2.INTER_CUBIC), np.uint8)


def swapped(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """Another clip's prompt: the rank among distractors is lost."""
    if "align_rank" not in plain.values:
        return []
    wrong = replace(sample.prompt, text="two penguins play chess under an umbrella")
    after = bench.measure(replace(sample, prompt=wrong))
    before, now = plain.values["align_rank"], after.values["align_rank"]
    return [_check("prompt swap", sample, "align_rank falls", f"{before:.2f} -> {now:.2f}", now < before)]


def ladders(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """Noise, blur, JPEG and coarse levels, three steps each: their measures follow."""
    middle = len(sample.frames) // 2
    short = sample.with_(sample.frames[middle : middle + max(3, round(sample.fps * 0.6))])
    return [
        _monotone("noise", short, bench, [_noisy(s) for s in (0, 4, 8, 16)]),
        _monotone("sharpness", short, bench, [_blurred(s) for s in (0, 1, 2, 4)], rising=False),
        _monotone("blockiness", short, bench, [_jpeg(q) for q in (95, 40, 20, 8)]),
    ]


def _monotone(
    name: str,
    sample: Sample,
    bench: Bench,
    steps: Sequence[Callable[[NDArray[np.uint8]], NDArray[np.uint8]]],
    *,
    rising: bool = True,
) -> ControlResult:
    values = [
        bench.measure(sample.with_([step(frame) for frame in sample.frames])).values.get(name, math.nan)
        for step in steps
    ]
    pairs = list(pairwise(values))
    passed = all(a < b if rising else a > b for a, b in pairs)
    found = " ".join(f"{value:.3g}" for value in values)
    return _check("ladder", sample, f"{name} {'rises' if rising else 'falls'} with each step", found, passed)


def _noisy(sigma: float) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    draw = np.random.default_rng(1)

    def step(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.clip(frame + draw.normal(0, sigma, frame.shape), 0, 255).astype(np.uint8) if sigma else frame

    return step


def _blurred(sigma: float) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    return lambda frame: np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma), np.uint8) if sigma else frame


def _jpeg(quality: int) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    def step(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    return step


def short(sample: Sample, plain: Measured, bench: Bench) -> list[ControlResult]:
    """One, two and three frames: a value or a refusal that names the reason, for every measure."""
    results = []
    for n in (1, 2, 3):
        after = bench.measure(sample.with_(sample.frames[:n]))
        answered = after.values.keys() | after.failures.keys()
        wrong = {
            name: code
            for name, code in after.failures.items()
            if code not in ("too_short", "undefined", "not_applicable")
        }
        silent = (plain.values.keys() | plain.failures.keys()) - answered
        found = f"{len(after.values)} values, {len(after.failures)} refusals; {sorted(wrong)} {sorted(silent)}"
        results.append(_check("short", sample, f"{n} frames: all measures answer", found, not wrong and not silent))
    return results


CONTROLS: tuple[Control, ...] = (
    frozen, half_frozen, doubled, retagged, reencoded, resized, corrupted, cut, black, shuffled, reversed_, pan,
    swapped, ladders, short,
)  # fmt: skip


def run_selftest(
    clips: Path | None = None,
    *,
    preset: str = "offline",
    device: str = "auto",
    settings: Mapping[str, str] | None = None,
    controls: Sequence[Control] = CONTROLS,
) -> list[ControlResult]:
    """Run the controls on clips made here, or on the start of every clip of a folder.

    Raises:
        OptionError: the folder has no clip.
    """
    samples = [sample_of(path, clips) for path in clip_files(clips)] if clips is not None else list(made_samples())
    results = []
    with tempfile.TemporaryDirectory(prefix="vbench-selftest-") as folder:
        bench = Bench(Path(folder), preset=preset, device=device, settings=settings or {})
        for sample in samples:
            plain = bench.measure(sample)
            for control in controls:
                results += control(sample, plain, bench)
    return results


def clip_files(folder: Path) -> list[Path]:
    """Video files below a folder."""
    kinds = {".mp4", ".mov", ".webm", ".mkv", ".gif", ".webp", ".avi"}
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in kinds)
    if not found:
        raise OptionError(f"{folder}: no video file there; expected {', '.join(sorted(kinds))}")
    return found


def sample_of(path: Path, folder: Path) -> Sample:
    """The first seconds of a file, at a short side of at most 256."""
    from vbench.video import probe

    facts = probe(path, threads=1)
    scale = min(1.0, SIDE / min(facts.width, facts.height))
    size = (max(16, round(facts.width * scale / 2) * 2), max(16, round(facts.height * scale / 2) * 2))
    frames = []
    for frame in read_frames(path, threads=1):
        if frame.t_s > MAX_SECONDS:
            break
        frames.append(frame.rgb(size, "area"))
    fps = min(60.0, facts.fps or 24.0)
    return Sample(name=str(path.relative_to(folder)), frames=frames, fps=fps, prompt=Prompt(id="selftest", text=""))


def made_samples() -> list[Sample]:
    """Two clips drawn here: a camera sliding over texture, and things moving over it."""
    n, width, height = 48, 320, 192
    ground = textured_pan(n, width, height, seed=1)
    return [
        Sample(
            name="sliding texture",
            frames=ground,
            fps=24.0,
            prompt=Prompt(id="pan", text="a camera pans over a wall"),
            is_made=True,
        ),
        Sample(
            name="moving shapes",
            frames=[_with_shapes(ground[0], i) for i in range(n)],
            fps=24.0,
            prompt=Prompt(id="shapes", text="two circles move over a wall"),
            is_made=True,
        ),
    ]


def textured_pan(n: int, width: int, height: int, *, seed: int, speed: float = 1.5) -> Pictures:
    """A window that slides over smooth random texture by `speed` pixels per frame."""
    draw = np.random.default_rng(seed)
    wide = width + math.ceil(speed * n) + 2
    layers = []
    for size, gain in ((48, 60), (16, 30), (5, 18)):
        coarse = draw.uniform(-1, 1, (height // size + 2, wide // size + 2, 3)).astype(np.float32)
        layers.append(cv2.resize(coarse, (wide, height), interpolation=cv2.INTER_CUBIC) * gain)
    still = np.clip(np.sum(layers, axis=0) + draw.uniform(90, 150, 3), 0, 255).astype(np.uint8)
    return [_window(still, speed * i, width) for i in range(n)]


def _with_shapes(ground: NDArray[np.uint8], i: int) -> NDArray[np.uint8]:
    frame = ground.copy()
    height, width = frame.shape[:2]
    discs = (
        ((0.25 + 0.01 * i, 0.4 + 0.15 * math.sin(i / 9)), 0.22, (220, 60, 40)),
        ((0.8 - 0.006 * i, 0.7), 0.16, (40, 90, 220)),
    )
    for (x, y), radius, colour in discs:
        centre = (round(width * x * 16), round(height * y * 16))  # sixteenths of a pixel
        cv2.circle(frame, centre, round(height * radius * 16), colour, -1, cv2.LINE_AA, 4)
    return frame
