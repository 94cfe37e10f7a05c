"""Fit the lines of `*_gated` on the clips of a bench: how steady are they at the motion they have?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.metrics.gated import liveliness, roughness

SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
MIN_CLIPS = 20
MOTION = "motion_coherent"
CONSISTENCIES = ("appearance_consistency", "temporal_consistency")


def calibrate(bench: Bench, out: Path, *, about: str = "") -> list[Mapping[str, Any]]:
    """Write a reference file for all embeddings the bench was scored with, and return its entries.

    Raises:
        OptionError: fewer than 20 clips have both a consistency and `motion_coherent`, or the file cannot be written.
    """
    needed = bench.score_records(metrics=[*CONSISTENCIES, MOTION])
    scores = {(score.key.metric, score.key.clip): score for score in needed}
    moving = {clip for metric, clip in scores if metric == MOTION}
    entries: list[Mapping[str, Any]] = []
    for name in CONSISTENCIES:
        clips = sorted(moving & {clip for metric, clip in scores if metric == name})
        if len(clips) < MIN_CLIPS:
            continue
        steady, motion = ([scores[metric, clip] for clip in clips] for metric in (name, MOTION))
        x = np.array([liveliness(score.value) for score in motion])
        y = np.array([roughness(score.value) for score in steady])
        slope, shares, intercepts = parallel_lines(x, y)
        params = {key: value for score in (steady[0], motion[0]) for key, value in score.key.params.items()}
        entries.append(
            {
                "consistency": f"{name} {steady[0].key.version}",
                "motion": f"{MOTION} {motion[0].key.version}",
                "n_clips": len(clips),
                "params": params,
                "slope": round(slope, 4),
                "shares": list(shares),
                "intercepts": [round(value, 4) for value in intercepts],
            }
        )
    if not entries:
        raise OptionError(
            f"fewer than {MIN_CLIPS} clips have {MOTION} and one of {', '.join(CONSISTENCIES)}; "
            "score a larger bench first (vbench score)"
        )
    document = json.dumps({"about": about, "references": entries}, indent=1) + "\n"
    try:
        out.write_text(document, encoding="utf-8")
    except OSError as error:
        raise OptionError(f"--out {out}: {error.strerror}; name a file in a folder that can be written") from None
    return entries


def parallel_lines(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, Sequence[float], Sequence[float]]:
    """Slope, shares and intercepts of lines y = a + b x with the given shares of points below them, and of 0 and 1.

    One slope for all, so that lines of a small set cannot cross: composite quantile regression (Zou & Yuan 2008,
    arXiv:0806.2905), a linear program in the intercepts, the slope, and what each point is above and below each line.
    """
    n, q = len(x), len(SHARES)
    cost = np.concatenate([np.zeros(q + 1), np.repeat(SHARES, n), 1 - np.repeat(SHARES, n)])
    lines = np.hstack([np.kron(np.eye(q), np.ones((n, 1))), np.tile(x, q)[:, None]])
    both = np.hstack([lines, np.eye(n * q), -np.eye(n * q)])
    bounds = [(None, None)] * (q + 1) + [(0, None)] * (2 * n * q)
    found = linprog(cost, A_eq=both, b_eq=np.tile(y, q), bounds=bounds, method="highs").x
    slope = float(found[q])
    left = y - slope * x
    intercepts = np.maximum.accumulate(np.concatenate([[left.min()], found[:q], [left.max()]]))
    return slope, (0.0, *SHARES, 1.0), [float(value) for value in intercepts]
