"""What the tags of a file say: plain sentences, A1111's settings, a graph of ComfyUI, or any other JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_TEXTS = 2000
MAX_TEXT_CHARS = 10_000
"""No prompt is longer."""
PROMPT_NAMES = ("prompt", "positive_prompt", "positive prompt", "prompt_text", "text_prompt", "caption", "description")
"""Names under which tools write what was asked; a plain text of another name may be anything."""
INPUTS_WITH_WORDS = ("text", "prompt", "positive_prompt", "value", "string", "conditioning", "positive")
MAX_SAMPLERS = 50
MAX_HOPS = 8
"""From a sampler to the words it was given, over nodes between."""


@dataclass(frozen=True, slots=True)
class EmbeddedText:
    """One text of a file."""

    tag: str
    """Name of the tag it stood in."""
    text: str
    is_prompt: bool
    """It stands where tools write what they were asked for."""


def texts_in(tags: Mapping[str, str]) -> list[EmbeddedText]:
    """Every text in the tags of a file, what a tool was asked for first; what it was asked to avoid is left out.

    Args:
        tags: As `vbench.video.text_tags` gives them; they may say anything.
    """
    texts: dict[tuple[str, str], EmbeddedText] = {}
    all_negatives: set[str] = set()
    for name, value in tags.items():
        prompts, negatives, others = _texts_of_tag(name, value)
        all_negatives |= {_plain(text) for text in negatives}
        for text in (*prompts, *others):
            if len(texts) < MAX_TEXTS and (line := _plain(text)):
                texts.setdefault((name, line), EmbeddedText(name, line, text in prompts))
    wanted = [text for text in texts.values() if text.is_prompt or text.text not in all_negatives]
    return sorted(wanted, key=lambda text: not text.is_prompt)


def _plain(text: str) -> str:
    return " ".join(text[:MAX_TEXT_CHARS].split())


def _texts_of_tag(name: str, value: str) -> tuple[list[str], list[str], list[str]]:
    """What was asked for, what was to be avoided, and all other texts of one tag."""
    document = _json(re.sub(r"^(prompt|workflow):", "", value))  # so ComfyUI begins the Exif of a WebP
    if document is not None:
        if isinstance(document, dict):  # a video's comment holds graphs as texts
            document = {key: _json(text, text) if isinstance(text, str) else text for key, text in document.items()}
        return *_prompts_in(document), list(_strings(document))
    first, *rest = re.split(r"\n\s*(?=Negative prompt:|Steps:)", value)
    negatives = [part.partition(":")[2] for part in rest if part.startswith("Negative")]
    others = [part for part in rest if not part.startswith("Negative")]
    if rest or (name.lower() in PROMPT_NAMES and " " in value.strip()):  # A1111, or a name that says it
        return [first], negatives, others
    return [], [], [value]


def _json(text: str, otherwise: Any = None) -> Any:
    """The object or list that a text spells; else what is given."""
    if not text.lstrip().startswith(("{", "[")):
        return otherwise
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def _strings(document: Any) -> Iterator[str]:
    todo = [document]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item


def _prompts_in(document: Any) -> tuple[list[str], list[str]]:
    """What was asked for, and what was to be avoided, in JSON whose form is known."""
    if not isinstance(document, dict):
        return [], []
    graph = document["prompt"] if isinstance(document.get("prompt"), dict) else document
    nodes = {str(id): node for id, node in graph.items() if isinstance(node, dict)}
    inputs = [node["inputs"] for node in nodes.values() if isinstance(node.get("inputs"), dict)]
    samplers = [sampler for sampler in inputs if "positive" in sampler][:MAX_SAMPLERS]
    prompts = [text for sampler in samplers for text in _words_of(sampler["positive"], nodes)]
    negatives = [text for sampler in samplers for text in _words_of(sampler.get("negative"), nodes)]
    plain = [document[name] for name in PROMPT_NAMES if isinstance(document.get(name), str)]
    return [*prompts, *(text for text in plain if " " in text.strip())], negatives


def _words_of(link: Any, nodes: Mapping[str, Any]) -> Iterator[str]:
    """The texts that reach an input of a ComfyUI graph; a link is [node, output]."""
    todo, seen = [(link, 0)], set()
    while todo:
        value, hops = todo.pop()
        if isinstance(value, str) and hops:
            yield value
        if not isinstance(value, list) or len(value) != 2 or hops == MAX_HOPS or str(value[0]) in seen:
            continue
        seen.add(str(value[0]))
        node = nodes.get(str(value[0]), {})
        inputs = node.get("inputs")
        if isinstance(inputs, dict):
            todo += [(inputs[name], hops + 1) for name in INPUTS_WITH_WORDS if name in inputs]
