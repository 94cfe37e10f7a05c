"""Changes between frames: what is lost at a cut, in motion, in a fade."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.features.passes import features_of
from vbench.errors import MetricError
from vbench.features.frame_changes import StepsFeature, block_means, blocks_lost, has_moved, tile_means
from vbench.metrics.breaks import cut_count, freeze_ratio
from vbench.metrics.flicker import brightness_flicker
from vbench.selftest import textured_pan
from vbench.video import write_clip

TEXTURE = textured_pan(2, 320, 192, seed=3, speed=2.0)
LUMA = cv2.cvtColor(TEXTURE[0], cv2.COLOR_RGB2GRAY)


def test_blocks_are_lost_at_a_cut_and_not_in_motion_or_a_fade() -> None:
    other = cv2.cvtColor(textured_pan(1, 320, 192, seed=9)[0], cv2.COLOR_RGB2GRAY)
    assert blocks_lost(LUMA, other) > 0.6
    assert blocks_lost(LUMA, np.roll(LUMA, 30, axis=1)) < 0.3
    assert blocks_lost(LUMA, (LUMA * 0.4).astype(np.uint8)) == 0.0


def flicker_of(tmp_path: Path, depth: Any) -> Any:
    """Of a textured still whose every other frame is brighter by `depth` levels, drawn with dither, without loss."""
    draw = np.random.default_rng(0)
    still = cv2.resize(TEXTURE[0], (320, 192)).astype(np.float32) * 0.5 + 60
    dither = draw.random(still.shape[:2])[..., None]
    frames = [np.floor(still + dither + depth * (k % 2)).astype(np.uint8) for k in range(24)]
    write_clip(frames, tmp_path / "clip.mp4", fps=24, crf=0, preset="ultrafast")
    return brightness_flicker(features_of(tmp_path / "clip.mp4", StepsFeature)["steps"]).value


@pytest.mark.parametrize("depth", [0.4, 0.8, 1.6, 3.3])
def test_a_faint_flicker_is_measured_as_it_is(tmp_path: Path, depth: float) -> None:
    assert flicker_of(tmp_path, depth) == pytest.approx(depth, rel=0.1)


def test_what_an_encoder_refines_and_the_faintest_flicker_are_one_picture(tmp_path: Path) -> None:
    """A quarter of a level of the whole picture is where light begins: 0.2 lies below, 0.3 above."""
    with pytest.raises(MetricError, match="three different frames"):
        flicker_of(tmp_path, 0.2)
    assert flicker_of(tmp_path, 0.3) == pytest.approx(0.3, rel=0.2)


def test_light_alone_is_no_motion(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    light = draw.normal(0, 8, 24)
    for name, frames, ratio in (
        ("still", [TEXTURE[0]] * 24, 1.0),
        ("moving", textured_pan(24, 320, 192, seed=3, speed=2.0), 0.0),
    ):
        lit = [np.rint((f * 0.5 + 60) * (1 + o / 200) + o).astype(np.uint8) for f, o in zip(frames, light, strict=True)]
        write_clip(lit, tmp_path / f"{name}.mp4", fps=24, crf=18, preset="medium")
        assert freeze_ratio(features_of(tmp_path / f"{name}.mp4", StepsFeature)["steps"]).value == ratio


def test_a_small_thing_that_moves_is_motion() -> None:
    before = block_means(LUMA)
    after = before.copy()
    after[3, 4] += 2.0
    assert has_moved(before, after)
    assert not has_moved(before, before * 1.1 + 4)
    assert not has_moved(before, before)


def test_tiles_are_not_rounded() -> None:
    luma = np.zeros((64, 64), np.uint8)
    luma[::2] = 1
    assert tile_means(luma) == pytest.approx(np.full((8, 8), 0.5))
    assert tile_means(luma[:4, :4]).dtype == np.float32


def shot(colour: Any, *, speed: Any) -> Any:
    """A plain, softly shaded background with a disc that moves; 24 frames of 320 x 192."""
    shade = np.linspace(0.85, 1.15, 320)[None, :, None]
    for k in range(24):
        frame = np.broadcast_to(np.array(colour) * shade, (192, 320, 3)).copy()
        cv2.circle(frame, (60 + speed * k, 96), 18, (230, 230, 230), -1)
        yield np.clip(frame, 0, 255).astype(np.uint8)


def cuts_of(tmp_path: Path, frames: Any) -> Any:
    write_clip(frames, tmp_path / "clip.mp4", fps=24, crf=18, preset="ultrafast")
    return [event.frame for event in cut_count(features_of(tmp_path / "clip.mp4", StepsFeature)["steps"]).events]


def test_a_cut_between_plain_backgrounds_is_seen_in_a_file(tmp_path: Path) -> None:
    blue, orange = list(shot((60, 90, 180), speed=4)), list(shot((200, 130, 40), speed=4))
    assert cuts_of(tmp_path, blue[:12] + orange[12:]) == [12], "the disc, all the texture there is, goes on"
    assert cuts_of(tmp_path, blue[:12] + orange[12:15] + blue[15:]) == [], "a coloured flash"
    lamp = [np.clip(frame * 1.7, 0, 255).astype(np.uint8) for frame in shot((60, 90, 130), speed=4)]
    assert cuts_of(tmp_path, list(shot((60, 90, 130), speed=4))[:12] + lamp[12:]) == [], "a lamp"
    half = [(0.5 * a + 0.5 * b).astype(np.uint8) for a, b in zip(blue, orange, strict=True)]
    assert cuts_of(tmp_path, blue[:12] + half[12:13] + orange[13:]) == [], "a dissolve"
