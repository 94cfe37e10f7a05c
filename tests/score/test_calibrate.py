"""The lines of `*_gated`: fitted on a planted law, written, read back, and used under a key of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.records import a_clip, an_info
from vbench.bench import Bench
from vbench.cli import app
from vbench.contracts import Settings
from vbench.errors import MetricError, OptionError
from vbench.features.reference import AppearanceReference, DinoReference, read_references
from vbench.metrics.gated import liveliness, roughness, standing
from vbench.records import Outcomes, Prompt, Score, ScoreKey
from vbench.score import ScoreSpec
from vbench.score.calibrate import calibrate, parallel_lines
from vbench.score.plan import make_plan

OWN = {"appearance": {"descriptor": "lab-edges-1"}, "flow": {"backend": "dis-half", "short_side": 192}}


def filled(path: Any, n: Any, *, appearance: Any = OWN["appearance"]) -> Any:
    rng = np.random.default_rng(0)
    bench = Bench.open(path)
    bench.add_metrics([an_info("appearance_consistency"), an_info("motion_coherent")])
    for i in range(n):
        clip = a_clip("tool", Prompt(id=f"p{i}", text=str(i)))
        bench.add_clip(clip)
        motion = float(np.exp(rng.uniform(-5, 0)))
        values = {
            "motion_coherent": (motion, {"flow": OWN["flow"]}),
            "appearance_consistency": (
                1 - 0.1 * motion * float(np.exp(rng.normal(0, 0.5))),
                {"appearance": appearance},
            ),
        }
        scores = tuple(
            Score(key=ScoreKey(clip=clip.id, metric=name, version=1, params=params), value=value)
            for name, (value, params) in values.items()
        )
        bench.add_outcomes(Outcomes(clip=clip.id, scores=scores))
    return bench


def test_lines_find_a_planted_law() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(-5, 0, 200)
    y = 0.7 * x - 2 + rng.normal(0, 0.5, 200)
    slope, shares, intercepts = parallel_lines(x, y)
    assert slope == pytest.approx(0.7, abs=0.05)
    assert (shares[0], shares[-1]) == (0, 1)
    for share, intercept in zip(shares, intercepts, strict=True):
        assert np.mean(y - slope * x <= intercept + 1e-9) == pytest.approx(share, abs=0.011)
    assert np.interp(0.5, shares, intercepts) == pytest.approx(-2, abs=0.15)


def test_percentiles_of_the_reference_set_itself_are_even(tmp_path: Path) -> None:
    with filled(tmp_path / "bench", 60) as bench:
        calibrate(bench, tmp_path / "lines.json", about="planted")
        scores = {(s.key.metric, s.key.clip): s.value for s in bench.score_records()}
    settings = Settings({"gated.reference": str(tmp_path / "lines.json")})
    lines = AppearanceReference(settings).read(None)
    clips = {clip for _, clip in scores}
    found = sorted(
        standing(lines, scores["appearance_consistency", clip], scores["motion_coherent", clip]) for clip in clips
    )
    assert found == pytest.approx(np.linspace(0, 1, 60), abs=0.06)
    assert json.loads((tmp_path / "lines.json").read_text())["about"] == "planted"


def test_too_few_clips_are_refused(tmp_path: Path) -> None:
    with filled(tmp_path / "bench", 19) as bench, pytest.raises(OptionError, match="fewer than 20 clips"):
        calibrate(bench, tmp_path / "lines.json")
    assert not (tmp_path / "lines.json").exists()


def test_the_command_says_what_it_fitted_and_where_it_cannot_write(tmp_path: Path) -> None:
    message = "name a file in a folder that can be written"
    with filled(tmp_path / "bench", 30) as bench, pytest.raises(OptionError, match=message):
        calibrate(bench, tmp_path / "nowhere" / "lines.json")
    found = CliRunner().invoke(
        app, ["calibrate", "--bench", str(tmp_path / "bench"), "--out", str(tmp_path / "l.json")]
    )
    assert found.output.startswith("appearance_consistency 1 by motion_coherent 1: 30 clips, slope +0.")
    assert read_references(str(tmp_path / "l.json"))[0]["n_clips"] == 30


def test_the_reference_is_part_of_the_key(tmp_path: Path) -> None:
    with filled(tmp_path / "bench", 30) as bench:
        calibrate(bench, tmp_path / "lines.json")
    none, own, given = (
        make_plan(ScoreSpec(metrics=["appearance_gated"], settings={"gated.reference": asked} if asked else {})).params
        for asked in ("", "real", str(tmp_path / "lines.json"))
    )
    assert "appearance_reference" not in none["appearance_gated"]
    assert own["appearance_gated"]["appearance_reference"] != given["appearance_gated"]["appearance_reference"]
    assert own["appearance_gated"]["flow"] == given["appearance_gated"]["flow"]
    assert AppearanceReference(Settings()).read(None) is None


def test_other_embeddings_or_flow_have_no_reference(tmp_path: Path) -> None:
    with filled(tmp_path / "bench", 30, appearance={"descriptor": "another"}) as bench:
        calibrate(bench, tmp_path / "lines.json")
    for feature in (
        AppearanceReference(Settings({"gated.reference": str(tmp_path / "lines.json")})),
        AppearanceReference(Settings({"flow.backend": "raft", "gated.reference": "real"})),
        DinoReference(Settings({"gated.reference": "real"})),
    ):
        with pytest.raises(MetricError, match="vbench calibrate") as caught:
            feature.read(None)
        assert caught.value.code == "not_applicable"
        assert feature.params() == {"reference": "none"}


def test_precision_does_not_need_another_reference(tmp_path: Path) -> None:
    entry = read_references("real")[0] | {"params": {"dino": DinoReference(Settings()).embeddings(Settings()).params()}}
    entry["params"] |= {"flow": OWN["flow"]}
    (tmp_path / "lines.json").write_text(json.dumps({"references": [entry]}))
    values = {"gated.reference": str(tmp_path / "lines.json")}
    for precision in ("fp32", "bf16"):
        assert DinoReference(Settings(values, precision=precision)).params() != {"reference": "none"}


@pytest.mark.parametrize("text", ["", "{}", '{"references": [{"params": {"a": 1}, "slope": 1}]}'])
def test_a_wrong_file_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "lines.json").write_text(text)
    with pytest.raises(OptionError, match="is no file of `vbench calibrate`"):
        make_plan(ScoreSpec(metrics=["appearance_gated"], settings={"gated.reference": str(tmp_path / "lines.json")}))
    with pytest.raises(OptionError, match="is no file"):
        read_references(str(tmp_path / "nowhere.json"))


def test_the_shipped_reference_spreads_real_numbers() -> None:
    """A typical clip of the set stands in its middle, one a tenth as rough at its top."""
    lines = AppearanceReference(Settings({"gated.reference": "real"})).read(None)
    assert standing(lines, 0.9970, 0.02) == pytest.approx(0.55, abs=0.15)
    assert standing(lines, 0.9998, 0.02) > 0.9
    assert standing(lines, 0.9700, 0.02) < 0.15
    assert lines.slope == pytest.approx(0.85, abs=0.3)
    assert np.all(np.diff(lines.intercepts) >= 0)
    assert roughness(1.0) == pytest.approx(np.log(5e-4))
    assert liveliness(0.0) == pytest.approx(np.log(5e-3))
