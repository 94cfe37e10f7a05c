"""Scores as a table, a row per clip and metric, failures among them; and all that is known of one clip."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbench.bench import Bench
from vbench.records import Clip, Outcomes

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
        for s in workspace.score_records()
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
            }
            for e in sorted(outcomes.events, key=lambda e: (e.start_s, e.kind))
        ],
        "timelines": {t.key.metric: {"t_s": list(t.t_s), "value": list(t.value)} for t in outcomes.timelines},
    }
