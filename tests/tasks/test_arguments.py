"""What tasks are asked to do: kept as JSON, and read again, those of the version before too."""

from __future__ import annotations

from typing import Any

import pytest

from vbench.bench import Bench
from vbench.records import Cell
from vbench.tasks.arguments import (
    Arguments,
    CopiesTask,
    ExportTask,
    GenerateTask,
    ImportTask,
    JudgeTask,
    RetryTask,
    ScoreTask,
    arguments_of,
    cells_of,
    queue_task,
)

EACH: list[Arguments] = [
    ScoreTask(preset="full"),
    ImportTask(folder="ab", places=(("m", "k", 0), ("m", "k", 1)), score=True),
    JudgeTask(),
    CopiesTask(),
    ExportTask(kind="frames", clips=("a", "b"), author="ana", at_s=1.5),
    GenerateTask(models=("m", "n@deep"), prompt_key="k", samples=2, about="A boat"),
    RetryTask(job="j", models=("m@deep",), prompt_key="k", sample=3, about="A boat", max_cost=0.5, understood=True),
]


@pytest.mark.parametrize("arguments", EACH, ids=lambda arguments: type(arguments).__name__)
def test_what_is_queued_is_what_is_read(bench: Bench, arguments: Arguments) -> None:
    task = bench.task(queue_task(bench, arguments))
    assert task is not None
    assert arguments_of(task) == arguments


OLD: list[tuple[str, dict[str, Any], Arguments, list[Cell]]] = [
    ("score", {"preset": "offline"}, ScoreTask(), []),
    (
        "import",
        {"folder": "ab", "places": [["m", "k", 2]], "score": True},
        ImportTask(folder="ab", places=(("m", "k", 2),), score=True),
        [Cell("m", "k", 2)],
    ),
    (
        "export",
        {"kind": "zip", "clips": ["a"], "author": "", "at_s": None},
        ExportTask(kind="zip", clips=("a",)),
        [],
    ),
    (
        "generate",
        {
            "models": ["m", "n"],
            "samples": 2,
            "max_cost": 1.0,
            "seconds": None,
            "width": None,
            "height": None,
            "fps": None,
            "audio": None,
            "seed": 3,
            "allow_unpriced": False,
            "retry": [],
            "prompt": {"id": "p", "text": "A boat", "tags": ["water"]},
            "prompt_key": "k",
            "about": "A boat",
        },
        GenerateTask(models=("m", "n"), prompt_key="k", samples=2, about="A boat"),
        [Cell("m", "k", 0), Cell("n", "k", 0), Cell("m", "k", 1), Cell("n", "k", 1)],
    ),
    (
        "retry",
        {
            "job": "j",
            "max_cost": 0.5,
            "allow_unpriced": False,
            "understood": False,
            "models": ["m@deep"],
            "prompt_key": "k",
            "sample": 1,
            "about": "A boat",
        },
        RetryTask(job="j", models=("m@deep",), prompt_key="k", sample=1, about="A boat", max_cost=0.5),
        [Cell("m@deep", "k", 1)],
    ),
]


@pytest.mark.parametrize(("kind", "stored", "arguments", "cells"), OLD)
def test_a_task_of_the_version_before_is_read(
    bench: Bench, kind: str, stored: dict[str, Any], arguments: Arguments, cells: list[Cell]
) -> None:
    task = bench.task(bench.add_task(kind, stored))
    assert task is not None
    assert arguments_of(task) == arguments
    assert list(cells_of(task)) == cells


def test_what_another_version_asks_for_is_a_sentence(bench: Bench) -> None:
    for kind, said in (("dance", "knows no task 'dance'"), ("retry", "another version .*RetryTask.job")):
        task = bench.task(bench.add_task(kind, {}))
        assert task is not None
        with pytest.raises(ValueError, match=said):
            arguments_of(task)
        assert cells_of(task) == ()
