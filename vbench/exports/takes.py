"""The chosen takes with all that goes along, under readable names; and moments as frames and timecode."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vbench.bench import Bench
from vbench.bench.media import safe_name
from vbench.errors import ClipError
from vbench.records import Clip, Event, Note, Select

USUAL_RATES = (24.0, 25.0, 30.0, 50.0, 60.0)
ROUNDED_S = 0.0005
"""Moments are rounded to the millisecond, so that the start of a frame may be said to lie a little before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A chosen clip with all that goes along."""

    clip: Clip
    name: str
    """Of its file, without suffix: readable, and different for each take."""
    path: Path
    scores: Mapping[str, float]
    notes: tuple[Note, ...]
    events: tuple[Event, ...]
    choice: Select

    @property
    def file(self) -> str:
        return f"{self.name}{self.path.suffix.lower()}"

    @property
    def fps(self) -> float:
        """The rate at which its moments are counted.

        A variable rate has none; such a clip is counted at the usual rate next above its mean.
        """
        mean = self.clip.probe.fps or USUAL_RATES[0]
        if not self.clip.probe.is_vfr:
            return mean
        return next((rate for rate in USUAL_RATES if mean <= rate * 1.002), mean)


def takes_of(bench: Bench, ids: Sequence[str], *, author: str) -> list[Take]:
    """The takes in the order asked for.

    Raises:
        BenchError: an id is not of this bench.
        ClipError: a file is gone.
    """
    choices = {choice.clip: choice for choice in bench.selects() if choice.author == author}
    takes: list[Take] = []
    names: set[str] = set()
    for id in dict.fromkeys(ids):
        clip = bench.clip(id)
        try:
            path = bench.clip_path(clip)
        except FileNotFoundError:
            raise ClipError(
                f"{clip.model}, prompt {clip.prompt.id}, sample {clip.sample}: the file is gone; "
                "put it back, or leave this take out"
            ) from None
        name = safe_name(f"{clip.prompt.id}_{clip.model}_{clip.sample}")
        name = name if name.casefold() not in names else f"{name}_{clip.id[:6]}"
        names.add(name.casefold())
        takes.append(
            Take(
                clip=clip,
                name=name,
                path=path,
                scores={score.key.metric: score.value for score in bench.score_records(clip=clip.id)},
                notes=tuple(bench.notes(clip.id)),
                events=tuple(bench.events(clip.id)),
                choice=choices.get(clip.id, Select(clip=clip.id, author=author)),
            )
        )
    return takes


def frame_at(seconds: float, fps: float) -> int:
    """Number of the frame that is on screen at a moment."""
    return max(0, math.floor((seconds + ROUNDED_S) * fps))


def timecode(seconds: float, fps: float) -> str:
    """`00:00:02:11`: hours, minutes, seconds, and frames at the clip's own rate."""
    frame = frame_at(seconds, fps)
    whole = max(1, round(fps))
    return (
        f"{frame // (whole * 3600):02d}:{frame // (whole * 60) % 60:02d}:{frame // whole % 60:02d}:{frame % whole:02d}"
    )
