"""Which files are clips and frames, in which order, and that what is written is whole."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from vbench.files import CLIP_SUFFIXES, FRAME_SUFFIXES, frames_in, natural_order, sha256_of, write_text, written_whole


def fill(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode())


def test_numbers_are_ordered_by_value_and_case_does_not_matter() -> None:
    names = ["cover.png", "Frame10.png", "frame2.png", "2.png", "10.png", "frame02.png"]
    ordered = [path.name for path in sorted(map(Path, names), key=natural_order)]
    assert ordered == ["2.png", "10.png", "cover.png", "frame02.png", "frame2.png", "Frame10.png"]
    assert sorted(map(Path, reversed(names)), key=natural_order) == [Path(name) for name in ordered]


def test_frames_are_the_visible_pictures(tmp_path: Path) -> None:
    fill(tmp_path, "1.PNG", "2.jpg", "10.jpeg", ".3.png", "notes.txt", "clip.mp4")
    (tmp_path / "4.png").mkdir()
    assert [path.name for path in frames_in(tmp_path)] == ["1.PNG", "2.jpg", "10.jpeg"]


def test_the_digest_of_a_folder_is_that_of_its_frames_alone(tmp_path: Path) -> None:
    fill(tmp_path, "1.png", "2.png")
    expected = hashlib.sha256(hashlib.sha256(b"1.png").digest() + hashlib.sha256(b"2.png").digest()).hexdigest()
    assert sha256_of(tmp_path) == expected
    fill(tmp_path, "notes.txt", ".DS_Store", ".0.png")
    assert sha256_of(tmp_path) == expected
    assert sha256_of(tmp_path / "1.png") == hashlib.sha256(b"1.png").hexdigest()


def test_what_breaks_off_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.json"
    write_text(path, "old")

    def break_off() -> None:
        with written_whole(path) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_it_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("sync"), real_sync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (events.append("rename"), real_replace(self, to))[1])
    write_text(tmp_path / "a", "x")
    assert events == ["sync", "rename"]


def test_suffixes_are_lower_case_and_begin_with_a_dot() -> None:
    assert all(s == s.lower() and s.startswith(".") for s in (*CLIP_SUFFIXES, *FRAME_SUFFIXES))
