"""A run as an array of Slurm jobs, handed in and waited for by submitit; one that is preempted is queued again."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from vbench.errors import OptionError
from vbench.machines.fleet import Fleet, Note
from vbench.machines.share import Contribution, Order, work_off
from vbench.text import first_line

POLL_S = 1.0


class Work:
    """A share of a run as submitit carries it."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def __call__(self) -> Contribution:
        return work_off(self._order)

    def checkpoint(self) -> Any:
        """What to queue again when Slurm takes the node away: the same, since what is done is skipped."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def run(order: Order, fleet: Fleet, note: Note) -> list[Contribution]:
    """See `vbench.machines.run.EngineModule`."""
    try:
        import submitit
    except ModuleNotFoundError:
        raise OptionError("`engine=slurm` needs the package submitit: pip install 'vbench-studio[slurm]'") from None
    settings = fleet.settings
    cluster = settings.get("cluster", "slurm")
    if cluster not in ("slurm", "local"):
        raise OptionError(f"`engine_set=` cluster is {cluster!r}; write slurm or local")
    order.check_place(["nodes of Slurm"] if cluster == "slurm" else [])
    cpus, n = fleet.number("cpus", default=8), fleet.machines or 1
    folder = Path(order.root) / "slurm"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # what is handed in holds the database's password
    try:
        executor = submitit.AutoExecutor(folder=folder / "%j", cluster=cluster)
    except RuntimeError as error:
        raise OptionError(f"`engine=slurm`: {first_line(error)}; type it where sbatch is") from None
    executor.update_parameters(
        name="vbench",
        timeout_min=fleet.number("minutes", default=240),
        cpus_per_task=cpus,
        gpus_per_node=fleet.number("gpus", default=0),
        mem_gb=fleet.number("mem_gb", default=16),
        **{f"slurm_{name}": settings[name] for name in ("partition", "account") if name in settings},
    )
    with executor.batch():
        jobs = [executor.submit(Work(replace(order, cores=cpus))) for _ in range(n)]
    note(f"{n} jobs handed in to {cluster}: {', '.join(job.job_id for job in jobs)}; their logs lie in {folder}")
    try:
        while not all(job.done() for job in jobs):
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        for job in jobs:
            job.cancel(check=False)
        raise
    return [_share(submitit, job) for job in jobs]


def _share(submitit: Any, job: Any) -> Contribution:
    """What a job did; one that ended without a word leaves its work to the others, and that is told."""
    try:
        share: Contribution = job.result()
        return share
    except submitit.core.utils.UncompletedJobError as error:
        why = f"ended without an answer ({first_line(error)}); see {os.fspath(job.paths.stderr)}"
        return Contribution(host=f"job {job.job_id}", report=None, problem=why)
