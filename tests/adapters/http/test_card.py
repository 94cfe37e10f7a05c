"""What is broken in an http card is found when it is read or planned with, never after a request was paid for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from vbench.adapters import ADAPTERS, adapter_class
from vbench.catalog.cards import find_card, read_card
from vbench.errors import CatalogError
from vbench.generate import RunSpec, plan_run
from vbench.records import Prompt

FOX = [Prompt(id="fox", text="a red fox")]


def changed(place: tuple[str, ...], value: Any, folder: Path, name: str = "kling-v3") -> Path:
    """A copy of a built-in card with one of its options replaced."""
    document = yaml.safe_load(find_card(name).path.read_text())
    inner = document["options"]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


BROKEN = [
    (("errors", "reasons"), {"/(unclosed/": "auth"}, "is no regular expression"),
    (("errors", "reasons"), {"/*nothing before/": "auth"}, "is no regular expression"),
    (("errors", "reasons"), {"/a{99999999999999999999}/": "auth"}, "is no regular expression"),
    (("create", "id"), "$.data..task_id", "is no path into an answer"),
    (("create", "id"), "data.task_id", "is no path into an answer"),
    (("create", "id"), [], "a path into the answer is needed"),
    (("poll", "state"), [], "a path into the answer is needed"),
    (("poll", "state"), "$.data[x]", "is no path into an answer"),
    (("poll", "path"), "/v1/videos", "poll names no job"),
    (("poll", "path"), "/v1/videos/{job}", "no value is called {job}"),
    (("poll", "path"), "/v1/videos/{Id}", "would be sent as it stands"),
    (("poll", "states"), {"failed": "failed"}, "no word means succeeded"),
    (("create", "body", "prompt"), "{promt}", "no value is called {promt}"),
    (("create", "body", "prompt"), "{Prompt}", "'{Prompt}' in '{Prompt}' would be sent as it stands"),
    (("create", "body", "prompt"), "{prompt", "'{prompt' in '{prompt' would be sent as it stands"),
    (("create", "body", "prompt"), "{ prompt }", "would be sent as it stands"),
    (("create", "body", "prompt"), "{}", "would be sent as it stands"),
    (("create", "body", "duration"), "{seconds:integer}", "no such type"),
    (("create", "method"), "P OST", "create.method: Input should be"),
    (("result", "meta", "extra"), {"units": "units"}, "is no path into an answer"),
]


@pytest.mark.parametrize(("place", "value", "sentence"), BROKEN)
def test_a_broken_pattern_is_told_by_the_check_and_by_the_plan(
    place: tuple[str, ...], value: Any, sentence: str, tmp_path: Path
) -> None:
    path = changed(place, value, tmp_path)
    card = read_card(path)
    for look in (
        lambda: adapter_class("http").check_card(card),
        lambda: ADAPTERS["http"](card),
        lambda: plan_run(None, RunSpec(models=[str(path)], prompts=FOX)),
    ):
        with pytest.raises(CatalogError, match=r"kling-v3\.yaml:") as caught:
            look()
        assert sentence in str(caught.value)


def test_braces_that_are_meant_stay(tmp_path: Path) -> None:
    words = '{"a": [1, 2]} and ${KLING_MODEL:-x} and {prompt} {1}'
    path = changed(("create", "body", "prompt"), words, tmp_path)
    plan = plan_run(None, RunSpec(models=[str(path)], prompts=FOX)).cells[0].plan
    assert plan is not None
    assert plan.body["prompt"] == words.replace("{prompt}", "a red fox")
