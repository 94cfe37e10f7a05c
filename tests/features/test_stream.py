"""Stream features on drawn pictures whose answer is known, and the shared decode pass."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from vbench.contracts import Every, FrameRequest, Settings
from vbench.extract.decode import Chunk, Done, SharedFrame, run_clip
from vbench.features.appearance import describe
from vbench.features.flow import DisFeature, FlowRows, camera_part
from vbench.features.picture import banding, blockiness, exposure_fault, letterbox, sharpness
from vbench.features.shimmer import ShimmerFeature
from vbench.features.steps import StepsFeature, blocks_lost
from vbench.metrics.breaks import cut_count
from vbench.selftest import textured_pan
from vbench.video import read_frames, write_clip

TEXTURE = textured_pan(2, 320, 192, seed=3, speed=2.0)
LUMA = cv2.cvtColor(TEXTURE[0], cv2.COLOR_RGB2GRAY)


@pytest.fixture(scope="module")
def pan(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "pan.mp4"
    write_clip(textured_pan(24, 320, 192, seed=3, speed=2.0), path, fps=24, crf=0, preset="ultrafast")
    return path


def features_of(path, *kinds):
    *_, done = run_clip(path, None, [kind(Settings()) for kind in kinds], [])
    assert isinstance(done, Done)
    return done.values


def test_flow_of_a_pan_is_its_speed(pan):
    flow = features_of(pan, DisFeature)["flow"]
    speed = 2 * 24 / np.hypot(320, 192)
    assert flow.median == pytest.approx(speed, rel=0.05)
    assert flow.camera == pytest.approx(speed, rel=0.05)
    assert flow.subject.max() < 0.05 * speed
    assert flow.move[:, 0] == pytest.approx(-speed, rel=0.05)
    assert flow.frame.tolist() == [3, 6, 9, 12, 15, 18, 21]


def test_camera_part_of_a_known_zoom_and_turn():
    y, x = np.mgrid[:90, :160].astype(np.float32)
    centred = (x - 79.5) + 1j * (y - 44.5)
    moved = centred * 1.03 * np.exp(0.02j) + (1.5 - 0.5j) - centred
    flow = np.stack([moved.real, moved.imag], axis=2).astype(np.float32)
    camera, subject, move, inliers = camera_part(flow, np.ones((90, 160), bool))
    assert move == pytest.approx([1.5, -0.5, np.log(1.03), 0.02], abs=0.03)
    assert subject < 0.02
    assert inliers == 1.0
    assert camera == pytest.approx(np.abs(moved).mean(), rel=0.05)


def test_what_moves_by_itself_is_subject():
    flow = np.zeros((96, 160, 2), np.float32)
    flow[32:64, 40:80, 0] = 6.0
    camera, subject, _, _ = camera_part(flow, np.ones((96, 160), bool))
    assert camera < 0.05
    assert subject == pytest.approx(6 * 32 * 40 / (96 * 160), rel=0.1)


def test_chaos_is_no_camera():
    flow = np.random.default_rng(0).uniform(-20, 20, (96, 160, 2)).astype(np.float32)
    camera, subject, move, _ = camera_part(flow, np.ones((96, 160), bool))
    assert camera == 0.0
    assert not move.any()
    assert subject == pytest.approx(np.hypot(*flow[4::8, 4::8].reshape(-1, 2).T).mean())


def test_jerk_of_even_and_of_turning_motion():
    def jerk(velocities):
        rows = FlowRows()
        for i, velocity in enumerate(velocities):
            flow = np.full((64, 96, 2), 0, np.float32)
            flow[..., 0] = velocity
            rows.add(i / 8, (i + 1) / 8, i, LUMA[:64, :96], LUMA[:64, :96], flow, -flow)
        return rows.close().jerk[1:]

    assert jerk([4, 4, 4]) == pytest.approx(0.0, abs=1e-6)
    assert jerk([4, -4, 4]) == pytest.approx(8 / 4.25, rel=1e-3)


def test_shimmer_is_the_second_difference_where_nothing_moves(tmp_path):
    flat = np.full((64, 96, 3), 100, np.uint8)
    frames = [flat + np.uint8(6 * (i % 2)) for i in range(24)]
    write_clip(frames, tmp_path / "x.mp4", fps=24, crf=0)
    assert features_of(tmp_path / "x.mp4", ShimmerFeature)["shimmer"].value == pytest.approx(6.0, abs=0.6)


def test_blocks_are_lost_at_a_cut_and_not_in_motion_or_a_fade():
    other = cv2.cvtColor(textured_pan(1, 320, 192, seed=9)[0], cv2.COLOR_RGB2GRAY)
    assert blocks_lost(LUMA, other) > 0.6
    assert blocks_lost(LUMA, np.roll(LUMA, 30, axis=1)) < 0.3
    assert blocks_lost(LUMA, (LUMA * 0.4).astype(np.uint8)) == 0.0


def test_appearance_sees_another_colour_but_not_another_place():
    def disc(x, colour):
        picture = np.full((192, 320, 3), 90, np.uint8)
        return describe(cv2.circle(picture, (x, 96), 50, colour, -1))

    here, there, other = disc(120, (220, 40, 40)), disc(130, (220, 40, 40)), disc(120, (40, 60, 220))
    assert np.linalg.norm(here) == pytest.approx(1.0, abs=1e-5)
    assert here @ there > here @ other + 0.02


def test_letterbox_is_the_share_of_the_bars():
    barred = LUMA.copy()
    barred[:24], barred[-24:] = 0, 5
    assert letterbox(barred)[0] == pytest.approx(48 / 192)
    assert letterbox(barred)[1] == (24, 168, 0, 320)
    assert letterbox(LUMA)[0] == 0.0
    assert letterbox(np.zeros_like(LUMA))[0] == 0.0


def test_blockiness_of_blocks_of_eight():
    blocks = np.kron(np.random.default_rng(0).integers(0, 256, (24, 40)), np.ones((8, 8))).astype(np.uint8)
    assert blockiness(blocks) == pytest.approx(1.0)
    assert blockiness(np.roll(blocks, 3, axis=(0, 1))) == 0.0
    assert blockiness(LUMA) < 0.05


def test_banding_of_a_staircase():
    ramp = np.tile(np.linspace(40, 200, 640), (200, 1))
    assert banding(np.floor(ramp).astype(np.uint8)) == pytest.approx(0.0, abs=0.02)
    assert banding((np.floor(ramp / 8) * 8).astype(np.uint8)) > 0.8


def test_exposure_is_the_share_of_lost_pixels():
    picture = np.full((10, 10), 128, np.uint8)
    picture[0], picture[1, :5] = 0, 255
    assert exposure_fault(picture) == pytest.approx(0.15)


def test_sharpness_falls_with_blur_and_not_with_pixels():
    blurred = cv2.GaussianBlur(LUMA, (0, 0), 3)
    assert sharpness(LUMA) > sharpness(blurred) + 0.1
    large = cv2.resize(LUMA, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    larger = cv2.resize(LUMA, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    assert sharpness(large) == pytest.approx(sharpness(larger), abs=0.05)


@pytest.mark.parametrize(("kernel", "mode"), [("linear", "bilinear"), ("cubic", "bicubic")])
def test_plain_kernels_are_those_of_torch_without_antialias(pan, kernel, mode):
    frame = SharedFrame(next(read_frames(pan)))
    ours = frame.rgb((100, 60), kernel)
    whole = torch.from_numpy(frame.rgb()).permute(2, 0, 1)[None].float()
    theirs = torch.nn.functional.interpolate(whole, (60, 100), mode=mode, antialias=False).clamp(0, 255)[0]
    assert np.abs(ours.astype(float) - theirs.permute(1, 2, 0).numpy()).max() <= 1.0


def test_one_pass_serves_every_request(pan):
    requests = [FrameRequest(sampling=Every(0.25), short_side=96, crop=64), FrameRequest(short_side=None)]
    messages = list(run_clip(pan, None, [StepsFeature(Settings())], requests))
    chunks = {number: [m for m in messages if isinstance(m, Chunk) and m.request == number] for number in (0, 1)}
    small = np.concatenate([chunk.frames for chunk in chunks[0]])
    assert small.shape == (4, 64, 64, 3)
    assert np.concatenate([chunk.t_s for chunk in chunks[1]]).tolist() == [k / 8 for k in range(8)]
    assert np.concatenate([chunk.frame for chunk in chunks[1]]).tolist() == [3 * k for k in range(8)]
    decoded = {frame.index: frame.rgb() for frame in read_frames(pan)}
    whole = np.concatenate([chunk.frames for chunk in chunks[1]])
    assert all(np.array_equal(whole[k], decoded[3 * k]) for k in range(8))


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
