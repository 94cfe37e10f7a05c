"""The one encoder: what is written is read back, whole or not at all."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.video import clips
from vbench.errors import ClipError
from vbench.video import (
    exact_rate,
    extract_frame,
    probe,
    read_frames,
    write_clip,
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    made = clips.moving(12)
    record = write_clip(made, tmp_path / "c.mp4", fps=24)
    assert (record.n_frames, record.width, record.height, record.fps) == (12, 64, 48, "24/1")
    assert json.loads(json.dumps(record.as_dict()))["crf"] == 16
    for frame, rgb in zip(read_frames(tmp_path / "c.mp4"), made, strict=True):
        assert clips.psnr(frame.rgb(), rgb) > 30


def test_flat_colours_survive_within_two_levels(tmp_path: Path) -> None:
    rgb, middles = clips.flat_blocks()
    write_clip([rgb] * 3, tmp_path / "c.mp4", fps=24, crf=4)
    got = extract_frame(tmp_path / "c.mp4", index=1).astype(int)
    assert max(np.abs(got[y, x] - rgb[y, x]).max() for y, x in middles) <= 2


def test_floats_mean_the_same_as_bytes(tmp_path: Path) -> None:
    made = clips.moving(3)
    write_clip(made, tmp_path / "a.mp4", fps=24)
    write_clip([rgb.astype(np.float32) / 255 for rgb in made], tmp_path / "b.mp4", fps=24)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_same_input_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_clip(clips.moving(30, 320, 240), tmp_path / f"{name}.mp4", fps=30, audio=(clips.tone(), 48000))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_file_is_tagged_and_starts_fast(tmp_path: Path) -> None:
    write_clip(clips.moving(4), tmp_path / "c.mp4", fps=24, metadata={"model": "clean", "title": "A title"})
    data = (tmp_path / "c.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "c.mp4")) as file:
        context = file.streams.video[0].codec_context
        tags = (context.pix_fmt, context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tags == ("yuv420p", 1, 1, 1, 1)
        assert (file.metadata["model"], file.metadata["title"]) == ("clean", "A title")


def test_odd_sizes_repeat_their_edge(tmp_path: Path) -> None:
    rgb = np.full((49, 65, 3), 200, np.uint8)
    record = write_clip([rgb], tmp_path / "c.mp4", fps=24)
    assert (record.width, record.height, record.padded_right, record.padded_bottom) == (66, 50, 1, 1)
    got = extract_frame(tmp_path / "c.mp4", index=0)
    assert got.shape == (50, 66, 3)
    assert np.abs(got.astype(int) - 200).max() <= 2


@pytest.mark.parametrize(
    ("fps", "exact"),
    [
        (24, Fraction(24)),
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (8.0, Fraction(8)),
        (12.5, Fraction(25, 2)),
        (Fraction(25, 3), Fraction(25, 3)),
    ],
)
def test_rates_are_exact(tmp_path: Path, fps: Any, exact: Any) -> None:
    assert exact_rate(fps) == exact
    write_clip(clips.moving(4), tmp_path / "c.mp4", fps=fps)
    with av.open(str(tmp_path / "c.mp4")) as file:
        assert file.streams.video[0].average_rate == exact


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 5000])
def test_impossible_rates_are_refused(tmp_path: Path, fps: Any) -> None:
    with pytest.raises(ClipError, match="between 0 and 1000"):
        write_clip(clips.moving(2), tmp_path / "c.mp4", fps=fps)


@given(fps=st.one_of(st.integers(1, 120), st.floats(1, 120)), n=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_times_of_any_rate(tmp_path_factory: pytest.TempPathFactory, fps: Any, n: Any) -> None:
    path = tmp_path_factory.mktemp("rate") / "c.mp4"
    write_clip([np.full((16, 16, 3), 9 * i, np.uint8) for i in range(n)], path, fps=fps, preset="ultrafast")
    times = [frame.t_s for frame in read_frames(path)]
    assert times == pytest.approx([i / float(exact_rate(fps)) for i in range(n)], abs=2e-4)
    assert (np.diff(times) > 0).all()
    assert not probe(path).is_vfr


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([], "no frame to write"),
        ([np.zeros((16, 16), np.uint8)], r"\(H, W, 3\)"),
        ([np.zeros((16, 16, 3), np.uint8), np.zeros((16, 18, 3), np.uint8)], "frame 1 has shape"),
        ([np.zeros((16, 16, 3), np.int64)], "int64"),
        ([np.full((16, 16, 3), np.nan)], "nan"),
        ([np.full((16, 16, 3), 255.0)], "255"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, frames: Any, said: str) -> None:
    (tmp_path / "c.mp4").write_bytes(b"older")
    with pytest.raises(ClipError, match=said):
        write_clip(frames, tmp_path / "c.mp4", fps=24)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("c.mp4", b"older")]


def test_an_interrupted_source_leaves_the_old_file(tmp_path: Path) -> None:
    def frames() -> Any:
        yield from clips.moving(3)
        raise KeyboardInterrupt

    (tmp_path / "c.mp4").write_bytes(b"older")
    with pytest.raises(KeyboardInterrupt):
        write_clip(frames(), tmp_path / "c.mp4", fps=24)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("c.mp4", b"older")]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="cannot be written"):
        write_clip(clips.moving(2), tmp_path / "absent" / "c.mp4", fps=24)
