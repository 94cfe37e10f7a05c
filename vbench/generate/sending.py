"""Sends the request of a job, once, and commits what came of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from vbench.adapters import Adapter
from vbench.bench.jobs import plan_from_json
from vbench.errors import BenchError, JobError, NotStartedError, UserError
from vbench.generate.telling import Telling, state_of
from vbench.records import Handle, Job, Plan

if TYPE_CHECKING:
    from vbench.generate.worker import Group

STORE_AGAIN_S = (0.5, 2.0, 8.0, 20.0)
"""Pauses before a handle that the database did not take is stored again: it is the only trace of a paid request."""
BILLED_ALL_THE_SAME = ("outcome_unknown", "download_failed", "empty_result")
"""Ends of a request that the tool has taken, so that the estimate counts as spent."""


class Sending(Telling):
    """The only step that may cost money."""

    def _submit(self, job: Job, adapter: Adapter, group: Group) -> Handle | None:
        """Send the one request of a job, and commit what came of it; None: it began nothing that can be waited for."""
        try:
            plan = plan_from_json(job.plan)
        except (KeyError, TypeError, ValueError) as error:  # a damaged row, or one of another version
            why = f"its stored plan cannot be read ({type(error).__name__}: {error}); nothing was sent"
            self._end(job, "failed", "crashed", f"{why}, plan it anew with --retry crashed", cost_usd=0.0)
            return None
        try:
            self._tell(job, "submitting")
        except BaseException:  # of whoever is told, such as a closed pipe: nothing was sent
            self.journal.not_started(job.id, "")
            raise
        try:
            handle = adapter.submit(plan)
        except NotStartedError as error:
            self.journal.not_started(job.id, str(error))
            self._tell(job, "planned", str(error))
            if not group.gate.too_many(error.retry_after_s, is_busy=error.code in ("rate_limited", "concurrency")):
                group.pause_all(f"gave up after many refusals in a row: {error}")
            return None
        except BenchError as error:  # what the tool answered cannot be kept here: the request has left
            self._broke_off(job, plan, str(error))
            raise
        except UserError as error:  # found before sending, such as a missing key, or the tool's own word for it
            self.journal.not_started(job.id, str(error))
            group.pause_all(str(error))
            return None
        except JobError as error:
            if error.code in ("no_balance", "auth"):
                self.journal.not_started(job.id, str(error))
                group.pause_all(str(error))
                return None
            cost_usd = None if error.code in BILLED_ALL_THE_SAME else 0.0
            self._end(job, state_of(error.code), error.code, str(error), cost_usd=cost_usd)
            return None
        except BaseException as error:
            why = f"a fault in the adapter while sending ({type(error).__name__}: {error}); look at the tool itself"
            self._broke_off(job, plan, why)
            raise
        self._store_handle(job, handle)
        group.gate.succeeded()
        self._tell(job, "submitted")
        return handle

    def _broke_off(self, job: Job, plan: Plan, why: str) -> None:
        """Sending ended in the middle: where that may cost money it is not done again."""
        if plan.is_billable:
            self._end(job, "outcome_unknown", "outcome_unknown", why)
        else:
            self.journal.not_started(job.id, "")

    def _store_handle(self, job: Job, handle: Handle) -> None:
        """Commit the handle, also where the database is away for a moment.

        Raises:
            BenchError: it stays away; the message is all that is left of the handle.
        """
        for pause_s in STORE_AGAIN_S:
            try:
                self.journal.submitted(job.id, handle)
                return
            except SQLAlchemyError:
                time.sleep(pause_s)
        try:
            self.journal.submitted(job.id, handle)
        except SQLAlchemyError as error:
            raise BenchError(
                f"{job.model}: the tool took {job.prompt.id}-{job.sample} as its job {handle.id}, and the bench cannot "
                f"store that ({str(error).splitlines()[0]}); note the number, put the database right, and look for the "
                "clip in the tool's own list of jobs"
            ) from error
