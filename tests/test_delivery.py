"""What came against what was asked and what the tool says: each difference a sentence, nearness none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.records import PROBE, a_clip
from vbench.delivery import Delivered, compared, delivered
from vbench.marks import marks_in
from vbench.records import Probe, Prompt, Setting

HD = replace(PROBE, width=1920, height=1080, fps=24.0, duration_s=5.0, n_frames=120)
ASKED = Setting(width=1920, height=1080, seconds=5.0, fps=24.0, audio=False)


def changed(**facts: Any) -> Probe:
    return replace(HD, **facts)


def test_what_came_as_asked_says_so() -> None:
    assert compared(HD, ASKED, {}) == Delivered(
        width=1920, height=1080, seconds=5.0, fps=24.0, audio=False, as_asked=True, differences=()
    )


@pytest.mark.parametrize(
    "near",
    [{"height": 1088}, {"duration_s": 5.19}, {"fps": 23.976}, {"width": 1912}],
)
def test_what_codecs_and_clocks_round_is_no_difference(near: Any) -> None:
    assert compared(changed(**near), ASKED, {}).as_asked


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"width": 320, "height": 180}, "not as asked: 320x180, 1920x1080 was asked for"),
        ({"width": 1080, "height": 1920}, "not as asked: 1080x1920, 1920x1080 was asked for"),
        ({"duration_s": 2.0}, "not as asked: 2.00 s, 5 s was asked for"),
        ({"duration_s": 5.3}, "not as asked: 5.30 s, 5 s was asked for"),
        ({"fps": 30.0}, "not as asked: 30 fps, 24 fps was asked for"),
        ({"has_audio": True}, "not as asked: with sound, silence was asked for"),
    ],
)
def test_each_difference_is_a_sentence(other: Any, sentence: str) -> None:
    found = compared(changed(**other), ASKED, {})
    assert (found.as_asked, found.differences) == (False, (sentence,))
    assert [mark.name for mark in marks_in(found.differences)] == ["not_as_asked"]


def test_sound_that_was_asked_for_is_missed() -> None:
    found = compared(HD, replace(ASKED, audio=True), {})
    assert found.differences == ("not as asked: without sound, sound was asked for",)


def test_the_tools_own_word_counts_too() -> None:
    told = {"seconds": "5.1", "fps": 30, "width": 1280, "height": "720", "tier": "hd"}
    found = compared(HD, Setting(), told)
    assert found.differences == (
        "not as told: 1920x1080, the tool says 1280x720",
        "not as told: 24 fps, the tool says 30 fps",
    )
    assert found.as_asked is False


@pytest.mark.parametrize("nonsense", ["long", "", None, float("nan"), -5, True, [5], {"s": 5}, 0])
def test_nonsense_is_no_word(nonsense: Any) -> None:
    assert compared(HD, ASKED, {"seconds": nonsense, "width": nonsense, "fps": nonsense}).as_asked is True


def test_where_nothing_was_asked_nothing_is_said() -> None:
    assert compared(HD, Setting(), {}).as_asked is None


def test_a_clip_says_it_from_what_was_noted() -> None:
    prompt = Prompt(id="fox", text="a fox")
    sent = {"width": 1920, "height": 1080, "seconds": 1.0, "fps": 24.0}
    assert delivered(a_clip("tool", prompt, extra={"sent": sent})).differences == (
        "not as asked: 64x48, 1920x1080 was asked for",
    )
    by_wishes = delivered(a_clip("tool", prompt, extra={"request": {"seconds": 5.0}}))  # stored by an earlier version
    assert by_wishes.differences == ("not as asked: 1.00 s, 5 s was asked for",)
    assert delivered(a_clip("tool", prompt)).as_asked is None
