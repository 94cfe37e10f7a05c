"""Weights fitted to planted ratings: found where they are planted, refused where there are few, no gain from noise."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats
from typer.testing import CliRunner

from tests.records import a_clip, give
from vbench.bench import Bench
from vbench.cli import app
from vbench.contracts import Settings
from vbench.errors import OptionError
from vbench.metrics import METRICS
from vbench.metrics.weights import weighted_mean
from vbench.records import Prompt
from vbench.score import ScoreSpec
from vbench.score.plan import make_plan
from vbench.score.profile import read_profile, with_profile
from vbench.validate.weights import best_weights, fit_weights, held_out, simplex

GROUPS = ("overall_temporal", "overall_motion", "overall_picture")


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """240 clips of 60 prompts; people like the first group seven times as much as the others."""
    root = tmp_path_factory.mktemp("rated")
    draw = np.random.default_rng(1)
    rows = []
    with Bench.open(root / "bench") as bench:
        for n in range(240):
            values = draw.uniform(5, 95, 3)
            clip = a_clip("tool", Prompt(id=f"p{n // 4}", text=f"prompt {n // 4}"), n % 4)
            bench.add_clip(clip)
            give(bench, clip, **dict(zip(GROUPS, values.tolist(), strict=True)))
            liked = np.log(values) @ (0.7, 0.1, 0.2) + draw.normal(0, 0.1)
            rows.append((clip.model, clip.prompt.id, clip.sample, liked, draw.normal()))
    for name, column in (("liked", 3), ("noise", 4)):
        with (root / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["model", "prompt_id", "sample", name])
            writer.writerows([(*row[:3], row[column]) for row in rows])
    return root / "bench", root


def test_planted_weights_are_found_and_gain(rated: tuple[Path, Path]) -> None:
    with Bench.open(rated[0]) as bench:
        fitted = fit_weights(bench, rated[1] / "liked.csv")
    shares = np.array([fitted.profile.weights[group] for group in GROUPS])
    assert shares / shares.sum() == pytest.approx([0.7, 0.1, 0.2], abs=0.06)
    assert fitted.fitted > 0.95 > fitted.equal
    assert 0 < fitted.gain_low < fitted.gain < fitted.gain_high
    assert sum(fitted.profile.weights.values()) == pytest.approx(1, abs=1e-3)
    assert fitted.profile.fitted_on["not_fitted"] == ["overall_text"]


def test_noise_is_not_shown_to_gain(rated: tuple[Path, Path]) -> None:
    with Bench.open(rated[0]) as bench:
        fitted = fit_weights(bench, rated[1] / "noise.csv")
    assert fitted.gain_low < 0
    assert abs(fitted.fitted) < 0.2


def test_few_clips_are_refused(rated: tuple[Path, Path], tmp_path: Path) -> None:
    lines = (rated[1] / "liked.csv").read_text().splitlines()
    (tmp_path / "few.csv").write_text("\n".join(lines[:200]))
    with Bench.open(rated[0]) as bench, pytest.raises(OptionError, match=r"199 clips of 50 prompts .* at least 200"):
        fit_weights(bench, tmp_path / "few.csv")


def test_each_prompt_is_judged_by_weights_that_never_saw_it() -> None:
    """Ratings of one prompt in five that contradict the others do not move what it gets."""
    draw = np.random.default_rng(2)
    prompts = np.repeat(np.arange(10), 6)
    logs = draw.normal(0, 1, (60, 2))
    people = logs @ (0.8, 0.2)
    plain = held_out(people, logs, prompts)
    moved = people.copy()
    moved[prompts == 3] = draw.normal(0, 1, 6)
    assert held_out(moved, logs, prompts)[prompts == 3] == pytest.approx(plain[prompts == 3])


def test_the_best_weights_are_those_of_all() -> None:
    draw = np.random.default_rng(3)
    logs, people = draw.normal(0, 1, (30, 3)), draw.normal(0, 1, 30)
    told = [scipy_stats.spearmanr(people, logs @ row).statistic for row in simplex(3)]
    assert scipy_stats.spearmanr(people, logs @ best_weights(people, logs)).statistic == pytest.approx(max(told))
    assert simplex(3).min() == pytest.approx(0.05)
    assert simplex(4).sum(axis=1) == pytest.approx(np.ones(len(simplex(4))))


def test_a_profile_is_another_headline_and_never_the_default(rated: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "ours.json"
    line = ["calibrate", "overall", "--bench", str(rated[0]), "--ratings", str(rated[1] / "liked.csv")]
    result = CliRunner().invoke(app, [*line, "--out", str(out), "--about", "ours"], catch_exceptions=False)
    assert "gain +" in result.stdout
    assert json.loads(out.read_text())["profile"] == "ours"
    plain = make_plan(ScoreSpec(preset="offline"))
    ours = make_plan(ScoreSpec(preset="offline", settings={"overall.profile": str(out)}))
    assert ours.params["overall"]["profile"]["name"] == "ours"
    assert "profile" not in plain.params["overall"]
    assert {k: v for k, v in ours.params.items() if k != "overall"} == {
        k: v for k, v in plain.params.items() if k != "overall"
    }
    (headline,) = (metric for metric in ours.combined if metric.name == "overall")
    values = dict(zip(GROUPS, (80.0, 20.0, 50.0), strict=True))
    weights = read_profile(out, headline).weights
    total = sum(weights[group] for group in GROUPS)
    expected = np.prod([values[group] ** (weights[group] / total) for group in GROUPS])
    assert headline.combine(values).value == pytest.approx(expected)
    assert headline.combine(values | {"overall_motion": 0.0}).value == 0.0


def test_profiles_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    headline = METRICS["overall"]
    good = {"profile": "x", "of": f"overall {headline.version}", "weights": dict.fromkeys(headline.inputs, 0.25)}
    still = good | {"weights": good["weights"] | {"overall_motion": 0.0}}
    for document, says in (
        ("{", "no profile"),
        (json.dumps(good | {"of": "overall 1"}), "has weights for overall 1"),
        (json.dumps(still), "bought with stillness"),
        (json.dumps(good | {"weights": {"overall_motion": 1.0}}), "expected overall_temporal"),
    ):
        (tmp_path / "p.json").write_text(document)
        with pytest.raises(OptionError, match=says):
            with_profile(headline, Settings({"overall.profile": str(tmp_path / "p.json")}))
    with pytest.raises(OptionError, match="No such file"):
        with_profile(headline, Settings({"overall.profile": str(tmp_path / "none.json")}))
    assert with_profile(headline, Settings())[0] is headline
    assert with_profile(replace(headline, name="overall_motion"), Settings({"overall.profile": "x"}))[1] == {}


def test_equal_weights_are_the_headlines_own() -> None:
    values = {"overall_temporal": 40.0, "overall_motion": 60.0, "overall_picture": 90.0}
    equal = weighted_mean(values, dict.fromkeys(METRICS["overall"].inputs, 0.25))
    assert equal.value == pytest.approx(METRICS["overall"].combine(values).value)
