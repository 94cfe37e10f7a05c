"""Does tasks without a worker process of their own."""

from __future__ import annotations

from vbench.bench import Bench
from vbench.tasks.worker import Worker


def do_all(bench: Bench) -> None:
    """Do what is queued up to the first task that measures, in this process's own worker."""
    own = Worker(bench)
    while (task := bench.claim_task("test")) is not None and task.kind != "score":
        own._do(task)
