"""CLIP against torchmetrics on the same random weights and frames, and what happens without weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.fakes.tiny_models import SIDE, save_clip
from vbench.contracts import Embeddings, Settings
from vbench.errors import MetricError
from vbench.features.clip import ClipFramesFeature, ClipQualityFeature, ClipTextFeature
from vbench.features.distractors import N_DISTRACTORS, distractors
from vbench.metrics.alignment import align_rank, clip_alignment
from vbench.metrics.picture import clip_iqa
from vbench.records import Prompt

PROMPT = Prompt(id="p", text="a red ball rolls from left to right")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return Settings({"clip.model": str(save_clip(tmp_path_factory.mktemp("clip") / "openai"))})


@pytest.fixture(scope="module")
def frames() -> Any:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (9, 3, SIDE, SIDE), np.uint8))


@pytest.fixture
def plain_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchmetrics 1.9 takes what CLIPModel gives for a tensor; transformers 5 wraps it. The numbers are the same."""
    from transformers import CLIPModel

    for name in ("get_image_features", "get_text_features"):
        wrapped = getattr(CLIPModel, name)
        monkeypatch.setattr(CLIPModel, name, lambda *a, _of=wrapped, **k: getattr(_of(*a, **k), "pooler_output", None))


def embeddings(settings: Any, frames: Any) -> Any:
    encoder = ClipFramesFeature(settings).load()
    collector = encoder.collect(None, PROMPT)
    with torch.inference_mode():
        rows = encoder.encode(frames).numpy()
    collector.add(np.arange(len(rows)) / 8, np.arange(len(rows)), rows, None)
    return collector.close()


def test_equals_clip_score_of_torchmetrics(settings: Any, frames: Any, plain_features: Any) -> None:
    from torchmetrics.multimodal import CLIPScore

    theirs = CLIPScore(model_name_or_path=settings.values["clip.model"])
    theirs.update(list(frames), [PROMPT.text] * len(frames))
    text = ClipTextFeature(settings).encode(PROMPT)
    ours = clip_alignment(embeddings(settings, frames), text).value
    assert ours == pytest.approx(float(theirs.compute()), abs=1e-3)


def test_equals_clip_iqa_of_torchmetrics(settings: Any, frames: Any, plain_features: Any) -> None:
    from torchmetrics.functional.multimodal import clip_image_quality_assessment

    # data_range 1: the processor divides by 255 itself
    theirs = clip_image_quality_assessment(frames, settings.values["clip.model"], data_range=1, prompts=("quality",))
    ours = clip_iqa(embeddings(settings, frames), ClipQualityFeature(settings).encode(PROMPT))
    assert ours.timeline.value == pytest.approx(theirs.numpy(), abs=1e-4)


def test_rank_is_one_when_the_frames_are_the_prompt(settings: Any) -> None:
    text = ClipTextFeature(settings).encode(PROMPT)
    frames = Embeddings(np.array([0.0]), np.array([0]), text.prompt[None])
    assert align_rank(frames, text).value == 1.0
    away = Embeddings(np.array([0.0]), np.array([0]), -text.prompt[None])
    assert align_rank(away, text).value == 0.0


def test_distractors_are_hard_distinct_and_stable() -> None:
    wrong = distractors(PROMPT.text)
    assert len(wrong) == len(set(wrong)) == N_DISTRACTORS
    assert PROMPT.text not in wrong
    words = PROMPT.text.split()
    swaps = [text.split() for text in wrong if len(text.split()) == len(words)]
    assert sum(sum(a != b for a, b in zip(words, swap, strict=True)) == 1 for swap in swaps) >= 10
    assert wrong == distractors(PROMPT.text)


def test_without_a_prompt_there_is_no_alignment(settings: Any) -> None:
    with pytest.raises(MetricError) as caught:
        ClipTextFeature(settings).encode(Prompt(id="p", text=" "))
    assert caught.value.code == "not_applicable"
