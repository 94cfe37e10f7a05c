"""The pair that one voter is shown, and the signed word with which they may judge it."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vbench.errors import VBenchError

Side = Literal["left", "right"]
TOKEN_S = 3600


class ArenaError(VBenchError):
    """A draw or a vote that cannot be; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What one voter is shown."""

    id: str
    a: str
    """Clip id."""
    b: str
    prompt_key: str
    left: Literal["a", "b"]
    voter: str
    propensity: float
    """Odds of this pair at the time of the draw."""
    repeats: str
    """Id of the vote that this pair asks for again; empty otherwise."""
    expires: float
    media: Mapping[Side, str]
    """Names of the two files in addresses; random, so that they tell nothing."""

    def clip(self, side: Side) -> str:
        """Clip id of one side."""
        return self.a if (side == "left") == (self.left == "a") else self.b


class Tickets:
    """Signs what a vote must bring: pair, side order, voter and expiry.

    Args:
        key: Belongs to the bench, so that a restart of the page changes no signature.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def give(self, pair: Pair) -> str:
        """The token of a pair; the side order is signed, but not in it to be read."""
        body = {"pair": pair.id, "voter": pair.voter, "expires": int(pair.expires)}
        text = base64.urlsafe_b64encode(json.dumps(body, separators=(",", ":")).encode()).decode().rstrip("=")
        return f"{text}.{self._sign(text, pair.left)}"

    def judged(self, token: str, voter: str, pairs: Mapping[str, Pair]) -> Pair:
        """The pair that a token stands for.

        Args:
            token: As `give` gave it.
            voter: Who brings it.
            pairs: Those on show, by id.

        Raises:
            ArenaError: 403, forged or another voter's; 410, expired, or the pair is not on show any more.
        """
        text, _, signature = token.rpartition(".")
        forged = ArenaError(403, "this vote was not given out by this page; draw a pair and vote on that")
        if not any(self._is_signed(text, signature, left) for left in ("a", "b")):
            raise forged
        try:
            body = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, binascii.Error):
            raise forged from None
        if not hmac.compare_digest(str(body["voter"]), voter):
            raise ArenaError(403, "this pair was drawn for someone else; draw your own")
        if body["expires"] < time.time():
            raise ArenaError(410, f"this pair was drawn more than {TOKEN_S // 60} minutes ago; draw the next one")
        pair = pairs.get(body["pair"])
        if pair is None:
            raise ArenaError(410, "this pair was drawn before the page was restarted; draw the next one")
        if not self._is_signed(text, signature, pair.left):
            raise forged
        return pair

    def _sign(self, text: str, left: str) -> str:
        return hmac.new(self._key, f"{text}|{left}".encode(), "sha256").hexdigest()

    def _is_signed(self, text: str, signature: str, left: str) -> bool:
        return hmac.compare_digest(signature.encode(), self._sign(text, left).encode())
