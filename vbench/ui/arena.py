"""Blind pairs: drawn so that ratings tighten fastest, shown under names that say nothing, judged once."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import random
import secrets
import threading
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from sqlalchemy import func, select

from vbench import stats
from vbench.bench import Bench
from vbench.errors import VBenchError
from vbench.records import Outcome, Vote
from vbench.tables import ClipRow, PromptRow, VoteRow
from vbench.ui import pairing

Side = Literal["left", "right"]
Said = Literal["left", "right", "tie", "both_bad", "skip", "broken"]
TOKEN_S = 3600
REPEAT_SHARE = 0.05
REPEAT_AFTER = 5
"""A pair comes back only after this many others, when it is no longer fresh in mind."""
REPEAT = "the same pair again with sides swapped, for the voter's agreement with themselves"
KEPT_PAIRS = 20_000
REFRESH_S = 10.0
UNCOUNTED = ("skip", "broken")
AT_ONCE = 200
"""Up to so many votes, ratings are made while the voter waits."""


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
        return self.a if (side == "left") == (self.left == "a") else self.b


@dataclass(slots=True)
class _Field:
    """Who can meet whom on what, as of the last look into the bench."""

    models: list[str] = field(default_factory=list)
    place: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Clip id → (tool, prompt key)."""
    takes: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """(tool, prompt key) → clip ids."""
    shared: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """(tool, tool) in order of name → keys of the prompts that both have."""
    tags: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    """Prompt key → (prompt id, tags)."""


class Arena:
    """Draws pairs and takes votes for one bench; safe to call from several threads."""

    def __init__(self, bench: Bench, *, rng: random.Random | None = None) -> None:
        self._bench, self._rng = bench, rng or random.SystemRandom()
        self._key = bench.secret("votes")
        self._lock = threading.RLock()
        self._pairs: OrderedDict[str, Pair] = OrderedDict()
        self._files: dict[str, tuple[str, Side]] = {}
        self._writing = threading.Lock()
        """Votes queue here, in order, rather than in the database, whose waiting is a lottery."""
        self._field, self._n_clips, self._looked = _Field(), -1, -REFRESH_S
        self._votes: list[Vote] = []
        self._known: set[str] = set()
        self._seen: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
        self._wins: Counter[tuple[str, str]] = Counter()
        self._asked: Counter[tuple[str, str, str]] = Counter()
        self._gains: dict[tuple[str, str], float] | None = None
        self._ratings: tuple[int, float, list[stats.Rating]] = (-1, 0.0, [])
        self._rating = threading.Lock()

    # --- drawing --------------------------------------------------------------------------------------------------

    def draw(self, voter: str, *, prompt: str = "", tag: str = "") -> Pair:
        """The next pair for a voter.

        Args:
            voter: `Visitor.voter`.
            prompt: Key or id of a prompt to stay with; empty: any.
            tag: Tag of prompts to stay with; empty: any.

        Raises:
            ArenaError: 404, nothing to compare, or nothing left that this voter has not judged.
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
            for key, (name, tags) in self._field.tags.items()
            if (not prompt or prompt in (key, name)) and (not tag or tag in tags)
        )

    def _fresh(self, voter: str, prompts: Set[str] | None) -> Pair:
        judged: dict[tuple[str, str], set[str]] = defaultdict(set)
        for a, b in self._seen[voter]:
            if a in self._field.place and b in self._field.place:
                (one, key), (two, _) = self._field.place[a], self._field.place[b]
                judged[one, two].add(key)
        open_: dict[tuple[str, str], frozenset[str]] = {}
        for names, keys in self._field.shared.items():
            remaining = keys if prompts is None else keys & prompts
            if names in judged:
                remaining = remaining - judged[names]
            if remaining:
                open_[names] = remaining
        if not open_:
            if not self._field.shared or (prompts is not None and not judged):
                raise ArenaError(404, "no two tools share a prompt here; import or generate clips of a second tool")
            raise ArenaError(404, "you have judged every pair there is; thank you")
        pairs = list(open_)
        odds = pairing.odds(np.array([self._gain(names) for names in pairs]))
        names, of_pair = self._choose(pairs, odds)
        candidates = sorted(open_[names])
        rarity = np.array([1 / (1 + self._asked[(*names, key)]) for key in candidates])
        key, of_prompt = self._choose(candidates, rarity / rarity.sum())
        takes = [self._field.takes[name, key] for name in names]
        a, b = (self._rng.choice(ids) for ids in takes)
        propensity = of_pair * of_prompt / (len(takes[0]) * len(takes[1]))
        left: Literal["a", "b"] = self._rng.choice(("a", "b"))
        return self._keep(voter, a, b, key, left, propensity, "")

    def _choose(self, items: list[Any], odds: pairing.Floats) -> tuple[Any, float]:
        index = self._rng.choices(range(len(items)), weights=[float(p) for p in odds])[0]
        return items[index], float(odds[index])

    def _gain(self, names: tuple[str, str]) -> float:
        if self._gains is None:
            models = self._field.models
            index = {name: i for i, name in enumerate(models)}
            wins = np.zeros((len(models), len(models)))
            for (winner, loser), n in self._wins.items():
                if winner in index and loser in index:
                    wins[index[winner], index[loser]] = n
            gain = pairing.gains(wins)
            self._gains = {pair: float(gain[index[pair[0]], index[pair[1]]]) for pair in self._field.shared}
        return self._gains[names]

    def _repeat(self, voter: str) -> Pair | None:
        """An earlier pair of this voter with the sides swapped, if there is one that has not come back yet."""
        own = [v for v in self._votes if v.voter == voter and v.outcome not in UNCOUNTED]
        again = {str(v.watched.get("repeats", "")) for v in own}
        earlier = [v for v in own[: max(0, len(own) - REPEAT_AFTER)] if not v.excluded and v.id not in again]
        earlier = [v for v in earlier if v.a in self._field.place and v.b in self._field.place]
        if not earlier:
            return None
        vote = self._rng.choice(earlier)
        left: Literal["a", "b"] = "b" if vote.left == "a" else "a"
        key = self._field.place[vote.a][1]
        return self._keep(voter, vote.a, vote.b, key, left, REPEAT_SHARE / len(earlier), vote.id)

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
            expires=time.time() + TOKEN_S,
            media=media,
        )
        self._pairs[pair.id] = pair
        self._files |= {name: (pair.id, side) for side, name in media.items()}
        while len(self._pairs) > KEPT_PAIRS:
            _, old = self._pairs.popitem(last=False)
            for name in old.media.values():
                del self._files[name]
        return pair

    def shown(self, file: str, voter: str) -> str:
        """The clip behind a blind address.

        Raises:
            ArenaError: 404, there is none for this voter.
        """
        pair_id, side = self._files.get(file, ("", "left"))
        pair = self._pairs.get(pair_id)
        if pair is None or not hmac.compare_digest(pair.voter, voter):
            raise ArenaError(404, "this pair is not on show; draw the next one")
        return pair.clip(side)

    def pair_of(self, file: str) -> Pair:
        """The pair a blind address belongs to; call `shown` first."""
        return self._pairs[self._files[file][0]]

    # --- voting ---------------------------------------------------------------------------------------------------

    def token(self, pair: Pair) -> str:
        """What a vote on this pair must bring: pair, side order, voter and expiry, signed."""
        body = {"pair": pair.id, "voter": pair.voter, "expires": int(pair.expires)}
        text = base64.urlsafe_b64encode(json.dumps(body, separators=(",", ":")).encode()).decode().rstrip("=")
        return f"{text}.{self._sign(text, pair.left)}"  # the side order is signed, but must not be readable

    def _sign(self, text: str, left: str) -> str:
        return hmac.new(self._key, f"{text}|{left}".encode(), "sha256").hexdigest()

    def cast(self, token: str, voter: str, said: Said, watched: Mapping[str, Any]) -> tuple[Pair, Vote]:
        """Take a verdict.

        Args:
            token: As `token` gave it.
            voter: `Visitor.voter`.
            said: The outcome in terms of sides.
            watched: What was watched; stored with the vote.

        Raises:
            ArenaError: 403, forged or another voter's; 410, expired or from before a restart; 409, used before.
        """
        pair = self._judged(token, voter)
        first: Outcome = pair.left
        second: Outcome = "b" if pair.left == "a" else "a"
        outcome: Outcome = first if said == "left" else second if said == "right" else said
        vote = Vote(
            id=f"v{pair.id}",
            a=pair.a,
            b=pair.b,
            outcome=outcome,
            voter=voter,
            left=pair.left,
            watched=dict(watched) | ({"repeats": pair.repeats} if pair.repeats else {}),
            propensity=pair.propensity,
            excluded=REPEAT if pair.repeats else "",
        )
        place = (pair.a, pair.b)
        with self._lock:
            if not pair.repeats and self._seen[voter].get(place, pair.id) != pair.id:
                raise ArenaError(409, "you voted on this pair in another tab; that vote counts. Draw the next one")
            held = place in self._seen[voter]
            self._seen[voter].setdefault(place, pair.id)  # before the slow part, so that a second tab finds it
        try:
            with self._writing:
                is_new = self._bench.add_vote(vote)
        except Exception:
            if not held:
                with self._lock:
                    self._seen[voter].pop(place, None)
            raise
        if not is_new:
            raise ArenaError(409, "this pair has your vote already; draw the next one")
        with self._lock:
            self._count(vote)
        return pair, vote

    def _judged(self, token: str, voter: str) -> Pair:
        text, _, signature = token.rpartition(".")
        forged = ArenaError(403, "this vote was not given out by this page; draw a pair and vote on that")
        if not any(hmac.compare_digest(signature, self._sign(text, left)) for left in ("a", "b")):
            raise forged
        try:
            body = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, binascii.Error):
            raise forged from None
        if not hmac.compare_digest(str(body["voter"]), voter):
            raise ArenaError(403, "this pair was drawn for someone else; draw your own")
        if body["expires"] < time.time():
            raise ArenaError(410, f"this pair was drawn more than {TOKEN_S // 60} minutes ago; draw the next one")
        pair = self._pairs.get(body["pair"])
        if pair is None:
            raise ArenaError(410, "this pair was drawn before the page was restarted; draw the next one")
        if not hmac.compare_digest(signature, self._sign(text, pair.left)):
            raise forged
        return pair

    def _count(self, vote: Vote) -> None:
        if vote.id in self._known:  # read from the bench between its being stored and counted
            return
        self._known.add(vote.id)
        self._votes.append(vote)
        self._seen[vote.voter].setdefault((vote.a, vote.b), vote.id.removeprefix("v"))
        one, two = self._field.place.get(vote.a), self._field.place.get(vote.b)
        if vote.excluded or vote.outcome in UNCOUNTED or one is None or two is None:
            return
        share = {"a": 1.0, "b": 0.0}.get(vote.outcome, 0.5)
        self._wins[one[0], two[0]] += share  # type: ignore[assignment]
        self._wins[two[0], one[0]] += 1 - share  # type: ignore[assignment]
        names = (one[0], two[0]) if one[0] < two[0] else (two[0], one[0])
        self._asked[(*names, one[1])] += 1
        self._gains = None

    # --- what others wrote meanwhile ------------------------------------------------------------------------------

    def _refresh(self) -> None:
        if time.monotonic() - self._looked < REFRESH_S:
            return
        with self._bench.session() as session:
            size = (
                session.scalar(select(func.count()).select_from(ClipRow)),
                session.scalar(select(func.count()).select_from(VoteRow)),
            )
            rows = session.execute(select(ClipRow.id, ClipRow.model, ClipRow.prompt_key)).all()
            tags = session.execute(select(PromptRow.key, PromptRow.id, PromptRow.tags)).all()
        self._looked = time.monotonic()
        if size == (self._n_clips, len(self._votes)):
            return
        self._n_clips = len(rows)
        self._field = _field(rows, tags)
        self._votes, self._gains = [], None
        self._known.clear()
        self._seen.clear()
        self._wins.clear()
        self._asked.clear()
        for vote in self._bench.votes():
            self._count(vote)

    def ratings(self, *, max_age_s: float = 0.0) -> list[stats.Rating]:
        """Ratings from the votes that count, best first; empty before the first.

        Args:
            max_age_s: Where a person waits for the answer: older ratings are given too, while newer ones are made.
        """
        with self._lock:
            self._refresh()
            n_votes, made, known = self._ratings
            if n_votes == len(self._votes) or (known and time.monotonic() - made < max_age_s):
                return known
        if max_age_s and (known or len(self._votes) > AT_ONCE):
            if self._rating.acquire(blocking=False):
                threading.Thread(target=self._rate_and_release, name="ratings", daemon=True).start()
            return known
        with self._rating:
            return self._rate()

    def _rate_and_release(self) -> None:
        try:
            self._rate()
        finally:
            self._rating.release()

    def _rate(self) -> list[stats.Rating]:
        with self._lock:
            verdicts = [
                stats.Verdict(
                    a=self._field.place[v.a][0],
                    b=self._field.place[v.b][0],
                    outcome=v.outcome,
                    prompt=self._field.place[v.a][1],
                )
                for v in self._votes
                if not v.excluded and v.outcome not in UNCOUNTED and {v.a, v.b} <= self._field.place.keys()
            ]
            n_votes = len(self._votes)
        if not verdicts:
            return []
        found = stats.bradley_terry(verdicts)
        self._ratings = (n_votes, time.monotonic(), found)
        return found

    def facts(self) -> dict[str, int]:
        """What a reader of ratings needs to know."""
        with self._lock:
            self._refresh()
            counted = [v for v in self._votes if not v.excluded and v.outcome not in UNCOUNTED]
            return {
                "n_votes": len(self._votes),
                "n_counted": len(counted),
                "n_excluded": sum(bool(v.excluded) for v in self._votes),
                "n_voters": len({v.voter for v in self._votes}),
                "n_prompts": len({self._field.place[v.a][1] for v in counted if v.a in self._field.place}),
            }

    def agreement(self, voter: str) -> tuple[int, int, int]:
        """Of a voter: votes, pairs seen twice, and how often both verdicts were the same."""
        with self._lock:
            own = {v.id: v for v in self._votes if v.voter == voter}
        twice = [v for v in own.values() if v.watched.get("repeats") in own]
        same = [v for v in twice if own[v.watched["repeats"]].outcome == v.outcome]
        return len(own), len(twice), len(same)


def _field(rows: Any, tags: Any) -> _Field:
    found = _Field()
    prompts: dict[str, set[str]] = defaultdict(set)
    takes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for clip, model, key in rows:
        found.place[clip] = (model, key)
        takes[model, key].append(clip)
        prompts[model].add(key)
    found.takes = dict(takes)
    found.models = sorted(prompts)
    found.tags = {key: (name, set(labels)) for key, name, labels in tags}
    for i, one in enumerate(found.models):
        for two in found.models[i + 1 :]:
            if both := prompts[one] & prompts[two]:
                found.shared[one, two] = frozenset(both)
    return found
