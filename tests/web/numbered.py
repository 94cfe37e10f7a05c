"""A bench of clips that carry their frame number as a bar code, so that a browser's pixels tell what it shows."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from vbench import video
from vbench.bench import Bench
from vbench.records import Clip, Event, MetricInfo, Outcomes, Prompt, Provenance, Score, ScoreKey, Timeline, clip_id

N_BITS = 10
BLOCK = 24
"""Edge of one bit in pixels."""
METRICS = (
    MetricInfo(
        name="temporal_consistency",
        version=1,
        unit="cosine",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        group="temporal",
        about="How alike moments an eighth of a second apart are.",
    ),
    MetricInfo(
        name="flicker",
        version=1,
        unit="levels",
        higher_is_better=False,
        bounds=(0.0, 255.0),
        group="temporal",
        about="Brightness that jumps from frame to frame.",
    ),
    MetricInfo(
        name="motion_amount",
        version=1,
        unit="diagonals/s",
        higher_is_better=None,
        bounds=(0.0, 10.0),
        group="motion",
        about="How far things move.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One synthetic tool's way of making clips."""

    model: str
    fps: float = 24.0
    n_frames: int = 72
    size: tuple[int, int] = (416, 240)
    hue: float = 0.1
    audio_hz: float = 0.0
    audio_level: float = 0.2
    """A tone; 0: silent."""


RATES = (8.0, 16.0, 23.976, 24.0, 25.0, 30.0, 60.0)
SCRIPT = Prompt(id="script", text='<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>', suite="t")
SCENE = Prompt(id="scene", text="A disc swings over a slope", suite="t", tags=("camera:static",))
KINDS = (
    Kind(model="alpha", hue=0.1, audio_hz=220.0),
    Kind(model="beta", hue=0.4),
    Kind(model="gamma", hue=0.7, fps=16, n_frames=40),
    Kind(model="delta", hue=0.4, fps=30, n_frames=75),
)


def numbered_frames(kind: Kind, *, with_number: bool = True) -> Iterator[np.ndarray[Any, Any]]:
    """A disc on a slope of grey, RGB uint8 (H, W, 3); the number in the top rows, most significant bit first."""
    width, height = kind.size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wave = [np.uint8(140 + 90 * math.cos(2 * math.pi * (kind.hue + third / 3))) for third in range(3)]
    slope = (36 + 70 * y / height + 20 * np.sin(x / 60)).astype(np.uint8)
    for number in range(kind.n_frames):
        t = number / kind.fps
        frame = np.repeat(slope[:, :, None], 3, axis=2)
        cx = width * (0.5 + 0.32 * math.sin(1.7 * t + kind.hue * 6))
        cy = height * (0.62 + 0.12 * math.cos(2.3 * t))
        frame[(x - cx) ** 2 + (y - cy) ** 2 < (height * 0.16) ** 2] = wave
        if with_number:
            for bit in range(N_BITS):
                value = 235 if number >> (N_BITS - 1 - bit) & 1 else 16
                frame[0:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = value
        yield frame


def add_clip(bench: Bench, kind: Kind, prompt: Prompt, sample: int = 0) -> Clip:
    """Write, probe and store one clip."""
    local = bench.root / "new.mp4"
    fps = Fraction(24000, 1001) if abs(kind.fps - 23.976) < 1e-3 else Fraction(kind.fps)
    audio = None
    if kind.audio_hz:
        t = np.arange(int(48000 * kind.n_frames / kind.fps)) / 48000
        audio = (kind.audio_level * np.sin(2 * np.pi * kind.audio_hz * t).astype(np.float32)[:, None], 48000)
    video.write_clip(numbered_frames(kind), local, fps=fps, crf=23, preset="ultrafast", audio=audio)
    sha256 = hashlib.sha256(local.read_bytes()).hexdigest()
    key = f"clips/{kind.model}/{prompt.id}-{sample}.mp4"
    bench.media.put(local, key)
    local.unlink()
    clip = Clip(
        id=clip_id(kind.model, prompt.text, sample, sha256),
        model=kind.model,
        prompt=prompt,
        sample=sample,
        sha256=sha256,
        media=key,
        linked=False,
        probe=video.probe(bench.media.local(key)),
        provenance=Provenance(
            seed=100 + sample,
            latency_s=20.0 + 9 * kind.hue,
            cost_usd=0.1 + kind.hue / 10,
            cost_source="estimated",
            prompt_sent=f"{prompt.text}, cinematic" if kind.hue > 0.5 else "",
            licence="Apache-2.0",
            origin="synthetic",
        ),
    )
    bench.add_clip(clip)
    return clip


def score(bench: Bench, clip: Clip, *, level: float, worst_s: float) -> None:
    """Scores, curves that dip at `worst_s`, and the events that belong to them."""
    keys = {info.name: ScoreKey(clip=clip.id, metric=info.name, version=1) for info in METRICS}
    times = np.arange(0, clip.probe.duration_s, 1 / 8)
    dip = 0.25 * np.exp(-(((times - worst_s) / 0.15) ** 2))
    steady = level + 0.01 * np.sin(times * 9) - dip
    shimmer = 4 * (1 - level) * 10 + 3 * dip * 10 + 0.4 * np.cos(times * 7)
    frame = round(worst_s * clip.probe.fps)
    bench.add_outcomes(
        Outcomes(
            clip=clip.id,
            scores=(
                Score(key=keys["temporal_consistency"], value=float(steady.mean())),
                Score(key=keys["flicker"], value=float(shimmer.mean())),
                Score(key=keys["motion_amount"], value=0.2 + level / 10),
            ),
            timelines=tuple(
                Timeline(key=keys[name], t_s=tuple(map(float, times)), value=tuple(map(float, values)))
                for name, values in (("temporal_consistency", steady), ("flicker", shimmer))
            ),
            events=(
                Event(
                    clip=clip.id,
                    kind="worst",
                    metric="temporal_consistency",
                    start_s=worst_s,
                    end_s=worst_s + 0.25,
                    frame=frame,
                    value=float(steady.min()),
                ),
                Event(
                    clip=clip.id,
                    kind="cut",
                    metric="flicker",
                    start_s=worst_s + 0.5,
                    end_s=worst_s + 0.5 + 1 / clip.probe.fps,
                    frame=frame + round(0.5 * clip.probe.fps),
                    value=0.8,
                ),
            ),
        )
    )


def fill(bench: Bench, kinds: Iterable[Kind], prompts: Iterable[Prompt]) -> list[Clip]:
    """Every tool on every prompt, measured; clips in the order of prompts, then tools."""
    kinds = list(kinds)
    bench.add_metrics(METRICS)
    for number, kind in enumerate(kinds):
        card = {
            "name": kind.model.title(),
            "vendor": {"name": "Synthetic", "country": "DE" if number % 2 else "FR"},
            "licence": {"weights": "Apache-2.0"},
        }
        bench.add_model(kind.model, card)
    clips = []
    for row, prompt in enumerate(prompts):
        bench.add_prompts([prompt])
        for number, kind in enumerate(kinds):
            clip = add_clip(bench, kind, prompt)
            score(
                bench,
                clip,
                level=0.97 - 0.02 * number,
                worst_s=min(1.0 + 0.2 * number + 0.1 * row, clip.probe.duration_s * 0.6),
            )
            clips.append(clip)
    return clips
