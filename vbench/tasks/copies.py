"""The copies of a clip that pages show: which there are, and the work of making them before anybody asks."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from vbench.bench import Bench
from vbench.errors import ClipError
from vbench.records import Clip
from vbench.video import is_browser_playable
from vbench.video.sandbox import Sandbox

MAX_PROXY_HEIGHT = 1080
BLIND_HEIGHT = 720
MOST_CLIPS = 500
"""A larger bench gets its videos on demand: nobody watches all of it, and they take disk. Posters are small,
and left out only of a bench beyond `MOST_POSTERS`."""
MOST_POSTERS = 5000
PATIENCE_S = 30.0
"""So long at most others wait for copies; what is left is another task, after theirs."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one kind of file is made from an original."""

    operation: str
    """In `vbench.video.sandbox_child.OPERATIONS`."""
    limit_s: float
    is_slow: bool


POSTER = Recipe("poster", 60, False)
SPRITE = Recipe("sprite", 180, False)
WAVEFORM = Recipe("waveform", 180, False)
PROXY = Recipe("proxy", 1800, True)
RECIPES = {"poster.webp": POSTER, "sprite.webp": SPRITE, "waveform.json": WAVEFORM, "proxy.mp4": PROXY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A file that can be made from a clip."""

    clip: Clip
    name: str
    recipe: Recipe
    arguments: dict[str, Any] = field(default_factory=dict)


def even_height(height: int, most: int) -> int:
    """The height a proxy gets: not above the original's, even, at least 2."""
    return max(2, min(height, most) // 2 * 2)


def blind_height(clip: Clip, other: Clip) -> int:
    """Both sides of a pair are shown at the height of the smaller one, so that size tells nothing."""
    return even_height(min(clip.probe.height, other.probe.height), BLIND_HEIGHT)


def blind_copy(clip: Clip, height: int) -> Copy:
    """A side of a pair; without sound, since that a take has some, or none, would tell the tool."""
    arguments = {"height": height, "silent": True}
    return Copy(clip=clip, name=f"blind-silent-{height}.mp4", recipe=PROXY, arguments=arguments)


def proxy_copy(clip: Clip) -> Copy:
    """What browsers play instead of the original."""
    arguments = {"height": even_height(clip.probe.height, MAX_PROXY_HEIGHT)}
    return Copy(clip=clip, name="proxy.mp4", recipe=PROXY, arguments=arguments)


def missing_copies(bench: Bench) -> list[Copy]:
    """What visitors will ask for and is not there: posters, waveforms, proxies of what no browser plays, pairs."""
    if bench.n_clips() > MOST_POSTERS:
        return []
    clips = bench.clips()
    wanted = [Copy(clip=clip, name="poster.webp", recipe=POSTER) for clip in clips]
    wanted += [Copy(clip=clip, name="waveform.json", recipe=WAVEFORM) for clip in clips if clip.probe.has_audio]
    if len(clips) <= MOST_CLIPS:
        wanted += [proxy_copy(clip) for clip in clips if not is_browser_playable(clip.probe)]
        wanted += _sides(clips)
    return [copy for copy in wanted if not bench.media.derived(copy.clip.sha256, copy.name).exists()]


def _sides(clips: Sequence[Clip]) -> Iterator[Copy]:
    """The blind copies of all pairs that an arena may draw, each once."""
    by_prompt: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_prompt[clip.prompt.key].append(clip)
    for takes in by_prompt.values():
        heights = {
            (clip.id, blind_height(one, other)): clip
            for one, other in combinations(takes, 2)
            if one.model != other.model
            for clip in (one, other)
        }
        yield from (blind_copy(clip, height) for (_, height), clip in heights.items())


def make_copies(
    bench: Bench, missing: Iterable[Copy], *, is_asked: Callable[[], bool], told: Callable[[int, str], None]
) -> tuple[int, list[str], bool]:
    """Make copies in a sandbox, one after another.

    Args:
        bench: Where the clips are.
        missing: From `missing_copies`.
        is_asked: Whether somebody waits for other work; after `PATIENCE_S` they are let in.
        told: Takes the number made and tried so far, and what comes next.

    Returns:
        How many were made, why others were not, and whether some are left for later.
    """
    sandbox, began = Sandbox(), time.monotonic()
    n_made, problems = 0, list[str]()
    try:
        for number, copy in enumerate(missing):
            if time.monotonic() - began > PATIENCE_S and is_asked():
                return n_made, problems, True
            told(number, f"{copy.name} of {copy.clip.model}, prompt {copy.clip.prompt.id}")
            out = bench.media.derived(copy.clip.sha256, copy.name)
            try:
                _make(sandbox, copy, bench.clip_path(copy.clip), out)
                n_made += 1
            except (ClipError, OSError) as error:  # the page says it where the clip is shown
                problems.append(f"{copy.clip.model}, prompt {copy.clip.prompt.id}: {error}")
    finally:
        sandbox.close()
    return n_made, problems, False


def _make(sandbox: Sandbox, copy: Copy, source: Path, out: Path) -> None:
    if not out.exists():
        call = {"source": str(source), "out": str(out), **copy.arguments}
        sandbox.call(copy.recipe.operation, call, limit_s=copy.recipe.limit_s)
