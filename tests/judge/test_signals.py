"""What stored measures say to questions: each rule on either side of its threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.records import PROBE, a_clip
from vbench.judge.questions import compiled_questions
from vbench.judge.signals import Readings, signal_answers
from vbench.records import Event, Prompt


def rule(expects: dict[str, Any], kind: str, values: dict[str, float], **more: Any) -> tuple[str, float | None] | None:
    """Verdict and time of the answer to the only question of a kind."""
    prompt = Prompt(id="p", text="t", expects=expects)
    clip = replace(a_clip("m", prompt), probe=replace(PROBE, **more.pop("probe", {})))
    asked = [q for q in compiled_questions(expects) if q.id == kind]
    assert len(asked) == 1
    measured = Readings(values=values, failures=more.pop("failures", {}), events=more.pop("events", ()))
    answers = signal_answers(clip, asked, measured)
    return (answers[0].verdict, answers[0].t_s) if answers else None


@pytest.mark.parametrize(("share", "verdict"), [(0.9, "seen"), (0.5, "seen"), (0.3, "unsure"), (0.2, "not_seen")])
def test_camera(share: float, verdict: str) -> None:
    assert rule({"camera": "pan_left"}, "camera", {"camera_move": share}) == (verdict, None)


def test_a_camera_that_no_measure_tells_is_left_to_others() -> None:
    failed = {"camera_move": "not_applicable"}
    assert rule({"camera": "handheld"}, "camera", {}, failures=failed) is None
    assert rule({"camera": "pan_left"}, "camera", {}) is None
    assert rule({"camera": "pan_left"}, "camera", {}, failures={"camera_move": "too_short"}) == ("unsure", None)
    assert rule({"camera": "pan_left"}, "camera", {}, failures={"camera_move": "crashed"}) == ("failed", None)


@pytest.mark.parametrize(
    ("wanted", "found", "verdict"), [(0, 0, "seen"), (0, 1, "not_seen"), (1, 1, "seen"), (2, 1, "not_seen")]
)
def test_cuts_asked_for_against_cuts_found(wanted: int, found: int, verdict: str) -> None:
    cut = Event(clip="c", kind="cut", metric="cut_count", start_s=1.5, end_s=1.6, frame=36, value=40.0)
    at = 1.5 if found else None
    assert rule({"cuts": wanted}, "cuts", {"cut_count": found}, events=[cut] * found) == (verdict, at)


@pytest.mark.parametrize(
    ("wanted", "amount", "verdict"),
    [
        ("none", 0.0, "seen"),
        ("none", 0.5, "not_seen"),
        ("low", 0.05, "seen"),
        ("low", 0.2, "unsure"),
        ("low", 0.5, "not_seen"),
        ("high", 0.2, "seen"),
        ("high", 0.01, "not_seen"),
    ],
)
def test_motion(wanted: str, amount: float, verdict: str) -> None:
    assert rule({"motion": wanted}, "motion", {"motion_p95": amount}) == (verdict, None)


@pytest.mark.parametrize(
    ("expects", "name", "probe", "verdict"),
    [
        ({"seconds": 5}, "seconds", {"duration_s": 5.04}, "seen"),
        ({"seconds": 5}, "seconds", {"duration_s": 8.0}, "not_seen"),
        ({"aspect": "16:9"}, "shape", {"width": 1280, "height": 720}, "seen"),
        ({"aspect": "16:9"}, "shape", {"width": 720, "height": 720}, "not_seen"),
        ({"width": 640, "height": 360}, "shape", {"width": 360, "height": 640}, "not_seen"),
        ({"fps": 24}, "rate", {"fps": 24.0}, "seen"),
        ({"fps": 24}, "rate", {"fps": 16.0}, "not_seen"),
        ({"audio": True}, "sound", {"has_audio": True}, "seen"),
        ({"audio": True}, "sound", {"has_audio": False}, "not_seen"),
        ({"audio": False}, "sound", {"has_audio": True}, "not_seen"),
    ],
)
def test_delivery(expects: dict[str, Any], name: str, probe: dict[str, Any], verdict: str) -> None:
    assert rule(expects, f"delivery:{name}", {}, probe=probe) == (verdict, None)


def test_black_and_freezes_say_where() -> None:
    black = Event(clip="c", kind="black", metric="black_ratio", start_s=0.0, end_s=0.2, frame=0, value=1.0)
    freeze = Event(clip="c", kind="freeze", metric="freeze_ratio", start_s=2.0, end_s=3.0, frame=48, value=1.0)
    asked = {"seconds": 3}
    assert rule(asked, "delivery:black", {"black_ratio": 0.1}, events=[black]) == ("not_seen", 0.0)
    assert rule(asked, "delivery:black", {"black_ratio": 0.0}) == ("seen", None)
    values = {"freeze_ratio": 0.3, "freeze_longest": 1.0}
    assert rule(asked, "delivery:freeze", values, events=[freeze]) == ("not_seen", 2.0)
    assert rule(asked, "delivery:freeze", {"freeze_ratio": 0.1, "freeze_longest": 0.35}) == ("unsure", None)
    assert rule(asked, "delivery:freeze", {"freeze_ratio": 0.0, "freeze_longest": 0.0}) == ("seen", None)
