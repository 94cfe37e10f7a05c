"""A small scored bench to publish."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.records import a_clip, an_info, give
from vbench.bench import Bench
from vbench.records import Prompt, Vote

TEXT = "a <b>fox</b> & its den"


def filled(folder: Path, *, tools: tuple[str, ...] = ("x", "y", "z@rewritten"), n_prompts: int = 8) -> Bench:
    bench = Bench.open(folder)
    bench.add_metrics([an_info("overall", group="overall"), an_info("flicker", higher_is_better=False)])
    rng = np.random.default_rng(1)
    for t, tool in enumerate(tools):
        retired = {"status": "retired", "retired_on": "2026-01-01"} if tool == "y" else {}
        bench.add_model(tool, {"id": tool, "name": tool.upper()} | retired)
        for i in range(n_prompts):
            prompt = Prompt(id=f"p{i:02}", text=f"{TEXT} {i}", tags=("camera:pan" if i % 2 else "camera:tilt",))
            clip = a_clip(tool, prompt, cost_usd=0.1 * (t + 1), latency_s=2.0)
            give(bench, clip, overall=50.0 + 10 * t + float(rng.normal()), flicker=float(rng.random()))
    prompt = bench.prompts()[0]
    for i in range(10 if "y" in tools else 0):
        a, b = a_clip("x", prompt), a_clip("y", prompt)
        outcome = "a" if i % 3 else "skip"
        bench.add_vote(Vote(id=str(i), a=a.id, b=b.id, outcome=outcome, voter=f"v{i}", left="a"))
    return bench
