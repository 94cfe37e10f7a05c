"""The `options` of a card whose adapter is ``comfyui``, and the graph they name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import Field

from vbench.adapters.http.options import AuthOptions
from vbench.adapters.values import FrameRule
from vbench.schema import Strict

if TYPE_CHECKING:
    from vbench.catalog.cards import ModelCard


class Node(Strict):
    """An input of a node of the graph."""

    node: str
    input: str


class ComfyUIOptions(Strict):
    """The `options` of a card whose adapter is ``comfyui``."""

    base_url: str = "${COMFYUI_URL:-http://127.0.0.1:8188}"
    auth: AuthOptions | None = None
    """``{header: ..., value: "Bearer ${KEY}"}`` for a server behind a proxy."""
    workflow: str | dict[str, Any]
    """The graph, exported as "API format": a file beside the card, or written out."""
    nodes: dict[str, Node]
    """Wish → where it goes: prompt, negative, seed, width, height, frames, fps, seconds, image."""
    frames: FrameRule = Field(default_factory=FrameRule)
    free_cache: bool = True
    """Free the server's cache before each job: cached nodes would make timings, and seeds, meaningless."""
    every_s: float = Field(default=2.0, gt=0)
    timeout_s: float = Field(default=3600.0, gt=0)


def read_graph(card: ModelCard, options: ComfyUIOptions) -> dict[str, Any]:
    """The graph that a card names, every place of a wish found in it.

    Raises:
        CatalogError: it cannot be read, is not in API format, or lacks a place.
    """
    graph: Any = options.workflow
    if isinstance(graph, str):
        path = (card.path.parent / graph).expanduser()
        try:
            graph = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            message = f"options.workflow: {path} cannot be read ({error}); export the graph with Save (API Format)"
            raise card.complaint(message, "options", "workflow") from None
    nodes = graph.values() if isinstance(graph, dict) else ()
    if not nodes or not all(isinstance(n, dict) and "class_type" in n and "inputs" in n for n in nodes):
        raise card.complaint(
            "options.workflow: not a graph in API format (node id → class_type and inputs); "
            "export it with Save (API Format), not Save",
            "options",
            "workflow",
        )
    if "prompt" not in options.nodes:
        raise card.complaint("options.nodes: say where the prompt goes", "options", "nodes")
    known = {"prompt", "negative", "seed", "width", "height", "frames", "fps", "seconds", "image"}
    for wish, place in options.nodes.items():
        if wish not in known:
            raise card.complaint(
                f"options.nodes: {wish!r} is no wish; there are {', '.join(sorted(known))}", "options", "nodes"
            )
        if place.node not in graph or place.input not in graph[place.node]["inputs"]:
            message = f"options.nodes.{wish}: the graph has no node {place.node!r} with an input {place.input!r}"
            raise card.complaint(message, "options", "nodes")
    return dict(graph)
