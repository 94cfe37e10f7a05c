"""Rules that a change must keep, each judged pass, regression or inconclusive."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vbench.errors import OptionError
from vbench.rank.comparisons import LEVEL, step_down_p
from vbench.rank.intervals import mean_interval
from vbench.rank.power import prompts_needed
from vbench.rank.regress import MeasureSummary

GateVerdict = Literal["pass", "regression", "inconclusive"]
Direction = Literal["drop", "rise"]
_RULE = re.compile(
    r"(?P<metric>[\w.]+)\s+(?P<direction>drop|rise)\s*>\s*(?P<limit>\d*\.?\d+(?:e-?\d+)?)(?:\s+p\s*<\s*(?P<level>0?\.\d+))?"
)
_NOISE_RULE = re.compile(r"(?P<metric>[\w.]+)\s+beyond\s+noise")
FORMS = "'METRIC drop>0.01 p<0.05', 'METRIC rise>0.01 p<0.05' or 'psnr beyond noise'"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """What must not happen."""

    text: str
    metric: str
    direction: Direction | None
    """None: the measure must not lie beyond the noise of repeats."""
    limit: float = 0.0
    """In the metric's unit."""
    level: float = LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCheck:
    """One rule, and whether it was kept."""

    rule: str
    verdict: GateVerdict
    change: float | None
    """New minus base; of a noise rule, value minus floor."""
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    """That the change passes the limit only by chance; adjusted for all rules."""
    n_prompts: int
    why: str
    """One sentence."""


def rule_of(text: str) -> GateRule:
    """A rule as it is typed.

    Raises:
        OptionError: it is none.
    """
    plain = text.strip()
    if match := _NOISE_RULE.fullmatch(plain):
        return GateRule(text=plain, metric=match["metric"], direction=None)
    match = _RULE.fullmatch(plain)
    if match is None:
        raise OptionError(f"`fail_if={text}`: expected {FORMS}")
    direction: Direction = "drop" if match["direction"] == "drop" else "rise"
    level = float(match["level"]) if match["level"] else LEVEL
    return GateRule(text=plain, metric=match["metric"], direction=direction, limit=float(match["limit"]), level=level)


def checked(
    rules: Sequence[GateRule], changes: Mapping[str, Sequence[float]], noise: Mapping[str, MeasureSummary]
) -> list[GateCheck]:
    """Judge the rules.

    A rule of a limit is a *regression* where the change is beyond it with the rule's p, by sign flips over prompts,
    step-down over rules; it is a *pass* where the 95 % interval of the change lies within it; and *inconclusive* where
    the prompts are too few to say either. A noise rule is what `vbench.rank.regress` says.

    Args:
        rules: See `rule_of`.
        changes: Metric → new minus base, prompt by prompt.
        noise: Measure → its summary.
    """
    limited = [rule for rule in rules if rule.direction is not None]
    beyond = [_beyond(rule, changes[rule.metric]) for rule in limited]
    p_values: dict[str, float] = {}
    if limited:
        width = max(len(values) for values in beyond)
        table = np.stack([np.pad(values, (0, width - len(values))) for values in beyond])
        p_values = {rule.text: float(p) for rule, p in zip(limited, step_down_p(table), strict=True)}
    return [
        _noise_check(rule, noise.get(rule.metric))
        if rule.direction is None
        else _limit_check(rule, changes[rule.metric], p_values[rule.text])
        for rule in rules
    ]


def overall(checks: Sequence[GateCheck]) -> GateVerdict:
    """The worst of all checks: a regression, then what is inconclusive."""
    verdicts = {check.verdict for check in checks}
    return "regression" if "regression" in verdicts else "inconclusive" if "inconclusive" in verdicts else "pass"


def _beyond(rule: GateRule, changes: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """By how much each prompt passes the limit."""
    sign = -1.0 if rule.direction == "drop" else 1.0
    return np.asarray([sign * change - rule.limit for change in changes], dtype=np.float64)


def _limit_check(rule: GateRule, changes: Sequence[float], p: float) -> GateCheck:
    interval = mean_interval(list(changes))
    past = _beyond(rule, changes)
    sign = -1.0 if rule.direction == "drop" else 1.0
    furthest = None if interval.low is None or interval.high is None else max(sign * interval.low, sign * interval.high)
    verdict: GateVerdict
    all_equal = bool(np.ptp(changes) <= 1e-12) and len(changes) > 1
    if past.mean() > 0 and p <= rule.level:
        verdict, why = "regression", f"the {rule.direction} is {sign * interval.mean:.4g}, beyond {rule.limit:g}"
    elif (furthest is not None and furthest <= rule.limit) or (all_equal and past.mean() <= 0):
        verdict, why = "pass", f"the {rule.direction} is at most {max(furthest or 0.0, 0.0):.4g}, within {rule.limit:g}"
    else:
        verdict = "inconclusive"
        needed = (
            prompts_needed(rule.limit or abs(interval.mean) or 1.0, float(np.std(changes, ddof=1) or 1.0))
            if len(changes) > 1
            else None
        )
        more = f"; about {needed} prompts would tell" if needed and needed > len(changes) else ""
        why = f"{len(changes)} prompts leave a {rule.direction} of up to {furthest or np.inf:.4g} open{more}"
    return GateCheck(
        rule=rule.text,
        verdict=verdict,
        change=interval.mean,
        ci_low=interval.low,
        ci_high=interval.high,
        p_value=p,
        n_prompts=len(changes),
        why=why,
    )


def _noise_check(rule: GateRule, summary: MeasureSummary | None) -> GateCheck:
    if summary is None:
        return GateCheck(
            rule=rule.text,
            verdict="inconclusive",
            change=None,
            ci_low=None,
            ci_high=None,
            p_value=None,
            n_prompts=0,
            why=f"no clip has {rule.metric}",
        )
    verdicts: dict[str, GateVerdict] = {"beyond noise": "regression", "within noise": "pass"}
    floor = "no floor was measured" if summary.floor is None else f"the floor is {summary.floor:.4g}"
    return GateCheck(
        rule=rule.text,
        verdict=verdicts.get(summary.verdict, "inconclusive"),
        change=summary.change,
        ci_low=summary.ci_low,
        ci_high=summary.ci_high,
        p_value=summary.p_value,
        n_prompts=summary.n_prompts,
        why=f"{summary.measure} is {summary.value:.4g}, {floor}; {summary.n_beyond} prompt(s) beyond all noise seen",
    )
