"""How often one visitor may do something."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from vbench.web.security.rates import RateLimit


def test_rates_refill() -> None:
    now = [0.0]
    limit = RateLimit(60, burst=2, clock=lambda: now[0])
    assert [limit.wait_s("a"), limit.wait_s("a")] == [0, 0]
    assert limit.wait_s("a") == pytest.approx(1.0)
    assert limit.wait_s("b") == 0
    now[0] = 1.01
    assert limit.wait_s("a") == 0
    assert limit.wait_s("a") > 0


def test_writing_too_fast_is_said_with_the_time_to_wait(page: TestClient) -> None:
    answers = [page.post("/api/v1/plan", json={"prompt": "x", "models": ["m"]}) for _ in range(110)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_boards_with_ever_other_filters_are_asked_for_at_a_pace(page: TestClient) -> None:
    codes = [page.get(f"/api/v1/board?tag=water&resolution={i}x{i}").status_code for i in range(45)]
    assert codes[0] == 200
    assert codes[-1] == 429
