"""Media by hash: originals with ranges, and what is made from them."""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import pytest
from fastapi.testclient import TestClient
from httpx import Response
from PIL import Image

from vbench.bench import Bench
from vbench.importing import import_folder
from vbench.web import media


@pytest.fixture
def address(bench: Bench) -> str:
    return f"/media/{bench.clips()[0].sha256}"


@pytest.fixture
def original(bench: Bench) -> bytes:
    return bench.clip_path(bench.clips()[0]).read_bytes()


# --- originals ----------------------------------------------------------------------------------------------------


def test_an_original_comes_whole_and_unchanged(seen: TestClient, address: str, original: bytes) -> None:
    answer = seen.get(address)
    assert answer.content == original
    assert hashlib.sha256(answer.content).hexdigest() == address.removeprefix("/media/")
    assert answer.headers["etag"] == f'"{address.removeprefix("/media/")}"'
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = seen.head(address)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(original)))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-1", 0, 2),  # what Safari asks first
        ("bytes=0-", 0, None),
        ("bytes=100-", 100, None),
        ("bytes=100-199", 100, 200),
        ("bytes=-100", -100, None),
        ("bytes=-99999999", 0, None),
        ("bytes=2000-99999999", 2000, None),
    ],
)
def test_ranges(seen: TestClient, address: str, original: bytes, asked: str, start: int, end: int | None) -> None:
    part = original[start:end]
    answer = seen.get(address, headers={"range": asked, "cookie": "secret=abc", "x-api-key": "zzz"})
    first = start if start >= 0 else len(original) + start
    assert answer.status_code == 206
    assert answer.content == part
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(original)}"
    assert answer.headers["content-length"] == str(len(part))
    assert answer.headers["etag"]
    assert "zzz" not in str(answer.headers)
    assert "abc" not in answer.headers.get("cookie", "")


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=99999999-999999999"])
def test_a_range_past_the_end(seen: TestClient, address: str, original: bytes, asked: str) -> None:
    answer = seen.get(address, headers={"range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(original)}"


@pytest.mark.parametrize(
    "asked",
    [
        *("frames=0-1", "bytes=abc", "bytes=", "bytes", "bytes=5-2", "bytes=-", "bytes=--1", "bytes=0-1,"),
        *(f"bytes={'9' * 5000}-", f"bytes=0-{'9' * 5000}", b"bytes=\xb2-\xb3"),
        *("bytes=0-0,2-3", "bytes=" + ",".join(["0-"] * 3000)),  # no player asks for parts of parts
    ],
)
def test_a_range_that_is_none(seen: TestClient, address: str, original: bytes, asked: str | bytes) -> None:
    answer = seen.get(address, headers=[(b"range", asked if isinstance(asked, bytes) else asked.encode())])
    assert answer.status_code == 200
    assert answer.content == original


def test_the_same_bytes_are_not_sent_twice(seen: TestClient, address: str, original: bytes) -> None:
    etag = seen.get(address).headers["etag"]
    for sent in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = seen.get(address, headers={"if-none-match": sent})
        assert (again.status_code, again.content) == (304, b"")
    assert seen.get(address, headers={"if-none-match": '"x"'}).status_code == 200
    other = seen.get(address, headers={"range": "bytes=0-1", "if-range": '"x"'})
    assert (other.status_code, other.content) == (200, original)


@pytest.mark.parametrize("path", ["0" * 64, "0" * 63, "..%2F..%2Fbench.db", "bench.db", "A" * 64])
def test_only_hashes_of_clips_are_served(seen: TestClient, path: str) -> None:
    for name in ("", "/poster.webp", "/proxy.mp4", "/../../seen_bench.db"):
        assert seen.get(f"/media/{path}{name}").status_code in (404, 422)


def test_a_file_that_is_gone(page: TestClient, bench: Bench, address: str) -> None:
    clip = bench.clips()[0]
    bench.clip_path(clip).unlink()
    answer = page.get(address)
    assert answer.status_code == 410
    assert "put it back" in answer.json()["error"]
    rows = page.get("/api/v1/clips").json()["clips"]
    assert [row["missing"] for row in rows] == ["missing", "", "", "", "", ""]


def test_a_file_with_another_hash(page: TestClient, bench: Bench, address: str) -> None:
    path = bench.clip_path(bench.clips()[0])
    assert page.get(address).status_code == 200
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # same size: only the hash tells
    path.write_bytes(data)
    answer = page.get(address)
    assert answer.status_code == 409
    assert "was changed" in answer.json()["error"]
    assert page.get("/api/v1/clips").json()["clips"][0]["missing"] == "changed"
    path.write_bytes(data + b"more")
    assert page.get("/api/v1/clips").json()["clips"][0]["missing"] == "changed"


def test_a_type_that_browsers_might_run_goes_out_as_bytes(page: TestClient, bench: Bench) -> None:
    clip = bench.clips()[0]
    path = bench.clip_path(clip)
    with bench.write() as session:
        from vbench.bench.tables import ClipRow

        row = session.get(ClipRow, clip.id)
        assert row is not None
        row.media = "clips/alpha/evil.html"
    shutil.copy(path, path.with_name("evil.html"))
    answer = page.get(f"/media/{clip.sha256}")
    assert answer.headers["content-type"] == "application/octet-stream"


# --- posters, sprites, proxies ------------------------------------------------------------------------------------


def test_poster_and_sprite_are_made_when_asked_for(page: TestClient, address: str, tmp_path: Path) -> None:
    answer = page.get(f"{address}/poster.webp")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    (tmp_path / "p.webp").write_bytes(answer.content)
    with Image.open(tmp_path / "p.webp") as poster:
        assert poster.width / poster.height == pytest.approx(64 / 48, abs=0.02)
    table = page.get(f"{address}/sprite.json").json()
    assert table["n"] == len(table["t_s"]) == 12
    sheet = page.get(f"{address}/sprite.webp")
    (tmp_path / "s.webp").write_bytes(sheet.content)
    with Image.open(tmp_path / "s.webp") as picture:
        assert picture.size == (table["columns"] * table["width"], table["rows"] * table["height"])


def test_a_proxy_is_made_once_in_the_background(page: TestClient, bench: Bench, address: str) -> None:
    first = page.get(f"{address}/proxy.mp4")
    assert first.status_code == 202
    assert first.headers["retry-after"] == "1"
    answer = wait_for(page, f"{address}/proxy.mp4")
    assert answer.headers["content-type"] == "video/mp4"
    path = bench.media.derived(address.removeprefix("/media/"), "proxy.mp4")
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.height, stream.frames) == ("h264", 48, 12)
    made = path.stat().st_mtime_ns
    assert page.get(f"{address}/proxy.mp4", headers={"range": "bytes=0-1"}).status_code == 206
    assert path.stat().st_mtime_ns == made


def wait_for(page: TestClient, address: str) -> Response:
    for _ in range(200):
        answer = page.get(address)
        if answer.status_code != 202:
            assert answer.status_code == 200, answer.text
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{address} was not made in 10 s")


def test_a_clip_nobody_can_decode_is_a_sentence(page: TestClient, bench: Bench) -> None:
    clip = bench.clips()[0]
    garbage = b"#EXTM3U\nhttp://127.0.0.1:1/x.ts\n" + b"x" * 1000
    with bench.write() as session:
        from vbench.bench.tables import ClipRow

        row = session.get(ClipRow, clip.id)
        assert row is not None
        row.sha256 = sha256 = hashlib.sha256(garbage).hexdigest()
    bench.clip_path(clip).write_bytes(garbage)
    for name in ("poster.webp", "sprite.webp", "proxy.mp4"):
        answer = page.get(f"/media/{sha256}/{name}")
        for _ in range(100):
            if answer.status_code != 202:
                break
            time.sleep(0.05)
            answer = page.get(f"/media/{sha256}/{name}")
        assert answer.status_code == 422, name
        assert answer.json()["error"]
        assert str(bench.root) not in answer.text
    assert page.get(f"/media/{sha256}").content == garbage


def test_a_folder_of_frames_is_watched_through_its_proxy(page: TestClient, bench: Bench) -> None:
    clip = bench.clips()[0]
    folder = bench.root / "clips" / "frames"
    folder.mkdir()
    digests = []
    for i in range(4):
        Image.new("RGB", (32, 32), (60 * i, 0, 0)).save(folder / f"{i:06d}.png")
        digests.append(hashlib.sha256((folder / f"{i:06d}.png").read_bytes()).digest())
    sha256 = hashlib.sha256(b"".join(digests)).hexdigest()
    with bench.write() as session:
        from vbench.bench.tables import ClipRow

        row = session.get(ClipRow, clip.id)
        assert row is not None
        row.sha256, row.media = sha256, "clips/frames"
    assert page.get(f"/media/{sha256}").status_code == 415
    assert wait_for(page, f"/media/{sha256}/proxy.mp4")
    Image.new("RGB", (32, 32), (1, 2, 3)).save(folder / "000000.png")
    assert page.get(f"/media/{sha256}").status_code == 409


def test_a_linked_folder_of_frames_may_hold_other_files(page: TestClient, bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "clips" / "linked" / f"{bench.clips()[0].prompt.id}-0"
    folder.mkdir(parents=True)
    for name in ("2", "cover", "Frame10", "frame2"):
        Image.new("RGB", (32, 32), (len(name), 0, 0)).save(folder / f"{name}.png")
    for name in ("notes.txt", ".DS_Store", ".1.png"):
        (folder / name).write_text("beside the frames")
    assert import_folder(bench, tmp_path / "clips", link=True).counts == {"imported": 1}
    (clip,) = bench.clips(models=["linked"])
    assert (clip.probe.n_frames, clip.media) == (4, str(folder.resolve()))
    assert page.get(f"/media/{clip.sha256}").status_code == 415, "not 409: nothing was changed"
    assert wait_for(page, f"/media/{clip.sha256}/proxy.mp4")
    (folder / "notes.txt").write_text("another note, longer than before")
    assert page.get(f"/media/{clip.sha256}").status_code == 415
    Image.new("RGB", (32, 32), (1, 2, 3)).save(folder / "frame2.png")
    assert page.get(f"/media/{clip.sha256}").status_code == 409


def test_more_than_can_wait_is_asked_to_come_back(
    page: TestClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "MOST_WAITING", 0)
    answer = page.get(f"{address}/poster.webp")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert page.get(address).status_code == 200
    monkeypatch.setattr(media, "MOST_WAITING", 1)
    assert page.get(f"{address}/poster.webp").status_code == 200


def test_a_clip_that_takes_its_whole_time_does_not_stop_the_others(
    page: TestClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, call = threading.Event(), media.Sandbox.call
    slow, other = bench.clips()[:2]
    held = bench.clip_path(slow)

    def slowly(self: media.Sandbox, operation: str, arguments: dict[str, str], *, limit_s: float) -> object:
        if arguments["source"] == str(held):
            goes_on.wait(60)
        return call(self, operation, arguments, limit_s=limit_s)

    monkeypatch.setattr(media.Sandbox, "call", slowly)
    with ThreadPoolExecutor(1) as visitors:
        waiting = visitors.submit(page.get, f"/media/{slow.sha256}/poster.webp")
        try:
            assert page.get(f"/media/{other.sha256}/poster.webp").status_code == 200
        finally:
            goes_on.set()
        assert waiting.result().status_code == 200
