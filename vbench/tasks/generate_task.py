"""A task that generates: does it, tells each step as it happens, and says how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from vbench.bench import Bench
from vbench.errors import OptionError, as_typed
from vbench.generate import GenerateReport, RunSpec, generate, retry_job
from vbench.generate.report import without_label
from vbench.records import Prompt, Task, Wishes
from vbench.schema import from_json
from vbench.tasks.arguments import cells_of
from vbench.tasks.events import JobEvents, Tell


def task_args(spec: RunSpec) -> dict[str, Any]:
    """Arguments of a task that generates: the spec as JSON, with what a page shows of the one prompt it is for."""
    (prompt,) = spec.prompts
    return spec.to_json() | {"prompt_key": prompt.key, "about": prompt.text}


def spec_of(args: Mapping[str, Any]) -> RunSpec:
    """The run that a task was stored with, also by a version that had no `RunSpec`.

    Raises:
        OptionError: it was stored by another version, which wrote something else.
    """
    try:
        if "prompt" not in args:
            return RunSpec.from_json(args)
        return RunSpec(
            models=args["models"],
            prompts=[from_json(Prompt, args["prompt"])],
            samples=args["samples"],
            seeds=RunSpec.seeds_from(args.get("seed"), args["samples"]),
            wishes=Wishes.of(args),
            max_cost=args.get("max_cost"),
            allow_unpriced=args["models"] if args.get("allow_unpriced") else (),
            retry=args.get("retry", ()),
        )
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise OptionError(
            f"this task was stored by another version of vbench ({type(error).__name__}: {error}); "
            "start it again from the page Generate"
        ) from None


def run(bench: Bench, task: Task, tell: Tell) -> GenerateReport:
    """Do it.

    Raises:
        UserError: it cannot be done before something is corrected.
    """
    spec = spec_of(task.args) if task.kind == "generate" else None
    wanted = cells_of(task)
    steps = JobEvents(tell, wanted, len(bench.clip_ids_in(wanted)))
    if spec is not None:
        return generate(bench, spec, progress=steps)
    agreed = {name: task.args[name] for name in ("max_cost", "allow_unpriced", "understood")}
    return retry_job(bench, task.args["job"], progress=steps, **agreed)


# --- how it ended -------------------------------------------------------------------------------------------------


def outcome(report: GenerateReport) -> tuple[bool, str]:
    """Whether takes came of it, and what became of the others, as sentences."""
    made, ended = report.made, [*report.ended, *report.unknown]
    parts = [f"{made} {'take' if made == 1 else 'takes'} made" if made else "no new take"]
    if not (made or ended or report.impossible or report.paused):
        parts = ["these takes are there already; ask for more samples to get others"]
    for job in ended:
        why = without_label(job.model, job.message) or job.reason or "no reason given"
        parts.append(f"{job.model}: {job.state}: {why}")
    parts += list(report.impossible)
    parts += [f"{label} waits: {without_label(label, why)}" for label, why in report.paused.items()]
    return bool(made or report.is_complete), as_typed("; ".join(" ".join(part.split()) for part in parts))
