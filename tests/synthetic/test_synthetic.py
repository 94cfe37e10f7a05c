"""The synthetic world: words and scenes agree, pictures show what is said, faults lie where they were planted."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest

from vbench.catalog.expects import Background, SceneObject, SceneSpec
from vbench.catalog.suites import load_suite
from vbench.errors import CatalogError
from vbench.synthetic.defects import Defect, other_scene, planted, render_with_defect
from vbench.synthetic.render import RADIUS, RGB, Renderer, render
from vbench.synthetic.scene import (
    CAMERAS,
    COLOURS,
    MOTIONS,
    PATTERNS,
    SHAPES,
    SIZES,
    Scene,
    Thing,
    caption,
    draw_scene,
    parse_scene,
    scene_for,
    scene_from_mapping,
)

DEMO = Path(__file__).parents[2] / "prompts" / "demo.yaml"
W, H, FPS, SECONDS = 192, 128, 24.0, 3.0


def scene_of(**parts: Any) -> Scene:
    """A red circle over plain blue, with some of its parts changed."""
    thing = {"shape": "circle", "colour": "red"} | {k: v for k, v in parts.items() if k in ("shape", "size", "motion")}
    rest = {k: v for k, v in parts.items() if k not in thing}
    return Scene(**({"colour": "blue", "objects": (Thing(**thing),)} | rest))


def frame_at(scene: Scene, t_s: float, *, width: int = W, height: int = H, grain: int = 0) -> np.ndarray:
    return Renderer(scene, width=width, height=height, seconds=SECONDS, seed=5).frame(t_s, grain=grain)


def red_mask(frame: np.ndarray) -> np.ndarray:
    """Where a picture is red rather than blue; the dark rim of the object counts as red too."""
    return frame[..., 0].astype(int) > frame[..., 2]


def centre(frame: np.ndarray) -> tuple[float, float]:
    ys, xs = np.nonzero(red_mask(frame))
    return float(xs.mean()), float(ys.mean())


# --- words ---------------------------------------------------------------------------------------------------------


def test_captions_are_read_back_as_the_scene_they_describe():
    rng = random.Random(3)
    for _ in range(1500):
        scene = draw_scene(rng)
        words = caption(scene, rng)
        assert parse_scene(words) == (scene, ()), words


def test_the_demo_suite_says_the_same_in_words_and_in_structure():
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


def test_vocabulary_is_the_one_that_suites_are_checked_against():
    def allowed(model: Any, field: str) -> set[str]:
        return set(get_args(model.model_fields[field].annotation))

    assert allowed(Background, "colour") == allowed(SceneObject, "colour") == set(COLOURS) == set(RGB)
    assert allowed(Background, "pattern") == set(PATTERNS)
    assert allowed(SceneObject, "shape") == set(SHAPES)
    assert allowed(SceneObject, "size") == set(SIZES) == set(RADIUS)
    assert allowed(SceneObject, "motion") == set(MOTIONS)
    assert allowed(SceneSpec, "camera") == set(CAMERAS)


def test_what_a_sentence_leaves_open_is_drawn_the_same_each_time_and_said():
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
def test_a_scene_outside_the_world_is_refused_with_its_place(change, message):
    with pytest.raises(CatalogError, match=message):
        scene_from_mapping(scene_of().as_mapping() | change, where="p")


def test_a_scene_survives_its_mapping():
    rng = random.Random(8)
    for _ in range(50):
        scene = draw_scene(rng)
        assert scene_from_mapping(scene.as_mapping(), where="p") == scene


# --- pictures ------------------------------------------------------------------------------------------------------


def test_same_seed_same_pixels_other_seed_other_pixels():
    one, again, other = (
        np.stack(list(render(scene_of(motion="bounce"), width=96, height=64, fps=8, seed=seed, seconds=2)))
        for seed in (1, 1, 2)
    )
    assert one.shape == (16, 64, 96, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    assert np.abs(one.astype(int) - other).mean() > 1


def polygon_area(corners: list[tuple[float, float]]) -> float:
    """Shoelace."""
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def star_corners(points: int, inner: float) -> list[tuple[float, float]]:
    radii = [1.1, 1.1 * inner]
    return [
        (radii[i % 2] * math.sin(math.pi * i / points), radii[i % 2] * math.cos(math.pi * i / points))
        for i in range(2 * points)
    ]


AREAS = {
    "circle": math.pi * 0.95**2,
    "square": 1.64**2,
    "ring": math.pi * (0.96**2 - 0.48**2),
    "cross": 2 * 1.9 * 0.6 - 0.6**2,
    "triangle": polygon_area(star_corners(3, 0.5)),
    "star": polygon_area(star_corners(5, 0.42)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_cover_the_area_that_geometry_says(shape):
    frame = frame_at(scene_of(shape=shape, size="large"), 0, width=480, height=320)
    found = red_mask(frame).sum() / (RADIUS["large"] * 320) ** 2
    assert found == pytest.approx(AREAS[shape], rel=0.03)


@pytest.mark.parametrize(
    ("motion", "dx", "dy"),
    [
        ("left_to_right", 1, 0),
        ("right_to_left", -1, 0),
        ("top_to_bottom", 0, 1),
        ("bottom_to_top", 0, -1),
        ("diagonal", 1, 1),
        ("still", 0, 0),
    ],
)
def test_objects_move_the_way_the_scene_says(motion, dx, dy):
    start, end = (centre(frame_at(scene_of(motion=motion), t_s)) for t_s in (0.3, 2.7))
    for moved, sign, side in ((end[0] - start[0], dx, W), (end[1] - start[1], dy, H)):
        assert moved == pytest.approx(0, abs=1.0) if sign == 0 else sign * moved > 0.25 * side


def test_objects_grow_shrink_turn_bounce_and_circle():
    def masks(motion: str, shape: str = "circle") -> list[np.ndarray]:
        return [red_mask(frame_at(scene_of(motion=motion, shape=shape), t)) for t in np.linspace(0, 3, 25)]

    assert masks("grow")[-1].sum() > 4 * masks("grow")[0].sum()
    assert masks("shrink")[0].sum() > 4 * masks("shrink")[-1].sum()
    turned = masks("rotate", "cross")
    assert turned[0].sum() == pytest.approx(turned[3].sum(), rel=0.03)
    assert (turned[0] & turned[3]).sum() < 0.85 * turned[0].sum()
    heights = [np.nonzero(mask)[0].mean() for mask in masks("bounce")]
    assert np.ptp(heights) > 0.35 * H
    assert (np.diff(np.sign(np.diff(heights))) != 0).sum() >= 3
    across, down = zip(*(np.argwhere(mask).mean(0)[::-1] for mask in masks("circle_around")), strict=True)
    assert np.ptp(across) > 0.5 * H
    assert np.ptp(down) > 0.4 * H


@pytest.mark.parametrize(
    ("camera", "dx", "dy"), [("pan_right", -1, 0), ("pan_left", 1, 0), ("tilt_down", 0, -1), ("tilt_up", 0, 1)]
)
def test_the_picture_moves_against_the_camera(camera, dx, dy):
    shots = [frame_at(scene_of(camera=camera), t, grain=i).mean(-1) for i, t in enumerate((1.4, 1.6))]
    (x, y), _ = cv2.phaseCorrelate(*shots, cv2.createHanningWindow((W, H), cv2.CV_64F))
    step = 0.16 * 0.2 * H
    assert x == pytest.approx(dx * step, abs=0.15 * step)
    assert y == pytest.approx(dy * step, abs=0.15 * step)


def test_zoom_and_a_camera_at_rest():
    small, large = (red_mask(frame_at(scene_of(camera="zoom_in"), t)).sum() for t in (0.5, 2.5))
    assert math.log(large / small) / 2 / 2 == pytest.approx(0.16, rel=0.12)
    out = [red_mask(frame_at(scene_of(camera="zoom_out"), t)).sum() for t in (0.5, 2.5)]
    assert out[0] > 1.5 * out[1]
    still = [frame_at(scene_of(), t).astype(int) for t in (0, 3)]
    np.testing.assert_array_equal(*still)


def test_patterns_and_texture_leave_something_to_follow():
    """A background without detail would hide a camera move from optical flow."""
    for pattern in PATTERNS:
        grey = cv2.cvtColor(frame_at(scene_of(pattern=pattern), 0, width=384, height=256), cv2.COLOR_RGB2GRAY)
        blocks = grey[:240, :384].reshape(15, 16, 24, 16).std((1, 3))
        assert np.median(blocks) > (4 if pattern != "plain" else 1.5), pattern


# --- faults --------------------------------------------------------------------------------------------------------

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


def test_a_clean_clip_has_nothing_planted(clean):
    assert where("none") is None
    assert len(clean) == 72
    assert changes(clean).max() < 2 * np.median(changes(clean))


@pytest.mark.parametrize("defect", [d for d in get_args(Defect) if d != "none"])
def test_a_fault_starts_at_its_frame_and_time_and_not_before(defect, clean):
    faulty, fault = clip(defect), where(defect)
    assert fault.kind == defect
    assert fault.start_s == pytest.approx(fault.frame / FPS)
    assert fault.start_s < fault.end_s <= SECONDS
    np.testing.assert_array_equal(faulty[: fault.frame], clean[: fault.frame])
    inside = slice(fault.frame, round(fault.end_s * FPS))
    assert np.abs(faulty[inside] - clean[inside]).mean() > 0.5


def test_flicker_alternates(clean):
    brightness = clip("flicker").mean((1, 2, 3)) / clean.mean((1, 2, 3))
    assert brightness[::2] == pytest.approx(np.full(36, 1.05), abs=0.006)
    assert brightness[1::2] == pytest.approx(np.full(36, 0.95), abs=0.006)


def test_freeze_repeats_one_frame_for_a_second_and_goes_on(clean):
    frozen, fault = clip("freeze"), where("freeze")
    same = changes(frozen) == 0
    expected = np.zeros(71, bool)
    expected[fault.frame - 1 : fault.frame + 23] = True
    np.testing.assert_array_equal(same, expected)
    assert fault.end_s - fault.start_s == pytest.approx(1.0)
    np.testing.assert_array_equal(frozen[fault.frame + 24], clean[fault.frame])


def test_cut_is_one_step_into_a_scene_that_shares_nothing(clean):
    jumps, fault = changes(clip("cut")), where("cut")
    assert jumps.argmax() + 1 == fault.frame
    assert jumps.max() > 8 * np.median(jumps)
    other = other_scene(MOVING, 4)
    assert {other.colour, other.objects[0].colour}.isdisjoint({"blue", "red"})
    assert other.objects[0].shape != "circle"


def test_black_opening_is_five_frames(clean):
    black = clip("black")
    assert (black.max((1, 2, 3)) == 0).sum() == 5
    np.testing.assert_array_equal(black[5:], clean[5:])


def test_drift_ends_in_another_colour_and_never_jumps(clean):
    """At the start the object is as asked; at the end its middle has the colour of the other one."""
    drifting, last = clip("drift"), clean[-1]
    x, y = (round(value) for value in centre(last))
    into = np.array(RGB[other_scene(MOVING, 4).objects[0].colour])
    colour = drifting[-1, y - 1 : y + 2, x - 1 : x + 2].mean((0, 1))
    assert np.abs(colour - into).max() < 0.2 * 255
    assert changes(drifting).max() < 2 * np.median(changes(drifting))


def test_wrong_content_shows_the_other_scene(clean):
    frames = render(other_scene(MOVING, 4), width=W, height=H, fps=FPS, seed=4, seconds=SECONDS)
    np.testing.assert_array_equal(clip("wrong"), np.stack(list(frames)))


def test_still_keeps_the_scene_and_loses_the_motion(clean):
    still = clip("still")
    assert abs(centre(still[0])[0] - centre(still[-1])[0]) < 0.05 * abs(centre(clean[0])[0] - centre(clean[-1])[0])
    assert np.abs(still[36] - clean[36]).mean() < np.abs(still[0] - clean[0]).mean() / 4


@pytest.mark.parametrize("defect", ["freeze", "cut"])
def test_the_seed_moves_the_moment_within_the_middle_of_the_clip(defect):
    starts = [where(defect, seed).start_s for seed in range(40)]
    assert len(set(starts)) > 3
    assert all(0.25 * SECONDS < start < 0.65 * SECONDS for start in starts)
