"""Timelines for editing programs: the takes one after another, with notes and events as markers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vbench.exports.takes import Take, frame_at
from vbench.files import write_text

MARKER_COLOURS = {"note": "GREEN", "cut": "RED", "freeze": "BLUE", "black": "BLACK", "worst": "ORANGE"}
WHOLE_RATES = (24.0, 25.0, 30.0, 50.0, 60.0)
EDL_RATES = (*WHOLE_RATES, 24000 / 1001, 30000 / 1001, 60000 / 1001)
"""Of these, an EDL can count frames; a clip of another rate is placed by time."""


def timeline_json(takes: Sequence[Take]) -> str:
    """OpenTimelineIO's own JSON, each take in its own frames; files are named as in the folder export."""
    return str(_timeline(takes, [(take.fps, take.fps) for take in takes]).to_json_string())


def edl(takes: Sequence[Take]) -> str:
    """A CMX 3600 edit decision list with markers as locators, which are in each take's own time.

    An EDL counts at one rate: that of the fastest take, or the whole one above it. Its timecode numbers frames without
    dropping any, so that 29.97 a second are counted as 30. A take's file is named in a comment, in UTF-8.
    """
    import opentimelineio as otio

    fastest = max(take.fps for take in takes)
    above = next((rate for rate in WHOLE_RATES if fastest <= rate), WHOLE_RATES[-1])
    rate = next((rate for rate in EDL_RATES if math.isclose(fastest, rate, rel_tol=4e-4)), above)
    nominal = float(round(rate))
    timeline = _timeline(takes, [(rate, nominal)] * len(takes))
    for number, item in enumerate(timeline.tracks[0], 1):
        item.name = _one_line(item.name)
        item.metadata["cmx_3600"] = {"reel": f"TAKE{number:04d}"}  # eight letters of a file name are not its own
        for marker in item.markers:
            marker.name = _one_line(marker.name)
    text = str(otio.adapters.write_to_string(timeline, adapter_name="cmx_3600", rate=nominal))
    title, _, events = text.partition("\n")
    return f"{title}\nFCM: NON-DROP FRAME\n{events}"


def _timeline(takes: Sequence[Take], rates: Sequence[tuple[float, float]]) -> Any:
    """An OpenTimelineIO timeline.

    Args:
        takes: The takes.
        rates: For each, the rate at which its seconds become frames, and the rate that these are said to have.
    """
    import opentimelineio as otio  # here: only exports need it

    track = otio.schema.Track(name="takes", kind=otio.schema.TrackKind.Video)
    for take, (rate, nominal) in zip(takes, rates, strict=True):
        track.append(_item(take, rate, nominal))
    timeline = otio.schema.Timeline(name="takes")
    timeline.tracks.append(track)
    return timeline


def _item(take: Take, rate: float, nominal: float) -> Any:
    import opentimelineio as otio

    def span(start: int, length: int) -> Any:
        return otio.opentime.TimeRange(
            otio.opentime.RationalTime(start, nominal), otio.opentime.RationalTime(length, nominal)
        )

    whole = span(0, max(1, round(take.clip.probe.duration_s * rate)))
    item = otio.schema.Clip(
        name=take.name,
        source_range=whole,
        media_reference=otio.schema.ExternalReference(target_url=take.file, available_range=whole),
        metadata={"vbench": _facts(take)},
    )
    moments = [(note.start_s, note.end_s, "note", note.text) for note in take.notes]
    moments += [(event.start_s, event.end_s, event.kind, f"{event.kind} ({event.metric})") for event in take.events]
    for start_s, end_s, kind, text in sorted(moments):
        marked = span(frame_at(start_s, rate), max(0, round((end_s - start_s) * rate)))
        item.markers.append(otio.schema.Marker(name=text, marked_range=marked, color=MARKER_COLOURS[kind]))
    return item


def _facts(take: Take) -> dict[str, Any]:
    return {
        "model": take.clip.model,
        "prompt_id": take.clip.prompt.id,
        "prompt": take.clip.prompt.text,
        "sample": take.clip.sample,
        "sha256": take.clip.sha256,
        "stars": take.choice.stars,
        "rejected": take.choice.rejected,
        "scores": dict(take.scores),
    }


def _one_line(text: str) -> str:
    """Text as a comment of an EDL holds it."""
    return " ".join(text.split())[:120]


def write_otio(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """See `timeline_json`."""
    write_text(out, timeline_json(takes))


def write_edl(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """See `edl`."""
    write_text(out, edl(takes))
