"""A bench of two drawn tools, one of them wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.judge.drawn import add_drawn
from vbench.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Two prompts of two tools: `right` draws what is asked, `wrong` something else."""
    with Bench.open(tmp_path / "bench") as opened:
        for name in ("circle", "two"):
            add_drawn(opened, tmp_path, "right", name)
            add_drawn(opened, tmp_path, "wrong", name, wrong=True)
        yield opened
