"""One ended job as a wish of its own: whether it can be tried again, with which settings, and at what price."""

from __future__ import annotations

from fastapi import HTTPException
from pydantic import ValidationError

from vbench.bench import Bench
from vbench.errors import BudgetError, OptionError
from vbench.generate.journal import Journal, plan_from_json
from vbench.generate.planning import seed_of
from vbench.records import OPEN_STATES, Job, Task
from vbench.ui.schemas import GenerateArgs, PlanFacts, RetryArgs

PAID_TWICE = (
    "nobody knows whether {model} made this clip: it may be paid for twice. Look in the tool's own list of jobs first; "
    "to send it again all the same, say that you have understood (understood: true)"
)


def ended_job(bench: Bench, id: str) -> Job:
    """The job, if it ended without a clip and nothing was tried since.

    Raises:
        HTTPException: 404, there is none.
        OptionError: it is under way or succeeded, a later attempt is there, or only the command line can repeat it.
    """
    job = next((found for found in Journal.jobs(bench, ids=[id]) if found.id == id), None)
    if job is None:
        raise HTTPException(404, f"there is no job {id}")
    if job.state in OPEN_STATES:
        raise OptionError("this job is still under way; wait for its end, or cancel it")
    if job.state == "succeeded":
        raise OptionError("this job succeeded; ask for more samples to get another clip")
    place = (job.prompt.key, job.sample)
    attempts = [one for one in Journal.jobs(bench, models=[job.model]) if (one.prompt.key, one.sample) == place]
    if attempts[-1].id != job.id:
        raise OptionError(f"it was tried again since, and that attempt is {attempts[-1].state}; see the newest one")
    if any(_is_again(task, job) for task in bench.tasks()):
        raise OptionError("it is being tried again already; see the tasks")
    if "@" in job.model:
        raise OptionError(
            "this clip was asked for under a prompt expansion, which is a file of yours; repeat it with "
            f"vbench generate --arm FILE --retry {job.state}"
        )
    return job


def _is_again(task: Task, job: Job) -> bool:
    wanted = {"models": [job.model], "prompt_key": job.prompt.key, "only_sample": job.sample}
    return task.state in ("waiting", "running") and all(task.args.get(name) == value for name, value in wanted.items())


def wish_of(job: Job) -> GenerateArgs:
    """What the job asked for, as one sample; its seed is that of sample 0, as `vbench generate --seed` takes it.

    Raises:
        OptionError: its seed came from a list, or its size is beyond what the page takes.
    """
    request = plan_from_json(job.plan).request
    seed = None if request.seed == seed_of(job.prompt, job.sample) else request.seed - job.sample
    if seed is not None and seed < 0:
        raise OptionError("its seed came from a list of seeds; repeat it with the call that made the list")
    try:
        return GenerateArgs(
            prompt=job.prompt.text,
            prompt_id=job.prompt.id,
            models=[job.model],
            seconds=request.seconds,
            width=request.width,
            height=request.height,
            fps=request.fps,
            audio=request.audio,
            negative=request.negative,
            seed=seed,
            retry=[job.state],  # type: ignore[list-item]  # ended, and not well
        )
    except ValidationError as error:
        raise OptionError(f"the page cannot ask for this ({error.errors()[0]['msg']}); use vbench generate") from None


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
