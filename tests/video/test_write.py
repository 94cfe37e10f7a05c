"""The encoder, and everything made beside an original."""

from __future__ import annotations

import json
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.video import clips
from vbench.errors import ClipError
from vbench.video import (
    exact_rate,
    extract_frame,
    is_browser_playable,
    poster,
    probe,
    proxy,
    read_audio,
    read_frames,
    side_by_side,
    sprite,
    write_clip,
)


def test_what_is_written_is_read_back(tmp_path):
    made = clips.moving(12)
    record = write_clip(made, tmp_path / "c.mp4", fps=24)
    assert (record.n_frames, record.width, record.height, record.fps) == (12, 64, 48, "24/1")
    assert json.loads(json.dumps(record.as_dict()))["crf"] == 16
    for frame, rgb in zip(read_frames(tmp_path / "c.mp4"), made, strict=True):
        assert clips.psnr(frame.rgb(), rgb) > 30


def test_flat_colours_survive_within_two_levels(tmp_path):
    rgb, middles = clips.flat_blocks()
    write_clip([rgb] * 3, tmp_path / "c.mp4", fps=24, crf=4)
    got = extract_frame(tmp_path / "c.mp4", index=1).astype(int)
    assert max(np.abs(got[y, x] - rgb[y, x]).max() for y, x in middles) <= 2


def test_floats_mean_the_same_as_bytes(tmp_path):
    made = clips.moving(3)
    write_clip(made, tmp_path / "a.mp4", fps=24)
    write_clip([rgb.astype(np.float32) / 255 for rgb in made], tmp_path / "b.mp4", fps=24)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_same_input_same_bytes(tmp_path):
    for name in "ab":
        write_clip(clips.moving(30, 320, 240), tmp_path / f"{name}.mp4", fps=30, audio=(clips.tone(), 48000))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_file_is_tagged_and_starts_fast(tmp_path):
    write_clip(clips.moving(4), tmp_path / "c.mp4", fps=24, metadata={"model": "clean", "title": "A title"})
    data = (tmp_path / "c.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "c.mp4")) as file:
        context = file.streams.video[0].codec_context
        tags = (context.pix_fmt, context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tags == ("yuv420p", 1, 1, 1, 1)
        assert (file.metadata["model"], file.metadata["title"]) == ("clean", "A title")


def test_odd_sizes_repeat_their_edge(tmp_path):
    rgb = np.full((49, 65, 3), 200, np.uint8)
    record = write_clip([rgb], tmp_path / "c.mp4", fps=24)
    assert (record.width, record.height, record.padded_right, record.padded_bottom) == (66, 50, 1, 1)
    got = extract_frame(tmp_path / "c.mp4", index=0)
    assert got.shape == (50, 66, 3)
    assert np.abs(got.astype(int) - 200).max() <= 2


@pytest.mark.parametrize(
    ("fps", "exact"),
    [
        (24, Fraction(24)),
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (8.0, Fraction(8)),
        (12.5, Fraction(25, 2)),
        (Fraction(25, 3), Fraction(25, 3)),
    ],
)
def test_rates_are_exact(tmp_path, fps, exact):
    assert exact_rate(fps) == exact
    write_clip(clips.moving(4), tmp_path / "c.mp4", fps=fps)
    with av.open(str(tmp_path / "c.mp4")) as file:
        assert file.streams.video[0].average_rate == exact


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 5000])
def test_impossible_rates_are_refused(tmp_path, fps):
    with pytest.raises(ClipError, match="between 0 and 1000"):
        write_clip(clips.moving(2), tmp_path / "c.mp4", fps=fps)


@given(fps=st.one_of(st.integers(1, 120), st.floats(1, 120)), n=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_times_of_any_rate(tmp_path_factory, fps, n):
    path = tmp_path_factory.mktemp("rate") / "c.mp4"
    write_clip([np.full((16, 16, 3), 9 * i, np.uint8) for i in range(n)], path, fps=fps, preset="ultrafast")
    times = [frame.t_s for frame in read_frames(path)]
    assert times == pytest.approx([i / float(exact_rate(fps)) for i in range(n)], abs=2e-4)
    assert (np.diff(times) > 0).all()
    assert not probe(path).is_vfr


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([], "no frame to write"),
        ([np.zeros((16, 16), np.uint8)], r"\(H, W, 3\)"),
        ([np.zeros((16, 16, 3), np.uint8), np.zeros((16, 18, 3), np.uint8)], "frame 1 has shape"),
        ([np.zeros((16, 16, 3), np.int64)], "int64"),
        ([np.full((16, 16, 3), np.nan)], "nan"),
        ([np.full((16, 16, 3), 255.0)], "255"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path, frames, said):
    (tmp_path / "c.mp4").write_bytes(b"older")
    with pytest.raises(ClipError, match=said):
        write_clip(frames, tmp_path / "c.mp4", fps=24)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("c.mp4", b"older")]


def test_an_interrupted_source_leaves_the_old_file(tmp_path):
    def frames():
        yield from clips.moving(3)
        raise KeyboardInterrupt

    (tmp_path / "c.mp4").write_bytes(b"older")
    with pytest.raises(KeyboardInterrupt):
        write_clip(frames(), tmp_path / "c.mp4", fps=24)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("c.mp4", b"older")]


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ClipError, match="cannot be written"):
        write_clip(clips.moving(2), tmp_path / "absent" / "c.mp4", fps=24)


# --- sound -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "written"), [(48000, 48000), (24000, 24000), (18000, 48000)])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_comes_back_in_step(tmp_path, rate, written, channels):
    wave = clips.tone(1.5, rate, 440, channels)
    wave[: rate // 2] = 0  # silent until 0.5 s
    record = write_clip(clips.moving(36), tmp_path / "c.mp4", fps=24, audio=(wave, rate))
    assert record.audio == f"aac {written} Hz {channels} ch"
    samples, got_rate = read_audio(tmp_path / "c.mp4")
    assert (got_rate, samples.shape[1], samples.dtype) == (written, channels, np.float32)
    assert len(samples) / written == pytest.approx(1.5, abs=0.05)
    assert np.argmax(np.abs(samples[:, 0]) > 0.1) / written == pytest.approx(0.5, abs=0.01)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.05)
    assert len(read_audio(tmp_path / "c.mp4", max_s=0.25)[0]) == round(0.25 * written)


@pytest.mark.parametrize(("picture_s", "sound_s"), [(0.5, 0.0), (0.0, 0.3), (0.25, 0.25)])
def test_sound_is_on_the_clock_of_the_pictures(tmp_path, picture_s, sound_s):
    path = tmp_path / "c.mkv"
    wave = np.zeros((1, 48000), np.int16)
    wave[0, 36000:] = 20000  # a step at 0.75 s of the sound
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=24, options={"bf": "0"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = file.add_stream("pcm_s16le", rate=48000, layout="mono")
        for index, rgb in enumerate(clips.moving(24)):
            image = clips.picture(rgb)
            image.pts, image.time_base = index + round(picture_s * 24), Fraction(1, 24)
            file.mux(video.encode(image))
        file.mux(video.encode(None))
        for start in range(0, 48000, 4800):
            chunk = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[:, start : start + 4800]), "s16", "mono")
            chunk.sample_rate, chunk.time_base = 48000, Fraction(1, 48000)
            chunk.pts = start + round(sound_s * 48000)
            file.mux(sound.encode(chunk))
        file.mux(sound.encode(None))
    samples, rate = read_audio(path)
    assert np.argmax(samples[:, 0] > 0.3) / rate == pytest.approx(0.75 + sound_s - picture_s, abs=0.005)
    assert len(samples) / rate == pytest.approx(1 + sound_s - picture_s, abs=0.005)


def test_no_sound_is_none(tmp_path):
    write_clip(clips.moving(2), tmp_path / "c.mp4", fps=24)
    Image.fromarray(clips.moving(1)[0]).save(tmp_path / "c.webp")
    assert read_audio(tmp_path / "c.mp4") is None
    assert read_audio(tmp_path / "c.webp") is None


@pytest.mark.parametrize("shape", [(0, 2), (100, 6), (100,)])
def test_sound_of_another_shape_is_refused(tmp_path, shape):
    with pytest.raises(ClipError, match="mix it down"):
        write_clip(clips.moving(2), tmp_path / "c.mp4", fps=24, audio=(np.zeros(shape, np.float32), 48000))


# --- made beside the original ------------------------------------------------------------------------------------


def test_extract_frame_by_index_and_time(tmp_path):
    made = clips.moving(12)
    write_clip(made, tmp_path / "c.mp4", fps=24)
    for index, t_s in ((0, 0.0), (5, 5 / 24), (5, 5.9 / 24), (11, 11.5 / 24)):
        by_index, by_time = extract_frame(tmp_path / "c.mp4", index=index), extract_frame(tmp_path / "c.mp4", t_s=t_s)
        assert np.array_equal(by_index, by_time)
        assert clips.psnr(by_index, made[index]) > 30
    for wrong in ({"index": 12}, {"index": -1}, {"t_s": 0.6}, {"t_s": -1.0}):
        with pytest.raises(ClipError, match="frames 0 to 11"):
            extract_frame(tmp_path / "c.mp4", **wrong)
    with pytest.raises(ValueError, match="either"):
        extract_frame(tmp_path / "c.mp4")


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_poster_is_past_the_black_and_the_fade(tmp_path, suffix):
    scene = clips.moving(1)[0].astype(float)
    fade = [(scene * min(1.0, max(0.0, (i - 24) / 24))).astype(np.uint8) for i in range(96)]  # full from 2 s on
    write_clip(fade, tmp_path / "c.mp4", fps=24)
    poster(tmp_path / "c.mp4", tmp_path / f"p.{suffix}", height=48)
    with Image.open(tmp_path / f"p.{suffix}") as image:
        assert image.size == (64, 48)
        assert np.asarray(image.convert("L")).mean() > 0.85 * np.mean(scene @ [0.299, 0.587, 0.114])
    poster(tmp_path / "c.mp4", tmp_path / "black.png", t_s=0.5)
    with Image.open(tmp_path / "black.png") as image:
        assert image.height == 360
        assert np.asarray(image).max() < 8
    with pytest.raises(ClipError, match=r"\.jpg"):
        poster(tmp_path / "c.mp4", tmp_path / "p.txt")


def test_sprite_tiles_lie_where_it_says(tmp_path):
    made = [np.full((48, 64, 3), 10 * i, np.uint8) for i in range(24)]
    write_clip(made, tmp_path / "c.mp4", fps=24)
    info = sprite(tmp_path / "c.mp4", tmp_path / "s.png", columns=4, n=6, height=24)
    assert (info.columns, info.rows, info.n, info.width, info.height) == (4, 2, 6, 32, 24)
    with Image.open(tmp_path / "s.png") as sheet:
        pixels = np.asarray(sheet).astype(int)
    assert pixels.shape == (48, 128, 3)
    for place, t_s in enumerate(info.t_s):
        tile = pixels[place // 4 * 24 :, place % 4 * 32 :][:24, :32]
        assert np.abs(tile - 10 * round(t_s * 24)).max() <= 3
    assert sprite(tmp_path / "c.mp4", tmp_path / "s.png", n=99).n == 24


def test_proxy_is_what_a_browser_steps_through(tmp_path):
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


def test_proxy_is_silent_where_asked(tmp_path):
    write_clip(clips.moving(12, 96, 64), tmp_path / "c.mp4", fps=24, audio=(clips.tone(0.5), 48000))
    proxy(tmp_path / "c.mp4", tmp_path / "p.mp4", height=48, silent=True)
    facts = probe(tmp_path / "p.mp4")
    assert (facts.has_audio, facts.n_frames) == (False, 12)


def test_proxy_does_not_inherit_frame_types(tmp_path):
    clips.encode(tmp_path / "c.mp4", clips.moving(24), options={"g": "1"})
    proxy(tmp_path / "c.mp4", tmp_path / "p.mp4", height=48)
    with av.open(str(tmp_path / "p.mp4")) as file:
        assert [packet.is_keyframe for packet in file.demux(video=0) if packet.size].count(True) < 12


def test_proxy_puts_a_variable_rate_on_a_grid(tmp_path):
    made = [np.full((48, 64, 3), 40 * i, np.uint8) for i in range(6)]
    ticks = [0, 40, 80, 200, 240, 280]  # 25 fps; frame 2 stays for three steps
    clips.encode(tmp_path / "c.mp4", made, fps=25, pts=ticks, time_base=Fraction(1, 1000), options={"crf": "4"})
    record = proxy(tmp_path / "c.mp4", tmp_path / "p.mp4", height=48)
    assert (record.fps, record.n_frames, record.n_repeated, record.n_dropped) == ("25/1", 8, 2, 0)
    shown = [round(frame.luma().mean() / 40) for frame in read_frames(tmp_path / "p.mp4")]
    assert shown == [0, 1, 2, 2, 2, 3, 4, 5]
    halved = proxy(tmp_path / "c.mp4", tmp_path / "p.mp4", height=48, fps=12.5)
    assert (halved.n_frames, halved.n_frames - halved.n_repeated + halved.n_dropped) == (4, 6)


def test_proxy_turns_upright_and_reads_pictures(tmp_path):
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
def test_which_originals_a_browser_plays(tmp_path, encoder, suffix, pix_fmt, plays):
    options = {"x265-params": "log-level=none:keyint=1"} if encoder == "libx265" else {}
    path = clips.encode(tmp_path / f"c.{suffix}", clips.moving(2), codec=encoder, pix_fmt=pix_fmt, options=options)
    assert is_browser_playable(probe(path)) == plays


def test_side_by_side_holds_the_one_that_ended(tmp_path):
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
