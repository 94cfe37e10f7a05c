"""The contract of scoring: what a feature is, what a metric is, and the typed values that pass between them.

A clip is decoded once. *Features* are made from its frames, each once, and shared; *metrics* are pure functions of
features. To add a metric: write a function of feature values and a `Metric` declaration, and register its name. To add
a feature: subclass `StreamFeature` (numpy on the CPU, beside the decoder), `DeviceFeature` (a backbone over frames,
batched across clips) or `TextFeature` (of the prompt alone), and register the class.

What features hand to metrics is numpy, so that nothing but a backbone needs torch.
Time is in seconds from the first frame, always: frames are taken on a grid of seconds, never by index.
"""

from __future__ import annotations

from vbench.contracts.feature import (
    Accumulator,
    Collector,
    DeviceFeature,
    Encoder,
    Feature,
    Settings,
    Source,
    StreamFeature,
    TextFeature,
    Weights,
)
from vbench.contracts.frame_choice import (
    SLOW_S,
    AllFrames,
    Evenly,
    Every,
    Frame,
    FrameRequest,
    Kernel,
    Sampler,
    Sampling,
    is_spike,
)
from vbench.contracts.metric import GIVEN, Asked, Combined, Metric
from vbench.contracts.values import (
    GRID_S,
    Bytes,
    Embeddings,
    Floats,
    Flow,
    Measure,
    Moment,
    PairFlow,
    Picture,
    Rates,
    Reference,
    Series,
    Sound,
    Steps,
    TextRows,
)

__all__ = [
    "GIVEN",
    "GRID_S",
    "SLOW_S",
    "Accumulator",
    "AllFrames",
    "Asked",
    "Bytes",
    "Collector",
    "Combined",
    "DeviceFeature",
    "Embeddings",
    "Encoder",
    "Evenly",
    "Every",
    "Feature",
    "Floats",
    "Flow",
    "Frame",
    "FrameRequest",
    "Kernel",
    "Measure",
    "Metric",
    "Moment",
    "PairFlow",
    "Picture",
    "Rates",
    "Reference",
    "Sampler",
    "Sampling",
    "Series",
    "Settings",
    "Sound",
    "Source",
    "Steps",
    "StreamFeature",
    "TextFeature",
    "TextRows",
    "Weights",
    "is_spike",
]
