"""Faithful to its pictures: the formula against plain loops, and what must hold for any clip."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vbench.contracts import ClipWishes, Embeddings, GivenPictures, GivenRows, Thumbnails
from vbench.errors import MetricError
from vbench.metrics.fidelity import (
    cut_to,
    first_frame_cosine,
    first_frame_fidelity,
    last_frame_cosine,
    last_frame_landing,
    likeness,
    reference_drift,
)

ANY = ClipWishes()


def noise(seed: int, height: int = 24, width: int = 40) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).uniform(0, 255, (6, 8, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def reference_likeness(a: Any, b: Any) -> float:
    """The formula in loops; shares no code with vbench."""

    def luma(p: Any) -> float:
        return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]

    def chroma(p: Any) -> tuple[float, float]:
        return (p[2] - luma(p)) / 1.772, (p[0] - luma(p)) / 1.402

    height, width = a.shape[:2]
    a, b = a.astype(float), b.astype(float)
    values = []
    for y in range(height - 6):
        for x in range(width - 6):
            p = [luma(a[y + i, x + j]) for i in range(7) for j in range(7)]
            q = [luma(b[y + i, x + j]) for i in range(7) for j in range(7)]
            mp, mq = sum(p) / 49, sum(q) / 49
            vp, vq = sum((v - mp) ** 2 for v in p) / 49, sum((v - mq) ** 2 for v in q) / 49
            pq = sum((v - mp) * (w - mq) for v, w in zip(p, q, strict=True)) / 49
            c1, c2 = 2.55**2, 7.65**2
            values.append((2 * mp * mq + c1) * (2 * pq + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    distances = []
    for rows in np.array_split(np.arange(height), 8):
        for columns in np.array_split(np.arange(width), 8):
            cells = []
            for picture in (a, b):
                pairs = [chroma(picture[y, x]) for y in rows for x in columns]
                cells.append([sum(pair[k] for pair in pairs) / len(pairs) for k in (0, 1)])
            distances.append(math.dist(*cells))
    structure = max(0.0, sum(values) / len(values))
    return math.sqrt(structure * (1 - min(1, sum(distances) / len(distances) / 64)))


@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, 2), (3, 4)])
def test_likeness_is_the_formula(first: int, second: int) -> None:
    a, b = noise(first), noise(second)
    b = ((a.astype(int) * 3 + b) // 4).astype(np.uint8) if first != second else b
    assert likeness(a, b) == pytest.approx(reference_likeness(a, b), abs=1e-4)


def test_likeness_falls_with_colour_and_with_structure_alone() -> None:
    picture = noise(1)
    tinted = np.clip(picture + np.array([40, 0, -40]), 0, 255).astype(np.uint8)
    moved = np.roll(picture, 6, axis=1)
    assert likeness(picture, picture) == 1
    assert likeness(picture, tinted) < 0.9
    assert likeness(picture, moved) < 0.9
    assert likeness(picture, np.full_like(picture, 128)) < 0.4


def clip(*frames: NDArray[np.uint8]) -> Thumbnails:
    return Thumbnails(np.arange(len(frames)) / 4, np.stack(frames))


def test_ends_are_held_against_their_own_pictures() -> None:
    start, middle, end = noise(1), noise(2), noise(3)
    given = GivenPictures(first=start, last=end)
    first = first_frame_fidelity(clip(start, middle, end), given, ANY)
    last = last_frame_landing(clip(start, middle, end), given, ANY)
    assert (first.value, last.value) == (1, 1)
    assert first.timeline is not None
    assert last.timeline is not None
    assert first.timeline.value.argmax() == 0
    assert last.timeline.value.argmax() == 2
    back = clip(end, middle, start)
    assert first_frame_fidelity(back, given, ANY).value < 0.8
    assert last_frame_landing(back, given, ANY).value < 0.8


@pytest.mark.parametrize(("height", "width"), [(48, 80), (96, 80), (48, 200), (24, 40)])
def test_a_picture_of_another_shape_is_cut_in_its_middle(height: int, width: int) -> None:
    picture = noise(5, height, width)
    high, wide = (height, round(height * 40 / 24)) if width / height > 40 / 24 else (round(width * 24 / 40), width)
    top, left = (height - high) // 2, (width - wide) // 2
    middle = picture[top : top + high, left : left + wide]
    expected = cv2.resize(middle, (40, 24), interpolation=cv2.INTER_AREA)
    assert np.abs(cut_to(picture, 40, 24).astype(int) - expected).max() <= 1


def rows(*angles: float) -> NDArray[np.float32]:
    return np.array([[math.cos(a), math.sin(a)] for a in angles], np.float32)


def turning(*angles: float) -> Embeddings:
    return Embeddings(np.arange(len(angles)) / 8, np.arange(len(angles)), rows(*angles))


NO_ROWS = np.zeros((0, 0), np.float32)


def test_cosines_at_the_ends() -> None:
    given = GivenRows(first=rows(0.1)[0], last=rows(0.7)[0], references=NO_ROWS)
    embeddings = turning(0.0, 0.3, 0.5)
    assert first_frame_cosine(embeddings, given, ANY).value == pytest.approx(math.cos(0.1), abs=1e-6)
    assert last_frame_cosine(embeddings, given, ANY).value == pytest.approx(math.cos(0.2), abs=1e-6)


def test_reference_drift_is_the_slope_of_the_nearest() -> None:
    angles = [math.acos(0.9 - 0.05 * n) for n in range(9)]  # the cosine falls by 0.05 in 1/8 s
    drift = reference_drift(turning(*angles), GivenRows(first=None, last=None, references=rows(0.0)), ANY)
    assert drift.value == pytest.approx(-0.4, abs=1e-5)
    both = GivenRows(first=None, last=None, references=rows(0.0, angles[-1]))  # it leaves one and nears the other
    timeline = reference_drift(turning(*angles), both, ANY).timeline
    assert timeline is not None
    assert timeline.value == pytest.approx([max(math.cos(a), math.cos(a - angles[-1])) for a in angles], abs=1e-6)
    assert reference_drift(turning(0.2, 0.2, 0.2), both, ANY).value == 0


@pytest.mark.parametrize(
    ("use", "says"),
    [
        ("", "the prompt gives no last frame"),
        ("image without last_image", "the prompt gives no last frame"),
    ],
)
def test_what_was_not_given_is_not_measured(use: str, says: str) -> None:
    with pytest.raises(MetricError, match=says) as raised:
        last_frame_landing(clip(noise(1)), GivenPictures(first=None, last=None), ClipWishes(image_use=use))
    assert raised.value.code == "not_applicable"


def test_what_was_not_sent_is_not_measured() -> None:
    given = GivenPictures(first=noise(1), last=noise(2))
    asked = ClipWishes(image_use="image without last_image")
    assert first_frame_fidelity(clip(noise(1)), given, asked).value == 1
    with pytest.raises(MetricError, match="the last frame was not sent to the tool") as raised:
        last_frame_landing(clip(noise(1)), given, asked)
    assert raised.value.code == "not_applicable"
    with pytest.raises(MetricError, match="the first frame was not sent"):
        first_frame_fidelity(clip(noise(1)), given, ClipWishes(image_use="text without image"))
    with pytest.raises(MetricError, match="no reference picture"):
        reference_drift(turning(0, 0, 0), GivenRows(first=None, last=None, references=NO_ROWS), ANY)
