"""What a request comes down to: numbers of frames that a tool can make, and values of wishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from vbench.adapters.values import FrameRule, image_bytes, local_values
from vbench.catalog.cards import find_card
from vbench.catalog.wishes import grant
from vbench.errors import JobError
from vbench.records import Prompt, Request


@pytest.mark.parametrize(
    ("rule", "least", "most", "wish", "frames"),
    [
        ("4k+1", 1, None, 80, 81),
        ("4k+1", 1, None, 79, 81),
        ("8k+1", 1, 257, 240, 241),
        ("6k+1", 1, None, 84, 85),
        ("17n+5", 1, None, 120, 124),
        ("17n+5", 1, None, 0, 5),
        ("k", 1, 16, 30, 16),
        ("4k+1", 17, None, 3, 17),
        ("8k", 1, None, 2, 8),
    ],
)
def test_frame_rules(rule: str, least: int, most: int | None, wish: float, frames: int) -> None:
    assert FrameRule(rule=rule, min=least, max=most).nearest(wish) == frames


def test_values_of_wishes_and_of_a_cards_defaults() -> None:
    card = find_card("synthetic-clean")
    request = Request(prompt=Prompt(id="p", text="a red ball"), seed=3, seconds=2.0, fps=24.0)
    values = local_values(card, request, grant(card, request), FrameRule(rule="4k+1"))
    assert (values["prompt"], values["seed"], values["seconds"], values["frames"]) == ("a red ball", 3, 2.0, 49)
    assert values["negative"] is None
    assert values["image"] is None


def test_a_first_frame_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="cannot be read"):
        image_bytes(tmp_path / "gone.png")
