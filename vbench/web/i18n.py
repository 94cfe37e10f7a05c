"""The page's words in English and simplified Chinese, one table for Gradio's I18n and for the page's own scripts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

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


def words() -> gr.I18n:
    """The table as Gradio hands it to browsers, which pick a language by their own settings."""
    import gradio as gr

    return gr.I18n(**translations())
