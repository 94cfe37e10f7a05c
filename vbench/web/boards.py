"""Leaderboards of a running page, kept until the bench changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import func, select

from vbench.bench import Bench
from vbench.bench.tables import ClipRow, JobRow, ScoreRow
from vbench.rank import board


@dataclass(slots=True)
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    state: Any = None
    value: Any = None


class Kept:
    """Results that are good until the bench changes."""

    def __init__(self, n_kept: int = 16) -> None:
        self._slots: OrderedDict[Any, _Slot] = OrderedDict()
        self._n_kept, self._lock, self._making = n_kept, threading.Lock(), threading.Lock()

    def get(self, key: Any, state: Any, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once per key and state of the bench.

        One is made at a time; whoever asks for another that is there already does not wait for it.
        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > self._n_kept:
                self._slots.popitem(last=False)
        with slot.lock:  # the second visitor waits for the first one's board
            if slot.state != state:
                with self._making:
                    slot.value = make()
                slot.state = state
            return slot.value


class HasBoards(Protocol):
    """A running page, as far as boards go."""

    @property
    def bench(self) -> Bench: ...
    @property
    def boards(self) -> Kept: ...


def bench_state(bench: Bench) -> tuple[Any, ...]:
    """Changes whenever clips, scores or jobs do."""
    with bench.session() as session:
        return (
            session.scalar(select(func.count()).select_from(ClipRow)),
            *session.execute(select(func.count(), func.max(ScoreRow.added)).select_from(ScoreRow)).one(),
            *session.execute(select(func.count(), func.max(JobRow.finished_at)).select_from(JobRow)).one(),
        )


def boards(
    page: HasBoards,
    *,
    metrics: tuple[str, ...] | None = None,
    by: str = "",
    models: tuple[str, ...] | None = None,
    tags: tuple[str, ...] = (),
) -> board.Board:
    """The leaderboard, kept until the bench changes."""
    found: board.Board = page.boards.get(
        (metrics, by, models, tags),
        bench_state(page.bench),
        lambda: board.leaderboard(page.bench, metrics=metrics, by=by or None, models=models, tags=tags),
    )
    return found
