"""VBench 1.0's dimensions, clip by clip, as its code computes them; its faults are kept and listed in the docs.

Values are as VBench reports them for a video, 0 to 1; its tables show them in percent. Model-level numbers and totals
are in `vbench.vbench1.totals`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Embeddings, Family, Floats, Measure, Metric, PairFlow, Rates, Series
from vbench.errors import MetricError

FAMILY = Family(
    name="vbench",
    about="VBench 1.0 dimensions, exactly as its code computes them",
    not_measured={
        "vbench.motion_smoothness": "its interpolation model AMT-S is licensed for non-commercial use only (CC BY-NC)",
        "vbench.imaging_quality": "its MUSIQ comes through pyiqa, whose code is licensed for non-commercial use only",
        "vbench.object_class": "its detector GRiT needs a build of detectron2",
        "vbench.multiple_objects": "its detector GRiT needs a build of detectron2",
        "vbench.color": "its captioner GRiT needs a build of detectron2",
        "vbench.spatial_relationship": "its detector GRiT needs a build of detectron2",
        "vbench.human_action": "its classifier UMT-L/16 has no port here, and its label is read from file names",
        "vbench.scene": "its captioner Tag2Text has no port here",
    },
    pixels_of="OpenCV",
)
DYNAMIC_PIXELS, STATIC_PIXELS = 6.0, 3.0
"""Pixels per pair at a short side of 256 above which a pair moves."""


def consistency(embeddings: Embeddings) -> Measure:
    r"""Likeness of each frame to the first and to the one before.

    .. math:: \frac{1}{T-1} \sum_{t=1}^{T-1} \frac{\max(0, \cos(f_0, f_t)) + \max(0, \cos(f_{t-1}, f_t))}{2}

    Neighbours are those of the file, however far apart in time: doubling every frame raises it.

    Args:
        embeddings: Unit rows of every frame, shape (T, D).

    Returns:
        In [0, 1], higher is steadier, with its timeline; a frozen clip scores 1.

    Raises:
        MetricError: fewer than two frames.

    Source:
        Huang et al. 2024, arXiv:2311.17982, `subject_consistency.py` and `background_consistency.py`.
    """
    rows = embeddings.rows.astype(np.float64)
    if len(rows) < 2:
        raise MetricError(f"VBench's consistency needs two frames, the clip has {len(rows)}", code="too_short")
    first, before = rows[1:] @ rows[0], np.einsum("td,td->t", rows[:-1], rows[1:])
    both = np.clip((np.maximum(first, 0) + np.maximum(before, 0)) / 2, 0, 1)
    return Measure(float(both.mean()), Series(embeddings.t_s[1:], both))


def flickering(levels: Rates) -> Measure:
    """(255 - mean absolute difference of neighbouring frames) / 255, in [0, 1], higher is steadier.

    VBench takes only clips that pass its static filter (`vbench.static` is 1): in any other, motion counts as flicker.

    Args:
        levels: Mean absolute difference over pixels and colours of each frame to the one before, 8-bit levels.

    Source:
        VBench, `temporal_flickering.py`.
    """
    steady = (255.0 - levels.value) / 255.0
    return Measure(float(steady.mean()), Series(levels.t_s, steady))


def dynamic_degree(flow: PairFlow) -> Measure:
    """1 where the clip moves, else 0.

    A pair moves when its fastest 5 % of pixels move more than 6 pixels at a short side of 256. The clip moves as soon
    as round(n / 4) of its pairs do, n being the sampled frames. With two sampled frames that count is 0 and any clip
    counts as moving; with one there is no pair and none does. Both are VBench's.

    Returns:
        0 or 1, with the speed of each pair in multiples of the threshold.

    Source:
        VBench, `dynamic_degree.py`.
    """
    speed = flow.pixels / (DYNAMIC_PIXELS * flow.short_side / 256.0)
    needed = round(4 * (flow.n_frames / 16.0))
    moves = len(speed) > 0 and int((speed > 1).sum()) >= needed
    return Measure(float(moves), Series(flow.t_s, speed))


def static(flow: PairFlow) -> Measure:
    """1 where VBench's static filter lets a clip pass to temporal flickering, else 0.

    At most round(n / 8) neighbouring pairs may move (fastest 2 % of pixels above 3 pixels at a short side of 256), and
    from the first frame to the last and back no more than twice that count times the threshold.

    Returns:
        0 or 1, with the speed of each pair in multiples of the threshold.

    Source:
        VBench, `static_filter.py`.
    """
    if flow.ends is None:
        raise ValueError("the static filter needs the flow between the ends of the clip")
    threshold = STATIC_PIXELS * flow.short_side / 256.0
    allowed = round(2 * (flow.n_frames / 16.0))
    speed = flow.pixels / threshold
    passes = int((speed > 1).sum()) <= allowed and max(flow.ends) <= threshold * allowed * 2
    return Measure(float(passes), Series(flow.t_s, speed))


def phrase_cosine(frames: Embeddings, phrase: NDArray[np.float32]) -> Measure:
    """Mean cosine of every frame and the style phrase; VBench's `logits_per_text / 100`, CLIP's scale being 100.

    Source:
        VBench, `appearance_style.py`.
    """
    cosine: Floats = frames.rows.astype(np.float64) @ phrase.astype(np.float64)
    return Measure(float(cosine.mean()), Series(frames.t_s, cosine))


def video_cosine(video: Embeddings, prompt: NDArray[np.float32]) -> float:
    """Cosine of the clip and its whole prompt.

    Source:
        VBench, `overall_consistency.py` and `temporal_style.py`, which differ only in the prompts they are run on.
    """
    return float(video.rows[0].astype(np.float64) @ prompt.astype(np.float64))


SUBJECT_CONSISTENCY = Metric(
    name="vbench.subject_consistency",
    version=1,
    inputs=("vbench_dino",),
    compute=consistency,
    unit="cosine",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="vbench",
    family=FAMILY,
    min_frames=2,
    about="VBench 1.0: likeness to the first and the previous frame, by DINO; a frozen clip scores 1.",
)
BACKGROUND_CONSISTENCY = Metric(
    name="vbench.background_consistency",
    version=1,
    inputs=("vbench_clip",),
    compute=consistency,
    unit="cosine",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="vbench",
    family=FAMILY,
    min_frames=2,
    about="VBench 1.0: likeness to the first and the previous frame, by CLIP; a frozen clip scores 1.",
)
TEMPORAL_FLICKERING = Metric(
    name="vbench.temporal_flickering",
    version=1,
    inputs=("vbench_levels",),
    compute=flickering,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="vbench",
    family=FAMILY,
    min_frames=2,
    about="VBench 1.0: 1 minus the mean difference of neighbouring frames; meant for clips that pass vbench.static.",
)
STATIC = Metric(
    name="vbench.static",
    version=1,
    inputs=("vbench_static_flow",),
    compute=static,
    unit="yes/no",
    higher_is_better=None,
    bounds=(0.0, 1.0),
    group="vbench",
    family=FAMILY,
    min_frames=2,
    about="VBench 1.0's static filter: 1 where temporal flickering may be read.",
)
DYNAMIC_DEGREE = Metric(
    name="vbench.dynamic_degree",
    version=1,
    inputs=("vbench_flow",),
    compute=dynamic_degree,
    unit="yes/no",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="vbench",
    family=FAMILY,
    about="VBench 1.0: 1 where enough pairs of frames move, camera motion included.",
)
AESTHETIC_QUALITY = Metric(
    name="vbench.aesthetic_quality",
    version=1,
    inputs=("vbench_aesthetic",),
    compute=Rates.mean,
    unit="ratio",
    higher_is_better=True,
    bounds=(-1.0, 2.0),
    group="vbench",
    family=FAMILY,
    about="VBench 1.0: LAION's aesthetic points of all frames, divided by 10.",
)
APPEARANCE_STYLE = Metric(
    name="vbench.appearance_style",
    version=1,
    inputs=("vbench_style_frames", "vbench_style_text"),
    compute=phrase_cosine,
    unit="cosine",
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    group="vbench",
    family=FAMILY,
    about="VBench 1.0: likeness of all frames to the style phrase of the prompt, by CLIP.",
)
OVERALL_CONSISTENCY = Metric(
    name="vbench.overall_consistency",
    version=1,
    inputs=("vbench_video", "vbench_video_text"),
    compute=video_cosine,
    unit="cosine",
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    group="vbench",
    family=FAMILY,
    about="VBench 1.0: likeness of the clip to its prompt, by ViCLIP.",
)
TEMPORAL_STYLE = Metric(
    name="vbench.temporal_style",
    version=1,
    inputs=("vbench_video", "vbench_video_text"),
    compute=video_cosine,
    unit="cosine",
    higher_is_better=True,
    bounds=(-1.0, 1.0),
    group="vbench",
    family=FAMILY,
    about="VBench 1.0: the same number as overall consistency, for the prompts that ask for a camera style.",
)
