"""The votes of an arena, counted: who met whom on what, who won, and what each voter has judged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vbench.arena import pairs
from vbench.rank import stats
from vbench.records import Vote

UNCOUNTED = ("skip", "broken")
Names = tuple[str, str]
"""Two tools, in order of name."""


@dataclass(slots=True)
class Field:
    """Who can meet whom on what, as of the last look into the bench."""

    models: list[str] = field(default_factory=list)
    place: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Clip id → (tool, prompt key)."""
    takes: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """(tool, prompt key) → clip ids."""
    shared: dict[Names, frozenset[str]] = field(default_factory=dict)
    """Two tools → keys of the prompts that both have."""
    tags: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    """Prompt key → (prompt id, tags)."""


def field_of(clips: Iterable[Any], prompts: Iterable[Any]) -> Field:
    """The field of a bench.

    Args:
        clips: Rows of clip id, tool, prompt key.
        prompts: Rows of prompt key, prompt id, tags.
    """
    found = Field()
    keys: dict[str, set[str]] = defaultdict(set)
    takes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for clip, model, key in clips:
        found.place[clip] = (model, key)
        takes[model, key].append(clip)
        keys[model].add(key)
    found.takes = dict(takes)
    found.models = sorted(keys)
    found.tags = {key: (name, set(labels)) for key, name, labels in prompts}
    for i, one in enumerate(found.models):
        for two in found.models[i + 1 :]:
            if both := keys[one] & keys[two]:
                found.shared[one, two] = frozenset(both)
    return found


class Tally:
    """Votes on one field; whoever uses it from several threads holds a lock."""

    def __init__(self, over: Field, votes: Iterable[Vote]) -> None:
        self.field = over
        self.votes: list[Vote] = []
        self._known: set[str] = set()
        self._judged: dict[str, dict[tuple[str, str], str]] = {}
        """Voter → clips of a pair → id of the vote."""
        self._wins: Counter[tuple[str, str]] = Counter()
        self._asked: Counter[tuple[str, str, str]] = Counter()
        self._gains: dict[Names, float] | None = None
        for vote in votes:
            self.count(vote)

    def count(self, vote: Vote) -> None:
        """Add a vote, once."""
        if vote.id in self._known:  # read from the bench between its being stored and counted
            return
        self._known.add(vote.id)
        self.votes.append(vote)
        self._judged.setdefault(vote.voter, {}).setdefault((vote.a, vote.b), vote.id)
        one, two = self.field.place.get(vote.a), self.field.place.get(vote.b)
        if not _counts(vote) or one is None or two is None:
            return
        share = {"a": 1.0, "b": 0.0}.get(vote.outcome, 0.5)
        self._wins[one[0], two[0]] += share  # type: ignore[assignment]
        self._wins[two[0], one[0]] += 1 - share  # type: ignore[assignment]
        self._asked[(*_names(one[0], two[0]), one[1])] += 1
        self._gains = None

    def vote_on(self, voter: str, a: str, b: str) -> str:
        """Id of a voter's vote on two clips; empty: none yet."""
        return self._judged.get(voter, {}).get((a, b), "")

    def judged(self, voter: str) -> dict[Names, set[str]]:
        """Two tools → keys of the prompts on which a voter has compared them."""
        found: dict[Names, set[str]] = defaultdict(set)
        for a, b in self._judged.get(voter, ()):
            if a in self.field.place and b in self.field.place:
                (one, key), (two, _) = self.field.place[a], self.field.place[b]
                found[_names(one, two)].add(key)
        return found

    def n_asked(self, names: Names, key: str) -> int:
        """How often two tools were compared on a prompt."""
        return self._asked[(*names, key)]

    def gain(self, names: Names) -> float:
        """By how much a verdict on two tools would tighten the ratings; see `pairing.gains`."""
        if self._gains is None:
            models = self.field.models
            index = {name: i for i, name in enumerate(models)}
            wins = np.zeros((len(models), len(models)))
            for (winner, loser), n in self._wins.items():
                if winner in index and loser in index:
                    wins[index[winner], index[loser]] = n
            gain = pairs.gains(wins)
            self._gains = {pair: float(gain[index[pair[0]], index[pair[1]]]) for pair in self.field.shared}
        return self._gains[names]

    def own(self, voter: str) -> list[Vote]:
        """A voter's votes that say something, oldest first, repeats among them."""
        return [v for v in self.votes if v.voter == voter and v.outcome not in UNCOUNTED]

    def verdicts(self) -> list[stats.Verdict]:
        """The votes that count, as ratings see them."""
        place = self.field.place
        return [
            stats.Verdict(a=place[v.a][0], b=place[v.b][0], outcome=v.outcome, prompt=place[v.a][1])
            for v in self.votes
            if _counts(v) and {v.a, v.b} <= place.keys()
        ]

    def facts(self) -> dict[str, int]:
        """What a reader of ratings needs to know."""
        counted = [v for v in self.votes if _counts(v)]
        return {
            "n_votes": len(self.votes),
            "n_counted": len(counted),
            "n_excluded": sum(bool(v.excluded) for v in self.votes),
            "n_voters": len({v.voter for v in self.votes}),
            "n_prompts": len({self.field.place[v.a][1] for v in counted if v.a in self.field.place}),
        }

    def agreement(self, voter: str) -> tuple[int, int, int]:
        """Of a voter: votes, pairs seen twice, and how often both verdicts were the same."""
        own = {v.id: v for v in self.votes if v.voter == voter}
        twice = [v for v in own.values() if v.watched.get("repeats") in own]
        same = [v for v in twice if own[v.watched["repeats"]].outcome == v.outcome]
        return len(own), len(twice), len(same)


def _names(one: str, two: str) -> Names:
    return (one, two) if one < two else (two, one)


def _counts(vote: Vote) -> bool:
    return not vote.excluded and vote.outcome not in UNCOUNTED
