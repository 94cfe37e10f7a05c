"""Takes of a small bench of real clips; no page."""

from __future__ import annotations

from tests.web.conftest import bench, made_bench, takes

__all__ = ["bench", "made_bench", "takes"]
