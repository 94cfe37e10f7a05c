"""Tasks are started from a page: its small bench and the page over it."""

from __future__ import annotations

from tests.web.conftest import bench, made_bench, page, takes, visit

__all__ = ["bench", "made_bench", "page", "takes", "visit"]
