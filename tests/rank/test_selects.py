"""What selects say of tools, worked out by hand."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.records import a_clip
from vbench.bench import Bench
from vbench.rank.board import leaderboard
from vbench.rank.columns import BoardRow
from vbench.rank.selects import Spent, best_of, by_clip, cost_interval
from vbench.records import Prompt, Select, SelectState

PROMPTS = [Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(8)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path) as opened:
        yield opened


def decide(
    bench: Bench, model: str, prompt: Prompt, *states: SelectState, usd: float | None = 1.0, used_s: float | None = None
) -> None:
    """Takes of ten seconds in these states; of the used ones the first `used_s` seconds."""
    for sample, state in enumerate(states):
        clip = a_clip(model, prompt, sample, cost_usd=usd)
        bench.add_clip(replace(clip, probe=replace(clip.probe, duration_s=10.0)))
        ranges = ((0.0, used_s),) if used_s and state != "reject" else ()
        bench.set_select(Select(clip=clip.id, state=state, ranges=ranges))


def row(bench: Bench, model: str, metric: str) -> BoardRow:
    (found,) = [row for row in leaderboard(bench).rows if (row.model, row.metric) == (model, metric)]
    return found


def test_the_rate_is_a_mean_over_prompts_of_settled_takes(bench: Bench) -> None:
    decide(bench, "x", PROMPTS[0], "selected", "reject", "reject", "maybe")
    decide(bench, "x", PROMPTS[1], "approved", "")
    rate = row(bench, "x", "usable_rate")
    assert rate.mean == pytest.approx((1 / 3 + 1) / 2)
    assert (rate.n_prompts, rate.n_clips, rate.n_unmeasured) == (2, 4, 2)


def test_cost_is_all_that_was_paid_over_the_seconds_used(bench: Bench) -> None:
    decide(bench, "x", PROMPTS[0], "selected", "reject", used_s=4.0)
    decide(bench, "x", PROMPTS[1], "reject", "reject", "reject")
    decide(bench, "x", PROMPTS[2], "approved", usd=3.0)  # all ten seconds
    cost = row(bench, "x", "usd_per_usable_s")
    assert cost.mean == pytest.approx((2 + 3 + 3) / (4 + 0 + 10))
    assert (cost.ci_low or math.inf) < cost.mean
    assert cost.ci_high is None, "some resamples use no second: nobody can say how dear it may be"
    assert cost.verdict == "not comparable"


def test_a_tool_of_which_nothing_is_used_has_no_price_a_second(bench: Bench) -> None:
    decide(bench, "x", PROMPTS[0], "selected")
    decide(bench, "y", PROMPTS[0], "reject")
    assert row(bench, "y", "usd_per_usable_s").mean is None
    assert row(bench, "y", "usable_rate").mean == 0.0


def test_unknown_costs_are_left_out_of_both_sums(bench: Bench) -> None:
    decide(bench, "x", PROMPTS[0], "selected", used_s=5.0)
    decide(bench, "x", PROMPTS[1], "selected", usd=None)
    cost = row(bench, "x", "usd_per_usable_s")
    assert cost.mean == pytest.approx(1 / 5)
    assert (cost.n_clips, cost.n_unmeasured) == (1, 1)


def test_without_a_decision_the_board_is_as_it_was(bench: Bench) -> None:
    decide(bench, "x", PROMPTS[0], "", "maybe")
    assert leaderboard(bench).metrics == {}


def test_the_interval_of_a_ratio_covers_it() -> None:
    spent = {f"p{i}": Spent(usd=1.0 + i % 3, used_s=2.0 + i % 4) for i in range(12)}
    interval = cost_interval(spent)
    mean = sum(s.usd for s in spent.values()) / sum(s.used_s for s in spent.values())
    assert interval is not None
    assert (interval.low or math.inf) < interval.mean < (interval.high or 0.0)
    assert interval.mean == pytest.approx(mean)
    assert cost_interval({"p": Spent(usd=1.0, used_s=0.0)}) is None


def test_best_of_n_is_the_mean_over_all_choices_of_n(bench: Bench) -> None:
    states: list[SelectState] = ["selected", "reject", "reject", "approved", "reject"]
    decide(bench, "x", PROMPTS[0], *states)
    decide(bench, "x", PROMPTS[1], "reject", "reject")
    points = {point.n: point for point in best_of(bench)}
    for n in (3, 4, 5):
        draws = list(itertools.combinations([state != "reject" for state in states], n))
        assert points[n].share == pytest.approx(sum(map(any, draws)) / len(draws))
        assert points[n].n_prompts == 1, "of the other prompt there are only two takes"
    draws = list(itertools.combinations([state != "reject" for state in states], 2))
    assert points[2].share == pytest.approx(sum(map(any, draws)) / len(draws) / 2)
    assert max(points) == 5
    assert not any(math.isnan(point.share) for point in points.values())


def test_what_single_clips_cost_a_used_second(bench: Bench) -> None:
    decide(bench, "x", PROMPTS[0], "selected", "reject", usd=2.0, used_s=4.0)
    used, _ = (clip.id for clip in bench.clips())
    assert by_clip("usd_per_usable_s", bench.ranked_clips(), bench.last_selects()) == {used: 0.5}
    assert sorted(by_clip("usable_rate", bench.ranked_clips(), bench.last_selects()).values()) == [0.0, 1.0]
