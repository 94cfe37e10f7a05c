"""May a number be trusted for my prompts? How well each metric predicts the votes of this bench, or of one person."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.rank.board import FEW_PROMPTS, tags_under
from vbench.rank.intervals import LEVEL
from vbench.rank.ratings import WON
from vbench.records import Vote

Trust = Literal["predicts", "contradicts", "no better than chance", "too little data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTrust:
    """One metric against decisive votes (on prompts with one tag)."""

    metric: str
    tag: str
    share: float
    """Of the votes that the metric predicts, a tie of the metric counting half; mean over prompts."""
    low: float
    """95 %, by prompt."""
    high: float
    n_votes: int
    n_prompts: int
    verdict: Trust


def metric_trust(
    bench: Bench, *, voter: str = "", by: str = "", metrics: Sequence[str] | None = None
) -> list[MetricTrust]:
    """How well metrics predict votes, the most trustworthy first.

    Args:
        bench: Where votes and scores are.
        voter: Only this person's votes; empty: all.
        by: A tag or facet of tags: rows for each beside those of all prompts.
        metrics: Only these; neutral ones predict nothing and are left out.

    Raises:
        OptionError: no such tag.
    """
    clips = {clip.id: clip for clip in bench.ranked_clips()}
    votes = [
        vote
        for vote in bench.votes()
        if not vote.excluded and vote.outcome in WON and {vote.a, vote.b} <= clips.keys() and voter in ("", vote.voter)
    ]
    all_tags = {tag for clip in clips.values() for tag in clip.tags}
    blocks = ["", *(tags_under(by, all_tags) if by else [])]
    infos = bench.metrics()
    for name in metrics or ():
        if name not in infos:
            raise OptionError(f"this bench has no score of metric {name!r}")
    rows = []
    for name, values in bench.score_columns(None if metrics is None else list(metrics)).values_by_clip():
        sign = {True: 1.0, False: -1.0}.get(infos[name].higher_is_better)  # type: ignore[arg-type]
        if sign is None:
            continue
        for tag in blocks:
            members = [vote for vote in votes if not tag or tag in clips[vote.a].tags]
            by_prompt = _agreement(members, values, sign, {id: clip.prompt_key for id, clip in clips.items()})
            if by_prompt:
                rows.append(_row(name, tag, by_prompt))
    return sorted(rows, key=lambda row: (row.tag, -row.share, row.metric))


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a mean of `n` independent values between 0 and 1, which vary at most as coins do.

    Source:
        Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    z = statistics.NormalDist().inv_cdf((1 + LEVEL) / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def _agreement(
    votes: Sequence[Vote], values: Mapping[str, float], sign: float, prompts: Mapping[str, str]
) -> dict[str, list[float]]:
    """Prompt → 1 for each vote predicted, 0 for one contradicted, a half where the metric calls it a tie."""
    by_prompt: dict[str, list[float]] = defaultdict(list)
    for vote in votes:
        if vote.a in values and vote.b in values:
            gap = sign * (values[vote.a] - values[vote.b])
            won = WON[vote.outcome]
            by_prompt[prompts[vote.a]].append(0.5 if gap == 0 else float((gap > 0) == (won > 0.5)))
    return by_prompt


def _row(metric: str, tag: str, by_prompt: Mapping[str, Sequence[float]]) -> MetricTrust:
    share = statistics.fmean(statistics.fmean(each) for each in by_prompt.values())
    low, high = wilson(share, len(by_prompt))
    verdict: Trust = "no better than chance"
    if len(by_prompt) < FEW_PROMPTS:
        verdict = "too little data"
    elif low > 0.5:
        verdict = "predicts"
    elif high < 0.5:
        verdict = "contradicts"
    return MetricTrust(
        metric=metric,
        tag=tag,
        share=share,
        low=low,
        high=high,
        n_votes=sum(map(len, by_prompt.values())),
        n_prompts=len(by_prompt),
        verdict=verdict,
    )
