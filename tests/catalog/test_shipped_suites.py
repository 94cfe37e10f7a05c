"""The shipped suites keep what their heads promise."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, get_args

import pytest

from vbench.catalog import find_suite
from vbench.catalog.expects import Camera, ShotSize

FACETS = ("shot", "camera", "light", "subject", "action", "style")
SOMETIMES = ("dialogue", "text", "physics", "hands", "crowd", "animal", "weather")


def facets(prompt: Any) -> Any:
    return dict(tag.split(":", 1) for tag in prompt.tags)


@pytest.fixture(scope="module")
def filmmaker() -> Any:
    return find_suite("filmmaker").prompts


@pytest.fixture(scope="module")
def core() -> Any:
    return find_suite("core").prompts


def test_filmmaker_has_sixty_tagged_shots_of_every_kind(filmmaker: Any) -> None:
    assert len(filmmaker) == len({p.text for p in filmmaker}) == 60
    counts = Counter(name for p in filmmaker for name in facets(p))
    assert all(counts[name] == 60 for name in FACETS)
    assert all(counts[name] >= 5 for name in SOMETIMES)
    assert {p.expects["camera"] for p in filmmaker} == set(get_args(Camera))
    assert {p.expects["shot"] for p in filmmaker} == set(get_args(ShotSize))


def test_filmmaker_tags_agree_with_what_is_expected(filmmaker: Any) -> None:
    for prompt in filmmaker:
        tags, expects = facets(prompt), prompt.expects
        assert {name: tags[name] for name in ("shot", "camera", "style")}.items() <= expects.items(), prompt.id
        assert ("dialogue" in tags) == ("dialogue" in expects), prompt.id
        assert ("text" in tags) == ("text" in expects), prompt.id
        assert "crowd" in tags or expects.get("people") != "crowd", prompt.id
        assert ("edit" in tags) == (expects.get("cuts", 0) > 0), prompt.id


def test_filmmaker_texts_say_what_is_expected(filmmaker: Any) -> None:
    for prompt in filmmaker:
        assert 20 <= len(prompt.text.split()) <= 60, prompt.id
        for quote in ("dialogue", "text"):
            assert prompt.expects.get(quote, "") in prompt.text, prompt.id
        move = prompt.expects["camera"].partition("_")[0]
        spoken = {"dolly": "doll(y|ies)", "orbit": "orbit", "crane": "crane", "static": "static|locked-off"}
        assert re.search(spoken.get(move, move), prompt.text, re.IGNORECASE), prompt.id


def test_core_is_half_of_it_and_covers_every_facet(filmmaker: Any, core: Any) -> None:
    assert len(core) == 30
    assert {p.key for p in core} <= {p.key for p in filmmaker}
    for name in ("shot", "camera", "light", "subject", "style"):
        values = {facets(p)[name] for p in filmmaker}
        counts = Counter(facets(p)[name] for p in core)
        assert counts.keys() == values, name
        assert max(counts.values()) <= 12, name
    counts = Counter(name for p in core for name in facets(p))
    assert all(counts[name] >= 3 for name in SOMETIMES)


def test_demo_scenes_are_said_in_the_texts() -> None:
    for prompt in find_suite("demo").prompts:
        scene = prompt.expects["scene"]
        words = set(prompt.text.split())
        for thing in scene["objects"]:
            assert {thing["shape"], thing["colour"]} <= words, prompt.id
        assert scene["background"]["colour"] in words
        assert scene["background"]["colour"] != "black"
        moves = [thing.get("motion", "still") for thing in scene["objects"]]
        assert scene["camera"] != "static" or set(moves) != {"still"}, prompt.id
    assert len(find_suite("demo").prompts) == 8
