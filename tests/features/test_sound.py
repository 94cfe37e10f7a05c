"""Loudness against the tones whose loudness the standard states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vbench.features.sound import LoudnessMeter, n_clipped


def tone(rate: Any, seconds: Any, *, level_db: Any, hz: float = 997.0, channels: int = 2) -> Any:
    t = np.arange(round(rate * seconds)) / rate
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * t)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def measure(samples: Any, rate: Any, *, pieces: int = 1) -> Any:
    meter = LoudnessMeter(rate)
    for piece in np.array_split(samples, pieces):
        meter.add(piece)
    return meter.close()


@pytest.mark.parametrize("rate", [48000, 44100, 22050])
@pytest.mark.parametrize(("channels", "expected"), [(1, -23.01), (2, -20.0)])
def test_a_997_hz_sine(rate: int, channels: int, expected: float) -> None:
    """BS.1770: 0 dBFS of 997 Hz in one channel is -3.01 LUFS, and in two 3.01 more."""
    found = measure(tone(rate, 3, level_db=-20, channels=channels), rate)
    assert found.loudness_lufs == pytest.approx(expected, abs=0.1)
    assert found.rms_db[5] == pytest.approx(-23.01, abs=0.02)


def test_gates_leave_out_silence_and_quiet_parts() -> None:
    """EBU Tech 3341, case 3 in short: the quiet ends do not count."""
    loud, quiet = tone(16000, 60, level_db=-23), tone(16000, 20, level_db=-40)
    found = measure(np.concatenate([quiet, loud, quiet, np.zeros_like(quiet)]), 16000)
    assert found.loudness_lufs == pytest.approx(-23.0, abs=0.1)


def test_pieces_do_not_matter() -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (48000, 2)).astype(np.float32)
    whole, pieces = measure(samples, 48000), measure(samples, 48000, pieces=37)
    assert pieces.loudness_lufs == pytest.approx(whole.loudness_lufs, abs=1e-6)
    assert pieces.rms_db == pytest.approx(whole.rms_db, abs=1e-6)


def test_silence() -> None:
    found = measure(np.zeros((4800, 1), np.float32), 48000)
    assert found.loudness_lufs == -70.0
    assert set(found.rms_db) == {-120.0}


def test_clipping_counts_runs_of_three() -> None:
    samples = np.array([[0.2], [1.0], [1.0], [0.1], [1.0], [-1.0], [1.0], [1.0], [0.0]], np.float32)
    assert n_clipped(samples) == 4
