"""One run's work: tools that share a limit or a device in one group, and a sign of life while it lasts."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from vbench.adapters import Adapter
from vbench.generate.job_runner import Maker
from vbench.generate.journal import Journal
from vbench.generate.matrix import Tool
from vbench.generate.worker import Group, run_groups

HEARTBEAT_S = 5.0


def work_off(tools: Sequence[Tool], adapters: Mapping[str, Adapter], maker: Maker) -> dict[str, str]:
    """Make what the maker's journal holds of these tools.

    Args:
        tools: With their arms.
        adapters: Label → adapter.
        maker: Its journal is this process's.

    Returns:
        Tool → why it stopped early; its jobs wait for the next run.
    """
    maker.tidy()
    groups = _groups(tools, adapters)
    with _heartbeat(maker.journal, maker):
        run_groups(groups, maker)
    return {label: group.paused[label] for group in groups for label in group.paused}


def _groups(tools: Sequence[Tool], adapters: Mapping[str, Adapter]) -> list[Group]:
    """Tools that share an account share its limit; those that share a device take turns, one after the other."""
    groups: dict[str, Group] = {}
    for tool in tools:
        lane = lane_of(adapters[tool.label])
        name = f"lane {lane}" if lane else tool.card.id
        group = groups.setdefault(
            name, Group(name=name, limit=1 if lane else tool.card.limits.concurrency, is_local=bool(lane))
        )
        group.adapters[tool.label] = adapters[tool.label]
    return list(groups.values())


def lane_of(adapter: Adapter) -> str:
    """The device of this machine that an adapter needs for itself; empty: none."""
    return str(getattr(adapter, "lane", ""))


class _heartbeat:
    """Shows other processes that this one lives, and stops jobs that a person has cancelled."""

    def __init__(self, journal: Journal, maker: Maker) -> None:
        self._journal, self._maker, self._over = journal, maker, threading.Event()
        self._thread = threading.Thread(target=self._beat, name="vbench-heartbeat", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            while not self._over.wait(HEARTBEAT_S):
                self._maker.stop_jobs(self._journal.heartbeat())
        except BaseException as error:  # without a sign of life others would take this run's jobs: it ends
            self._maker.fail(error)
