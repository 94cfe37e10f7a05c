"""Which track of a file is measured, when its pictures are shown, and what is missing from it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from tests.video import clips
from vbench.marks import MARKS, is_damaged, marks_of
from vbench.video import probe, read_audio, read_frames

NAMES = {mark.name for mark in MARKS}


def marks(path: Any) -> Any:
    """The names of what is said; everything that is said has one."""
    facts = probe(path)
    named = [mark.name for mark in marks_of(facts)]
    assert len(named) <= len(facts.warnings)
    assert bool(named) == bool(facts.warnings), facts.warnings
    return named


def copied(
    source: Any, out: Any, *, skip: int = 0, keep: Any = None, shift: int = 0, metadata: Any = None, **options: Any
) -> Any:
    """The packets of a clip in another file: the first few left out, the times moved by so many frames."""
    with av.open(str(source)) as old, av.open(str(out), "w", options=options) as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        copy.metadata.update(metadata or {})
        tick = round(1 / stream.average_rate / stream.time_base)
        packets = [packet for packet in old.demux(stream) if packet.size]
        for packet in packets[skip:keep]:
            packet.pts, packet.dts = packet.pts + shift * tick, packet.dts + shift * tick
            packet.stream = copy
            new.mux(packet)
    return out


@pytest.fixture
def whole(tmp_path: Path) -> Any:
    return clips.encode(tmp_path / "whole.mp4", clips.moving(48), options={"g": "24", "bf": "0"})


def test_what_an_edit_list_leaves_out_is_not_missing(whole: Any, tmp_path: Path) -> None:
    path = copied(whole, tmp_path / "c.mp4", shift=-10, avoid_negative_ts="disabled")
    facts = probe(path)
    assert (facts.n_frames, facts.header_n_frames, facts.warnings) == (38, 48, ())


def test_a_late_start_is_no_missing_end(whole: Any, tmp_path: Path) -> None:
    facts = probe(copied(whole, tmp_path / "c.mkv", shift=2400))
    assert (facts.n_frames, facts.warnings) == (48, ())
    assert facts.duration_s == pytest.approx(2.0, abs=0.002)


def test_a_count_of_another_file_is_not_believed(whole: Any, tmp_path: Path) -> None:
    path = copied(whole, tmp_path / "c.mkv", keep=30, metadata={"NUMBER_OF_FRAMES": "48"})
    facts = probe(path)
    assert (facts.n_frames, facts.header_n_frames, facts.warnings) == (30, 48, ())


def test_a_clip_without_its_first_key_frame_begins_late(whole: Any, tmp_path: Path) -> None:
    path = copied(whole, tmp_path / "c.mkv", skip=5)
    facts = probe(path)
    assert facts.n_frames == 24
    assert [warning.partition(":")[0] for warning in facts.warnings] == ["begins 0.79 s late"]
    assert is_damaged(facts)
    assert marks(path) == ["begins_late"]


KINDS = {
    "mp4": ("mp4", "libx264", {"movflags": "faststart"}),
    "fragments": ("mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
    "mov": ("mov", "libx264", {"movflags": "faststart"}),
    "mkv": ("mkv", "libx264", {}),
    "webm": ("webm", "libvpx-vp9", {}),
    "live mkv": ("mkv", "libvpx-vp9", {"live": "1"}),
    "live webm": ("webm", "libvpx-vp9", {"live": "1", "cluster_time_limit": "500"}),
    "avi": ("avi", "libx264", {}),
    "flv": ("flv", "libx264", {}),
    "ts": ("ts", "libx264", {}),
    "gif": ("gif", "gif", {}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_padded", [False, True], ids=["cut", "padded"])
def test_part_of_a_file_is_damage_and_the_whole_is_not(tmp_path: Path, kind: Any, is_padded: bool) -> None:
    suffix, codec, options = KINDS[kind]
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(24)]
    made = {"gif": {}, "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"}}.get(codec, {"g": "8"})
    pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
    path = clips.encode(tmp_path / f"made.{suffix}", frames, codec=codec, options=made, pix_fmt=pix_fmt)
    if options:
        path = copied(path, tmp_path / f"whole.{suffix}", **options)
    assert probe(path).warnings == ()
    data = path.read_bytes()
    is_stream = "live" in options  # zeros in its last picture alone are told by no size
    for share in (0.5, 0.75) if is_stream and is_padded else (0.5, 0.75, 0.97):
        kept = data[: round(len(data) * share)]
        part = tmp_path / f"part.{suffix}"
        part.write_bytes(kept + bytes(len(data) - len(kept)) if is_padded else kept)
        facts = probe(part)
        assert facts.n_frames <= 24
        assert is_damaged(facts), (share, facts)
        assert marks(part)


def test_zeros_after_a_whole_mp4_are_no_damage(whole: Any) -> None:
    whole.write_bytes(whole.read_bytes() + bytes(100_000))
    assert probe(whole).warnings == ()


def several(path: Any, *, default: int = 1) -> Any:
    """Two pictures, then two sounds: grey and silent first; `default` says which of each players take."""
    frames = clips.moving(12)
    with av.open(str(path), "w") as file:
        streams = []
        for index, size in enumerate([(32, 24), (64, 48)]):
            stream = file.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.disposition = Disposition.default if default in (index, None) else Disposition(0)
            streams.append(stream)
        sounds = []
        for index in range(2):
            sound = file.add_stream("aac", rate=48000, layout="mono")
            sound.disposition = Disposition.default if default in (index, None) else Disposition(0)
            sounds.append(sound)
        for index, rgb in enumerate(frames):
            for stream, pixels in zip(streams, (np.full((24, 32, 3), 128, np.uint8), rgb), strict=True):
                frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 24)
                file.mux(stream.encode(frame))
        for sound, loudness in zip(sounds, (0.0, 1.0), strict=True):
            samples = np.ascontiguousarray(loudness * clips.tone(0.5, channels=1).T)
            frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
            frame.sample_rate = 48000
            file.mux(sound.encode(frame))
        for stream in (*streams, *sounds):
            file.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_default_track_is_measured_and_others_are_told(tmp_path: Path, suffix: str) -> None:
    path = several(tmp_path / f"c.{suffix}")
    facts = probe(path)
    assert (facts.width, facts.height) == (64, 48)
    assert facts.warnings == (
        "2 picture tracks; track 2 is measured, the default one",
        "2 sound tracks; track 2 is measured, the default one",
    )
    assert marks(path) == ["several_tracks"]
    assert {frame.width for frame in read_frames(path)} == {64}
    samples, _ = read_audio(path)
    assert np.abs(samples).max() > 0.3


def test_of_tracks_with_equal_right_the_first_is_measured(tmp_path: Path) -> None:
    facts = probe(several(tmp_path / "c.mkv", default=None))
    assert (facts.width, facts.height) == (32, 24)
    assert facts.warnings[0] == "2 picture tracks; track 1 is measured, the first of 2 with equal right"


@pytest.mark.parametrize(
    ("codec", "options"), [("libx264", {"bf": "2"}), ("libx264", {"bf": "3"}), ("mpeg4", {"bf": "2"})]
)
def test_avi_tells_no_order_of_showing(tmp_path: Path, codec: str, options: dict[str, Any]) -> None:
    path = clips.encode(tmp_path / "c.avi", clips.moving(24), codec=codec, options=options)
    facts = probe(path)
    assert (facts.n_frames, facts.fps, facts.duration_s) == (24, pytest.approx(24), pytest.approx(1))
    assert (facts.is_vfr, facts.warnings) == (False, ())


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_delays_are_those_of_browsers_in_every_reader(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"c.{suffix}"
    first, *rest = (Image.fromarray(rgb) for rgb in clips.moving(5))
    first.save(path, save_all=True, append_images=rest, duration=[10, 10, 20, 30, 100], loop=0)
    if suffix == "gif":  # Pillow writes no delay of 0
        data = path.read_bytes()
        at = data.index(b"\x21\xf9\x04") + 4
        assert data[at : at + 2] == b"\1\0"
        path.write_bytes(data[:at] + bytes(2) + data[at + 2 :])
    assert [round(frame.duration_s, 3) for frame in read_frames(path)] == [0.1, 0.1, 0.02, 0.03, 0.1]
    facts = probe(path)
    assert facts.duration_s == pytest.approx(0.35)
    claim = "1 frame claims" if suffix == "gif" else "2 frames claim"  # FFmpeg does not tell of a 0
    assert facts.warnings == (f"{claim} 10 ms or less; taken as 100 ms, as browsers show them",)
    assert marks(path) == ["short_delays"]


def test_interlaced_frames_are_counted(tmp_path: Path) -> None:
    def interlaced(stream: Any) -> None:
        stream.codec_context.flags |= 0x20040000  # AV_CODEC_FLAG_INTERLACED_DCT and _ME

    path = clips.encode(tmp_path / "c.mkv", clips.moving(12), codec="mpeg2video", prepare=interlaced)
    assert probe(path).warnings == ("12 of 12 frames are interlaced; measured as whole frames",)
    assert marks(path) == ["interlaced"]
