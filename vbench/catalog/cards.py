"""Model cards: one YAML file per tool, checked; a complaint names file, line and what to write instead."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class ModelCard(BaseModel):
    """A tool under test, as its file under `models/` describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    name: str
    adapter: str
    status: Literal["active", "deprecated", "retired"] = "active"
    options: dict[str, Any] = Field(default_factory=dict)
    """What the adapter needs to know; each adapter checks its own."""
