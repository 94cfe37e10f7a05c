"""Scores as a table: a row per clip and metric, failures among them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbench.bench import Bench
from vbench.records import Clip

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("model", "prompt_id", "sample", "clip_sha256", "metric", "version", "value", "unit", "failure")


def score_rows(workspace: Bench) -> list[dict[str, Any]]:
    """A row per clip and metric, scores and failures, by model, prompt, sample and metric."""
    clips = {clip.id: clip for clip in workspace.clips()}
    units = {name: info.unit for name, info in workspace.metrics().items()}

    def row(clip: Clip, metric: str, version: int, value: float | None, failure: str) -> dict[str, Any]:
        cells = (
            clip.model,
            clip.prompt.id,
            clip.sample,
            clip.sha256,
            metric,
            version,
            value,
            units.get(metric, ""),
            failure,
        )
        return dict(zip(COLUMNS, cells, strict=True))

    rows = [
        row(clips[s.key.clip], s.key.metric, s.key.version, s.value, "")
        for s in workspace.scores()
        if s.key.clip in clips
    ]
    scored = {
        (found["clip_sha256"], found["prompt_id"], found["model"], found["sample"], found["metric"]) for found in rows
    }
    for failure in workspace.score_failures():
        key = failure.key
        if key is None or key.clip not in clips:
            continue
        found = row(clips[key.clip], key.metric, key.version, None, f"{failure.code}: {failure.message}")
        if (found["clip_sha256"], found["prompt_id"], found["model"], found["sample"], found["metric"]) not in scored:
            rows.append(found)
    return sorted(rows, key=lambda found: (found["model"], found["prompt_id"], found["sample"], found["metric"]))


def as_csv(rows: list[dict[str, Any]]) -> str:
    """With a header; a value that is not there is an empty cell."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "value": "" if row["value"] is None else repr(row["value"])} for row in rows)
    return stream.getvalue()


def write_parquet(rows: list[dict[str, Any]], path: Path) -> None:
    """With typed columns, also where there is no row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"sample": pa.int64(), "version": pa.int64(), "value": pa.float64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def scores_frame(workspace: Bench) -> pd.DataFrame:
    """The table as a pandas frame; a value that is not there is NaN, its reason in `failure`."""
    import pandas as pd

    return pd.DataFrame(score_rows(workspace), columns=list(COLUMNS))
