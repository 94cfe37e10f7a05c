"""One record says what is measured and how; its fields are keyword arguments wherever it is taken."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from vbench.errors import OptionError
from vbench.score import ScoreSpec
from vbench.score.spec import ScoreChoices, devices, spec_with


def test_every_field_can_be_chosen_by_name() -> None:
    assert {field.name for field in fields(ScoreSpec)} == set(ScoreChoices.__annotations__)


def test_choices_change_only_what_they_name() -> None:
    spec = ScoreSpec(preset="full", settings={"a": "b"})
    assert spec_with(spec, workers=2) == replace(spec, workers=2)
    assert spec_with(spec, settings=None).settings == {}
    with pytest.raises(TypeError, match="presets"):
        spec_with(spec, presets="offline")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (ScoreSpec(preset="offline"), False),
        (ScoreSpec(preset="standard"), True),
        (ScoreSpec(preset="offline", metrics=["sharpness"]), True),
        (ScoreSpec(preset="offline", settings={"decode.backend": "nvdec"}), True),
    ],
)
def test_what_runs_on_a_device_asks_for_one(spec: Any, expected: bool) -> None:
    assert spec.may_use_device is expected


def test_devices_are_named_as_torch_does() -> None:
    assert ScoreSpec(preset="offline", device="cuda:7").devices() == ["cpu"]  # it would not be used
    assert devices("cpu,cpu") == ["cpu"]
    with pytest.raises(OptionError, match="expected auto, cpu, cuda or cuda:N"):
        devices("gpu")
