"""Sampling on a grid of seconds, and what a metric may say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from vbench.contracts import GRID_S, Evenly, Every, FrameRequest, Measure, Metric, Settings
from vbench.errors import MetricError, OptionError
from vbench.records import Probe

PROBE = Probe(
    container="mp4",
    codec="h264",
    pixel_format="yuv420p",
    width=64,
    height=48,
    rotation=0,
    n_frames=24,
    fps=24.0,
    duration_s=1.0,
    is_vfr=False,
    bit_depth=8,
    has_alpha=False,
    has_audio=False,
)


@dataclass
class Shown:
    """A frame as far as samplers care."""

    index: int
    t_s: float
    is_new: bool = True
    change: float = 1.0


def picks(sampling: Any, frames: Any, end_s: Any, probe: Any = PROBE) -> Any:
    sampler = sampling.open(probe)
    found = [pick for frame in frames for pick in sampler.add(frame)]
    return [(frame.index, round(t_s, 6)) for frame, t_s in [*found, *sampler.close(end_s)]]


def reference(times: Any, end_s: Any) -> Any:
    """The frame shown at k/8 s, by looking for it."""
    grid = [k * GRID_S for k in range(1000) if k * GRID_S < end_s - 1e-4]
    return [(max(i for i, t in enumerate(times) if t <= g + 1e-4), round(g, 6)) for g in grid]


@pytest.mark.parametrize("fps", [5, 8, 12.5, 24, 29.97, 60])
def test_every_takes_the_frame_shown_at_each_time(fps: float) -> None:
    times = [i / fps for i in range(round(2 * fps))]
    end_s = times[-1] + 1 / fps
    assert picks(Every(), [Shown(i, t) for i, t in enumerate(times)], end_s) == reference(times, end_s)


def test_doubled_frames_give_the_same_pictures_at_the_same_times() -> None:
    single = [Shown(i, i / 30) for i in range(30)]
    doubled = [Shown(2 * i + k, i / 30 + k / 60, is_new=k == 0) for i in range(30) for k in range(2)]
    once, twice = picks(Every(spikes=True), single, 1.0), picks(Every(spikes=True), doubled, 1.0)
    assert twice == [(2 * index, t_s) for index, t_s in once]


def test_a_single_frame_is_taken_once() -> None:
    assert picks(Every(), [Shown(0, 0.0)], 0.0) == [(0, 0.0)]


def test_spikes_between_the_grid_are_taken_at_their_own_time() -> None:
    frames = [Shown(i, i / 24, change=60.0 if i == 10 else 2.0) for i in range(24)]
    plain, spiked = picks(Every(), frames, 1.0), picks(Every(spikes=True), frames, 1.0)
    assert set(spiked) - set(plain) == {(10, round(10 / 24, 6))}


def test_evenly_takes_the_middle_of_equal_stretches() -> None:
    frames = [Shown(i, i / 24) for i in range(24)]
    assert [index for index, _ in picks(Evenly(8), frames, 1.0)] == [1, 4, 7, 10, 13, 16, 19, 22]


def test_request_keeps_the_shape() -> None:
    assert FrameRequest(short_side=224).size(1280, 720) == (398, 224)
    assert FrameRequest(short_side=224).size(480, 720) == (224, 336)
    assert FrameRequest(short_side=224, never_enlarge=True).size(160, 120) == (160, 120)
    assert FrameRequest(short_side=None).size(33, 17) == (33, 17)


def metric(compute: Any, **changes: Any) -> Any:
    plain = Metric(
        name="m",
        version=1,
        inputs=("x",),
        compute=compute,
        unit="",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        group="picture",
        about="",
    )
    return replace(plain, **changes)


def test_a_metric_gives_a_measure() -> None:
    assert metric(lambda x: x / 2).measure({"x": 1.0}, PROBE).value == 0.5
    assert metric(lambda x: Measure(x)).measure({"x": 0.25}, PROBE).value == 0.25
    assert metric(lambda x: x).info.name == "m"


@pytest.mark.parametrize(
    ("value", "changes", "code", "words"),
    [
        (np.nan, {}, "not_finite", "nan"),
        (1.5, {}, "out_of_bounds", r"1.5, outside \[0, 1\]"),
        (0.5, {"min_seconds": 2.0}, "too_short", r"needs at least 2 s, the clip has 1\.000 s"),
        (0.5, {"min_frames": 30}, "too_short", "needs at least 30 frames, the clip has 24"),
    ],
)
def test_what_a_metric_may_not_say(value: Any, changes: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(MetricError, match=words) as caught:
        metric(lambda x: x, **changes).measure({"x": value}, PROBE)
    assert caught.value.code == code


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(OptionError, match=r"clip\.model"):
        Settings({"clip.modle": "x"}).check({"clip.model": "folder"})
