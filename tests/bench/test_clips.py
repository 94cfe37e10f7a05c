"""The record of a file, and where the bench keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vbench.bench import Bench
from vbench.bench.clips import clip_from_file
from vbench.bench.media import clip_key
from vbench.files import sha256_of
from vbench.records import Clip, Probe, Prompt, Provenance, clip_id

PROMPT = Prompt(id="cat", text="a cat walks")
PROBE = Probe(
    container="mp4",
    codec="h264",
    pixel_format="yuv420p",
    width=64,
    height=48,
    rotation=0,
    n_frames=24,
    fps=24.0,
    duration_s=1.0,
    is_vfr=False,
    bit_depth=8,
    has_alpha=False,
    has_audio=False,
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path / "bench") as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "delivered.MP4"
    path.write_bytes(b"pictures")
    return path


def record(path: Path, **changes: Any) -> Clip:
    facts: dict[str, Any] = {"model": "tool", "prompt": PROMPT, "sample": 0, "probe": PROBE, "taken": set()}
    return clip_from_file(path, provenance=Provenance(seed=3), **(facts | changes))


def test_a_copy_has_a_name_for_people(file: Path) -> None:
    clip = record(file)
    assert (clip.media, clip.linked, clip.sha256) == ("clips/tool/cat-0.mp4", False, sha256_of(file))
    assert clip.id == clip_id("tool", PROMPT.text, 0, clip.sha256)
    assert (clip.probe, clip.provenance.seed) == (PROBE, 3)


def test_what_is_not_copied_stays_where_it_lies(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    clip = record(Path(file.name), taken=None)
    assert (clip.media, clip.linked) == (str(file.resolve()), True)


def test_a_digest_that_is_known_is_not_made_again(tmp_path: Path) -> None:
    assert record(tmp_path / "no-longer-there.mp4", sha256="ab" * 32).sha256 == "ab" * 32


def test_a_folder_of_frames_has_no_suffix(tmp_path: Path) -> None:
    (tmp_path / "frames.v2").mkdir()
    (tmp_path / "frames.v2" / "1.png").write_bytes(b"1")
    assert record(tmp_path / "frames.v2").media == "clips/tool/cat-0"


def test_a_name_that_is_another_clips_is_marked(bench: Bench, file: Path) -> None:
    first = record(file, taken=bench.media_keys())
    assert bench.add_clip(first)
    assert bench.media_keys() == {first.media}
    edited = Prompt(id="Cat", text="a cat walks slowly")  # the same file name where case does not count
    second = record(file, prompt=edited, taken=bench.media_keys("tool"))
    assert second.media == clip_key("tool", "Cat", 0, ".mp4", second.sha256)
    assert second.media.casefold() not in bench.media_keys()
    assert record(file, prompt=edited, sample=1, taken=bench.media_keys()).media == "clips/tool/Cat-1.mp4"


def test_keys_of_one_tool(bench: Bench, file: Path) -> None:
    for model in ("tool", "Tool", "other"):
        bench.add_clip(record(file, model=model, prompt=Prompt(id=model, text=model)))
    assert bench.media_keys("TOOL") == {"clips/tool/tool-0.mp4"}
    assert len(bench.media_keys()) == 2
