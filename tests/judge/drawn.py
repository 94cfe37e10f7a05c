"""A bench of drawn clips whose truth is known, small enough for a test, and what planted judges need of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vbench.bench import Bench
from vbench.bench.clips import clip_from_file
from vbench.judge.card import JudgeCard
from vbench.records import Clip, Prompt, Provenance
from vbench.synthetic.defects import other_scene
from vbench.synthetic.render import render
from vbench.synthetic.scene import scene_from_mapping
from vbench.video import probe, write_clip

SCENES: dict[str, dict[str, Any]] = {
    "circle": {
        "background": {"colour": "blue", "pattern": "plain"},
        "objects": [{"shape": "circle", "colour": "red", "size": "large", "motion": "left_to_right"}],
        "seconds": 1.0,
    },
    "two": {
        "background": {"colour": "white", "pattern": "dots"},
        "objects": [
            {"shape": "square", "colour": "green", "size": "medium", "motion": "top_to_bottom"},
            {"shape": "star", "colour": "purple", "size": "small", "motion": "rotate"},
        ],
        "seconds": 1.0,
    },
}


def prompt(name: str) -> Prompt:
    """A prompt of a scene."""
    return Prompt(id=name, text=f"the scene {name}", suite="drawn", expects={"scene": SCENES[name]})


def add_drawn(bench: Bench, folder: Path, model: str, name: str, *, wrong: bool = False, sample: int = 0) -> Clip:
    """Draw a clip of a scene, or of another one where it is to be wrong, and store it."""
    scene = scene_from_mapping(SCENES[name], where=name)
    if wrong:
        scene = other_scene(scene, 3)
    path = folder / f"{model}-{name}-{sample}.mp4"
    seed = 5 + sample + (100 if wrong else 0) + 1000 * sum(map(ord, model))
    write_clip(render(scene, width=160, height=96, fps=12, seed=seed, seconds=1.0), path, fps=12, preset="ultrafast")
    clip = clip_from_file(
        path,
        model=model,
        prompt=prompt(name),
        sample=sample,
        probe=probe(path),
        provenance=Provenance(origin="synthetic", extra={"drawn": scene.as_mapping()}),
    )
    bench.add_clip(clip)
    return clip


def a_judge(name: str = "tester", **changes: Any) -> JudgeCard:
    """A judge's card: by default one that charges, behind an endpoint nobody reaches."""
    values: dict[str, Any] = {
        "id": name,
        "name": name,
        "vendor": {"name": "none"},
        "adapter": "openai",
        "licence": {"weights": "closed"},
        "price": {"usd_per_mtok_in": 1.0, "usd_per_mtok_out": 4.0, "source": "none", "checked_on": "2026-11-01"},
        "options": {"base_url": "http://127.0.0.1:9/v1", "model": "m"},
        "frames": {"even": 3, "extra": 1},
        "concurrency": 4,
    }
    return JudgeCard.model_validate(values | changes)


def planted(behaviour: str, **changes: Any) -> JudgeCard:
    """A planted judge's card."""
    options = {"behaviour": behaviour}
    return a_judge(f"planted-{behaviour}", adapter="planted", local=True, price=None, options=options, **changes)
