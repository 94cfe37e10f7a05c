"""What a page draws of a sound: peaks where they are, and the loudness that the standard states."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.video import clips
from vbench.errors import ClipError
from vbench.video import waveform, write_clip
from vbench.video.peaks import MOST_STEPS
from vbench.video.sandbox import Sandbox


def written(path: Path, samples: Any, rate: int) -> Path:
    """A file of 16-bit samples, (n, channels) in -1..1."""
    with wave.open(str(path), "wb") as file:
        file.setparams((samples.shape[1], 2, rate, 0, "NONE", ""))
        file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return path


def test_peaks_stand_where_they_sound_in_whichever_channel(tmp_path: Path) -> None:
    samples = np.zeros((8000, 2))
    samples[1234, 0], samples[4321, 1] = 0.5, -0.75
    found = waveform(written(tmp_path / "clicks.wav", samples, 8000))
    assert found.step_s == 0.01
    assert len(found.low) == len(found.high) == 100
    assert [i for i, v in enumerate(found.high) if v > 0.01] == [1234 // 80]
    assert [i for i, v in enumerate(found.low) if v < -0.01] == [4321 // 80]
    assert (max(found.high), min(found.low)) == (0.5, -0.75)


def test_a_sine_is_as_loud_as_the_standard_says(tmp_path: Path) -> None:
    """BS.1770: 997 Hz at full scale in both channels is 0 LUFS; here 20 dB less."""
    tone = 0.2 * clips.tone(3.0, 44100, hz=997.0)
    assert waveform(written(tmp_path / "tone.wav", tone, 44100)).loudness_lufs == pytest.approx(-20.0, abs=0.1)


def test_a_long_sound_gets_longer_stretches_and_loses_no_peak(tmp_path: Path) -> None:
    samples = np.zeros((1000 * 61, 1))
    samples[60_500] = 0.9
    found = waveform(written(tmp_path / "minute.wav", samples, 1000))
    assert len(found.high) <= MOST_STEPS
    assert found.step_s == pytest.approx(0.02)
    assert np.argmax(found.high) == 60_500 // 20
    assert max(found.high) == 0.9
    assert found.loudness_lufs == pytest.approx(-0.691 + 20 * np.log10(0.9) - 10 * np.log10(400), abs=0.1)


def test_a_clip_is_drawn_in_the_sandbox_and_one_without_sound_says_so(tmp_path: Path) -> None:
    write_clip(clips.moving(24), tmp_path / "heard.mp4", fps=24, audio=(clips.tone(1.0), 48000))
    write_clip(clips.moving(4), tmp_path / "mute.mp4", fps=24)
    sandbox = Sandbox()
    try:
        call = {"source": str(tmp_path / "heard.mp4"), "out": str(tmp_path / "waveform.json")}
        sandbox.call("waveform", call, limit_s=60)
        drawn = json.loads((tmp_path / "waveform.json").read_text())
        assert drawn["step_s"] == 0.01
        assert 95 <= len(drawn["high"]) <= 105
        assert max(drawn["high"]) == pytest.approx(0.5, abs=0.05)
        with pytest.raises(ClipError, match="has no sound"):
            sandbox.call("waveform", call | {"source": str(tmp_path / "mute.mp4")}, limit_s=60)
    finally:
        sandbox.close()
