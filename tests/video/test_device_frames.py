"""Frames by torchcodec: resizing against loops, batches against single frames, refusals of what it reads otherwise."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Never

import numpy as np
import pytest
import torch
import torchcodec
from PIL import Image

from tests.video import clips
from vbench.errors import ClipError, OptionError
from vbench.video import device_frames, probe, read_frames
from vbench.video.device_frames import check_torchcodec, read_device_frames
from vbench.video.rgb_lens import area_axis, taps, to_rgb

GPU = pytest.param("cuda:0", marks=pytest.mark.gpu)


def by_loops(row: Any, n_out: Any) -> Any:
    """Mean of a row under each of `n_out` equal windows, pixel by pixel."""
    n_in, out = len(row), []
    for place in range(n_out):
        low, high = Fraction(place * n_in, n_out), Fraction((place + 1) * n_in, n_out)
        shares = [max(Fraction(0), min(high, x + 1) - max(low, x)) for x in range(n_in)]
        out.append(float(sum(share * int(value) for share, value in zip(shares, row, strict=True)) / (high - low)))
    return out


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize(("n_in", "n_out"), [(12, 4), (10, 4), (7, 5), (9, 8), (5, 1), (6, 6)])
def test_shrinking_averages_what_lies_under_each_pixel(n_in: int, n_out: int, device: Any) -> None:
    rows = np.random.default_rng(n_in).integers(0, 256, (2, 3, n_in, 3), np.uint8)
    got = area_axis(torch.from_numpy(rows).to(device), n_out, 2).float().cpu().numpy()
    for place in np.ndindex(2, 3, 3):
        assert got[place[0], place[1], :, place[2]] == pytest.approx(
            by_loops(rows[place[0], place[1], :, place[2]], n_out), abs=1e-3
        )
    tall = area_axis(torch.from_numpy(rows.transpose(0, 2, 1, 3).copy()).to(device), n_out, 1)
    assert np.array_equal(tall.float().cpu().numpy(), got.transpose(0, 2, 1, 3))


def test_growing_is_linear_between_the_middles_of_pixels() -> None:
    row = torch.tensor([10, 50, 30], dtype=torch.uint8).view(1, 1, 3, 1)
    assert area_axis(row, 6, 2).flatten().tolist() == [10, 20, 40, 45, 35, 30]
    assert area_axis(row[:, :, :1], 4, 2).flatten().tolist() == [10] * 4


@pytest.mark.parametrize(("n_in", "n_out"), [(720, 192), (1080, 192), (64, 63), (3, 640), (853, 341)])
def test_shares_of_a_pixel_sum_to_one(n_in: int, n_out: int) -> None:
    index, weight = taps(n_in, n_out)
    assert weight.sum(axis=0) == pytest.approx(np.ones(n_out), abs=1e-6)
    assert index.min() >= 0
    assert index.max() < n_in
    assert len(index) <= n_in // n_out + 2


def test_matrices_are_those_of_the_standards() -> None:
    assert to_rgb(1) == pytest.approx(np.array([[1, 0, 1.5748], [1, -0.1873, -0.4681], [1, 1.8556, 0]]), abs=1e-4)
    assert to_rgb(5) == pytest.approx(np.array([[1, 0, 1.402], [1, -0.3441, -0.7141], [1, 1.772, 0]]), abs=1e-4)


@pytest.mark.parametrize("device", ["cpu", GPU])
def test_frames_of_many_batches_are_those_of_the_other_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: Any
) -> None:
    monkeypatch.setattr(device_frames, "MAX_BATCH", 7)
    path = clips.encode(tmp_path / "c.mp4", clips.moving(45, 96, 64), options={"crf": "4", "bf": "3", "g": "20"})
    facts = probe(path)
    got = list(read_device_frames(path, facts, device=device, common=lambda w, h: (w // 2, h // 2)))
    assert [frame.index for frame in got] == list(range(45))
    for frame, wanted in zip(got, read_frames(path), strict=True):
        assert (frame.t_s, frame.duration_s) == pytest.approx((wanted.t_s, wanted.duration_s))
        # a neighbour frame has 25 dB
        assert clips.psnr(frame.rgb(), wanted.rgb()) > 35
        assert clips.psnr(frame.rgb((48, 32)), wanted.rgb((48, 32))) > 35
        assert clips.psnr(frame.luma((30, 20)), wanted.luma((30, 20))) > 35


@pytest.mark.parametrize("device", ["cpu", GPU])
def test_a_size_made_for_a_batch_is_that_of_one_frame(tmp_path: Path, device: Any) -> None:
    path = clips.encode(tmp_path / "c.mp4", clips.moving(9, 96, 64))
    facts, size = probe(path), (31, 17)
    together = [frame.rgb(size) for frame in read_device_frames(path, facts, device=device, common=lambda w, h: size)]
    alone = [frame.rgb(size) for frame in read_device_frames(path, facts, device=device)]
    assert np.array_equal(together, alone)


@pytest.mark.parametrize("late_s", [0.5, 5.0])
def test_a_late_start_is_taken_off(tmp_path: Path, late_s: float) -> None:
    ticks = [round(late_s * 1000) + 40 * i for i in range(6)]
    path = clips.encode(tmp_path / "c.mkv", clips.moving(6), fps=25, pts=ticks, time_base=Fraction(1, 1000))
    frames = list(read_device_frames(path, probe(path), device="cpu"))
    assert [round(frame.t_s, 3) for frame in frames] == [round(0.04 * i, 3) for i in range(6)]
    assert frames[-1].duration_s == pytest.approx(0.04, abs=1e-3)


def test_pictures_are_read_as_ever(tmp_path: Path) -> None:
    made = clips.moving(3)
    for index, rgb in enumerate(made):
        Image.fromarray(rgb).save(tmp_path / f"frame{index}.png")
    frames = list(read_device_frames(tmp_path, probe(tmp_path), device="cpu"))
    assert all(np.array_equal(frame.rgb(), rgb) for frame, rgb in zip(frames, made, strict=True))


# --- refusals -----------------------------------------------------------------------------------------------------


def refused(path: Any, facts: Any = None) -> Any:
    """The reason why a clip is refused; every one says what to do."""
    with pytest.raises(ClipError) as caught:
        list(read_device_frames(path, facts or probe(path), device="cpu"))
    assert caught.value.code == "decoder"
    assert str(caught.value).startswith(str(path))
    assert "decode.backend=pyav" in str(caught.value)
    return str(caught.value)


def test_transparency_is_refused(tmp_path: Path) -> None:
    first, *rest = [Image.fromarray(frame) for frame in clips.moving(3)]
    first.save(tmp_path / "c.gif", save_all=True, append_images=rest, duration=40)
    assert "may be transparent" in refused(tmp_path / "c.gif")


def test_a_stream_without_timestamps_is_refused(tmp_path: Path) -> None:
    assert "cannot open it" in refused(clips.encode(tmp_path / "c.h264", clips.moving(8), container="h264"))


def test_a_picture_that_changes_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.ts"
    parts = [
        clips.encode(tmp_path / f"{w}.ts", clips.moving(3, w, 48), container="mpegts", options={"bf": "0"}).read_bytes()
        for w in (64, 96)
    ]
    path.write_bytes(b"".join(parts))
    refused(path)


def test_another_count_or_time_of_frames_is_refused(tmp_path: Path) -> None:
    path = clips.encode(tmp_path / "c.mp4", clips.moving(8))
    facts = probe(path)
    assert "finds 8 frames, and 9 can be decoded" in refused(path, replace(facts, n_frames=9))
    assert "last frame at 0.292 s, and it is due at 0.300 s" in refused(path, replace(facts, fps=7 / 0.3))


@pytest.mark.parametrize(("suffix", "muxer"), [("mp4", {"movflags": "faststart"}), ("mkv", {})])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_half_a_file_gives_the_same_frames_or_is_refused(
    tmp_path: Path, suffix: str, muxer: dict[str, Any], share: float
) -> None:
    path = clips.encode(tmp_path / f"c.{suffix}", clips.moving(48, 128, 96), options={"crf": "4"}, **muxer)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    facts = probe(path)
    assert 0 < facts.n_frames < 48
    try:
        frames = list(read_device_frames(path, facts, device="cpu"))
    except ClipError:
        refused(path)
        return
    for frame, wanted in zip(frames, read_frames(path), strict=True):
        assert frame.t_s == pytest.approx(wanted.t_s)
        assert clips.psnr(frame.rgb(), wanted.rgb()) > 35


def test_plain_pixels_are_refused(tmp_path: Path) -> None:
    path = clips.encode(tmp_path / "c.mp4", clips.moving(2))
    frame = next(read_device_frames(path, probe(path), device="cpu"))
    with pytest.raises(ClipError, match="'plain' cannot be had from torchcodec"):
        frame.rgb(kernel="plain")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_torchcodec("cpu").startswith(f"torchcodec {torchcodec.__version__} with FFmpeg ")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OptionError, match="torch finds none for cuda:1; leave"):
        check_torchcodec("cuda:1")
    monkeypatch.setattr("torchcodec._core.ffmpeg_major_version", None)
    with pytest.raises(OptionError, match="no shared libraries of FFmpeg 4 to 9; install them"):
        check_torchcodec("cpu")
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    with pytest.raises(OptionError, match=r"pip install 'vbench-studio\[nvdec\]'"):
        check_torchcodec("cpu")


class Broken:
    """A module whose parts cannot be had, for no reason that it tells."""

    def __getattr__(self, name: Any) -> Any:
        raise RuntimeError("")


def test_an_error_without_a_message_is_told_by_its_type(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torchcodec._core", Broken())
        with pytest.raises(OptionError, match=r"does not fit the torch of this machine \(RuntimeError\)"):
            check_torchcodec("cpu")
    path = clips.encode(tmp_path / "c.mp4", clips.moving(2))
    facts = probe(path)
    monkeypatch.setattr(device_frames, "_open", lambda path, index, device: NoFrames())
    with pytest.raises(ClipError, match=r"cannot decode frames from 0 on \(RuntimeError\)"):
        list(read_device_frames(path, facts, device="cpu"))


class NoFrames:
    """A decoder that gives up."""

    metadata = SimpleNamespace(width=64, height=48, rotation=None)

    def __len__(self) -> int:
        return 2

    def get_frames_in_range(self, start: Any, stop: Any) -> Never:
        raise RuntimeError("")


@pytest.mark.gpu
def test_what_nvdec_does_not_decode_is_refused_and_never_left_to_the_cpu(tmp_path: Path) -> None:
    path = clips.encode(tmp_path / "c.mov", clips.moving(3), codec="prores_ks", pix_fmt="yuv422p10le")
    with pytest.raises(ClipError, match="NVDEC does not decode it") as caught:
        list(read_device_frames(path, probe(path), device="cuda:0"))
    assert caught.value.code == "decoder"


@pytest.mark.parametrize(
    ("name", "codec", "options", "reason"),
    [
        ("c.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}, "VP9"),
        ("c.mp4", "libx264", {"qp": "0"}, "High 4:4:4 Predictive"),
    ],
)
def test_what_nvdec_gets_wrong_without_an_error_is_refused_before_it_begins(
    tmp_path: Path, name: str, codec: str, options: Any, reason: str
) -> None:
    path = clips.encode(tmp_path / name, clips.moving(3), codec=codec, options=options)
    with pytest.raises(ClipError, match=f"NVDEC does not decode it right.*{reason}.*decode.backend=pyav") as raised:
        next(read_device_frames(path, probe(path), device="cuda:0"))
    assert raised.value.code == "decoder"
