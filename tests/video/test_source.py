"""What is not a clip is refused with its code and a sentence; what is half a clip gives its half."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.video import clips
from vbench.errors import ClipError
from vbench.video import Limits, probe, read_frames, write_clip
from vbench.video.stream import open_container

QUICK = {"preset": "ultrafast"}


def refused(path: Any, code: Any, *, limits: Any = None) -> Any:
    """Both readers refuse alike; the message names the file and what to do."""
    messages = []
    for read in (probe, lambda *a, **k: list(read_frames(*a, **k))):
        with pytest.raises(ClipError) as caught:
            read(path, **({"limits": limits} if limits else {}))
        assert caught.value.code == code, caught.value
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert messages[0].startswith(str(path))
    assert ";" in messages[0]
    return messages[0]


def oversized_png(path: Any, side: int = 20_000) -> Any:
    """A valid header of `side` x `side` and no pixels to speak of."""

    def chunk(kind: Any, data: Any) -> Any:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("name", ["c.mp4", "c.webp", "c.png", "c.gif", "noname"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    refused(tmp_path / name, "empty")


@pytest.mark.parametrize(
    "content",
    [
        b"this is a text that somebody called a video\n" * 50,
        bytes(range(256)) * 64,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 40,
        b"\xff\xd8\xff\xe0" + b"\0" * 40,
        b"GIF89a" + b"\0" * 40,
        b"\0\0\0\x18ftypisom" + b"\0" * 200,
    ],
    ids=["text", "bytes", "png", "webp", "jpeg", "gif", "mp4"],
)
def test_what_is_no_video(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(content)
    refused(path, "unreadable")


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "absent.mp4", "unreadable")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_file_without_permission(tmp_path: Path) -> None:
    path = clips.encode(tmp_path / "c.mp4", clips.moving(2))
    path.chmod(0)
    refused(path, "unreadable")


def test_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.mp4")
    refused(tmp_path / "c.mp4", "protocol")


def test_playlists_are_not_followed(tmp_path: Path) -> None:
    clips.encode(tmp_path / "real.ts", clips.moving(4), container="mpegts")
    playlists = [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nreal.ts\n#EXT-X-ENDLIST\n",
        "\ufeff#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/secret\n",
        "ffconcat version 1.0\nfile real.ts\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>',
    ]
    for text in playlists:
        (tmp_path / "c.mp4").write_text(text)
        refused(tmp_path / "c.mp4", "protocol")
    # Where our own look does not recognise one, the demuxer that would follow it is not there.
    (tmp_path / "c.m3u8").write_text(playlists[0])
    with pytest.raises(ClipError, match="not a video"):
        open_container(tmp_path / "c.m3u8", Limits())


def test_a_name_that_looks_like_a_url_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips.encode(tmp_path / "c.mp4", clips.moving(3))
    (tmp_path / "c.mp4").rename(tmp_path / "concat:a|b.mp4")
    monkeypatch.chdir(tmp_path)
    assert probe(tmp_path / "concat:a|b.mp4").n_frames == 3


def test_sound_alone(tmp_path: Path) -> None:
    import av

    path = tmp_path / "c.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(clips.tone(0.5, channels=1).T), "fltp", "mono")
        frame.sample_rate = 48000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    refused(path, "no_video")


def test_oversized_png_and_folder(tmp_path: Path) -> None:
    refused(oversized_png(tmp_path / "c.png"), "too_large")
    folder = tmp_path / "frames"
    folder.mkdir()
    oversized_png(folder / "1.png")
    with pytest.raises(ClipError) as caught:
        probe(folder)
    assert caught.value.code == "too_large"


def vp9_with_header(path: Any, width: Any, height: Any) -> Any:
    """An MP4 of 64 x 48 pixels whose sample entry claims another size."""
    clips.encode(path, clips.moving(2), codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})
    data = bytearray(path.read_bytes())
    entry = data.index(b"vp09", data.index(b"stsd")) + 4 + 24
    data[entry : entry + 4] = struct.pack(">HH", width, height)
    path.write_bytes(data)
    return path


def test_oversized_mp4_is_refused_by_its_header(tmp_path: Path) -> None:
    path = vp9_with_header(tmp_path / "c.mp4", 20_000, 20_000)
    data = bytearray(path.read_bytes())
    size = data.index(b"\x49\x83\x42", data.index(b"mdat")) + 3  # 4 bits of colour, then two sizes less one
    data[size : size + 5] = ((data[size] >> 4) << 36 | 19_999 << 20 | 19_999 << 4 | data[size + 4] & 15).to_bytes(
        5, "big"
    )
    path.write_bytes(data)
    assert "20000 x 20000" in refused(path, "too_large")


def test_pictures_larger_than_their_header_are_not_decoded(tmp_path: Path) -> None:
    path = vp9_with_header(tmp_path / "c.mp4", 32, 24)
    assert probe(path).width == 64
    # Not "too_large", which would mean that one had been decoded first.
    refused(path, "unreadable", limits=Limits(max_pixels=64 * 48 - 1))


def test_limits_are_the_callers(tmp_path: Path) -> None:
    path = clips.encode(tmp_path / "c.mp4", clips.moving(24))
    assert "64 x 48" in refused(path, "too_large", limits=Limits(max_pixels=64 * 48 - 1))
    assert probe(path, limits=Limits(max_pixels=64 * 48)).n_frames == 24
    refused(path, "too_large", limits=Limits(max_bytes=100))
    refused(path, "too_long", limits=Limits(max_seconds=0.5))


def test_too_long_without_a_header_that_says_so(tmp_path: Path) -> None:
    path = clips.encode(tmp_path / "c.h264", clips.moving(48), container="h264")
    refused(path, "too_long", limits=Limits(max_seconds=0.5))


def test_folder_without_frames(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("x")
    refused(tmp_path, "no_video")


def test_folder_with_a_broken_frame_names_it(tmp_path: Path) -> None:
    for index, rgb in enumerate(clips.moving(3)):
        Image.fromarray(rgb).save(tmp_path / f"{index}.png")
    data = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(ClipError, match=r"1\.png: frame 1 of the folder"):
        probe(tmp_path)


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.9])
def test_truncated_mp4_gives_the_frames_that_are_there(tmp_path: Path, kept: float) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(24)]
    write_clip(noise, tmp_path / "c.mp4", fps=24, preset="ultrafast")
    data = (tmp_path / "c.mp4").read_bytes()
    body = data.index(b"mdat")
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: body + round((len(data) - body) * kept)])
    if kept < 0.03:
        refused(path, "unreadable")
        return
    facts = probe(path)
    assert 0 < facts.n_frames < 24
    assert facts.n_frames == pytest.approx(24 * kept, abs=3)
    assert f"stops after frame {facts.n_frames} of 24" in facts.warnings
    frames = list(read_frames(path))
    assert len(frames) == facts.n_frames
    for cut, whole in zip(frames, read_frames(tmp_path / "c.mp4"), strict=False):
        assert np.array_equal(cut.luma(), whole.luma())  # a packet cut in half is left out, not patched up


def test_mp4_cut_before_its_index(tmp_path: Path) -> None:
    path = clips.encode(tmp_path / "c.mp4", clips.moving(12))
    path.write_bytes(path.read_bytes()[:-200])
    refused(path, "unreadable")


def halved(path: Any) -> Any:
    """Cut the second half of a file off."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize(
    ("suffix", "said"), [("webm", "stops after 0.21 s of 1.00 s"), ("gif", "stops after frame"), ("png", "of 24")]
)
def test_other_truncated_files_say_so(tmp_path: Path, suffix: str, said: str) -> None:
    path = tmp_path / f"c.{suffix}"
    if suffix == "webm":
        clips.encode(path, clips.moving(24), codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})
    else:
        first, *rest = (Image.fromarray(rgb) for rgb in clips.moving(24))
        first.save(path, save_all=True, append_images=rest, duration=40)
    facts = probe(halved(path))
    assert 0 < facts.n_frames < 24
    assert any(said in warning for warning in facts.warnings), facts.warnings
    assert sum(1 for _ in read_frames(path)) == facts.n_frames


def test_truncated_webp_is_refused(tmp_path: Path) -> None:
    first, *rest = (Image.fromarray(rgb) for rgb in clips.moving(24))
    first.save(tmp_path / "c.webp", save_all=True, append_images=rest, duration=40)
    refused(halved(tmp_path / "c.webp"), "unreadable")


def test_damage_in_the_middle_is_counted(tmp_path: Path) -> None:
    path = clips.encode(tmp_path / "c.mp4", clips.moving(24, 128, 96), options={"g": "4", "crf": "10"})
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 3
    data[start : start + 3000] = bytes(3000)
    path.write_bytes(data)
    facts = probe(path)
    assert 0 < facts.n_frames <= 24
    assert facts.warnings
