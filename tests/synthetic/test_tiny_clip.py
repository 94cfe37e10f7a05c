"""The small CLIP in the package: it loads as any other, is small, and knows held-out scenes of its world."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from vbench.records import digest
from vbench.synthetic import tiny_clip_path

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def trainer() -> ModuleType:
    """The script that made the weights; it decides which scenes are held out."""
    path = Path(__file__).parents[2] / "tools" / "train_tiny_clip.py"
    spec = importlib.util.spec_from_file_location("train_tiny_clip", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["train_tiny_clip"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model() -> Any:
    return transformers.CLIPModel.from_pretrained(tiny_clip_path()).eval()


@pytest.fixture(scope="module")
def processor() -> Any:
    return transformers.CLIPProcessor.from_pretrained(tiny_clip_path())


def test_it_is_a_clip_of_at_most_six_megabytes_that_runs_in_float32(model: Any) -> None:
    files = {path.name for path in tiny_clip_path().iterdir()}
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} <= files
    assert (tiny_clip_path() / "model.safetensors").stat().st_size <= 6_000_000
    assert sum(path.stat().st_size for path in tiny_clip_path().iterdir()) <= 6_200_000
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_the_right_caption_wins_against_fifteen_held_out_ones(trainer: ModuleType, model: Any, processor: Any) -> None:
    won = trainer.retrieval(model, processor, n_clips=60, seed=99)
    assert won >= 0.9


def test_an_untrained_model_fails_the_same_measurement(trainer: ModuleType, processor: Any) -> None:
    """The measurement would not pass by itself."""
    torch.manual_seed(0)
    config = transformers.CLIPConfig.from_pretrained(tiny_clip_path())
    assert trainer.retrieval(transformers.CLIPModel(config).eval(), processor, n_clips=40, seed=99) < 0.4


def test_held_out_scenes_are_kept_from_training(trainer: ModuleType) -> None:
    import random

    train = trainer.scenes(random.Random(0), held_out=False)
    for _ in range(300):
        scene = next(train)
        for thing in scene.objects:
            assert int(digest("held out", thing.shape, thing.colour, scene.colour), 16) % 8 != 0


def test_its_tokenizer_takes_any_text_and_knows_its_world_by_the_word(processor: Any) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_clip_path())
    assert tokenizer.tokenize("a large Red circle") == ["a</w>", "large</w>", "red</w>", "circle</w>"]
    for text in ("Ein Zebra über der Brücke — 日本 🙂", ""):
        ids = tokenizer(text).input_ids
        assert ids[0] == tokenizer.bos_token_id
        assert ids.count(tokenizer.eos_token_id) == 1, "no unknown token, which is the end of a text to CLIP"
        assert ids == processor.tokenizer(text).input_ids
    assert len(tokenizer("word " * 200, truncation=True).input_ids) == 77


def test_the_card_says_what_it_is_and_what_was_measured() -> None:
    card = (tiny_clip_path() / "README.md").read_text()
    assert "and nothing else" in " ".join(card.split())
    measured = re.search(r"which of 16 captions.*?\| ([\d.]+)%", card)
    assert measured is not None
    assert float(measured[1]) >= 90
