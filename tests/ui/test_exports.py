"""What leaves the bench with the chosen takes, read back with other tools."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import av
import opentimelineio as otio
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.ui.conftest import PROMPTS, make_clip
from vbench.bench import Bench
from vbench.errors import ClipError
from vbench.records import Note, Select
from vbench.ui import exports, work
from vbench.ui.exports import Take, takes_of


@pytest.fixture
def takes(bench: Bench) -> list[Take]:
    """Three takes of one prompt, one with a note and stars."""
    clips = bench.clips(prompt_ids=["boat"])
    bench.add_note(Note(id="ab", clip=clips[0].id, start_s=0.5, end_s=0.75, text="=HYPERLINK(1) here\nit breaks"))
    bench.set_select(Select(clip=clips[0].id, stars=4))
    return takes_of(bench, [clip.id for clip in clips], author="")


def test_names_are_readable_and_differ(bench: Bench) -> None:
    odd = make_clip(bench, "a/b: c", PROMPTS[0], 0, seed=60)
    same = make_clip(bench, "a_b_ c", PROMPTS[0], 0, seed=61)
    names = [take.name for take in takes_of(bench, [odd.id, same.id, odd.id], author="")]
    assert names[0] == "boat_a_b_ c_0"
    assert names[1].startswith("boat_a_b_ c_0_")
    assert len(names) == 2


def test_the_folder_holds_the_originals(takes: list[Take], tmp_path: Path) -> None:
    with zipfile.ZipFile(exports.export("zip", takes, tmp_path)) as archive:
        assert archive.testzip() is None
        assert archive.read("takes/boat_alpha_0.mp4") == takes[0].path.read_bytes()
        assert {Path(name).name for name in archive.namelist()} == {take.file for take in takes} | {
            "takes.csv",
            "takes.otio",
            "takes.edl",
        }
        timeline = otio.adapters.read_from_string(archive.read("takes/takes.otio").decode(), "otio_json")
        files = {clip.media_reference.target_url for clip in timeline.find_clips()}
        assert files == {take.file for take in takes}  # beside it in the folder, so that editors find them


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
    assert exports._cell(text) == f"'{text}"
    assert exports._cell(-1.5) == -1.5


def test_a_timeline_with_markers(takes: list[Take], tmp_path: Path) -> None:
    timeline = otio.adapters.read_from_file(str(exports.export("otio", takes, tmp_path)))
    first = next(iter(timeline.find_clips()))
    assert first.source_range.duration == otio.opentime.RationalTime(12, 8)
    markers = {marker.color: marker for marker in first.markers}
    assert markers["GREEN"].marked_range.start_time.to_seconds() == 0.5
    assert markers["GREEN"].marked_range.duration.to_seconds() == 0.25
    assert markers["RED"].name == "cut (flicker)"
    assert first.metadata["vbench"]["model"] == "alpha"
    assert first.metadata["vbench"]["scores"] == {"flicker": 1.0}


def test_an_edit_decision_list(takes: list[Take], tmp_path: Path) -> None:
    text = exports.export("edl", takes, tmp_path).read_text(encoding="ascii")
    read = otio.adapters.read_from_string(text, "cmx_3600", rate=24)
    clips = list(read.find_clips())
    assert [clip.name for clip in clips] == [take.name for take in takes]
    assert [clip.source_range.duration.to_seconds() for clip in clips] == [1.5, 1.5, 1.5]
    assert "LOC: 00:00:00:12" in text  # 0.5 s at 24 frames a second
    assert "IT BREAKS" in text
    assert all(len(line) < 250 for line in text.splitlines())


@pytest.mark.parametrize(
    ("seconds", "fps", "shown"),
    [
        (0, 24, "00:00:00:00"),
        (2.4999999, 24, "00:00:02:12"),
        (2.5, 8, "00:00:02:04"),
        (3661, 25, "01:01:01:00"),
        (1.0, 23.976, "00:00:00:23"),  # frames are counted: the 24th begins just after one second
    ],
)
def test_timecode(seconds: float, fps: float, shown: str) -> None:
    assert exports.timecode(seconds, fps) == shown


def test_contact_sheets(takes: list[Take], tmp_path: Path) -> None:
    with Image.open(exports.export("contact_png", takes * 5, tmp_path)) as sheet:
        assert sheet.size == (exports.PAGE[0], exports.PAGE[1] * 2)  # 15 takes, 12 a page
        colours = sheet.convert("RGB").getcolors(maxcolors=2**24)
        assert colours is not None
        assert len(colours) > 20
    data = exports.export("contact_pdf", takes * 5, tmp_path).read_bytes()
    assert data.startswith(b"%PDF")
    assert data.count(b"/Type /Page\n") == 2
    assert {path.name for path in tmp_path.iterdir()} == {"contact-sheet.png", "contact-sheet.pdf", "bench"}


def test_one_video_of_all(takes: list[Take], tmp_path: Path) -> None:
    out = exports.export("side_by_side", takes, tmp_path)
    with av.open(str(out)) as file:
        stream = file.streams.video[0]
        assert stream.frames == 12
        assert stream.width >= 3 * 640
        frame = next(file.decode(video=0)).to_ndarray(format="gray")
    bar = frame[:30]
    assert bar.max() > 200  # names are burnt in above the pictures


def test_frames_at_a_moment(takes: list[Take], tmp_path: Path) -> None:
    with zipfile.ZipFile(exports.export("frames", takes, tmp_path, at_s=0.5)) as archive:
        names = archive.namelist()
        assert names[0] == "frames/boat_alpha_0_00.00.00.04.png"
        with Image.open(io.BytesIO(archive.read(names[0]))) as picture:
            assert (picture.size, picture.format) == ((64, 48), "PNG")
    with zipfile.ZipFile(exports.export("frames", takes, tmp_path, at_s=99.0)) as archive:
        assert len(archive.namelist()) == 3  # a shorter take gives its last frame


def test_a_take_whose_file_is_gone_is_a_sentence(bench: Bench, takes: list[Take]) -> None:
    takes[1].path.unlink()
    with pytest.raises(ClipError, match="the file is gone"):
        takes_of(bench, [take.clip.id for take in takes], author="")


def test_an_export_that_fails_leaves_nothing(takes: list[Take], tmp_path: Path) -> None:
    takes[1].path.write_bytes(b"garbage")
    with pytest.raises(ClipError):
        exports.export("side_by_side", takes, tmp_path)
    with pytest.raises(ClipError):
        exports.export("contact_png", takes, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["bench"]


@pytest.mark.parametrize(("kind", "name"), [("csv", "takes.csv"), ("otio", "takes.otio"), ("edl", "takes.edl")])
def test_quick_exports_come_at_once(page: TestClient, takes: list[Take], kind: str, name: str) -> None:
    answer = page.post("/api/v1/exports", json={"clips": [take.clip.id for take in takes], "kind": kind})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert b"boat_alpha_0" in answer.content


def test_slow_exports_are_tasks(
    page: TestClient, bench: Bench, takes: list[Take], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "ensure_worker", lambda _: None)
    answer = page.post("/api/v1/exports", json={"clips": [take.clip.id for take in takes], "kind": "zip"})
    assert answer.status_code == 202
    id = answer.json()["id"]
    assert page.get(f"/api/v1/exports/{id}").status_code == 409
    task = bench.claim_task("test")
    assert task is not None
    work.Worker(bench)._do(task)
    facts = page.get(f"/api/v1/tasks/{id}").json()
    assert (facts["state"], facts["message"]) == ("done", "takes.zip")
    file = page.get(facts["result_url"])
    assert zipfile.ZipFile(io.BytesIO(file.content)).testzip() is None
    assert page.get("/api/v1/exports/ffffffffffffffff").status_code == 404


def test_wrong_exports(page: TestClient, bench: Bench) -> None:
    clip = bench.clips()[0].id
    assert page.post("/api/v1/exports", json={"clips": [], "kind": "csv"}).status_code == 422
    assert page.post("/api/v1/exports", json={"clips": [clip], "kind": "exe"}).status_code == 422
    assert page.post("/api/v1/exports", json={"clips": ["f" * 16], "kind": "csv"}).status_code == 400
    assert "no clip" in json.dumps(page.post("/api/v1/exports", json={"clips": ["f" * 16], "kind": "zip"}).json())
