"""Bundles: what goes in comes out, and what was changed, swapped, forged or would climb out is told."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from vbench.bench import Bench
from vbench.bench.clips import clip_from_file
from vbench.bench.copies import check_foreign
from vbench.errors import BenchError, OptionError
from vbench.publish.bundle import BundleCheck, is_bundle, opened_bundle, pack, unpack, verify
from vbench.records import Prompt, Provenance, Vote
from vbench.score import score
from vbench.sides import opened_side
from vbench.video import probe, write_clip

PROMPTS = [Prompt(id=f"p{i}", text=f"prompt {i}", suite="s", tags=("camera:pan",)) for i in range(3)]


def add(bench: Bench, folder: Path, tool: str, prompt: Prompt, seed: int, *, crf: int = 16) -> None:
    rng = np.random.default_rng(seed)
    picture = np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    path = folder / f"{tool}-{prompt.id}.mp4"
    write_clip((np.roll(picture, 2 * i, axis=1) for i in range(6)), path, fps=6, crf=crf, preset="ultrafast")
    source = Provenance(origin="imported", source="/home/me/secret/x.mp4")
    clip = clip_from_file(path, model=tool, prompt=prompt, sample=0, probe=probe(path), provenance=source)
    bench.add_clip(clip)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bench `bench` and its bundle `b.tar`."""
    root = tmp_path_factory.mktemp("bundle")
    with Bench.open(root / "bench") as bench:
        for t, tool in enumerate("xy"):
            for i, prompt in enumerate(PROMPTS):
                add(bench, root, tool, prompt, 10 * t + i)
        score(bench, preset="offline", metrics=["sharpness", "exposure", "flicker"], workers=1)
        a, b = bench.clips(prompt_ids=["p0"])
        bench.add_vote(Vote(id="v", a=a.id, b=b.id, outcome="a", voter="w", left="a"))
        bench.secret("signs votes")
        pack(bench, root / "b.tar")
    return root


def forged(packed: Path, to: Path, change: Callable[[sqlite3.Connection], None]) -> Path:
    """The bundle with another database, its manifest made to fit."""
    folder = to / "forged"
    unpack(packed / "b.tar", folder)
    with closing(sqlite3.connect(folder / "bench.db")) as connection, connection:
        change(connection)
    with Bench.open(folder) as bench:
        out = to / "forged.tar"
        pack(bench, out)
    return out


def kinds(check: BundleCheck) -> list[str]:
    return sorted({problem.kind for problem in check.problems})


def test_what_goes_in_comes_out(packed: Path, tmp_path: Path) -> None:
    check = unpack(packed / "b.tar", tmp_path / "out")
    assert check.problems == ()
    with Bench.open(packed / "bench") as before, Bench.open(tmp_path / "out", create=False) as after:
        assert [clip.id for clip in after.clips()] == [clip.id for clip in before.clips()]
        assert after.score_records() == before.score_records()
        assert after.votes() == before.votes()
        assert after.prompts() == before.prompts()
        for clip in after.clips():
            assert after.clip_path(clip).is_relative_to(tmp_path / "out")
            assert clip.provenance.source == "x.mp4"
    raw = (packed / "b.tar").read_bytes()
    assert b"/home/me" not in raw
    assert b"signs votes" not in raw
    with pytest.raises(OptionError, match="not empty"):
        unpack(packed / "b.tar", tmp_path / "out")


def test_an_honest_bundle_passes_and_its_numbers_are_measured_again(packed: Path) -> None:
    check = verify(packed / "b.tar", rescore=0.5)
    assert check.problems == ()
    assert (check.n_clips, check.n_rescored, check.n_values) == (6, 3, 9)
    assert is_bundle(packed / "b.tar")


def test_a_changed_byte_of_a_clip_is_found(packed: Path, tmp_path: Path) -> None:
    file = tmp_path / "changed.tar"
    shutil.copy(packed / "b.tar", file)
    with tarfile.open(file) as tar:
        member = next(member for member in tar if member.name.startswith("clips/"))
        place = member.offset_data + member.size // 2
    with file.open("r+b") as raw:
        raw.seek(place)
        byte = raw.read(1)
        raw.seek(place)
        raw.write(bytes([byte[0] ^ 1]))
    check = verify(file)
    assert [(problem.kind, problem.subject) for problem in check.problems] == [("altered", member.name)]
    with pytest.raises(BenchError, match="SHA-256 differs"):
        unpack(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_forged_number_is_found_by_measuring_again(packed: Path, tmp_path: Path) -> None:
    file = forged(
        packed, tmp_path, lambda c: c.execute("UPDATE scores SET value = value + 5 WHERE metric = 'sharpness'")
    )
    assert verify(file).problems == ()
    check = verify(file, rescore=0.1)
    assert kinds(check) == ["score"]
    assert "sharpness" in check.problems[0].message


def test_a_clip_under_another_prompt_and_a_changed_prompt_are_found(packed: Path, tmp_path: Path) -> None:
    file = forged(packed, tmp_path, lambda c: c.execute("UPDATE prompts SET text = 'easier' WHERE id = 'p1'"))
    assert kinds(verify(file)) == ["mismatch"]


def test_copies_and_near_copies_are_found(packed: Path, tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench:
        add(bench, tmp_path, "x", PROMPTS[0], 1)
        add(bench, tmp_path, "x", PROMPTS[1], 2)
        add(bench, tmp_path, "y", PROMPTS[0], 1, crf=24)
        first = bench.clips()[0]
        same = clip_from_file(
            bench.clip_path(first),
            model="z",
            prompt=PROMPTS[2],
            sample=0,
            probe=first.probe,
            provenance=Provenance(),
        )
        bench.add_clip(same)
        pack(bench, tmp_path / "b.tar")
    check = verify(tmp_path / "b.tar")
    assert sorted(problem.kind for problem in check.problems) == ["duplicate", "near-duplicate"]


def test_hashes_stand_for_clips(packed: Path, tmp_path: Path) -> None:
    with Bench.open(packed / "bench") as bench:
        result = pack(bench, tmp_path / "h.tar", clips=False)
    assert (result.has_clips, result.n_files) == (False, 2)
    check = verify(tmp_path / "h.tar", rescore=1.0)
    assert check.problems == ()
    assert check.n_rescored == 0
    assert any("6 of 6 drawn clips are not in the bundle" in note for note in check.notes)


def rewritten(packed: Path, out: Path, changes: dict[str, object], extra: tarfile.TarInfo | None = None) -> Path:
    with tarfile.open(packed / "b.tar") as old, tarfile.open(out, "w") as new:
        for member in old:
            stream = old.extractfile(member)
            assert stream is not None
            content = stream.read()
            if member.name == "manifest.json":
                content = json.dumps(json.loads(content) | changes).encode()
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
        if extra is not None:
            new.addfile(extra, io.BytesIO(b"x" * extra.size))
    return out


@pytest.mark.parametrize("changes", [{"schema": 2}, {"database_version": "9999"}])
def test_a_newer_bundle_is_refused(packed: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(BenchError, match="newer than this vbench"):
        verify(rewritten(packed, tmp_path / "n.tar", changes))


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "clips/../../evil", "clips\\..\\evil", "c:/evil"])
def test_a_path_that_climbs_out_is_refused(packed: Path, tmp_path: Path, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.size = 3
    with pytest.raises(BenchError, match="do not trust"):
        unpack(rewritten(packed, tmp_path / "e.tar", {}, member), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "evil").exists()


def test_links_unlisted_files_triggers_and_other_files_are_refused(packed: Path, tmp_path: Path) -> None:
    link = tarfile.TarInfo("clips/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(BenchError, match="no plain file"):
        verify(rewritten(packed, tmp_path / "l.tar", {}, link))
    member = tarfile.TarInfo("clips/more.mp4")
    member.size = 3
    assert kinds(verify(rewritten(packed, tmp_path / "u.tar", {}, member))) == ["unlisted"]
    with pytest.raises(BenchError, match="no bundle"):
        verify(packed / "x-p0.mp4")
    assert not is_bundle(packed / "x-p0.mp4")
    trigger = "CREATE TRIGGER t AFTER INSERT ON votes BEGIN DELETE FROM scores; END"
    database = tmp_path / "t.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE votes (id)")
        connection.execute("CREATE TABLE scores (id)")
        connection.execute(trigger)
    with pytest.raises(BenchError, match="trigger"):
        check_foreign(database)


def test_a_bundle_is_a_side_to_compare(packed: Path) -> None:
    with opened_bundle(packed / "b.tar") as bench:
        assert bench.n_clips() == 6
    with opened_side(str(packed / "b.tar"), tool="x") as (bench, tool):
        assert tool == "x"
        assert len(bench.clips(models=["x"])) == 3


def test_a_bench_without_clips_or_with_a_changed_file_is_not_packed(tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench:
        with pytest.raises(BenchError, match="no clips"):
            pack(bench, tmp_path / "b.tar")
        add(bench, tmp_path, "x", PROMPTS[0], 1)
        clip = bench.clips()[0]
        Path(clip.media).write_bytes(b"other")
        with pytest.raises(BenchError, match="was changed"):
            pack(bench, tmp_path / "b.tar")
