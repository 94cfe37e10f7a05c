"""Which way the camera moves, and whether that is what the prompt asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Floats, Flow, Measure, Metric, Series, Steps
from vbench.errors import MetricError
from vbench.metrics.flicker import within_shots
from vbench.records import Prompt

STATIC_SPEED = 0.012
"""Mean motion of the picture by the camera, in diagonals per second, below which it counts as static."""
LEVER = 0.28
"""Mean distance of a point of the picture from its centre in diagonals: turns growth and roll into speeds."""
SURE = 0.35
"""Share of points that the camera's model must explain over half a second; below, it is chance and no move."""
SMOOTH = 4
"""Pairs of 1/8 s that are averaged: half a second."""
MOVES = ("pan_left", "pan_right", "tilt_up", "tilt_down", "zoom_in", "zoom_out", "roll_cw", "roll_ccw")
FAMILIES: dict[str, tuple[str, ...]] = {
    **{move: (move,) for move in (*MOVES, "static")},
    "truck_left": ("pan_left",),
    "truck_right": ("pan_right",),
    "dolly_in": ("zoom_in",),
    "dolly_out": ("zoom_out",),
    "crane_up": ("tilt_up",),
    "crane_down": ("tilt_down",),
    "orbit": ("pan_left", "pan_right"),
}
"""What one homography can tell: a truck looks like a pan, a dolly like a zoom, an orbit like a pan either way."""


def speeds(move: Floats) -> Floats:
    """`Flow.move` (P, 4) → speed of each of `MOVES` in diagonals per second, opposite ones with opposite sign, (P, 8).

    A camera that pans right shifts its picture left; one that tilts down shifts it up; one that rolls clockwise turns
    it counterclockwise.
    """
    right, down, growth, turn = move.T
    zoom, roll = growth * LEVER, turn * LEVER
    return np.stack([right, -right, down, -down, zoom, -zoom, -roll, roll], axis=1)


def recognised(flow: Flow, steps: Steps) -> tuple[list[str], NDArray[np.bool_]]:
    """The move at each pair of the clip (half-second mean), and which pairs lie within shots.

    One of `MOVES`, `static`, or `unclear` where no camera explains the picture: it boils, blurs, or turns into another.
    """
    whole = within_shots(flow, steps)
    kernel = np.ones(min(SMOOTH, max(1, len(flow.t_s))))
    weight = np.convolve(whole.astype(float), kernel, "same")
    masked = np.where(whole[:, None], flow.move, 0.0)
    mean = np.stack([np.convolve(column, kernel, "same") for column in masked.T], axis=1)
    strength = speeds(mean / np.maximum(weight, 1e-9)[:, None])
    explained = np.convolve(np.where(whole, flow.inliers, 0.0), kernel, "same") / np.maximum(weight, 1e-9)
    best = strength.argmax(axis=1)
    names = [MOVES[k] if strength[i, k] >= STATIC_SPEED else "static" for i, k in enumerate(best)]
    names = [name if sure else "unclear" for name, sure in zip(names, explained >= SURE, strict=True)]
    return names, whole


def camera_move(flow: Flow, steps: Steps, prompt: Prompt) -> Measure:
    """Share of the time in which the camera does what the prompt expects, in [0, 1].

    Raises:
        MetricError: the prompt expects no move (`not_applicable`), or one that a picture's shift, growth and turn
            cannot tell (handheld), or the clip has no two frames of one shot.
    """
    wanted = prompt.expects.get("camera")
    if wanted is None:
        raise MetricError(
            "the prompt says nothing of the camera; set expects.camera to check it", code="not_applicable"
        )
    if wanted not in FAMILIES:
        raise MetricError(
            f"a {wanted} camera cannot be told from the picture's shift, growth and turn", code="not_applicable"
        )
    names, whole = recognised(flow, steps)
    if not whole.any():
        raise MetricError("the camera's move needs two frames of one shot, the clip has none", code="undefined")
    right = np.array([name in FAMILIES[wanted] for name in names], float)
    return Measure(float(right[whole].mean()), Series(flow.t_s[whole], right[whole]))


CAMERA_MOVE = Metric(
    name="camera_move",
    version=3,
    inputs=("flow", "steps", "prompt"),
    compute=camera_move,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="motion",
    min_frames=2,
    about="Share of the time in which the camera moves as the prompt expects.",
)
