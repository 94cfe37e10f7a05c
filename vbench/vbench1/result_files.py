"""VBench's own result files: what its `evaluate` wrote for a tool, with a number for every clip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vbench.catalog.row_lines import json_value
from vbench.catalog.yaml_lines import read_text
from vbench.errors import CatalogError
from vbench.vbench1.totals import DIMENSIONS, TableRow, table_row, vbench_totals

SUFFIX = "_eval_results.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFiles:
    """What the files of one tool say."""

    dims: Mapping[str, float]
    """Dimension → raw score in percent."""
    clips: Mapping[str, Mapping[str, float]]
    """Dimension → path of a clip as the file has it → its number in percent."""


def read_results(path: Path) -> ResultFiles:
    """Read one file, or all of a folder whose names end in `_eval_results.json`.

    A file is an object with a member for each dimension: the tool's number and a list of clips, each with `video_path`
    and `video_results`. VBench writes 0 to 1; imaging quality of clips, and in its older versions of the tool, is 0 to
    100.

    Raises:
        CatalogError: there is none, one is no such file, or a dimension stands in two of them.
    """
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise CatalogError(f"{path}: no file there ends in {SUFFIX}; give the folder that VBench's evaluate wrote to")
    dims: dict[str, float] = {}
    clips: dict[str, Mapping[str, float]] = {}
    for file in files:
        for name, (value, of_clips) in _dimensions(file).items():
            if name in dims:
                raise CatalogError(f"{file}: {name} stands in another file there too; keep one run of each")
            dims[name], clips[name] = value, of_clips
    return ResultFiles(dims=dims, clips=clips)


def check_results(path: Path, *, partial: bool = False) -> list[TableRow]:
    """The totals of what `read_results` reads, as one row; nothing is published that it could be compared with.

    Raises:
        CatalogError: as for `read_results`.
        OptionError: as for `vbench_totals`.
    """
    results = read_results(path)
    name = path.name if path.is_dir() else path.name.removesuffix(SUFFIX)
    totals = vbench_totals(results.dims, partial=partial, tiny=list(results.dims))
    return [table_row(name, totals, {})]


def _dimensions(file: Path) -> dict[str, tuple[float, Mapping[str, float]]]:
    value = json_value(file, 1, read_text(file))
    if not isinstance(value, dict) or not value.keys() & DIMENSIONS.keys():
        raise CatalogError(
            f"{file}: no result file of VBench; expected an object with dimensions such as subject_consistency, as its "
            f"evaluate writes to *{SUFFIX}"
        )
    if unknown := value.keys() - DIMENSIONS.keys():
        raise CatalogError(f"{file}: {min(unknown)} is no dimension of VBench 1.0; remove it")
    dims: dict[str, tuple[float, Mapping[str, float]]] = {}
    for name, entry in value.items():
        tool, listed = entry if isinstance(entry, list) and len(entry) == 2 else (entry, [])
        if not isinstance(listed, list):
            raise CatalogError(f"{file}: {name}: expected [number, list of clips]; found {type(listed).__name__}")
        of_clips = {}
        for item in listed:
            if not isinstance(item, dict) or not isinstance(item.get("video_path"), str):
                raise CatalogError(f"{file}: {name}: a clip has no video_path; expected video_path and video_results")
            of_clips[item["video_path"]] = _percent(file, name, item.get("video_results"), is_clip=True)
        dims[name] = (_percent(file, name, tool, is_clip=False), of_clips)
    return dims


def _percent(file: Path, name: str, value: Any, *, is_clip: bool) -> float:
    """In percent; imaging quality above 1 already is."""
    number = float(value) if isinstance(value, int | float) else math.nan
    is_percent = name == "imaging_quality" and (is_clip or number > 1)
    if not 0 <= number <= (100 if is_percent else 1):
        raise CatalogError(
            f"{file}: {name}: {value!r} is no number from 0 to {100 if is_percent else 1}, as VBench writes"
        )
    return number if is_percent else 100 * number
