"""Ratings of an arena, made anew when votes have come in; nobody who votes waits for them for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from vbench.rank import stats

AT_ONCE = 200
"""Up to so many votes, ratings are made while the voter waits."""
Votes = Callable[[], tuple[int, list[stats.Verdict]]]
"""Number of all votes, and those that count."""


class Ratings:
    """The latest ratings; safe to ask from several threads."""

    def __init__(self, votes: Votes) -> None:
        self._votes = votes
        self._known: tuple[int, float, list[stats.Rating]] = (-1, 0.0, [])
        """Of how many votes, when, which."""
        self._making = threading.Lock()

    def get(self, n_votes: int, *, max_age_s: float) -> list[stats.Rating]:
        """Ratings, best first; empty before the first vote.

        Args:
            n_votes: How many votes there are.
            max_age_s: Where a person waits for the answer: older ratings are given too, while newer ones are made.
        """
        n_known, made, known = self._known
        if n_known == n_votes or (known and time.monotonic() - made < max_age_s):
            return known
        if max_age_s and (known or n_votes > AT_ONCE):
            if self._making.acquire(blocking=False):
                threading.Thread(target=self._make_and_release, name="ratings", daemon=True).start()
            return known
        with self._making:
            return self._make()

    def _make_and_release(self) -> None:
        try:
            self._make()
        finally:
            self._making.release()

    def _make(self) -> list[stats.Rating]:
        n_votes, verdicts = self._votes()
        if not verdicts:
            return []
        found = stats.bradley_terry(verdicts)
        self._known = (n_votes, time.monotonic(), found)
        return found
