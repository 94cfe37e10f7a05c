"""Quality of single pictures: weights-free measures, and two learned judges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vbench.contracts import Embeddings, Measure, Metric, Picture, Rates, Series, TextRows


def mean_of(name: str) -> Callable[[Picture], Measure]:
    """Mean over sampled frames of one field of `contracts.Picture`, with its timeline."""

    def compute(picture: Picture) -> Measure:
        values = getattr(picture, name)
        return Measure(float(values.mean()), Series(picture.t_s, values))

    return compute


def clip_iqa(frames: Embeddings, antonyms: TextRows) -> Measure:
    """Mean over frames of the softmax of 100 x cosine with "Good photo." against "Bad photo.", in [0, 1].

    Source:
        Wang et al. 2022, arXiv:2207.12396 (CLIP-IQA), on the weights of `clip.model`.
    """
    good, bad = antonyms.prompt.astype(np.float64), antonyms.distractors[0].astype(np.float64)
    value = 1.0 / (1.0 + np.exp(-100.0 * (frames.rows.astype(np.float64) @ (good - bad))))
    return Measure(float(value.mean()), Series(frames.t_s, value))


SHARPNESS = Metric(
    name="sharpness",
    version=2,
    inputs=("picture",),
    compute=mean_of("sharpness"),
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="picture",
    about="How much detail a further blur would take away (Crete 2007), at 540 lines; grain counts as detail too.",
)
DEFINITION = Metric(
    name="definition",
    version=1,
    inputs=("picture",),
    compute=mean_of("definition"),
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, float("inf")),
    group="picture",
    about="How much steeper edges are than seen coarsely, at 192 lines, whatever the grain and contrast.",
)
NOISE = Metric(
    name="noise",
    version=3,
    inputs=("picture",),
    compute=mean_of("noise"),
    unit="levels",
    higher_is_better=False,
    bounds=(0.0, 255.0),
    group="picture",
    about="Standard deviation of the grain, in 8-bit levels; fine texture does not count.",
)
BLOCKINESS = Metric(
    name="blockiness",
    version=2,
    inputs=("picture",),
    compute=mean_of("blockiness"),
    unit="ratio",
    higher_is_better=False,
    bounds=(0.0, 1.0),
    group="picture",
    about="How much stronger steps are across the 8-pixel grid of a codec than beside it.",
)
BANDING = Metric(
    name="banding",
    version=2,
    inputs=("picture",),
    compute=mean_of("banding"),
    unit="ratio",
    higher_is_better=False,
    bounds=(0.0, 1.0),
    group="picture",
    about="Share of smooth gradients that climbs in visible steps.",
)
EXPOSURE = Metric(
    name="exposure",
    version=1,
    inputs=("picture",),
    compute=mean_of("exposure"),
    unit="ratio",
    higher_is_better=False,
    bounds=(0.0, 1.0),
    group="picture",
    about="Share of the picture that is crushed to black or blown out to white.",
)
COLOUR_CAST = Metric(
    name="colour_cast",
    version=1,
    inputs=("picture",),
    compute=mean_of("colour_cast"),
    unit="Lab",
    higher_is_better=None,
    bounds=(0.0, 182.0),
    group="picture",
    about="How far the mean colour is from grey; a sunset has one too.",
)
LETTERBOX = Metric(
    name="letterbox",
    version=1,
    inputs=("picture",),
    compute=mean_of("letterbox"),
    unit="ratio",
    higher_is_better=False,
    bounds=(0.0, 1.0),
    group="picture",
    about="Share of the picture under black bars.",
)
AESTHETIC = Metric(
    name="aesthetic",
    version=1,
    inputs=("aesthetic",),
    compute=Rates.mean,
    unit="points",
    higher_is_better=True,
    bounds=(-5.0, 15.0),
    group="picture",
    about="How pleasing people found such pictures, about 1 to 10: the LAION head on CLIP ViT-L/14.",
)
TECHNICAL = Metric(
    name="technical",
    version=1,
    inputs=("clip_frames", "clip_quality"),
    compute=clip_iqa,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="picture",
    about="How much more CLIP takes the frames for good photos than for bad ones (CLIP-IQA).",
)
