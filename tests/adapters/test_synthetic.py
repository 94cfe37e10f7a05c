"""The synthetic tools: what a plan says, that a clip can be made again to the byte, and faults found in the files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from vbench.adapters import ADAPTERS
from vbench.adapters.synthetic import SyntheticAdapter
from vbench.catalog.cards import ModelCard, cards
from vbench.errors import CatalogError
from vbench.records import Prompt, Provenance, Request
from vbench.synthetic.defects import Defect
from vbench.video import probe, read_audio, read_frames

PAN = Prompt(id="pan", text="a red star moves from left to right over a background of blue dots, the camera pans left")


@pytest.fixture(scope="module")
def tools() -> dict[str, ModelCard]:
    """Cards by what their tool does wrong."""
    return {card.options["defect"]: card for card in cards().values() if card.adapter == "synthetic"}


def make(card: ModelCard, out: Path, request: Request) -> tuple[Path, Provenance]:
    adapter = ADAPTERS["synthetic"](card)
    handle = adapter.submit(adapter.plan(request))
    assert adapter.poll(handle).state == "succeeded"
    return adapter.fetch(handle, out)


def luma(path: Path) -> np.ndarray:
    return np.stack([frame.luma().astype(int) for frame in read_frames(path)])


def test_there_is_one_tool_for_each_fault_and_a_clean_one(tools: dict[str, ModelCard]) -> None:
    assert set(tools) == set(get_args(Defect))
    assert {card.id for card in tools.values()} == {
        f"synthetic-{defect if defect != 'none' else 'clean'}" for defect in get_args(Defect)
    }
    assert not any(card.is_billable for card in tools.values())


def test_the_same_plan_gives_the_same_file_and_another_seed_another(
    tools: dict[str, ModelCard], tmp_path: Path
) -> None:
    def sha256(name: str, seed: int) -> str:
        path, _ = make(tools["none"], tmp_path / name, Request(prompt=PAN, seed=seed, seconds=2, width=320, height=240))
        return hashlib.sha256(path.read_bytes()).hexdigest()

    assert sha256("a", 1) == sha256("b", 1) != sha256("c", 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "b.mp4", "c.mp4"]


def test_wishes_are_honoured_and_recorded(tools: dict[str, ModelCard], tmp_path: Path) -> None:
    request = Request(prompt=PAN, seed=7, seconds=2.5, width=480, height=320, fps=30, audio=True)
    path, provenance = make(tools["none"], tmp_path / "clip", request)
    facts = probe(path)
    assert (facts.width, facts.height, facts.fps, facts.n_frames) == (480, 320, pytest.approx(30), 75)
    sound = read_audio(path)
    assert sound is not None
    assert 0.02 < np.abs(sound[0]).mean() < 0.3
    assert provenance.origin == "synthetic"
    assert provenance.seed == 7
    assert provenance.body["scene"]["objects"][0] == {
        "shape": "star",
        "colour": "red",
        "size": "medium",
        "motion": "left_to_right",
    }
    assert provenance.extra["planted"] is None
    assert provenance.cost_usd == 0


def test_wishes_that_cannot_be_honoured_and_words_that_are_not_understood_are_warned_about(
    tools: dict[str, ModelCard],
) -> None:
    adapter = SyntheticAdapter(tools["none"])
    assert adapter.plan(Request(prompt=PAN)).warnings == ()
    wild = Prompt(id="wild", text="a heron takes off from a misty lake")
    plan = adapter.plan(
        Request(prompt=wild, seconds=90, width=1920, height=1080, fps=120, negative="blur", audio=False)
    )
    said = "\n".join(plan.warnings)
    for part in ("90 s", "1920x1080", "60 fps", "negative", "no shape", "no background"):
        assert part in said
    assert plan.body["scene"]["seconds"] == 20
    assert plan.body["fps"] == 60
    assert plan.body["audio"] is False


def test_a_rewritten_prompt_is_drawn_as_rewritten(tools: dict[str, ModelCard]) -> None:
    """The suite's structured scene is of the prompt as written; another text is another scene."""
    spelt = replace(
        PAN, expects={"scene": {"background": {"colour": "pink"}, "objects": [{"shape": "ring", "colour": "cyan"}]}}
    )
    adapter = SyntheticAdapter(tools["none"])
    assert adapter.plan(Request(prompt=spelt)).body["scene"]["background"]["colour"] == "pink"
    rewritten = Request(prompt=spelt, prompt_sent="a white cross spins over a black background")
    assert adapter.plan(rewritten).body["scene"]["background"]["colour"] == "black"
    wrong = replace(PAN, expects={"scene": {"background": {"colour": "mauve"}, "objects": []}})
    with pytest.raises(CatalogError, match="prompt 'pan'"):
        adapter.plan(Request(prompt=wrong))


def test_a_card_with_an_unknown_fault_is_refused(tools: dict[str, ModelCard]) -> None:
    with pytest.raises(CatalogError, match="defect"):
        SyntheticAdapter(tools["none"].model_copy(update={"options": {"defect": "shaky"}}))


@pytest.mark.parametrize("defect", ["black", "cut", "freeze"])
def test_the_planted_moment_is_in_the_file_where_the_provenance_says(
    defect: str, tools: dict[str, ModelCard], tmp_path: Path
) -> None:
    """Seen in the decoded file by plain numpy, after the encoder."""
    path, provenance = make(tools[defect], tmp_path / defect, Request(prompt=PAN, seed=3))
    fault = provenance.extra["planted"]
    picture = luma(path)
    assert len(picture) == 72
    steps = np.abs(np.diff(picture, axis=0)).mean((1, 2))
    if defect == "black":
        assert (picture.mean((1, 2)) < 2).nonzero()[0].tolist() == list(range(5))
        assert fault["end_s"] == pytest.approx(5 / 24)
    elif defect == "cut":
        assert steps.argmax() + 1 == fault["frame"] == round(fault["start_s"] * 24)
    else:
        frozen = (steps < 0.2 * np.median(steps)).nonzero()[0] + 1
        assert frozen.tolist() == list(range(fault["frame"], fault["frame"] + 24))
        assert fault["end_s"] - fault["start_s"] == pytest.approx(1)
