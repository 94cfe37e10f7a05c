"""A task that generates: does it, tells each step as it happens, and says how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vbench.bench import Bench
from vbench.generate import GenerateReport, Wishes, generate, try_again
from vbench.records import Prompt, Task
from vbench.tasks.arguments import cells_of
from vbench.tasks.events import JobEvents, Tell


def run(bench: Bench, task: Task, tell: Tell) -> GenerateReport:
    """Do it."""
    args = task.args
    wanted = cells_of(task)
    steps = JobEvents(tell, wanted, len(bench.clip_ids_in(wanted)))
    if task.kind == "retry":
        agreed = {name: args[name] for name in ("max_cost", "allow_unpriced", "understood")}
        return try_again(bench, args["job"], progress=steps, **agreed)
    seed = args.get("seed")
    return generate(
        bench,
        models=args["models"],
        prompts=[_prompt(args["prompt"])],
        samples=args["samples"],
        seeds=[] if seed is None else [seed + n for n in range(args["samples"])],
        wishes=Wishes(
            seconds=args.get("seconds"),
            width=args.get("width"),
            height=args.get("height"),
            fps=args.get("fps"),
            audio=args.get("audio"),
        ),
        max_cost=args.get("max_cost"),
        allow_unpriced=args["models"] if args.get("allow_unpriced") else (),
        retry=args.get("retry", ()),
        progress=steps,
    )


def _prompt(line: Mapping[str, Any]) -> Prompt:
    return Prompt(**{**line, "tags": tuple(line["tags"])})


# --- how it ended -------------------------------------------------------------------------------------------------


def outcome(report: GenerateReport) -> tuple[bool, str]:
    """Whether takes came of it, and what became of the others, as sentences."""
    made, ended = report.made, [*report.ended, *report.unknown]
    parts = [f"{made} {'take' if made == 1 else 'takes'} made" if made else "no new take"]
    if not (made or ended or report.impossible or report.paused):
        parts = ["these takes are there already; ask for more samples to get others"]
    parts += [
        f"{job.model}: {job.state}: {_said(job.model, job.message) or job.reason or 'no reason given'}" for job in ended
    ]
    parts += list(report.impossible)
    parts += [f"{label} waits: {_said(label, why)}" for label, why in report.paused.items()]
    return bool(made or report.is_complete), "; ".join(" ".join(part.split()) for part in parts)


def _said(label: str, message: str) -> str:
    """A message without the tool's id, which the line gives."""
    return message.removeprefix(f"{label}: ").removeprefix(f"{label.partition('@')[0]}: ")
