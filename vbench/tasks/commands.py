"""What each kind of task runs: a process of its own, with its limits and what follows it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vbench.bench import Bench
from vbench.records import Task
from vbench.tasks.arguments import (
    Arguments,
    CopiesTask,
    GenerateTask,
    ImportTask,
    RetryTask,
    ScoreTask,
    arguments_of,
    folder_to_import,
)
from vbench.video.sandbox import MEMORY_BYTES

IMPORT_LIMIT_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a task runs, and what it must have at hand."""

    argv: Sequence[str]
    limit_s: float | None = None
    memory_bytes: int | None = None
    leaves: Path | None = None
    """A folder that can go when the command has come to its end."""
    then: Arguments | None = None
    """A task to queue on success."""
    makes: GenerateTask | RetryTask | None = None
    """Whose jobs are cancelled with the task."""

    def open_jobs(self, bench: Bench) -> list[str]:
        """Ids of the jobs to cancel with the task."""
        if self.makes is None:
            return []
        samples = sorted({cell.sample for cell in self.makes.cells})
        return bench.open_job_ids(models=self.makes.models, prompt_key=self.makes.prompt_key, samples=samples)


def vbench_command(*words: str) -> list[str]:
    """`vbench` with these words, run by the same Python."""
    return [sys.executable, "-m", "vbench", *words]


def command_of(task: Task, bench: Bench) -> Command:
    """The command for a task; what it does is in `vbench.tasks.child`.

    Raises:
        ValueError: no such kind, or the task is of another version than the worker.
    """
    arguments, argv = arguments_of(task), [sys.executable, "-m", "vbench.tasks.child", task.id]
    if isinstance(arguments, ImportTask):
        return Command(
            argv=argv,
            limit_s=IMPORT_LIMIT_S,
            memory_bytes=MEMORY_BYTES,
            leaves=folder_to_import(bench, arguments.folder),
            then=ScoreTask() if arguments.score else CopiesTask(),
        )
    if isinstance(arguments, GenerateTask | RetryTask):
        return Command(argv=argv, makes=arguments, then=ScoreTask())
    return Command(argv=argv, then=CopiesTask() if isinstance(arguments, ScoreTask) else None)
