"""The process of one task: does it, tells events meanwhile, and ends with a code that says how it went."""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vbench.bench import Bench
from vbench.errors import VBenchError
from vbench.records import Task
from vbench.tasks.arguments import (
    CopiesTask,
    ExportTask,
    GenerateTask,
    ImportTask,
    JudgeTask,
    RetryTask,
    ScoreTask,
    arguments_of,
    exported_file,
    folder_to_import,
    queue_task,
)
from vbench.tasks.events import WRITE_EVERY_S, EventWriter, TaskEvent, Tell, events_file
from vbench.text import first_line

if TYPE_CHECKING:
    from vbench.importing import ImportReport

DONE, BUG, FIXABLE, PARTLY, STOPPED = 0, 1, 2, 3, 130
"""Exit codes, as those of the command line."""
MOST_LETTERS = 4000
"""Of the sentence that says how a task ended: a run may have hundreds of tools."""
Ending = tuple[bool, str]
"""Whether the task did all its work, and what became of it, as a sentence."""


def paced(tell: Tell, done: str) -> Callable[[int, int, str], None]:
    """Tells how many of the clips are done, not more often than it can be read; a note at once.

    Args:
        tell: Takes the events.
        done: What is done to a clip, in one word or two: ``scored``.
    """
    told_at = float("-inf")

    def progress(n_done: int, n_clips: int, note: str) -> None:
        nonlocal told_at
        if note or n_done == n_clips or time.monotonic() - told_at > WRITE_EVERY_S:
            told_at = time.monotonic()
            message = note or (f"{done} {n_done} of {n_clips} clips" if n_clips else "")
            tell(TaskEvent(share=n_done / n_clips if n_clips else None, message=first_line(message) if message else ""))

    return progress


def score(bench: Bench, asked_for: ScoreTask, tell: Tell) -> Ending:
    """Measure what is not measured yet."""
    from vbench.score import score as measure

    report = measure(bench, preset=asked_for.preset, progress=paced(tell, "scored"))
    return True, (
        f"{report.n_clips} clips, {report.n_skipped} of them done before; {report.n_scores} scores"
        f"{report.without_score}; {report.seconds:.1f} s"
    )


def judge(bench: Bench, tell: Tell) -> Ending:
    """Measure what is not measured, and answer what prompts ask as far as that is free."""
    from vbench.judge import judge as ask

    score(bench, ScoreTask(), tell)  # measures are the first to answer
    report = ask(bench, progress=paced(tell, "looked at"))
    if not report.n_questions:
        return True, "nothing is asked: no prompt of these clips says what should be seen"
    n_answers = sum(sum(verdicts.values()) for verdicts in report.answered.values())
    n_left = sum(report.left.values())
    return True, (
        f"{n_answers} new answers to {report.n_questions} questions of {report.n_clips} clips; "
        f"{n_left} without a certain one; {report.seconds:.1f} s"
    )


def import_clips(bench: Bench, asked_for: ImportTask, tell: Tell) -> Ending:
    """Bring in confirmed uploads."""
    from vbench.importing import import_folder

    folder = folder_to_import(bench, asked_for.folder)

    def progress(n_done: int, n_files: int, _next_file: str) -> None:
        tell(TaskEvent(share=n_done / n_files))

    report = import_folder(bench, folder, manifest=folder / "manifest.jsonl", progress=progress)
    return import_ending(report)


def import_ending(report: ImportReport) -> Ending:
    """Whether every file was taken, and what stands in the way of the others."""
    taken = [item for item in report.items if item.state in ("imported", "there")]
    parts = [f"{len(taken)} of {len(report.items)} imported"]
    parts += [f"{Path(item.file).name[4:]}: {item.reason}" for item in report.items if item not in taken]
    return len(taken) == len(report.items), "; ".join(parts)


def export(bench: Bench, asked_for: ExportTask, task: str) -> Ending:
    """Write the chosen takes as a file."""
    from vbench.exports import ExportWish, takes_of, takes_of_cut
    from vbench.exports import export as write

    if asked_for.cut:
        takes = takes_of_cut(bench, bench.cut(asked_for.cut))
    else:
        takes = takes_of(bench, asked_for.clips, author=asked_for.author)
    folder = exported_file(bench, task, asked_for.kind).parent
    return True, write(asked_for.kind, takes, folder, ExportWish(at_s=asked_for.at_s, rate=asked_for.rate)).name


def copies(bench: Bench, tell: Tell) -> Ending:
    """Make what pages will show; while others wait, the rest is left to another task."""
    from vbench.tasks.copies import make_copies, missing_copies

    missing = missing_copies(bench)

    def told(n_done: int, next_one: str) -> None:
        tell(TaskEvent(share=n_done / len(missing), message=f"{n_done} of {len(missing)} made: {next_one}"))

    def is_asked() -> bool:
        return any(task.state == "waiting" for task in bench.tasks())

    n_made, problems, is_left = make_copies(bench, missing, is_asked=is_asked, told=told)
    if is_left:
        queue_task(bench, CopiesTask())
    parts = [f"{n_made} of {len(missing)} pictures and videos for the page made"]
    parts += ["the rest comes after what waits"] * is_left
    return True, "; ".join(parts + [f"not made: {problem}" for problem in problems])


def by_kind(bench: Bench, task: Task, tell: Tell) -> Ending:
    """What its kind says.

    Raises:
        ValueError: the task is of another version.
    """
    match arguments_of(task):
        case ScoreTask() as asked_for:
            return score(bench, asked_for, tell)
        case JudgeTask():
            return judge(bench, tell)
        case ImportTask() as asked_for:
            return import_clips(bench, asked_for, tell)
        case ExportTask() as asked_for:
            return export(bench, asked_for, task.id)
        case CopiesTask():
            return copies(bench, tell)
        case GenerateTask() | RetryTask():
            from vbench.tasks.generate_task import outcome, run

            return outcome(run(bench, task, tell))


def do(bench: Bench, task: Task, tell: Tell) -> int:
    """Do a task and tell how it ended; the exit code.

    Args:
        bench: Where it stands.
        task: What to do.
        tell: Takes the events.
    """
    try:
        is_done, message = by_kind(bench, task, tell)
    except VBenchError as error:
        is_done, message, code = False, str(error), FIXABLE
    except KeyboardInterrupt:
        is_done, message, code = False, "stopped; what was finished is kept", STOPPED
    except Exception as error:
        tell(TaskEvent(message=first_line("".join(traceback.format_exception_only(error)), 300)))
        raise
    else:
        code = DONE if is_done else PARTLY
    tell(TaskEvent(share=1.0 if is_done else None, message=" ".join(message.split())[:MOST_LETTERS]))
    return code


def _as_ctrl_c(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Do the task that is named, in the bench that the environment names."""
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    with Bench.open(create=False) as bench:
        task = bench.task(sys.argv[1])
        if task is None:
            sys.exit(f"there is no task {sys.argv[1]}")
        events = EventWriter(events_file(bench, task.id))
        try:
            sys.exit(do(bench, task, events))
        finally:
            events.close()


if __name__ == "__main__":
    main()
