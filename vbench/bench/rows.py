"""Rows of the database to frozen records, and back."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import inspect

from vbench.bench.tables import Base, ClipRow, FailureRow, ParamsRow, PromptRow, TaskRow
from vbench.bench.workspace import PICTURES, now
from vbench.records import Clip, Failure, Probe, Prompt, Provenance, Question, ScoreKey, Task, canonical_json, digest
from vbench.schema import from_json, to_json


def prompt_row(prompt: Prompt, root: Path) -> PromptRow:
    """The row of a prompt; pictures in the workspace are written as seen from its folder `root`, which may move."""
    return PromptRow(
        key=prompt.key,
        id=prompt.id,
        text=prompt.text,
        suite=prompt.suite,
        negative=prompt.negative,
        tags=list(prompt.tags),
        expects=dict(prompt.expects),
        image=_places(prompt, root),
        questions=[to_json(question) for question in prompt.questions],
    )


def prompt_record(row: PromptRow, root: Path) -> Prompt:
    """The record of a row in the workspace at `root`."""
    return Prompt(
        id=row.id,
        text=row.text,
        suite=row.suite,
        negative=row.negative,
        tags=tuple(row.tags),
        expects=row.expects,
        **_pictures(row.image, root),
        questions=tuple(from_json(Question, question) for question in row.questions or ()),
    )


def _places(prompt: Prompt, root: Path) -> str:
    """Where a prompt's pictures are, as one column: the first frame's path alone, or all of them as JSON."""

    def kept(place: str) -> str:
        return Path(place).relative_to(root).as_posix() if place and Path(place).is_relative_to(root) else place

    if not (prompt.last_image or prompt.references):
        return kept(prompt.image)
    references = [kept(place) for place in prompt.references]
    return canonical_json(
        {"image": kept(prompt.image), "last_image": kept(prompt.last_image), "references": references}
    )


def _pictures(places: str, root: Path) -> dict[str, Any]:
    """The fields of a prompt that `_places` has written."""

    def found(place: str) -> str:
        return str(root / place) if place.startswith(f"{PICTURES}/") else place

    if not places.startswith("{"):
        return {"image": found(places)}
    values = json.loads(places)
    return {
        "image": found(values["image"]),
        "last_image": found(values["last_image"]),
        "references": tuple(found(place) for place in values["references"]),
    }


def clip_record(row: ClipRow, prompt: PromptRow, root: Path) -> Clip:
    return Clip(
        id=row.id,
        model=row.model,
        prompt=prompt_record(prompt, root),
        sample=row.sample,
        sha256=row.sha256,
        media=row.media,
        linked=row.linked,
        probe=from_json(Probe, row.probe),
        provenance=from_json(Provenance, row.provenance),
    )


def key_columns(key: ScoreKey) -> dict[str, Any]:
    return {"clip": key.clip, "metric": key.metric, "version": key.version, "params_key": key.params_key}


def score_key(row: Any, params: Mapping[str, Any]) -> ScoreKey:
    return ScoreKey(clip=row.clip, metric=row.metric, version=row.version, params=params)


def failure_row(failure: Failure) -> FailureRow:
    key = failure.key
    columns = key_columns(key) if key is not None else {"clip": None, "metric": None, "version": None}
    identity = digest(failure.stage, failure.subject, *(columns.values() if key is not None else ()))
    return FailureRow(
        id=identity,
        stage=failure.stage,
        subject=failure.subject,
        code=failure.code,
        message=failure.message,
        added=now(),
        **columns,
    )


def row_values(row: Base) -> dict[str, Any]:
    """Column → value."""
    return {column.key: getattr(row, column.key) for column in inspect(type(row)).columns}


def failure_record(row: FailureRow, params: ParamsRow | None) -> Failure:
    key = None
    if row.clip is not None and row.metric is not None and row.version is not None:
        key = score_key(row, params.values if params is not None else {})
    stage: Any = row.stage
    return Failure(stage=stage, subject=row.subject, code=row.code, message=row.message, key=key)


def task_record(row: TaskRow) -> Task:
    state: Any = row.state
    return Task(
        id=row.id,
        kind=row.kind,
        args=row.args,
        state=state,
        progress=row.progress or 0.0,
        message=row.message or "",
        created=row.created,
    )


def packed(values: Sequence[float]) -> bytes:
    return array("f", values).tobytes()


@lru_cache(maxsize=256)
def unpacked(data: bytes) -> tuple[float, ...]:
    values = array("f")
    values.frombytes(data)
    return tuple(values)
