"""What a probe says of a clip beyond its numbers, by name, so that it can be counted: cut off, interlaced, ...

A probe stores sentences; which of them means what is told here alone, for new probes and for stored ones.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from vbench.records import Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One thing worth knowing of a clip."""

    name: str
    is_damage: bool
    """Part of what was made is missing or spoilt: a score is that of another clip."""
    about: str
    """What it means, for a person, after a number of clips: `3 cut off`."""
    pattern: str
    """How its sentences begin, in `Probe.warnings`, or in `Provenance.warnings` for what was not delivered as asked."""


MARKS: tuple[Mark, ...] = (
    Mark(
        name="cut_off",
        is_damage=True,
        about="cut off: the end is missing",
        pattern=r"stops after |cut off: |reading stopped early",
    ),
    Mark(
        name="begins_late", is_damage=True, about="begin late: the start is missing", pattern=r"begins [0-9.]+ s late"
    ),
    Mark(
        name="undecodable",
        is_damage=True,
        about="with parts that cannot be decoded",
        pattern=r"[0-9]+ packets? could not be decoded",
    ),
    Mark(
        name="damaged_frames", is_damage=True, about="with damaged frames", pattern=r"[0-9]+ frames? (is|are) damaged"
    ),
    Mark(
        name="not_as_asked",
        is_damage=False,
        about="not as asked for or as their tools say (size, length, rate or sound)",
        pattern=r"not as (asked|told): ",
    ),
    Mark(
        name="no_sound", is_damage=False, about="with an empty sound stream", pattern=r"the sound stream holds no sound"
    ),
    Mark(name="resized", is_damage=False, about="that change their size", pattern=r"the picture changes from "),
    Mark(
        name="repaired_times",
        is_damage=False,
        about="with repaired timestamps",
        pattern=r"[0-9]+ (absent|repeated|backward) timestamps? repaired",
    ),
    Mark(
        name="short_delays",
        is_damage=False,
        about="whose delays of 10 ms or less are taken as 100 ms",
        pattern=r"[0-9]+ frames? claims? 10 ms or less",
    ),
    Mark(
        name="assumed_rate", is_damage=False, about="whose rate is assumed", pattern=r"a folder of frames tells no rate"
    ),
    Mark(
        name="left_out", is_damage=False, about="with files that were left out", pattern=r"[0-9]+ entries of the folder"
    ),
    Mark(
        name="several_tracks",
        is_damage=False,
        about="with several tracks, of which one is measured",
        pattern=r"[0-9]+ (picture|sound) tracks",
    ),
    Mark(
        name="interlaced",
        is_damage=False,
        about="interlaced, measured as whole frames",
        pattern=r"[0-9]+ of [0-9]+ frames are interlaced",
    ),
    Mark(name="mirrored", is_damage=False, about="stored mirrored", pattern=r"stored mirrored"),
    Mark(
        name="hdr", is_damage=False, about="in high dynamic range, without tone mapping", pattern=r"high dynamic range"
    ),
    Mark(name="transparent", is_damage=False, about="transparent, shown over black", pattern=r"transparent pixels "),
)
"""In the order in which they are told: damage first."""


def marks_of(probe: Probe) -> tuple[Mark, ...]:
    """What a probe says of its clip, each once, damage first."""
    return marks_in(probe.warnings)


def marks_in(warnings: Iterable[str]) -> tuple[Mark, ...]:
    """What the sentences of a probe mean, each once, damage first."""
    sentences = tuple(warnings)
    return tuple(mark for mark in MARKS if any(re.match(mark.pattern, sentence) for sentence in sentences))


def is_damaged(probe: Probe) -> bool:
    """Whether part of the clip is missing or spoilt."""
    return any(mark.is_damage for mark in marks_of(probe))


def count_marks(probes: Iterable[Probe]) -> dict[Mark, int]:
    """How many clips bear each mark, damage first; marks that none bears are left out."""
    counts = Counter(mark for probe in probes for mark in marks_of(probe))
    return {mark: counts[mark] for mark in MARKS if mark in counts}
