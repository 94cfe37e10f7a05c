"""The pair that one voter is shown, and the signed word with which they may judge it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from itsdangerous import BadData, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from vbench.errors import VBenchError

Side = Literal["left", "right"]
TOKEN_S = 3600


class ArenaError(VBenchError):
    """A draw or a vote that cannot be."""


class NothingToCompareError(ArenaError):
    """No two tools share a prompt, or this voter has judged every pair."""


class NotOnShowError(ArenaError):
    """There is no such picture for this voter."""


class ForgedTicketError(ArenaError):
    """The ticket was not given out here, or to someone else."""


class ExpiredTicketError(ArenaError):
    """The ticket was good once: its time is over, or its pair is not on show any more."""


class JudgedBeforeError(ArenaError):
    """This voter's verdict on this pair is there already."""


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


def expiry() -> float:
    """Until when a pair that is drawn now may be judged, as `time.time` counts."""
    return time.time() + TOKEN_S


class Tickets:
    """Signs what a vote must bring: pair, side order, voter and expiry.

    Args:
        key: Belongs to the bench, so that a restart of the page changes no signature.
    """

    def __init__(self, key: bytes) -> None:
        self._signers = {
            left: Signer(key, salt=f"vbench.arena.{left}", key_derivation="hmac", digest_method=hashlib.sha256)
            for left in ("a", "b")
        }
        """By the take on the left: the side order is signed, but not in the ticket to be read."""

    def give(self, pair: Pair) -> str:
        """The token of a pair."""
        body = {"pair": pair.id, "voter": pair.voter, "expires": int(pair.expires)}
        text = base64_encode(json.dumps(body, separators=(",", ":")))
        return self._signers[pair.left].sign(text).decode()

    def judged(self, token: str, voter: str, pairs: Mapping[str, Pair]) -> Pair:
        """The pair that a token stands for.

        Args:
            token: As `give` gave it.
            voter: Who brings it.
            pairs: Those on show, by id.

        Raises:
            ForgedTicketError: not given out here, or another voter's.
            ExpiredTicketError: its time is over, or the pair is not on show any more.
        """
        text = token.rpartition(".")[0]
        forged = ForgedTicketError("this vote was not given out by this page; draw a pair and vote on that")
        if not any(self._is_signed(token, text, left) for left in self._signers):
            raise forged
        try:
            body = json.loads(base64_decode(text))
        except (ValueError, BadData):
            raise forged from None
        if not hmac.compare_digest(str(body["voter"]), voter):
            raise ForgedTicketError("this pair was drawn for someone else; draw your own")
        if body["expires"] < time.time():
            raise ExpiredTicketError(f"this pair was drawn more than {TOKEN_S // 60} minutes ago; draw the next one")
        pair = pairs.get(body["pair"])
        if pair is None:
            raise ExpiredTicketError("this pair was drawn before the page was restarted; draw the next one")
        if not self._is_signed(token, text, pair.left):
            raise forged
        return pair

    def _is_signed(self, token: str, text: str, left: str) -> bool:
        """By the very letters: one signature can be spelled in base64 in several ways."""
        return hmac.compare_digest(token.encode(), self._signers[left].sign(text.encode()))
