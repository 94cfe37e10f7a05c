"""Timelines for editing programs, read back with OpenTimelineIO."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as ET

import opentimelineio as otio
import pytest

from vbench import video
from vbench.errors import OptionError
from vbench.exports import ExportWish, Take, export, timeline, write_folder
from vbench.exports.takes import timecode
from vbench.exports.timelines import edl, timeline_json
from vbench.records import Event, Note


def test_a_timeline_with_markers(takes: list[Take], tmp_path: Path) -> None:
    timeline = otio.adapters.read_from_file(str(export("otio", takes, tmp_path)))
    first = next(iter(timeline.find_clips()))
    assert first.source_range.duration == otio.opentime.RationalTime(12, 8)
    markers = {marker.color: marker for marker in first.markers}
    assert markers["GREEN"].marked_range.start_time.to_seconds() == 0.5
    assert markers["GREEN"].marked_range.duration.to_seconds() == 0.25
    assert markers["RED"].name == "cut (flicker)"
    assert first.metadata["vbench"]["model"] == "alpha"
    assert first.metadata["vbench"]["scores"] == {"flicker": 1.0}


def test_an_edit_decision_list(takes: list[Take], tmp_path: Path) -> None:
    text = export("edl", takes, tmp_path, ExportWish(rate=24)).read_text(encoding="utf-8")
    read = otio.adapters.read_from_string(text, "cmx_3600", rate=24)
    clips = list(read.find_clips())
    assert [clip.name for clip in clips] == [take.name for take in takes]
    assert [clip.source_range.duration.to_seconds() for clip in clips] == [1.5, 1.5, 1.5]
    assert "LOC: 00:00:00:12" in text  # 0.5 s at 24 frames a second
    assert "it breaks" in text
    assert "FCM: NON-DROP FRAME" in text
    assert len({clip.metadata["cmx_3600"]["reel"] for clip in clips}) == 3
    assert all(len(line) < 250 for line in text.splitlines())


@pytest.mark.parametrize(
    ("seconds", "fps", "shown"),
    [
        (0, 24, "00:00:00:00"),
        (2.4999999, 24, "00:00:02:12"),
        (2.5, 8, "00:00:02:04"),
        (3661, 25, "01:01:01:00"),
        (0.033, 30, "00:00:00:01"),  # the second frame, whose start was rounded
        (1.001, 23.976, "00:00:01:00"),
        (1.0, 23.976, "00:00:00:23"),  # frames are counted: the 24th begins just after one second
    ],
)
def test_timecode(seconds: float, fps: float, shown: str) -> None:
    assert timecode(seconds, fps) == shown


def at_rate(take: Take, fps: float, *, seconds: float, is_vfr: bool = False, notes: tuple[float, ...] = ()) -> Take:
    """The take as if its file were another."""
    probe = replace(take.clip.probe, fps=fps, duration_s=seconds, is_vfr=is_vfr)
    made = tuple(Note(id=f"{i}", clip=take.clip.id, start_s=t, end_s=t, text=f"n{i}") for i, t in enumerate(notes))
    return replace(take, clip=replace(take.clip, probe=probe), notes=made, events=())


@pytest.mark.parametrize(
    ("fps", "counted", "last"),
    [
        *((24000 / 1001, 24, 2399), (24.0, 24, 2399), (25.0, 25, 2399), (30000 / 1001, 30, 2399), (30.0, 30, 2399)),
        *((60000 / 1001, 60, 2399), (60.0, 60, 2399)),
        (16.0, 24, 3598),  # placed by time
        (8.0, 24, 7197),
    ],
)
def test_a_long_take_is_marked_on_the_very_frame(takes: list[Take], fps: float, counted: int, last: int) -> None:
    """Counted at a rate a thousandth off, a marker would be two frames late after a minute and a half."""
    rate = 24.0 if fps in (16.0, 8.0) else fps  # at which no editing program counts
    take = at_rate(takes[0], fps, seconds=2400 / fps, notes=tuple(round(n / fps, 3) for n in (0, 2399)))
    (clip,) = otio.adapters.read_from_string(edl([take], rate), "cmx_3600", rate=counted).find_clips()
    assert [marker.marked_range.start_time.value for marker in clip.markers] == [0, last]
    (own,) = otio.adapters.read_from_string(timeline_json([take]), "otio_json").find_clips()
    assert [marker.marked_range.start_time.value for marker in own.markers] == [0, 2399]
    assert own.source_range.duration == otio.opentime.RationalTime(2400, fps)


def test_a_variable_rate_is_counted_at_a_usual_one(takes: list[Take]) -> None:
    take = at_rate(takes[0], 13.57, seconds=3.0, is_vfr=True, notes=(1.0,))
    (clip,) = otio.adapters.read_from_string(timeline_json([take]), "otio_json").find_clips()
    assert clip.source_range.duration == otio.opentime.RationalTime(72, 24)
    assert clip.markers[0].marked_range.start_time == otio.opentime.RationalTime(24, 24)
    assert at_rate(takes[0], 90.0, seconds=1.0, is_vfr=True).fps == 90.0


def test_names_of_any_script_are_kept(takes: list[Take], tmp_path: Path) -> None:
    """The files are found by them."""
    event = Event(clip=takes[0].clip.id, kind="cut", metric="剪", start_s=0.1, end_s=0.1, frame=1, value=1.0)
    take = replace(takes[0], name="镜头_可灵 1", events=(event,))
    read = otio.adapters.read_from_file(str(export("edl", [take], tmp_path, ExportWish(rate=24))), rate=24)
    (clip,) = read.find_clips()
    assert clip.name == "镜头_可灵 1"
    assert clip.media_reference.target_url == "镜头_可灵 1.mp4"


# --- every form, read by somebody else's parser ----------------------------------------------------------------------

FORMS = {"otio": "otio_json", "edl": "cmx_3600", "fcpxml": "fcpx_xml", "xmeml": "fcp_xml"}


def used(take: Take, *ranges: tuple[float, float], has_audio: bool = True, fps: float = 24.0) -> Take:
    """A take of ten seconds with a note at 2.5 s."""
    probe = replace(take.clip.probe, fps=fps, duration_s=10.0, has_audio=has_audio)
    note = Note(id="n", clip=take.clip.id, start_s=2.5, end_s=2.5, text='he & she < "them"')
    choice = replace(take.choice, state="selected", ranges=ranges)
    return replace(take, clip=replace(take.clip, probe=probe), notes=(note,), events=(), choice=choice)


def read_back(form: str, takes: list[Take], rate: float | None) -> tuple[list[otio.schema.Clip], list[str]]:
    """The picture's shots, and the kinds of tracks that hold a shot."""
    text = timeline(form, takes, rate)
    options = {"rate": rate} if form == "edl" else {}
    read = otio.adapters.read_from_string(text, FORMS[form], **options)
    edit = (
        read
        if isinstance(read, otio.schema.Timeline)
        else next(iter(read.find_children(descended_from_type=otio.schema.Timeline)))
    )
    kinds = [track.kind for track in edit.tracks if any(isinstance(item, otio.schema.Clip) for item in track)]
    return list(edit.video_tracks()[0].find_clips()), kinds


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rate", [24.0, 25.0, 30000 / 1001])
def test_ranges_are_source_in_and_out_to_the_frame(takes: list[Take], form: str, rate: float) -> None:
    if form == "fcpxml" and rate % 1:
        pytest.skip("its reader takes 29.97 for 29; see the test of its fractions")
    chosen = [used(takes[0], (1.0, 2.0), (2.25, 4.5)), used(takes[1], has_audio=False)]
    clips, kinds = read_back(form, chosen, rate)
    spans = [(clip.source_range.start_time, clip.source_range.duration) for clip in clips]
    first = [math.floor((start + 0.0005) * rate) for start in (1.0, 2.25, 0.0)]
    last = [round(end * rate) for end in (2.0, 4.5, 10.0)]
    assert [start.value for start, _ in spans] == first
    assert [length.value for _, length in spans] == [end - start for start, end in zip(first, last, strict=True)]
    if form != "fcpxml":  # whose shots hold picture and sound together
        assert otio.schema.TrackKind.Audio in kinds


def test_final_cut_counts_in_fractions_on_the_grid(takes: list[Take]) -> None:
    chosen = [used(takes[0], (1.0, 2.0)), used(takes[1], has_audio=False)]
    root = ET.fromstring(timeline("fcpxml", chosen, 29.97))
    assert root.find(".//format").get("frameDuration") == "1001/30000s"
    first, second = root.iter("asset-clip")
    assert Fraction(first.get("start").rstrip("s")) == 29 * Fraction(1001, 30000)
    assert Fraction(first.get("duration").rstrip("s")) == (60 - 29) * Fraction(1001, 30000)
    begun = [Fraction(shot.get("offset").rstrip("s")) for shot in (first, second)]
    assert begun[1] - begun[0] == Fraction(first.get("duration").rstrip("s"))
    assert [asset.get("hasAudio") for asset in root.iter("asset")] == ["1", None]


@pytest.mark.parametrize("form", FORMS)
def test_notes_are_markers_on_the_very_frame(takes: list[Take], form: str) -> None:
    clips, _ = read_back(form, [used(takes[0], (1.0, 2.0), (2.25, 4.5))], 24.0)
    marked = [[(marker.marked_range.start_time.to_seconds(), marker.name) for marker in clip.markers] for clip in clips]
    assert marked == [[], [(2.5, 'he & she < "them"')]]


def test_markers_for_resolve_lie_on_the_timeline(takes: list[Take]) -> None:
    text = timeline("resolve", [used(takes[0], (1.0, 2.0), (2.25, 4.5))], 24.0)
    assert "001  001      V     C        01:00:01:06 01:00:01:07 01:00:01:06 01:00:01:07" in text
    assert '|C:ResolveColorGreen |M:boat_alpha_0: he & she < "them" |D:1' in text


def test_a_rate_is_asked_for_and_not_assumed(takes: list[Take]) -> None:
    mixed = [used(takes[0]), used(takes[1], fps=25.0)]
    with pytest.raises(OptionError, match=r"24, 25 frames a second; say at which rate they are cut with `rate=`"):
        timeline("xmeml", mixed)
    with pytest.raises(OptionError, match=r"`rate=` is 23; editing programs count"):
        timeline("edl", mixed, 23)
    assert "<timebase>24</timebase>" in timeline("xmeml", [used(takes[0]), used(takes[1])]), "they share it"


def test_a_variable_rate_is_conformed_where_a_rate_is_chosen(takes: list[Take], tmp_path: Path) -> None:
    probe = replace(takes[0].clip.probe, is_vfr=True)
    take = replace(takes[0], clip=replace(takes[0].clip, probe=probe))
    out = write_folder([take, takes[1]], tmp_path / "out", "fcpxml", 25)
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "boat_alpha_0_25fps.mp4",
        "boat_beta_0.mp4",
        "takes.fcpxml",
    ]
    copy = video.probe(out.parent / "boat_alpha_0_25fps.mp4")
    assert (copy.fps, copy.is_vfr) == (25.0, False)
    assert copy.duration_s == pytest.approx(1.5, abs=0.04)
    assert "boat_alpha_0_25fps.mp4" in out.read_text(encoding="utf-8")
