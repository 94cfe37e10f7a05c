"""Our measures against public sets of people's ratings: load a set, score it, say how well they agree."""

from __future__ import annotations

from vbench.validate.run import RatedAgreement, ValidationRow, validate
from vbench.validate.sets import SETS, RatedSet

__all__ = ["SETS", "RatedAgreement", "RatedSet", "ValidationRow", "validate"]
