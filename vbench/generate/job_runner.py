"""One job from its plan to its clip, each step committed before the next."""

from __future__ import annotations

import errno
import random
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from vbench.adapters import Adapter
from vbench.errors import AuthError, BenchError, ClipError, JobError, UserError, VBenchError
from vbench.generate.journal import Journal, LostJobError
from vbench.generate.sending import Sending
from vbench.generate.storing import Storing
from vbench.generate.telling import Step, state_of
from vbench.records import OPEN_STATES, Handle, Job, JobState, Provenance

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.generate.worker import Group

POLL_S, MAX_POLL_S = 1.0, 10.0
"""Between two questions to a tool that does not say how long to wait: doubling from the first to the second."""
ASK_FOR_S = 6 * 3600.0
"""How long a tool that answers, but never finishes, is asked in one run."""
FETCH_TRIES = 4


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A job that this process waits for."""

    job: Job
    adapter: Adapter
    handle: Handle
    is_local: bool


class Maker(Sending, Storing):
    """Makes jobs of one bench; its methods are called from many threads."""

    def __init__(
        self,
        bench: Bench,
        journal: Journal,
        *,
        progress: Callable[[Step], None] | None = None,
        allow_unpriced: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(bench, journal, progress)
        self.stopped = threading.Event()
        self.error: BaseException | None = None
        self.n_made = 0
        self.allow_unpriced = allow_unpriced
        self._under_way: dict[str, _UnderWay] = {}
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()

    def tidy(self) -> None:
        """Remove what a kill left between the commit of a clip and the end of its copy here."""
        arrived = sorted(self._incoming.jobs())
        jobs = self.journal.jobs(self.bench, states=("succeeded",), ids=arrived) if arrived else []
        self._incoming.tidy({job.id for job in jobs})

    # --- stopping -------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Put everything down: jobs at a tool go on there, work on this machine ends now and is done again later."""
        self.stopped.set()
        with self._lock:
            local = [work for work in self._under_way.values() if work.is_local]
        self._cancel(local)

    def fail(self, error: BaseException) -> None:
        """End the run with this error."""
        with self._lock:
            self.error = self.error or error
        self.stop()

    def stop_jobs(self, jobs: Collection[str]) -> None:
        """Stop single jobs that a person has cancelled."""
        with self._lock:
            found = [self._under_way[job] for job in jobs if job in self._under_way and job not in self._cancelled]
            self._cancelled.update(jobs)
        self._cancel(found)

    def _cancel(self, works: Collection[_UnderWay]) -> None:
        """Ask the tools to stop; one that cannot be asked holds up neither the others nor the run."""
        for work in works:
            try:
                work.adapter.cancel(work.handle)
            except VBenchError as error:
                self._tell(work.job, "cancelled", f"the tool could not be told ({error})")

    # --- one job --------------------------------------------------------------------------------------------------

    def make(self, job: Job, adapter: Adapter, group: Group) -> None:
        """Take a claimed job as far as it goes in this run."""
        try:
            handle = job.handle if job.state != "submitting" else self._submit(job, adapter, group)
            if handle is None:
                return
            with self._lock:
                self._under_way[job.id] = _UnderWay(job, adapter, handle, group.is_local)
            began = time.monotonic()
            kept = self._incoming.kept(job.id)
            if kept is None:
                handle = self._wait(job, adapter, handle)
                kept = None if handle is None else self._fetch(job, adapter, handle)
            if kept is not None and self._store(job, kept[0], kept[1], time.monotonic() - began):
                with self._lock:
                    self.n_made += 1
        except LostJobError:
            return
        except AuthError as error:
            self.journal.release(job.id)
            group.put_down(group.adapters, str(error))
        except BenchError:  # the disk or the database: nothing is wrong with the job
            with suppress(SQLAlchemyError):  # it is free all the same once this process has ended
                self.journal.release(job.id)
            raise
        except UserError as error:  # missing weights, a wrong option: the job waits until that is put right
            if group.is_local and not job.plan.get("is_billable"):
                self.journal.not_started(job.id, str(error))
            else:
                self.journal.release(job.id)
            group.put_down([job.model], str(error))
        finally:
            with self._lock:
                self._under_way.pop(job.id, None)

    def _wait(self, job: Job, adapter: Adapter, handle: Handle) -> Handle | None:
        """Ask until the clip is ready; None: it will not come, or not in this run."""
        deadline, pause, state = time.monotonic() + ASK_FOR_S, POLL_S, job.state
        while True:
            if self.stopped.is_set():
                self.journal.release(job.id)
                return None
            try:
                status = adapter.poll(handle)
            except JobError as error:  # it could not be asked: the job may well be running
                self._tell(job, "running", str(error))
                wait_s = pause = min(MAX_POLL_S, pause * 2)
            else:
                is_new = status.handle is not None and status.handle != handle
                handle = status.handle or handle
                if status.state == "succeeded":
                    return handle  # what is new in it is told again after a restart
                if status.state not in OPEN_STATES:
                    self._end(job, status.state, status.reason, status.message)
                    return None
                if status.state != state or is_new:
                    state = status.state
                    at_tool: JobState = "submitted" if state in ("planned", "submitting") else state
                    self.journal.progress(job.id, at_tool, handle if is_new else None)
                self._tell(job, status.state, status.message, status.progress)
                if status.retry_after_s is not None:
                    wait_s = status.retry_after_s
                else:
                    wait_s, pause = pause, min(MAX_POLL_S, pause * 1.5)
            if job.id in self._cancelled:
                raise LostJobError(job.id)
            if time.monotonic() > deadline:
                message = f"not finished after {ASK_FOR_S / 3600:g} hours of asking; run again to ask again"
                self._end(job, "failed", "timeout_local", message)
                return None
            self.stopped.wait(wait_s * random.uniform(0.95, 1.05))  # jobs of one moment need not ask in step

    def _fetch(self, job: Job, adapter: Adapter, handle: Handle) -> tuple[Path, Provenance] | None:
        """Bring the clip here; asked again before each further try, since addresses of results expire."""
        out = self._incoming.out(job.id)
        for attempt in range(1, FETCH_TRIES + 1):
            try:
                path, provenance = adapter.fetch(handle, out)
                self._incoming.keep(job.id, path, provenance)
                return path, provenance
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
                    raise BenchError(
                        f"{self._incoming.folder}: {error.strerror}; free space, then repeat the same line: "
                        "nothing is lost"
                    ) from error
                raise
            except ClipError as error:
                if error.code == "unwritable":
                    raise BenchError(f"{error}; then repeat the same line: nothing is lost") from error
                self._not_a_video(job, error)
                return None
            except JobError as error:
                if self.stopped.is_set() or job.id in self._cancelled:
                    self.journal.release(job.id)
                    return None
                if error.code != "download_failed" or attempt == FETCH_TRIES:
                    self._end(job, state_of(error.code), error.code, str(error))
                    return None
                self._tell(job, "running", str(error))
                self.stopped.wait(min(30.0, 2.0**attempt / 2))
                fresh = self._wait(job, adapter, handle)
                if fresh is None:
                    return None
                handle = fresh
        raise AssertionError("unreachable")
