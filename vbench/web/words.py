"""The words of the page in its languages, for Gradio, the page's scripts and what the server writes itself."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

WORDS = Path(__file__).with_name("words.json")
LOCALES = ("en", "zh-CN")
"""In the order of the columns of `words.json`."""


@cache
def translations() -> dict[str, dict[str, str]]:
    """Locale → key → text.

    Raises:
        ValueError: a key without a text in each language.
    """
    table: dict[str, list[str]] = json.loads(WORDS.read_text(encoding="utf-8"))
    if bad := [key for key, texts in table.items() if len(texts) != len(LOCALES) or not all(texts)]:
        raise ValueError(f"{WORDS.name}: not one text for each of {', '.join(LOCALES)}: {', '.join(bad)}")
    return {locale: {key: texts[column] for key, texts in table.items()} for column, locale in enumerate(LOCALES)}


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
