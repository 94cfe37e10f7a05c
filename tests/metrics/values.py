"""Feature values by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from vbench.contracts import Flow, Steps


def make_steps(
    *,
    n: Any,
    fps: Any,
    change: Any = None,
    colour: Any = None,
    hue: Any = None,
    lost: Any = None,
    dark: Any = None,
    tiles: Any = None,
    held: Any = None,
    moved: Any = None,
    mean: Any = None,
    n_frames: Any = None,
) -> Any:
    """`n` distinct frames at `fps`; mappings give what differs from a quiet clip at a position."""

    def column(given: Any, default: Any, first: Any = None) -> Any:
        values = np.full(n, default, float)
        if first is not None:
            values[0] = first
        for k, value in (given or {}).items():
            values[k] = value
        return values

    held_s = column(held, 1 / fps)
    t_s = np.concatenate([[0.0], np.cumsum(held_s)[:-1]])
    return Steps(
        n_frames=n_frames or n,
        duration_s=float(held_s.sum()),
        t_s=t_s,
        frame=np.round(t_s * fps).astype(np.int64),
        held_s=held_s,
        moved=np.ones(n, bool) if moved is None else np.asarray(moved, bool),
        change=column(change, 2.0, first=0.0),
        colour_change=column(colour, 0.02, first=0.0),
        hue_change=column(hue, 0.5, first=0.0),
        lost=column(lost, np.nan),
        mean_luma=column(mean, 100.0),
        dark_share=column(dark, 0.0),
        tiles=np.full((n, 64), 100, np.float32) if tiles is None else np.asarray(tiles, np.float32),
    )


def make_flow(n: Any, **columns: Any) -> Any:
    """`n` pairs 1/8 s apart of a 24 fps clip; columns replace zeros."""
    names = ("median", "p95", "camera", "subject", "residual", "jerk")
    plain = {name: np.zeros(n) for name in names} | {"valid": np.ones(n), "inliers": np.ones(n)}
    plain |= {"move": np.zeros((n, 4))}
    plain |= {name: np.broadcast_to(value, plain[name].shape).astype(float) for name, value in columns.items()}
    return Flow(t_s=np.arange(n) / 8, frame=3 * np.arange(1, n + 1), **plain)
