"""The pass over a clip: frames in every wanted form, and which of them repeat the one before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vbench.contracts import Every, FrameRequest, Settings
from vbench.extract.decode import Chunk, SharedFrame, ToDecode, block_change, run_clip, shared_frames
from vbench.features.frame_changes import StepsFeature
from vbench.selftest import textured_pan
from vbench.video import read_frames, write_clip

WIDTH, HEIGHT, N = 320, 192, 36


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("clips") / "pan.mp4"
    write_clip(textured_pan(24, 320, 192, seed=3, speed=2.0), path, fps=24, crf=0, preset="ultrafast")
    return path


@pytest.mark.parametrize(("kernel", "mode"), [("linear", "bilinear"), ("cubic", "bicubic")])
def test_plain_kernels_are_those_of_torch_without_antialias(pan: Any, kernel: str, mode: str) -> None:
    frame = SharedFrame(next(read_frames(pan)))
    ours = frame.rgb((100, 60), kernel)
    whole = torch.from_numpy(frame.rgb()).permute(2, 0, 1)[None].float()
    theirs = torch.nn.functional.interpolate(whole, (60, 100), mode=mode, antialias=False).clamp(0, 255)[0]
    assert np.abs(ours.astype(float) - theirs.permute(1, 2, 0).numpy()).max() <= 1.0


def test_one_pass_serves_every_request(pan: Any) -> None:
    requests = [FrameRequest(sampling=Every(0.25), short_side=96, crop=64), FrameRequest(short_side=None)]
    messages = list(run_clip(ToDecode(number=0, path=pan), [StepsFeature(Settings())], requests))
    chunks = {number: [m for m in messages if isinstance(m, Chunk) and m.request == number] for number in (0, 1)}
    small = np.concatenate([chunk.frames for chunk in chunks[0]])
    assert small.shape == (4, 64, 64, 3)
    assert np.concatenate([chunk.t_s for chunk in chunks[1]]).tolist() == [k / 8 for k in range(8)]
    assert np.concatenate([chunk.frame for chunk in chunks[1]]).tolist() == [3 * k for k in range(8)]
    decoded = {frame.index: frame.rgb() for frame in read_frames(pan)}
    whole = np.concatenate([chunk.frames for chunk in chunks[1]])
    assert all(np.array_equal(whole[k], decoded[3 * k]) for k in range(8))


def is_new(tmp_path: Path, frames: Any, *, crf: int = 16) -> Any:
    """Per frame after the first, through x264 and back."""
    path = tmp_path / "clip.mp4"
    write_clip(frames, path, fps=24, crf=crf, preset="medium")
    _, *rest = [frame.is_new for frame in shared_frames(read_frames(path, threads=1))]
    assert len(rest) == N - 1
    return np.array(rest)


@pytest.fixture(scope="module")
def pan_frames() -> Any:
    return list(textured_pan(N, WIDTH, HEIGHT, seed=3, speed=3.0))


@pytest.mark.parametrize("crf", [16, 23])
def test_a_frozen_stretch_is_one_picture_for_x264(tmp_path: Path, pan_frames: Any, crf: int) -> None:
    """The picture moves, stands from frame 12 to 29, and moves again."""
    found = is_new(tmp_path, [*pan_frames[:12], *[pan_frames[12]] * 18, *pan_frames[13:19]], crf=crf)
    assert found[:12].all()
    assert not found[13:29].any()
    assert found[29:].all()


def test_slow_motion_is_no_repeat(tmp_path: Path) -> None:
    """A quarter of a pixel a frame."""
    slow = list(textured_pan(N, WIDTH, HEIGHT, seed=3, speed=0.25))
    assert is_new(tmp_path, slow).all()


def test_a_small_mover_is_no_repeat(tmp_path: Path) -> None:
    """One of 960 blocks changes, which is nothing to the mean."""
    background = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    frames = []
    for k in range(N):
        frame = background.copy()
        frame[80:92, 40 + 4 * k : 52 + 4 * k] = 200
        frames.append(frame)
    assert is_new(tmp_path, frames).all()


def test_a_slow_fade_goes_on(tmp_path: Path, pan_frames: Any) -> None:
    """From full to none in ten seconds: a bright block loses one level a frame, the mean half of one."""
    assert is_new(tmp_path, [np.rint(pan_frames[0] * (1 - k / 240)).astype(np.uint8) for k in range(N)]).all()


def test_grain_on_a_still_picture_is_no_repeat(tmp_path: Path, pan_frames: Any) -> None:
    """Film grain of 3 levels that changes with every frame."""
    draw = np.random.default_rng(0)
    frames = [np.clip(pan_frames[0] + draw.normal(0, 3, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8) for _ in range(N)]
    assert is_new(tmp_path, frames).all()


def test_block_change_is_the_largest_mean() -> None:
    before = np.full((64, 96), 100, np.uint8)
    after = before.copy()
    after[8:16, 24:32] = 103
    assert block_change(after, before) == pytest.approx(3.0)
    checkers = before.copy()
    checkers[::2] += 2
    checkers[1::2] -= 2
    assert block_change(checkers, before) == pytest.approx(0.0)
