"""Worker threads that take jobs from the journal: as many per tool as it allows, fewer when it says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vbench.adapters import Adapter
from vbench.generate.claiming import OverCeilingError
from vbench.generate.job_runner import Maker

IDLE_S = 0.5
"""How often a worker looks again while its tool's limit is reached by others."""
MAX_PAUSE_S = 60.0
BUSY_IN_A_ROW, UNREACHED_IN_A_ROW = 20, 5
"""So many refusals without one success in between end a tool's run: something else is wrong."""
GRACE_S = 60.0
"""How long a stopped run waits for requests that are on their way."""


class Gate:
    """How many jobs of a tool may be under way now: halved when it says "too many", raised as they succeed."""

    def __init__(self, limit: int) -> None:
        self._most = self.limit = limit
        self._not_before = 0.0
        self._refused = self._succeeded = 0
        self._lock = threading.Lock()

    def too_many(self, retry_after_s: float | None, *, is_busy: bool = True) -> bool:
        """The tool took no job; False where it has done nothing else for long.

        Args:
            retry_after_s: What it asks for; None: pauses double.
            is_busy: It said that it has too much to do; otherwise it could not be reached.
        """
        with self._lock:
            self._refused += 1
            self._succeeded = 0
            self.limit = max(1, self.limit // 2)
            pause = retry_after_s if retry_after_s is not None else min(MAX_PAUSE_S, 2.0 ** min(self._refused, 6) / 2)
            self._not_before = max(self._not_before, time.monotonic() + pause)
            return self._refused < (BUSY_IN_A_ROW if is_busy else UNREACHED_IN_A_ROW)

    def succeeded(self) -> None:
        """The tool took a job."""
        with self._lock:
            self._refused = 0
            self._succeeded += 1
            if self._succeeded >= 2 * self.limit and self.limit < self._most:
                self.limit, self._succeeded = self.limit + 1, 0

    def wait_s(self) -> float:
        """Seconds until the next request may leave."""
        return max(0.0, self._not_before - time.monotonic())


@dataclass(slots=True)
class Group:
    """Tools that share a limit."""

    name: str
    limit: int
    is_local: bool
    """They share a device: one after the other, each freed before the next."""
    adapters: dict[str, Adapter] = field(default_factory=dict)
    """Label → adapter."""
    paused: dict[str, str] = field(default_factory=dict)
    """Label → why nothing new of it is started in this run."""
    unasked: set[str] = field(default_factory=set)
    """Labels that are not even asked about what they have: they would only say once more that the key is refused."""
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(self.limit)

    def pause(self, label: str, why: str) -> None:
        """Start nothing new of one tool."""
        self.paused.setdefault(label, why)

    def pause_all(self, why: str) -> None:
        """Start nothing new of the group."""
        for label in self.adapters:
            self.pause(label, why)

    def put_down(self, labels: Iterable[str], why: str) -> None:
        """Do nothing more of these tools in this run; what they have is taken up by the next one."""
        for label in labels:
            self.pause(label, why)
            self.unasked.add(label)


def run_groups(groups: Sequence[Group], maker: Maker) -> None:
    """Work until nothing is left that this process may do.

    Raises:
        UserError: the whole run cannot go on (the disk is full).
        KeyboardInterrupt: after what was under way has been put down.
    """
    threads = [
        threading.Thread(target=_work, args=(group, maker), name=f"vbench {group.name} {n}", daemon=True)
        for group in groups
        for n in range(1 if group.is_local else group.limit)
    ]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(0.1)
    except KeyboardInterrupt:
        maker.stop()
        deadline = time.monotonic() + GRACE_S
        for thread in threads:  # a second Ctrl-C ends this wait; a request on its way then has an unknown outcome
            thread.join(max(0.0, deadline - time.monotonic()))
        raise
    if maker.error is not None:
        raise maker.error


def _work(group: Group, maker: Maker) -> None:
    try:
        if group.is_local:
            for label, adapter in group.adapters.items():
                _drain(group, [label], maker)
                adapter.close()
        else:
            _drain(group, list(group.adapters), maker)
    except BaseException as error:
        maker.fail(error)


def _drain(group: Group, labels: list[str], maker: Maker) -> None:
    """Make jobs of these tools until there are none that this process could take."""
    while not maker.stopped.is_set():
        if maker.stopped.wait(group.gate.wait_s()):
            return
        asked = [label for label in labels if label not in group.unasked]
        open_labels = [label for label in labels if label not in group.paused]
        limit = 10**9 if group.is_local else group.gate.limit  # a device is this process's own
        try:
            job = maker.journal.claim(asked, limit, start=open_labels, allow_unpriced=maker.allow_unpriced)
        except OverCeilingError as error:
            group.pause(error.model, str(error))
            continue
        if job is None:
            if not maker.journal.n_free(open_labels, asked):
                return
            maker.stopped.wait(IDLE_S)
            continue
        maker.make(job, group.adapters[job.model], group)
