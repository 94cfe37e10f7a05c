"""Which process owns a job, and whether it still lives: jobs of a process that is gone are free again."""

from __future__ import annotations

import logging

from vbench.bench import Bench, StoreError
from vbench.bench.owner import LEASE_S as LEASE_S
from vbench.bench.owner import Owner

WHAT_TO_DO = (
    "the process ended between sending the request and storing the answer, so the tool may have started it and may "
    "charge for it; look in the tool's own list of jobs, then `generate(retry=outcome_unknown)` to send it again"
)
log = logging.getLogger(__name__)


class Lease(Owner):
    """An owner of jobs."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.root)
        self._bench = bench

    def close(self) -> None:
        """Give back every job this process holds, as it is."""
        try:
            self._bench.release_jobs(self.owner)
        except StoreError as error:  # they are free all the same: nobody holds the lock any more
            log.warning("the jobs under way could not be given back (%s); the next run takes them up", error)
        finally:
            super().close()

    def prolong(self) -> set[str]:
        """Show that this process lives; ids of its jobs that a person has cancelled meanwhile."""
        return self._bench.extend_leases(self.owner, LEASE_S)

    def recover(self) -> list[str]:
        """Free the jobs of processes that are gone; ids of those whose outcome nobody knows."""
        return self._bench.free_abandoned_jobs(self.owner, is_alive=self.is_alive, why_unknown=WHAT_TO_DO)
