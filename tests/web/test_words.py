"""The words of the page: every measure, fault and moment has some in each language, and none asks for a terminal."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import get_args

import pytest
from fastapi.testclient import TestClient

import vbench
from vbench.adapters.contract import MissingKind
from vbench.judge.defects import METRIC, SIGNAL_KINDS
from vbench.judge.phrases import DEFECT_KINDS
from vbench.metrics import METRICS
from vbench.rank import selects
from vbench.rank.reasons import Trouble
from vbench.records import EventKind
from vbench.web.words import HOLE, LOCALES, SENTENCES, locale_of, said, translated, translations

ROOT = Path(vbench.__file__).parent
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


def test_every_kind_of_lack_and_trouble_has_words() -> None:
    words = translations()["en"]
    assert {key for key in words if key.startswith("lack.")} == {f"lack.{kind}" for kind in get_args(MissingKind)}
    told = {key for key in words if key.startswith("why.")} - {"why.and", "why.none"}
    assert told == {f"why.{kind}" for kind in get_args(Trouble)}


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


# --- what the server says -------------------------------------------------------------------------------------------

ROOMS = (
    "web",
    "arena",
    "metrics",
    "contracts/metric.py",
    "exports",
    "cuts.py",
    "bench/cuts.py",
    "bench/reviews.py",
    "bench/selects.py",
)
"""Whose sentences visitors of the page read."""
NOT_READ = {
    "web/security/policy.py",  # before the page starts, as the next two
    "web/serve.py",
    "web/security/auth.py",
    "arena/vote_files.py",  # of `vbench votes` alone
    "metrics/presets.py",  # of `vbench score`; the page offers those that are there
}
ERRORS = re.compile(r"HTTPException|RefusedRequest|must_be|sentence|\w*Error")
PASSED_ON = {"{}: {}", "{}"}
"""Templates that have no word of their own."""


def template(node: ast.expr, constants: Mapping[str, str] = MappingProxyType({})) -> str:
    """A sentence as it is written, with {} for what it fills in; empty: it is none."""
    if isinstance(node, ast.Name):
        return constants.get(node.id, "")
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
    return ""


def sentences() -> set[str]:
    """Every sentence that the rooms of the page raise, the notes of boards, and what the page says is not allowed."""
    found: set[str] = set()
    paths = [
        path for room in ROOMS for path in ([ROOT / room] if room.endswith(".py") else (ROOT / room).rglob("*.py"))
    ]
    for path in paths:
        if path.relative_to(ROOT).as_posix() in NOT_READ:
            continue
        module = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            part.targets[0].id: template(part.value)
            for part in module.body
            if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name)
        }
        for node in ast.walk(module):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name == "require":
                found |= {template(node.args[1])}
            elif ERRORS.fullmatch(name) and not name.startswith(("Value", "Type", "Runtime", "ConnectionAborted")):
                found |= {text for argument in node.args if " " in (text := template(argument, constants))}
    board = ast.parse((ROOT / "rank/board.py").read_text(encoding="utf-8"))
    notes = next(node for node in ast.walk(board) if isinstance(node, ast.FunctionDef) and node.name == "_notes")
    found |= {
        template(node.args[0])
        for node in ast.walk(notes)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append"
    }
    return found - PASSED_ON


def test_every_sentence_of_the_server_is_there_in_chinese() -> None:
    table: dict[str, str] = json.loads(SENTENCES.read_text(encoding="utf-8"))
    assert sorted(sentences() - table.keys()) == [], "a new sentence has its line in sentences.json"
    assert [key for key, text in table.items() if not CHINESE.search(text)] == []
    for key, text in table.items():
        holes = {int(number) for number in re.findall(r"\{(\d+)\}", text)}
        assert holes <= set(range(key.count(HOLE))), key


def test_a_sentence_is_translated_with_what_fills_it_in() -> None:
    told = "choosing takes is off on this page: it is public, so that visitors look and vote only"
    assert translated(told, "zh-CN") == "此页面不能挑选素材：这是公开页面，访客只能观看和投票。"
    assert translated(told, "en") == told
    assert translated("a: two\nlines", "zh-CN") == "a: two\nlines"
    cost = "this would cost about $3.20, the ceiling is $1.00; raise it, or take fewer tools or samples"
    assert translated(cost, "zh-CN") == "预计花费约 $3.20，上限为 $1.00；请提高上限，或减少工具、样本。"


def test_errors_come_in_the_language_of_who_asks(page: TestClient) -> None:
    for language, word in (("zh-CN", "没有笔记"), ("en", "there is no note")):
        answer = page.delete("/api/v1/notes/abc", headers={"accept-language": language})
        assert (answer.status_code, word in answer.json()["error"]) == (404, True)
        answer = page.get("/nowhere", headers={"accept-language": language})
        assert ("此地址没有内容" in answer.json()["error"]) == (language == "zh-CN")
