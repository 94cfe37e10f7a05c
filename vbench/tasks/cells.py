"""Which takes a task is for, and which of them are there."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from vbench.bench import Bench
from vbench.bench.tables import ClipRow
from vbench.records import Task

Place = tuple[str, str, int]
"""Tool with its arm, prompt key, sample: one take each."""


def places_of(task: Task) -> list[Place]:
    """The takes that a task makes or brings; none for measuring and exports."""
    args = task.args
    if task.kind == "generate":
        return [(model, args["prompt_key"], n) for n in range(args["samples"]) for model in args["models"]]
    if task.kind == "retry":
        return [(args["models"][0], args["prompt_key"], args["sample"])]
    return [(model, key, sample) for model, key, sample in args.get("places", ())]


def takes_at(bench: Bench, places: Iterable[Place]) -> dict[Place, str]:
    """Place → id of its take, where there is one; one query, however many places."""
    wanted = set(places)
    if not wanted:
        return {}
    columns = (ClipRow.model, ClipRow.prompt_key, ClipRow.sample, ClipRow.id)
    query = select(*columns).where(
        ClipRow.prompt_key.in_({key for _, key, _ in wanted}), ClipRow.model.in_({model for model, _, _ in wanted})
    )
    with bench.session() as session:
        return {(model, key, n): id for model, key, n, id in session.execute(query) if (model, key, n) in wanted}
