"""Why a tool stands where it stands, as counts of takes in which something breaks: 3 of 8 freeze."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from vbench.bench import Bench
from vbench.moments import telling
from vbench.records import Event

Trouble = Literal["freeze", "black", "cut", "shape", "look", "watermark"]
FOUND_BY: dict[str, Trouble] = {
    "freeze_ratio": "freeze",
    "black_ratio": "black",
    "cut_count": "cut",
    "temporal_worst": "shape",
    "appearance_worst": "look",
    "watermark": "watermark",
}
"""Metric → what its moments are."""
LEAST = 2
"""Slight moments are no reason."""
ALWAYS = ("watermark",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """In how many of a tool's takes something breaks clearly."""

    kind: Trouble
    n: int
    of: int
    """Takes in which it was looked for."""


def reasons(bench: Bench) -> dict[str, tuple[Reason, ...]]:
    """Tool → what breaks in its takes, the most frequent first; empty: nothing that was looked for.

    Cuts that a prompt asks for are no reason, and a tool none of whose takes was looked over is not in it.
    """
    clips = {clip.id: clip for clip in bench.ranked_clips()}
    asked_cuts = {prompt.key: int(prompt.expects.get("cuts") or 0) for prompt in bench.prompts()}
    looked: dict[str, dict[Trouble, set[str]]] = defaultdict(lambda: defaultdict(set))
    for score in bench.score_records(metrics=list(FOUND_BY)):
        if clip := clips.get(score.key.clip):
            looked[clip.model][FOUND_BY[score.key.metric]].add(clip.id)
    by_clip: dict[str, list[Event]] = defaultdict(list)
    for event in bench.events():
        by_clip[event.clip].append(event)
    broken: dict[str, dict[Trouble, set[str]]] = defaultdict(lambda: defaultdict(set))
    for id, events in by_clip.items():
        if id not in clips:
            continue
        told = telling(events)
        n_cuts = sum(event.kind == "cut" for event, _ in told)
        for event, how_bad in told:
            kind = FOUND_BY.get(event.metric)
            is_asked = event.kind == "cut" and n_cuts <= asked_cuts.get(clips[id].prompt_key, 0)
            if kind is not None and (how_bad >= LEAST or kind in ALWAYS) and not is_asked:
                broken[clips[id].model][kind].add(id)
    return {
        model: tuple(
            sorted(
                (
                    Reason(kind=kind, n=n, of=len(ids))
                    for kind, ids in kinds.items()
                    if (n := len(broken[model][kind] & ids))
                ),
                key=lambda reason: (-reason.n / reason.of, reason.kind),
            )
        )
        for model, kinds in looked.items()
    }
