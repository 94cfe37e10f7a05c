"""Speech: espeak's voice, noise and silence through the real networks, where the extra `speech` is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vbench.contracts import Settings
from vbench.errors import WeightsError
from vbench.features.speech import CHUNK, MOS, RATE, VAD, mono_16k, opinion_scores, speech_probability
from vbench.score import measure_file
from vbench.video import write_clip

needs_models = pytest.mark.skipif(
    find_spec("silero_vad") is None or find_spec("speechmos") is None, reason="the extra `speech` is not installed"
)
needs_voice = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
WORDS = "The quick brown fox jumps over the lazy dog, and nobody minds."


@pytest.fixture(scope="module")
def voice() -> Any:
    """About four seconds of speech at 16 kHz."""
    spoken = subprocess.run(["espeak-ng", "--stdout", WORDS], capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(spoken)) as file:
        rate = file.getframerate()
    samples = np.frombuffer(spoken[44:], np.int16).astype(np.float32) / 32768
    return mono_16k(samples[:, None], rate)


def probabilities(sound: Any) -> Any:
    return speech_probability(np.asarray(sound, np.float32), VAD.require(Settings()))


def in_torch(sound: Any, path: Path) -> list[float]:
    """Silero's network layer by layer in torch, a chunk at a time, as its authors run it."""
    import torch
    from safetensors.torch import load_file
    from torch.nn import functional

    w = load_file(path)
    cell = torch.nn.LSTMCell(128, 128)
    cell.load_state_dict({name.removeprefix("lstm_cell."): w[name] for name in w if name.startswith("lstm_cell")})
    whole = torch.from_numpy(np.pad(sound, (64, -len(sound) % CHUNK)))
    state, found = None, []
    with torch.no_grad():
        for start in range(64, len(whole), CHUNK):
            x = functional.pad(whole[None, start - 64 : start + CHUNK], (0, 64), mode="reflect")[None]
            x = functional.conv1d(x, w["stft_conv.weight"], stride=128)
            x = (x[:, :129] ** 2 + x[:, 129:] ** 2).sqrt()
            for i, stride in ((1, 1), (2, 2), (3, 2), (4, 1)):
                x = functional.conv1d(x, w[f"conv{i}.weight"], w[f"conv{i}.bias"], stride=stride, padding=1).relu()
            state = cell(x[..., 0], state)
            last = functional.conv1d(state[0].relu()[..., None], w["final_conv.weight"], w["final_conv.bias"])
            found.append(float(last.sigmoid()))
    return found


@needs_models
def test_the_detector_is_the_published_network() -> None:
    draw = np.random.default_rng(0)
    sound = (np.sin(np.arange(30_000) / 9) * draw.normal(0.1, 0.05, 30_000)).astype(np.float32)
    assert probabilities(sound) == pytest.approx(in_torch(sound, VAD.require(Settings())), abs=1e-4)


@needs_models
def test_long_sounds_go_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, 20 * CHUNK + 7)
    whole = probabilities(sound)
    monkeypatch.setattr("vbench.features.speech.BLOCK", 3)
    assert probabilities(sound) == pytest.approx(whole, abs=1e-5)
    assert len(whole) == 21


@needs_models
@pytest.mark.parametrize("sound", ["silence", "noise", "tone"])
def test_what_is_no_speech(sound: str) -> None:
    n = 2 * RATE
    made = {
        "silence": np.zeros(n),
        "noise": np.random.default_rng(2).normal(0, 0.1, n),
        "tone": 0.3 * np.sin(np.arange(n) * 2 * np.pi * 440 / RATE),
    }
    assert (probabilities(made[sound]) >= 0.5).mean() < 0.05


@needs_models
@needs_voice
def test_a_voice_is_found_and_sounds_worse_under_noise(voice: Any) -> None:
    noise = np.random.default_rng(3).normal(0, 1, len(voice)).astype(np.float32)
    level = float(voice.std())
    scores = [opinion_scores(voice + gain * level * noise, MOS.require(Settings()))[1].mean() for gain in (0, 0.1, 1)]
    assert scores[0] > 2.5
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[2] > 1
    assert (probabilities(voice) >= 0.5).mean() > 0.75


@needs_models
@needs_voice
def test_a_clip_in_which_somebody_speaks(tmp_path: Path, voice: Any) -> None:
    """Half of the sound is speech, at another rate, in two channels."""
    both = np.concatenate([voice, np.zeros_like(voice)])
    sound = np.interp(np.arange(0, len(both), 16 / 44.1), np.arange(len(both)), both)
    seconds = len(sound) / 44_100
    frames = [np.full((64, 64, 3), 90, np.uint8)] * round(seconds * 8)
    stereo = np.stack([sound, sound], axis=1).astype(np.float32)
    write_clip(frames, tmp_path / "speech.mp4", fps=8, audio=(stereo, 44_100))
    _, outcomes = measure_file(tmp_path / "speech.mp4", preset="speech", workers=1)
    values = {each.key.metric: each.value for each in outcomes.scores}
    assert values["speech_share"] == pytest.approx(0.45, abs=0.07)
    assert 2 < values["speech_quality"] < 4.5


@needs_models
def test_nobody_speaks(tmp_path: Path) -> None:
    frames = [np.full((64, 64, 3), 90, np.uint8)] * 8
    write_clip(frames, tmp_path / "mute.mp4", fps=8)
    tone = (0.3 * np.sin(np.arange(16_000) / 5)).astype(np.float32)[:, None]
    write_clip(frames, tmp_path / "tone.mp4", fps=8, audio=(tone, 16_000))
    for name, codes in (("mute", ["not_applicable"] * 2), ("tone", ["not_applicable"])):
        _, outcomes = measure_file(tmp_path / f"{name}.mp4", preset="speech", workers=0)
        assert [failure.code for failure in outcomes.failures] == codes


def test_another_file_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    other = tmp_path / "silero_vad_16k.safetensors"
    save_file({"stft_conv.weight": np.zeros((2, 2), np.float32)}, other)
    with pytest.raises(WeightsError, match="Silero"):
        speech_probability(np.zeros(600, np.float32), other)
    (tmp_path / "cut.safetensors").write_bytes(other.read_bytes()[:20])
    with pytest.raises(WeightsError, match="get the file again"):
        speech_probability(np.zeros(600, np.float32), tmp_path / "cut.safetensors")


def test_sound_is_mixed_and_resampled() -> None:
    t = np.arange(48_000) / 48_000
    stereo = np.stack([np.sin(2 * np.pi * 300 * t), np.zeros_like(t)], axis=1).astype(np.float32)
    mono = mono_16k(stereo, 48_000)
    assert len(mono) == 16_000
    expected = 0.5 * np.sin(2 * np.pi * 300 * np.arange(16_000) / 16_000)
    assert mono[200:-200] == pytest.approx(expected[200:-200], abs=5e-3)
