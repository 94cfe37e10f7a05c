"""Blind pairs: drawn so that ratings tighten fastest, shown under names that say nothing, judged once."""

from __future__ import annotations

import hmac
import random
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Literal, TypeVar

import numpy as np

from vbench.arena.pairs import odds
from vbench.arena.tally import Field, Names, Tally, field_of
from vbench.arena.tickets import (
    JudgedBeforeError,
    NothingToCompareError,
    NotOnShowError,
    Pair,
    Side,
    Tickets,
    expiry,
)
from vbench.bench import Bench
from vbench.rank.intervals import Floats
from vbench.rank.ratings import UNCOUNTED, Rating, Verdict, bradley_terry
from vbench.records import Outcome, Vote

SideOutcome = Literal["left", "right", "tie", "both_bad", "skip", "broken"]
REPEAT_SHARE = 0.05
REPEAT_AFTER = 5
"""A pair comes back only after this many others, when it is no longer fresh in mind."""
REPEAT = "the same pair again with sides swapped, for the voter's agreement with themselves"
NOT_WATCHED = "one of the two takes was not watched"
HURRIED = "judged in less time than the takes last"
CROWDED = "more votes from one address than people cast there"
SHARE_WATCHED = 0.9
"""Of the shorter take; players come to its last frame a little early."""
KEPT_PAIRS = 20_000
REFRESH_S = 10.0
T = TypeVar("T")


class Arena:
    """Draws pairs and takes votes for one bench; safe to call from several threads.

    Args:
        bench: Where takes and votes are.
        rng: Draws the pairs.
        must_watch: Votes count only of those who asked for both files (`shown`) and took as long as the takes last; the
            others are kept with the reason.
        clock: Seconds.
    """

    def __init__(
        self,
        bench: Bench,
        *,
        rng: random.Random | None = None,
        must_watch: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bench, self._rng = bench, rng or random.SystemRandom()
        self._must_watch, self._clock = must_watch, clock
        self._asked_at: dict[str, float] = {}
        """Name of a file → when its voter first asked for it."""
        self._tickets = Tickets(bench.secret("votes"))
        self._lock = threading.RLock()
        self._pairs: OrderedDict[str, Pair] = OrderedDict()
        self._files: dict[str, tuple[str, Side]] = {}
        self._casting: set[tuple[str, str, str]] = set()
        """(voter, clip, clip) of the votes that are being stored."""
        self._tally, self._n_clips, self._looked = Tally(Field(), ()), -1, -REFRESH_S
        self._ratings = LatestRatings(self._verdicts)

    # --- drawing --------------------------------------------------------------------------------------------------

    def draw(self, voter: str, *, prompt: str = "", tag: str = "") -> Pair:
        """The next pair for a voter.

        Args:
            voter: Who; any name that is the same whenever this person votes.
            prompt: Key or id of a prompt to stay with; empty: any.
            tag: Tag of prompts to stay with; empty: any.

        Raises:
            NothingToCompareError: there is no pair, or none left that this voter has not judged.
        """
        with self._lock:
            self._refresh()
            if not (prompt or tag) and self._rng.random() < REPEAT_SHARE and (again := self._repeat(voter)):
                return again
            return self._fresh(voter, self._prompts(prompt, tag))

    def _prompts(self, prompt: str, tag: str) -> frozenset[str] | None:
        if not (prompt or tag):
            return None
        return frozenset(
            key
            for key, (name, tags) in self._tally.field.tags.items()
            if (not prompt or prompt in (key, name)) and (not tag or tag in tags)
        )

    def _open(self, voter: str, prompts: Set[str] | None) -> dict[Names, frozenset[str]]:
        """Two tools → prompts on which this voter has not compared them yet."""
        judged, shared = self._tally.judged(voter), self._tally.field.shared
        open_: dict[Names, frozenset[str]] = {}
        for names, keys in shared.items():
            remaining = keys if prompts is None else keys & prompts
            if names in judged:
                remaining = remaining - judged[names]
            if remaining:
                open_[names] = remaining
        if not open_:
            if not shared or (prompts is not None and not judged):
                raise NothingToCompareError(
                    "no two tools share a prompt here; import or generate clips of a second tool"
                )
            raise NothingToCompareError("you have judged every pair there is; thank you")
        return open_

    def _fresh(self, voter: str, prompts: Set[str] | None) -> Pair:
        open_ = self._open(voter, prompts)
        drawable = list(open_)
        names, of_pair = self._choose(drawable, odds(np.array([self._tally.gain(names) for names in drawable])))
        candidates = sorted(open_[names])
        rarity = np.array([1 / (1 + self._tally.n_asked(names, key)) for key in candidates])
        key, of_prompt = self._choose(candidates, rarity / rarity.sum())
        takes = [self._tally.field.takes[name, key] for name in names]
        a, b = (self._rng.choice(ids) for ids in takes)
        propensity = of_pair * of_prompt / (len(takes[0]) * len(takes[1]))
        left: Literal["a", "b"] = self._rng.choice(("a", "b"))
        return self._keep(voter, a, b, key, left, propensity, "")

    def _choose(self, items: Sequence[T], shares: Floats) -> tuple[T, float]:
        index = self._rng.choices(range(len(items)), weights=[float(p) for p in shares])[0]
        return items[index], float(shares[index])

    def _repeat(self, voter: str) -> Pair | None:
        """An earlier pair of this voter with the sides swapped, if there is one that has not come back yet."""
        own, cells = self._tally.own(voter), self._tally.field.cells
        again = {str(v.watched.get("repeats", "")) for v in own}
        earlier = [v for v in own[: max(0, len(own) - REPEAT_AFTER)] if not v.excluded and v.id not in again]
        earlier = [v for v in earlier if v.a in cells and v.b in cells]
        if not earlier:
            return None
        vote = self._rng.choice(earlier)
        left: Literal["a", "b"] = "b" if vote.left == "a" else "a"
        return self._keep(voter, vote.a, vote.b, cells[vote.a].prompt_key, left, REPEAT_SHARE / len(earlier), vote.id)

    def _keep(
        self, voter: str, a: str, b: str, key: str, left: Literal["a", "b"], propensity: float, repeats: str
    ) -> Pair:
        media: dict[Side, str] = {"left": secrets.token_urlsafe(16), "right": secrets.token_urlsafe(16)}
        pair = Pair(
            id=secrets.token_hex(16),
            a=a,
            b=b,
            prompt_key=key,
            left=left,
            voter=voter,
            propensity=propensity,
            repeats=repeats,
            expires=expiry(),
            media=media,
        )
        self._pairs[pair.id] = pair
        self._files |= {name: (pair.id, side) for side, name in media.items()}
        while len(self._pairs) > KEPT_PAIRS:
            _, old = self._pairs.popitem(last=False)
            for name in old.media.values():
                del self._files[name]
                self._asked_at.pop(name, None)
        return pair

    def shown(self, file: str, voter: str) -> tuple[Pair, Side]:
        """The pair and the side behind a blind address.

        Raises:
            NotOnShowError: there is none for this voter.
        """
        with self._lock:
            pair_id, side = self._files.get(file, ("", "left"))
            pair = self._pairs.get(pair_id)
            if pair is None or not hmac.compare_digest(pair.voter, voter):
                raise NotOnShowError("this pair is not on show; draw the next one")
            self._asked_at.setdefault(file, self._clock())
        return pair, side

    # --- voting ---------------------------------------------------------------------------------------------------

    def token(self, pair: Pair) -> str:
        """What a vote on this pair must bring."""
        return self._tickets.give(pair)

    def cast(
        self, token: str, voter: str, outcome: SideOutcome, watched: Mapping[str, Any], *, excluded: str = ""
    ) -> tuple[Pair, Vote]:
        """Take a verdict.

        Args:
            token: As `token` gave it.
            voter: Who; any name that is the same whenever this person votes.
            outcome: The verdict in terms of sides.
            watched: What was watched; stored with the vote.
            excluded: Why the vote is to be kept without counting; empty: nothing speaks against it.

        Raises:
            ForgedTicketError, ExpiredTicketError: see `Tickets.judged`.
            JudgedBeforeError: this voter's verdict on the pair is there.
        """
        with self._lock:
            pair = self._tickets.judged(token, voter, self._pairs)
            place = (voter, pair.a, pair.b)
            earlier = self._tally.vote_on(*place)
            if place in self._casting or earlier == f"v{pair.id}":
                raise JudgedBeforeError("this pair has your vote already; draw the next one")
            if earlier and not pair.repeats:
                raise JudgedBeforeError("you voted on this pair in another tab; that vote counts. Draw the next one")
            self._casting.add(place)  # before the slow part, so that a second tab finds it
        try:
            vote = _vote(pair, outcome, watched, excluded or self._why_excluded(pair, outcome, watched))
            is_new = self._bench.add_vote(vote)
            if not is_new:
                raise JudgedBeforeError("this pair has your vote already; draw the next one")
            with self._lock:
                self._tally.count(vote)
        finally:
            with self._lock:
                self._casting.remove(place)
        return pair, vote

    def _why_excluded(self, pair: Pair, outcome: SideOutcome, watched: Mapping[str, Any]) -> str:
        """Why a verdict does not count, by what this side of the line saw of the watching, and what the page tells."""
        if not self._must_watch or outcome in UNCOUNTED:
            return ""
        with self._lock:
            asked_at = [self._asked_at.get(name) for name in pair.media.values()]
        told_s = min(float(watched.get("left_s", 0)), float(watched.get("right_s", 0)))
        if None in asked_at or told_s <= 0:
            return NOT_WATCHED
        needed_s = SHARE_WATCHED * min(
            self._bench.clip(pair.a).probe.duration_s, self._bench.clip(pair.b).probe.duration_s
        )
        watched_s = self._clock() - max(at for at in asked_at if at is not None)
        faster = max(1.0, float(watched.get("playback_rate", 1)))
        return HURRIED if watched_s < needed_s or told_s * faster < needed_s else ""

    # --- what others wrote meanwhile ------------------------------------------------------------------------------

    def _refresh(self) -> None:
        if time.monotonic() - self._looked < REFRESH_S:
            return
        n_clips, n_votes = self._bench.n_clips(), self._bench.n_votes()
        if (n_clips, n_votes) != (self._n_clips, len(self._tally.votes)):
            cells = self._bench.cells()
            self._tally = Tally(field_of(cells, self._bench.prompts()), self._bench.votes())
            self._n_clips = len(cells)
        self._looked = time.monotonic()

    # --- results --------------------------------------------------------------------------------------------------

    def ratings(self, *, max_age_s: float = 0.0) -> list[Rating]:
        """Ratings from the votes that count, best first; see `LatestRatings.get`."""
        with self._lock:
            self._refresh()
            n_votes = len(self._tally.votes)
        return self._ratings.get(n_votes, max_age_s=max_age_s)

    def _verdicts(self) -> tuple[int, list[Verdict]]:
        with self._lock:
            return len(self._tally.votes), self._tally.verdicts()

    def facts(self) -> dict[str, int]:
        """What a reader of ratings needs to know."""
        with self._lock:
            self._refresh()
            return self._tally.facts()

    def excluded(self) -> dict[str, int]:
        """Why votes are left out of ratings → how many."""
        with self._lock:
            self._refresh()
            return self._tally.excluded()

    def agreement(self, voter: str) -> tuple[int, int, int]:
        """See `Tally.agreement`."""
        with self._lock:
            return self._tally.agreement(voter)


def _vote(pair: Pair, outcome: SideOutcome, watched: Mapping[str, Any], excluded: str) -> Vote:
    """A verdict in terms of sides as one in terms of takes."""
    right: Outcome = "b" if pair.left == "a" else "a"
    take_of: Mapping[SideOutcome, Outcome] = {"left": pair.left, "right": right}
    aspects = {name: take_of.get(said, said) for name, said in watched.get("aspects", {}).items()}
    facts = {name: value for name, value in watched.items() if name != "aspects"}
    return Vote(
        id=f"v{pair.id}",
        a=pair.a,
        b=pair.b,
        outcome=take_of.get(outcome, outcome),  # type: ignore[arg-type]  # only sides are not outcomes of takes
        voter=pair.voter,
        left=pair.left,
        watched=facts | ({"aspects": aspects} if aspects else {}) | ({"repeats": pair.repeats} if pair.repeats else {}),
        propensity=pair.propensity,
        excluded=REPEAT if pair.repeats else excluded,
    )


# --- ratings ------------------------------------------------------------------------------------------------------

AT_ONCE = 200
"""Up to so many votes, ratings are made while the voter waits."""
Votes = Callable[[], tuple[int, list[Verdict]]]
"""Number of all votes, and those that count."""


class LatestRatings:
    """Ratings, made anew when votes have come in; nobody who votes waits for them for long. Threads may ask."""

    def __init__(self, votes: Votes) -> None:
        self._votes = votes
        self._known: tuple[int, float, list[Rating]] = (-1, 0.0, [])
        """Of how many votes, when, which."""
        self._making = threading.Lock()

    def get(self, n_votes: int, *, max_age_s: float) -> list[Rating]:
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

    def _make(self) -> list[Rating]:
        n_votes, verdicts = self._votes()
        if not verdicts:
            return []
        ratings = bradley_terry(verdicts)
        self._known = (n_votes, time.monotonic(), ratings)
        return ratings
