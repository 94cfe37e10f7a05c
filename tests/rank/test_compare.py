"""Two sides: paired by prompt and seed, corrected together, and told in four verdicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.records import a_clip, an_info, give
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.rank.compare import Side, compare, side_of
from vbench.records import Outcomes, Prompt, Score, ScoreKey


def prompts(n: int) -> list[Prompt]:
    return [
        Prompt(id=f"p{i:02}", text=f"prompt {i}", tags=("camera:pan" if i % 2 else "camera:tilt",)) for i in range(n)
    ]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    opened = Bench.open(tmp_path)
    opened.add_metrics([an_info("up"), an_info("down", higher_is_better=False), an_info("fact", higher_is_better=None)])
    return opened


def fill(bench: Bench, n: int, shift: float, sd: float = 1.0) -> tuple[Side, Side]:
    rng = np.random.default_rng(1)
    for prompt in prompts(n):
        level = rng.normal(50, 10)
        for tool, mean in (("x", shift), ("y", 0.0)):
            values = {name: float(level + mean + rng.normal(0, sd)) for name in ("up", "down", "fact")}
            give(bench, a_clip(tool, prompt), **values)
    return side_of(bench, "x"), side_of(bench, "y")


def test_a_difference_is_found_and_told_by_direction(bench: Bench) -> None:
    report = compare(*fill(bench, 20, shift=3.0))
    assert {row.metric: row.verdict for row in report.rows} == {"up": "better", "down": "worse", "fact": "different"}
    row = next(row for row in report.rows if row.metric == "up")
    assert row.ci_low < 3.0 < row.ci_high
    assert row.effect == pytest.approx(row.mean_a - row.mean_b)
    assert row.smallest_effect < 3.0


def test_equal_sides_are_not_distinguishable_and_few_prompts_are_too_few(bench: Bench) -> None:
    x, y = fill(bench, 20, shift=0.0)
    assert {row.verdict for row in compare(x, y).rows} == {"not distinguishable"}
    swapped = {row.metric: row.effect for row in compare(y, x).rows}
    assert swapped == pytest.approx({row.metric: -row.effect for row in compare(x, y).rows})


def test_five_prompts_are_too_little_data(bench: Bench) -> None:
    report = compare(*fill(bench, 5, shift=30.0))
    assert {row.verdict for row in report.rows} == {"too little data"}
    assert {row.smallest_effect for row in report.rows} == {None}


def test_tags_are_rows_of_the_same_family(bench: Bench) -> None:
    x, y = fill(bench, 24, shift=0.8)
    alone, split = compare(x, y, metrics=["up"]), compare(x, y, metrics=["up"], by="camera")
    assert [row.tag for row in split.rows] == ["", "camera:pan", "camera:tilt"]
    assert [row.n_pairs for row in split.rows] == [24, 12, 12]
    assert split.rows[0].p_value >= alone.rows[0].p_value
    assert split.rows[0].smallest_effect > alone.rows[0].smallest_effect
    with pytest.raises(OptionError, match="'lens'"):
        compare(x, y, by="lens")


def test_seeds_pair_where_they_are_shared(bench: Bench) -> None:
    """x has seeds 1 and 2, y has 2 and 3: only 2 counts, where the difference is 1, not 8."""
    for prompt in prompts(6):
        give(bench, a_clip("x", prompt, 0, seed=1), up=60.0)
        give(bench, a_clip("x", prompt, 1, seed=2), up=51.0)
        give(bench, a_clip("y", prompt, 0, seed=2), up=50.0)
        give(bench, a_clip("y", prompt, 1, seed=3), up=45.0)
    report = compare(side_of(bench, "x"), side_of(bench, "y"))
    assert report.rows[0].effect == pytest.approx(1.0)
    assert any("seed by seed" in note for note in report.notes)


def test_scores_of_other_parameters_are_not_compared(bench: Bench, tmp_path: Path) -> None:
    x, _ = fill(bench, 6, shift=0.0)
    with Bench.open(tmp_path / "other") as other:
        other.add_metrics([an_info("up"), an_info("down", higher_is_better=False)])
        for prompt in prompts(6):
            clip = a_clip("x", prompt)
            give(other, clip, down=3.0)
            key = ScoreKey(clip=clip.id, metric="up", version=1, params={"precision": "bf16"})
            other.add_outcomes(Outcomes(clip=clip.id, scores=(Score(key=key, value=1.0),)))
        report = compare(x, side_of(other, "x", name="other"))
    assert [row.metric for row in report.rows] == ["down"]
    assert any(note.startswith("up: measured under other versions") for note in report.notes)


def test_sides_without_a_common_prompt_are_told(bench: Bench, tmp_path: Path) -> None:
    x, _ = fill(bench, 3, shift=0.0)
    with Bench.open(tmp_path / "other") as other:
        other.add_metrics([an_info("up")])
        give(other, a_clip("x", Prompt(id="p00", text="edited")), up=1.0)
        with pytest.raises(OptionError, match="no prompt in common"):
            compare(x, side_of(other, "x"))
    with pytest.raises(OptionError, match="no clip of 'z'"):
        side_of(bench, "z")


def test_a_metric_that_a_side_lacks_is_told_with_what_to_do(bench: Bench) -> None:
    x, _ = fill(bench, 6, shift=0.0)
    with pytest.raises(OptionError, match="x has no score of 'upp'; did you mean up"):
        compare(x, x, metrics=["upp"])
    bench.add_clip(a_clip("bare", prompts(1)[0]))
    with pytest.raises(OptionError, match="bare has no score of 'up'; nothing is scored; run vbench score"):
        compare(x, side_of(bench, "bare"), metrics=["up"])
