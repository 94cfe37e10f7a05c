"""One ended job as a task of its own: whether it can be tried again, and at what price."""

from __future__ import annotations

from typing import Any

from vbench.bench import Bench
from vbench.bench.jobs import plan_of
from vbench.errors import BudgetError, OptionError
from vbench.generate.journal import REFETCHED
from vbench.generate.retry import ended_job
from vbench.records import Job
from vbench.web.estimate import plans
from vbench.web.schemas import PlanFacts, RetryArgs


def retry_args(bench: Bench, id: str, agreed: RetryArgs) -> dict[str, Any]:
    """Arguments of the task that tries a job again, with the very request it had.

    Args:
        bench: Where it stands.
        id: Of the job.
        agreed: What the visitor saw.

    Raises:
        NoJobError: there is no such job.
        OptionError: it cannot be tried again, it is being tried already, or its tool cannot run here.
        BudgetError: it costs money, or may have cost some, and that was not agreed to.
    """
    job = ended_job(bench, id, understood=agreed.understood)
    for task in bench.tasks():
        if task.kind == "retry" and task.args["job"] == id and task.state in ("waiting", "running"):
            raise OptionError("it is being tried again already; see the tasks")
    if job.handle is None or job.reason not in REFETCHED:  # else nothing is sent
        (planned,) = plans([job.model], plan_of(job).request)
        check_price(planned, agreed)
    return {"job": id} | agreed.model_dump() | place_of(job)


def place_of(job: Job) -> dict[str, Any]:
    """Where its take will be found, in the words of a task."""
    return {"models": [job.model], "prompt_key": job.prompt.key, "sample": job.sample, "about": job.prompt.text}


def check_price(planned: PlanFacts, agreed: RetryArgs) -> None:
    """Hold the price against what was shown.

    Args:
        planned: Of this one job, as of now.
        agreed: What the visitor saw.

    Raises:
        OptionError: the tool cannot run here.
        BudgetError: it costs money, and that price was not agreed to.
    """
    if not planned.runnable:
        raise OptionError(f"{planned.model}: {planned.reason}")
    if not planned.is_billable:
        return
    if planned.cost_usd is None:
        if not agreed.allow_unpriced:
            raise BudgetError(f"nobody knows what {planned.model} costs; allow it all the same (allow_unpriced)")
        return
    if agreed.max_cost is None:
        raise BudgetError(f"trying again costs about ${planned.cost_usd:.2f}; give a ceiling in dollars (max_cost)")
    if planned.cost_usd > agreed.max_cost + 1e-6:
        raise BudgetError(
            f"trying again now costs about ${planned.cost_usd:.2f}, not ${agreed.max_cost:.2f}; "
            "the price has changed since: start it from the page Generate"
        )
