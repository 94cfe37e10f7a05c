"""The sound of a clip on the clock of its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from numpy.typing import NDArray

from vbench.errors import ClipError
from vbench.video.facts import DEFAULT_LIMITS, Limits
from vbench.video.images import is_image
from vbench.video.source import check_file
from vbench.video.stream import open_container, played, shown_stream

GAP_S = 0.02
"""Holes in the sound longer than this are filled with silence, so that it stays in step."""


def read_audio(
    path: Path, *, max_s: float | None = None, limits: Limits = DEFAULT_LIMITS
) -> tuple[NDArray[np.float32], int] | None:
    """The sound of a clip, from its first frame on.

    Args:
        path: A local video or sound file.
        max_s: Stop after so many seconds; None: all of it, in memory.
        limits: What is refused unread.

    Returns:
        Samples, float32 (n, channels) in about -1..1, mixed down to 2 channels where there are more, and their rate in
        Hz. What cannot be decoded is silent. None: the clip has no sound.

    Raises:
        ClipError: The file cannot be read.
    """
    chunks: list[NDArray[np.float32]] = []
    n, rate = 0, 0
    for chunk, rate in sound_chunks(path, limits=limits):
        chunks.append(chunk)
        n += len(chunk)
        if max_s is not None and n >= max_s * rate:
            break
    if not chunks:
        return None
    samples = np.concatenate(chunks)
    return samples if max_s is None else samples[: round(max_s * rate)], rate


def sound_chunks(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Stream `read_audio`: float32 (n, channels) and the rate in Hz; nothing where there is no sound."""
    path = Path(path)
    if path.is_dir() or is_image(check_file(path, limits)):
        return
    with closing(open_container(path, limits)) as file:
        stream, pictures = played(file.streams.audio), shown_stream(file)
        if stream is None:
            return
        start_s = float(pictures.start_time * pictures.time_base) if pictures and pictures.start_time else 0.0
        resampler: AudioResampler | None = None
        n_written = 0
        for frame in _decoded(file, stream):
            if resampler is None:
                layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
                resampler, rate = AudioResampler(format="flt", layout=layout, rate=frame.sample_rate), frame.sample_rate
            at = n_written if frame.pts is None else round((float(frame.pts * frame.time_base) - start_s) * rate)
            samples = np.concatenate([_samples(part) for part in resampler.resample(frame)] or [np.zeros((0, 1), "f4")])
            if at - n_written > GAP_S * rate:
                if at > limits.max_seconds * rate:
                    raise ClipError(
                        f"{path}: sound beyond the {limits.max_seconds:.0f} s that are read; cut it or raise the limit",
                        code="too_long",
                    )
                yield np.zeros((at - n_written, samples.shape[1]), np.float32), rate
                n_written = at
            elif n_written == 0 and at < 0:
                samples = samples[-at:]  # before the first picture
            if len(samples):
                n_written += len(samples)
                yield samples, rate


def _decoded(file: Any, stream: Any) -> Iterator[Any]:
    try:
        for packet in file.demux(stream):
            try:
                frames = packet.decode()
            except FFmpegError:
                continue  # leaves a hole in the timestamps, which becomes silence
            yield from frames
    except FFmpegError:
        return  # a truncated file ends here; `probe` says so


def _samples(frame: Any) -> NDArray[np.float32]:
    packed: NDArray[np.float32] = frame.to_ndarray()
    return packed.reshape(-1, frame.layout.nb_channels)
