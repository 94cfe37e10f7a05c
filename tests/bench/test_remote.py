"""A bucket of S3 as the media of a bench: moto's server, with a gate before it that is slow, busy or breaks off."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import HTTPException

from tests.fakes.s3 import Gate
from tests.web.conftest import make_clip, moving_square
from vbench.bench import Bench
from vbench.bench.remote import RemoteFiles
from vbench.errors import BenchError
from vbench.files import sha256_of
from vbench.importing import import_folder
from vbench.records import Prompt
from vbench.score import score
from vbench.video import write_clip
from vbench.web.media import Originals

CONTENT = bytes(range(256)) * 4096
"""1 MiB: in one request. S3 takes parts of at least 5 MiB."""
LARGE = CONTENT * 12


@pytest.fixture
def bucket(s3_gate: Gate) -> Iterator[str]:
    """An empty bucket's address."""
    name = f"b{uuid.uuid4().hex[:12]}"
    s3_gate.make_bucket(name)
    s3_gate.requests.clear()
    s3_gate.faults.clear()
    yield f"s3://{name}/bench"
    s3_gate.faults.clear()


@pytest.mark.parametrize("content", [b"", CONTENT, LARGE], ids=["empty", "one request", "parts"])
def test_what_is_put_comes_back(bucket: str, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.mp4").write_bytes(content)
    there = RemoteFiles(bucket)
    assert not there.exists("clips/a/1.mp4")
    there.put(tmp_path / "in.mp4", "clips/a/1.mp4")
    assert there.exists("clips/a/1.mp4")
    assert there.size("clips/a/1.mp4") == len(content)
    there.get("clips/a/1.mp4", tmp_path / "out.mp4", sha256=sha256_of(tmp_path / "in.mp4"))
    assert (tmp_path / "out.mp4").read_bytes() == content
    there.delete("clips/a/1.mp4")
    there.delete("clips/a/1.mp4")
    assert not there.exists("clips/a/1.mp4")
    assert not there.exists("clips/a"), "a prefix is no file"


def test_a_busy_and_slow_store_is_asked_again(bucket: str, s3_gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_bytes(CONTENT)
    there = RemoteFiles(bucket)
    s3_gate.faults += [("PUT", "503"), ("PUT", "503"), ("PUT", "slow"), ("HEAD", "slow")]
    there.put(tmp_path / "in.mp4", "a.mp4")
    s3_gate.faults += [("GET", "503"), ("GET", "half"), ("GET", "slow")]
    there.get("a.mp4", tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == CONTENT
    assert not s3_gate.faults, "every fault befell a request"


def test_an_answer_that_always_breaks_off_leaves_no_half_file(
    bucket: str, s3_gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vbench.bench.remote.MAX_ATTEMPTS", 2)
    (tmp_path / "in.mp4").write_bytes(CONTENT)
    there = RemoteFiles(bucket)
    there.put(tmp_path / "in.mp4", "a.mp4")
    s3_gate.faults += [("GET", "half")] * 4
    with pytest.raises(OSError):
        there.get("a.mp4", tmp_path / "out" / "out.mp4")
    assert not list((tmp_path / "out").iterdir())


def test_a_store_that_stays_busy_takes_no_half_file(
    bucket: str, s3_gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vbench.bench.remote.MAX_ATTEMPTS", 2)
    (tmp_path / "in.mp4").write_bytes(LARGE)
    s3_gate.faults += [("PUT", "503")] * 8
    with Bench.open(tmp_path / "bench", media=bucket) as bench:
        with pytest.raises(BenchError, match=r"a\.mp4: cannot be written .*--media"):
            bench.media.put(tmp_path / "in.mp4", "a.mp4")
        s3_gate.faults.clear()
        assert not bench.media.exists("a.mp4")


def test_a_copy_that_fails_takes_nothing_away(
    bucket: str, s3_gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vbench.bench.remote.MAX_ATTEMPTS", 2)
    (tmp_path / "in.mp4").write_bytes(CONTENT)
    there = RemoteFiles(bucket)
    there.put(tmp_path / "in.mp4", "a.mp4")
    s3_gate.faults += [("PUT", "503")] * 4
    with pytest.raises(OSError):
        there.put(tmp_path / "in.mp4", "a.mp4")
    assert there.size("a.mp4") == len(CONTENT)


def test_a_stopped_copy_does_not_stay(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle: the stream is closed on the way out, which makes a file of what had been sent."""

    def stopped(source: object, out: object, _size: int) -> None:
        out.write(CONTENT[:1000])  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    (tmp_path / "in.mp4").write_bytes(CONTENT)
    there = RemoteFiles(bucket)
    monkeypatch.setattr("vbench.bench.remote.shutil.copyfileobj", stopped)
    with pytest.raises(KeyboardInterrupt):
        there.put(tmp_path / "in.mp4", "a.mp4")
    assert not there.exists("a.mp4")


def test_other_bytes_under_a_clips_name_are_no_clip(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_bytes(CONTENT)
    (tmp_path / "half.mp4").write_bytes(CONTENT[:5000])
    with Bench.open(tmp_path / "bench", media=bucket) as bench:
        bench.media.put(tmp_path / "half.mp4", "a.mp4")
        with pytest.raises(OSError, match="not those that were stored"):
            bench.media.local("a.mp4", sha256=sha256_of(tmp_path / "in.mp4"))
        bench.media.put(tmp_path / "in.mp4", "a.mp4")
        copy = bench.media.local("a.mp4", sha256=sha256_of(tmp_path / "in.mp4"))
        assert copy.read_bytes() == CONTENT


def test_clips_in_a_bucket_are_measured_and_one_that_is_lost_is_told(
    bucket: str, s3_gate: Gate, tmp_path: Path
) -> None:
    folder = tmp_path / "import"
    (folder / "one").mkdir(parents=True)
    for number in range(3):
        write_clip(moving_square(number), folder / "one" / f"wall-{number}.mp4", fps=8, crf=23, preset="ultrafast")
    (folder / "prompts.jsonl").write_text('{"id": "wall", "text": "a square moves"}\n')
    with Bench.open(tmp_path / "bench", media=bucket) as bench:
        import_folder(bench, folder)
        assert not (tmp_path / "bench" / "clips").exists(), "they lie in the bucket"
        RemoteFiles(bucket).delete(bench.clips()[0].media)
        s3_gate.faults += [("GET", "503"), ("GET", "half")]
        report = score(bench, metrics=("flicker",), workers=1)
        assert (report.n_scores, report.failures) == (2, {"io": 1})
        assert not s3_gate.faults
        (lost,) = bench.failures("score")
        assert "restore or import it again" in lost.message


def test_the_page_tells_a_bucket_that_gives_nothing_from_a_file_that_is_gone(bucket: str, tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench", media=bucket) as bench:
        clip = make_clip(bench, "one", Prompt(id="wall", text="a square moves"), 0, seed=1)
        originals = Originals(bench)
        (bench.root / "other").write_bytes(b"half")
        bench.media.put(bench.root / "other", clip.media)
        shutil.rmtree(bench.root / "originals", ignore_errors=True)
        with pytest.raises(HTTPException) as told:
            originals.path(clip)
        assert (told.value.status_code, "try again" in told.value.detail) == (503, True)
        bench.media.delete(clip.media)
        with pytest.raises(HTTPException) as told:
            originals.path(clip)
        assert told.value.status_code == 410


@pytest.mark.parametrize("url", ["s3://", "gopher://bucket"])
def test_an_address_that_leads_nowhere_is_told(url: str) -> None:
    with pytest.raises(BenchError, match="use a folder"):
        RemoteFiles(url)
