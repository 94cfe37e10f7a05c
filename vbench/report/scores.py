"""Scores as a table, a row per clip and metric, failures among them; and all that is known of one clip."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vbench.bench import Bench, ClipPlace
from vbench.delivery import delivered
from vbench.errors import OptionError
from vbench.files import written_whole
from vbench.records import Clip, Outcomes
from vbench.text import spreadsheet_cell

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("model", "prompt_id", "sample", "clip_sha256", "metric", "version", "value", "unit", "failure")
SCHEMA = 1
"""Of the table as JSON."""
ROW_FIELDS = ("clip", "metric", "version", "value", "failure")
BATCH = 50_000
"""Rows that are text, or Arrow columns, at one time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """A row per clip and metric, by model, prompt, sample and metric, as numbers of what stands in its cells."""

    clips: Sequence[ClipPlace]
    metrics: Sequence[str]
    units: Sequence[str]
    """Of the metrics."""
    failures: Sequence[str]
    """Reasons; the first is empty, for rows that have a value."""
    clip: NDArray[np.int32]
    metric: NDArray[np.int16]
    version: NDArray[np.int32]
    value: NDArray[np.float64]
    failure: NDArray[np.int32]

    def batches(self) -> Iterator[ScoreTable]:
        """The same, some thousands of rows at once."""
        for start in range(0, len(self.clip), BATCH):
            rows = slice(start, start + BATCH)
            yield replace(self, **{name: getattr(self, name)[rows] for name in ROW_FIELDS})

    def rows(self) -> Iterator[tuple[int, int, int, float, int]]:
        """(clip, metric, version, value, failure) of each row, as plain numbers."""
        return zip(*(getattr(self, name).tolist() for name in ROW_FIELDS), strict=True)


def score_table(workspace: Bench) -> ScoreTable:
    """Scores, and failures of what has no score."""
    places = workspace.clip_places()
    units = {name: info.unit for name, info in workspace.metrics().items()}
    scores = workspace.score_columns()
    numbers = {clip: number for number, clip in enumerate(places)}
    failed = [failure for failure in workspace.failed_measures() if failure.clip in numbers]
    metrics = sorted({*scores.metrics, *(failure.metric for failure in failed)})
    metric_numbers = {name: number for number, name in enumerate(metrics)}
    clip = np.array([numbers[id] for id in scores.clips], dtype=np.int32)[scores.clip]
    metric = np.array([metric_numbers[name] for name in scores.metrics], dtype=np.int16)[scores.metric]
    version = np.array([scores.version.get(name, 0) for name in metrics], dtype=np.int32)[metric]
    # clips of one file under one prompt id are one line of the table, also where the text was edited between them
    twins: dict[ClipPlace, int] = {}
    twin = np.array([twins.setdefault(place, len(twins)) for place in places.values()], dtype=np.int64)
    is_scored = set((twin[clip] * len(metrics) + metric).tolist()) if failed else set()
    failed = [
        f for f in failed if int(twin[numbers[f.clip]]) * len(metrics) + metric_numbers[f.metric] not in is_scored
    ]
    reasons = {"": 0}
    failure = [reasons.setdefault(f"{each.code}: {each.message}", len(reasons)) for each in failed]
    clip = np.concatenate([clip, np.array([numbers[each.clip] for each in failed], dtype=np.int32)])
    metric = np.concatenate([metric, np.array([metric_numbers[each.metric] for each in failed], dtype=np.int16)])
    lines: dict[tuple[str, str, int], int] = {}
    line = np.array([lines.setdefault(place[:3], len(lines)) for place in places.values()], dtype=np.int32)
    is_failed = np.arange(len(clip)) >= len(scores.clip)
    order = np.lexsort((np.where(is_failed, 0, clip), is_failed, metric, line[clip] if len(clip) else clip))
    return ScoreTable(
        clips=tuple(places.values()),
        metrics=metrics,
        units=[units.get(name, "") for name in metrics],
        failures=tuple(reasons),
        clip=clip[order],
        metric=metric[order],
        version=np.concatenate([version, np.array([each.version for each in failed], dtype=np.int32)])[order],
        value=np.concatenate([scores.value, np.full(len(failed), np.nan)])[order],
        failure=np.concatenate([np.zeros(len(scores.clip), np.int32), np.array(failure, dtype=np.int32)])[order],
    )


def score_text(workspace: Bench, format: Literal["csv", "json"]) -> Iterator[str]:
    """The table as text, in pieces; a value that is not there is an empty cell, or null."""
    table = score_table(workspace)
    return _csv_text(table) if format == "csv" else _json_text(table)


def _csv_text(table: ScoreTable) -> Iterator[str]:
    clips = [_csv_line(place) for place in table.clips]
    metrics, units, failures = ([_csv_cell(cell) for cell in of] for of in (table.metrics, table.units, table.failures))
    yield _csv_line(COLUMNS) + "\n"
    for batch in table.batches():
        yield "".join(
            f"{clips[clip]},{metrics[metric]},{version},{'' if failure else repr(value)},{units[metric]},"
            f"{failures[failure]}\n"
            for clip, metric, version, value, failure in batch.rows()
        )


def _csv_line(cells: Sequence[object]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="").writerow([spreadsheet_cell(cell) for cell in cells])
    return stream.getvalue()


def _csv_cell(cell: str) -> str:
    return _csv_line(("", cell))[1:]  # a line of one empty cell would be written as two quotes


def _json_text(table: ScoreTable) -> Iterator[str]:
    def written(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    clips = [
        ",\n".join(f'  "{name}": {written(cell)}' for name, cell in zip(COLUMNS, place, strict=False))
        for place in table.clips
    ]
    metrics, units, failures = ([written(cell) for cell in of] for of in (table.metrics, table.units, table.failures))
    yield f'{{\n"schema": {SCHEMA},\n"rows": ['
    before = "\n"
    for batch in table.batches():
        yield before + ",\n".join(
            f' {{\n{clips[clip]},\n  "metric": {metrics[metric]},\n  "version": {version},\n'
            f'  "value": {"null" if failure else repr(value)},\n  "unit": {units[metric]},\n'
            f'  "failure": {failures[failure]}\n }}'
            for clip, metric, version, value, failure in batch.rows()
        )
        before = ",\n"
    yield "]\n}\n" if before == "\n" else "\n]\n}\n"


def write_scores(workspace: Bench, path: Path, format: Literal["csv", "json", "parquet"]) -> None:
    """Put the table into a file, whole or not at all.

    Raises:
        OptionError: the file cannot be written.
    """
    try:
        with written_whole(path) as part:
            if format == "parquet":
                _write_parquet(score_table(workspace), part)
                return
            with part.open("w", encoding="utf-8", newline="") as file:
                file.writelines(score_text(workspace, format))
    except OSError as error:
        raise OptionError(f"{path}: cannot be written ({error.strerror}); choose another --out") from None


def _write_parquet(table: ScoreTable, path: Path) -> None:
    """With typed columns, also where there is no row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"sample": pa.int64(), "version": pa.int64(), "value": pa.float64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    of_clips = [
        pa.array([place[i] for place in table.clips], schema.field(i).type) for i in range(len(ClipPlace._fields))
    ]
    of_metrics, of_units, of_failures = (
        pa.array(cells, pa.string()) for cells in (table.metrics, table.units, table.failures)
    )
    with pq.ParquetWriter(path, schema) as file:
        for batch in table.batches():
            columns = [
                *(cells.take(pa.array(batch.clip)) for cells in of_clips),
                of_metrics.take(pa.array(batch.metric)),
                pa.array(batch.version.astype(np.int64)),
                pa.array(batch.value, mask=batch.failure > 0),
                of_units.take(pa.array(batch.metric)),
                of_failures.take(pa.array(batch.failure)),
            ]
            file.write_table(pa.Table.from_arrays(columns, schema=schema))


def scores_frame(workspace: Bench) -> pd.DataFrame:
    """The table as a pandas frame; a value that is not there is NaN, its reason in `failure`."""
    import pandas as pd

    table = score_table(workspace)
    of_clips = [np.array([place[i] for place in table.clips], dtype=object) for i in range(len(ClipPlace._fields))]
    metrics, units, failures = (np.array(of, dtype=object) for of in (table.metrics, table.units, table.failures))
    columns = (
        *(cells[table.clip] for cells in of_clips),
        metrics[table.metric],
        table.version.astype(np.int64),
        table.value,
        units[table.metric],
        failures[table.failure],
    )
    frame = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
    return frame.astype({"sample": np.int64})


def stored_outcomes(workspace: Bench, clip: Clip) -> Outcomes:
    """What a bench knows of a clip."""
    return Outcomes(
        clip=clip.id,
        scores=tuple(workspace.score_records(clip=clip.id)),
        failures=tuple(workspace.score_failures(clip=clip.id)),
        timelines=tuple(workspace.timelines(clip.id)),
        events=tuple(workspace.events(clip.id)),
    )


def as_document(clip: Clip, outcomes: Outcomes, units: Mapping[str, str]) -> dict[str, Any]:
    """The JSON that `vbench show --json` prints.

    Args:
        clip: The clip.
        outcomes: What was measured of it.
        units: Metric → unit; one that is not there is shown without.
    """
    described = asdict(clip)
    probe = described.pop("probe")
    return {
        "clip": described,
        "probe": probe,
        "delivered": asdict(delivered(clip)),
        "scores": {
            s.key.metric: {"value": s.value, "version": s.key.version, "unit": units.get(s.key.metric, "")}
            for s in outcomes.scores
        },
        "failures": {f.key.metric: f"{f.code}: {f.message}" for f in outcomes.failures if f.key is not None},
        "events": [
            {
                "kind": e.kind,
                "start_s": e.start_s,
                "end_s": e.end_s,
                "frame": e.frame,
                "value": e.value,
                "metric": e.metric,
                "box": None if e.box is None else list(e.box),
            }
            for e in sorted(outcomes.events, key=lambda e: (e.start_s, e.kind))
        ],
        "timelines": {t.key.metric: {"t_s": list(t.t_s), "value": list(t.value)} for t in outcomes.timelines},
        "shots": _shots(clip, outcomes),
    }


def _shots(clip: Clip, outcomes: Outcomes) -> list[dict[str, Any]]:
    """The shots of a clip that has several; else none."""
    if not any(event.kind == "cut" for event in outcomes.events):
        return []
    from vbench.report.shots import shots_of  # loads the measures, which a clip of one shot does not need

    return [asdict(shot) for shot in shots_of(outcomes, clip.probe.duration_s)]
