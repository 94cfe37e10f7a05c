"""The contract of scoring: what a feature is, what a metric is, and the typed values that pass between them.

A clip is decoded once. *Features* are made from its frames, each once, and shared; *metrics* are pure functions of
features. To add a metric: write a function of feature values and a `Metric` declaration, and register its name. To add
a feature: subclass `StreamFeature` (numpy on the CPU, beside the decoder), `DeviceFeature` (a backbone over frames,
batched across clips), `TextFeature` (of the prompt alone) or `FileFeature` (of the file itself), and register the
class. Measures that belong apart from all others, such as a replica of another suite, name a `Family`.

What features hand to metrics is numpy, so that nothing but a backbone needs torch.
Time is in seconds from the first frame, always: frames are taken on a grid of seconds, never by index.
"""

from __future__ import annotations

from vbench.contracts.detector import Detection, Detector, overlap
from vbench.contracts.feature import (
    Accumulator,
    Collector,
    DeviceFeature,
    Encoder,
    Feature,
    FileFeature,
    Settings,
    SourceFile,
    StreamFeature,
    TextFeature,
    Weights,
    WeightSource,
)
from vbench.contracts.frame import (
    SHORT_SIDE,
    ClipFrame,
    Kernel,
    mean_abs_difference,
    small_luma,
    small_rgb,
    small_size,
)
from vbench.contracts.frame_choice import (
    SLOW_S,
    AllFrames,
    Evenly,
    Every,
    FrameRequest,
    Sampler,
    Sampling,
    is_spike,
)
from vbench.contracts.metric import GIVEN, ClipWishes, Combined, Family, Metric
from vbench.contracts.reader import Reader, Word
from vbench.contracts.values import (
    GRID_S,
    Bytes,
    Embeddings,
    Faces,
    Floats,
    Flow,
    GivenPictures,
    GivenRows,
    Impacts,
    Measure,
    Moment,
    Onsets,
    PairFlow,
    Picture,
    Rates,
    Reference,
    Series,
    Sightings,
    Sound,
    Speech,
    Steps,
    TextRows,
    Thumbnails,
    Writing,
)
from vbench.records import Box

__all__ = [
    "GIVEN",
    "GRID_S",
    "SHORT_SIDE",
    "SLOW_S",
    "Accumulator",
    "AllFrames",
    "Box",
    "Bytes",
    "ClipFrame",
    "ClipWishes",
    "Collector",
    "Combined",
    "Detection",
    "Detector",
    "DeviceFeature",
    "Embeddings",
    "Encoder",
    "Evenly",
    "Every",
    "Faces",
    "Family",
    "Feature",
    "FileFeature",
    "Floats",
    "Flow",
    "FrameRequest",
    "GivenPictures",
    "GivenRows",
    "Impacts",
    "Kernel",
    "Measure",
    "Metric",
    "Moment",
    "Onsets",
    "PairFlow",
    "Picture",
    "Rates",
    "Reader",
    "Reference",
    "Sampler",
    "Sampling",
    "Series",
    "Settings",
    "Sightings",
    "Sound",
    "SourceFile",
    "Speech",
    "Steps",
    "StreamFeature",
    "TextFeature",
    "TextRows",
    "Thumbnails",
    "WeightSource",
    "Weights",
    "Word",
    "Writing",
    "is_spike",
    "mean_abs_difference",
    "overlap",
    "small_luma",
    "small_rgb",
    "small_size",
]
