"""The board: every number worked out by hand, nothing dropped in silence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.records import a_clip, an_info, give
from vbench.bench import Bench
from vbench.bench.tables import JobRow
from vbench.errors import OptionError
from vbench.rank import intervals
from vbench.rank.board import leaderboard
from vbench.records import Prompt

PROMPTS = [
    Prompt(id=f"p{i}", text=f"prompt {i}", tags=("camera:pan" if i % 2 else "camera:zoom", "all")) for i in range(6)
]


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    with Bench.open(tmp_path) as opened:
        opened.add_metrics(
            [an_info("good"), an_info("bad", higher_is_better=False), an_info("plain", higher_is_better=None)]
        )
        yield opened


def row(board: Any, model: Any, metric: str = "good", tag: str = "") -> Any:
    (found,) = [r for r in board.rows if (r.model, r.metric, r.tag) == (model, metric, tag)]
    return found


def test_a_mean_is_over_prompts_not_over_clips(bench: Bench) -> None:
    give(bench, a_clip("x", PROMPTS[0], 0), good=1.0)
    for sample in range(3):
        give(bench, a_clip("x", PROMPTS[1], sample), good=4.0 + sample)
    found = row(leaderboard(bench), "x")
    assert found.mean == pytest.approx((1.0 + 5.0) / 2)
    assert (found.n_prompts, found.n_clips) == (2, 4)
    assert found.ci_low <= found.mean <= found.ci_high


def test_best_worse_and_not_distinguishable(bench: Bench) -> None:
    noise = [0.1, -0.2, 0.15, 0.0, -0.1, 0.05]
    for prompt, n in zip(PROMPTS, noise, strict=True):
        give(bench, a_clip("top", prompt), good=10 + n)
        give(bench, a_clip("near", prompt), good=10 - n - 0.02)
        give(bench, a_clip("low", prompt), good=5 + n / 2)
    board = leaderboard(bench, metrics=["good"])
    assert [r.model for r in board.rows] == ["top", "near", "low"]
    assert [r.verdict for r in board.rows] == ["best", "not distinguishable", "worse"]
    assert [(r.rank_low, r.rank_high) for r in board.rows] == [(1, 2), (1, 2), (3, 3)]
    assert row(board, "low").win_rate == 0.0
    assert row(board, "low").versus == "top"


def test_direction_turns_the_order(bench: Bench) -> None:
    for prompt in PROMPTS:
        give(bench, a_clip("x", prompt), bad=1.0, plain=1.0)
        give(bench, a_clip("y", prompt), bad=2.0, plain=2.0)
    board = leaderboard(bench, metrics=["bad", "plain"])
    assert [r.model for r in board.rows if r.metric == "bad"] == ["x", "y"]
    assert {r.verdict for r in board.rows if r.metric == "plain"} == {"neutral"}
    assert row(board, "x", "plain").rank_low is None


def test_what_failed_or_was_refused_stands_beside_the_mean(bench: Bench) -> None:
    give(bench, a_clip("x", PROMPTS[0], latency_s=4.0, cost_usd=0.1), good=1.0)
    give(bench, a_clip("x", PROMPTS[1], latency_s=8.0), good="too short")
    bench.add_clip(a_clip("x", PROMPTS[2], latency_s=5.0, cost_usd=0.3))
    bench.add_prompts(PROMPTS)
    bench.add_model("x")
    bench.add_model("gone")
    with bench.write() as session:
        jobs = [("x", 0, 1, "refused_input"), ("x", 1, 1, "failed"), ("x", 2, 1, "failed"), ("x", 2, 2, "succeeded")]
        for i, (model, place, attempt, state) in enumerate([*jobs, ("gone", 2, 1, "refused_output")]):
            columns = {
                "model": model,
                "prompt_key": PROMPTS[place].key,
                "sample": 0,
                "state": state,
                "attempt": attempt,
            }
            unused = {"plan": {}, "is_billable": False, "run": "r", "planned_at": ""}
            session.add(JobRow(id=str(i), identity=str(i), **columns, **unused))
    board = leaderboard(bench)
    found = row(board, "x")
    assert (found.n_clips, found.n_failed, found.n_refused, found.n_unmeasured) == (1, 2, 1, 1)
    assert found.latency_s == 5.0
    assert found.cost_usd == pytest.approx(0.2)
    nothing = row(board, "gone")
    assert (nothing.mean, nothing.n_refused, nothing.verdict) == (None, 1, "not comparable")
    assert any("not measured yet" in note for note in board.notes)


def test_different_prompts_are_said_and_never_compared(bench: Bench) -> None:
    for i, prompt in enumerate(PROMPTS):
        give(bench, a_clip("xy"[i % 2], prompt), good=1.0 + i)
    board = leaderboard(bench, metrics=["good"])
    assert row(board, "x").verdict == "not comparable"
    assert any("did not all get the same prompts (0 are shared" in note for note in board.notes)


def test_split_by_a_facet_and_filter_by_a_tag(bench: Bench) -> None:
    for i, prompt in enumerate(PROMPTS):
        give(bench, a_clip("x", prompt), good=float(i))
    board = leaderboard(bench, by="camera", metrics=["good"])
    assert row(board, "x", tag="camera:pan").mean == pytest.approx((1 + 3 + 5) / 3)
    assert row(board, "x", tag="camera:zoom").mean == pytest.approx((0 + 2 + 4) / 3)
    assert row(leaderboard(bench, tags=["camera:pan"], metrics=["good"]), "x").n_prompts == 3


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"metrics": ["goood"]}, "did you mean good"),
        ({"by": "camra"}, "did you mean camera"),
        ({"tags": ["camera:pn"]}, "did you mean camera:zoom"),
        ({"models": ["X"]}, "no tool 'X'"),
    ],
)
def test_a_wrong_name_is_a_sentence(bench: Bench, wrong: dict[str, Any], words: str) -> None:
    give(bench, a_clip("x", PROMPTS[0]), good=1.0)
    with pytest.raises(OptionError, match=words):
        leaderboard(bench, **wrong)


def test_what_nothing_measures_is_said_of_the_bench_not_of_the_choice_shown(bench: Bench) -> None:
    give(bench, a_clip("x", PROMPTS[0]), good=1.0)
    said = "Nothing here measures whether a clip shows what its prompt asks for."
    assert said in leaderboard(bench, metrics=["good"]).notes
    bench.add_metrics([an_info("alignment", group="text")])
    assert said not in leaderboard(bench, metrics=["good"]).notes


def test_json_has_the_schema_others_rely_on(bench: Bench) -> None:
    give(bench, a_clip("x", PROMPTS[0]), good=1.0)
    found = leaderboard(bench).to_json()
    assert found["schema"] == 1
    assert {
        "model",
        "metric",
        "mean",
        "ci_low",
        "ci_high",
        "n_prompts",
        "n_clips",
        "n_failed",
        "n_refused",
        "latency_s",
        "cost_usd",
    } <= found["rows"][0].keys()


def test_forty_tools_and_twenty_metrics_rank_at_once(bench: Bench) -> None:
    rng = np.random.default_rng(0)
    names = [f"m{i}" for i in range(20)]
    bench.add_metrics([an_info(name) for name in names])
    for t in range(40):
        for prompt in PROMPTS:
            give(bench, a_clip(f"tool-{t}", prompt), **dict(zip(names, rng.random(20).tolist(), strict=True)))
    intervals.resample_shares.cache_clear()
    board = leaderboard(bench, metrics=names)
    assert len(board.rows) == 800
    assert intervals.resample_shares.cache_info()[:2] == (len(names) - 1, 1), "drawn once, used once for a metric"


def test_a_tool_with_one_prompt_stands_below_the_line(bench: Bench) -> None:
    for n, prompt in enumerate(PROMPTS):
        give(bench, a_clip("steady", prompt), good=5.0 + n / 10)
        give(bench, a_clip("lower", prompt), good=1.0 + n / 7)
    give(bench, a_clip("lucky", PROMPTS[0]), good=99.0)
    board = leaderboard(bench, metrics=["good"])
    assert [r.model for r in board.rows] == ["steady", "lower", "lucky"]
    assert [r.verdict for r in board.rows] == ["best", "worse", "too few prompts"]
    assert (row(board, "lucky").rank_low, row(board, "steady").rank_high) == (None, 1)
    assert any("lucky" in note and "single prompt" in note for note in board.notes)


def test_equal_values_of_a_bounded_measure_have_a_width(bench: Bench) -> None:
    for prompt in PROMPTS:
        give(bench, a_clip("x", prompt), good=100.0)
    found = row(leaderboard(bench, metrics=["good"]), "x")
    assert found.ci_low == pytest.approx(100 * 0.025 ** (1 / 6))
    assert found.ci_high == 100.0


def test_what_is_known_of_clips_is_counted_and_damaged_ones_can_be_left_out(bench: Bench) -> None:
    for n, prompt in enumerate(PROMPTS):
        clip = a_clip("x", prompt)
        sentences = ("stops after 1.2 of 3.0 s",) if n == 0 else ("12 of 24 frames are interlaced",) if n == 1 else ()
        give(bench, replace(clip, probe=replace(clip.probe, warnings=sentences)), good=50.0 + n)
    board = leaderboard(bench, metrics=["good"])
    assert row(board, "x").n_prompts == 6
    note = next(note for note in board.notes if note.startswith("Of 6 clips: 1 cut off: the end is missing"))
    assert "interlaced" in note
    assert "left out (whole clips only)" in note
    whole = leaderboard(bench, metrics=["good"], whole_only=True)
    assert row(whole, "x").mean == pytest.approx(53.0)
    assert whole.notes[0].startswith("1 damaged clip(s)")
    assert not any("cut off" in note for note in whole.notes)
