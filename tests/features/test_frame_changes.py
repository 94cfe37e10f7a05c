"""Changes between frames: what is lost at a cut, in motion, in a fade."""

from __future__ import annotations

import cv2
import numpy as np

from tests.features.passes import features_of
from vbench.features.frame_changes import StepsFeature, blocks_lost
from vbench.metrics.breaks import cut_count
from vbench.selftest import textured_pan
from vbench.video import write_clip

TEXTURE = textured_pan(2, 320, 192, seed=3, speed=2.0)
LUMA = cv2.cvtColor(TEXTURE[0], cv2.COLOR_RGB2GRAY)


def test_blocks_are_lost_at_a_cut_and_not_in_motion_or_a_fade():
    other = cv2.cvtColor(textured_pan(1, 320, 192, seed=9)[0], cv2.COLOR_RGB2GRAY)
    assert blocks_lost(LUMA, other) > 0.6
    assert blocks_lost(LUMA, np.roll(LUMA, 30, axis=1)) < 0.3
    assert blocks_lost(LUMA, (LUMA * 0.4).astype(np.uint8)) == 0.0


def shot(colour, *, speed):
    """A plain, softly shaded background with a disc that moves; 24 frames of 320 x 192."""
    shade = np.linspace(0.85, 1.15, 320)[None, :, None]
    for k in range(24):
        frame = np.broadcast_to(np.array(colour) * shade, (192, 320, 3)).copy()
        cv2.circle(frame, (60 + speed * k, 96), 18, (230, 230, 230), -1)
        yield np.clip(frame, 0, 255).astype(np.uint8)


def cuts_of(tmp_path, frames):
    write_clip(frames, tmp_path / "clip.mp4", fps=24, crf=18, preset="ultrafast")
    return [event.frame for event in cut_count(features_of(tmp_path / "clip.mp4", StepsFeature)["steps"]).events]


def test_a_cut_between_plain_backgrounds_is_seen_in_a_file(tmp_path):
    blue, orange = list(shot((60, 90, 180), speed=4)), list(shot((200, 130, 40), speed=4))
    assert cuts_of(tmp_path, blue[:12] + orange[12:]) == [12], "the disc, all the texture there is, goes on"
    assert cuts_of(tmp_path, blue[:12] + orange[12:15] + blue[15:]) == [], "a coloured flash"
    lamp = [np.clip(frame * 1.7, 0, 255).astype(np.uint8) for frame in shot((60, 90, 130), speed=4)]
    assert cuts_of(tmp_path, list(shot((60, 90, 130), speed=4))[:12] + lamp[12:]) == [], "a lamp"
    half = [(0.5 * a + 0.5 * b).astype(np.uint8) for a, b in zip(blue, orange, strict=True)]
    assert cuts_of(tmp_path, blue[:12] + half[12:13] + orange[13:]) == [], "a dissolve"
