"""The words of the page in its languages, for Gradio, the page's scripts and what the server writes itself."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

WORDS = Path(__file__).with_name("words.json")
METRIC_WORDS = Path(__file__).with_name("metric_words.json")
"""Metric → its name for people in each language, and what it is in all but English, which its declaration says."""
SENTENCES = Path(__file__).with_name("sentences.json")
"""English sentence of the server, with ``{}`` for what it fills in → the same in Chinese, with ``{0}``, ``{1}``, ..."""
HOLE = "{}"
LOCALES = ("en", "zh-CN")
"""In the order of the columns of both."""


@cache
def translations() -> dict[str, dict[str, str]]:
    """Locale → key → text; of metrics ``metric.NAME`` and ``about.NAME``.

    Raises:
        ValueError: a key without a text in each language.
    """
    table = _read(WORDS, len(LOCALES))
    for name, texts in _read(METRIC_WORDS, 2 * len(LOCALES) - 1).items():
        table[f"metric.{name}"] = texts[: len(LOCALES)]
        table[f"about.{name}"] = ["", *texts[len(LOCALES) :]]
    return {
        locale: {key: texts[column] for key, texts in table.items() if texts[column]}
        for column, locale in enumerate(LOCALES)
    }


def _read(path: Path, n_texts: int) -> dict[str, list[str]]:
    table: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    if bad := [key for key, texts in table.items() if len(texts) != n_texts or not all(texts)]:
        raise ValueError(f"{path.name}: not one text for each of {', '.join(LOCALES)}: {', '.join(bad)}")
    return table


def locale_of(accept_language: str) -> str:
    """The language of the page that suits what a browser wants, in the order of its header; else English."""
    for wish in accept_language.split(","):
        language = wish.partition(";")[0].strip().lower().partition("-")[0]
        if (
            known := next((locale for locale in LOCALES if locale.lower().startswith(language)), None)
            if language
            else None
        ):
            return known
    return LOCALES[0]


def said(locale: str, key: str, **values: object) -> str:
    """The sentence of a key, with {names} filled in."""
    return translations()[locale][key].format(**values)


# --- what the server says -----------------------------------------------------------------------------------------


def translated(text: str, locale: str) -> str:
    """A sentence of the server in a language of the page; one that the table has not stays as it is.

    What fills a sentence in is looked up too, so that a name in it that is itself of the table is not left in English.
    """
    if locale == LOCALES[0]:
        return text
    exact, patterns = _table()
    if text in exact:
        return exact[text]
    for pattern, target in patterns:
        if match := pattern.fullmatch(text):
            return target.format(*(translated(part, locale) for part in match.groups()))
    return text


@cache
def _table() -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """Sentences as they are, and those with holes, the wordiest first."""
    table: dict[str, str] = json.loads(SENTENCES.read_text(encoding="utf-8"))
    holed = sorted((key for key in table if HOLE in key), key=lambda key: -len(key))
    patterns = [
        (re.compile("(.*?)".join(map(re.escape, key.split(HOLE))), flags=re.DOTALL), table[key]) for key in holed
    ]
    return {key: text for key, text in table.items() if HOLE not in key}, patterns
