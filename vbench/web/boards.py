"""Leaderboards of a running page, kept until the bench changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from vbench.bench import Bench
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


def boards(page: HasBoards, query: board.BoardQuery | None = None) -> board.Board:
    """The leaderboard, kept until the bench changes."""
    query = query or board.BoardQuery()
    kept: board.Board = page.boards.get(query, page.bench.state_mark(), lambda: board.leaderboard(page.bench, query))
    return kept
