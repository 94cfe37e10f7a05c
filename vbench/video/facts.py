"""What every kind of source shares: its limits, its facts, its pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from vbench.errors import ClipError

FOLDER_FPS = 24.0
"""The rate of frames that tell none."""
ANIMATION_DEFAULT_S, SHORTEST_DELAY_S = 0.1, 0.01
"""What browsers show where an animated picture claims `SHORTEST_DELAY_S` or less per frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one clip may ask for; what passes them is refused before it is decoded."""

    max_pixels: int = 50_000_000
    """Of one frame; 8K has 33 million."""
    max_seconds: float = 4 * 3600.0
    max_bytes: int = 16 * 2**30


DEFAULT_LIMITS = Limits()


class DecodedPicture(NamedTuple):
    """One decoded picture, in the decoder's own format."""

    image: Any
    """`av.VideoFrame`."""
    t_s: float | None
    """On the container's clock; None where it has no timestamp."""
    duration_s: float
    """0 where unknown."""


@dataclass(slots=True, kw_only=True)
class Facts:
    """What is known of a source so far; grows while its pictures are read."""

    container: str
    codec: str
    tick_s: float
    """The container's time base."""
    interval_s: float
    """Nominal seconds per frame, used where a timestamp is missing."""
    header_n_frames: int = 0
    header_duration_s: float = 0.0
    n_indexed: int = 0
    """Frames that an index of the whole file has a place for and that are shown; 0: there is no such index."""
    is_cut_off: bool = False
    """The file ends before its own structure does; known when it has been read to its end."""
    first_s: float = 0.0
    """The first picture on the container's clock."""
    missing_start_s: float = 0.0
    """Before the first picture, of frames that cannot be decoded."""
    n_interlaced: int = 0
    aspect: float = 1.0
    """Sample aspect ratio: width of a pixel over its height."""
    audio_codec: str = ""
    audio_start_s: float = math.inf
    audio_end_s: float = -math.inf
    n_broken: int = 0
    """Packets or pictures that could not be decoded."""
    warnings: list[str] = field(default_factory=list)


class VideoSource(Protocol):
    """A file or folder that is open for one pass."""

    facts: Facts

    def pictures(self) -> Iterator[DecodedPicture]:
        """Decoded pictures in presentation order."""

    def close(self) -> None:
        """Give the file back."""


def check_size(path: Path, width: int, height: int, limits: Limits) -> None:
    """Refuse a picture larger than the limit.

    Raises:
        ClipError: Its pixels pass `limits.max_pixels`.
    """
    if width * height > limits.max_pixels:
        raise ClipError(
            f"{path}: {width} x {height} pixels, at most {limits.max_pixels:,} are decoded; scale it down first",
            code="too_large",
        )


def browser_delay_s(delay_s: float) -> float:
    """Seconds for which browsers show a picture of an animation that claims `delay_s`."""
    return delay_s if delay_s > SHORTEST_DELAY_S + 1e-9 else ANIMATION_DEFAULT_S


def short_delays(n: int) -> list[str]:
    """A sentence on the pictures of an animation that claim too short a time."""
    claim = "frames claim" if n > 1 else "frame claims"
    return [f"{n} {claim} 10 ms or less; taken as 100 ms, as browsers show them"] if n else []
