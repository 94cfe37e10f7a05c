"""Words and scenes of the synthetic world agree."""

from __future__ import annotations

import random
from typing import Any, get_args

import pytest

from tests.synthetic.scenes import DEMO, scene_of
from vbench.catalog.expects import Background, SceneObject, SceneSpec
from vbench.catalog.suites import load_suite
from vbench.errors import CatalogError
from vbench.synthetic.render import RADIUS, RGB
from vbench.synthetic.scene import (
    CAMERAS,
    COLOURS,
    MOTIONS,
    PATTERNS,
    SHAPES,
    SIZES,
    caption,
    draw_scene,
    parse_scene,
    scene_for,
    scene_from_mapping,
)


def test_captions_are_read_back_as_the_scene_they_describe() -> None:
    rng = random.Random(3)
    for _ in range(1500):
        scene = draw_scene(rng)
        words = caption(scene, rng)
        assert parse_scene(words) == (scene, ()), words


def test_the_demo_suite_says_the_same_in_words_and_in_structure() -> None:
    prompts = load_suite(DEMO).prompts
    assert len(prompts) == 8
    for prompt in prompts:
        spelt, _ = scene_for(prompt.text, prompt.expects, where=prompt.id)
        read, guesses = parse_scene(prompt.text)
        assert guesses == ()
        assert (read.colour, read.pattern, read.camera) == (spelt.colour, spelt.pattern, spelt.camera)
        assert {(o.shape, o.colour, o.motion) for o in read.objects} == {
            (o.shape, o.colour, o.motion) for o in spelt.objects
        }


def test_vocabulary_is_the_one_that_suites_are_checked_against() -> None:
    def allowed(model: Any, field: str) -> set[str]:
        return set(get_args(model.model_fields[field].annotation))

    assert allowed(Background, "colour") == allowed(SceneObject, "colour") == set(COLOURS) == set(RGB)
    assert allowed(Background, "pattern") == set(PATTERNS)
    assert allowed(SceneObject, "shape") == set(SHAPES)
    assert allowed(SceneObject, "size") == set(SIZES) == set(RADIUS)
    assert allowed(SceneObject, "motion") == set(MOTIONS)
    assert allowed(SceneSpec, "camera") == set(CAMERAS)


def test_what_a_sentence_leaves_open_is_drawn_the_same_each_time_and_said() -> None:
    scene, guesses = parse_scene("A lone dancer at dusk, 35 mm")
    assert scene == parse_scene("a lone dancer at dusk, 35 mm!")[0]
    assert scene != parse_scene("a lone dancer at dawn, 35 mm")[0]
    assert len(guesses) == 2
    assert "no shape" in guesses[0]
    assert "no background" in guesses[1]
    (half, guesses) = parse_scene("a star spins over a white background")
    assert (half.objects[0].shape, half.objects[0].motion, half.colour) == ("star", "rotate", "white")
    assert guesses == (f"the prompt names no colour for the star; {half.objects[0].colour} was drawn",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"background": {"colour": "mauve"}}, "p: scene.background.colour: 'mauve'"),
        ({"objects": []}, "at least one object"),
        ({"objects": [{"shape": "circle"}]}, r"scene.objects\[0\]: colour missing"),
        ({"objects": [{"shape": "circle", "colour": "red", "speed": 2}]}, "unknown key 'speed'"),
        ({"camera": "pan_rigth"}, "did you mean pan_right"),
        ({"seconds": True}, "seconds is True"),
        ({"seconds": float("nan")}, "seconds is nan"),
    ],
)
def test_a_scene_outside_the_world_is_refused_with_its_place(change: Any, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        scene_from_mapping(scene_of().as_mapping() | change, where="p")


def test_a_scene_survives_its_mapping() -> None:
    rng = random.Random(8)
    for _ in range(50):
        scene = draw_scene(rng)
        assert scene_from_mapping(scene.as_mapping(), where="p") == scene
