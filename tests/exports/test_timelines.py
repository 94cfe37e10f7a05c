"""Timelines for editing programs, read back with OpenTimelineIO."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import opentimelineio as otio
import pytest

from vbench.exports import Take, export
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
    text = export("edl", takes, tmp_path).read_text(encoding="utf-8")
    read = otio.adapters.read_from_string(text, "cmx_3600", rate=24)
    clips = list(read.find_clips())
    assert [clip.name for clip in clips] == [take.name for take in takes]
    assert [clip.source_range.duration.to_seconds() for clip in clips] == [1.5, 1.5, 1.5]
    assert "LOC: 00:00:00:12" in text  # 0.5 s at 24 frames a second
    assert "IT BREAKS" in text
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
    take = at_rate(takes[0], fps, seconds=2400 / fps, notes=tuple(round(n / fps, 3) for n in (0, 2399)))
    (clip,) = otio.adapters.read_from_string(edl([take]), "cmx_3600", rate=counted).find_clips()
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
    read = otio.adapters.read_from_file(str(export("edl", [take], tmp_path)), rate=24)
    (clip,) = read.find_clips()
    assert clip.name == "镜头_可灵 1"
    assert clip.media_reference.target_url == "镜头_可灵 1.mp4"
