"""Sound on the clock of the pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tests.video import clips
from vbench.errors import ClipError
from vbench.video import (
    read_audio,
    write_clip,
)


@pytest.mark.parametrize(("rate", "written"), [(48000, 48000), (24000, 24000), (18000, 48000)])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_comes_back_in_step(tmp_path: Path, rate: int, written: int, channels: int) -> None:
    wave = clips.tone(1.5, rate, 440, channels)
    wave[: rate // 2] = 0  # silent until 0.5 s
    record = write_clip(clips.moving(36), tmp_path / "c.mp4", fps=24, audio=(wave, rate))
    assert record.audio == f"aac {written} Hz {channels} ch"
    samples, got_rate = read_audio(tmp_path / "c.mp4")
    assert (got_rate, samples.shape[1], samples.dtype) == (written, channels, np.float32)
    assert len(samples) / written == pytest.approx(1.5, abs=0.05)
    assert np.argmax(np.abs(samples[:, 0]) > 0.1) / written == pytest.approx(0.5, abs=0.01)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.05)
    assert len(read_audio(tmp_path / "c.mp4", max_s=0.25)[0]) == round(0.25 * written)


@pytest.mark.parametrize(("picture_s", "sound_s"), [(0.5, 0.0), (0.0, 0.3), (0.25, 0.25)])
def test_sound_is_on_the_clock_of_the_pictures(tmp_path: Path, picture_s: float, sound_s: float) -> None:
    path = tmp_path / "c.mkv"
    wave = np.zeros((1, 48000), np.int16)
    wave[0, 36000:] = 20000  # a step at 0.75 s of the sound
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=24, options={"bf": "0"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = file.add_stream("pcm_s16le", rate=48000, layout="mono")
        for index, rgb in enumerate(clips.moving(24)):
            image = clips.picture(rgb)
            image.pts, image.time_base = index + round(picture_s * 24), Fraction(1, 24)
            file.mux(video.encode(image))
        file.mux(video.encode(None))
        for start in range(0, 48000, 4800):
            chunk = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[:, start : start + 4800]), "s16", "mono")
            chunk.sample_rate, chunk.time_base = 48000, Fraction(1, 48000)
            chunk.pts = start + round(sound_s * 48000)
            file.mux(sound.encode(chunk))
        file.mux(sound.encode(None))
    samples, rate = read_audio(path)
    assert np.argmax(samples[:, 0] > 0.3) / rate == pytest.approx(0.75 + sound_s - picture_s, abs=0.005)
    assert len(samples) / rate == pytest.approx(1 + sound_s - picture_s, abs=0.005)


def test_no_sound_is_none(tmp_path: Path) -> None:
    write_clip(clips.moving(2), tmp_path / "c.mp4", fps=24)
    Image.fromarray(clips.moving(1)[0]).save(tmp_path / "c.webp")
    assert read_audio(tmp_path / "c.mp4") is None
    assert read_audio(tmp_path / "c.webp") is None


@pytest.mark.parametrize("shape", [(0, 2), (100, 6), (100,)])
def test_sound_of_another_shape_is_refused(tmp_path: Path, shape: Any) -> None:
    with pytest.raises(ClipError, match="mix it down"):
        write_clip(clips.moving(2), tmp_path / "c.mp4", fps=24, audio=(np.zeros(shape, np.float32), 48000))
