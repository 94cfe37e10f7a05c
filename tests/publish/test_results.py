"""The document: it is what its schema says, marks what must be known, and keeps history."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from tests.publish.boards import filled
from vbench.bench import Bench
from vbench.errors import BenchError, OptionError
from vbench.publish.results import Edition, read_results, results, schema


def test_the_document_is_what_its_schema_says(tmp_path: Path) -> None:
    document = results(filled(tmp_path), Edition(title="T"))
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(document, schema())
    assert document["headline"] == "overall"
    assert {row["tag"] for row in document["rows"]} == {"", "camera:pan", "camera:tilt"}
    assert [entry["counted"] for entry in document["votes"]["manifest"]].count(False) == 4
    assert len(document["prompts"]) == 8
    broken = document | {"rows": [{**document["rows"][0], "mean": "much"}]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema())


def test_marks_tell_what_must_be_known(tmp_path: Path) -> None:
    document = results(filled(tmp_path), Edition())
    marks = {tool["tool"]: {mark["mark"] for mark in tool["marks"]} for tool in document["tools"]}
    assert marks == {"x": {"provisional"}, "y": {"provisional", "retired"}, "z@rewritten": {"prompt rewritten"}}


def test_history_goes_on_and_what_is_gone_is_told(tmp_path: Path) -> None:
    first = results(filled(tmp_path / "one"), Edition())
    second = results(filled(tmp_path / "two", tools=("x", "y")), Edition(reasons={"z@rewritten": "asked for"}), first)
    third = results(filled(tmp_path / "three", tools=("x", "y")), Edition(), second)
    assert [len(edition["rows"]) for edition in third["history"]] == [3, 2, 2]
    assert [(entry["tool"], entry["why"]) for entry in third["removed"]] == [("z@rewritten", "asked for")]
    back = results(filled(tmp_path / "four"), Edition(), third)
    assert back["removed"] == []
    with pytest.raises(OptionError, match="was not removed"):
        results(filled(tmp_path / "five"), Edition(reasons={"w": "?"}), first)
    jsonschema.validate(third, schema())


def test_a_newer_or_foreign_document_and_an_empty_bench_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert read_results(file) is None
    file.write_text(json.dumps({"schema": 99}))
    with pytest.raises(BenchError, match="schema 99"):
        read_results(file)
    file.write_text("[]")
    with pytest.raises(BenchError, match=r"no results\.json"):
        read_results(file)
    with pytest.raises(BenchError, match="no clips"):
        results(Bench.open(tmp_path / "empty"), Edition())
