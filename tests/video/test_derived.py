"""Videos made beside the original."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.video import clips
from vbench.video import (
    extract_frame,
    is_browser_playable,
    probe,
    proxy,
    read_frames,
    side_by_side,
    write_clip,
)


def test_proxy_is_what_a_browser_steps_through(tmp_path: Path) -> None:
    write_clip(
        clips.moving(60, 96, 64),
        tmp_path / "c.mp4",
        fps=23.976,
        audio=(clips.tone(2.5), 48000),
        metadata={"model": "x"},
    )
    record = proxy(tmp_path / "c.mp4", tmp_path / "p.mp4", height=48)
    assert (record.fps, record.n_frames, record.n_repeated, record.n_dropped) == ("24000/1001", 60, 0, 0)
    facts = probe(tmp_path / "p.mp4")
    assert is_browser_playable(facts)
    assert (facts.width, facts.height, facts.n_frames, facts.audio_codec) == (72, 48, 60, "aac")
    with av.open(str(tmp_path / "p.mp4")) as file:
        assert not {"model", "title", "comment"} & set(file.metadata)
        packets = [packet for packet in file.demux(video=0) if packet.size]
        assert all(packet.pts == packet.dts for packet in packets)  # no B-frames
        keys = [index for index, packet in enumerate(packets) if packet.is_keyframe]
        assert max(np.diff([*keys, len(packets)])) <= 12
    data = (tmp_path / "p.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    for index, (copy, original) in enumerate(
        zip(read_frames(tmp_path / "p.mp4"), read_frames(tmp_path / "c.mp4"), strict=True)
    ):
        assert clips.psnr(copy.rgb(), original.rgb((72, 48))) > 28, index
    proxy(tmp_path / "c.mp4", tmp_path / "named.mp4", height=48, strip=False)
    with av.open(str(tmp_path / "named.mp4")) as file:
        assert file.metadata["model"] == "x"


def test_proxy_is_silent_where_asked(tmp_path: Path) -> None:
    write_clip(clips.moving(12, 96, 64), tmp_path / "c.mp4", fps=24, audio=(clips.tone(0.5), 48000))
    proxy(tmp_path / "c.mp4", tmp_path / "p.mp4", height=48, silent=True)
    facts = probe(tmp_path / "p.mp4")
    assert (facts.has_audio, facts.n_frames) == (False, 12)


def test_proxy_does_not_inherit_frame_types(tmp_path: Path) -> None:
    clips.encode(tmp_path / "c.mp4", clips.moving(24), options={"g": "1"})
    proxy(tmp_path / "c.mp4", tmp_path / "p.mp4", height=48)
    with av.open(str(tmp_path / "p.mp4")) as file:
        assert [packet.is_keyframe for packet in file.demux(video=0) if packet.size].count(True) < 12


def test_proxy_puts_a_variable_rate_on_a_grid(tmp_path: Path) -> None:
    made = [np.full((48, 64, 3), 40 * i, np.uint8) for i in range(6)]
    ticks = [0, 40, 80, 200, 240, 280]  # 25 fps; frame 2 stays for three steps
    clips.encode(tmp_path / "c.mp4", made, fps=25, pts=ticks, time_base=Fraction(1, 1000), options={"crf": "4"})
    record = proxy(tmp_path / "c.mp4", tmp_path / "p.mp4", height=48)
    assert (record.fps, record.n_frames, record.n_repeated, record.n_dropped) == ("25/1", 8, 2, 0)
    shown = [round(frame.luma().mean() / 40) for frame in read_frames(tmp_path / "p.mp4")]
    assert shown == [0, 1, 2, 2, 2, 3, 4, 5]
    halved = proxy(tmp_path / "c.mp4", tmp_path / "p.mp4", height=48, fps=12.5)
    assert (halved.n_frames, halved.n_frames - halved.n_repeated + halved.n_dropped) == (4, 6)


def test_proxy_turns_upright_and_reads_pictures(tmp_path: Path) -> None:
    rgb = clips.moving(1)[0]
    clips.encode(
        tmp_path / "c.mp4",
        [np.rot90(rgb)] * 2,
        options={"crf": "4"},
        prepare=lambda stream: stream.set_display_rotation(-90),
    )
    proxy(tmp_path / "c.mp4", tmp_path / "p.mp4", height=48)
    assert clips.psnr(extract_frame(tmp_path / "p.mp4", index=0), rgb) > 28
    Image.fromarray(rgb).save(tmp_path / "c.webp", quality=95)
    assert proxy(tmp_path / "c.webp", tmp_path / "p.mp4", height=48).n_frames == 1


@pytest.mark.parametrize(
    ("encoder", "suffix", "pix_fmt", "plays"),
    [
        ("libx264", "mp4", "yuv420p", True),
        ("libvpx-vp9", "webm", "yuv420p", True),
        ("libx264", "mkv", "yuv420p", False),
        ("libx264", "mp4", "yuv444p", False),
        ("libx265", "mp4", "yuv420p", False),
        ("mpeg4", "mp4", "yuv420p", False),
    ],
)
def test_which_originals_a_browser_plays(tmp_path: Path, encoder: str, suffix: str, pix_fmt: str, plays: bool) -> None:
    options = {"x265-params": "log-level=none:keyint=1"} if encoder == "libx265" else {}
    path = clips.encode(tmp_path / f"c.{suffix}", clips.moving(2), codec=encoder, pix_fmt=pix_fmt, options=options)
    assert is_browser_playable(probe(path)) == plays


def test_side_by_side_holds_the_one_that_ended(tmp_path: Path) -> None:
    for name, value, n in (("a", 60, 12), ("b", 180, 24)):
        write_clip([np.full((48, 64, 3), value, np.uint8)] * n, tmp_path / f"{name}.mp4", fps=24)
    record = side_by_side([tmp_path / "a.mp4", tmp_path / "b.mp4"], ["Tool A", "Tool B"], tmp_path / "o.mp4", height=48)
    assert (record.n_frames, record.width, record.height) == (24, 128, 64)
    last = extract_frame(tmp_path / "o.mp4", index=23).astype(int)
    assert np.abs(last[24:56, 8:56] - 60).max() <= 4
    assert np.abs(last[24:56, 72:120] - 180).max() <= 4
    bar = last[:16]
    assert bar[:, :64].max() > 150  # a name in white
    assert bar[:, 64:].max() > 150
    with pytest.raises(ValueError, match="label each"):
        side_by_side([tmp_path / "a.mp4"], [], tmp_path / "o.mp4")
