"""Shapes that measures have, with their true means: for tests of coverage and level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Draw = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]


@dataclass(frozen=True)
class Shape:
    """A distribution of values over prompts."""

    draw: Draw
    mean: float
    bounds: tuple[float, float]


def _at_bound(rng: np.random.Generator, size: tuple[int, ...]) -> NDArray[np.float64]:
    return np.where(rng.random(size) < 0.8, 1.0, rng.random(size))


SHAPES = {
    "normal": Shape(lambda rng, size: rng.normal(size=size), 0.0, (-np.inf, np.inf)),
    "exponential": Shape(lambda rng, size: rng.exponential(size=size), 1.0, (0.0, np.inf)),
    "lognormal": Shape(lambda rng, size: rng.lognormal(0.0, 1.0, size), float(np.exp(0.5)), (0.0, np.inf)),
    "near a bound": Shape(lambda rng, size: rng.beta(9.0, 0.5, size), 9 / 9.5, (0.0, 1.0)),
    "80 % at a bound": Shape(_at_bound, 0.9, (0.0, 1.0)),
    "rare counts": Shape(lambda rng, size: rng.poisson(0.3, size).astype(float), 0.3, (0.0, np.inf)),
}
