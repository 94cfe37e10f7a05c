"""One job from its plan to its clip: sent once, waited for, fetched and stored, each step committed before the next."""

from __future__ import annotations

import errno
import random
import shutil
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from vbench.adapters import Adapter
from vbench.bench import StoreAwayError, StoreError
from vbench.bench.ceilings import believed_usd, countable_usd
from vbench.bench.clips import clip_from_file
from vbench.bench.jobs import plan_of
from vbench.bench.media import clip_key
from vbench.delivery import SENT, compared
from vbench.errors import AuthError, BenchError, ClipError, JobError, NotStartedError, UserError, VBenchError
from vbench.generate.handle_notes import HandleNotes
from vbench.generate.inbox import Inbox
from vbench.generate.journal import Journal, LostJobError
from vbench.generate.plan import why_again
from vbench.generate.tool_group import ToolGroup
from vbench.records import OPEN_STATES, Handle, Job, JobState, Plan, Probe, Provenance, Reason, Setting, Wishes
from vbench.schema import from_json, to_json
from vbench.text import first_line

if TYPE_CHECKING:
    from vbench.bench import Bench

POLL_S, MAX_POLL_S = 1.0, 10.0
"""Between two questions to a tool that does not say how long to wait: doubling from the first to the second."""
ASK_FOR_S = 6 * 3600.0
"""How long a tool that answers, but never finishes, is asked in one run."""
FETCH_TRIES, FETCH_PAUSE_S = 4, 1.0
"""How often a finished clip is fetched, with pauses that double: what came may be cut off, or no clip yet."""
STORE_PAUSES_S = (0.5, 2.0, 8.0, 20.0)
"""Pauses before a handle that the database did not take is stored again: it is the only trace of a paid request."""
BILLED_ALL_THE_SAME = ("outcome_unknown", "download_failed", "empty_result")
"""Ends of a request that the tool has taken, so that the estimate counts as spent."""
REASONS = frozenset(get_args(Reason))
END_STATES: dict[str, JobState] = {
    "moderated_input": "refused_input",
    "moderated_output": "refused_output",
    "outcome_unknown": "outcome_unknown",
}
"""Reason → the state that a job ends in; of any other it has failed."""
RESERVE_BYTES = 64 * 2**20
"""Below so much free space nothing new begins: what a tool answers must find room, and a clip beside it."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What has just happened to a job."""

    job: str
    label: str
    prompt: str
    sample: int
    state: JobState
    message: str = ""
    progress: float | None = None


Progress = Callable[[Step], None]
"""Who is told; called from several threads."""


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A job that this process waits for."""

    job: Job
    adapter: Adapter
    handle: Handle
    is_local: bool


class JobRunner:
    """Runs jobs of one bench; its methods are called from many threads.

    Args:
        bench: Where clips go.
        journal: In which each step is committed.
        progress: Told what becomes of each job.
        allow_unpriced: Tools, without their arms, that may be used under a ceiling although they have no price.
    """

    def __init__(
        self,
        bench: Bench,
        journal: Journal,
        *,
        progress: Progress | None = None,
        allow_unpriced: frozenset[str] = frozenset(),
    ) -> None:
        self.bench, self.journal, self.inbox = bench, journal, Inbox(bench.root / "incoming")
        self.allow_unpriced = allow_unpriced
        self.notes = HandleNotes(bench.root)
        self.unstored: list[str] = []
        """What tools have taken and the database has not, in sentences."""
        self.stopped = threading.Event()
        self.error: BaseException | None = None
        self.n_made = 0
        self._progress = progress
        self._under_way: dict[str, _UnderWay] = {}
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()

    def tidy(self) -> None:
        """Remove what a kill left between the commit of a clip and the end of its copy here."""
        arrived = sorted(self.inbox.jobs())
        jobs = self.bench.jobs(states=("succeeded",), ids=arrived) if arrived else []
        self.inbox.tidy({job.id for job in jobs})

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

    def why_ended(self) -> BaseException | None:
        """The error that ended the run, as a sentence where a person can put it right, with every paid job it left."""
        error = self.error
        if error is None or not (self.unstored or isinstance(error, StoreAwayError)):
            return error
        why = str(error) if isinstance(error, VBenchError) else first_line(error)
        if isinstance(error, StoreAwayError):
            why = f"{self.bench.root}: the bench cannot be written to ({why}); free space or put the database right"
        ended = BenchError(
            "; ".join(dict.fromkeys([why, *self.unstored, "then repeat the same line: nothing is sent twice"]))
        )
        ended.__cause__ = error
        return ended

    def no_room(self) -> str:
        """Why nothing new may begin; empty: there is room to keep what a tool answers."""
        try:
            free = shutil.disk_usage(self.inbox.folder).free
        except OSError as error:
            return f"{self.inbox.folder}: {error.strerror}; put that right, then repeat the same line"
        if free >= RESERVE_BYTES:
            return ""
        return (
            f"{self.bench.root}: {free / 2**20:.0f} MiB are free, {RESERVE_BYTES / 2**20:.0f} are needed to keep what "
            "tools answer; nothing new is sent. Free space, then repeat the same line"
        )

    def stop_jobs(self, jobs: Collection[str]) -> None:
        """Stop single jobs that a person has cancelled."""
        with self._lock:
            begun = [self._under_way[job] for job in jobs if job in self._under_way and job not in self._cancelled]
            self._cancelled.update(jobs)
        self._cancel(begun)

    def _cancel(self, works: Collection[_UnderWay]) -> None:
        """Ask the tools to stop; one that cannot be asked holds up neither the others nor the run."""
        for work in works:
            try:
                work.adapter.cancel(work.handle)
            except VBenchError as error:
                self._report(work.job, "cancelled", f"the tool could not be told ({error})")

    # --- one job --------------------------------------------------------------------------------------------------

    def run(self, job: Job, adapter: Adapter, group: ToolGroup) -> None:
        """Take a claimed job as far as it goes in this run."""
        try:
            handle = job.handle if job.state != "submitting" else self._submit(job, adapter, group)
            if handle is None:
                return
            with self._lock:
                self._under_way[job.id] = _UnderWay(job, adapter, handle, group.is_local)
            self._bring_home(job, adapter, handle)
        except LostJobError:
            return
        except AuthError as error:
            self.journal.release(job.id)
            group.put_down(group.adapters, str(error))
        except BenchError:  # the disk or the database: nothing is wrong with the job
            with suppress(StoreError):  # it is free all the same once this process has ended
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

    # --- sending: the only step that may cost money ---------------------------------------------------------------

    def _submit(self, job: Job, adapter: Adapter, group: ToolGroup) -> Handle | None:
        """Send the one request of a job, and commit what came of it; None: it began nothing that can be waited for."""
        try:
            plan = plan_of(job)
        except (KeyError, TypeError, ValueError) as error:  # a damaged row, or one of another version
            why = f"its stored plan cannot be read ({type(error).__name__}: {error}); nothing was sent"
            self._end(job, "failed", "crashed", f"{why}, plan it anew with `retry=crashed`", cost_usd=0.0)
            return None
        try:
            earlier = self.bench.earlier_end(job) if plan.is_billable else None
            self._report(job, "submitting", "" if earlier is None else why_again(earlier, plan))
        except BaseException:  # of whoever is told, such as a closed pipe: nothing was sent
            self.journal.not_started(job.id, "")
            raise
        try:
            handle = adapter.submit(plan)
        except NotStartedError as error:
            self.journal.not_started(job.id, str(error))
            self._report(job, "planned", str(error))
            if not group.throttle.too_many(error.retry_after_s, is_busy=error.code in ("rate_limited", "concurrency")):
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
            self._end(job, END_STATES.get(error.code, "failed"), error.code, str(error), cost_usd=cost_usd)
            return None
        except BaseException as error:
            why = f"a fault in the adapter while sending ({type(error).__name__}: {error}); look at the tool itself"
            self._broke_off(job, plan, why)
            raise
        self._store_handle(job, handle)
        group.throttle.succeeded()
        self._report(job, "submitted")
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
        sentence = ""
        for pause_s in (*STORE_PAUSES_S, None):
            try:
                self.journal.submitted(job.id, handle)
                return
            except (StoreError, OSError) as error:
                if not sentence:  # before anything else: the process may be ended while it waits
                    sentence = self._noted(job, handle, error)
                if pause_s is None or self.stopped.wait(pause_s):
                    with self._lock:
                        self.unstored.append(sentence)
                    raise BenchError(sentence) from error

    def _noted(self, job: Job, handle: Handle, error: Exception) -> str:
        """Write a handle down outside the database, and tell it; the sentence that was told."""
        place = self.notes.add(job, handle)
        kept = f"it is noted in {place}" if place is not None else "note the number: it could not be written anywhere"
        sentence = (
            f"{job.model}: the tool took {job.prompt.id}-{job.sample} as its job {handle.id}, and the bench cannot "
            f"store that ({first_line(error)}); {kept}"
        )
        with suppress(OSError):  # nobody reads it any more
            self._report(job, "submitted", sentence)
        return sentence

    # --- waiting and fetching -------------------------------------------------------------------------------------

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
                self._report(job, "running", str(error))
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
                self._report(job, status.state, status.message, status.progress)
                if status.retry_after_s is not None:
                    wait_s = status.retry_after_s
                else:
                    wait_s, pause = pause, min(MAX_POLL_S, pause * 1.5)
            if job.id in self._cancelled:
                raise LostJobError(job.id)
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                message = f"not finished after {ASK_FOR_S / 3600:g} hours of asking; run again to ask again"
                self._end(job, "failed", "timeout_local", message)
                return None
            # Jobs of one moment need not ask in step; and what a tool asks to wait may outlast the time that is left.
            self.stopped.wait(min(wait_s * random.uniform(0.95, 1.05), left_s))

    def _bring_home(self, job: Job, adapter: Adapter, handle: Handle) -> None:
        """Wait for the clip, fetch it and store it; what came of a paid job and is no video is fetched again."""
        began, kept = time.monotonic(), self.inbox.kept(job.id)
        for attempt in range(1, FETCH_TRIES + 1):
            if kept is None:
                fresh = self._wait(job, adapter, handle)
                kept = None if fresh is None else self._fetch(job, adapter, fresh)
            if kept is None:
                return
            try:
                probe = check_video(kept[0])
            except ClipError as error:
                if attempt == FETCH_TRIES or not job.plan.get("is_billable"):
                    self._not_a_video(job, error)
                    return
                self._report(job, "running", str(error))
                self._pause(attempt)
                kept = None
                continue
            if self._store(job, kept[0], kept[1], probe, time.monotonic() - began):
                with self._lock:
                    self.n_made += 1
            return

    def _pause(self, attempt: int) -> None:
        self.stopped.wait(min(30.0, FETCH_PAUSE_S * 2.0 ** (attempt - 1)))

    def _fetch(self, job: Job, adapter: Adapter, handle: Handle) -> tuple[Path, Provenance] | None:
        """Bring the clip here; asked again before each further try, since addresses of results expire."""
        out, is_paid = self.inbox.out(job.id), job.plan.get("is_billable")
        for attempt in range(1, FETCH_TRIES + 1):
            try:
                path, provenance = adapter.fetch(handle, out)
                self.inbox.keep(job.id, path, provenance)
                return path, provenance
            except OSError as error:
                if error.errno in NO_ROOM:
                    raise BenchError(
                        f"{self.inbox.folder}: {error.strerror}; free space, then repeat the same line: nothing is lost"
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
                is_final = error.code != "download_failed" and not (error.code == "empty_result" and is_paid)
                if is_final or attempt == FETCH_TRIES:
                    self._end(job, END_STATES.get(error.code, "failed"), error.code, str(error))
                    return None
                self._report(job, "running", str(error))
                self._pause(attempt)
                fresh = self._wait(job, adapter, handle)
                if fresh is None:
                    return None
                handle = fresh
        raise AssertionError("unreachable")

    # --- storing --------------------------------------------------------------------------------------------------

    def _store(self, job: Job, path: Path, provenance: Provenance, probe: Probe, waited_s: float) -> bool:
        """Put the file into the media store, then commit clip and job together; False where no clip came of it."""
        if provenance.latency_s is None:
            provenance = replace(provenance, latency_s=round(waited_s, 3))
        provenance = _with_believed_cost(provenance, job)
        provenance = _against_the_plan(provenance, job, probe)
        clip = clip_from_file(
            path,
            model=job.model,
            prompt=job.prompt,
            sample=job.sample,
            probe=probe,
            provenance=provenance,
            taken=self._taken(job, path.suffix.lower()),
        )
        self.bench.media.put(path, clip.media)
        if (log := self.inbox.log(job.id)).is_file():  # what a local program said, kept beside its clip
            self.bench.media.put(log, f"{clip.media.removesuffix(path.suffix.lower())}.log")
        try:
            self.journal.succeed(job.id, clip)
        except BenchError as error:
            self._end(job, "failed", "crashed", f"{error}; the file that arrived is kept at {path}")
            return False
        self.inbox.discard(job.id)
        log.unlink(missing_ok=True)
        self._report(job, "succeeded")
        return True

    def _taken(self, job: Job, suffix: str) -> set[str]:
        """Names of files that the clip may not have: an edited prompt keeps its id, also while the old one is made."""
        taken = self.bench.media_keys(job.model)
        if self.bench.has_namesake(job):
            taken.add(clip_key(job.model, job.prompt.id, job.sample, suffix).casefold())
        return taken

    def _not_a_video(self, job: Job, error: ClipError) -> None:
        kept = self.inbox.set_aside(job.id)
        where = f"; what came is kept at {kept}" if kept is not None else ""
        self._end(job, "failed", "empty_result", f"{job.model} made something else than a video: {error}{where}")

    # --- how it ends, and who is told -----------------------------------------------------------------------------

    def _end(
        self, job: Job, state: JobState, reason: str | None, message: str, *, cost_usd: float | None = None
    ) -> None:
        known: Reason | None = reason if reason in REASONS else ("provider_error" if reason else None)  # type: ignore[assignment]
        try:
            is_mine = self.journal.finish(job.id, state, reason=known, message=message, cost_usd=cost_usd)
        except StoreError:  # it may be all that is known of a job that was paid for
            self._report(job, state, message)
            raise
        if is_mine:
            self._report(job, state, message)

    def _report(self, job: Job, state: JobState, message: str = "", progress: float | None = None) -> None:
        if self._progress is not None:
            self._progress(
                Step(
                    job=job.id,
                    label=job.model,
                    prompt=job.prompt.id,
                    sample=job.sample,
                    state=state,
                    message=message,
                    progress=progress,
                )
            )


def _with_believed_cost(provenance: Provenance, job: Job) -> Provenance:
    """With the cost that counts; what the tool's answer claims beyond sense is kept beside it and told."""
    claimed, estimate = provenance.cost_usd, countable_usd(job.plan.get("cost_usd"))
    if provenance.cost_source != "billed" or claimed is None:
        return provenance
    counts = believed_usd(claimed, estimate)
    if counts == claimed:
        return provenance
    cost = counts if counts is not None else estimate
    expected = "nobody knows its price" if estimate is None else f"the estimate is ${estimate:.4g}"
    taken = "nothing is counted" if cost is None else f"${cost:.4g} is counted"
    return replace(
        provenance,
        cost_usd=cost,
        cost_source="billed" if counts is not None else "" if cost is None else "estimated",
        warnings=(*provenance.warnings, f"the tool says that ${claimed:.4g} was billed, {expected}: {taken}"),
        extra={**provenance.extra, "claimed_usd": str(claimed)},
    )


def _against_the_plan(provenance: Provenance, job: Job, probe: Probe) -> Provenance:
    """With what was wished and sent, and a warning for each thing that came otherwise."""
    asked = from_json(Setting, job.plan.get("sends") or {})
    notes = {"request": Wishes.of(job.plan["request"]).made, SENT: _said(asked)}
    return replace(
        provenance,
        warnings=(*provenance.warnings, *compared(probe, asked, provenance.extra).differences),
        extra={**provenance.extra, **{name: note for name, note in notes.items() if note}},
    )


def _said(asked: Setting) -> dict[str, Any]:
    return {name: value for name, value in to_json(asked).items() if value not in (None, "")}


def check_video(path: Path) -> Probe:
    """Decode the file once.

    Raises:
        ClipError: it is not a video: unreadable, empty, or a single picture.
    """
    from vbench.video import probe

    facts = probe(path)
    if facts.n_frames < 2:
        raise ClipError(f"{path.name}: one picture ({facts.codec}), not a video", code="no_video")
    return facts
