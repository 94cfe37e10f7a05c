"""VBench 1.0's totals: normalisation, weights and sums, recomputed from raw percentages; published tables checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vbench.catalog.row_lines import csv_table
from vbench.errors import CatalogError, OptionError
from vbench.registry import did_you_mean

Part = Literal["quality", "semantic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """How one of VBench's sixteen dimensions enters its totals."""

    low: float
    """Raw value that normalises to 0."""
    high: float
    """Raw value that normalises to 1; values above give more than 1, as in VBench."""
    weight: float
    part: Part


def _dimension(part: Part, low: float = 0.0, high: float = 1.0, weight: float = 1.0) -> Dimension:
    return Dimension(low=low, high=high, weight=weight, part=part)


DIMENSIONS: Mapping[str, Dimension] = {
    "subject_consistency": _dimension("quality", 0.1462),
    "background_consistency": _dimension("quality", 0.2615),
    "temporal_flickering": _dimension("quality", 0.6293),
    "motion_smoothness": _dimension("quality", 0.706, 0.9975),
    "dynamic_degree": _dimension("quality", weight=0.5),
    "aesthetic_quality": _dimension("quality"),
    "imaging_quality": _dimension("quality"),
    "object_class": _dimension("semantic"),
    "multiple_objects": _dimension("semantic"),
    "human_action": _dimension("semantic"),
    "color": _dimension("semantic"),
    "spatial_relationship": _dimension("semantic"),
    "scene": _dimension("semantic", 0.0, 0.8222),
    "appearance_style": _dimension("semantic", 0.0009, 0.2855),
    "temporal_style": _dimension("semantic", 0.0, 0.364),
    "overall_consistency": _dimension("semantic", 0.0, 0.364),
}
"""Source: `scripts/constant.py` of VBench 1.0."""
QUALITY_WEIGHT, SEMANTIC_WEIGHT = 4.0, 1.0
ROUNDING = 0.06
"""Percentage points by which a published total may differ from the one its published, rounded dimensions give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """VBench's three sums, in percent."""

    quality: float
    semantic: float
    total: float
    missing: tuple[str, ...] = ()
    """Dimensions that counted 0, as VBench counts them; only where partial totals were asked for."""


def vbench_totals(dims: Mapping[str, float], *, partial: bool = False) -> Totals:
    r"""Quality, Semantic and Total of VBench 1.0.

    .. math:: Q = \frac{\sum_Q w_i n_i}{6.5},\quad S = \frac{\sum_S n_i}{9},\quad T = \frac{4 Q + S}{5},\quad
              n_i = \frac{x_i - \min_i}{\max_i - \min_i}

    Args:
        dims: Dimension → raw score in percent, 0 to 100; names with spaces or a ``vbench.`` prefix are taken too.
        partial: Count absent dimensions as 0, as VBench does without saying so, and name them in `Totals.missing`.

    Raises:
        OptionError: a dimension is absent (and `partial` is off), unknown, named twice, or not in 0 to 100.
    """
    given: dict[str, float] = {}
    for name, value in dims.items():
        key = _key(name)
        if key not in DIMENSIONS:
            raise OptionError(f"VBench has no dimension {name!r}; {did_you_mean(key, DIMENSIONS)}")
        if key in given:
            raise OptionError(f"the dimension {key} is given twice; keep one")
        if not (math.isfinite(value) and 0 <= value <= 100):
            raise OptionError(f"{name} is {value}; raw scores are percentages from 0 to 100")
        given[key] = value
    missing = tuple(name for name in DIMENSIONS if name not in given)
    if missing and not partial:
        raise OptionError(
            f"{len(missing)} of 16 dimensions are absent ({', '.join(missing)}): VBench would count them as 0 and the "
            "totals would not be comparable; add them, or ask for partial totals"
        )
    parts = {part: _part(given, part) for part in ("quality", "semantic")}
    total = (QUALITY_WEIGHT * parts["quality"] + SEMANTIC_WEIGHT * parts["semantic"]) / (
        QUALITY_WEIGHT + SEMANTIC_WEIGHT
    )
    return Totals(quality=parts["quality"], semantic=parts["semantic"], total=total, missing=missing)


BY_FRAME: Mapping[str, int] = {"subject_consistency": 1, "background_consistency": 1, "appearance_style": 0}
"""Dimension whose model-level number is a mean over frames → frames at the start of a clip that are not counted."""


def model_level(dimension: str, values: Sequence[float], n_frames: Sequence[int]) -> float:
    """VBench's number of a tool, from its numbers of clips, as VBench gives it on one GPU.

    Subject and background consistency are averaged over all frames but each clip's first, appearance style over all
    frames: long clips weigh more. The rest is a mean over clips. On several GPUs VBench averages clips throughout, and
    for appearance style only their last frames, so that its numbers differ where clips differ in length.

    Args:
        dimension: E.g. `subject_consistency`, with or without ``vbench.``.
        values: One per clip; for temporal flickering of those that pass the static filter, as VBench has it.
        n_frames: Frames of each clip's file.

    Returns:
        In the unit of the values.

    Raises:
        OptionError: no such dimension, no values, or not one number of frames for each.
    """
    key = _key(dimension)
    if key not in DIMENSIONS:
        raise OptionError(f"VBench has no dimension {dimension!r}; {did_you_mean(key, DIMENSIONS)}")
    if not values or len(values) != len(n_frames):
        raise OptionError(f"{dimension}: {len(values)} values and {len(n_frames)} numbers of frames; give one for each")
    weights = [n - BY_FRAME[key] if key in BY_FRAME else 1 for n in n_frames]
    if min(weights) < 1:
        raise OptionError(f"{dimension}: a clip of {min(n_frames)} frames has no value; leave it out")
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def _key(name: str) -> str:
    return name.strip().lower().removeprefix("vbench.").replace(" ", "_").replace("-", "_")


def _part(given: Mapping[str, float], part: str) -> float:
    members = {name: dimension for name, dimension in DIMENSIONS.items() if dimension.part == part}
    weighted = sum(
        dimension.weight * (given[name] / 100 - dimension.low) / (dimension.high - dimension.low)
        for name, dimension in members.items()
        if name in given
    )
    return 100 * weighted / sum(dimension.weight for dimension in members.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One line of a published table, recomputed."""

    name: str
    totals: Totals
    published: Mapping[str, float]
    """quality, semantic, total, as far as the table gives them."""
    wrong: Mapping[str, float]
    """Published minus recomputed, in points, where they differ by more than rounding can explain."""


def check_table(path: Path, *, partial: bool = False) -> list[TableRow]:
    """Recompute the totals of a published table and say which rows do not add up.

    Args:
        path: CSV with the sixteen dimensions as columns (raw percentages), a name column (``model``, ``name`` or the
            first that is no dimension), and optionally ``published_quality``, ``published_semantic``,
            ``published_total``.
        partial: As for `vbench_totals`.

    Raises:
        CatalogError: the file is no such table; the message names the line.
    """
    columns, lines = csv_table(path)
    dims = {column: _key(column) for column in columns if _key(column) in DIMENSIONS}
    if not dims:
        raise CatalogError(f"{path}:1: no column is a VBench dimension; name them {', '.join(DIMENSIONS)}")
    published = {column: _key(column).removeprefix("published_") for column in columns if "published" in column.lower()}
    rest = [column for column in columns if column not in dims and column not in published]
    title = next((column for column in rest if column.lower() in ("model", "name")), rest[0] if rest else None)
    rows = []
    for number, row in lines:
        where = f"{path}:{number}"
        raw = {dims[c]: _number(row[c], where, c) for c in dims if c in row}
        try:
            totals = vbench_totals(raw, partial=partial)
        except OptionError as error:
            raise CatalogError(f"{where}: {error}") from None
        stated = {published[c]: _number(row[c], where, c) for c in published if c in row}
        unknown = stated.keys() - {"quality", "semantic", "total"}
        if unknown:
            raise CatalogError(f"{where}: published_{min(unknown)} is not one of quality, semantic, total; rename it")
        gaps = {name: value - getattr(totals, name) for name, value in stated.items()}
        wrong = {name: gap for name, gap in gaps.items() if abs(gap) > ROUNDING}
        name = row.get(title, "").strip() if title else f"line {number}"
        rows.append(TableRow(name=name, totals=totals, published=stated, wrong=wrong))
    return rows


def _number(text: str, where: str, column: str) -> float:
    try:
        return float(text.strip().rstrip("%"))
    except ValueError:
        raise CatalogError(f"{where}: {column} is {text!r}; write a percentage such as 97.5") from None
