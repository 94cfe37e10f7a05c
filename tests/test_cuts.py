"""A cut filled with the best takes, looked over, and measured on real files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

import numpy as np
import opentimelineio as otio
import pytest

from tests.web.conftest import bench, made_bench
from vbench import video
from vbench.bench import Bench
from vbench.cuts import EdgeReader, filled, joins, problems, sentence
from vbench.errors import OptionError
from vbench.exports import export, takes_of_cut, timeline
from vbench.records import Cut, Select, Shot

__all__ = ["bench", "made_bench"]


@pytest.fixture
def reader() -> Iterator[EdgeReader]:
    opened = EdgeReader()
    yield opened
    opened.close()


def test_the_best_take_of_each_prompt_with_its_ranges(bench: Bench) -> None:
    boat, cat = bench.clips(prompt_ids=["boat"]), bench.clips(prompt_ids=["cat"])
    bench.set_select(Select(clip=boat[0].id, state="reject"))
    bench.set_select(Select(clip=boat[1].id, stars=5))
    bench.set_select(Select(clip=boat[2].id, state="selected", ranges=((0.0, 0.25), (0.5, 1.0))))
    shots = filled(bench, "t")
    assert [(shot.clip, shot.in_s, shot.out_s) for shot in shots] == [
        (boat[2].id, 0.0, 0.25),
        (boat[2].id, 0.5, 1.0),
        (cat[0].id, 0.0, 1.5),
    ]
    with pytest.raises(OptionError, match="this bench has takes of: t"):
        filled(bench, "other")
    bench.set_selects([Select(clip=clip.id, state="reject") for clip in bench.clips()])
    with pytest.raises(OptionError, match="every take of it was rejected"):
        filled(bench, "t")


def test_a_match_cut_is_unmarked_and_another_colour_is_not(bench: Bench, reader: EdgeReader) -> None:
    first, other = bench.clips(prompt_ids=["boat"])[:2]
    video.write_clip((np.full((48, 64, 3), (200, 60, 30), np.uint8) for _ in range(12)), bench.clip_path(other), fps=8)
    shots = (
        Shot(clip=first.id, in_s=0.0, out_s=0.75),
        Shot(clip=first.id, in_s=0.75, out_s=1.5),
        Shot(clip=other.id, in_s=0.0, out_s=1.5),
    )
    match, change = joins(bench, Cut(name="a", shots=shots), reader)
    assert (match.at_s, match.jumps, match.problem) == (0.75, (), "")
    assert (change.number, change.at_s) == (2, 1.5)
    assert "colour" in [jump.property for jump in change.jumps]
    assert all(sentence(jump) for jump in change.jumps)


def test_a_file_that_went_missing_is_told_and_the_other_joins_are_measured(bench: Bench, reader: EdgeReader) -> None:
    clips = bench.clips(prompt_ids=["boat"])
    cut = Cut(name="a", shots=tuple(Shot(clip=clip.id, in_s=0.0, out_s=1.0) for clip in (clips[0], clips[0], clips[1])))
    bench.clip_path(clips[1]).unlink()
    bench.set_select(Select(clip=clips[0].id, state="reject"))
    fine, broken = joins(bench, cut, reader)
    assert (fine.problem, broken.problem) == ("", "shot 3: its file is gone; put it back, or choose another take")
    wrong = problems(bench, cut)
    assert list(wrong) == [1, 2, 3]
    assert "rejected" in wrong[1]
    assert "gone" in wrong[3]


def test_a_cut_leaves_in_its_order_with_each_file_once(bench: Bench) -> None:
    first, other = bench.clips(prompt_ids=["boat"])[:2]
    cut = Cut(
        name="a",
        shots=(
            Shot(clip=first.id, in_s=0.5, out_s=1.0),
            Shot(clip=other.id, in_s=0.0, out_s=1.5),
            Shot(clip=first.id, in_s=0.0, out_s=0.25),
        ),
    )
    takes = takes_of_cut(bench, cut)
    read = otio.adapters.read_from_string(timeline("otio", takes), "otio_json")
    spans = [clip.source_range for clip in read.find_clips()]
    assert [(span.start_time.value, span.duration.value) for span in spans] == [(4, 4), (0, 12), (0, 2)]
    xml = timeline("fcpxml", takes, 24)
    assert (xml.count("<asset "), xml.count("<asset-clip ")) == (2, 3)
    archive = export("zip", takes, bench.root)
    names = [name for name in zipfile.ZipFile(archive).namelist() if name.endswith(".mp4")]
    assert len(names) == len(set(names)) == 2
    with pytest.raises(OptionError, match="has no shot yet"):
        takes_of_cut(bench, Cut(name="b"))
    bench.set_select(Select(clip=first.id, state="reject"))
    with pytest.raises(OptionError, match="was rejected"):
        takes_of_cut(bench, cut)
