"""Boards of votes: all of them, by tag, by aspect, of one person, heard or muted; and what each vote counted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import stats

from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.rank.board import tags_under
from vbench.rank.comparisons import LEVEL
from vbench.rank.ratings import UNCOUNTED, WON
from vbench.rank.vote_model import Ballots, Cluster, Ties, VoteFit, fitted, stabilised, votes_to_flip
from vbench.records import Clip, Outcome, Vote
from vbench.registry import did_you_mean

Sound = Literal["", "heard", "muted"]
PROVISIONAL = 30
"""Votes below which a rating is marked."""
LOUD_SHARE = 0.5
"""Share of the votes from which one voter is named."""
COVARIATES: Mapping[str, Callable[[Clip], float]] = {
    "resolution": lambda clip: float(np.log2(max(1, clip.probe.height))),
    "fps": lambda clip: clip.probe.fps,
    "seconds": lambda clip: float(np.log2(max(0.1, clip.probe.duration_s))),
    "sound": lambda clip: float(clip.probe.has_audio),
}
"""What may be controlled for, beside `side`: of the clip shown first minus that of the other."""
SIDE = "side"
"""+1 where the first was shown on the left."""
PER_UNIT = {"resolution": "twice the height", "fps": "frame per second", "seconds": "twice the length"}


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteQuery:
    """Which votes are counted, and how."""

    by: str = ""
    """A tag or facet of tags: a block of rows for each."""
    aspect: str = ""
    """What was voted on beside the whole: a key of `watched["aspects"]`."""
    voter: str = ""
    """Only this person's: their own board."""
    sound: Sound = ""
    """Only votes of clips that were heard, or that were muted."""
    ties: Ties = "davidson"
    cluster: Cluster = "prompt"
    control: tuple[str, ...] = ()
    """Names of `COVARIATES`, or `side`."""
    weigh: bool = False
    """Undo the odds with which pairs were drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VotedTool:
    """One tool by votes (under one tag)."""

    tool: str
    tag: str
    rating: float | None
    """Bradley-Terry on the Elo scale, mean 1000 over the tools that were compared; None: no vote."""
    low: float | None
    high: float | None
    rank_low: int | None
    """One more than the number of tools that are distinguishably better (Holm over all pairs)."""
    rank_high: int | None
    n_votes: int
    n_prompts: int
    component: int | None
    is_provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a property of the clip, not the tool, is worth to voters."""

    covariate: str
    elo: float
    low: float | None
    high: float | None
    per: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteEntry:
    """One vote, and whether it counted."""

    id: str
    counted: bool
    why: str
    """Empty where it counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteBoard:
    """Rows, and what must stand beside them."""

    rows: tuple[VotedTool, ...]
    effects: tuple[Effect, ...]
    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    manifest: tuple[VoteEntry, ...]


def vote_board(bench: Bench, query: VoteQuery | None = None) -> VoteBoard:
    """Rate the tools of a bench by its votes.

    Raises:
        OptionError: the tag, the voter, the aspect or a covariate is not there.
    """
    query = query or VoteQuery()
    known = (*COVARIATES, SIDE)
    for name in query.control:
        if name not in known:
            raise OptionError(f"`control={name}`: {did_you_mean(name, list(known))}")
    clips = {clip.id: clip for clip in bench.clips()}
    votes = bench.votes()
    if query.voter and query.voter not in {vote.voter for vote in votes}:
        raise OptionError(f"no vote of {query.voter!r} here; voters are the hashes in vbench votes export")
    why = {vote.id: why_not(vote, clips, query) for vote in votes}
    counted = [vote for vote in votes if not why[vote.id]]
    if query.aspect and not counted:
        aspects = sorted({name for vote in votes for name in vote.watched.get("aspects", {})})
        raise OptionError(f"no vote on {query.aspect!r} counts; {did_you_mean(query.aspect, aspects)}")
    tags = {clip.id: set(clip.prompt.tags) for clip in clips.values()}
    blocks = tags_under(query.by, set().union(*tags.values())) if query.by else [""]
    rows: list[VotedTool] = []
    effects: tuple[Effect, ...] = ()
    facts: dict[str, Any] = {}
    notes: list[str] = []
    for tag in blocks:
        members = [vote for vote in counted if not tag or tag in tags[vote.a]]
        tools = sorted({clip.model for clip in clips.values()})
        if not members:
            rows += [_unrated(tool, tag) for tool in tools]
            continue
        ballots, n_cut = _ballots(members, clips, query)
        fit = fitted(ballots, ties=query.ties, cluster=query.cluster)
        rows += _rows(ballots, fit, tag, tools)
        if tag == blocks[0]:
            effects = tuple(_effect(name, fit, i) for i, name in enumerate(query.control))
        if not tag:
            facts = {
                "tie_strength": fit.tie_strength,
                "votes_to_flip": votes_to_flip(ballots, fit, ties=query.ties),
                "n_weights_cut": n_cut,
            }
    facts |= _facts(votes, counted, clips)
    notes += _notes(rows, facts, counted)
    manifest = tuple(VoteEntry(id=vote.id, counted=not why[vote.id], why=why[vote.id]) for vote in votes)
    return VoteBoard(rows=tuple(rows), effects=effects, facts=facts, notes=tuple(notes), manifest=manifest)


def outcome_on(vote: Vote, aspect: str) -> Outcome | None:
    """The verdict on the whole, or on one aspect; None: nothing was said of it."""
    if not aspect:
        return vote.outcome
    said: Outcome | None = vote.watched.get("aspects", {}).get(aspect)
    return said


def why_not(vote: Vote, clips: Mapping[str, Clip], query: VoteQuery) -> str:
    """Why a vote does not count on a board; empty: it does."""
    if vote.excluded:
        return vote.excluded
    if not {vote.a, vote.b} <= clips.keys():
        return "a clip of it is not here any more"
    if clips[vote.a].model == clips[vote.b].model:
        return "both clips are of one tool"
    outcome = outcome_on(vote, query.aspect)
    if outcome is None:
        return f"says nothing of {query.aspect}"
    if outcome in UNCOUNTED:
        return f"says {outcome}"
    if query.voter and vote.voter != query.voter:
        return "is another voter's"
    is_muted = bool(vote.watched.get("muted", True))
    if query.sound and is_muted != (query.sound == "muted"):
        return "was muted" if is_muted else "was heard"
    return ""


def _ballots(votes: Sequence[Vote], clips: Mapping[str, Clip], query: VoteQuery) -> tuple[Ballots, int]:
    tools = sorted({clips[id].model for vote in votes for id in (vote.a, vote.b)})
    place = {tool: i for i, tool in enumerate(tools)}
    weights, n_cut = stabilised([vote.propensity for vote in votes]) if query.weigh else (np.ones(len(votes)), 0)

    def covariate(name: str, vote: Vote) -> float:
        if name == SIDE:
            return 1.0 if vote.left == "a" else -1.0
        return COVARIATES[name](clips[vote.a]) - COVARIATES[name](clips[vote.b])

    values = [[covariate(name, vote) for name in query.control] for vote in votes]
    ballots = Ballots(
        tools=tuple(tools),
        a=np.array([place[clips[vote.a].model] for vote in votes], dtype=np.intp),
        b=np.array([place[clips[vote.b].model] for vote in votes], dtype=np.intp),
        result=np.array([WON.get(outcome_on(vote, query.aspect) or "tie", 0.5) for vote in votes]),
        weight=weights,
        prompt=np.unique([clips[vote.a].prompt.key for vote in votes], return_inverse=True)[1],
        voter=np.unique([vote.voter for vote in votes], return_inverse=True)[1],
        covariates=np.array(values, dtype=np.float64).reshape(len(votes), len(query.control)),
        covariate_names=query.control,
    )
    return ballots, n_cut


def _rows(ballots: Ballots, fit: VoteFit, tag: str, tools: Sequence[str]) -> list[VotedTool]:
    ranks = _ranks(fit)
    rows = []
    for i, tool in enumerate(ballots.tools):
        is_own = (ballots.a == i) | (ballots.b == i)
        rating, low, high = fit.elo(i)
        rows.append(
            VotedTool(
                tool=tool,
                tag=tag,
                rating=rating,
                low=low,
                high=high,
                rank_low=ranks[i][0],
                rank_high=ranks[i][1],
                n_votes=int(is_own.sum()),
                n_prompts=len(np.unique(ballots.prompt[is_own])),
                component=int(fit.component[i]),
                is_provisional=int(is_own.sum()) < PROVISIONAL,
            )
        )
    rows.sort(key=lambda row: (row.component, -(row.rating or 0.0), row.tool))
    return rows + [_unrated(tool, tag) for tool in tools if tool not in ballots.tools]


def _unrated(tool: str, tag: str) -> VotedTool:
    return VotedTool(
        tool=tool,
        tag=tag,
        rating=None,
        low=None,
        high=None,
        rank_low=None,
        rank_high=None,
        n_votes=0,
        n_prompts=0,
        component=None,
        is_provisional=True,
    )


def _ranks(fit: VoteFit) -> list[tuple[int, int]]:
    """Best and worst rank the votes leave open among the tools of a component, by Holm's procedure over its pairs."""
    n = len(fit.strengths)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n) if fit.component[i] == fit.component[j]]
    p_values = []
    for i, j in pairs:
        gap, half = fit.gap(i, j)
        if half is None or half <= 0:
            p_values.append(1.0)
            continue
        error = half / float(stats.t.ppf(1 - LEVEL / 2, fit.df))
        p_values.append(float(2 * stats.t.sf(abs(gap) / error, fit.df)))
    better, worse = Counter[int](), Counter[int]()
    for place, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] > LEVEL / (len(pairs) - place):
            break
        i, j = pairs[index]
        winner, loser = (i, j) if fit.strengths[i] > fit.strengths[j] else (j, i)
        better[loser] += 1
        worse[winner] += 1
    sizes = Counter(fit.component.tolist())
    return [(1 + better[i], sizes[int(fit.component[i])] - worse[i]) for i in range(n)]


def _effect(name: str, fit: VoteFit, index: int) -> Effect:
    value, low, high = fit.effect(index)
    unit = PER_UNIT.get(name, "having it" if name != SIDE else "being on the left (half the gap between sides)")
    return Effect(covariate=name, elo=value, low=low, high=high, per=unit)


def _facts(votes: Sequence[Vote], counted: Sequence[Vote], clips: Mapping[str, Clip]) -> dict[str, Any]:
    voters = Counter(vote.voter for vote in counted)
    days = sorted(vote.created for vote in counted if vote.created)
    return {
        "n_votes": len(votes),
        "n_counted": len(counted),
        "n_voters": len(voters),
        "n_prompts": len({clips[vote.a].prompt.key for vote in counted}),
        "largest_voter_share": max(voters.values()) / len(counted) if counted else None,
        "from": days[0] if days else "",
        "to": days[-1] if days else "",
    }


def _notes(rows: Sequence[VotedTool], facts: Mapping[str, Any], counted: Sequence[Vote]) -> list[str]:
    notes = []
    if not counted:
        return ["No vote counts."]
    share = facts["largest_voter_share"]
    if share >= LOUD_SHARE and facts["n_voters"] > 1:
        notes.append(f"One voter cast {share:.0%} of the votes; intervals by voter (cluster) allow for that.")
    if len({row.component for row in rows if row.component is not None and not row.tag}) > 1:
        notes.append("Not all tools were compared with each other, even through others: groups of ratings are apart.")
    if alone := sorted({row.tool for row in rows if row.rating is None and not row.tag}):
        notes.append(f"Without a vote: {', '.join(alone)}.")
    if all(vote.outcome in ("tie", "both_bad") for vote in counted):
        notes.append("All votes are ties: nothing tells the tools apart.")
    flip = facts.get("votes_to_flip")
    if flip is not None:
        n = facts["n_counted"]
        notes.append(f"Leaving out {flip} of {n} votes ({flip / n:.1%}) would put another tool first.")
    if any(row.is_provisional and row.rating is not None for row in rows):
        notes.append(f"Provisional: fewer than {PROVISIONAL} votes.")
    return notes
