"""The clips that one scoring process has for itself, so that several divide those of a bench."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from typing import Self

from vbench.bench import Bench, StoreError
from vbench.bench.owner import LEASE_S, Owner

BATCH_S = 100.0
"""Work that a process takes at once, so that asking for more costs little beside it."""
FIRST_BATCH = 8
"""Clips per decode process that are taken before anything is known of how long one takes."""
POLL_S = 1.0
"""How often a process looks for clips that others have given up, where they hold all that is left."""
log = logging.getLogger(__name__)


class Claims(Owner):
    """An owner of clips; while it is open, a thread shows that it lives."""

    def __init__(self, bench: Bench, *, workers: int) -> None:
        super().__init__(bench.root)
        self._bench, self._workers = bench, max(1, workers)
        self._ended = threading.Event()
        self._beat = threading.Thread(target=self._prolong, name="claims", daemon=True)
        self._beat.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._beat.join()
        try:
            self._bench.release_claims(self.owner)
        except StoreError as error:  # they are free all the same: nobody holds the lock any more
            log.warning("the clips under way could not be given back (%s); the next run takes them up", error)
        finally:
            self.close()

    def take(self, wanted: Sequence[str], *, seconds_per_clip: float | None) -> list[str]:
        """Clips to measure next, of those wanted; none where others hold all of them.

        About so many as take `BATCH_S`; where others measure too, small enough a share that all end together.
        """
        least = FIRST_BATCH * self._workers
        n = least if seconds_per_clip is None else max(least, math.ceil(BATCH_S / max(seconds_per_clip, 1e-3)))
        n_others = self._bench.n_claimants(self.owner)
        if n_others:
            n = min(n, max(self._workers, math.ceil(len(wanted) / (2 * (n_others + 1)))))
        return self._bench.claim_clips(wanted, n, owner=self.owner, lease_s=LEASE_S, is_alive=self.is_alive)

    def release(self, clips: Sequence[str]) -> None:
        """Give some back."""
        self._bench.release_claims(self.owner, clips)

    def _prolong(self) -> None:
        while not self._ended.wait(LEASE_S / 6):
            try:
                self._bench.extend_claims(self.owner, LEASE_S)
            except StoreError as error:  # the next try may come in time
                log.warning("the lease of the clips under way could not be prolonged (%s)", error)
