"""Faults lie where they were planted."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from tests.synthetic.scenes import FPS, SECONDS, H, W, centre, scene_of
from vbench.synthetic.defects import Defect, other_scene, planted, render_with_defect
from vbench.synthetic.render import RGB, render
from vbench.synthetic.scene import (
    Scene,
)

MOVING = scene_of(motion="left_to_right", camera="pan_right")


def clip(defect: str, scene: Scene = MOVING, seed: int = 4) -> np.ndarray:
    frames = render_with_defect(scene, defect, width=W, height=H, fps=FPS, seed=seed, seconds=SECONDS)
    return np.stack(list(frames)).astype(int)


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return clip("none")


def changes(frames: np.ndarray) -> np.ndarray:
    """Mean absolute change from each frame to the next; entry i leads into frame i + 1."""
    return np.abs(np.diff(frames, axis=0)).mean((1, 2, 3))


def where(defect: str, seed: int = 4) -> Any:
    return planted(defect, n_frames=72, fps=FPS, seed=seed)


def test_a_clean_clip_has_nothing_planted(clean: np.ndarray) -> None:
    assert where("none") is None
    assert len(clean) == 72
    assert changes(clean).max() < 2 * np.median(changes(clean))


@pytest.mark.parametrize("defect", [d for d in get_args(Defect) if d != "none"])
def test_a_fault_starts_at_its_frame_and_time_and_not_before(defect: Any, clean: np.ndarray) -> None:
    faulty, fault = clip(defect), where(defect)
    assert fault.kind == defect
    assert fault.start_s == pytest.approx(fault.frame / FPS)
    assert fault.start_s < fault.end_s <= SECONDS
    np.testing.assert_array_equal(faulty[: fault.frame], clean[: fault.frame])
    inside = slice(fault.frame, round(fault.end_s * FPS))
    assert np.abs(faulty[inside] - clean[inside]).mean() > 0.5


def test_flicker_alternates(clean: np.ndarray) -> None:
    brightness = clip("flicker").mean((1, 2, 3)) / clean.mean((1, 2, 3))
    assert brightness[::2] == pytest.approx(np.full(36, 1.05), abs=0.006)
    assert brightness[1::2] == pytest.approx(np.full(36, 0.95), abs=0.006)


def test_freeze_repeats_one_frame_for_a_second_and_goes_on(clean: np.ndarray) -> None:
    frozen, fault = clip("freeze"), where("freeze")
    same = changes(frozen) == 0
    expected = np.zeros(71, bool)
    expected[fault.frame - 1 : fault.frame + 23] = True
    np.testing.assert_array_equal(same, expected)
    assert fault.end_s - fault.start_s == pytest.approx(1.0)
    np.testing.assert_array_equal(frozen[fault.frame + 24], clean[fault.frame])


def test_cut_is_one_step_into_a_scene_that_shares_nothing(clean: np.ndarray) -> None:
    jumps, fault = changes(clip("cut")), where("cut")
    assert jumps.argmax() + 1 == fault.frame
    assert jumps.max() > 8 * np.median(jumps)
    other = other_scene(MOVING, 4)
    assert {other.colour, other.objects[0].colour}.isdisjoint({"blue", "red"})
    assert other.objects[0].shape != "circle"


def test_black_opening_is_five_frames(clean: np.ndarray) -> None:
    black = clip("black")
    assert (black.max((1, 2, 3)) == 0).sum() == 5
    np.testing.assert_array_equal(black[5:], clean[5:])


def test_drift_ends_in_another_colour_and_never_jumps(clean: np.ndarray) -> None:
    """At the start the object is as asked; at the end its middle has the colour of the other one."""
    drifting, last = clip("drift"), clean[-1]
    x, y = (round(value) for value in centre(last))
    into = np.array(RGB[other_scene(MOVING, 4).objects[0].colour])
    colour = drifting[-1, y - 1 : y + 2, x - 1 : x + 2].mean((0, 1))
    assert np.abs(colour - into).max() < 0.2 * 255
    assert changes(drifting).max() < 2 * np.median(changes(drifting))


def test_wrong_content_shows_the_other_scene(clean: np.ndarray) -> None:
    frames = render(other_scene(MOVING, 4), width=W, height=H, fps=FPS, seed=4, seconds=SECONDS)
    np.testing.assert_array_equal(clip("wrong"), np.stack(list(frames)))


def test_still_keeps_the_scene_and_loses_the_motion(clean: np.ndarray) -> None:
    still = clip("still")
    assert abs(centre(still[0])[0] - centre(still[-1])[0]) < 0.05 * abs(centre(clean[0])[0] - centre(clean[-1])[0])
    assert np.abs(still[36] - clean[36]).mean() < np.abs(still[0] - clean[0]).mean() / 4


@pytest.mark.parametrize("defect", ["freeze", "cut"])
def test_the_seed_moves_the_moment_within_the_middle_of_the_clip(defect: str) -> None:
    starts = [where(defect, seed).start_s for seed in range(40)]
    assert len(set(starts)) > 3
    assert all(0.25 * SECONDS < start < 0.65 * SECONDS for start in starts)
