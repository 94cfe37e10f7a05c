"""Agreement with people: against scipy, by hand, and on a planted truth."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats
from typer.testing import CliRunner

from tests.records import a_clip, an_info, give
from vbench.bench import Bench
from vbench.cli import app
from vbench.errors import CatalogError, OptionError
from vbench.rank.agreement import (
    N_RESAMPLES,
    agreement,
    kendall,
    kendall_draws,
    pairwise_accuracy,
    read_ratings,
    spearman,
    spearman_draws,
)
from vbench.rank.intervals import SEED
from vbench.records import Prompt

TOOLS = ["a", "b", "c", "d", "e"]
PROMPTS = [Prompt(id=f"p{i}", text=str(i)) for i in range(6)]


def truth(tool: str, prompt: Prompt) -> float:
    return TOOLS.index(tool) + 0.1 * PROMPTS.index(prompt)


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    rng = np.random.default_rng(0)
    with Bench.open(tmp_path / "bench") as opened:
        opened.add_metrics(
            [an_info("right"), an_info("wrong_way", higher_is_better=False), an_info("noise"), an_info("flat")]
        )
        for tool in TOOLS:
            for prompt in PROMPTS:
                good = truth(tool, prompt)
                give(opened, a_clip(tool, prompt), right=good**3, wrong_way=-good, noise=float(rng.random()), flat=1.0)
        yield opened


def write(path: Any, rows: Any, header: str = "model,prompt_id,sample,quality") -> Any:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_planted_truth_is_found(bench: Bench, tmp_path: Path) -> None:
    file = write(tmp_path / "r.csv", [f"{t},{p.id},0,{truth(t, p)}" for t in TOOLS for p in PROMPTS])
    found = {a.metric: a for a in agreement(bench, file).agreements}
    assert found["right"].spearman.value == pytest.approx(1)
    assert found["right"].spearman.low == pytest.approx(1)
    assert found["right"].accuracy == found["wrong_way"].accuracy == 1
    assert found["wrong_way"].kendall.value == pytest.approx(1), "the direction of the metric is known"
    assert found["noise"].spearman.low < 0 < found["noise"].spearman.high
    assert "flat" not in found, "a constant orders nothing"
    assert (found["right"].n_clips, found["right"].n_prompts) == (30, 6)


def test_statistics_match_scipy() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 6, 40).astype(float), rng.integers(0, 6, 40).astype(float)
    assert spearman(a, b) == pytest.approx(scipy_stats.spearmanr(a, b).statistic)
    assert kendall(a, b) == pytest.approx(scipy_stats.kendalltau(a, b).statistic)
    assert np.isnan(spearman(a, np.ones(40)))


def test_pairwise_accuracy_by_hand() -> None:
    people, metric = np.array([1.0, 2.0, 2.0, 9.0]), np.array([0.1, 0.25, 0.15, 0.0])
    prompts = np.array([0, 0, 0, 1])
    # pairs of prompt 0: (1,2) right, (1,2') right, (2,2') a tie of people
    assert pairwise_accuracy(people, metric, prompts) == (1.0, pytest.approx(2 / 3))
    # a metric that leaves 0.04 between equals and 0.1 between others can call the tie
    assert pairwise_accuracy(people, np.array([0.1, 0.2, 0.24, 0.0]), prompts) == (1.0, 1.0)
    assert pairwise_accuracy(people[2:], metric[2:], prompts[2:]) == (None, None)


def test_raters_set_the_ceiling(bench: Bench, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [
        f"{t},{p.id},0,{truth(t, p) + rng.normal(0, 0.5)},{rater}"
        for t in TOOLS
        for p in PROMPTS
        for rater in ("x", "y", "z")
    ]
    report = agreement(bench, write(tmp_path / "r.csv", rows, "model,prompt_id,sample,quality,rater"))
    (ceiling,) = report.ceilings
    assert ceiling.n_raters == 3
    assert 0.85 < ceiling.spearman < 0.99


def test_rated_clips_that_are_not_there_are_named(bench: Bench, tmp_path: Path) -> None:
    rows = [f"{t},{p.id},0,{truth(t, p)}" for t in TOOLS for p in PROMPTS]
    assert agreement(bench, write(tmp_path / "r.csv", [*rows, "ghost,p0,0,3"])).unmatched == ("ghost/p0-0",)
    with pytest.raises(OptionError, match="none of the 1 rated clips"):
        agreement(bench, write(tmp_path / "s.csv", ["ghost,p0,0,3"]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model,prompt_id\na,b\n", ":1: no column sample"),
        ("model,prompt_id,sample\na,b,0\n", ":1: no rating column"),
        ("model,prompt_id,sample,q\na,b,zero,1\n", ":2: sample is 'zero'"),
        ("model,prompt_id,sample,q\na,b,0,good\n", ":2: q is 'good'"),
        ("model,prompt_id,sample,q\na,b,0,nan\n", ":2: q is nan"),
        ("model,prompt_id,sample,q\na,b,0,1\na,b,0,2\n", ":3: a/b/0 is rated twice"),
    ],
)
def test_a_wrong_file_names_its_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(CatalogError, match=words):
        read_ratings(tmp_path / "r.csv")


@pytest.mark.parametrize(("draws", "statistic"), [(spearman_draws, "spearmanr"), (kendall_draws, "kendalltau")])
def test_resamples_are_what_scipy_makes_of_the_clips_drawn(draws: Any, statistic: str) -> None:
    """Prompts of different sizes, ties on both sides, clips not in the order of their prompts."""
    rng = np.random.default_rng(3)
    prompts = rng.permutation(np.repeat(np.arange(5), [1, 2, 4, 3, 6]))
    a, b = rng.integers(0, 5, 16).astype(float), rng.integers(0, 5, 16).astype(float)
    chosen = np.random.default_rng(SEED).integers(0, 5, (N_RESAMPLES, 5))
    fast = draws(a, b, prompts)
    assert fast.shape == (N_RESAMPLES,)
    for row, value in list(zip(chosen, fast, strict=True))[:60]:
        clips = np.concatenate([np.flatnonzero(prompts == prompt) for prompt in row])
        with np.errstate(all="ignore"):
            slow = getattr(scipy_stats, statistic)(a[clips], b[clips]).statistic
        assert value == pytest.approx(slow, nan_ok=True)


def test_resamples_of_one_prompt_that_is_constant_have_no_correlation() -> None:
    a, prompts = np.array([1.0, 1.0, 1.0, 2.0, 3.0]), np.array([0, 0, 0, 1, 1])
    for draws in (spearman_draws, kendall_draws):
        drawn = draws(a, a, prompts)
        assert set(np.round(drawn[np.isfinite(drawn)], 9)) == {1.0}
        assert np.isnan(drawn).any()


def test_ties_are_calibrated_as_by_trying_every_threshold() -> None:
    rng = np.random.default_rng(5)
    people, metric = rng.integers(0, 4, 30).astype(float), np.round(rng.random(30), 1)
    prompts = np.repeat(np.arange(6), 5)
    pairs = [(i, j) for i in range(30) for j in range(i) if prompts[i] == prompts[j]]
    gaps = [(people[i] - people[j], metric[i] - metric[j]) for i, j in pairs]
    best = max(
        sum(h == 0 if abs(g) <= threshold else h * g > 0 for h, g in gaps)
        for threshold in [-1.0, *(abs(g) for _, g in gaps)]
    )
    assert pairwise_accuracy(people, metric, prompts)[1] == pytest.approx(best / len(gaps))


def test_a_spread_or_a_number_of_ratings_is_no_rating(bench: Bench, tmp_path: Path) -> None:
    header = "model,prompt_id,sample,quality,quality_std,qualityStd,n_ratings,count,SE"
    rows = [f"{t},{p.id},0,{truth(t, p)},0.{i},1,7,{i},0.2" for i, t in enumerate(TOOLS) for p in PROMPTS]
    report = agreement(bench, write(tmp_path / "r.csv", rows, header))
    assert {row.rating for row in report.agreements} == {"quality"}
    for column in ("quality_std", "qualityStd", "n_ratings", "count", "SE"):
        assert f"{column} is no rating but a spread or a number of ratings by its name: left out" in report.notes
    with pytest.raises(
        CatalogError, match=r"no rating column beside .*quality_std \(quality_std: a spread or a number"
    ):
        read_ratings(write(tmp_path / "s.csv", ["a,b,0,1"], "model,prompt_id,sample,quality_std"))


def test_what_is_constant_is_named(bench: Bench, tmp_path: Path) -> None:
    rows = [f"{t},{p.id},0,{truth(t, p)},3" for t in TOOLS for p in PROMPTS]
    report = agreement(bench, write(tmp_path / "r.csv", rows, "model,prompt_id,sample,quality,harmony"))
    assert "harmony is 3 for all 30 clips: it orders nothing" in report.notes
    assert "flat: the same for every rated clip, so that nothing is ordered" in report.notes
    assert {row.rating for row in report.agreements} == {"quality"}
    few = agreement(bench, write(tmp_path / "s.csv", [f"a,{p.id},0,{p.id[1]}" for p in PROMPTS[:3]]))
    assert few.agreements == ()
    assert "flat, noise, right, wrong_way: fewer than 4 of the rated clips have a value" in few.notes


@pytest.mark.parametrize(
    ("columns", "rating"),
    [
        (("quality_rater1", "quality_rater2", "quality_rater3"), "quality"),
        (("rater_a", "rater_b", "rater_c"), "rating"),
        (("Annotator 1: quality", "Annotator 2: quality", "Annotator 3: quality"), "quality"),
        (("quality_r1", "quality_r2", "quality_r3"), "quality"),
    ],
)
def test_columns_of_raters_are_one_rating_with_a_ceiling(
    bench: Bench, tmp_path: Path, columns: tuple[str, str, str], rating: str
) -> None:
    rng = np.random.default_rng(1)
    rows = [
        f"{t},{p.id},0," + ",".join(f"{truth(t, p) + rng.normal(0, 0.5):.3f}" for _ in columns)
        for t in TOOLS
        for p in PROMPTS
    ]
    report = agreement(bench, write(tmp_path / "r.csv", rows, f"model,prompt_id,sample,{','.join(columns)}"))
    assert {row.rating for row in report.agreements} == {rating}
    (ceiling,) = report.ceilings
    assert (ceiling.rating, ceiling.n_raters) == (rating, 3)
    assert 0.85 < ceiling.spearman < 0.99


def test_one_such_column_is_a_rating_of_its_own(bench: Bench, tmp_path: Path) -> None:
    rows = [f"{t},{p.id},0,{truth(t, p)},1" for t in TOOLS for p in PROMPTS]
    table, _ = read_ratings(write(tmp_path / "r.csv", rows, "model,prompt_id,sample,quality_rater1,style"))
    assert list(table) == ["quality_rater1", "style"]


def test_the_command_says_on_how_many_prompts_a_row_rests(bench: Bench, tmp_path: Path) -> None:
    file = write(tmp_path / "r.csv", [f"{t},{p.id},0,{truth(t, p)}" for t in TOOLS for p in PROMPTS[:4]])
    words = ["agreement", str(file), "--bench", str(bench.root)]
    shown = CliRunner().invoke(app, words).output.splitlines()
    assert shown[1].split()[-2:] == ["clips", "prompts"]
    assert shown[2].split()[-2:] == ["20", "4"]
    assert any(line.startswith("note: flat: the same") for line in shown)
    document = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert document["schema"] == 1
    assert document["agreements"][0]["n_prompts"] == 4


def test_many_metrics_are_compared_in_seconds(tmp_path: Path) -> None:
    """Sixty metrics on twenty clips, CPU time: one resample at a time took 25 s."""
    rng = np.random.default_rng(0)
    with Bench.open(tmp_path / "bench") as opened:
        opened.add_metrics([an_info(f"m{i}") for i in range(60)])
        for tool in TOOLS:
            for prompt in PROMPTS[:4]:
                give(opened, a_clip(tool, prompt), **{f"m{i}": float(rng.random()) for i in range(60)})
        file = write(tmp_path / "r.csv", [f"{t},{p.id},0,{truth(t, p)}" for t in TOOLS for p in PROMPTS[:4]])
        before = time.process_time()
        report = agreement(opened, file)
        assert len(report.agreements) == 60
        assert time.process_time() - before < 5
