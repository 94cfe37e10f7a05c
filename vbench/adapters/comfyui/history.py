"""Reads what a ComfyUI server says of a job: its end, its files, and why there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vbench.files import VIDEO_SUFFIXES
from vbench.records import Status

OUTPUT_LISTS = ("videos", "gifs", "images")
"""Savers disagree on the name: SaveVideo lists its file under images, others under gifs or videos."""
CACHE_TRAP = (
    "ComfyUI had this very graph and seed in its cache and made nothing new; "
    "let the card free the cache (options.free_cache: true), or ask for another seed"
)


def ended(model: str, entry: Mapping[str, Any]) -> Status:
    """What the history says of a job that has come to its end."""
    messages = dict(messages_of(entry))
    if "execution_interrupted" in messages:
        return Status(state="cancelled", message="interrupted at the server")
    if (error := messages.get("execution_error")) is not None:
        said = f"{error.get('node_type', 'a node')}: {error.get('exception_message', 'no message')}".strip()
        memory = "out of memory" in said.lower()
        reason: Any = "out_of_memory" if memory else "provider_error"
        return Status(state="failed", reason=reason, message=f"{model}: {said}"[:1000])
    if entry.get("status", {}).get("status_str") == "error":
        return Status(state="failed", reason="provider_error", message=f"{model}: failed without a message")
    if next(videos_of(entry), None) is None:
        return Status(state="failed", reason="empty_result", message=f"{model}: {nothing(entry)}")
    return Status(state="succeeded")


def videos_of(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Files with a video's suffix among a history entry's outputs, finished ones before previews."""
    found = [
        file
        for outputs in entry.get("outputs", {}).values()
        for name in OUTPUT_LISTS
        for file in outputs.get(name, ())
        if isinstance(file, dict) and str(file.get("filename", "")).lower().endswith(VIDEO_SUFFIXES)
    ]
    yield from sorted(found, key=lambda file: file.get("type") == "temp")


def messages_of(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the server noted while it ran: (event, facts)."""
    for message in entry.get("status", {}).get("messages", ()):
        if isinstance(message, list | tuple) and len(message) == 2:
            yield str(message[0]), message[1]


def nothing(entry: Mapping[str, Any]) -> str:
    """Why a graph that ran to its end left no video."""
    cached = dict(messages_of(entry)).get("execution_cached", {}).get("nodes", ())
    if cached and not any(entry.get("outputs", {}).values()):
        return CACHE_TRAP
    return "the graph saved no video; does it end in SaveVideo or a node like it?"


def refusal(answer: Any) -> str:
    """What is wrong with the graph: the first node's error, in the server's words."""
    if not isinstance(answer, dict):
        return ""
    for node, found in (answer.get("node_errors") or {}).items():
        for error in found.get("errors", ()):
            said = f"{error.get('message', '')}: {error.get('details', '')}"
            return f"node {node} ({found.get('class_type', '?')}): {said}"
    error = answer.get("error")
    return str(error.get("message", "")) if isinstance(error, dict) else str(error or "")
