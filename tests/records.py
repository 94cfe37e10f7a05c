"""Records that many tests need, with every field that does not matter filled in."""

from __future__ import annotations

from typing import Any

from vbench.bench import Bench
from vbench.records import (
    Clip,
    Failure,
    MetricInfo,
    Outcomes,
    Probe,
    Prompt,
    Provenance,
    Score,
    ScoreKey,
    clip_id,
    digest,
)

PROBE = Probe(
    container="mp4",
    codec="h264",
    pixel_format="yuv420p",
    width=64,
    height=48,
    rotation=0,
    n_frames=24,
    fps=24.0,
    duration_s=1.0,
    is_vfr=False,
    bit_depth=8,
    has_alpha=False,
    has_audio=False,
)


def a_clip(model: str, prompt: Prompt, sample: int = 0, **provenance: Any) -> Clip:
    """A clip whose file does not exist."""
    sha = digest(model, prompt.key, sample, length=64)
    return Clip(
        id=clip_id(model, prompt.text, sample, sha),
        model=model,
        prompt=prompt,
        sample=sample,
        sha256=sha,
        media=f"clips/{model}/{prompt.id}-{sample}.mp4",
        linked=False,
        probe=PROBE,
        provenance=Provenance(**provenance),
    )


def an_info(name: str, **changes: Any) -> MetricInfo:
    """What a number means, in tests."""
    values: dict[str, Any] = {
        "version": 1,
        "unit": "points",
        "higher_is_better": True,
        "bounds": (0.0, 100.0),
        "group": "temporal",
        "about": "A made-up measure.",
    }
    return MetricInfo(name=name, **values | changes)


def give(bench: Bench, clip: Clip, **values: float | str) -> None:
    """Store a clip with scores, or with a failure where the value is a text."""
    bench.add_clip(clip)
    keys = {name: ScoreKey(clip=clip.id, metric=name, version=1) for name in values}
    bench.add_outcomes(
        Outcomes(
            clip=clip.id,
            scores=tuple(Score(key=keys[n], value=v) for n, v in values.items() if not isinstance(v, str)),
            failures=tuple(
                Failure(stage="score", subject=clip.id, code="undefined", message=v, key=keys[n])
                for n, v in values.items()
                if isinstance(v, str)
            ),
        )
    )
