"""Whether clips differ from those they should equal by more than runs of the unchanged tool differ among themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from vbench.rank.comparisons import LEVEL, step_down_p
from vbench.rank.intervals import mean_interval
from vbench.records import MetricInfo

Floats = NDArray[np.float64]
RowVerdict = Literal["beyond noise", "within noise", "no floor", "not compared"]
Verdict = Literal["beyond noise", "within noise", "inconclusive"]
WIDER = 1.0
"""Share of the range of all noise seen by which it is widened at each end before one prompt is called beyond it."""
FEW_PAIRS = 6
"""Below them no sign flip of prompts is rare enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairValues:
    """One measure of one prompt: the new clips against the old ones, and the old ones against their repeats."""

    measure: str
    prompt_id: str
    value: float | None
    """Mean over seeds; None: could not be compared."""
    floors: tuple[float, ...]
    """The same of each repeat; empty: there is none."""
    first_difference_s: float | None
    """When the new clip first leaves what the repeats do; None: it never does."""
    reason: str = ""
    """Why there is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressRow:
    """What is known of one measure of one prompt."""

    measure: str
    prompt_id: str
    value: float | None
    floor: float | None
    """Mean over repeats."""
    ci_low: float | None
    """Of the change beside the noise: value - floor, give or take the widened range of the noise of all prompts."""
    ci_high: float | None
    verdict: RowVerdict
    first_difference_s: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSummary:
    """One measure over all prompts."""

    measure: str
    n_prompts: int
    value: float
    floor: float | None
    change: float | None
    """Mean over prompts of (value - floor)."""
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    """That prompts change so far in one direction where the new clips are only one more run; adjusted for all
    measures."""
    n_beyond: int
    """Prompts whose change lies beyond all noise seen."""
    verdict: Verdict


def judged(
    values: Sequence[PairValues], infos: Mapping[str, MetricInfo]
) -> tuple[list[RegressRow], list[MeasureSummary]]:
    """Rows and their sum, measure by measure.

    If the new clips are only one more run of the same tool, then for each prompt the new clip and a repeat could be
    exchanged; so the signs of (value - floor) are those of coins, whatever the noise is: rare, heavy-tailed, or of a
    tool that flips between two outputs. Two tests ask whether they are, and a measure is *beyond noise* where one says
    no: sign flips of prompts, step-down over measures; and, for a change of few prompts, whether clips beyond all the
    noise seen are more than chance would put on the new side (Fisher's exact test against the repeats). A single
    prompt is called beyond noise where its change leaves the range of the noise of all prompts, widened by as much
    again at each end.

    Args:
        values: Of all prompts and measures.
        infos: Measure → its meaning; `higher_is_better` says that higher is nearer.
    """
    rows: list[RegressRow] = []
    summaries: list[MeasureSummary] = []
    by_measure: dict[str, list[PairValues]] = {}
    for value in values:
        by_measure.setdefault(value.measure, []).append(value)
    tests: dict[str, Floats] = {}
    prompts = sorted({value.prompt_id for value in values})
    for measure, members in by_measure.items():
        changes = {m.prompt_id: _change(m) for m in members}
        tests[measure] = np.array([changes.get(prompt) or 0.0 for prompt in prompts])
    p_values = step_down_p(np.stack(list(tests.values()))) if tests else np.zeros(0)
    for (measure, members), p in zip(by_measure.items(), p_values, strict=True):
        sign = 1.0 if infos[measure].higher_is_better else -1.0
        noise = _noise(members)
        low, high = _widened(noise)
        of_measure = [_row(member, sign, low, high) for member in members]
        rows += of_measure
        summary = _summary(measure, members, of_measure, len(noise), float(p), sign)
        if summary is not None:
            summaries.append(summary)
    return rows, summaries


def verdict_of(summaries: Sequence[MeasureSummary]) -> Verdict:
    """The verdict of all measures together."""
    verdicts = {summary.verdict for summary in summaries}
    if "beyond noise" in verdicts:
        return "beyond noise"
    return "within noise" if verdicts == {"within noise"} else "inconclusive"


def _change(member: PairValues) -> float | None:
    if member.value is None or not member.floors:
        return None
    return member.value - float(np.mean(member.floors))


def _noise(members: Sequence[PairValues]) -> Floats:
    """How far single repeats lie from the others of their prompt, or, where each has one, from those of all prompts."""
    deviations: list[float] = []
    alone = [float(m.floors[0]) for m in members if len(m.floors) == 1]
    for member in members:
        floors = np.array(member.floors)
        if len(floors) > 1:
            deviations += ((floors - floors.mean()) * len(floors) / (len(floors) - 1)).tolist()
    if len(alone) > 1:
        values = np.array(alone)
        deviations += ((values - values.mean()) * len(values) / (len(values) - 1)).tolist()
    return np.array(deviations)


def _widened(noise: Floats) -> tuple[float, float]:
    if not len(noise):
        return -np.inf, np.inf
    low, high = min(0.0, float(noise.min())), max(0.0, float(noise.max()))
    return low - WIDER * (high - low), high + WIDER * (high - low)


def _row(member: PairValues, sign: float, low: float, high: float) -> RegressRow:
    change = _change(member)
    verdict: RowVerdict
    if member.value is None:
        verdict = "not compared"
    elif change is None or not np.isfinite(low):
        verdict = "no floor"
    else:
        is_beyond = change < low - _EXACT if sign > 0 else change > high + _EXACT
        verdict = "beyond noise" if is_beyond else "within noise"
    has_interval = change is not None and np.isfinite(low)
    return RegressRow(
        measure=member.measure,
        prompt_id=member.prompt_id,
        value=member.value,
        floor=float(np.mean(member.floors)) if member.floors else None,
        ci_low=change - high if has_interval and change is not None else None,
        ci_high=change - low if has_interval and change is not None else None,
        verdict=verdict,
        first_difference_s=None if verdict == "within noise" else member.first_difference_s,
        reason=member.reason,
    )


_EXACT = 1e-9
"""Differences below it are of arithmetic."""


def _summary(
    measure: str, members: Sequence[PairValues], rows: Sequence[RegressRow], n_noise: int, p: float, sign: float
) -> MeasureSummary | None:
    values = [member.value for member in members if member.value is not None]
    if not values:
        return None
    changes = [change for member in members if (change := _change(member)) is not None]
    n_beyond = sum(row.verdict == "beyond noise" for row in rows)
    interval = mean_interval(changes) if changes else None
    floors = [row.floor for row in rows if row.floor is not None]
    is_further = interval is not None and sign * interval.mean < -_EXACT
    verdict: Verdict = "inconclusive"
    if changes and is_further and (p <= LEVEL or _share_by_chance(n_beyond, len(changes), n_noise) <= LEVEL):
        verdict = "beyond noise"
    elif len(changes) >= FEW_PAIRS and not n_beyond and all(member.value is not None for member in members):
        verdict = "within noise"
    return MeasureSummary(
        measure=measure,
        n_prompts=len(values),
        value=float(np.mean(values)),
        floor=float(np.mean(floors)) if floors else None,
        change=interval.mean if interval else None,
        ci_low=interval.low if interval else None,
        ci_high=interval.high if interval else None,
        p_value=p if changes else None,
        n_beyond=n_beyond,
        verdict=verdict,
    )


def _share_by_chance(n_beyond: int, n_new: int, n_noise: int) -> float:
    """Probability that all of `n_beyond` outliers among old and new clips are new ones by chance."""
    if not n_beyond:
        return 1.0
    return float(special.comb(n_new, n_beyond) / special.comb(n_new + n_noise, n_beyond))
