"""How often one visitor may do something."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable


class RateLimit:
    """A bucket of tokens per key, refilled evenly; keys are hashed, and the oldest are forgotten."""

    def __init__(self, per_minute: float, *, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = per_minute / 60, burst, clock
        self._salt = secrets.token_bytes(16)
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Take a token: 0 where there was one, else the seconds until there is."""
        hashed = hashlib.blake2b(key.encode(), key=self._salt, digest_size=12).digest()
        now = self._clock()
        tokens, then = self._buckets.pop(hashed, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[hashed] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self._buckets) > 20_000:
            self._buckets.popitem(last=False)
        return wait
