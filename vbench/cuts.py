"""A cut filled from a suite, looked over for what cannot be played, and its joins measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from vbench.bench import Bench
from vbench.catalog import find_suite, suite_files
from vbench.errors import CatalogError, ClipError, OptionError
from vbench.metrics.continuity import Edge, Jump, edge, jumps
from vbench.records import Clip, Cut, Select, Shot
from vbench.video.sandbox import Sandbox

SIZE = (256, 144)
"""At which edges are looked at; shots of all shapes are brought to it."""
APART_S = 0.12
LIMIT_S = 120.0
KEPT_EDGES = 4000
STANDING = {"approved": 3, "selected": 2, "maybe": 1, "": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Where shot `number` meets the next one."""

    number: int
    """From 1."""
    at_s: float
    """In the cut."""
    jumps: tuple[Jump, ...]
    problem: str = ""
    """Why it could not be measured; empty: it was."""


# --- filled -------------------------------------------------------------------------------------------------------


def filled(bench: Bench, suite: str) -> list[Shot]:
    """The best take of each prompt of a suite, in the suite's order.

    Best is by what was decided (approved, selected, maybe), then stars, then `overall`, then the lowest sample; never
    a rejected take. Of a take with ranges each of them is a shot.

    Raises:
        OptionError: the bench has no such suite, or no take of it that was not rejected.
    """
    prompts = [prompt for prompt in bench.prompts() if prompt.suite == suite]
    if not prompts:
        names = ", ".join(sorted({prompt.suite for prompt in bench.prompts()} - {""})) or "none"
        raise OptionError(f"`suite=` is {suite!r}; this bench has takes of: {names}")
    place = _order(suite)
    prompts.sort(key=lambda prompt: (place.get(prompt.id, len(place)), prompt.id))
    choices = bench.last_selects()
    overall = {score.key.clip: score.value for score in bench.score_records(metrics=("overall",))}
    shots: list[Shot] = []
    for prompt in prompts:
        takes = [clip for clip in bench.clips(prompt_ids=[prompt.id]) if clip.prompt.key == prompt.key]
        takes = [clip for clip in takes if not _choice(choices, clip).is_rejected]
        if takes:
            best = min(takes, key=lambda clip: _merit(clip, _choice(choices, clip), overall))
            ranges = _choice(choices, best).used_ranges(best.probe.duration_s)
            shots += [Shot(clip=best.id, in_s=start, out_s=end) for start, end in ranges]
    if not shots:
        raise OptionError(f"`suite=` is {suite!r}; every take of it was rejected, or there is none yet")
    return shots


def _choice(choices: Mapping[str, Select], clip: Clip) -> Select:
    return choices.get(clip.id, Select(clip=clip.id))


def _merit(clip: Clip, choice: Select, overall: Mapping[str, float]) -> tuple[float, float, float, int, str]:
    """Smaller is better."""
    score = overall.get(clip.id, float("-inf"))
    return -STANDING[choice.state], -choice.stars, -score, clip.sample, clip.model


def _order(suite: str) -> dict[str, int]:
    """Prompt id → place in the suite's file; empty for suites that are not at hand."""
    if suite not in suite_files():
        return {}
    try:
        return {prompt.id: number for number, prompt in enumerate(find_suite(suite).prompts)}
    except CatalogError:  # being written; the ids' own order has to do
        return {}


# --- looked over --------------------------------------------------------------------------------------------------


def problems(bench: Bench, cut: Cut) -> dict[int, str]:
    """Number of a shot, from 1 → why it cannot be handed over as it is."""
    choices = bench.last_selects()
    found: dict[int, str] = {}
    for number, shot in enumerate(cut.shots, 1):
        clip = bench.clip(shot.clip)
        if _choice(choices, clip).is_rejected:
            found[number] = "its take was rejected; choose another, or take the rejection back"
        try:
            bench.clip_path(clip)
        except FileNotFoundError:
            found[number] = "its file is gone; put it back, or choose another take"
    return found


class EdgeReader:
    """Reads how shots begin and end, each once while it is open; threads may share it."""

    def __init__(self) -> None:
        self._sandbox = Sandbox()
        self._read: dict[tuple[str, float, float], tuple[Edge, Edge]] = {}

    def close(self) -> None:
        """End the process that decodes."""
        self._sandbox.close()

    def edges(self, bench: Bench, shot: Shot) -> tuple[Edge, Edge]:
        """How a shot begins and ends.

        Raises:
            ClipError: its file is gone, or cannot be read.
        """
        clip = bench.clip(shot.clip)
        key = (clip.sha256, shot.in_s, shot.out_s)
        if key not in self._read:
            try:
                path = bench.clip_path(clip)
            except FileNotFoundError:
                raise ClipError("its file is gone; put it back, or choose another take", code="gone") from None
            if len(self._read) >= KEPT_EDGES:
                self._read.clear()
            self._read[key] = self._decoded(path, shot, clip.probe.fps or 24.0)
        return self._read[key]

    def _decoded(self, path: Path, shot: Shot, fps: float) -> tuple[Edge, Edge]:
        first, last = shot.in_s + 0.5 / fps, max(shot.in_s, shot.out_s - 0.5 / fps)
        apart_s = min(APART_S, (last - first) / 2)
        begin, end = ([first, first + apart_s], [last - apart_s, last]) if apart_s >= 1 / fps else ([first], [last])
        with TemporaryDirectory(prefix="vbench-joins-") as folder:
            call = {"source": str(path), "folder": folder, "moments_s": [*begin, *end], "size": list(SIZE)}
            self._sandbox.call("moments", call, limit_s=LIMIT_S)
            frames = []
            for number in range(len(begin) + len(end)):
                with Image.open(Path(folder) / f"{number}.png") as picture:
                    frames.append(np.asarray(picture.convert("RGB")))
        return edge(frames[: len(begin)], apart_s), edge(frames[len(begin) :], apart_s)


def joins(bench: Bench, cut: Cut, reader: EdgeReader) -> list[Join]:
    """What jumps at each join of a cut; a shot that cannot be read gives its joins a problem."""
    edges: list[tuple[Edge, Edge] | str] = []
    for shot in cut.shots:
        try:
            edges.append(reader.edges(bench, shot))
        except ClipError as error:
            edges.append(str(error))
    at_s, measured = 0.0, []
    for number, (shot, (first, then)) in enumerate(zip(cut.shots, pairwise(edges), strict=False), 1):
        at_s += shot.seconds
        if isinstance(first, str) or isinstance(then, str):
            which, why = (number, first) if isinstance(first, str) else (number + 1, then)
            measured.append(Join(number=number, at_s=at_s, jumps=(), problem=f"shot {which}: {why}"))
        else:
            measured.append(Join(number=number, at_s=at_s, jumps=tuple(jumps(first[1], then[0]))))
    return measured


def sentence(jump: Jump) -> str:
    """A jump for a person."""
    more = jump.amount > 0
    return {
        "light": f"the next shot is {'brighter' if more else 'darker'} by {abs(jump.amount):.0f} of 100",
        "colour": f"the colours jump by {jump.amount:.0f} (6 is seen at a glance)",
        "sharpness": f"the next shot is {'sharper' if more else 'softer'}, {2 ** abs(jump.amount):.1f} times",
        "motion": f"the picture moves the other way (turned by {jump.amount:.0f} degrees)",
    }[jump.property]
