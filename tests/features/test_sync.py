"""Onsets and impacts of drawn clips whose times are known, and the offset between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vbench.features.sync import Flux, impacts, over_usual
from vbench.metrics.sync import peaks
from vbench.score import measure_file
from vbench.video import write_clip

RATE = 44_100
BEATS = (0.5, 1.18, 1.8, 2.65, 3.2)
SECONDS = 4.0


def bouncing(fps: float) -> list[Any]:
    """A ball that hits the ground at each beat."""
    draw = np.random.default_rng(3)
    ground = cv2.resize(draw.integers(60, 160, (12, 20, 3)).astype(np.uint8), (320, 192), interpolation=cv2.INTER_CUBIC)
    frames = []
    for i in range(round(SECONDS * fps)):
        now = i / fps
        last, following = max(b for b in (0.0, *BEATS) if b <= now), min(b for b in (*BEATS, 3.9, 9.0) if b > now)
        share = (now - last) / (following - last)
        height = min(360 * share * (1 - share) * (following - last) ** 2, 140)
        frame = ground.copy()
        cv2.circle(frame, (160 * 16, round((170 - height) * 16)), 16 * 16, (230, 60, 40), -1, cv2.LINE_AA, 4)
        frames.append(frame)
    return frames


def clicks(shift_s: float, times: Any = BEATS) -> Any:
    """A click of 80 ms at each time, over a little noise, float32 (n, 1)."""
    draw = np.random.default_rng(0)
    sound = draw.normal(0, 0.003, round(SECONDS * RATE))
    for beat in times:
        start = round((beat + shift_s) * RATE)
        n = min(3500, len(sound) - start)
        if start >= 0 and n > 0:
            sound[start : start + n] += 0.7 * np.exp(-np.arange(n) / 900) * draw.normal(0, 0.5, n)
    return np.clip(sound, -1, 1).astype(np.float32)[:, None]


def outcome(path: Path, frames: Any, fps: float, sound: Any) -> Any:
    write_clip(frames, path, fps=fps, audio=None if sound is None else (sound, RATE))
    return measure_file(path, metrics=["av_offset"], workers=0)[1]


def test_clicks_are_found_within_a_hop() -> None:
    flux = Flux()
    sound = clicks(0.0)[:, 0]
    for start in range(0, len(sound), 4096):
        flux.add(sound[start : start + 4096], RATE)
    onsets = flux.close()
    assert peaks(onsets.t_s, onsets.strength) == pytest.approx(np.array(BEATS), abs=0.01)


def test_what_turns_round_or_stops_is_an_impact() -> None:
    """A thing that slides on, turns round at 0.3 s, slides on, and stops at 0.7 s."""
    t_s = np.arange(1, 10) / 10
    changes = [(4, 4, 8), (4, 4, 8), (4, 4, 0), (4, 4, 8), (4, 4, 8), (4, 4, 8), (4, 0, 4), (0, 0, 0), (0, 0, 0)]
    strength = impacts(t_s, np.array(changes, float), 1.0)
    assert strength == pytest.approx(np.array([0, 0, 4, 0, 0, 0, 4, 0, 0]))


def test_a_picture_that_stays_is_a_stop() -> None:
    t_s = np.array([0.1, 0.2, 0.3, 1.3])
    strength = impacts(t_s, np.array([[4, 4, 8]] * 4, float), 1.4)
    assert strength.argmax() == 2
    assert strength[[0, 1, 3]] == pytest.approx(np.zeros(3))


def test_nothing_varies() -> None:
    assert over_usual(np.full(9, 3.0)).tolist() == [0.0] * 9
    assert over_usual(np.zeros(0)).tolist() == []


@pytest.mark.parametrize(("fps", "shift_s"), [(24, 0.0), (24, 0.12), (30, -0.2)])
def test_the_shift_is_found_within_40_ms(tmp_path: Path, fps: float, shift_s: float) -> None:
    (score,) = outcome(tmp_path / "ball.mp4", bouncing(fps), fps, clicks(shift_s)).scores
    assert score.value == pytest.approx(shift_s, abs=0.04)


def test_doubling_every_frame_changes_nothing(tmp_path: Path) -> None:
    doubled = [frame for frame in bouncing(24) for _ in range(2)]
    (score,) = outcome(tmp_path / "ball.mp4", doubled, 48, clicks(0.1)).scores
    assert score.value == pytest.approx(0.1, abs=0.04)


@pytest.mark.parametrize(
    ("case", "code"),
    [("mute", "not_applicable"), ("hum", "undefined"), ("elsewhere", "undefined"), ("still", "undefined")],
)
def test_where_nothing_can_be_said(tmp_path: Path, case: str, code: str) -> None:
    """No sound; sound without onsets; clicks that have nothing to do with the ball; clicks without motion."""
    hum = (0.3 * np.sin(np.arange(round(SECONDS * RATE)) / 40)).astype(np.float32)[:, None]
    sounds = {
        "mute": None,
        "hum": hum,
        "elsewhere": clicks(0.0, (0.2, 0.77, 1.55, 1.99, 2.41, 3.6)),
        "still": clicks(0),
    }
    frames = [bouncing(24)[0]] * 96 if case == "still" else bouncing(24)
    (failure,) = outcome(tmp_path / f"{case}.mp4", frames, 24, sounds[case]).failures
    assert failure.code == code
