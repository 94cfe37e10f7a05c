"""How much moves, what of it is the camera, and how smoothly; lengths are in frame diagonals."""

from __future__ import annotations

import numpy as np

from vbench.contracts import Floats, Flow, Measure, Metric, Series, Steps
from vbench.errors import MetricError
from vbench.metrics.flicker import within_shots


def _over_time(values: Floats, flow: Flow, steps: Steps) -> Measure:
    whole = within_shots(flow, steps)
    if not whole.any():
        raise MetricError("motion needs two frames of one shot, the clip has none", code="undefined")
    return Measure(float(values[whole].mean()), Series(flow.t_s[whole], values[whole]))


def motion_amount(flow: Flow, steps: Steps) -> Measure:
    """Mean over time of the median over pixels of the flow's length, diagonals per second; pairs across cuts left out.

    0 where only a small thing moves; `motion_p95` sees that.
    """
    return _over_time(flow.median, flow, steps)


def motion_p95(flow: Flow, steps: Steps) -> Measure:
    """Mean over time of the 95th percentile over pixels of the flow's length, diagonals per second."""
    return _over_time(flow.p95, flow, steps)


def motion_camera(flow: Flow, steps: Steps) -> Measure:
    """Mean length of the part of the flow that one homography (RANSAC) explains, diagonals per second."""
    return _over_time(flow.camera, flow, steps)


def motion_subject(flow: Flow, steps: Steps) -> Measure:
    """Mean length of what the camera's homography leaves over reliable pixels, diagonals per second."""
    return _over_time(flow.subject, flow, steps)


def motion_jerk(flow: Flow, steps: Steps) -> Measure:
    """Mean change of the velocity along its own path in 1/8 s, over the mean velocity; 0 for an even motion.

    Raises:
        MetricError: no three frames 1/8 s apart within a shot.
    """
    inside = within_shots(flow, steps)
    whole = inside & np.r_[False, inside[:-1]] & ~np.isnan(flow.jerk)  # jerk reaches back into the pair before
    if not whole.any():
        raise MetricError(
            "jerk needs three different frames 1/8 s apart in one shot, the clip has none", code="undefined"
        )
    return Measure(float(flow.jerk[whole].mean()), Series(flow.t_s[whole], flow.jerk[whole]))


def motion_coherent(flow: Flow, steps: Steps) -> Measure:
    r"""The part of `motion_p95` that can be followed, diagonals per second.

    .. math:: \operatorname{mean}_t (p95_t \, valid_t) / (1 + jerk)^2

    Where things jump about or turn into others, flow is long but leads nowhere: it does not lead back, and changes
    from one 1/8 s to the next. 0 for a still picture.

    Raises:
        MetricError: something moves, and there are no three frames 1/8 s apart within a shot.
    """
    followed = _over_time(flow.p95 * flow.valid, flow, steps)
    if followed.value == 0.0:
        return Measure(0.0)
    return Measure(followed.value / (1.0 + motion_jerk(flow, steps).value) ** 2)


def motion_followed(flow: Flow, steps: Steps) -> Measure:
    """Mean over time of the share of the picture whose flow leads back to where it came from (within 0.5 px + 5 %).

    1 for a still picture and for a steady move; what melts, boils or turns into something else cannot be followed.
    """
    return _over_time(flow.valid, flow, steps)


MOTION_AMOUNT = Metric(
    name="motion_amount",
    version=2,
    inputs=("flow", "steps"),
    compute=motion_amount,
    unit="diagonals/s",
    higher_is_better=None,
    bounds=(0.0, float("inf")),
    group="motion",
    min_frames=2,
    about="How fast the middle of the picture's points moves; 0 where only a small thing moves.",
)
MOTION_P95 = Metric(
    name="motion_p95",
    version=2,
    inputs=("flow", "steps"),
    compute=motion_p95,
    unit="diagonals/s",
    higher_is_better=None,
    bounds=(0.0, float("inf")),
    group="motion",
    min_frames=2,
    about="How fast the liveliest twentieth of the picture moves.",
)
MOTION_CAMERA = Metric(
    name="motion_camera",
    version=2,
    inputs=("flow", "steps"),
    compute=motion_camera,
    unit="diagonals/s",
    higher_is_better=None,
    bounds=(0.0, float("inf")),
    group="motion",
    min_frames=2,
    about="The part of the motion that a move of the camera explains.",
)
MOTION_SUBJECT = Metric(
    name="motion_subject",
    version=2,
    inputs=("flow", "steps"),
    compute=motion_subject,
    unit="diagonals/s",
    higher_is_better=None,
    bounds=(0.0, float("inf")),
    group="motion",
    min_frames=2,
    about="The part of the motion that the camera does not explain: what moves in the scene.",
)
MOTION_COHERENT = Metric(
    name="motion_coherent",
    version=2,
    inputs=("flow", "steps"),
    compute=motion_coherent,
    unit="diagonals/s",
    higher_is_better=None,
    bounds=(0.0, float("inf")),
    group="motion",
    min_frames=2,
    about="How much of the liveliest motion can be followed from frame to frame: disorder is no motion.",
)
MOTION_JERK = Metric(
    name="motion_jerk",
    version=2,
    inputs=("flow", "steps"),
    compute=motion_jerk,
    unit="ratio",
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    group="motion",
    min_frames=3,
    about="How unevenly things move: change of velocity within 1/8 s over the velocity.",
)
MOTION_FOLLOWED = Metric(
    name="motion_followed",
    version=1,
    inputs=("flow", "steps"),
    compute=motion_followed,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="motion",
    min_frames=2,
    about="Share of the picture that can be followed to the next 1/8 s and back: what melts or boils cannot.",
)
