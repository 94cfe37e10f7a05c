"""How well a clip shows what its prompt says."""

from __future__ import annotations

import numpy as np

from vbench.contracts import Embeddings, Measure, Metric, Rates, Series, TextRows


def clip_alignment(frames: Embeddings, text: TextRows) -> Measure:
    """Mean over frames 1/8 s apart of 100 x the cosine of frame and prompt, negative means counted as 0.

    Equal to torchmetrics' CLIPScore on the same weights and frames. Range [0, 100]; with real weights about 15 to 40,
    nearly the same for all tools, and blind to word order: read `align_rank` beside it.

    Source:
        Hessel et al. 2021, arXiv:2104.08718.
    """
    value = 100.0 * cosines(frames, text)
    return Measure(max(0.0, float(value.mean())), Series(_times(frames), value))


def cosines(frames: Embeddings, text: TextRows) -> np.ndarray:
    """Cosine of each frame of the grid with the prompt, shape (T,)."""
    return (frames.rows[frames.on_grid].astype(np.float64)) @ text.prompt.astype(np.float64)


def _times(frames: Embeddings) -> np.ndarray:
    return frames.t_s[frames.on_grid]


def align_rank(frames: Embeddings, text: TextRows) -> Measure:
    """Share of hard distractor prompts that the mean frame prefers less than the true one; ties count half.

    0.5 is chance, whatever the backbone; 1 means that the true prompt wins against all of them.
    """
    rows = frames.rows[frames.on_grid].astype(np.float64)
    right = cosines(frames, text).mean()
    wrong = (rows @ text.distractors.astype(np.float64).T).mean(axis=0)
    return Measure(float(((wrong < right - 1e-9) + 0.5 * (np.abs(wrong - right) <= 1e-9)).mean()))


def align_margin(frames: Embeddings, text: TextRows) -> Measure:
    """100 x (cosine with the prompt - mean cosine with distractors); the timeline shows where the prompt is left."""
    rows = frames.rows[frames.on_grid].astype(np.float64)
    margin = 100.0 * (cosines(frames, text) - (rows @ text.distractors.astype(np.float64).T).mean(axis=1))
    return Measure(float(margin.mean()), Series(_times(frames), margin))


CLIP_ALIGNMENT = Metric(
    name="clip_alignment",
    version=1,
    inputs=("clip_frames", "clip_text"),
    compute=clip_alignment,
    unit="points",
    higher_is_better=True,
    bounds=(0.0, 100.0),
    group="text",
    about="100 x the cosine of CLIP between frames and prompt (CLIPScore), mean over frames 1/8 s apart.",
)
ALIGN_RANK = Metric(
    name="align_rank",
    version=1,
    inputs=("clip_frames", "clip_text"),
    compute=align_rank,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="text",
    about="Share of 63 hard wrong prompts that the clip fits less well than its own; 0.5 is chance.",
)
ALIGN_MARGIN = Metric(
    name="align_margin",
    version=1,
    inputs=("clip_frames", "clip_text"),
    compute=align_margin,
    unit="points",
    higher_is_better=True,
    bounds=(-200.0, 200.0),
    group="text",
    about="How much better the prompt fits than wrong ones do; its timeline shows when the clip leaves the prompt.",
)
VIDEO_ALIGNMENT = Metric(
    name="video_alignment",
    version=1,
    inputs=("video_text",),
    compute=Rates.mean,
    unit="points",
    higher_is_better=True,
    bounds=(-100.0, 100.0),
    group="text",
    about="100 x the cosine of X-CLIP, which sees 8 frames at once, between clip and prompt.",
)
