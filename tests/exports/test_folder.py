"""What leaves the bench with the chosen takes, read back with other tools."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import opentimelineio as otio
import pytest

from tests.web.conftest import PROMPTS, make_clip
from vbench import exports
from vbench.bench import Bench
from vbench.errors import ClipError, OptionError
from vbench.exports import Take, takes_of
from vbench.records import Select
from vbench.text import spreadsheet_cell


def test_names_are_readable_and_differ(bench: Bench) -> None:
    odd = make_clip(bench, "a/b: c", PROMPTS[0], 0, seed=60)
    same = make_clip(bench, "a_b_ c", PROMPTS[0], 0, seed=61)
    names = [take.name for take in takes_of(bench, [odd.id, same.id, odd.id], author="")]
    assert names[0] == "boat_a_b_ c_0"
    assert names[1].startswith("boat_a_b_ c_0_")
    assert len(names) == 2


def test_the_folder_holds_the_originals(takes: list[Take], tmp_path: Path) -> None:
    with zipfile.ZipFile(exports.export("zip", takes, tmp_path, exports.ExportWish(rate=24))) as archive:
        assert archive.testzip() is None
        assert archive.read("takes/boat_alpha_0.mp4") == takes[0].path.read_bytes()
        assert {Path(name).name for name in archive.namelist()} == {take.file for take in takes} | {
            "takes.csv",
            *exports.TIMELINE_FILES.values(),
        }
        timeline = otio.adapters.read_from_string(archive.read("takes/takes.otio").decode(), "otio_json")
        files = {clip.media_reference.target_url for clip in timeline.find_clips()}
        assert files == {take.file for take in takes}  # beside it in the folder, so that editors find them


def test_without_a_rate_only_the_timeline_that_needs_none_goes_along(takes: list[Take], tmp_path: Path) -> None:
    with zipfile.ZipFile(exports.export("zip", takes, tmp_path)) as archive:  # at 8 frames a second, as nobody edits
        timelines = {Path(name).name for name in archive.namelist()} & set(exports.TIMELINE_FILES.values())
    assert timelines == {"takes.otio"}


def test_a_rejected_take_never_goes_on(bench: Bench, takes: list[Take]) -> None:
    bench.set_select(Select(clip=takes[1].clip.id, state="reject"))
    with pytest.raises(OptionError, match="this take was rejected"):
        takes_of(bench, [take.clip.id for take in takes], author="")


def test_the_table(takes: list[Take], tmp_path: Path) -> None:
    text = exports.export("csv", takes, tmp_path).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["model"], row["stars"], row["flicker"]) for row in rows] == [
        ("alpha", "4", "1.0"),
        ("beta", "0", "3.0"),
        ("gamma", "0", "5.0"),
    ]
    assert "it breaks" in rows[0]["notes"]
    assert rows[0]["sha256"] == takes[0].clip.sha256


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_spreadsheet_runs_no_text(text: str) -> None:
    assert spreadsheet_cell(text) == f"'{text}"
    assert spreadsheet_cell(-1.5) == -1.5


def test_a_take_whose_file_is_gone_is_a_sentence(bench: Bench, takes: list[Take]) -> None:
    takes[1].path.unlink()
    with pytest.raises(ClipError, match="the file is gone"):
        takes_of(bench, [take.clip.id for take in takes], author="")
