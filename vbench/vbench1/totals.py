"""VBench 1.0's totals: normalisation, weights and sums, recomputed from raw percentages; published tables checked."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
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
HIGHEST = 1.25
"""Normalised score that no tool can have: 100 % of the scenes gives 1.22; more is a cosine of another scale."""
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


def vbench_totals(dims: Mapping[str, float], *, partial: bool = False, tiny: Collection[str] = ()) -> Totals:
    r"""Quality, Semantic and Total of VBench 1.0.

    .. math:: Q = \frac{\sum_Q w_i n_i}{6.5},\quad S = \frac{\sum_S n_i}{9},\quad T = \frac{4 Q + S}{5},\quad
              n_i = \frac{x_i - \min_i}{\max_i - \min_i}

    Args:
        dims: Dimension → raw score in percent, 0 to 100; names with spaces or a ``vbench.`` prefix are taken too.
        partial: Count absent dimensions as 0, as VBench does without saying so, and name them in `Totals.missing`.
        tiny: Dimensions that are known to be percentages even where they are at most 1, which looks like a fraction.

    Returns:
        Sums from 0 to 100.

    Raises:
        OptionError: one is absent (and `partial` is off), unknown, named twice, or has a value that cannot be on
            VBench's scale: a fraction, not in 0 to 100, below the value that counts 0, or far above the one that
            counts 1.
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
    _check_scale(given, {_key(name) for name in tiny})
    missing = tuple(name for name in DIMENSIONS if name not in given)
    if missing and not partial:
        raise OptionError(
            f"{len(missing)} of 16 dimensions are absent ({', '.join(missing)}): VBench would count them as 0 and the "
            "totals would not be comparable; add them, or ask for partial totals"
        )
    parts = {part: _part(given, part) for part in ("quality", "semantic")}
    for part, value in parts.items():
        if value > 100:
            raise OptionError(
                f"the {part} sum is {value:.2f} and cannot pass 100: these are no raw scores of VBench; give them as "
                "its tables do, before normalisation"
            )
    total = (QUALITY_WEIGHT * parts["quality"] + SEMANTIC_WEIGHT * parts["semantic"]) / (
        QUALITY_WEIGHT + SEMANTIC_WEIGHT
    )
    return Totals(quality=parts["quality"], semantic=parts["semantic"], total=total, missing=missing)


def _check_scale(given: Mapping[str, float], tiny: Collection[str]) -> None:
    """
    Raises:
        OptionError: a value is none of VBench's percentages; fractions are told first, as they are the usual reason.
    """
    small = [name for name, value in given.items() if 0 < value <= 1 and name not in tiny]
    if small and len(small) == len([name for name, value in given.items() if value]):
        raise OptionError(f"all {len(small)} values are between 0 and 1: these look like fractions; multiply by 100")
    if small:
        listed = ", ".join(f"{name} {given[name]:g}" for name in small)
        raise OptionError(
            f"{listed}: these look like fractions among percentages; multiply them by 100, or write the sign (0.5%) "
            "where it is meant"
        )
    for name, value in given.items():
        dimension = DIMENSIONS[name]
        low, high = 100 * dimension.low, 100 * (dimension.low + HIGHEST * (dimension.high - dimension.low))
        if not low <= value <= high:
            raise OptionError(
                f"{name} is {value:g}; VBench's scale for it begins at {low:g} and no tool can pass "
                f"{min(high, 100):.4g}: give raw percentages, not normalised scores or ranks"
            )


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
    plain = name.strip().lower().removeprefix("vbench.").removesuffix("(%)").strip()
    key = plain.replace(" ", "_").replace("-", "_")
    return SPELLINGS.get(key, key)


SPELLINGS: Mapping[str, str] = {
    "colour": "color",
    "subject_consist.": "subject_consistency",
    "background_consist.": "background_consistency",
    "bg_consistency": "background_consistency",
    "temporal_flicker": "temporal_flickering",
    "motion_smooth.": "motion_smoothness",
    "spatial_relation.": "spatial_relationship",
    "overall_consist.": "overall_consistency",
}
"""Other spellings of dimensions in papers' tables."""
PUBLISHED: Mapping[str, tuple[str, ...]] = {
    "quality": ("published_quality", "quality_score", "quality", "total_quality_score", "video_quality"),
    "semantic": ("published_semantic", "semantic_score", "semantic", "total_semantic_score", "semantic_alignment"),
    "total": ("published_total", "total_score", "total", "overall_score", "overall", "vbench_total", "vbench_score"),
}
"""How leaderboards and papers head the sums; the first is ours."""


def _part_of_column(column: str) -> str | None:
    """Which published sum a column holds; None: none."""
    key = _key(column)
    return next((part for part, names in PUBLISHED.items() if key in names), None)


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
            first that is no dimension), and optionally the published sums under one of the names of `PUBLISHED`.
        partial: As for `vbench_totals`.

    Raises:
        CatalogError: the file is no such table, or a value cannot be on VBench's scale; the message names the line.
    """
    columns, lines = csv_table(path)
    dims = {column: _key(column) for column in columns if _key(column) in DIMENSIONS}
    if not dims:
        raise CatalogError(f"{path}:1: no column is a VBench dimension; name them {', '.join(DIMENSIONS)}")
    published = {column: part for column in columns if (part := _part_of_column(column))}
    for column in columns:
        if _key(column).startswith("published_") and column not in published:
            raise CatalogError(f"{path}:1: {column} is not one of quality, semantic, total; rename it")
    for names, what in ((dims, "dimension"), (published, "sum")):
        twice = [column for column in names if list(names.values()).count(names[column]) > 1]
        if twice:
            raise CatalogError(f"{path}:1: the columns {', '.join(twice)} hold the same {what}; keep one")
    rest = [column for column in columns if column not in dims and column not in published]
    title = next((column for column in rest if _key(column).startswith(("model", "name"))), rest[0] if rest else None)
    rows = []
    for number, row in lines:
        where = f"{path}:{number}"
        raw = {dims[column]: _number(row[column], where, column) for column in dims if column in row}
        tiny = [dims[column] for column in dims if row.get(column, "").strip().endswith("%")]
        try:
            totals = vbench_totals(raw, partial=partial, tiny=tiny)
        except OptionError as error:
            raise CatalogError(f"{where}: {error}") from None
        stated = {part: _number(row[column], where, column) for column, part in published.items() if column in row}
        name = row.get(title, "").strip() if title else f"line {number}"
        rows.append(table_row(name, totals, stated))
    if not rows:
        raise CatalogError(f"{path}:2: no row under the header; add one for each tool")
    return rows


def table_row(name: str, totals: Totals, stated: Mapping[str, float]) -> TableRow:
    """A row with what its published sums are off by."""
    gaps = {part: value - getattr(totals, part) for part, value in stated.items()}
    wrong = {part: gap for part, gap in gaps.items() if abs(gap) > ROUNDING}
    return TableRow(name=name, totals=totals, published=stated, wrong=wrong)


def _number(text: str, where: str, column: str) -> float:
    try:
        value = float(text.strip().rstrip("%"))
        if not math.isfinite(value):
            raise ValueError(text)
        return value
    except ValueError:
        raise CatalogError(f"{where}: {column} is {text!r}; write a percentage such as 97.5") from None
