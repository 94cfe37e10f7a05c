"""What a run will compute: presets, families, settings, weights, and the parameters of scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vbench.contracts import Family, Metric
from vbench.errors import OptionError, WeightsError
from vbench.metrics import METRICS
from vbench.metrics import presets as presets_module
from vbench.metrics.presets import PRESETS, families
from vbench.score import ScoreSpec
from vbench.score import plan as plan_module
from vbench.score.clip import key_of
from vbench.score.plan import make_plan, presets


def test_missing_weights_stop_the_plan_and_say_what_works_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError) as caught:
        make_plan(ScoreSpec(preset="standard"))
    for words in ("facebook/dinov2-base", "346 MB", "clip.model=PATH", "offline", "f9e44c814b77"):
        assert words in str(caught.value)
    assert str(caught.value).count("facebook/dinov2-base") == 1
    assert str(caught.value).count("cannot be downloaded") == 1


def test_the_way_out_without_weights_is_one_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match=r"1 of these 2 measures need none \(--metrics vbench.temporal_flickering\)"):
        make_plan(ScoreSpec(metrics=["vbench.temporal_flickering", "vbench.subject_consistency"]))


def test_a_local_copy_of_raft_is_part_of_the_key(tmp_path: Path) -> None:
    (tmp_path / "raft.pth").write_bytes(b"weights")
    settings = {"flow.backend": "raft", "raft.model": str(tmp_path / "raft.pth")}
    plan = make_plan(ScoreSpec(metrics=["motion_amount"], settings=settings))
    assert plan.params["motion_amount"]["flow"]["weights"].startswith("sha256:")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"preset": "ofline"}, "offline"),
        ({"metrics": ["flickr"]}, "flicker"),
        ({"settings": {"clip.modle": "x"}}, "clip.model"),
        ({"preset": "offline", "settings": {"flow.backend": "farneback"}}, "dis or raft"),
        ({"precision": "fp8"}, "bf16"),
    ],
)
def test_wrong_wishes_are_refused_with_a_hint(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        make_plan(ScoreSpec(**wrong))


def test_keys_hold_what_can_move_a_number() -> None:
    plan = make_plan(ScoreSpec(metrics=["motion_amount", "overall"]))
    assert plan.params["motion_amount"]["flow"]["backend"] == "dis-half"
    assert "motion_p95" in plan.params["overall"]["parts"] or "overall_motion" in plan.params["overall"]["parts"]
    assert isinstance(plan.metrics[0], Metric)
    assert key_of(plan, "c", METRICS["motion_amount"]).params_key != key_of(plan, "c", METRICS["overall"]).params_key


@pytest.mark.parametrize("name", ["vbench", "overall@2", "people", "words", "speech"])
def test_a_family_declares_its_measures_and_is_a_preset_of_its_own(name: str) -> None:
    family = families()[name]
    members = [metric for metric in METRICS if METRICS[metric].family is family]
    assert list(presets()[name]) == members
    assert members
    assert not {metric for preset in PRESETS for metric in presets()[preset]} & set(members)
    assert not set(members) & set(family.not_measured)


def test_a_family_is_told_by_what_it_declares_and_not_by_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measure of another family may have any name, and a name alone joins none."""
    mine = Family(name="mine", about="two measures of mine", pixels_of="my decoder")
    sharpness = METRICS["sharpness"]
    known = {
        "sharpness": sharpness,
        "vbench.lookalike": replace(sharpness, name="vbench.lookalike"),
        "anything": replace(sharpness, name="anything", family=mine),
    }
    for module in (plan_module, presets_module):
        monkeypatch.setattr(module, "METRICS", known)
    assert presets()["mine"] == ("anything",)
    assert presets()["offline"] == ("sharpness", "vbench.lookalike")
    plan = make_plan(ScoreSpec(preset="mine"))
    assert [metric.name for metric in plan.metrics] == ["anything"]
    with pytest.raises(OptionError, match="anything is defined on the pixels that my decoder gives"):
        make_plan(ScoreSpec(preset="mine", settings={"decode.backend": "torchcodec"}))
    with pytest.raises(OptionError, match="did you mean mine"):
        make_plan(ScoreSpec(preset="mime"))


def test_metrics_of_metrics_come_after_their_parts() -> None:
    plan = make_plan(ScoreSpec(preset="offline"))
    names = [metric.name for metric in plan.metrics]
    for metric in plan.combined:
        assert all(names.index(part) < names.index(metric.name) for part in metric.inputs if part in names)
