"""The shot sheet on a terminal: a table where it fits, and take by take on one as narrow as a phone."""

from __future__ import annotations

import pytest

from vbench.judge.sheet import Sheet, SheetCell
from vbench.report.sheet import sheet_text

TOOLS = ("kling-2.0", "hunyuan-framepack", "veo-3")
QUESTION = "Does the blue hummingbird hover in front of the flower before it flies away to the left?"


def cell(model: str, verdict: str, overruled: str = "") -> SheetCell:
    return SheetCell(
        model=model,
        prompt_id="bird",
        sample=0,
        question="q1",
        kind="action",
        text=QUESTION,
        verdict=verdict,
        by="signals",
        t_s=None,
        box=None,
        overruled=overruled,
        confidence=None,
        reason="",
        frames=(),
        clip=model,
        digest="d",
    )


VERDICTS = ("seen", "not_seen", "unsure")
SHEET = Sheet(cells=[cell(tool, verdict) for tool, verdict in zip(TOOLS, VERDICTS, strict=True)], distrusted=["parrot"])


def test_a_table_as_wide_as_it_needs_where_nobody_looks_at_it() -> None:
    head, row = sheet_text(SHEET, "table").splitlines()[1:3]
    assert [head.index(tool) for tool in TOOLS] == [row.index("yes"), row.index("NO"), row.index("?", 74)]
    assert row.startswith(f"  {QUESTION[:60]}")


@pytest.mark.parametrize("width", [40, 60, 72, 100])
def test_nothing_is_wider_than_the_terminal_and_no_verdict_is_lost(width: int) -> None:
    text = sheet_text(SHEET, "table", width=width)
    assert max(map(len, text.splitlines())) <= width
    assert all(mark in text for mark in ("yes", "NO", "?"))
    assert all(tool in text for tool in TOOLS)
    assert ("    NO     hunyuan-framepack" in text) == (width < 70), "stacked where the table has no room"
    assert " ".join(text.split()).endswith("parrot failed its report card: its answers are left out")


def test_a_persons_word_stands_beside_a_verdict_on_a_narrow_one_too() -> None:
    own = Sheet(cells=[cell("veo-3", "not_seen", overruled="seen")], distrusted=[])
    assert "    NO (yes!) veo-3" in sheet_text(own, "table", width=30)
