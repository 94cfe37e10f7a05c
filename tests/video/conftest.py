"""Both readers of frames; and the sandbox is tried on the clips of a small bench."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import bench, made_bench
from vbench.errors import ClipError
from vbench.video import probe, read_frames
from vbench.video.device_frames import check_torchcodec, read_device_frames

__all__ = ["bench", "made_bench"]


@pytest.fixture(params=["pyav", "torchcodec", pytest.param("nvdec", marks=pytest.mark.gpu)])
def read(request: pytest.FixtureRequest) -> Any:
    """Both readers of frames; what they give of a file must not differ but in rounding."""
    if request.param == "pyav":
        return read_frames
    device = {"torchcodec": "cpu", "nvdec": "cuda:0"}[request.param]
    check_torchcodec(device)

    def decoded(path: Any) -> Any:
        try:
            yield from read_device_frames(path, probe(path), device=device)
        except ClipError as error:
            if "NVDEC does not decode" not in str(error):
                raise
            pytest.skip(str(error))  # it takes no pictures as small as these in most codecs

    return decoded
