"""The weights-free descriptor of a picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from vbench.features.appearance import describe


def test_appearance_sees_another_colour_but_not_another_place() -> None:
    def disc(x: Any, colour: Any) -> Any:
        picture = np.full((192, 320, 3), 90, np.uint8)
        return describe(cv2.circle(picture, (x, 96), 50, colour, -1))

    here, there, other = disc(120, (220, 40, 40)), disc(130, (220, 40, 40)), disc(120, (40, 60, 220))
    assert np.linalg.norm(here) == pytest.approx(1.0, abs=1e-5)
    assert here @ there > here @ other + 0.02
