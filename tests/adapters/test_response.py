"""Responses of hosted tools: how long they ask to wait."""

from __future__ import annotations

import email.utils
import types

import pytest

from vbench.adapters import response
from vbench.adapters.response import retry_after_s

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"), [("", None), ("3", 3.0), ("1.5", 1.5), ("-4", 0.0), ("soon", None), ("date+60", 60.0)]
)
def test_retry_after(text: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "time", types.SimpleNamespace(time=lambda: NOW))
    if text == "date+60":
        text = email.utils.formatdate(NOW + 60, usegmt=True)
    assert retry_after_s({"retry-after": text}) == seconds


def test_a_poll_hint_in_milliseconds() -> None:
    assert retry_after_s({"openai-poll-after-ms": "2500", "retry-after": "9"}) == 2.5
