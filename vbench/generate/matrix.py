"""The matrix of tools, prompts and samples: what is asked of every tool, and how each cell of it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from vbench.bench.jobs import Intent
from vbench.records import Plan, Prompt

if TYPE_CHECKING:
    from vbench.catalog.cards import ModelCard

CellState = Literal["new", "open", "done", "ended", "impossible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked of every tool alike, in plain units; None: as the tool does by default."""

    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    audio: bool | None = None
    negative: str = ""
    """Beside the prompt's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A card, and the arm under which its clips are kept apart."""

    card: ModelCard
    arm: str = ""
    """Name of a prompt expansion; empty: prompts as they are."""

    @property
    def label(self) -> str:
        """How its clips are called on the board."""
        return f"{self.card.id}@{self.arm}" if self.arm else self.card.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One clip that is wanted."""

    label: str
    prompt: Prompt
    sample: int
    state: CellState
    plan: Plan | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPlan:
    """A row of the matrix; money, time and space are for the clips that are still to be made."""

    label: str
    adapter: str
    n: Mapping[CellState, int]
    cost_usd: float | None
    """None: at least one clip has no price."""
    hours: float | None
    """None: nobody knows how long a clip takes."""
    disk_bytes: int
    vram_gb: float | None
    warnings: Mapping[str, int]
    """Sentence → for how many clips it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The whole of it."""

    tools: tuple[ToolPlan, ...]
    cells: tuple[Cell, ...] = field(repr=False)

    @property
    def n_new(self) -> int:
        return sum(tool.n.get("new", 0) for tool in self.tools)

    @property
    def cost_usd(self) -> float:
        """Of the clips that have a price."""
        return sum(tool.cost_usd or 0.0 for tool in self.tools)

    @property
    def unpriced(self) -> list[str]:
        """Tools that cost money nobody wrote down."""
        return [tool.label for tool in self.tools if tool.cost_usd is None]

    @property
    def disk_bytes(self) -> int:
        return sum(tool.disk_bytes for tool in self.tools)

    def intents(self) -> list[Intent]:
        """What the journal is to hold."""
        return [
            Intent(label=cell.label, prompt=cell.prompt, sample=cell.sample, plan=cell.plan)
            for cell in self.cells
            if cell.plan is not None and cell.state in ("new", "open", "ended")
        ]

    def as_dict(self) -> dict[str, Any]:
        """JSON values, without the cells."""
        return {
            "tools": [
                {name: getattr(tool, name) for name in ToolPlan.__slots__ if name not in ("n", "warnings")}
                | {"clips": dict(tool.n), "warnings": dict(tool.warnings)}
                for tool in self.tools
            ],
            "new": self.n_new,
            "cost_usd": self.cost_usd,
            "unpriced": self.unpriced,
            "disk_bytes": self.disk_bytes,
        }
