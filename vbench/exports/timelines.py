"""Timelines for editing programs: the used seconds of takes one after another, with sound, notes and events.

OpenTimelineIO's own JSON counts each take in its own frames, or all at one rate; the other forms count at one rate:
EDL (CMX 3600), Final Cut's XML (FCPXML), Premiere's XML (XMEML), and markers for Resolve.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal
from urllib.parse import quote
from xml.etree import ElementTree as ET

from vbench.errors import OptionError
from vbench.exports.takes import Stretch, Take, at_rate, counted, each_once, frame_at, stretches_of
from vbench.video.encoder import exact_rate

MARKER_COLOURS = {
    "note": "GREEN",
    "cut": "RED",
    "freeze": "BLUE",
    "black": "BLACK",
    "worst": "ORANGE",
    "watermark": "CYAN",
}
RESOLVE_COLOURS = {
    "note": "Green",
    "cut": "Red",
    "freeze": "Blue",
    "black": "Purple",
    "worst": "Yellow",
    "watermark": "Cyan",
}
WHOLE_RATES = (24.0, 25.0, 30.0, 50.0, 60.0)
RATES = (*WHOLE_RATES, 24000 / 1001, 30000 / 1001, 60000 / 1001)
"""At which editing programs count."""
Form = Literal["otio", "edl", "fcpxml", "xmeml", "resolve"]
START_S = 3600
"""Timelines begin at one hour, as editing programs have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineMark:
    """A note or an event, in frames of the timeline's rate from the take's first."""

    start: int
    n_frames: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A shot on a timeline, in frames of its rate."""

    take: Take
    source_in: int
    n_frames: int
    record_in: int
    """From the timeline's first frame."""
    n_source: int
    """Of the whole take."""
    marks: tuple[TimelineMark, ...] = field(default=())

    @property
    def source_out(self) -> int:
        """The first frame that is not used."""
        return self.source_in + self.n_frames

    @property
    def has_audio(self) -> bool:
        return self.take.clip.probe.has_audio


def one_rate(takes: Sequence[Take], rate: float | None) -> Fraction:
    """The rate of a timeline: the one asked for, or the one that all takes have.

    Raises:
        OptionError: it is none at which editing programs count, or the takes differ and none was asked for.
    """
    if rate is not None:
        if not any(math.isclose(rate, usual, rel_tol=4e-4) for usual in RATES):
            names = ", ".join(f"{usual:.5g}" for usual in sorted(RATES))
            raise OptionError(f"`rate=` is {rate:g}; editing programs count {names} frames a second")
        return exact_rate(min(RATES, key=lambda usual: abs(usual - rate)))
    own = {_usual(take) for take in takes}
    if len(own) == 1 and (shared := own.pop()) is not None:
        return exact_rate(shared)
    shown = ", ".join(sorted({f"{take.fps:.5g}" for take in takes}))
    raise OptionError(f"the takes have {shown} frames a second; say at which rate they are cut with `rate=`")


def _usual(take: Take) -> float | None:
    """The rate at which editing programs count the frames of a take, if it has one."""
    if not take.is_steady:
        return None
    return next((usual for usual in RATES if math.isclose(take.fps, usual, rel_tol=4e-4)), None)


def placed(shots: Sequence[Stretch], rate: float) -> list[Placed]:
    """Shots one after another, whole frames each."""
    record_in = 0
    on_timeline = []
    for shot in shots:
        first = frame_at(shot.in_s, rate)
        n_frames = max(1, round(shot.out_s * rate) - first)
        on_timeline.append(
            Placed(
                take=shot.take,
                source_in=first,
                n_frames=n_frames,
                record_in=record_in,
                n_source=max(first + n_frames, round(shot.take.clip.probe.duration_s * rate)),
                marks=tuple(mark for mark in _marks(shot.take, rate) if first <= mark.start < first + n_frames),
            )
        )
        record_in += n_frames
    return on_timeline


def _marks(take: Take, rate: float) -> list[TimelineMark]:
    """Notes that are open, and events, by time."""
    moments = [(note.start_s, note.end_s, "note", note.text) for note in take.notes if not note.is_resolved]
    moments += [(event.start_s, event.end_s, event.kind, f"{event.kind} ({event.metric})") for event in take.events]
    return [
        TimelineMark(
            start=frame_at(start_s, rate), n_frames=max(0, round((end_s - start_s) * rate)), kind=kind, text=text
        )
        for start_s, end_s, kind, text in sorted(moments)
    ]


def _one_line(text: str) -> str:
    """Text as a comment of a list of lines holds it."""
    return " ".join(text.split())[:120]


# --- OpenTimelineIO ---------------------------------------------------------------------------------------------------


def timeline_json(takes: Sequence[Take], rate: float | None = None) -> str:
    """OpenTimelineIO's own JSON: each take in its own frames, or all in those of one rate, sound on a track below."""
    import opentimelineio as otio  # here: only this export needs it

    common = None if rate is None else float(one_rate(takes, rate))
    kinds = otio.schema.TrackKind
    picture = otio.schema.Track(name="takes", kind=kinds.Video)
    sound = otio.schema.Track(name="sound", kind=kinds.Audio)
    for shot in stretches_of(takes):
        fps = common or shot.take.fps
        (item,) = placed([shot], fps)
        picture.append(_otio_clip(item, fps, marks=item.marks))
        sound.append(_otio_clip(item, fps) if item.has_audio else otio.schema.Gap(source_range=_span(fps, 0, item)))
    edit = otio.schema.Timeline(name="takes")
    if common:
        edit.global_start_time = otio.opentime.RationalTime(START_S * round(common), common)
    edit.tracks.append(picture)
    if any(take.clip.probe.has_audio for take in takes):
        edit.tracks.append(sound)
    return str(edit.to_json_string())


def _span(fps: float, start: int, length: Placed | int) -> Any:
    import opentimelineio as otio

    n_frames = length.n_frames if isinstance(length, Placed) else length
    return otio.opentime.TimeRange(otio.opentime.RationalTime(start, fps), otio.opentime.RationalTime(n_frames, fps))


def _otio_clip(item: Placed, fps: float, marks: Sequence[TimelineMark] = ()) -> Any:
    import opentimelineio as otio

    take = item.take
    whole = _span(fps, 0, item.n_source)
    clip = otio.schema.Clip(
        name=take.name,
        source_range=_span(fps, item.source_in, item),
        media_reference=otio.schema.ExternalReference(target_url=take.file, available_range=whole),
        metadata={"vbench": _facts(take)},
    )
    for mark in marks:
        marked = _span(fps, mark.start, mark.n_frames)
        clip.markers.append(otio.schema.Marker(name=mark.text, marked_range=marked, color=MARKER_COLOURS[mark.kind]))
    return clip


def _facts(take: Take) -> dict[str, Any]:
    return {
        "model": take.clip.model,
        "prompt_id": take.clip.prompt.id,
        "prompt": take.clip.prompt.text,
        "sample": take.clip.sample,
        "sha256": take.clip.sha256,
        "stars": take.choice.stars,
        "state": take.choice.state,
        "reason": take.choice.reason,
        "scores": dict(take.scores),
    }


# --- EDL, and markers for Resolve -------------------------------------------------------------------------------------


def edl(takes: Sequence[Take], rate: float | None = None) -> str:
    """A CMX 3600 edit decision list, with sound where there is some, and notes and events as locators.

    Its timecode numbers frames without dropping any, so that 29.97 a second are counted as 30. Locators are in each
    take's own time. A take's file is named in a comment, in UTF-8, since eight letters of a name are not its own.
    """
    exact = one_rate(takes, rate)
    fps = float(exact)
    start = START_S * round(fps)
    reels = {take.clip.id: f"TAKE{number:04d}" for number, take in enumerate(each_once(takes), 1)}
    lines = ["TITLE: takes", "FCM: NON-DROP FRAME", ""]
    for number, item in enumerate(placed(stretches_of(takes), fps), 1):
        tracks = "AA/V" if item.has_audio else "V"
        times = (item.source_in, item.source_out, start + item.record_in, start + item.record_in + item.n_frames)
        shown = " ".join(counted(frame, fps) for frame in times)
        lines.append(f"{number:03d}  {reels[item.take.clip.id]} {tracks:<5} C        {shown}")
        lines.append(f"* FROM CLIP NAME:  {_one_line(item.take.name)}")
        lines.append(f"* FROM CLIP: {item.take.file}")
        for mark in item.marks:
            colour = MARKER_COLOURS[mark.kind]
            lines.append(f"* LOC: {counted(mark.start, fps)} {colour:<7} {_one_line(mark.text)}")
    return "\n".join(lines) + "\n"


def resolve_markers(takes: Sequence[Take], rate: float | None = None) -> str:
    """Notes and events as markers of a timeline, for DaVinci Resolve: Import, Timeline Markers from EDL.

    They lie where the shots of the other exports lie, one after another from one hour on.
    """
    fps = float(one_rate(takes, rate))
    start = START_S * round(fps)
    lines = ["TITLE: takes", "FCM: NON-DROP FRAME", ""]
    number = 0
    for item in placed(stretches_of(takes), fps):
        for mark in item.marks:
            number += 1
            at = start + item.record_in + mark.start - item.source_in
            shown, after = counted(at, fps), counted(at + 1, fps)
            lines.append(f"{number:03d}  001      V     C        {shown} {after} {shown} {after}")
            text = _one_line(f"{item.take.name}: {mark.text}").replace("|", "/")
            colour = RESOLVE_COLOURS[mark.kind]
            lines.append(f" |C:ResolveColor{colour} |M:{text} |D:{max(1, mark.n_frames)}")
            lines.append("")
    return "\n".join(lines) + "\n"


# --- XML --------------------------------------------------------------------------------------------------------------


def _child(parent: ET.Element, tag: str, text: str | int | None = None, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    if text is not None:
        child.text = _xml_text(str(text))
    return child


def _xml_text(text: str) -> str:
    """Without what XML cannot hold."""
    return re.sub(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)


def _written(root: ET.Element, doctype: str) -> str:
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE {doctype}>\n{ET.tostring(root, encoding="unicode")}\n'


def fcpxml(takes: Sequence[Take], rate: float | None = None) -> str:
    """Final Cut's XML, version 1.9: times are fractions of a second on the grid of the rate."""
    exact = one_rate(takes, rate)
    shots = placed(stretches_of(takes), float(exact))

    def time(frames: int) -> str:
        span = frames / exact
        return f"{span.numerator}/{span.denominator}s" if span.denominator > 1 else f"{span.numerator}s"

    root = ET.Element("fcpxml", version="1.9")
    resources = _child(root, "resources")
    formats: dict[tuple[int, int], str] = {}
    for take in takes:
        size = (take.clip.probe.width, take.clip.probe.height)
        if size not in formats:
            formats[size] = f"r{len(formats) + 1}"
            facts = {"width": str(size[0]), "height": str(size[1])}
            _child(resources, "format", id=formats[size], frameDuration=time(1), **facts)
    n_source: dict[str, int] = {}
    for item in shots:
        n_source[item.take.clip.id] = max(item.n_source, n_source.get(item.take.clip.id, 0))
    assets = {}
    for number, take in enumerate(each_once(takes), 1):
        probe, assets[take.clip.id] = take.clip.probe, f"a{number}"
        facts = {"format": formats[probe.width, probe.height], "hasVideo": "1"}
        if probe.has_audio:
            facts |= {"hasAudio": "1", "audioSources": "1", "audioChannels": "2"}
        asset = _child(
            resources,
            "asset",
            id=assets[take.clip.id],
            name=_xml_text(take.name),
            start="0s",
            duration=time(n_source[take.clip.id]),
            **facts,
        )
        _child(asset, "media-rep", kind="original-media", src=f"./{quote(take.file)}")
    event = _child(_child(root, "library"), "event", name="vbench")
    first_size = (takes[0].clip.probe.width, takes[0].clip.probe.height)
    sequence = _child(
        _child(event, "project", name="takes"),
        "sequence",
        format=formats[first_size],
        duration=time(sum(item.n_frames for item in shots)),
        tcStart=time(START_S * round(float(exact))),
        tcFormat="NDF",
    )
    spine = _child(sequence, "spine")
    for item in shots:
        clip = _child(
            spine,
            "asset-clip",
            ref=assets[item.take.clip.id],
            name=_xml_text(item.take.name),
            offset=time(START_S * round(float(exact)) + item.record_in),
            start=time(item.source_in),
            duration=time(item.n_frames),
            format=formats[item.take.clip.probe.width, item.take.clip.probe.height],
            tcFormat="NDF",
            **({"audioRole": "dialogue"} if item.has_audio else {}),
        )
        for mark in item.marks:
            _child(
                clip,
                "marker",
                start=time(mark.start),
                duration=time(max(1, mark.n_frames)),
                value=_xml_text(mark.text),
            )
    return _written(root, "fcpxml")


def xmeml(takes: Sequence[Take], rate: float | None = None) -> str:
    """Premiere's XML (Final Cut 7's, version 4): all times are frames of the one rate."""
    exact = one_rate(takes, rate)
    shots = placed(stretches_of(takes), float(exact))
    root = ET.Element("xmeml", version="4")
    sequence = _child(root, "sequence", id="sequence-1")
    _child(sequence, "name", "takes")
    _child(sequence, "duration", sum(item.n_frames for item in shots))
    _xmeml_rate(sequence, exact)
    timecode = _child(sequence, "timecode")
    _xmeml_rate(timecode, exact)
    _child(timecode, "string", counted(START_S * round(float(exact)), float(exact)))
    _child(timecode, "frame", START_S * round(float(exact)))
    _child(timecode, "displayformat", "NDF")
    media = _child(sequence, "media")
    video = _child(media, "video")
    size = _child(_child(video, "format"), "samplecharacteristics")
    _xmeml_rate(size, exact)
    _child(size, "width", takes[0].clip.probe.width)
    _child(size, "height", takes[0].clip.probe.height)
    track = _child(video, "track")
    described: set[str] = set()
    for number, item in enumerate(shots, 1):
        clip = _xmeml_item(track, item, exact, f"clipitem-{number}", described)
        if item.has_audio:
            _xmeml_links(clip, number, track_index=number)
        for mark in item.marks:
            marker = _child(clip, "marker")
            _child(marker, "name", _one_line(mark.text))
            _child(marker, "comment", mark.text)
            _child(marker, "in", mark.start)
            _child(marker, "out", mark.start + mark.n_frames if mark.n_frames else -1)
    if any(item.has_audio for item in shots):
        sound = _child(_child(media, "audio"), "track")
        for number, item in enumerate(shots, 1):
            if item.has_audio:
                clip = _xmeml_item(sound, item, exact, f"clipitem-{number}-sound", described)
                source = _child(clip, "sourcetrack")
                _child(source, "mediatype", "audio")
                _child(source, "trackindex", 1)
                _xmeml_links(clip, number, track_index=sum(one.has_audio for one in shots[:number]))
    return _written(root, "xmeml")


def _xmeml_rate(parent: ET.Element, exact: Fraction) -> None:
    rate = _child(parent, "rate")
    _child(rate, "timebase", round(float(exact)))
    _child(rate, "ntsc", "FALSE" if exact.denominator == 1 else "TRUE")


def _xmeml_item(track: ET.Element, item: Placed, exact: Fraction, id: str, described: set[str]) -> ET.Element:
    clip = _child(track, "clipitem", id=id)
    _child(clip, "name", item.take.name)
    _child(clip, "duration", item.n_source)
    _xmeml_rate(clip, exact)
    _child(clip, "start", item.record_in)
    _child(clip, "end", item.record_in + item.n_frames)
    _child(clip, "in", item.source_in)
    _child(clip, "out", item.source_out)
    file = _child(clip, "file", id=f"file-{item.take.clip.id}")
    if item.take.clip.id not in described:  # described once, named from then on
        described.add(item.take.clip.id)
        _child(file, "name", item.take.file)
        _child(file, "pathurl", quote(item.take.file))
        _xmeml_rate(file, exact)
        _child(file, "duration", item.n_source)
        media = _child(file, "media")
        picture = _child(_child(media, "video"), "samplecharacteristics")
        _child(picture, "width", item.take.clip.probe.width)
        _child(picture, "height", item.take.clip.probe.height)
        if item.has_audio:
            _child(_child(media, "audio"), "channelcount", 2)
    return clip


def _xmeml_links(clip: ET.Element, number: int, *, track_index: int) -> None:
    """Picture and sound of a shot move together."""
    for id, kind in ((f"clipitem-{number}", "video"), (f"clipitem-{number}-sound", "audio")):
        link = _child(clip, "link")
        _child(link, "linkclipref", id)
        _child(link, "mediatype", kind)
        _child(link, "trackindex", 1)
        _child(link, "clipindex", number if kind == "video" else track_index)


FORMS: dict[Form, Callable[[Sequence[Take], float | None], str]] = {
    "otio": timeline_json,
    "edl": edl,
    "fcpxml": fcpxml,
    "xmeml": xmeml,
    "resolve": resolve_markers,
}


def timeline(form: Form, takes: Sequence[Take], rate: float | None = None) -> str:
    """A timeline in one of the forms; where a rate is asked for, takes without one are those of a copy at that rate.

    Raises:
        OptionError: as `one_rate`.
    """
    if rate is not None:
        takes = at_rate(takes, float(one_rate(takes, rate)))
    return FORMS[form](takes, rate)
