"""What a run is to make: filled in as keywords or a record, carried as JSON, refused where it cannot be meant."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import billable
from vbench.errors import OptionError
from vbench.generate import RunSpec, Wishes, plan_run
from vbench.generate.expansion import Arm
from vbench.records import Prompt

BOAT = Prompt(id="boat", text="a red boat", tags=("water",), expects={"objects": ["boat"]})
SPEC = RunSpec(
    models=["kling-v3", "synthetic-clean"],
    suite=Path("demo"),
    prompts=[BOAT],
    arms=[Arm(name="deep", base_url="http://127.0.0.1:9", model="writer", api_key="${WRITER_KEY}")],
    samples=2,
    seeds=[3, 4],
    wishes=Wishes(seconds=4.0, width=640, audio=False, negative="blur"),
    retry={"failed", "outcome_unknown"},
    only_sample=1,
    max_cost=2.5,
    max_jobs=7,
    allow_unpriced=["kling-v3"],
)


def test_a_spec_goes_through_json_and_comes_back() -> None:
    stored = json.loads(json.dumps(SPEC.to_json()))
    assert RunSpec.from_json(stored) == replace(SPEC, suite="demo")
    assert RunSpec.from_json({**stored, "of_a_later_version": 1}) == replace(SPEC, suite="demo")


def test_a_card_cannot_be_written_down() -> None:
    with pytest.raises(OptionError, match="names its tools by id"):
        RunSpec(models=[billable.card()]).to_json()


def test_keywords_make_a_spec_or_change_one() -> None:
    assert RunSpec.of(None, {"models": ["a"], "samples": 3}) == RunSpec(models=["a"], samples=3)
    assert RunSpec.of(SPEC, {"max_jobs": 9}) == replace(SPEC, max_jobs=9)
    matrix = plan_run(None, RunSpec(models=["synthetic-clean"]), prompts=[BOAT], samples=2)
    assert matrix.n_new == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sampels": 3}, "a run has no `sampels=`; did you mean samples"),
        ({"models": "kling-v3"}, "`models=` is a single text, 'kling-v3'; give a list of names"),
        ({"samples": 0}, "`samples=` is 0"),
        ({"seeds": [1]}, "`seeds=` has 1 numbers for 2 samples"),
        ({"seeds": [1, 2**31]}, "2147483648 is not between"),
        ({"only_sample": 2}, "`only_sample=` is 2; with `samples=2` there are 0 to 1"),
        ({"retry": ["faild"]}, "`retry=`: 'faild' is no state or reason of an ended job; did you mean failed"),
    ],
)
def test_what_cannot_be_meant_is_told_by_the_name_of_the_parameter(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        RunSpec.of(replace(SPEC, seeds=(), only_sample=None), options)


def test_the_same_run_has_the_same_key_whatever_it_may_cost() -> None:
    spec = RunSpec(models=[billable.card()], prompts=[BOAT]).resolved()
    assert spec.key == replace(spec, max_cost=3.0, retry={"failed"}, wishes=Wishes(fps=10)).key
    assert spec.key != replace(spec, samples=2).key
    assert replace(spec, samples=2).key != replace(spec, samples=2, only_sample=0).key
    assert spec.about == "paid on 1 prompts with 1 sample"
