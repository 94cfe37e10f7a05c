"""Groups of measures into one number with weights of their own, instead of the headline's equal ones."""

from __future__ import annotations

import math
from collections.abc import Mapping

from vbench.contracts import Measure


def weighted_mean(values: Mapping[str, float], weights: Mapping[str, float]) -> Measure:
    """Weighted geometric mean of the groups there are; 0 as soon as one is 0, so that stillness cannot pay.

    Args:
        values: Groups, 0 to 100.
        weights: Above 0, for each of them; those of groups that are not there are left out.
    """
    if min(values.values()) <= 0.0:
        return Measure(0.0)
    total = sum(weights[name] for name in values)
    return Measure(math.exp(sum(weights[name] * math.log(value) for name, value in values.items()) / total))
