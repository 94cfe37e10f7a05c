"""The votes of an arena, counted: who met whom on what, who won, and what each voter has judged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from vbench.arena.pairs import gains
from vbench.rank.ratings import UNCOUNTED, WON, Verdict, verdicts_of, vote_facts
from vbench.records import Cell, Prompt, Vote

Names = tuple[str, str]
"""Two tools, in order of name."""


@dataclass(slots=True)
class Field:
    """Who can meet whom on what, as of the last look into the bench."""

    models: list[str] = field(default_factory=list)
    cells: Mapping[str, Cell] = field(default_factory=dict)
    """Clip id → whose it is."""
    takes: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """(tool, prompt key) → clip ids."""
    shared: dict[Names, frozenset[str]] = field(default_factory=dict)
    """Two tools → keys of the prompts that both have."""
    tags: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    """Prompt key → (prompt id, tags)."""


def field_of(cells: Mapping[str, Cell], prompts: Iterable[Prompt]) -> Field:
    """The field of a bench.

    Args:
        cells: Clip id → whose it is.
        prompts: All prompts.
    """
    keys: dict[str, set[str]] = defaultdict(set)
    takes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for clip, cell in cells.items():
        takes[cell.model, cell.prompt_key].append(clip)
        keys[cell.model].add(cell.prompt_key)
    models = sorted(keys)
    return Field(
        models=models,
        cells=cells,
        takes=dict(takes),
        shared={
            (first, second): frozenset(both)
            for first, second in combinations(models, 2)
            if (both := keys[first] & keys[second])
        },
        tags={prompt.key: (prompt.id, set(prompt.tags)) for prompt in prompts},
    )


class Tally:
    """Votes on one field; whoever uses it from several threads holds a lock."""

    def __init__(self, over: Field, votes: Iterable[Vote]) -> None:
        self.field = over
        self.votes: list[Vote] = []
        self._known: set[str] = set()
        self._judged: dict[str, dict[tuple[str, str], str]] = {}
        """Voter → clips of a pair → id of the vote."""
        self._wins: defaultdict[tuple[str, str], float] = defaultdict(float)
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
        for verdict in verdicts_of([vote], self.field.cells):
            won = WON.get(verdict.outcome, 0.5)
            self._wins[verdict.a, verdict.b] += won
            self._wins[verdict.b, verdict.a] += 1 - won
            self._asked[(*_names(verdict.a, verdict.b), verdict.prompt)] += 1
            self._gains = None

    def vote_on(self, voter: str, a: str, b: str) -> str:
        """Id of a voter's vote on two clips; empty: none yet."""
        return self._judged.get(voter, {}).get((a, b), "")

    def judged(self, voter: str) -> dict[Names, set[str]]:
        """Two tools → keys of the prompts on which a voter has compared them."""
        prompts: dict[Names, set[str]] = defaultdict(set)
        cells = self.field.cells
        for a, b in self._judged.get(voter, ()):
            if a in cells and b in cells:
                prompts[_names(cells[a].model, cells[b].model)].add(cells[a].prompt_key)
        return prompts

    def n_asked(self, names: Names, key: str) -> int:
        """How often two tools were compared on a prompt."""
        return self._asked[(*names, key)]

    def gain(self, names: Names) -> float:
        """By how much a verdict on two tools would tighten the ratings; see `pairs.gains`."""
        if self._gains is None:
            models = self.field.models
            index = {name: i for i, name in enumerate(models)}
            wins = np.zeros((len(models), len(models)))
            for (winner, loser), n in self._wins.items():
                if winner in index and loser in index:
                    wins[index[winner], index[loser]] = n
            gain = gains(wins)
            self._gains = {pair: float(gain[index[pair[0]], index[pair[1]]]) for pair in self.field.shared}
        return self._gains[names]

    def own(self, voter: str) -> list[Vote]:
        """A voter's votes that say something, oldest first, repeats among them."""
        return [v for v in self.votes if v.voter == voter and v.outcome not in UNCOUNTED]

    def verdicts(self) -> list[Verdict]:
        """The votes that count, as ratings see them."""
        return verdicts_of(self.votes, self.field.cells)

    def facts(self) -> dict[str, int]:
        """What a reader of ratings needs to know."""
        return vote_facts(self.votes, self.verdicts())

    def excluded(self) -> dict[str, int]:
        """Why votes are left out → how many, the most frequent reason first."""
        return dict(Counter(vote.excluded for vote in self.votes if vote.excluded).most_common())

    def agreement(self, voter: str) -> tuple[int, int, int]:
        """Of a voter: votes, pairs seen twice, and how often both verdicts were the same."""
        own = {v.id: v for v in self.votes if v.voter == voter}
        twice = [v for v in own.values() if v.watched.get("repeats") in own]
        same = [v for v in twice if own[v.watched["repeats"]].outcome == v.outcome]
        return len(own), len(twice), len(same)


def _names(tool: str, other: str) -> Names:
    return (tool, other) if tool < other else (other, tool)
