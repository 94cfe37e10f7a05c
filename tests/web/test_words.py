"""The words of the page: every measure, fault and moment has some in each language, and none asks for a terminal."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from vbench.judge.defects import METRIC, SIGNAL_KINDS
from vbench.judge.phrases import DEFECT_KINDS
from vbench.metrics import METRICS
from vbench.rank import selects
from vbench.records import EventKind
from vbench.web.words import LOCALES, locale_of, said, translations

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_every_measure_has_a_name_and_a_sentence_in_each_language() -> None:
    names = {*METRICS, *selects.NAMES}
    tables = translations()
    for locale in LOCALES:
        assert {key for key in tables[locale] if key.startswith("metric.")} == {f"metric.{name}" for name in names}
    about = {key.removeprefix("about."): text for key, text in tables["zh-CN"].items() if key.startswith("about.")}
    assert about.keys() == names
    assert [name for name, text in about.items() if not CHINESE.search(text)] == []


def test_every_moment_and_fault_has_words() -> None:
    words = translations()["en"]
    assert METRIC == "defects_per_min", "the page's scripts know it by this name"
    assert {key for key in words if key.startswith("defect.")} == {
        f"defect.{kind}" for kind in (*SIGNAL_KINDS, *DEFECT_KINDS)
    }
    said_kinds = {*get_args(EventKind), "defect"} - {"worst"} | {"shape", "look"}
    assert {key for key in words if key.startswith("moment.")} == {f"moment.{kind}" for kind in said_kinds}


def test_no_word_of_the_page_is_a_shell_command() -> None:
    command = re.compile(
        r"\bvbench [a-z]+ ?(?:[A-Z-]|$)|\bvbench (?:import|generate|score|demo|ui|selects|judge)\b|--[a-z]|pip install"
    )
    for locale in LOCALES:
        assert [key for key, text in translations()[locale].items() if command.search(text)] == []


def test_chinese_words_are_chinese() -> None:
    names = ("export.",)  # of file formats
    tables = translations()
    same = [
        key
        for key, text in tables["zh-CN"].items()
        if text == tables["en"].get(key) and re.search(r"[a-z]{4}", text) and not key.startswith(names)
    ]
    assert same == []


@pytest.mark.parametrize(
    ("header", "locale"),
    [("zh-TW,zh;q=0.9", "zh-CN"), ("de,en;q=0.5", "en"), ("fr", "en"), ("", "en"), ("fr,zh;q=0.4,en;q=0.3", "zh-CN")],
)
def test_the_language_is_the_first_that_a_browser_wants_and_the_page_has(header: str, locale: str) -> None:
    assert locale_of(header) == locale
    assert said(locale, "guest.wait", n=3) in {"Too many tries; wait 3 s.", "尝试次数过多，请等待 3 秒。"}
