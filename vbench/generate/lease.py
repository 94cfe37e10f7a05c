"""Which process owns a job, and whether it still lives: jobs of a process that is gone are free again."""

from __future__ import annotations

import logging
import socket
import time
import uuid
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError

from vbench.bench import Bench, now
from vbench.bench.tables import JobRow
from vbench.records import OPEN_STATES, digest

LEASE_S = 180.0
"""How long a process on another machine is taken to live after its last sign of life."""
WHAT_TO_DO = (
    "the process ended between sending the request and storing the answer, so the tool may have started it and may "
    "charge for it; look in the tool's own list of jobs, then vbench generate --retry outcome_unknown to send it again"
)
log = logging.getLogger(__name__)


class Owner:
    """One process, or one run of it, that takes jobs of a bench for itself.

    While it is open it holds a file lock, which the operating system lets go of however the process ends: that is how
    others on this machine know that its jobs are free. Owners elsewhere are judged by their lease.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._folder = bench.root / "owners"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._place = _place(self._folder)
        token = uuid.uuid4().hex[:12]
        self.owner = f"{self._place}:{token}"
        self._lock = FileLock(self._lock_path(token), thread_local=False)
        self._lock.acquire(timeout=10)

    def close(self) -> None:
        """Give back every job this process holds, as it is."""
        try:
            with self.bench.write() as session:
                session.execute(update(JobRow).where(JobRow.owner == self.owner).values(owner=None, lease_until=None))
        except SQLAlchemyError as error:  # they are free all the same: nobody holds the lock any more
            log.warning("the jobs under way could not be given back (%s); the next run takes them up", error)
        finally:
            self._lock.release()
            self._lock_path(self.owner.partition(":")[2]).unlink(missing_ok=True)

    def _lock_path(self, token: str) -> Path:
        return self._folder / f"{token}.lock"

    def heartbeat(self) -> set[str]:
        """Show that this process lives; ids of its jobs that a person has cancelled meanwhile."""
        with self.bench.session() as session:
            held = session.execute(select(JobRow.id, JobRow.state).where(JobRow.owner == self.owner)).all()
        if any(state in OPEN_STATES for _, state in held):
            with self.bench.write() as session:
                session.execute(
                    update(JobRow).where(JobRow.owner == self.owner).values(lease_until=time.time() + LEASE_S)
                )
        return {job for job, state in held if state == "cancelled"}

    def recover(self) -> list[str]:
        """Free the jobs of processes that are gone; ids of those whose outcome nobody knows.

        A job that costs nothing and was only about to be sent is planned again. Each change names what it found, since
        on a database server another process may have freed, and begun, the same jobs meanwhile.
        """
        held = select(JobRow.owner, func.max(JobRow.lease_until)).where(JobRow.owner != self.owner)
        with self.bench.write() as session:
            owners = session.execute(held.group_by(JobRow.owner)).all()
            gone = [owner for owner, lease_until in owners if not self._is_alive(owner or "", lease_until or 0.0)]
            session.execute(update(JobRow).where(JobRow.owner.in_(gone)).values(owner=None, lease_until=None))
            left = update(JobRow).where(JobRow.state == "submitting", JobRow.owner.is_(None))
            lost = left.where(JobRow.is_billable).values(
                state="outcome_unknown", reason="outcome_unknown", message=WHAT_TO_DO, finished_at=now()
            )
            unknown = session.scalars(lost.returning(JobRow.id)).all()
            session.execute(left.where(JobRow.is_billable.is_(False)).values(state="planned", submitting_at=None))
        return list(unknown)

    def _is_alive(self, owner: str, lease_until: float) -> bool:
        place, _, token = owner.partition(":")
        if place != self._place:
            return lease_until > time.time()
        path = self._lock_path(token)
        if not path.exists():
            return False
        probe = FileLock(path, thread_local=False)
        try:
            probe.acquire(timeout=0)
        except Timeout:
            return True
        probe.release()
        path.unlink(missing_ok=True)
        return False


def _place(folder: Path) -> str:
    """What those have in common who see each other's locks: this very folder, not one of the same name elsewhere."""
    mark = folder / "place"
    with suppress(FileExistsError), mark.open("x") as file:
        file.write(uuid.uuid4().hex)
    return digest(socket.gethostname(), str(folder), mark.read_text(), length=12)
