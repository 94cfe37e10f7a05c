"""Agreement with people: against scipy, by hand, and on a planted truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tests.records import a_clip, an_info, give
from vbench.bench import Bench
from vbench.errors import CatalogError, OptionError
from vbench.rank.agreement import agreement, kendall, pairwise_accuracy, read_ratings, spearman
from vbench.records import Prompt

TOOLS = ["a", "b", "c", "d", "e"]
PROMPTS = [Prompt(id=f"p{i}", text=str(i)) for i in range(6)]


def truth(tool: str, prompt: Prompt) -> float:
    return TOOLS.index(tool) + 0.1 * PROMPTS.index(prompt)


@pytest.fixture
def bench(tmp_path):
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


def write(path, rows, header="model,prompt_id,sample,quality"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_planted_truth_is_found(bench, tmp_path):
    file = write(tmp_path / "r.csv", [f"{t},{p.id},0,{truth(t, p)}" for t in TOOLS for p in PROMPTS])
    found = {a.metric: a for a in agreement(bench, file).agreements}
    assert found["right"].spearman.value == pytest.approx(1)
    assert found["right"].spearman.low == pytest.approx(1)
    assert found["right"].accuracy == found["wrong_way"].accuracy == 1
    assert found["wrong_way"].kendall.value == pytest.approx(1), "the direction of the metric is known"
    assert found["noise"].spearman.low < 0 < found["noise"].spearman.high
    assert "flat" not in found, "a constant orders nothing"
    assert (found["right"].n_clips, found["right"].n_prompts) == (30, 6)


def test_statistics_match_scipy():
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 6, 40).astype(float), rng.integers(0, 6, 40).astype(float)
    assert spearman(a, b) == pytest.approx(scipy_stats.spearmanr(a, b).statistic)
    assert kendall(a, b) == pytest.approx(scipy_stats.kendalltau(a, b).statistic)
    assert np.isnan(spearman(a, np.ones(40)))


def test_pairwise_accuracy_by_hand():
    people, metric = np.array([1.0, 2.0, 2.0, 9.0]), np.array([0.1, 0.25, 0.15, 0.0])
    prompts = np.array([0, 0, 0, 1])
    # pairs of prompt 0: (1,2) right, (1,2') right, (2,2') a tie of people
    assert pairwise_accuracy(people, metric, prompts) == (1.0, pytest.approx(2 / 3))
    # a metric that leaves 0.04 between equals and 0.1 between others can call the tie
    assert pairwise_accuracy(people, np.array([0.1, 0.2, 0.24, 0.0]), prompts) == (1.0, 1.0)
    assert pairwise_accuracy(people[2:], metric[2:], prompts[2:]) == (None, None)


def test_raters_set_the_ceiling(bench, tmp_path):
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


def test_rated_clips_that_are_not_there_are_named(bench, tmp_path):
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
def test_a_wrong_file_names_its_line(tmp_path, text, words):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(CatalogError, match=words):
        read_ratings(tmp_path / "r.csv")
