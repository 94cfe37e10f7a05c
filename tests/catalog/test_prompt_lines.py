"""Ids that are made of a prompt's words."""

from __future__ import annotations

from vbench.catalog.prompt_lines import slug


def test_slugs_of_long_texts_with_one_beginning_differ() -> None:
    start = "The same sixty characters stand at the beginning of both of these texts, "
    assert slug(start + "one") != slug(start + "two")
    assert slug("Été à la plage – 3") == "été-à-la-plage-3"
