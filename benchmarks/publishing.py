"""How long a site of 40 tools and 60 prompts takes to build, and how large its first page is: at most 60 s and 300 kB.

Run: python -P benchmarks/publishing.py (another file here is called as a module of Python is)
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from vbench.bench import Bench
from vbench.publish.results import Edition
from vbench.publish.site import build
from vbench.records import Clip, MetricInfo, Outcomes, Probe, Prompt, Provenance, Score, ScoreKey, clip_id, digest

N_TOOLS, N_PROMPTS, N_METRICS = 40, 60, 12
PROBE = Probe(
    container="mp4",
    codec="h264",
    pixel_format="yuv420p",
    width=1280,
    height=720,
    rotation=0,
    n_frames=120,
    fps=24.0,
    duration_s=5.0,
    is_vfr=False,
    bit_depth=8,
    has_alpha=False,
    has_audio=False,
)


def fill(bench: Bench) -> None:
    """Clips without files, and scores."""
    rng = np.random.default_rng(1)
    names = ["overall", *(f"measure_{i}" for i in range(N_METRICS - 1))]
    bench.add_metrics(
        MetricInfo(
            name=name, version=1, unit="points", higher_is_better=True, bounds=(0.0, 100.0), group="overall", about="x"
        )
        for name in names
    )
    for tool in range(N_TOOLS):
        for number in range(N_PROMPTS):
            tags = (f"camera:{number % 8}", f"light:{number % 6}", f"subject:{number % 10}")
            prompt = Prompt(id=f"p{number:02}", text=f"A prompt of a usual length, number {number}.", tags=tags)
            sha = digest(tool, number, length=64)
            how = Provenance(cost_usd=0.1 * (tool + 1), latency_s=10.0 + tool)
            clip = Clip(
                id=clip_id(f"tool-{tool:02}", prompt.text, 0, sha),
                model=f"tool-{tool:02}",
                prompt=prompt,
                sample=0,
                sha256=sha,
                media=f"clips/{tool}/{number}.mp4",
                linked=False,
                probe=PROBE,
                provenance=how,
            )
            bench.add_clip(clip)
            values = (50 + tool / 2 + rng.normal(0, 8, len(names))).clip(0, 100)
            scores = tuple(
                Score(key=ScoreKey(clip=clip.id, metric=name, version=1), value=float(value))
                for name, value in zip(names, values, strict=True)
            )
            bench.add_outcomes(Outcomes(clip=clip.id, scores=scores))


def main() -> None:
    """Print what was measured."""
    with tempfile.TemporaryDirectory() as folder, Bench.open(Path(folder) / "bench") as bench:
        fill(bench)
        begun, worked = time.perf_counter(), time.process_time()
        built = build(bench, Path(folder) / "site", Edition(title="Benchmark"), clips=False)
        print(
            f"{N_TOOLS} tools x {N_PROMPTS} prompts x {N_METRICS} metrics: {time.perf_counter() - begun:.1f} s "
            f"({time.process_time() - worked:.1f} s of CPU), {built.n_files} files, "
            f"first page {built.first_page_bytes / 1000:.0f} kB"
        )


if __name__ == "__main__":
    main()
