"""Which pair to show next: the one whose verdict is expected to tighten all ratings most, drawn with known odds."""

from __future__ import annotations

import numpy as np

from vbench.rank.intervals import Floats
from vbench.rank.ratings import posterior

PRIOR_SD = 1.5
"""Spread of strengths expected before any vote, in natural-log odds; keeps an undefeated tool finite."""
UNIFORM_SHARE = 0.1
"""Part of the draws that goes to all pairs alike, so that no pair has odds of 0."""
SHARPNESS = 2.0
"""Power of the gain in the odds: 1 spreads draws in proportion, larger goes after the best pairs."""


def covariance(wins: Floats) -> tuple[Floats, Floats]:
    """Strengths of tools and how uncertain they are; see `vbench.rank.ratings.posterior`.

    Args:
        wins: How often the row's tool was preferred to the column's; a tie is half for each. Shape (K, K).

    Returns:
        Strengths in natural-log odds, shape (K,), and their covariance, shape (K, K).
    """
    return posterior(wins, prior_sd=PRIOR_SD)


def gains(wins: Floats) -> Floats:
    r"""By how much one more verdict on a pair is expected to lower the summed variance of all rating gaps.

    With :math:`x = \Sigma (e_i - e_j)`, :math:`w = p(1-p)` and the gap's variance :math:`v`, a verdict takes
    :math:`w x x^T / (1 + w v)` from the covariance (Sherman-Morrison); summed over all gaps that is
    :math:`w (K |x|^2 - (\sum x)^2) / (1 + w v)`.

    Returns:
        Symmetric, positive off the diagonal, 0 on it; shape (K, K).
    """
    theta, sigma = covariance(wins)
    p = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
    w = p * (1 - p)
    x = sigma[:, :, None] - sigma[:, None, :]  # x[:, i, j] = sigma @ (e_i - e_j)
    v = np.diag(sigma)[:, None] + np.diag(sigma)[None, :] - 2 * sigma
    spread = len(wins) * (x**2).sum(axis=0) - x.sum(axis=0) ** 2
    result: Floats = w * spread / (1 + w * v)
    np.fill_diagonal(result, 0.0)
    return result


def odds(gain: Floats) -> Floats:
    """Probabilities of drawing each of some pairs.

    Args:
        gain: Of the pairs that may be drawn, positive, shape (N,).

    Returns:
        Positive, sum 1, shape (N,).
    """
    powered = gain**SHARPNESS
    result: Floats = (1 - UNIFORM_SHARE) * powered / powered.sum() + UNIFORM_SHARE / len(gain)
    return result
