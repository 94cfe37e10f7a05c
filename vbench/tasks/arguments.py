"""What a task of each kind is asked to do, one record a kind; they are kept with the task as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from vbench.bench import Bench
from vbench.exports import FILES, Kind
from vbench.records import Cell, Task
from vbench.schema import from_json, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTask:
    """Measure what is not measured yet."""

    preset: str = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTask:
    """Answer what prompts ask as far as that is free: by our measures, and by readers and detectors that are there.

    What is not measured yet is measured first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTask:
    """Bring in clips that somebody dropped on the page and said what they are."""

    folder: str
    """Its name, see `folder_to_import`; with `manifest.jsonl` in it."""
    places: tuple[tuple[str, str, int], ...] = ()
    """Tool, prompt key and sample of each clip."""
    score: bool = False
    """Measure them right after."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(Cell(*place) for place in self.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTask:
    """Write chosen takes as a file."""

    kind: Kind
    clips: tuple[str, ...]
    cut: str = ""
    """Name of the cut whose shots are meant, instead of clips."""
    author: str = ""
    """Whose stars go along, and who may fetch the file."""
    at_s: float | None = None
    rate: float | None = None
    """As `vbench.exports.ExportWish` has these two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiesTask:
    """Make the pictures and videos that pages show of clips, before anybody asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateTask:
    """Make takes of one prompt: as much as page and worker need; `vbench.tasks.generate_task` reads the whole run."""

    models: tuple[str, ...]
    prompt_key: str
    samples: int = 1
    about: str = ""
    """Text of the prompt."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(Cell(model, self.prompt_key, n) for n in range(self.samples) for model in self.models)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryTask:
    """Try one ended job again, with the very request it had."""

    job: str
    models: tuple[str, ...]
    """The one tool that it is for, with its arm."""
    prompt_key: str
    sample: int
    about: str = ""
    """Text of the prompt."""
    max_cost: float | None = None
    allow_unpriced: bool = False
    understood: bool = False
    """As `vbench.generate.try_again` takes these three."""

    @property
    def cells(self) -> tuple[Cell, ...]:
        return (Cell(self.models[0], self.prompt_key, self.sample),)


Arguments = ScoreTask | JudgeTask | ImportTask | ExportTask | CopiesTask | GenerateTask | RetryTask
KINDS: Mapping[str, type[Arguments]] = MappingProxyType(
    {
        "score": ScoreTask,
        "judge": JudgeTask,
        "import": ImportTask,
        "export": ExportTask,
        "copies": CopiesTask,
        "generate": GenerateTask,
        "retry": RetryTask,
    }
)


def arguments_of(task: Task) -> Arguments:
    """What a task is asked to do.

    Raises:
        ValueError: no such kind, or something is missing: the task is of another version.
    """
    if task.kind not in KINDS:
        raise ValueError(f"this worker knows no task {task.kind!r}; restart it with the page")
    try:
        return from_json(KINDS[task.kind], task.args)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"this task was asked for by another version (it lacks {error}); ask for it again") from None


def cells_of(task: Task) -> tuple[Cell, ...]:
    """The takes that a task makes or brings; none for measuring, exports, and what another version asked for."""
    try:
        arguments = arguments_of(task)
    except ValueError:
        return ()
    return () if isinstance(arguments, ScoreTask | JudgeTask | ExportTask | CopiesTask) else arguments.cells


def queue_task(bench: Bench, arguments: Arguments) -> str:
    """Queue work for a worker process; its id."""
    kind = next(kind for kind, record in KINDS.items() if isinstance(arguments, record))
    return bench.add_task(kind, to_json(arguments))


# --- where its files lie ------------------------------------------------------------------------------------------


def page_folder(bench: Bench) -> Path:
    """What the page keeps of its own: uploads, exports, logs, and the events of what is under way."""
    folder = bench.root / "page"
    if not bench.is_read_only:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def folder_to_import(bench: Bench, name: str) -> Path:
    """Where confirmed uploads wait for their import."""
    return page_folder(bench) / "imports" / name


def exported_file(bench: Bench, task: str, kind: Kind) -> Path:
    """The file that an export writes."""
    return page_folder(bench) / "exports" / task / FILES[kind]
