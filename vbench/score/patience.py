"""Waits for a database that is away for a while: what was measured is not thrown away with the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from vbench.bench import StoreAwayError, disk_trouble
from vbench.errors import BenchError
from vbench.text import first_line

AWAY_S = 600.0
"""How long a database may be away: a restart, a failover, a network that comes back."""
PAUSE_S = 2.0
T = TypeVar("T")


class Patience:
    """Does steps that may be done twice, again and again while the database is away.

    Args:
        note: Told when it goes away.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    def __call__(self, step: Callable[[], T]) -> T:
        """What a step gives.

        Raises:
            BenchError: the database was away for longer than `AWAY_S`.
        """
        since: float | None = None
        while True:
            try:
                return step()
            except StoreAwayError as error:
                if disk_trouble(error) is not None:  # waiting would not help
                    raise
                why = first_line(getattr(error, "orig", error))
                if since is None:
                    since = time.monotonic()
                    self._note(f"the database does not answer ({why}); waiting up to {AWAY_S / 60:.0f} min for it")
                if time.monotonic() - since > AWAY_S:
                    raise BenchError(
                        f"the database has not answered for {AWAY_S / 60:.0f} min ({why}); what was stored is kept: "
                        "put it right, then type the same line again"
                    ) from error
                time.sleep(PAUSE_S)
