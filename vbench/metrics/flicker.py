"""Unrest of the picture that no motion explains."""

from __future__ import annotations

import numpy as np

from vbench.contracts import Flow, Measure, Metric, Picture, Rates, Series, Steps
from vbench.errors import MetricError
from vbench.metrics.breaks import cut_positions, is_black

TEXTURE_FLOOR = 0.7
"""Levels per pixel added to the texture: in a plain picture a flicker of 0.7 levels is one pixel's worth."""


def broken_steps(steps: Steps) -> np.ndarray:
    """Distinct frames that begin a shot, or touch black, shape (N,): no measure of flow or flicker reaches across."""
    broken = np.zeros(len(steps.t_s), bool)
    broken[cut_positions(steps)] = True
    black = is_black(steps)
    broken |= black | np.r_[False, black[:-1]]
    return broken


def brightness_flicker(steps: Steps) -> Measure:
    r"""How much the light flips from frame to frame.

    .. math:: \operatorname{mean}_t \operatorname{median}_k |L_{t-1,k} - 2 L_{t,k} + L_{t+1,k}| / 2

    over the mean luma L of 8 x 8 tiles k on distinct frames t, in 8-bit levels. The second difference is zero for a
    fade and for a steady pan; the median over tiles leaves out what moves through a few of them. Triples across a cut
    or black are left out. Range [0, 255], lower is calmer.

    Raises:
        MetricError: no three distinct frames in a row within a shot.
    """
    flicker = light_flips(steps)
    return Measure(float(flicker.value.mean()), flicker)


def light_flips(steps: Steps) -> Series:
    """`brightness_flicker` over time, at the middle one of each three frames."""
    second = np.abs(steps.tiles[:-2] - 2 * steps.tiles[1:-1] + steps.tiles[2:]) / 2
    broken = broken_steps(steps)
    whole = ~(broken[1:-1] | broken[2:]) if len(broken) > 2 else np.zeros(0, bool)
    if not whole.any():
        raise MetricError("flicker needs three different frames in a row, the clip has none", code=_code(steps))
    return Series(steps.t_s[1:-1][whole], np.median(second[whole], axis=1).astype(np.float64))


def relative_flicker(steps: Steps, picture: Picture) -> Measure:
    """`flicker` over the steepness of the picture: how far a step of the picture would change a point as much.

    In pixels of the small copy, [0, inf), lower is calmer. More contrast changes both alike, so that a vivid clip does
    not flicker more than a dull one.

    Raises:
        MetricError: no three distinct frames in a row within a shot.
    """
    flicker = light_flips(steps)
    value = flicker.value / (np.interp(flicker.t_s, picture.t_s, picture.texture) + TEXTURE_FLOOR)
    return Measure(float(value.mean()), Series(flicker.t_s, value))


def _code(steps: Steps) -> str:
    return "too_short" if steps.n_frames < 3 else "undefined"


def compensated_residual(flow: Flow, steps: Steps) -> Measure:
    """Mean luma difference to the frame 1/8 s later after undoing the motion, over pixels whose flow is reliable.

    In 8-bit levels, lower is better; pairs across a cut or black, and pairs of which under 10 % of the pixels have
    reliable flow, are left out.

    Raises:
        MetricError: no such pair.

    Source:
        The warping error of Lai et al. 2018, arXiv:1808.00449, on frames 1/8 s apart.
    """
    whole = within_shots(flow, steps) & (flow.valid >= 0.1)
    if not whole.any():
        raise MetricError(
            "the residual needs two frames of one shot with flow to follow, the clip has none", code="undefined"
        )
    return Measure(float(flow.residual[whole].mean()), Series(flow.t_s[whole], flow.residual[whole]))


def within_shots(flow: Flow, steps: Steps) -> np.ndarray:
    """Pairs that do not reach across a cut or black, shape (P,)."""
    broken = steps.frame[broken_steps(steps)]
    if not len(broken):
        return np.ones(len(flow.t_s), bool)
    first = np.searchsorted(steps.t_s, flow.t_s + 1e-6, side="right") - 1
    low = steps.frame[np.clip(first, 0, None)]
    return np.array([not ((broken > a) & (broken <= b)).any() for a, b in zip(low, flow.frame, strict=True)])


FLICKER = Metric(
    name="flicker",
    version=3,
    inputs=("steps",),
    compute=brightness_flicker,
    unit="levels",
    higher_is_better=False,
    bounds=(0.0, 255.0),
    group="temporal",
    min_frames=3,
    about="How much the light flips from frame to frame, in 8-bit levels; motion and fades do not count.",
)
FLICKER_RELATIVE = Metric(
    name="flicker_relative",
    version=1,
    inputs=("steps", "picture"),
    compute=relative_flicker,
    unit="px",
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    group="temporal",
    min_frames=3,
    about="Flicker over the clip's own texture, so that contrast does not count as flicker; pixels at 192 lines.",
)
FLICKER_HF = Metric(
    name="flicker_hf",
    version=3,
    inputs=("shimmer",),
    compute=Rates.mean,
    unit="levels",
    higher_is_better=False,
    bounds=(0.0, 255.0),
    group="temporal",
    min_frames=3,
    about="How much still parts of the picture shimmer from frame to frame, in 8-bit levels.",
)
WARP_RESIDUAL = Metric(
    name="warp_residual",
    version=3,
    inputs=("flow", "steps"),
    compute=compensated_residual,
    unit="levels",
    higher_is_better=False,
    bounds=(0.0, 255.0),
    group="temporal",
    min_frames=2,
    about="What changes within 1/8 s beyond motion, in 8-bit levels: boiling texture, melting shapes.",
)
