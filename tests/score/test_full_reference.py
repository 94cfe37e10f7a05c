"""Difference from a reference: against torchmetrics, FFmpeg's own filters, and what must hold for any picture."""

from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
from av.filter import Graph
from numpy.typing import NDArray
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    peak_signal_noise_ratio,
)

from vbench.errors import MetricError
from vbench.score.full_reference import PSNR_OF_EQUALS, aligned, luma, ms_ssim, psnr, reduced, ssim


def picture(seed: int, height: int = 192, width: int = 240) -> NDArray[np.uint8]:
    """Soft shapes with some grain."""
    rng = np.random.default_rng(seed)
    shapes = cv2.GaussianBlur(rng.uniform(0, 255, (height, width, 3)).astype(np.float32), (0, 0), 6)
    shapes = (shapes - shapes.min()) / np.ptp(shapes) * 255
    return np.clip(shapes + rng.normal(0, 3, shapes.shape), 0, 255).astype(np.uint8)


def worse(rgb: NDArray[np.uint8], sd: float, seed: int = 9) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, sd, rgb.shape)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def ffmpeg(name: str, a: NDArray[np.uint8], b: NDArray[np.uint8], key: str) -> float:
    """What FFmpeg's own filter says of two grey pictures."""
    graph: Any = Graph()
    frames = [av.VideoFrame.from_ndarray(plane, "gray") for plane in (a, b)]
    sources = [graph.add_buffer(width=f.width, height=f.height, format=f.format, time_base="1/25") for f in frames]
    measure, sink = graph.add(name), graph.add("buffersink")
    for i, source in enumerate(sources):
        source.link_to(measure, 0, i)
    measure.link_to(sink)
    graph.configure()
    for source, frame in zip(sources, frames, strict=True):
        frame.pts = 0
        source.push(frame)
        source.push(None)
    return float(sink.pull().metadata[key])


@pytest.mark.parametrize("sd", [1.0, 8.0, 40.0])
def test_psnr_is_that_of_torchmetrics(sd: float) -> None:
    a, b = picture(1), worse(picture(1), sd)
    expected = peak_signal_noise_ratio(torch.tensor(b).double(), torch.tensor(a).double(), data_range=255.0)
    assert psnr(a, b) == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("sd", [1.0, 8.0, 40.0])
def test_psnr_and_ssim_are_those_of_ffmpeg(sd: float) -> None:
    a, b = luma(picture(2)), luma(worse(picture(2), sd))
    assert psnr(a, b) == pytest.approx(ffmpeg("psnr", a, b, "lavfi.psnr.psnr_avg"), abs=0.01)
    assert ssim(a, b) == pytest.approx(ffmpeg("ssim", a, b, "lavfi.ssim.All"), abs=2e-4)


@pytest.mark.parametrize("sd", [2.0, 12.0, 60.0])
def test_ms_ssim_is_that_of_torchmetrics(sd: float) -> None:
    a, b = luma(picture(3)), luma(worse(picture(3), sd))
    planes = (torch.tensor(plane).double()[None, None] for plane in (b, a))
    expected = multiscale_structural_similarity_index_measure(*planes, data_range=255.0)
    assert ms_ssim(a, b) == pytest.approx(float(expected), abs=5e-4)  # single precision here


def test_equal_pictures_are_as_near_as_can_be_and_noise_takes_away() -> None:
    a = luma(picture(4))
    assert (psnr(a, a), ssim(a, a), ms_ssim(a, a)) == pytest.approx((PSNR_OF_EQUALS, 1.0, 1.0))
    for measure in (psnr, ssim, ms_ssim):
        values = [measure(a, luma(worse(picture(4), sd))) for sd in (2, 8, 32)]
        assert values == sorted(values, reverse=True)


def test_alignment_forgives_a_shift_and_no_change_of_content() -> None:
    a = luma(picture(5))
    shifted = np.roll(a, 3, axis=1)
    shifted[:, :3] = a[:, :1]
    other = luma(picture(6))
    assert ssim(a, aligned(a, shifted)) > 0.9 > 0.88 > ssim(a, shifted)
    assert ssim(a, aligned(a, other)) < 0.88
    assert psnr(a, aligned(a, a)) == PSNR_OF_EQUALS


def test_luma_is_bt601_and_reduction_averages() -> None:
    pure = np.zeros((1, 3, 3), np.uint8)
    pure[0, [0, 1, 2], [0, 1, 2]] = 255
    assert luma(pure)[0].tolist() == [76, 150, 29]
    plane = np.arange(768 * 1024, dtype=np.uint32).reshape(768, 1024) % 251
    small = reduced(plane.astype(np.uint8))
    assert small.shape == (256, 341)
    assert small[0, 0] == round(float(plane[:3, :3].mean()))


def test_what_cannot_be_compared_is_told() -> None:
    a = luma(picture(7))
    for measure in (psnr, ssim, ms_ssim, aligned):
        with pytest.raises(MetricError, match="one size"):
            measure(a, a[:-2])
    with pytest.raises(MetricError, match="161 pixels"):
        ms_ssim(a[:100], a[:100])
    with pytest.raises(MetricError, match="8 x 8"):
        ssim(a[:7], a[:7])
