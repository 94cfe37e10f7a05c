"""Threads that turn a backbone's rows into features, so that the thread that feeds the device never waits for them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

BACKLOG = 8
"""Batches that may wait in a lane; above it the feeding thread waits, so that memory stays bounded."""
MOST = 8
"""Lanes at most: each takes the rows of two to three 720p clips a second where flow is reduced."""


class Lanes:
    """A few threads, each with a queue; what belongs to one clip goes through one lane, in its order.

    Args:
        n: Lanes; None: half the cores this process may use, at least one and at most `MOST`.
    """

    def __init__(self, n: int | None = None) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        n = n if n is not None else max(1, min(MOST, cores // 2))
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix=f"lane-{lane}") for lane in range(n)]
        self._waiting: list[deque[Future[None]]] = [deque() for _ in range(n)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for thread in self._threads:
            thread.shutdown(wait=True, cancel_futures=True)

    def put(self, clip: int, work: Callable[..., None], *given: Any) -> Future[None]:
        """Have `work(*given)` done after all that was put in before for this clip; what it raises is in the future."""
        lane = clip % len(self._threads)
        waiting = self._waiting[lane]
        while len(waiting) >= BACKLOG:
            waiting.popleft().exception()  # waits; whoever closes the clip is told of errors
        future = self._threads[lane].submit(work, *given)
        waiting.append(future)
        return future
