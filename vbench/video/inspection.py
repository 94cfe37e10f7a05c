"""The facts of a clip, as decoded rather than as its header claims."""

from __future__ import annotations

from array import array
from contextlib import closing
from pathlib import Path

import numpy as np

from vbench.files import frames_in
from vbench.records import Probe
from vbench.video.facts import DEFAULT_LIMITS, Facts, Limits
from vbench.video.frames import frames_of
from vbench.video.source import open_source

HDR_TRANSFERS = {16: "PQ", 18: "HLG"}


def probe(path: Path, *, limits: Limits = DEFAULT_LIMITS, threads: int = 0, fps: float | None = None) -> Probe:
    """Decode a clip once and say what it is.

    Args:
        path: A local video file, animated picture, picture, or folder of PNG or JPG frames.
        limits: What is refused unread.
        threads: Decoder threads; 0 lets the decoder choose.
        fps: Rate of a folder of frames (24 where None); a file carries its own.

    Raises:
        ClipError: With code `unreadable`, `no_video`, `empty`, `too_large`, `too_long` or `protocol`.
    """
    return survey(path, limits=limits, threads=threads, fps=fps)[0]


def survey(
    path: Path, *, limits: Limits = DEFAULT_LIMITS, threads: int = 0, fps: float | None = None
) -> tuple[Probe, array[float]]:
    """`probe`, and the time of each frame in seconds from the first."""
    path = Path(path)
    with closing(open_source(path, limits=limits, threads=threads, fps=fps, sound=True, quick=True)) as source:
        facts = source.facts
        times: array[float] = array("d")
        notes: list[str] = []
        first = last = None
        is_transparent = is_resized = False
        n_corrupt = 0
        for frame in frames_of(source, path, limits):
            image = frame._image
            first = first or (image, frame)
            times.append(frame.t_s)
            is_transparent = is_transparent or frame.is_transparent
            n_corrupt += image.is_corrupt
            if not is_resized and (image.width, image.height) != (first[0].width, first[0].height):
                is_resized = True
                notes.append(
                    f"the picture changes from {first[0].width} x {first[0].height} to {image.width} x {image.height} "
                    f"at frame {frame.index}; all are scaled to the first"
                )
            last = frame
    assert first is not None  # frames_of raises where there is none
    assert last is not None
    image, shown = first
    n_frames, duration_s = len(times), last.t_s + last.duration_s
    has_audio = facts.audio_end_s > facts.audio_start_s
    notes += _missing(facts, n_frames, duration_s, n_corrupt)
    if facts.audio_codec and not has_audio:
        notes.append("the sound stream holds no sound")
    if shown._lens.is_mirrored:
        notes.append("stored mirrored; shown as its display matrix says")
    if image.color_trc in HDR_TRANSFERS:
        notes.append(f"high dynamic range ({HDR_TRANSFERS[image.color_trc]}); shown without tone mapping")
    if facts.n_interlaced:
        notes.append(f"{facts.n_interlaced} of {n_frames} frames are interlaced; measured as whole frames")
    if is_transparent:
        notes.append("transparent pixels are shown over black")
    return Probe(
        container=facts.container,
        codec=facts.codec,
        pixel_format=image.format.name,
        width=shown.width,
        height=shown.height,
        rotation=shown._lens.rotation,
        n_frames=n_frames,
        fps=(n_frames - 1) / last.t_s if n_frames > 1 else 0.0,
        duration_s=duration_s,
        is_vfr=is_variable(times, facts.tick_s),
        bit_depth=max(part.bits for part in image.format.components),
        has_alpha=is_transparent,
        has_audio=has_audio,
        audio_codec=facts.audio_codec if has_audio else "",
        audio_duration_s=facts.audio_end_s - facts.audio_start_s if has_audio else 0.0,
        size_bytes=_size_bytes(path),
        header_n_frames=facts.header_n_frames,
        warnings=tuple(facts.warnings + notes),
    ), times


def is_variable(times: array[float], tick_s: float) -> bool:
    """Whether a frame interval differs from the median by more than 2 % of it plus the container's time base."""
    if len(times) < 3:
        return False
    intervals = np.diff(np.frombuffer(times))
    median = float(np.median(intervals))
    return bool(np.abs(intervals - median).max() > 0.02 * median + tick_s + 1e-9)


def _missing(facts: Facts, n_frames: int, duration_s: float, n_corrupt: int) -> list[str]:
    """What the header promised and the stream did not hold."""
    notes = []
    n_whole = facts.n_indexed or facts.header_n_frames
    end_s, header_s = facts.first_s + duration_s, facts.header_duration_s
    # An MP4 has a place for each frame, and its header may tell any duration.
    is_short = not facts.n_indexed and header_s - end_s > max(0.25, 0.02 * duration_s)
    if n_frames < n_whole and facts.is_cut_off:
        notes.append(f"stops after frame {n_frames} of {n_whole}")
    elif is_short:
        notes.append(f"stops after {duration_s:.2f} s of {header_s - facts.first_s:.2f} s")
    elif facts.is_cut_off:
        notes.append("cut off: the file ends before its contents do; copy or download it again")
    if facts.missing_start_s > 1.5 * facts.interval_s:
        notes.append(
            f"begins {facts.missing_start_s:.2f} s late: the key frame that its first pictures need is missing"
        )
    if facts.n_broken:
        notes.append(f"{facts.n_broken} packet{'s' if facts.n_broken > 1 else ''} could not be decoded")
    if n_corrupt:
        notes.append(f"{n_corrupt} frame{'s are' if n_corrupt > 1 else ' is'} damaged")
    return notes


def _size_bytes(path: Path) -> int:
    if path.is_dir():
        return sum(frame.stat().st_size for frame in frames_in(path))
    return path.stat().st_size
