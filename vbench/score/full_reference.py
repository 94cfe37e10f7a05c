"""How far one picture is from another that it should equal: PSNR, SSIM, MS-SSIM, and the same after alignment.

Pure functions of two pictures of one size. They measure *difference from a reference*, not quality: for the same seed
before and after a change, not for two tools.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.errors import MetricError

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]
PEAK = 255.0
PSNR_OF_EQUALS = 100.0
"""dB that equal pictures have, whose PSNR is infinite; 8-bit pictures of up to 10^5 values that differ have less."""
SHORT_SIDE = 256
"""Pixels to which MS-SSIM and the aligned measures bring the short side, as the authors of SSIM advise."""
_BETAS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_SIGMA, _RADIUS = 1.5, 5
_C1, _C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


def luma(rgb: Pixels) -> Pixels:
    """Luma of an RGB uint8 picture (H, W, 3), uint8 (H, W), by BT.601, for which OpenCV has the fast path."""
    plane: Pixels = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return plane


def reduced(plane: Pixels) -> Pixels:
    """A picture with its short side near `SHORT_SIDE`, by averaging whole blocks; one that is small stays as it is."""
    factor = max(1, round(min(plane.shape[:2]) / SHORT_SIDE))
    if factor == 1:
        return plane
    height, width = plane.shape[0] // factor, plane.shape[1] // factor
    whole = plane[: height * factor, : width * factor]
    small: Pixels = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return small


def psnr(a: Pixels, b: Pixels) -> float:
    r"""Peak signal-to-noise ratio.

    .. math:: 10 \log_{10} \frac{255^2}{\mathrm{mean}\,(a - b)^2}

    Args:
        a: uint8, any shape.
        b: The same shape.

    Returns:
        dB; higher is nearer. Equal pictures have `PSNR_OF_EQUALS`, and none has more.

    Raises:
        MetricError: the shapes differ.
    """
    _check(a, b)
    squares = cv2.norm(a, b, cv2.NORM_L2SQR)
    if squares == 0:
        return PSNR_OF_EQUALS
    return min(float(10 * np.log10(PEAK**2 * a.size / squares)), PSNR_OF_EQUALS)


def ssim(a: Pixels, b: Pixels) -> float:
    """Structural similarity as FFmpeg computes it: windows of 8 x 8 pixels, 4 apart, all alike.

    Args:
        a: uint8 (H, W), both at least 8.
        b: The same shape.

    Returns:
        In [-1, 1]; higher is nearer, 1 for equal pictures.

    Raises:
        MetricError: the shapes differ, or they are smaller than a window.

    Source:
        Wang et al. 2004, "Image quality assessment"; the windows are those of x264 and FFmpeg's ``vf_ssim``.
    """
    _check(a, b)
    height, width = a.shape[0] // 4, a.shape[1] // 4
    if min(height, width) < 2:
        raise MetricError(f"ssim needs 8 x 8 pixels, the picture has {a.shape[1]} x {a.shape[0]}")
    of_blocks = _block_means(a[: height * 4, : width * 4], b[: height * 4, : width * 4])
    of_windows = (of_blocks[:, :-1, :-1] + of_blocks[:, 1:, :-1] + of_blocks[:, :-1, 1:] + of_blocks[:, 1:, 1:]) / 4
    mean_x, mean_y, both_squares, product = of_windows
    variances = (both_squares - mean_x**2 - mean_y**2) * 64 / 63
    covariance = (product - mean_x * mean_y) * 64 / 63
    mean_x, mean_y = mean_x + 128, mean_y + 128
    values = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    values /= (mean_x**2 + mean_y**2 + _C1) * (variances + _C2)
    return float(values.mean(dtype=np.float64))


def _block_means(a: Pixels, b: Pixels) -> Plane:
    """Means of a - 128, b - 128, the sum of their squares, and their product over blocks of 4 x 4; shape (4, h, w).

    Sums of 16 bytes, squares and products are exact in float32, in whatever order they are taken: rows first, which
    leaves a quarter to add up. Around 128, since differences of large squares are not.
    """
    height, width = a.shape
    sums = np.zeros((4, height // 4, width), np.float32)
    for first in range(4):
        x, y = a[first::4], b[first::4]
        cv2.accumulate(x, sums[0])
        cv2.accumulate(y, sums[1])
        cv2.accumulateSquare(x, sums[2])
        cv2.accumulateSquare(y, sums[2])
        cv2.accumulateProduct(x, y, sums[3])
    rows = sums.reshape(height, width)
    quarters = cv2.resize(rows, (width // 4, height), interpolation=cv2.INTER_AREA)
    means: Plane = quarters.reshape(4, height // 4, width // 4)
    means /= 4
    both = means[0] + means[1]
    means[2] += 2 * 128**2 - 256 * both
    means[3] += 128**2 - 128 * both
    means[:2] -= 128
    return means


def ms_ssim(a: Pixels, b: Pixels) -> float:
    """Multi-scale structural similarity: contrast and structure at five scales, luminance at the last.

    Args:
        a: uint8 (H, W), both at least 161 pixels: the last scale holds one window of 11.
        b: The same shape.

    Returns:
        In [0, 1]; higher is nearer, 1 for equal pictures.

    Raises:
        MetricError: the shapes differ, or the pictures are too small.

    Source:
        Wang, Simoncelli and Bovik 2003, "Multiscale structural similarity for image quality assessment".
    """
    _check(a, b)
    least = 2 ** (len(_BETAS) - 1) * (2 * _RADIUS) + 1
    if min(a.shape) < least:
        raise MetricError(f"ms_ssim needs {least} pixels a side, the picture has {a.shape[1]} x {a.shape[0]}")
    x, y = a.astype(np.float32), b.astype(np.float32)
    result = 1.0
    for scale, beta in enumerate(_BETAS):
        similarity, contrast = _gaussian_ssim(x, y)
        is_last = scale == len(_BETAS) - 1
        result *= max(0.0, float((similarity if is_last else contrast).mean())) ** beta
        if not is_last:
            x, y = _halved(x), _halved(y)
    return result


def aligned(reference: Pixels, picture: Pixels) -> Pixels:
    """`picture` moved onto `reference` by the optical flow between them; what it has no pixel for is the reference's.

    Measures of the moved picture tell a change of content from content that is a little elsewhere.

    Args:
        reference: uint8 luma (H, W).
        picture: The same shape.

    Raises:
        MetricError: the shapes differ.

    Source:
        Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search", OpenCV's ultrafast preset.
    """
    _check(reference, picture)
    flow = _dis().calc(reference, picture, None)
    height, width = reference.shape
    flow += _places(height, width)
    at_x, at_y = cv2.split(flow)
    moved: Pixels = cv2.remap(picture, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    is_outside = (at_x < 0) | (at_y < 0) | (at_x > width - 1) | (at_y > height - 1)
    return np.where(is_outside, reference, moved)


@lru_cache(maxsize=4)
def _places(height: int, width: int) -> Plane:
    """x and y of every pixel, (H, W, 2)."""
    return np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), axis=-1)


_of_thread = threading.local()


def _dis() -> Any:
    """The flow of this thread, since one keeps what it works on in itself."""
    if not hasattr(_of_thread, "dis"):
        _of_thread.dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    return _of_thread.dis


@contextmanager
def one_thread_each() -> Iterator[None]:
    """OpenCV without threads of its own while the block runs: whoever measures clips side by side has one for each."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _check(a: Pixels, b: Pixels) -> None:
    if a.shape != b.shape:
        raise MetricError(f"two pictures of one size are compared, found {a.shape} and {b.shape}", code="other_size")


def _halved(plane: Plane) -> Plane:
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    half: Plane = cv2.resize(plane[: height * 2, : width * 2], (width, height), interpolation=cv2.INTER_AREA)
    return half


def _gaussian_ssim(x: Plane, y: Plane) -> tuple[Plane, Plane]:
    """Similarity, and contrast times structure, of every window of 11 x 11 that lies inside."""
    mean_x, mean_y, xx, yy, xy = (_blurred(plane) for plane in (x, y, x * x, y * y, x * y))
    contrast = (2 * (xy - mean_x * mean_y) + _C2) / (xx - mean_x**2 + yy - mean_y**2 + _C2)
    return (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1) * contrast, contrast


def _blurred(plane: Plane) -> Plane:
    size = 2 * _RADIUS + 1
    blurred: Plane = cv2.GaussianBlur(plane, (size, size), _SIGMA)
    return blurred[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
