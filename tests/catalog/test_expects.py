"""What a prompt asks a clip to show."""

from __future__ import annotations

import pytest

from vbench.catalog.expects import Expects


def test_scene_gives_length_and_camera() -> None:
    scene = {"background": {"colour": "blue"}, "objects": [{"shape": "star", "colour": "red"}], "camera": "zoom_in"}
    expects = Expects.model_validate({"scene": scene})
    assert (expects.seconds, expects.camera, expects.cuts) == (3.0, "zoom_in", 0)
    with pytest.raises(ValueError, match="not those of the scene"):
        Expects.model_validate({"scene": scene, "camera": "static"})
