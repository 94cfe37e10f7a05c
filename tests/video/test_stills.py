"""Single pictures out of a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.video import clips
from vbench.errors import ClipError
from vbench.video import (
    extract_frame,
    poster,
    sprite,
    write_clip,
)


def test_extract_frame_by_index_and_time(tmp_path: Path) -> None:
    made = clips.moving(12)
    write_clip(made, tmp_path / "c.mp4", fps=24)
    for index, t_s in ((0, 0.0), (5, 5 / 24), (5, 5.9 / 24), (11, 11.5 / 24)):
        by_index, by_time = extract_frame(tmp_path / "c.mp4", index=index), extract_frame(tmp_path / "c.mp4", t_s=t_s)
        assert np.array_equal(by_index, by_time)
        assert clips.psnr(by_index, made[index]) > 30
    for wrong in ({"index": 12}, {"index": -1}, {"t_s": 0.6}, {"t_s": -1.0}):
        with pytest.raises(ClipError, match="frames 0 to 11"):
            extract_frame(tmp_path / "c.mp4", **wrong)
    with pytest.raises(ValueError, match="either"):
        extract_frame(tmp_path / "c.mp4")


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_poster_is_past_the_black_and_the_fade(tmp_path: Path, suffix: str) -> None:
    scene = clips.moving(1)[0].astype(float)
    fade = [(scene * min(1.0, max(0.0, (i - 24) / 24))).astype(np.uint8) for i in range(96)]  # full from 2 s on
    write_clip(fade, tmp_path / "c.mp4", fps=24)
    poster(tmp_path / "c.mp4", tmp_path / f"p.{suffix}", height=48)
    with Image.open(tmp_path / f"p.{suffix}") as image:
        assert image.size == (64, 48)
        assert np.asarray(image.convert("L")).mean() > 0.85 * np.mean(scene @ [0.299, 0.587, 0.114])
    poster(tmp_path / "c.mp4", tmp_path / "black.png", t_s=0.5)
    with Image.open(tmp_path / "black.png") as image:
        assert image.height == 360
        assert np.asarray(image).max() < 8
    with pytest.raises(ClipError, match=r"\.jpg"):
        poster(tmp_path / "c.mp4", tmp_path / "p.txt")


def test_sprite_tiles_lie_where_it_says(tmp_path: Path) -> None:
    made = [np.full((48, 64, 3), 10 * i, np.uint8) for i in range(24)]
    write_clip(made, tmp_path / "c.mp4", fps=24)
    info = sprite(tmp_path / "c.mp4", tmp_path / "s.png", columns=4, n=6, height=24)
    assert (info.columns, info.rows, info.n, info.width, info.height) == (4, 2, 6, 32, 24)
    with Image.open(tmp_path / "s.png") as sheet:
        pixels = np.asarray(sheet).astype(int)
    assert pixels.shape == (48, 128, 3)
    for place, t_s in enumerate(info.t_s):
        tile = pixels[place // 4 * 24 :, place % 4 * 32 :][:24, :32]
        assert np.abs(tile - 10 * round(t_s * 24)).max() <= 3
    assert sprite(tmp_path / "c.mp4", tmp_path / "s.png", n=99).n == 24
