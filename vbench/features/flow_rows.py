"""Flow fields between frames 1/8 s apart, each reduced to one row of `contracts.Flow`, whatever made them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Bytes, Flow
from vbench.errors import MetricError

SETTINGS = {
    "flow.backend": "optical flow: dis (OpenCV, CPU) or raft (torchvision); default raft on CUDA where its weights "
    "are part of the preset, else dis",
    "raft.model": "file of RAFT large weights; default torchvision's C_T_SKHT_V2 in torch's cache",
}
"""Of both backends, as the choice between them is one of the settings."""
STILL_S = 0.3
"""A picture held longer than this counts as standing still, shorter as a low frame rate."""
LOOK_STEP = 2
"""Every other pixel each way is looked at: a flow field is smooth, and a mean over a quarter of its pixels the same."""
CAMERA_STEP, CAMERA_PX = 8, 0.75
"""Spacing of the points the camera model is fitted to, and how far one may lie off, in pixels of the small copy."""
MIN_EXPLAINED = 0.2
"""Share of points below which the best homography is no camera but chance."""
JERK_FLOOR_PX = 0.25
"""Added to the mean flow, so that the jerk of a nearly still clip is not noise over nothing."""


class FlowRows:
    """Reduces flow fields to rows of numbers; holds one field at a time."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []
        self._moves: list[NDArray[np.float64]] = []
        self._before: tuple[NDArray[np.float32], float] | None = None

    def still(self, t_s: float, index: int) -> None:
        """A stretch in which the same picture stays."""
        self._rows.append((t_s, index, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, np.nan))
        self._moves.append(np.zeros(4))
        self._before = None

    def add(
        self,
        t0_s: float,
        t1_s: float,
        index: int,
        first: Bytes,
        second: Bytes,
        forward: NDArray[np.float32],
        backward: NDArray[np.float32],
    ) -> None:
        """One pair.

        Args:
            t0_s: When the first frame appears, seconds.
            t1_s: When the second does.
            index: Index of the second in the file.
            first: Luma (h, w).
            second: Luma (h, w).
            forward: Flow first → second, pixels (h, w, 2).
            backward: Flow second → first.
        """
        dt = t1_s - t0_s
        scale = 1.0 / (float(np.hypot(*first.shape)) * dt)
        seen = np.ascontiguousarray(forward[::LOOK_STEP, ::LOOK_STEP])
        median, p95 = np.percentile(cv2.magnitude(seen[..., 0], seen[..., 1]), (50, 95))
        valid = agreeing(seen, backward)
        n_valid = int(np.count_nonzero(valid))
        camera, subject, move, inliers = camera_part(forward, valid)
        before = first[::LOOK_STEP, ::LOOK_STEP]
        explained = cv2.absdiff(before, followed(second, seen))
        # what the flow cannot follow counts uncompensated: else the worse the match, the fewer pixels would be judged
        plain = cv2.absdiff(before, second[::LOOK_STEP, ::LOOK_STEP])
        residual = float(cv2.mean(np.where(valid, explained, plain))[0])
        jerk = np.nan
        if self._before is not None and self._before[0].shape == seen.shape:
            velocity, dt_before = self._before
            off = followed(forward, velocity) / dt - velocity / dt_before  # u(t+1) where each point has gone
            floor = JERK_FLOOR_PX / dt
            mean_speed = float(cv2.magnitude(velocity[..., 0], velocity[..., 1]).mean()) / dt_before
            jerk = float(cv2.magnitude(off[..., 0], off[..., 1]).mean()) / (mean_speed + floor)
        self._before = (seen, dt)
        rates = (median * scale, p95 * scale, camera * scale, subject * scale)
        self._rows.append((t0_s, index, *map(float, rates), inliers, residual, n_valid / valid.size, jerk))
        self._moves.append(move * np.array([scale, scale, 1 / dt, 1 / dt]))

    def close(self) -> Flow:
        if not self._rows:
            raise MetricError(
                "motion needs two frames 1/8 s apart or a picture that stays; the clip has neither", code="too_short"
            )
        columns = np.array(self._rows, np.float64).T
        t_s, index, median, p95, camera, subject, inliers, residual, valid, jerk = columns
        return Flow(
            t_s=t_s,
            frame=index.astype(np.int64),
            median=median,
            p95=p95,
            camera=camera,
            subject=subject,
            move=np.stack(self._moves),
            inliers=inliers,
            residual=residual,
            valid=valid,
            jerk=jerk,
        )


def agreeing(forward: NDArray[np.float32], backward: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels whose flow leads back to where it came from, within 0.5 px + 5 %, and that stay in the frame.

    Args:
        forward: Flow at every `LOOK_STEP`-th pixel, (ceil(h / 2), ceil(w / 2), 2).
        backward: Flow back at every pixel, (h, w, 2).
    """
    height, width = backward.shape[:2]
    x, y = grid(height, width)
    to_x, to_y = x + forward[..., 0], y + forward[..., 1]
    back = cv2.remap(backward, to_x, to_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    off = cv2.magnitude(forward[..., 0] + back[..., 0], forward[..., 1] + back[..., 1])
    length = cv2.magnitude(forward[..., 0], forward[..., 1])
    inside = (to_x > -0.5) & (to_x < width - 0.5) & (to_y > -0.5) & (to_y < height - 0.5)
    return np.asarray((off < 0.5 + 0.05 * length) & inside)


def camera_part(flow: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[float, float, NDArray[np.float64], float]:
    """What of the flow one homography explains.

    Args:
        flow: At every pixel, (h, w, 2).
        valid: Where it can be believed, at every `LOOK_STEP`-th pixel.

    Returns:
        Mean length of the camera's part and of the rest over valid pixels (pixels); the camera's move as (shift right,
        shift down, log growth, turn clockwise in rad) of the picture; the share of points the model explains.
    """
    height, width = flow.shape[:2]
    x, y = grid(height, width)
    half = CAMERA_STEP // 2
    chosen = (slice(half // LOOK_STEP, None, CAMERA_STEP // LOOK_STEP),) * 2
    keep = valid[chosen].ravel()
    centre = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    points = np.stack([x[chosen].ravel(), y[chosen].ravel()], axis=1) - centre
    shifts = flow[half::CAMERA_STEP, half::CAMERA_STEP].reshape(-1, 2)
    rest = float(np.hypot(shifts[:, 0], shifts[:, 1]).mean())
    if np.count_nonzero(keep) < 8:
        return 0.0, rest, np.zeros(4), 0.0
    source, target = points[keep], (points + shifts)[keep]
    matrix, inside = cv2.findHomography(source, target, cv2.RANSAC, CAMERA_PX)
    if matrix is None or inside.mean() < MIN_EXPLAINED:
        return 0.0, rest, np.zeros(4), 0.0 if matrix is None else float(inside.mean())
    moved = cv2.perspectiveTransform(points[:, None].astype(np.float64), matrix)[:, 0] - points
    moved = np.clip(moved, -width, width)
    camera = float(np.hypot(moved[:, 0], moved[:, 1]).mean())
    off = (shifts - moved)[keep]
    subject = float(np.hypot(off[:, 0], off[:, 1]).mean())
    return camera, subject, _similarity(points, moved), float(inside.mean())


def _similarity(points: NDArray[np.float32], moved: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least-squares shift, log growth and turn of points about the centre."""
    shift = moved.mean(axis=0)
    z = points[:, 0] + 1j * points[:, 1]
    z = z - z.mean()
    w = (moved - shift) @ np.array([1, 1j])
    ratio = 1 + np.vdot(z, w) / np.vdot(z, z)
    return np.array([shift[0], shift[1], float(np.log(max(abs(ratio), 1e-6))), float(np.angle(ratio))])


@lru_cache(maxsize=8)
def grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x and y of every `LOOK_STEP`-th pixel of a frame of this size, each float32."""
    columns, rows = np.arange(0, width, LOOK_STEP, dtype=np.float32), np.arange(0, height, LOOK_STEP, dtype=np.float32)
    x, y = np.meshgrid(columns, rows)
    return x, y


def followed(second: NDArray[Any], flow: NDArray[np.float32]) -> Any:
    """second(x + u) at every `LOOK_STEP`-th pixel: what `first` would look like if motion were all that changed.

    Args:
        second: Luma or a field at every pixel, (h, w) or (h, w, 2).
        flow: At every `LOOK_STEP`-th pixel.
    """
    x, y = grid(*second.shape[:2])
    return cv2.remap(second, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
