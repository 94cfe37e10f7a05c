"""A tool that charges, played by a folder, and a run of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.fakes import billable
from tests.fakes.billable import BillableAdapter
from vbench.bench import Bench
from vbench.generate import GenerateReport, generate
from vbench.records import Prompt

TWO = [Prompt(id="fox", text="a red fox"), Prompt(id="cat", text="a black cat", negative="blur")]


class Server:
    """A folder that plays a tool, and what it has seen."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder, self.options = folder, options
        self.adapters: list[BillableAdapter] = []

    def __call__(self, card: Any) -> BillableAdapter:
        self.adapters.append(BillableAdapter(card, self.folder, **self.options))
        return self.adapters[-1]

    def seen(self, name: str = "posts") -> Counter[str]:
        path = self.folder / name
        return Counter(path.read_text().splitlines()) if path.exists() else Counter()


def run(bench: Bench, server: Server, **options: Any) -> GenerateReport:
    options = {"models": [billable.card()], "prompts": TWO} | options
    return generate(bench, make=server, **options)
