"""`vbench selects`: rows for programs, timelines for editors."""

from __future__ import annotations

import json
from pathlib import Path

import opentimelineio as otio
import pytest
from typer.testing import CliRunner

from tests.web.conftest import bench, made_bench
from vbench.bench import Bench
from vbench.cli import app
from vbench.errors import OptionError
from vbench.records import Note, Select

__all__ = ["bench", "made_bench"]


@pytest.fixture
def decided(bench: Bench) -> Path:
    """One take used, one rejected, one with a note only."""
    boat = bench.clips(prompt_ids=["boat"])
    bench.set_select(Select(clip=boat[0].id, stars=4, state="selected", ranges=((0.25, 0.75), (1.0, 1.5))))
    bench.set_select(Select(clip=boat[1].id, state="reject", reason="melts"))
    bench.add_note(Note(id="ab", clip=boat[2].id, start_s=0.5, end_s=0.5, text="look"))
    return bench.root


def vbench(*words: str | Path) -> str:
    run = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return run.stdout


def test_rows_for_programs(decided: Path) -> None:
    document = json.loads(vbench("selects", "--format", "json", "--bench", decided))
    assert document["schema"] == 1
    rows = {row["model"]: row for row in document["rows"]}
    assert rows["alpha"]["ranges"] == [[0.25, 0.75], [1.0, 1.5]]
    assert (rows["alpha"]["prompt_id"], rows["alpha"]["sample"], rows["alpha"]["stars"]) == ("boat", 0, 4)
    assert (rows["beta"]["state"], rows["beta"]["reason"]) == ("reject", "melts")
    assert [note["text"] for note in rows["gamma"]["notes"]] == ["look"]
    assert vbench("selects", "--state", "selected", "--format", "csv", "--bench", decided).count("\n") == 2
    assert "3 takes, 1 used" in vbench("selects", "--bench", decided)


def test_a_timeline_holds_what_is_used(decided: Path, tmp_path: Path) -> None:
    text = vbench("selects", "--format", "xmeml", "--rate", "24", "--bench", decided)
    (track,) = otio.adapters.read_from_string(text, "fcp_xml").video_tracks()
    spans = [(clip.source_range.start_time.value, clip.source_range.duration.value) for clip in track.find_clips()]
    assert spans == [(6, 12), (24, 12)]
    vbench("selects", "--format", "otio", "--out", tmp_path / "cut", "--bench", decided)
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["boat_alpha_0.mp4", "takes.otio"]


def test_what_cannot_be_meant_is_said(decided: Path) -> None:
    for words, sentence in (
        (["--state", "chosen"], "has chosen; expected some of open, reject"),
        (["--format", "edl"], "the takes have 8 frames a second"),
        (["--format", "edl", "--state", "approved"], "no take is in these states"),
        (["--rate", "24"], "is that of a timeline"),
        (["--format", "otio", "--state", "reject"], "this take was rejected"),
    ):
        with pytest.raises(OptionError, match=sentence):
            vbench("selects", *words, "--bench", decided)


def test_best_of(decided: Path) -> None:
    assert "alpha: 1 take gives a usable one with 100%" in vbench("selects", "--best-of", "--bench", decided)
