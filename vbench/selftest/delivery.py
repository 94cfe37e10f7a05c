"""Another encoding, size, orientation or picture quality."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.selftest.results import ControlResult, Measured, SampleBench, check, followed, steady
from vbench.selftest.samples import Sample

REENCODE_TOLERANCE = {
    "appearance_consistency": 0.01,
    "appearance_gated": 0.15,
    "appearance_worst": 0.03,
    "temporal_consistency": 0.02,
    "temporal_worst": 0.05,
    "motion_amount": 0.01,
    "motion_p95": 0.03,
    "flicker": 0.3,
    "flicker_relative": 0.1,
    "appearance_evenness": 0.1,
    "temporal_evenness": 0.1,
    "motion_followed": 0.1,
    "definition": 0.1,
    "freeze_ratio": 0.2,
    "cut_count": 0.0,
    "black_ratio": 0.02,
    "exposure": 0.03,
    "sharpness": 0.08,
    "overall": 6.0,
}
"""How far a value may move at CRF 18; a gated one follows the motion of a nearly still clip."""
RESIZE_TOLERANCE = {
    **REENCODE_TOLERANCE,
    "appearance_consistency": 0.015,
    "motion_amount": 0.02,
    "motion_p95": 0.05,
    "sharpness": 0.25,
    "definition": 0.3,
    "exposure": 0.05,
    "overall": 10.0,
}
"""The same at half the size; sharpness is that of the smaller picture."""

TURN_TOLERANCE = {
    "sharpness": 0.01,
    "noise": 0.01,
    "blockiness": 0.01,
    "banding": 0.05,
    "exposure": 0.01,
    "definition": 0.01,
    "colour_cast": 0.05,
    "letterbox": 0.01,
    "black_ratio": 0.01,
    "overall_picture": 0.01,
    "flicker": 0.05,
    "cut_count": 0.0,
    "freeze_ratio": 0.01,
    "freeze_longest": 0.01,
    "duplicate_ratio": 0.15,
}
"""How far a value may move, relative to itself or to a tenth of a unit, when the picture is turned by a quarter.
A frame at the edge of being a duplicate may fall either way, since the small copy is rounded in another order.

Learned judges of pictures are left out: they know upright ones only.
"""
TURN_FLOOR = 0.1


def turned(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Turned by 90 degrees: what is measured of pictures has no direction."""
    after = bench.measure(sample.with_([np.ascontiguousarray(np.rot90(frame)) for frame in sample.frames]))
    return [steady("turned", sample, plain, after, TURN_TOLERANCE, floor=TURN_FLOOR)]


def reencoded(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """CRF 18."""
    return [steady("re-encoded", sample, plain, bench.measure(sample, crf=18), followed(REENCODE_TOLERANCE, plain))]


def resized(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Half the size, unless that is smaller than what flow is measured on."""
    if min(sample.frames[0].shape[:2]) < 180:
        return []
    small = [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in sample.frames]
    after = bench.measure(sample.with_([np.asarray(frame, np.uint8) for frame in small]))
    room = followed(RESIZE_TOLERANCE, plain)
    return [steady("resized", sample, plain, after, room)]


def ladders(sample: Sample, plain: Measured, bench: SampleBench) -> list[ControlResult]:
    """Noise, blur, JPEG and coarse levels, three steps each: their measures follow."""
    middle = len(sample.frames) // 2
    short = sample.with_(sample.frames[middle : middle + max(3, round(sample.fps * 0.6))])
    return [
        _monotone("noise", short, bench, [_noisy(s) for s in (0, 4, 8, 16)]),
        _monotone("sharpness", short, bench, [_blurred(s) for s in (0, 1, 2, 4)], rising=False),
        _monotone("definition", short, bench, [_blurred(s) for s in (0, 1, 2, 4)], rising=False),
        _monotone("blockiness", short, bench, [_jpeg(q) for q in (95, 40, 20, 8)]),
    ]


def _monotone(
    name: str,
    sample: Sample,
    bench: SampleBench,
    steps: Sequence[Callable[[NDArray[np.uint8]], NDArray[np.uint8]]],
    *,
    rising: bool = True,
) -> ControlResult:
    values = [
        bench.measure(sample.with_([step(frame) for frame in sample.frames])).values.get(name, math.nan)
        for step in steps
    ]
    pairs = list(pairwise(values))
    passed = all(a < b if rising else a > b for a, b in pairs)
    found = " ".join(f"{value:.3g}" for value in values)
    return check("ladder", sample, f"{name} {'rises' if rising else 'falls'} with each step", found, passed)


def _noisy(sigma: float) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    draw = np.random.default_rng(1)

    def step(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.clip(frame + draw.normal(0, sigma, frame.shape), 0, 255).astype(np.uint8) if sigma else frame

    return step


def _blurred(sigma: float) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    return lambda frame: np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma), np.uint8) if sigma else frame


def _jpeg(quality: int) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    def step(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        _, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    return step
