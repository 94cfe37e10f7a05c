"""The `vbench` preset from a bench to its report: what is measured, what is named as missing, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Never

import numpy as np
import pytest

from tests.fakes import tiny_models
from tests.video.clips import moving
from vbench.bench import Bench
from vbench.errors import WeightsError
from vbench.importing import import_folder
from vbench.records import Prompt
from vbench.score import ScoreSpec, score
from vbench.score.plan import make_plan
from vbench.vbench1.totals import DIMENSIONS
from vbench.video import write_clip


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("weights")
    return {
        "vbench.dino.model": str(tiny_models.tiny_dino(root / "dino")),
        "vbench.clip.model": str(tiny_models.tiny_clip(root / "clip")),
    }


@pytest.fixture(autouse=True)
def _nothing_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights in the caches of this machine, and no way to get any."""

    def unreachable(*args: Any, **kwargs: Any) -> Never:
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", unreachable)
    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *args, **kwargs: None)


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    """One clip that moves and one that is frozen."""
    folder = tmp_path / "clips" / "tool"
    folder.mkdir(parents=True)
    write_clip(np.stack(moving(12)), folder / "moves-0.mp4", fps=12)
    write_clip(np.stack(moving(1) * 12), folder / "frozen-0.mp4", fps=12)
    with Bench.open(tmp_path / "bench") as opened:
        import_folder(opened, tmp_path / "clips", prompts=[Prompt(id=name, text=name) for name in ("moves", "frozen")])
        yield opened


def test_what_can_be_measured_is_and_the_rest_is_named_with_its_reason(bench: Bench, weights: Any) -> None:
    report = score(bench, preset="vbench", settings=weights, device="cpu", workers=1)
    values = {
        (s.key.metric, clip.prompt.id): s.value
        for clip in bench.clips()
        for s in bench.score_records()
        if s.key.clip == clip.id
    }
    measured = ("vbench.subject_consistency", "vbench.background_consistency", "vbench.temporal_flickering")
    assert {metric for metric, _ in values} == set(measured)
    for metric in measured:
        assert values[metric, "frozen"] == pytest.approx(1.0, abs=2e-3)
        assert values[metric, "moves"] < values[metric, "frozen"]
    assert "non-commercial" in report.left_out["vbench.motion_smoothness"]
    assert "non-commercial" in report.left_out["vbench.imaging_quality"]
    assert "--set vbench.viclip.model=PATH" in report.left_out["vbench.overall_consistency"]
    assert "--set vbench.aesthetic.head=PATH" in report.left_out["vbench.aesthetic_quality"]
    assert "no route to host" in report.left_out["vbench.dynamic_degree"]
    named = {name.removeprefix("vbench.") for name in [*report.left_out, *measured]} - {"static"}
    assert named - {"appearance_style"} == set(DIMENSIONS) - {"appearance_style"}
    assert {f.code for f in bench.failures() if f.key and f.key.metric == "vbench.appearance_style"} == {
        "not_applicable"
    }


def test_without_the_hub_models_the_plan_stops(weights: Any) -> None:
    with pytest.raises(WeightsError, match=r"facebook/dino-vitb16.*--set vbench\.dino\.model=PATH"):
        make_plan(ScoreSpec(preset="vbench", settings={"vbench.clip.model": weights["vbench.clip.model"]}))


def test_a_named_dimension_without_its_weights_stops_the_plan(weights: Any) -> None:
    with pytest.raises(WeightsError, match="no route to host"):
        make_plan(ScoreSpec(metrics=["vbench.dynamic_degree"], settings=weights))


def test_scores_tell_which_weights_and_never_run_in_bf16(weights: Any) -> None:
    plan = make_plan(ScoreSpec(preset="vbench", settings=weights, precision="bf16"), device="cuda:0")
    params = plan.params["vbench.subject_consistency"]["vbench_dino"]
    assert params["model"].startswith("sha256:")
    assert params["precision"] == "fp32"
    assert make_plan(ScoreSpec(preset="vbench", settings=weights)).params == plan.params
