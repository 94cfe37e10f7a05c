"""Speech: where it is, by Silero's detector, and how well it sounds, by DNSMOS; both come with the extra `speech`.

Their files are read from inside the packages `silero-vad` and `speechmos`, whose code is never run: the detector is a
few matrix products in numpy, DNSMOS runs through OpenCV. Source of the measure: Reddy et al. 2022, arXiv:2110.01763.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import FileFeature, Floats, SourceFile, Speech
from vbench.errors import MetricError
from vbench.features.onnx import PackagedFile, open_net, run_net, unfit
from vbench.video.sound import read_audio

VAD = PackagedFile(
    setting="speech.vad",
    package="silero_vad",
    name="data/silero_vad_16k.safetensors",
    extra="speech",
    size_mb=2,
    licence="MIT",
)
MOS = PackagedFile(
    setting="speech.mos",
    package="speechmos",
    name="dnsmos_models/sig_bak_ovr.onnx",
    extra="speech",
    size_mb=2,
    licence="MIT",
)
RATE = 16_000
CHUNK, CONTEXT = 512, 64
"""Samples of which one probability is made, and those before them that it also hears."""
N_FFT, HOP = 256, 128
BLOCK = 1024
"""Chunks at once, so that memory does not grow with the sound."""
MOS_S = 9.01
"""Seconds that DNSMOS hears at once; a shorter sound is repeated, as its own code does."""
MOST_STRETCHES = 60
"""Of a long sound, evenly."""
MOS_FIT = (-0.06766283, 1.11546468, 0.04602535)
"""Polynomial from the network's overall quality to opinion scores."""
SPEAKS = 0.5

FloatRows = NDArray[np.float32]


class SpeechFeature(FileFeature):
    """`contracts.Speech`: a probability of speech for each 32 ms, and the quality of each 9 s that hold any."""

    name = "speech"
    weight_sources = {"vad": VAD, "mos": MOS}  # noqa: RUF012

    def params(self) -> dict[str, Any]:
        return {name: source.identity(self.settings) for name, source in self.weight_sources.items()}

    def read(self, source: SourceFile) -> Speech:
        heard = read_audio(source.path) if source.probe.has_audio else None
        if heard is None or not len(heard[0]):
            raise MetricError("the clip has no sound track, so nobody can speak in it", code="not_applicable")
        sound = mono_16k(*heard)
        probability = speech_probability(sound, VAD.require(self.settings))
        starts = np.asarray(np.arange(len(probability)) * (CHUNK / RATE), np.float64)
        quality_t_s, quality = np.zeros(0), np.zeros(0)
        if (probability >= SPEAKS).any():
            quality_t_s, quality = opinion_scores(sound, MOS.require(self.settings))
        return Speech(starts, probability, quality_t_s, quality)


def mono_16k(samples: FloatRows, rate: int) -> FloatRows:
    """Samples (n, channels) at any rate → (m,) at 16 kHz, -1 to 1."""
    mono = samples.mean(axis=1)
    if rate != RATE:
        from scipy.signal import resample_poly  # here: most clips have no sound, and scipy is large

        shared = gcd(rate, RATE)
        mono = resample_poly(mono, RATE // shared, rate // shared)
    return np.asarray(np.clip(mono, -1.0, 1.0), np.float32)


# --- where: Silero ---------------------------------------------------------------------------------------------------


def speech_probability(sound: FloatRows, path: Path) -> Floats:
    """That somebody speaks in each 32 ms, by Silero's detector v6 for 16 kHz.

    Args:
        sound: (n,) at 16 kHz; the last chunk is filled with silence.
        path: Its weights.

    Returns:
        Shape (ceil(n / 512),).
    """
    w = _silero(path)
    n_chunks = max(1, -(-len(sound) // CHUNK))
    padded = np.zeros(CONTEXT + n_chunks * CHUNK, np.float32)
    padded[CONTEXT : CONTEXT + len(sound)] = sound
    heard = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + CHUNK)[::CHUNK]
    gates = np.concatenate([_gates(heard[start : start + BLOCK], w) for start in range(0, n_chunks, BLOCK)])
    hidden, cell = np.zeros((2, 128), np.float32)
    states = np.empty((n_chunks, 128), np.float32)
    for chunk in range(n_chunks):  # the one step that has to go in order
        enter, forget, new, leave = np.split(gates[chunk] + w["lstm_cell.weight_hh"] @ hidden, 4)
        cell = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(new)
        hidden = _sigmoid(leave) * np.tanh(cell)
        states[chunk] = hidden
    last = np.maximum(states, 0) @ w["final_conv.weight"][0, :, 0] + w["final_conv.bias"][0]
    return _sigmoid(last).astype(np.float64)


def _gates(heard: FloatRows, w: Mapping[str, FloatRows]) -> FloatRows:
    """What chunks (n, 576) bring into the recurrent step, (n, 512)."""
    rows = np.pad(heard, ((0, 0), (0, CONTEXT)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(rows, N_FFT, axis=1)[:, ::HOP]  # (n, 4, 256)
    waves = frames @ w["stft_conv.weight"][:, 0].T
    half = N_FFT // 2 + 1
    spectrum = np.sqrt(waves[..., :half] ** 2 + waves[..., half:] ** 2).transpose(0, 2, 1)  # (n, 129, 4)
    for name, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
        spectrum = np.maximum(_conv(spectrum, w[f"{name}.weight"], w[f"{name}.bias"], stride), 0)
    brought = spectrum[..., 0] @ w["lstm_cell.weight_ih"].T + w["lstm_cell.bias_ih"] + w["lstm_cell.bias_hh"]
    return np.asarray(brought, np.float32)


def _conv(rows: FloatRows, weight: FloatRows, bias: FloatRows, stride: int) -> FloatRows:
    """Convolution over time with a kernel of 3: (n, c, t), (d, c, 3), (d,) → (n, d, t')."""
    padded = np.pad(rows, ((0, 0), (0, 0), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=2)[:, :, ::stride]  # (n, c, t', 3)
    n, c, t, _ = windows.shape
    columns = windows.transpose(0, 2, 1, 3).reshape(n * t, c * 3)
    summed = columns @ weight.reshape(len(weight), -1).T + bias
    return np.asarray(summed.reshape(n, t, len(weight)).transpose(0, 2, 1), np.float32)


def _sigmoid(x: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -60, 60))))


SHAPES = {
    "stft_conv.weight": (258, 1, 256),
    "conv1.weight": (128, 129, 3),
    "lstm_cell.weight_ih": (512, 128),
    "final_conv.weight": (1, 128, 1),
}


@lru_cache(maxsize=1)
def _silero(path: Path) -> Mapping[str, FloatRows]:
    """Raises WeightsError where the file is not the detector's."""
    from safetensors.numpy import load_file

    try:
        weights = load_file(path)
    except Exception as error:
        raise unfit(path, "Silero's detector of speech for 16 kHz", error) from None
    for name, shape in SHAPES.items():
        if name not in weights or weights[name].shape != shape:
            raise unfit(path, "Silero's detector of speech for 16 kHz", f"no {name} of the shape {shape}")
    return {name: array.astype(np.float32) for name, array in weights.items()}


# --- how well: DNSMOS ------------------------------------------------------------------------------------------------


def opinion_scores(sound: FloatRows, path: Path) -> tuple[Floats, Floats]:
    """Overall quality as people would rate it, 1 to 5, of stretches of 9.01 s, at least a second apart.

    Args:
        sound: (n,) at 16 kHz; a shorter one is repeated until it is long enough.
        path: DNSMOS P.835 as ONNX.

    Returns:
        Starts in seconds and scores, both (Q,).
    """
    holds = "DNSMOS P.835 (signal, background, overall)"
    length = int(MOS_S * RATE)
    while len(sound) < length:
        sound = np.concatenate([sound, sound])
    net = _mos(path)
    last = int(len(sound) / RATE - MOS_S)
    starts = np.unique(np.linspace(0, last, min(last + 1, MOST_STRETCHES)).astype(int))
    scores = []
    for start in starts:
        stretch = sound[start * RATE : start * RATE + length]
        answer = run_net(net, np.ascontiguousarray(stretch[None]), path, holds)
        if answer.shape != (1, 3):
            raise unfit(path, holds, f"its answer has the shape {answer.shape}")
        scores.append(float(np.polyval(MOS_FIT, answer[0, 2])))
    return starts.astype(np.float64), np.array(scores)


@lru_cache(maxsize=1)
def _mos(path: Path) -> Any:
    return open_net(path, "DNSMOS P.835 (signal, background, overall)")
