"""The nearest size and length that all tools share, or which of them stand in the way."""

from __future__ import annotations

from typing import Any

import pytest

from vbench.catalog.card import ModelCard
from vbench.catalog.common_settings import common_wishes
from vbench.catalog.wishes import grant
from vbench.errors import OptionError
from vbench.records import Prompt, Request, Wishes
from vbench.schema import to_json

KLING = {"seconds": {"min": 3, "max": 15}, "resolutions": ["720p", "1080p"], "ratios": ["16:9", "9:16"]}
VEO = {"seconds": [4, 6, 8], "resolutions": ["720p", "1080p", "4k"], "ratios": ["16:9", "9:16"]}
GEN = {"seconds": {"min": 2, "max": 10}, "resolutions": ["1280x720", "720x1280"]}
HAILUO = {"seconds": [6, 10], "resolutions": ["768p", "1080p"]}


def card(name: str, limits: dict[str, Any], *, defaults: Any = None, **can: Any) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": name,
            "name": name,
            "vendor": {"name": "none"},
            "adapter": "http",
            "licence": {"weights": "closed"},
            "capabilities": can,
            "limits": limits,
            "defaults": defaults or {},
        }
    )


def test_all_are_asked_for_what_all_can_make() -> None:
    kling = card("kling", KLING, defaults={"seconds": 5, "resolution": "1080p", "ratio": "16:9"})
    tools = [kling, card("veo", VEO, defaults={"seconds": 8, "resolution": "720p"}), card("gen", GEN)]
    wishes = common_wishes(tools, Wishes(negative="rain", fps=30))
    assert wishes == Wishes(seconds=6, width=1280, height=720, fps=30, audio=False, negative="rain")
    for tool in tools:  # each grants it to the letter
        granted = grant(tool, Request(prompt=Prompt(id="a", text="a"), **to_json(wishes)))
        assert (granted.width, granted.height, granted.seconds, granted.audio) == (1280, 720, 6, False)


def test_a_wish_is_followed_as_near_as_can_be() -> None:
    tools = [card("kling", KLING), card("veo", VEO)]
    wishes = common_wishes(tools, Wishes(seconds=9, width=1000, height=2000))
    assert (wishes.seconds, wishes.width, wishes.height) == (8, 1080, 1920)


def test_steps_of_ranges_must_meet() -> None:
    fine, coarse = {"seconds": {"min": 2, "max": 9, "step": 0.5}}, {"seconds": {"min": 3, "max": 9, "step": 3}}
    assert common_wishes([card("a", fine), card("b", coarse)], Wishes(seconds=5)).seconds == 6


def test_tools_without_limits_follow_the_others() -> None:
    wishes = common_wishes([card("free", {}), card("veo", VEO)], Wishes(seconds=5))
    assert (wishes.seconds, wishes.width) == (4, 1280)
    assert common_wishes([card("free", {})], Wishes()).seconds == 5


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ({"seconds": [5, 10]}, {"seconds": [4, 8]}, r"no length that all of these tools make \(a 5, 10 s; b 4, 8 s\)"),
        ({"seconds": {"min": 6, "max": 9}}, {"seconds": [4]}, r"no length .*\(a 6 to 9 s; b 4 s\); leave one of them"),
        (GEN, {"resolutions": ["480p"]}, r"no size that all of these tools make \(a 720x1280, 1280x720; b 854x480\)"),
    ],
)
def test_where_nothing_is_shared_the_tools_are_named(first: Any, second: Any, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        common_wishes([card("a", first), card("b", second)], Wishes())


def test_a_tool_whose_size_is_fixed_decides() -> None:
    fixed = card("fixed", {}, defaults={"resolution": "1080p"}, size=False)
    assert common_wishes([fixed, card("kling", KLING)], Wishes(width=1280, height=720)).width == 1920
    with pytest.raises(OptionError, match="no size"):
        common_wishes([fixed, card("gen", GEN)], Wishes())


@pytest.mark.parametrize(
    ("can", "wished", "common"),
    [
        (("yes", "default_on"), None, False),
        (("yes", "default_on"), True, True),
        (("always", "yes"), None, True),
        (("always", "no"), True, False),
        (("no", "yes"), True, False),
    ],
)
def test_sound_is_on_only_where_all_can(can: Any, wished: Any, common: bool) -> None:
    tools = [card(f"t{n}", {}, audio=audio) for n, audio in enumerate(can)]
    assert common_wishes(tools, Wishes(audio=wished)).audio is common
