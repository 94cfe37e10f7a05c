"""Sentences out of errors."""

from __future__ import annotations

import os

import pytest

from vbench.text import first_line, printable, spreadsheet_cell, storable


def test_the_first_line_is_never_empty() -> None:
    assert first_line(ValueError("  one\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
    assert first_line(ValueError("\n \n")) == "ValueError"
    assert first_line("") == "no reason given"
    assert first_line("x" * 500, 20) == "x" * 20


def test_bytes_that_are_no_text_are_shown() -> None:
    assert printable(os.fsdecode(b"a\xff\nb")) == "a\\xff\\nb"
    assert storable("a\ud83d\x00") == "a??"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_formulas_become_text(text: str) -> None:
    assert spreadsheet_cell(text) == f"'{text}"
    assert [spreadsheet_cell(value) for value in ("a=1", "", -1.5, None)] == ["a=1", "", -1.5, None]
