"""The four measures of Physics-IQ, which need no weights, and the scores that are made of them.

Source:
    Motamed et al. 2025, "Do generative video models understand physical principles?", arXiv:2501.09038, and its
    authors' evaluation, whose constants these are; for Physics-IQ Verified, arXiv:2606.18943.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.errors import MetricError

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
IS_MOVING = 10
"""Levels of luma by which a pixel differs from the running mean where something moves."""
NEW_SHARE = 0.3
"""Of the newest picture in that mean."""
_BLUR, _KERNEL = (5, 5), np.ones((5, 5), np.uint8)
_TINY = 1e-8
MEASURES = ("spatial_iou", "spatiotemporal_iou", "weighted_spatial_iou", "mse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How like one video another is, in what moves where and when."""

    spatial_iou: float
    """Where anything moved at any time; in [0, 1], 1 for equals, as the next two."""
    spatiotemporal_iou: float
    """Where something moves, picture by picture; the mean over them."""
    weighted_spatial_iou: float
    """Where, and for how much of the time."""
    mse: float
    """Mean squared difference of R, G and B in [0, 1]; 0 for equals."""

    def row(self) -> tuple[float, float, float, float]:
        """In the order of `MEASURES`."""
        return self.spatial_iou, self.spatiotemporal_iou, self.weighted_spatial_iou, self.mse


def motion_masks(pictures: Iterable[Pixels]) -> Iterator[Mask]:
    """Where something moves, from a running mean of the pictures so far; the first picture's mask is empty.

    Args:
        pictures: RGB uint8 (H, W, 3), in order, evenly spaced in time.

    Returns:
        Masks (H, W), one for each picture.
    """
    mean: Floats | None = None
    for picture in pictures:
        luma = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), _BLUR, 0)
        if mean is None:
            mean = luma.astype(np.float64)
            yield np.zeros(luma.shape, bool)
            continue
        cv2.accumulateWeighted(luma, mean, NEW_SHARE)
        difference = cv2.absdiff(luma, cv2.convertScaleAbs(mean))
        moves = (difference > IS_MOVING).astype(np.uint8)
        moves = cv2.morphologyEx(moves, cv2.MORPH_OPEN, _KERNEL)
        yield cv2.morphologyEx(moves, cv2.MORPH_CLOSE, _KERNEL).astype(bool)


def likeness(steps: Iterable[tuple[Mask, Mask, Pixels, Pixels]]) -> Likeness:
    """All four measures of two videos, read side by side.

    Args:
        steps: The masks (H, W) of both, then the pictures RGB uint8 (H, W, 3) of both, time after time.

    Raises:
        MetricError: there is no picture.
    """
    n = 0
    overlaps, squares = 0.0, 0.0
    times: tuple[Floats, Floats] | None = None
    for mask_a, mask_b, a, b in steps:
        times = times or (np.zeros(mask_a.shape), np.zeros(mask_a.shape))
        times[0][mask_a] += 1
        times[1][mask_b] += 1
        overlaps += _overlap(mask_a, mask_b)
        squares += float(cv2.norm(a, b, cv2.NORM_L2SQR)) / a.size / 255**2
        n += 1
    if times is None:
        raise MetricError("a likeness needs at least one picture, found none")
    return Likeness(
        spatial_iou=_overlap(times[0] > 0, times[1] > 0),
        spatiotemporal_iou=overlaps / n,
        weighted_spatial_iou=_overlap(*times),
        mse=squares / n,
    )


def _overlap(a: Floats | Mask, b: Floats | Mask) -> float:
    """Sum of the lesser over sum of the greater: of masks, intersection over union; two empty ones are alike."""
    union = float(np.maximum(a, b).sum())
    return float(np.minimum(a, b).sum()) / union if union else 1.0


def verified_scores(of_clip: Floats, of_takes: Floats) -> Floats:
    """Each measure against what two real takes reach, as Physics-IQ Verified has it: per view, in [0, 1].

    Args:
        of_clip: Clip against the first take, (..., 4) in the order of `MEASURES`.
        of_takes: The two takes against each other, likewise.

    Returns:
        (..., 4); their mean is the score of a view. A clip that is nearer than the takes are to each other has 1.
    """
    ratio = of_clip / (of_takes + _TINY)
    with np.errstate(divide="ignore"):
        ratio[..., 3] = 1 / ratio[..., 3]
    clipped: Floats = np.clip(ratio, 0, 1)
    return clipped


def original_score(of_clip: Floats, of_takes: Floats) -> Floats:
    r"""The score of the first Physics-IQ, from means over the data set.

    .. math:: \frac{1}{3} \sum_{m \in \mathrm{IoU}} \frac{\bar m_\mathrm{clip}}{\bar m_\mathrm{takes}}
              - (\overline{\mathrm{mse}}_\mathrm{clip} - \overline{\mathrm{mse}}_\mathrm{takes})

    Args:
        of_clip: Means over scenarios, (..., 4) in the order of `MEASURES`.
        of_takes: Likewise, of the two takes.

    Returns:
        (...), within [0, 1].
    """
    ratios = (of_clip[..., :3] / np.maximum(of_takes[..., :3], _TINY)).mean(axis=-1)
    clipped: Floats = np.clip(ratios - (of_clip[..., 3] - of_takes[..., 3]), 0, 1)
    return clipped
