"""The sandbox is tried on the clips of a small bench."""

from tests.web.conftest import bench, made_bench

__all__ = ["bench", "made_bench"]
