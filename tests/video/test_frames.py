"""Frames of every format, against content that is known, on a clean clock."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.video import clips
from vbench.video import probe, read_frames
from vbench.video.facts import DecodedPicture, Facts
from vbench.video.frames import on_clean_clock

BEST = {
    "libx264": {"crf": "4", "preset": "veryfast"},
    # keyint=1: the MP4 writer at times refuses the header that libx265 makes for predicted frames.
    "libx265": {"crf": "4", "preset": "veryfast", "x265-params": "log-level=none:keyint=1"},
    "libvpx-vp9": {"crf": "4", "b": "0", "deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"crf": "8", "preset": "12", "svtav1-params": "fast-decode=1"},
    "mpeg4": {"qmin": "1", "qmax": "2"},
}


@pytest.mark.parametrize(
    ("encoder", "suffix", "codec"),
    [
        ("libx264", "mp4", "h264"),
        ("libx264", "mov", "h264"),
        ("libx264", "mkv", "h264"),
        ("libx265", "mp4", "hevc"),
        ("libvpx-vp9", "webm", "vp9"),
        ("libsvtav1", "mp4", "av1"),
        ("mpeg4", "mp4", "mpeg4"),
    ],
)
def test_every_codec_gives_its_facts_and_frames(
    read: Any, tmp_path: Path, encoder: str, suffix: str, codec: str
) -> None:
    made = clips.moving(12)
    path = clips.encode(tmp_path / f"clip.{suffix}", made, codec=encoder, options=BEST[encoder])
    facts = probe(path)
    assert (facts.container, facts.codec, facts.pixel_format) == (suffix, codec, "yuv420p")
    assert (facts.width, facts.height, facts.n_frames, facts.rotation, facts.bit_depth) == (64, 48, 12, 0, 8)
    # Matroska rounds to milliseconds.
    assert facts.fps == pytest.approx(24, abs=0.03 if suffix in ("mkv", "webm") else 1e-6)
    assert facts.duration_s == pytest.approx(0.5, abs=0.0015)
    assert (facts.is_vfr, facts.has_audio, facts.has_alpha, facts.warnings) == (False, False, False, ())
    assert facts.header_n_frames == (0 if suffix in ("mkv", "webm") else 12)
    assert facts.size_bytes == path.stat().st_size
    frames = list(read(path))
    assert [frame.index for frame in frames] == list(range(12))
    assert sum(frame.duration_s for frame in frames) == pytest.approx(facts.duration_s)
    for frame, rgb in zip(frames, made, strict=True):
        assert clips.psnr(frame.luma(), rgb @ [0.2126, 0.7152, 0.0722]) > 30  # a neighbour frame has less than 25


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libvpx-vp9"])
@pytest.mark.parametrize(
    ("matrix", "full", "tagged", "size"),
    [
        (1, False, True, (192, 160)),
        (1, True, True, (192, 160)),
        (5, False, True, (192, 160)),
        (5, False, False, (192, 160)),  # SD without a tag is BT.601
        (1, False, False, (1296, 704)),  # HD without a tag is BT.709
    ],
)
def test_colours_are_right_within_two_levels(
    read: Any, tmp_path: Path, encoder: str, matrix: int, full: bool, tagged: bool, size: tuple[int, int]
) -> None:
    rgb, middles = clips.flat_blocks(*size)
    path = clips.encode(
        tmp_path / f"c.{'webm' if 'vp9' in encoder else 'mp4'}",
        [rgb],
        codec=encoder,
        options=BEST[encoder],
        matrix=matrix,
        full=full,
        tagged=tagged,
    )
    frame = next(read(path))
    red, blue = clips.WEIGHTS[matrix]
    luma = rgb @ np.array([red, 1 - red - blue, blue])
    got, grey, half = frame.rgb().astype(int), frame.luma(), frame.rgb((size[0] // 2, size[1] // 2)).astype(int)
    for y, x in middles:
        assert np.abs(got[y, x] - rgb[y, x]).max() <= 2
        assert np.abs(half[y // 2, x // 2] - rgb[y, x]).max() <= 2
        # torchcodec's luma comes of RGB that is rounded already
        assert abs(float(grey[y, x]) - luma[y, x]) <= (1.5 if read is read_frames else 2)


def test_area_kernel_averages(read: Any, tmp_path: Path) -> None:
    checks = np.kron(np.indices((24, 32)).sum(0) % 2, np.ones((2, 2), int))[..., None].repeat(3, -1) * 255
    path = clips.encode(tmp_path / "c.mp4", [checks.astype(np.uint8)], options={"qp": "0"})
    small = next(read(path)).luma((16, 12), "area")
    assert small.shape == (12, 16)
    assert np.abs(small.astype(int) - 128).max() <= 2


def test_ten_bit(read: Any, tmp_path: Path) -> None:
    rgb, middles = clips.flat_blocks()
    path = clips.encode(
        tmp_path / "c.mp4", [rgb] * 2, codec="libx265", pix_fmt="yuv420p10le", options=BEST["libx265"], tagged=False
    )
    facts = probe(path)
    assert (facts.bit_depth, facts.pixel_format) == (10, "yuv420p10le")
    got = next(read(path)).rgb()
    assert max(np.abs(got[y, x].astype(int) - rgb[y, x]).max() for y, x in middles) <= 2


def test_odd_size(read: Any, tmp_path: Path) -> None:
    rgb = clips.moving(1, 65, 49)[0]
    path = clips.encode(
        tmp_path / "c.webm", [rgb] * 3, codec="libvpx-vp9", pix_fmt="yuv444p", options=BEST["libvpx-vp9"]
    )
    assert (probe(path).width, probe(path).height) == (65, 49)
    assert next(read(path)).rgb().shape == (49, 65, 3)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rotation_flags_are_applied(read: Any, tmp_path: Path, degrees: int, mirrored: bool) -> None:
    rgb = clips.moving(1)[0]
    stored = np.rot90(rgb, degrees // 90)  # turned back, so that a clockwise turn shows it upright
    if mirrored:
        stored = stored[:, ::-1]
    cosine, sine = round(math.cos(math.radians(degrees))), round(math.sin(math.radians(degrees)))
    sign = -1 if mirrored else 1
    matrix = [sign * cosine, sign * sine, 0, -sine, cosine, 0, 0, 0, 1]
    scaled = [value * (1 << 30 if place == 8 else 1 << 16) for place, value in enumerate(matrix)]
    path = clips.encode(
        tmp_path / "c.mp4", [stored], options={"crf": "4"}, prepare=lambda s: s.set_display_matrix(scaled)
    )
    facts, frame = probe(path), next(read(path))
    assert (facts.rotation, facts.width, facts.height) == (degrees, 64, 48)
    assert bool(facts.warnings) == mirrored
    assert clips.psnr(frame.rgb(), rgb) > 28
    assert frame.luma((32, 24)).shape == (24, 32)
    assert frame.rgb().flags.c_contiguous


@pytest.mark.parametrize(("aspect", "shown"), [(Fraction(2, 1), (128, 48)), (Fraction(1, 2), (64, 96))])
def test_sample_aspect_grows_the_shorter_direction(
    read: Any, tmp_path: Path, aspect: Any, shown: tuple[int, int]
) -> None:
    def prepare(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = aspect

    path = clips.encode(tmp_path / "c.mp4", clips.moving(2), prepare=prepare)
    assert (probe(path).width, probe(path).height) == shown
    assert next(read(path)).rgb().shape == (shown[1], shown[0], 3)


def test_variable_frame_rate_keeps_its_times(read: Any, tmp_path: Path) -> None:
    ticks = [0, 40, 80, 180, 220, 500]
    path = clips.encode(
        tmp_path / "c.mp4", clips.moving(6), fps=25, pts=ticks, time_base=Fraction(1, 1000), options={"bf": "2"}
    )
    facts = probe(path)
    assert facts.is_vfr
    assert facts.fps == pytest.approx(10)
    frames = list(read(path))
    assert [round(frame.t_s * 1000) for frame in frames] == ticks
    assert frames[-1].duration_s == pytest.approx(facts.duration_s - 0.5)


def test_vp9_alpha_is_over_black(tmp_path: Path) -> None:
    path = tmp_path / "c.webm"
    rgba = np.dstack([np.full((64, 64, 3), 200, np.uint8), np.zeros((64, 64), np.uint8)])
    rgba[:, 32:, 3] = 255
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libvpx-vp9", rate=24, options=BEST["libvpx-vp9"] | {"auto-alt-ref": "0"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuva420p"
        stream.metadata["alpha_mode"] = "1"
        for index in range(4):
            frame = av.VideoFrame.from_ndarray(rgba, "rgba").reformat(format="yuva420p")
            frame.pts = index
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    facts, got = probe(path), next(read_frames(path)).rgb()
    assert (facts.has_alpha, facts.n_frames, facts.codec) == (True, 4, "vp9")
    assert got[:, :24].max() <= 3
    assert np.abs(got[:, 40:].astype(int) - 200).max() <= 3


def test_luma_of_an_rgb_picture_is_bt709(tmp_path: Path) -> None:
    rgb, middles = clips.flat_blocks()
    Image.fromarray(rgb).save(tmp_path / "c.png")
    luma = next(read_frames(tmp_path / "c.png")).luma()
    assert max(abs(float(luma[y, x]) - rgb[y, x] @ [0.2126, 0.7152, 0.0722]) for y, x in middles) <= 1.5


# --- the clock ---------------------------------------------------------------------------------------------------


def clock(times: Any, interval_s: float = 0.04) -> Any:
    facts = Facts(container="", codec="", tick_s=0.001, interval_s=interval_s)
    return [t for _, t in on_clean_clock(iter([DecodedPicture(None, t, 0.0) for t in times]), facts)], facts.warnings


@given(st.lists(st.one_of(st.none(), st.floats(-1e5, 1e5), st.just(math.nan), st.just(math.inf)), min_size=1))
@settings(max_examples=200, deadline=None)
def test_any_timestamps_become_finite_and_strictly_increasing(times: Any) -> None:
    clean, _ = clock(times)
    assert clean[0] == 0
    assert np.isfinite(clean).all()
    assert (np.diff(clean) > 0).all()


@pytest.mark.parametrize(
    ("given_s", "clean", "said"),
    [
        ([5.0, 5.04, 5.09], [0, 0.04, 0.09], []),
        ([None, 5.04, 5.08], [0, 0.04, 0.08], ["1 absent timestamp repaired"]),
        ([0, math.nan, 0.08], [0, 0.04, 0.08], ["1 absent timestamp repaired"]),
        ([0, 0.04, 0.04, 0.08], [0, 0.04, 0.06, 0.08], ["1 repeated timestamp repaired"]),
        ([0, 0.04, 0.02, 0.12], [0, 0.04, 0.08, 0.12], ["1 backward timestamp repaired"]),
    ],
)
def test_repairs_are_small_and_said(given_s: Any, clean: list[Any], said: Any) -> None:
    got, warnings = clock(given_s)
    assert got == pytest.approx(clean)
    assert warnings == said


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    frames = [np.full((720, 1280, 3), value, np.uint8) for value in (40, 90)]
    peaks = []
    for n in (20, 180):
        path = clips.encode(tmp_path / f"{n}.mp4", frames * (n // 2), options={"preset": "ultrafast", "crf": "40"})
        code = (
            "import resource, sys; from pathlib import Path; from vbench.video import read_frames\n"
            "for frame in read_frames(Path(sys.argv[1]), threads=2): frame.luma((64, 36))\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        peaks.append(int(run.stdout))
    assert peaks[1] - peaks[0] < 60_000  # kB; 160 frames of yuv420p held would be 220,000
