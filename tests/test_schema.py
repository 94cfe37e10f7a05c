"""Records to JSON and back."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from vbench.records import Handle, Plan, Prompt, Provenance, Request
from vbench.schema import Strict, from_json, to_json


def test_a_record_with_records_inside_comes_back_equal() -> None:
    request = Request(prompt=Prompt(id="p", text="a cat", tags=("a", "b"), expects={"words": ["hi"]}), seconds=5)
    plan = Plan(model="m", adapter="http", request=request, body={"n": [1]}, identity={"b": {}}, warnings=("w",))
    stored = json.loads(json.dumps(to_json(plan)))
    assert from_json(Plan, stored) == plan
    handle = Handle(id="7", data={"a": [1, 2]})
    assert from_json(Handle, json.loads(json.dumps(to_json(handle)))) == handle


def test_another_version_can_be_read() -> None:
    stored = to_json(Provenance(seed=3, warnings=("w",))) | {"of_a_later_version": 1}
    del stored["seed"]
    assert from_json(Provenance, json.loads(json.dumps(stored))) == Provenance(warnings=("w",))
    with pytest.raises(KeyError, match=r"Plan\.model"):
        from_json(Plan, {})


def test_unknown_names_and_infinite_numbers_are_mistakes() -> None:
    class Size(Strict):
        width: float

    with pytest.raises(ValidationError, match="height"):
        Size.model_validate({"width": 1, "height": 2})
    with pytest.raises(ValidationError, match="finite"):
        Size.model_validate({"width": float("inf")})
