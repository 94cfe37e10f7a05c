"""The chosen takes with all that goes along, under readable names; and moments as frames and timecode."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vbench.bench import Bench
from vbench.bench.media import safe_name
from vbench.errors import ClipError, OptionError
from vbench.records import Approval, Clip, Cut, Event, Note, Select

USUAL_RATES = (24.0, 25.0, 30.0, 50.0, 60.0)
UNSTEADY = ("webp", "gif")
"""Containers whose frames each say how long they stand; no editor counts them at a rate."""
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
    approvals: tuple[Approval, ...]
    """Of guests of review links."""
    events: tuple[Event, ...]
    choice: Select
    conformed_fps: float = 0.0
    """Constant rate of the copy that goes along instead of a file whose frames cannot be counted; 0: the original."""

    @property
    def file(self) -> str:
        if self.conformed_fps:
            return f"{self.name}_{self.conformed_fps:.5g}fps.mp4"
        return f"{self.name}{self.path.suffix.lower()}"

    @property
    def is_steady(self) -> bool:
        """Whether editing programs can count its frames: a video file of a constant rate."""
        return bool(self.conformed_fps) or not (
            self.clip.probe.is_vfr or self.clip.probe.container in UNSTEADY or self.path.is_dir()
        )

    @property
    def fps(self) -> float:
        """The rate at which its moments are counted.

        A variable rate has none; such a clip is counted at the usual rate next above its mean.
        """
        if self.conformed_fps:
            return self.conformed_fps
        mean = self.clip.probe.fps or USUAL_RATES[0]
        if not self.clip.probe.is_vfr:
            return mean
        return next((rate for rate in USUAL_RATES if mean <= rate * 1.002), mean)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportWish:
    """What an export may be told beside its takes."""

    at_s: float | None = None
    """For frames: the moment; None: the first."""
    rate: float | None = None
    """For timelines: frames a second; None: each take's own, or the one they share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The seconds of a take that are used, from the first frame's start to the last frame's end."""

    take: Take
    in_s: float
    out_s: float


def stretches_of(takes: Sequence[Take]) -> list[Stretch]:
    """Each used range of each take, in their order; of a take without ranges all of it."""
    return [
        Stretch(take=take, in_s=start, out_s=end)
        for take in takes
        for start, end in take.choice.used_ranges(take.clip.probe.duration_s)
    ]


def at_rate(takes: Sequence[Take], rate: float) -> list[Take]:
    """The takes, with a copy of a constant rate in the place of each whose own frames cannot be counted."""
    return [take if take.is_steady else replace(take, conformed_fps=rate) for take in takes]


def takes_of(bench: Bench, ids: Sequence[str], *, author: str | None) -> list[Take]:
    """The takes in the order asked for.

    Args:
        bench: Where they are.
        ids: Of their clips.
        author: Whose choices count; None: the last word on each take.

    Raises:
        BenchError: an id is not of this bench.
        OptionError: a take was rejected.
        ClipError: a file is gone.
    """
    choices = (
        bench.last_selects() if author is None else {choice.clip: choice for choice in bench.selects(author=author)}
    )
    approvals = approvals_by_clip(bench)
    takes: list[Take] = []
    names: set[str] = set()
    for id in dict.fromkeys(ids):
        clip = bench.clip(id)
        where = f"{clip.model}, prompt {clip.prompt.id}, sample {clip.sample}"
        choice = choices.get(clip.id, Select(clip=clip.id, author=author or ""))
        if choice.is_rejected:
            raise OptionError(f"{where}: this take was rejected; leave it out, or take the rejection back")
        try:
            path = bench.clip_path(clip)
        except FileNotFoundError:
            raise ClipError(f"{where}: the file is gone; put it back, or leave this take out") from None
        except OSError as error:
            raise ClipError(f"{where}: the file cannot be read ({error}); try again, or leave this take out") from None
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
                approvals=approvals.get(clip.id, ()),
                events=tuple(bench.events(clip.id)),
                choice=choice,
            )
        )
    return takes


def approvals_by_clip(bench: Bench) -> dict[str, tuple[Approval, ...]]:
    """Clip id → what guests said of it."""
    said: dict[str, tuple[Approval, ...]] = {}
    for approval in bench.approvals():
        said[approval.clip] = (*said.get(approval.clip, ()), approval)
    return said


def takes_of_cut(bench: Bench, cut: Cut) -> list[Take]:
    """A take per shot of a cut, in its order, with the shot's seconds as its range.

    Raises:
        OptionError: the cut is empty, or a take in it was rejected.
        ClipError: a file is gone.
    """
    if not cut.shots:
        raise OptionError(f"cut {cut.name!r} has no shot yet; add some on the page, or with vbench cut fill")
    takes = {take.clip.id: take for take in takes_of(bench, [shot.clip for shot in cut.shots], author=None)}
    return [
        replace(takes[shot.clip], choice=replace(takes[shot.clip].choice, ranges=((shot.in_s, shot.out_s),)))
        for shot in cut.shots
    ]


def each_once(takes: Sequence[Take]) -> list[Take]:
    """The takes without those that come again, as they do in a cut."""
    return list({take.clip.id: take for take in takes}.values())


def frame_at(seconds: float, fps: float) -> int:
    """Number of the frame that is on screen at a moment."""
    return max(0, math.floor((seconds + ROUNDED_S) * fps))


def counted(frame: int, fps: float) -> str:
    """`00:00:02:11`: hours, minutes, seconds and frames of a frame's number, none dropped."""
    whole = max(1, round(fps))
    return (
        f"{frame // (whole * 3600):02d}:{frame // (whole * 60) % 60:02d}:{frame // whole % 60:02d}:{frame % whole:02d}"
    )


def timecode(seconds: float, fps: float) -> str:
    """The frame that is on screen at a moment, at the clip's own rate, as `counted`."""
    return counted(frame_at(seconds, fps), fps)
