"""What tests of the first stage share: a bench, and pauses too short to notice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vbench.bench import Bench
from vbench.generate import job_runner, worker


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path / "bench") as opened:
        yield opened


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that a test need not wait for."""
    monkeypatch.setattr(job_runner, "POLL_S", 0.01)
    monkeypatch.setattr(job_runner, "FETCH_PAUSE_S", 0.01)
    monkeypatch.setattr(job_runner, "STORE_PAUSES_S", (0.01, 0.01))
    monkeypatch.setattr(worker, "IDLE_S", 0.01)
    monkeypatch.setattr(worker, "HEARTBEAT_S", 0.02)
