"""Worker threads that take jobs from the journal, as many per tool as it allows, and a sign of life while they work."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from vbench.adapters import Adapter
from vbench.generate.budget import OverCeilingError
from vbench.generate.job_runner import JobRunner
from vbench.generate.journal import Journal
from vbench.generate.spec import Tool
from vbench.generate.tool_group import ToolGroup, groups_of

IDLE_S = 0.5
"""How often a worker looks again while its tool's limit is reached by others."""
GRACE_S = 60.0
"""How long a stopped run waits for requests that are on their way."""
HEARTBEAT_S = 5.0
NO_LIMIT = 10**9


def work_off(tools: Sequence[Tool], adapters: Mapping[str, Adapter], runner: JobRunner) -> dict[str, str]:
    """Make what the runner's journal holds of these tools.

    Args:
        tools: With their arms.
        adapters: Label → adapter.
        runner: Its journal is this process's.

    Returns:
        Tool → why it stopped early; its jobs wait for the next run.
    """
    runner.tidy()
    groups = groups_of(tools, adapters)
    with Heartbeat(runner.journal, runner):
        run_groups(groups, runner)
    return {label: group.paused[label] for group in groups for label in group.paused}


class Heartbeat:
    """Shows other processes that this one lives, and stops jobs that a person has cancelled."""

    def __init__(self, journal: Journal, runner: JobRunner) -> None:
        self._journal, self._runner, self._over = journal, runner, threading.Event()
        self._thread = threading.Thread(target=self._beat, name="vbench-heartbeat", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            while not self._over.wait(HEARTBEAT_S):
                self._runner.stop_jobs(self._journal.heartbeat())
        except BaseException as error:  # without a sign of life others would take this run's jobs: it ends
            self._runner.fail(error)


def run_groups(groups: Sequence[ToolGroup], runner: JobRunner) -> None:
    """Work until nothing is left that this process may do.

    Raises:
        UserError: the whole run cannot go on (the disk is full).
        KeyboardInterrupt: after what was under way has been put down.
    """
    # Each says itself that it is over: an interrupted `join` may take a thread that works for one that has ended.
    threads: dict[threading.Thread, threading.Event] = {}
    for group in groups:
        for n in range(1 if group.is_local else group.limit):
            over = threading.Event()
            name = f"vbench {group.name} {n}"
            threads[threading.Thread(target=_work, args=(group, runner, over), name=name, daemon=True)] = over
    try:
        for thread in threads:
            thread.start()
        for over in threads.values():
            while not over.wait(0.1):
                pass
    except KeyboardInterrupt:
        runner.stop()
        deadline = time.monotonic() + GRACE_S
        for thread, over in threads.items():  # a second Ctrl-C ends this wait; a request then has an unknown outcome
            if thread.ident is not None:  # it was started before the interrupt
                over.wait(max(0.0, deadline - time.monotonic()))
        raise
    if (error := runner.why_ended()) is not None:
        raise error


def _work(group: ToolGroup, runner: JobRunner, over: threading.Event) -> None:
    try:
        if group.is_local:
            for label, adapter in group.adapters.items():
                _drain(group, [label], runner)
                adapter.close()
        else:
            _drain(group, list(group.adapters), runner)
    except BaseException as error:
        runner.fail(error)
    finally:
        over.set()


def _drain(group: ToolGroup, labels: list[str], runner: JobRunner) -> None:
    """Make jobs of these tools until there are none that this process could take."""
    while not runner.stopped.is_set():
        if runner.stopped.wait(group.throttle.wait_s()):
            return
        if any(label not in group.paused for label in labels) and (why := runner.no_room()):
            group.pause_all(why)
        may_ask = [label for label in labels if label not in group.unasked]
        may_start = [label for label in labels if label not in group.paused]
        limit = NO_LIMIT if group.is_local else group.throttle.limit  # a device is this process's own
        try:
            job = runner.journal.claim(may_ask, limit, start=may_start, allow_unpriced=runner.allow_unpriced)
        except OverCeilingError as error:
            group.pause(error.model, str(error))
            continue
        if job is None:
            if not runner.journal.n_free(may_start, may_ask):
                return
            runner.stopped.wait(IDLE_S)
            continue
        runner.run(job, group.adapters[job.model], group)
