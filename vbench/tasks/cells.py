"""Which takes a task is for, and which of them are there."""

from __future__ import annotations

from collections.abc import Iterable

from vbench.bench import Bench
from vbench.records import Cell, Task

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
    there = bench.clip_ids_in(Cell(*place) for place in places)
    return {(cell.model, cell.prompt_key, cell.sample): id for cell, id in there.items()}
