"""Whether votes may be believed: by the voter's own repeats, by pairs with a known answer, and beside all others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats

from vbench.bench import Bench
from vbench.rank.ratings import WON, strengths
from vbench.records import Cell, Vote

FEW_VOTES = 8
"""Decisive votes below which a voter is not tested."""
OUTLIER = 0.01
"""Adjusted probability below which a voter is called an outlier."""
SEEN_AGAIN = "repeats"
GOLD = "gold"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoterCheck:
    """One voter."""

    voter: str
    n_votes: int
    n_excluded: int
    n_twice: int
    """Pairs judged twice."""
    n_same: int
    """Of which with the same verdict."""
    n_gold: int
    """Pairs with a known answer: one take has a known defect."""
    n_gold_right: int
    n_decisive: int
    n_agree: int
    """Decisive votes as the strengths from everybody else's votes would have them."""
    n_expected: float
    """How many of them a voter like the others would have."""
    p_value: float | None
    """That a voter like the others agrees so rarely, Holm over voters; None: too few votes."""
    is_outlier: bool


def voter_checks(bench: Bench) -> list[VoterCheck]:
    """Check every voter of a bench, the least believable first.

    Gold pairs are votes that say in `watched["gold"]` which take has no defect, and pairs of which exactly one clip is
    marked as damaged. The outlier test sets a voter's decisive votes beside Bradley-Terry strengths from the votes of
    all others: a voter who answers by chance agrees too rarely.
    """
    votes = bench.votes()
    cells = bench.cells()
    damaged = {clip.id for clip in bench.ranked_clips() if any(mark.is_damage for mark in clip.marks)}
    by_voter: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_voter[vote.voter].append(vote)
    found = [_check(voter, own, votes, cells, damaged) for voter, own in by_voter.items()]
    tested = sorted((check for check in found if check.p_value is not None), key=lambda check: check.p_value or 0.0)
    adjusted: dict[str, float] = {}
    worst = 0.0
    for place, check in enumerate(tested):
        worst = max(worst, min(1.0, (check.p_value or 0.0) * (len(tested) - place)))
        adjusted[check.voter] = worst
    final = [_adjusted(check, adjusted.get(check.voter)) for check in found]
    return sorted(final, key=lambda check: (check.p_value is None, check.p_value or 0.0, check.voter))


def _adjusted(check: VoterCheck, p: float | None) -> VoterCheck:
    return replace(check, p_value=p, is_outlier=p is not None and p < OUTLIER)


def _check(
    voter: str, own: Sequence[Vote], votes: Sequence[Vote], cells: Mapping[str, Cell], damaged: set[str]
) -> VoterCheck:
    by_id = {vote.id: vote for vote in own}
    twice = [vote for vote in own if vote.watched.get(SEEN_AGAIN) in by_id]
    gold = [(vote, answer) for vote in own if (answer := _gold(vote, damaged))]
    decisive = [vote for vote in own if vote.outcome in WON and {vote.a, vote.b} <= cells.keys()]
    others = [vote for vote in votes if vote.voter != voter and not vote.excluded]
    n_agree, expected, p = _beside(decisive, others, cells)
    return VoterCheck(
        voter=voter,
        n_votes=len(own),
        n_excluded=sum(bool(vote.excluded) for vote in own),
        n_twice=len(twice),
        n_same=sum(by_id[vote.watched[SEEN_AGAIN]].outcome == vote.outcome for vote in twice),
        n_gold=len(gold),
        n_gold_right=sum(vote.outcome == answer for vote, answer in gold),
        n_decisive=len(decisive),
        n_agree=n_agree,
        n_expected=expected,
        p_value=p,
        is_outlier=False,
    )


def _gold(vote: Vote, damaged: set[str]) -> str:
    """Which take should win; empty: nobody knows."""
    told = str(vote.watched.get(GOLD, ""))
    if told in ("a", "b"):
        return told
    is_a, is_b = vote.a in damaged, vote.b in damaged
    return "" if is_a == is_b else "b" if is_a else "a"


def _beside(
    decisive: Sequence[Vote], others: Sequence[Vote], cells: Mapping[str, Cell]
) -> tuple[int, float, float | None]:
    """How often a voter agrees with what the others' strengths say, how often is expected, and how rare so few are."""
    tools = sorted({cells[id].model for vote in others for id in (vote.a, vote.b) if id in cells})
    place = {tool: i for i, tool in enumerate(tools)}
    wins = np.zeros((len(tools), len(tools)))
    for vote in others:
        if vote.outcome in ("skip", "broken") or not {vote.a, vote.b} <= cells.keys():
            continue
        i, j = place[cells[vote.a].model], place[cells[vote.b].model]
        won = WON.get(vote.outcome, 0.5)
        wins[i, j] += won
        wins[j, i] += 1 - won
    rated = [
        (place[cells[vote.a].model], place[cells[vote.b].model], WON[vote.outcome])
        for vote in decisive
        if cells[vote.a].model in place and cells[vote.b].model in place and cells[vote.a].model != cells[vote.b].model
    ]
    if not rated or not wins.any():
        return 0, 0.0, None
    theta = strengths(wins, unseen=np.ones((2, len(tools))))
    gaps = np.array([theta[i] - theta[j] for i, j, _ in rated])
    results = np.array([result for _, _, result in rated])
    agrees = (gaps > 0) == (results > 0.5)
    share = special.expit(np.abs(gaps))
    if len(rated) < FEW_VOTES:
        return int(agrees.sum()), float(share.sum()), None
    spread = np.sqrt((share * (1 - share)).sum())
    p = float(stats.norm.cdf((agrees.sum() + 0.5 - share.sum()) / max(spread, 1e-9)))
    return int(agrees.sum()), float(share.sum()), p
