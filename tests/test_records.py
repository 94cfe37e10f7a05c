"""Value types and their one spelling."""

from __future__ import annotations

import pytest

from vbench.records import Cell, JobKey, ToolLabel


@pytest.mark.parametrize("text", ["kling-v3", "kling-v3@rich", "org/model@arm-2"])
def test_labels_come_back(text: str) -> None:
    assert str(ToolLabel.parse(text)) == text
    assert str(Cell.parse(str(Cell(text, "ab12", 3)))) == f"{text}/ab12-3"
    assert Cell.parse(f"{text}/ab12-3") == Cell(text, "ab12", 3)


def test_the_first_attempt_bears_no_number() -> None:
    assert str(JobKey("ab")) == "ab"
    assert str(JobKey("ab", 2)) == "ab#2"
    assert JobKey.parse("ab") == JobKey("ab", 1)
    assert JobKey.parse("ab#12") == JobKey("ab", 12)
    assert ToolLabel.parse("a@b") == ToolLabel("a", "b")
