"""Stops jobs that a person does not want any more, here and at the tools."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from vbench.generate.journal import Journal
from vbench.generate.plan import make_adapter
from vbench.records import Job

if TYPE_CHECKING:
    from vbench.bench import Bench


def cancel_jobs(
    bench: Bench, *, ids: Collection[str] = (), models: Sequence[str] | None = None
) -> list[tuple[Job, str]]:
    """Stop open jobs, and ask the tools to stop those they have.

    Returns:
        Each job that was open, and what came of it.
    """
    from vbench.catalog.cards import find_card
    from vbench.errors import VBenchError

    done = []
    journal = Journal(bench)
    try:
        for job in journal.jobs(bench, states=("planned", "submitted", "running"), models=models, ids=tuple(ids)):
            if not journal.cancel(job.id):
                continue
            how = "dropped" if job.handle is None else "cancelled here; the tool may finish and charge for it"
            if job.handle is not None:
                try:
                    with closing(make_adapter(find_card(job.model.partition("@")[0]))) as adapter:
                        if adapter.cancel(job.handle):
                            how = "cancelled at the tool"
                except VBenchError as error:
                    how = f"cancelled here; the tool could not be told ({error})"
            done.append((job, how))
    finally:
        journal.close()
    return done
