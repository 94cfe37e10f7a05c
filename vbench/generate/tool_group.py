"""Tools that share a limit: how many of their jobs may be under way, and which do nothing more in this run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from vbench.adapters import Adapter
from vbench.generate.spec import Tool

MAX_PAUSE_S = 60.0
BUSY_IN_A_ROW, UNREACHED_IN_A_ROW = 20, 5
"""So many refusals without one success in between end a tool's run: something else is wrong."""


class Throttle:
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
            pause_s = retry_after_s if retry_after_s is not None else min(MAX_PAUSE_S, 2.0 ** min(self._refused, 6) / 2)
            self._not_before = max(self._not_before, time.monotonic() + pause_s)
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
class ToolGroup:
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
    throttle: Throttle = field(init=False)

    def __post_init__(self) -> None:
        self.throttle = Throttle(self.limit)

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


def groups_of(tools: Sequence[Tool], adapters: Mapping[str, Adapter]) -> list[ToolGroup]:
    """Tools that share an account share its limit; those that share a device take turns, one after the other.

    Args:
        tools: With their arms.
        adapters: Label → adapter.
    """
    groups: dict[str, ToolGroup] = {}
    for tool in tools:
        lane = lane_of(adapters[tool.label])
        name = f"lane {lane}" if lane else tool.card.id
        limit = 1 if lane else tool.card.limits.concurrency
        group = groups.setdefault(name, ToolGroup(name=name, limit=limit, is_local=bool(lane)))
        group.adapters[tool.label] = adapters[tool.label]
    return list(groups.values())


def lane_of(adapter: Adapter) -> str:
    """The device of this machine that an adapter needs for itself; empty: none."""
    return str(getattr(adapter, "lane", ""))
