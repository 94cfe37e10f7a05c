"""What each kind of task runs: a command in a process of its own, with its limits and what follows it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vbench.bench import Bench
from vbench.records import Task
from vbench.tasks.cells import places_of
from vbench.tasks.paths import page_folder
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
    then: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Tasks to queue on success."""
    tells_steps: bool = False
    """It writes how far it is, see `vbench.tasks.events.steps_file`; else its last line may say so."""
    open_jobs: Callable[[Bench], list[str]] | None = None
    """Ids of the jobs to cancel with the task."""
    report: Callable[[str], tuple[bool, str]] | None = None
    """What the command printed → whether it did its work, and a message; for one whose exit code tells too little."""


def vbench_command(*words: str) -> list[str]:
    """`vbench` with these words, run by the same Python."""
    return [sys.executable, "-m", "vbench", *words]


def command_of(task: Task, bench: Bench) -> Command:
    """The command for a task.

    Raises:
        ValueError: no such kind; the page is of another version than the worker.
    """
    args = task.args
    if task.kind == "score":
        return Command(argv=vbench_command("score", "--preset", args["preset"]))
    if task.kind == "import":
        folder = page_folder(bench) / "imports" / args["folder"]
        words = ["import", str(folder), "--manifest", str(folder / "manifest.jsonl"), "--strict", "--json"]
        then = (("score", {"preset": "offline"}),) if args.get("score") else ()
        return Command(
            argv=vbench_command(*words),
            limit_s=IMPORT_LIMIT_S,
            memory_bytes=MEMORY_BYTES,
            leaves=folder,
            report=import_report,
            then=then,
        )
    if task.kind in ("generate", "retry"):
        return Command(
            argv=[sys.executable, "-m", "vbench.tasks.generate_task", task.id],
            tells_steps=True,
            open_jobs=_open_jobs(task),
            then=(("score", {"preset": "offline"}),),
        )
    if task.kind == "export":
        out = page_folder(bench) / "exports" / task.id
        return Command(argv=[sys.executable, "-m", "vbench.exports", json.dumps(dict(args)), str(out)])
    raise ValueError(f"this worker knows no task {task.kind!r}; restart it with the page")


def _open_jobs(task: Task) -> Callable[[Bench], list[str]]:
    samples = [place[2] for place in places_of(task)]
    models, prompt_key = task.args["models"], task.args["prompt_key"]
    return lambda bench: bench.open_job_ids(models=models, prompt_key=prompt_key, samples=samples)


def _document(said: str) -> Any:
    """The JSON document in what a command printed; notes may stand before it."""
    return json.JSONDecoder().raw_decode(said[said.index("{\n") :])[0]


def import_report(said: str) -> tuple[bool, str]:
    """Whether `vbench import --json` took every file, and what stands in the way of the others."""
    items = _document(said)["items"]
    taken = [item for item in items if item["state"] in ("imported", "there")]
    parts = [f"{len(taken)} of {len(items)} imported"]
    parts += [f"{Path(item['file']).name[4:]}: {item['reason']}" for item in items if item not in taken]
    return len(taken) == len(items), "; ".join(parts)
