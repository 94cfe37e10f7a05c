"""Drives an adapter against a fake the way generating does, with no pauses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hosted import Fake
from vbench.adapters import ADAPTERS, Adapter
from vbench.catalog.cards import ModelCard, find_card
from vbench.errors import VBenchError
from vbench.records import Handle, Plan, Prompt, Provenance, Request, Status

REQUEST = Request(prompt=Prompt(id="cat", text="a cat on a roof"), seed=7)


@dataclass
class Run:
    """All that one job brought."""

    plan: Plan
    handle: Handle | None = None
    statuses: list[Status] = field(default_factory=list)
    file: Path | None = None
    provenance: Provenance | None = None
    error: VBenchError | None = None

    @property
    def end(self) -> str:
        """One word for how it ended."""
        if self.error is not None:
            return getattr(self.error, "code", type(self.error).__name__)
        return "file" if self.file else self.statuses[-1].reason or self.statuses[-1].state


def drive(adapter: Adapter, out: Path, request: Request = REQUEST, *, polls: int = 12) -> Run:
    """Plan, submit, poll until the end, fetch; an error ends it and is kept."""
    run = Run(plan=adapter.plan(request))
    try:
        run.handle = adapter.submit(run.plan)
        for _ in range(polls):
            status = adapter.poll(run.handle)
            run.statuses.append(status)
            run.handle = status.handle or run.handle
            if status.state not in {"submitted", "running"}:
                break
        if run.statuses[-1].state == "succeeded":
            run.file, run.provenance = adapter.fetch(run.handle, out)
    except VBenchError as error:
        run.error = error
    return run


@contextmanager
def hosted(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, *, key: str | None = None, **changes: Any
) -> Iterator[tuple[Adapter, list[float]]]:
    """The adapter of the fake's own card, pointed at the fake, and the pauses it would have made."""
    spec = fake.spec
    monkeypatch.setenv(spec.env, fake.base_url)
    monkeypatch.setenv(spec.key_env, fake.key if key is None else key)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "fake-project")
    pauses: list[float] = []
    adapter = ADAPTERS[card(spec.card).adapter](card(spec.card, **changes), sleep=pauses.append)
    try:
        yield adapter, pauses
    finally:
        adapter.close()


def card(name: str, **changes: Any) -> ModelCard:
    """A built-in card that may be spoken to on this machine."""
    return find_card(name).model_copy(update={"local": True, "status": "active", "retired_on": None, **changes})
