"""Animated and still pictures, and folders of frames, against what other readers make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tests.video import clips
from vbench.files import frames_in
from vbench.video import probe, read_frames


def images(n: int = 5, mode: str = "RGB") -> Any:
    return [Image.fromarray(frame).convert(mode) for frame in clips.moving(n)]


def test_gif_times_and_disposal_are_as_pillow_has_them(tmp_path: Path) -> None:
    path, delays = tmp_path / "c.gif", [40, 100, 40, 250, 60]
    first, *rest = images(5)
    first.save(path, save_all=True, append_images=rest, duration=delays, loop=0, disposal=2)
    facts, frames = probe(path), list(read_frames(path))
    assert (facts.container, facts.codec, facts.n_frames, facts.is_vfr) == ("gif", "gif", 5, True)
    assert facts.duration_s == pytest.approx(sum(delays) / 1000)
    assert [round(frame.duration_s * 1000) for frame in frames] == delays
    with Image.open(path) as reference:
        for frame in frames:
            reference.seek(frame.index)
            assert np.abs(frame.rgb().astype(int) - np.asarray(reference.convert("RGB"))).max() <= 1


@pytest.mark.parametrize("disposal", [0, 1, 2])
@pytest.mark.parametrize("blend", [0, 1])
def test_apng_is_as_ffmpeg_decodes_it(tmp_path: Path, disposal: int, blend: int) -> None:
    path, delays = tmp_path / "c.png", [40, 80, 120, 40]
    first, *rest = images(4, "RGBA")
    for image in rest:
        image.putalpha(Image.fromarray((np.asarray(image)[..., 0] > 200).astype(np.uint8) * 255))
    first.save(path, save_all=True, append_images=rest, duration=delays, disposal=disposal, blend=blend)
    facts, frames = probe(path), list(read_frames(path))
    assert (facts.container, facts.codec, facts.n_frames) == ("apng", "png", 4)
    assert [round(frame.duration_s * 1000) for frame in frames] == delays
    with av.open(str(path), format="apng") as file:
        reference = [frame.to_ndarray(format="rgba").astype(float) for frame in file.decode(video=0)]
    for frame, rgba in zip(frames, reference, strict=True):
        assert np.abs(frame.rgb() - rgba[..., :3] * rgba[..., 3:] / 255).max() <= 1


def test_cover_of_an_apng_is_no_frame(tmp_path: Path) -> None:
    cover, *rest = images(4)
    cover.save(tmp_path / "c.png", save_all=True, append_images=rest, duration=40, default_image=True)
    assert probe(tmp_path / "c.png").n_frames == 3
    assert np.array_equal(next(read_frames(tmp_path / "c.png")).rgb(), clips.moving(4)[1])


def test_webp_is_lossless_timed_and_over_black(read: Any, tmp_path: Path) -> None:
    path, delays = tmp_path / "c.webp", [62, 62, 5, 62]
    first, *rest = images(4, "RGBA")
    for image in (first, *rest):
        image.putalpha(128)
    first.save(path, save_all=True, append_images=rest, duration=delays, lossless=True, exact=True)
    facts, frames = probe(path), list(read(path))
    assert (facts.container, facts.codec, facts.n_frames, facts.has_alpha) == ("webp", "webp", 4, True)
    assert [round(frame.t_s * 1000) for frame in frames] == [0, 62, 124, 224]
    assert facts.duration_s == pytest.approx(0.286)
    assert len(facts.warnings) == 2  # the 5 ms, and the black behind
    for frame, rgb in zip(frames, clips.moving(4), strict=True):
        assert np.abs(frame.rgb() - rgb * (128 / 255)).max() <= 1


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_one_picture_is_a_clip_of_one_frame(read: Any, tmp_path: Path, suffix: str) -> None:
    rgb = clips.moving(1)[0]
    Image.fromarray(rgb).save(tmp_path / f"c.{suffix}", quality=95)
    facts, (frame,) = probe(tmp_path / f"c.{suffix}"), read(tmp_path / f"c.{suffix}")
    assert (facts.n_frames, facts.fps, facts.duration_s, frame.duration_s) == (1, 0.0, 0.0, 0.0)
    assert clips.psnr(frame.rgb(), rgb) > 28


def test_sixteen_bit_grey_png_is_not_clipped(tmp_path: Path) -> None:
    grey = np.linspace(0, 65535, 64 * 48).astype(np.uint16).reshape(48, 64)
    Image.fromarray(grey).save(tmp_path / "c.png")
    assert np.array_equal(next(read_frames(tmp_path / "c.png")).rgb()[..., 1], grey >> 8)


def test_folder_of_frames_in_natural_order(tmp_path: Path) -> None:
    made = clips.moving(12)
    for index, rgb in enumerate(made):
        Image.fromarray(rgb).save(tmp_path / f"frame{index}.png")
    (tmp_path / "notes.txt").write_text("x")
    facts = probe(tmp_path)
    assert (facts.container, facts.codec, facts.n_frames, facts.fps) == ("folder", "png", 12, pytest.approx(24))
    assert len(facts.warnings) == 2  # the rate was assumed; an entry was left out
    timed = list(read_frames(tmp_path, fps=10))
    assert [round(frame.t_s, 6) for frame in timed] == [round(i / 10, 6) for i in range(12)]
    assert all(np.array_equal(frame.rgb(), rgb) for frame, rgb in zip(timed, made, strict=True))


def test_the_frames_of_a_folder_are_played_in_the_order_of_its_digest(tmp_path: Path) -> None:
    for number, name in enumerate(("2", "cover", "frame2", "Frame10")):  # as a person counts them
        Image.new("RGB", (16, 16), (60 * number, 0, 0)).save(tmp_path / f"{name}.png")
    for name in ("notes.txt", ".DS_Store", ".1.png"):
        (tmp_path / name).write_bytes(b"no frame")
    played = [int(frame.rgb()[0, 0, 0]) // 60 for frame in read_frames(tmp_path)]
    assert played == [0, 1, 2, 3]
    pixels = b"".join(Image.open(frame).tobytes()[:1] for frame in frames_in(tmp_path))
    assert [value // 60 for value in pixels] == played
    assert probe(tmp_path).size_bytes == sum(frame.stat().st_size for frame in frames_in(tmp_path))
