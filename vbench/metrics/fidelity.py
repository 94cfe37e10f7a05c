"""How faithful a clip is to the pictures it was made from: its first frame, its last one, and who should appear."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import (
    Bytes,
    ClipWishes,
    Embeddings,
    Floats,
    GivenPictures,
    GivenRows,
    Measure,
    Metric,
    Series,
    Thumbnails,
)
from vbench.errors import MetricError
from vbench.metrics.consistency import drift_of, pair_cosine

T = TypeVar("T")
WINDOW = 7
"""Side of the square over which structure is compared, in pixels of the thumbnail."""
K1, K2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""The constants of SSIM for 8 bits."""
CELLS = 8
"""Colours are compared as means over a grid of so many cells a side."""
CHROMA_ROOM = 64.0
"""Mean distance of chroma, in 8-bit levels, at which colours count as wholly different."""


# --- without weights --------------------------------------------------------------------------------------------------


def first_frame_fidelity(thumbnails: Thumbnails, given: GivenPictures, asked: ClipWishes) -> Measure:
    """`likeness` of the clip's first frame to the picture it was to start from; the timeline is that of every frame.

    Raises:
        MetricError: no first frame was given (`not_applicable`).
    """
    return _at_one_end(thumbnails, _wanted(given.first, "image", "first frame", asked), 0)


def last_frame_landing(thumbnails: Thumbnails, given: GivenPictures, asked: ClipWishes) -> Measure:
    """`likeness` of the clip's last frame to the picture it was to end on; the timeline shows how it gets there.

    Raises:
        MetricError: no last frame was given (`not_applicable`).
    """
    return _at_one_end(thumbnails, _wanted(given.last, "last_image", "last frame", asked), -1)


def _at_one_end(thumbnails: Thumbnails, picture: Bytes, end: int) -> Measure:
    height, width = thumbnails.rgb.shape[1:3]
    wanted = cut_to(picture, width, height)
    curve = np.array([likeness(frame, wanted) for frame in thumbnails.rgb])
    return Measure(float(curve[end]), Series(thumbnails.t_s, curve))


def likeness(a: Bytes, b: Bytes) -> float:
    r"""How alike two pictures of one size are in structure and colour, in [0, 1]; 1: the same.

    .. math:: \sqrt{\max(0, \mathrm{SSIM}(Y_a, Y_b)) \cdot (1 - \min(1, d / 64))}

    SSIM is of luma in 7 x 7 windows; *d* is the mean distance of chroma (Cb, Cr) over a grid of 8 x 8 cells.

    Args:
        a: RGB uint8 (h, w, 3).
        b: The same.
    """
    first, second = _ycc(a), _ycc(b)
    structure = max(0.0, _ssim(first[..., 0], second[..., 0]))
    chroma = float(np.linalg.norm(_cells(first[..., 1:]) - _cells(second[..., 1:]), axis=-1).mean())
    return float(np.sqrt(structure * (1 - min(1.0, chroma / CHROMA_ROOM))))


def cut_to(picture: Bytes, width: int, height: int) -> Bytes:
    """The middle of a picture in the shape of a clip, at the clip's thumbnail size, RGB uint8 (height, width, 3).

    Tools crop a picture of another shape; averaging over areas makes it as smooth as the thumbnails.
    """
    tall, wide = picture.shape[:2]
    if wide * height > tall * width:  # wider than the clip
        across = max(1, round(tall * width / height))
        picture = picture[:, (wide - across) // 2 :][:, :across]
    else:
        down = max(1, round(wide * height / width))
        picture = picture[(tall - down) // 2 :][:down]
    rows = _area_weights(picture.shape[0], height)
    columns = _area_weights(picture.shape[1], width)
    small = np.einsum("hy,yxc,wx->hwc", rows, picture.astype(np.float32), columns, optimize=True)
    return np.asarray(np.rint(small), np.uint8)


def _area_weights(n_from: int, n_to: int) -> NDArray[np.float32]:
    """Share of each of `n_from` pixels in each of `n_to`, shape (n_to, n_from); rows sum to 1."""
    edges = np.linspace(0, n_from, n_to + 1)
    pixels = np.arange(n_from)
    cover = np.clip(np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels), 0, None)
    return np.asarray(cover / cover.sum(axis=1, keepdims=True), np.float32)


def _ycc(rgb: Bytes) -> NDArray[np.float64]:
    """Luma and chroma (BT.601, full range, chroma around 0), shape (h, w, 3)."""
    matrix = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return np.asarray(rgb.astype(np.float64) @ matrix.T)


def _cells(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over 8 x 8 cells, shape (8, 8, C)."""
    rows = np.array_split(planes, CELLS, axis=0)
    return np.stack([np.stack([cell.mean(axis=(0, 1)) for cell in np.array_split(row, CELLS, axis=1)]) for row in rows])


def _ssim(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Mean structural similarity (Wang et al. 2004) over 7 x 7 windows of equal weight."""
    mean_a, mean_b = _window_mean(a), _window_mean(b)
    var_a, var_b = _window_mean(a * a) - mean_a**2, _window_mean(b * b) - mean_b**2
    both = _window_mean(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + K1) * (2 * both + K2)
    return float((top / ((mean_a**2 + mean_b**2 + K1) * (var_a + var_b + K2))).mean())


def _window_mean(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over all 7 x 7 windows, from running sums."""
    side = min(WINDOW, *plane.shape)
    sums = np.pad(plane.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    whole = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray(whole / side**2)


# --- by embeddings ----------------------------------------------------------------------------------------------------


def first_frame_cosine(embeddings: Embeddings, given: GivenRows, asked: ClipWishes) -> Measure:
    """Cosine of the first frame's row and that of the picture it was to start from; the timeline is every frame's.

    Raises:
        MetricError: no first frame was given (`not_applicable`).
    """
    return _cosine_at_one_end(embeddings, _wanted(given.first, "image", "first frame", asked), 0)


def last_frame_cosine(embeddings: Embeddings, given: GivenRows, asked: ClipWishes) -> Measure:
    """The same for the frame shown in the last 1/8 s, and the picture it was to end on.

    Raises:
        MetricError: no last frame was given (`not_applicable`).
    """
    return _cosine_at_one_end(embeddings, _wanted(given.last, "last_image", "last frame", asked), -1)


def _cosine_at_one_end(embeddings: Embeddings, row: NDArray[np.float32], end: int) -> Measure:
    grid = embeddings.on_grid
    rows = embeddings.rows[grid]
    cosine = pair_cosine(rows, np.broadcast_to(row, rows.shape))
    return Measure(float(cosine[end]), Series(embeddings.t_s[grid], cosine))


def reference_drift(embeddings: Embeddings, given: GivenRows, asked: ClipWishes) -> Measure:
    """Slope over time of the cosine to the nearest reference picture (Theil-Sen), in 1/s; below 0 loses the likeness.

    How high the cosine is depends on what else the pictures show, so that its course is measured and not its height;
    the timeline has both.

    Raises:
        MetricError: no reference picture was given (`not_applicable`), or fewer than three times of the grid.
    """
    references = _wanted(given.references if len(given.references) else None, "references", "reference picture", asked)
    grid = embeddings.on_grid
    rows, t_s = embeddings.rows[grid], embeddings.t_s[grid]
    if len(rows) < 3:
        raise MetricError(f"drift needs three frames 1/8 s apart, the clip has {len(rows)}", code="too_short")
    nearest: Floats = np.clip(rows.astype(np.float64) @ references.T.astype(np.float64), -1.0, 1.0).max(axis=1)
    return Measure(drift_of(t_s, nearest), Series(t_s, nearest))


def _wanted(picture: T | None, name: str, words: str, asked: ClipWishes) -> T:
    """The picture, where one was given and sent.

    Raises:
        MetricError: code ``not_applicable``.
    """
    if picture is None:
        raise MetricError(f"the prompt gives no {words}", code="not_applicable")
    if asked.image_use and name not in asked.image_use.partition(" ")[0].split("+"):
        raise MetricError(f"the {words} was not sent to the tool, which does not take it", code="not_applicable")
    return picture


_LOOK, _DINO = "by structure and colour (no weights)", "by DINOv2 embeddings"

FIRST_FRAME_FIDELITY = Metric(
    name="first_frame_fidelity",
    version=1,
    inputs=("thumbnails", "pictures", "asked"),
    compute=first_frame_fidelity,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="spec",
    about=f"How alike the first frame and the picture it was to start from are, {_LOOK}.",
)
LAST_FRAME_LANDING = Metric(
    name="last_frame_landing",
    version=1,
    inputs=("thumbnails", "pictures", "asked"),
    compute=last_frame_landing,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="spec",
    about=f"How alike the last frame and the picture it was to end on are, {_LOOK}.",
)
REFERENCE_DRIFT = Metric(
    name="reference_drift",
    version=1,
    inputs=("appearance", "pictures_look", "asked"),
    compute=reference_drift,
    unit="1/s",
    higher_is_better=True,
    bounds=(-16.0, 16.0),
    group="spec",
    min_frames=3,
    min_seconds=0.25,
    about="How fast the clip loses the likeness of its reference pictures, by colours and edges; 0 is steady.",
)
FIRST_FRAME_FIDELITY_DINO = Metric(
    name="first_frame_fidelity_dino",
    version=1,
    inputs=("dino", "pictures_dino", "asked"),
    compute=first_frame_cosine,
    unit="cosine",
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    group="spec",
    about=f"How alike the first frame and the picture it was to start from are, {_DINO}.",
)
LAST_FRAME_LANDING_DINO = Metric(
    name="last_frame_landing_dino",
    version=1,
    inputs=("dino", "pictures_dino", "asked"),
    compute=last_frame_cosine,
    unit="cosine",
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    group="spec",
    about=f"How alike the last frame and the picture it was to end on are, {_DINO}.",
)
REFERENCE_DRIFT_DINO = Metric(
    name="reference_drift_dino",
    version=1,
    inputs=("dino", "pictures_dino", "asked"),
    compute=reference_drift,
    unit="1/s",
    higher_is_better=True,
    bounds=(-16.0, 16.0),
    group="spec",
    min_frames=3,
    min_seconds=0.25,
    about=f"How fast the clip loses the likeness of its reference pictures, {_DINO}; 0 is steady.",
)
