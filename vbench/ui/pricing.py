"""What one click on Generate would do: whether each tool can run here, and its price; nothing heavy is loaded."""

from __future__ import annotations

import shutil
import subprocess
from functools import lru_cache
from typing import Any

from vbench.adapters.secrets import lookup
from vbench.catalog.cards import ModelCard, env_names, estimate_cost, find_card
from vbench.catalog.wishes import grant
from vbench.errors import UserError
from vbench.records import Prompt, Request
from vbench.ui.schemas import GenerateArgs, PlanFacts, PlanTotal


def plan(wish: GenerateArgs, prompt: Prompt) -> PlanTotal:
    """Price and feasibility of a wish, tool by tool."""
    found = [_plan(model, wish, prompt) for model in wish.models]
    runnable = [one for one in found if one.runnable]
    return PlanTotal(
        models=found,
        cost_usd=round(sum(one.cost_usd or 0.0 for one in runnable), 6),
        n_unpriced=sum(one.is_billable and one.cost_usd is None for one in runnable),
    )


def _plan(model: str, wish: GenerateArgs, prompt: Prompt) -> PlanFacts:
    facts: dict[str, Any] = {
        "model": model,
        "n_jobs": wish.samples,
        "cost_usd": None,
        "is_billable": False,
        "seconds_estimate": None,
    }
    try:
        card = find_card(model)
        request = Request(
            prompt=prompt,
            seed=wish.seed,
            seconds=wish.seconds,
            width=wish.width,
            height=wish.height,
            fps=wish.fps,
            audio=wish.audio,
            negative=wish.negative,
        )
        cost = estimate_cost(card, request)
        warnings = list(grant(card, request).warnings)
    except UserError as error:
        return PlanFacts(**facts, runnable=False, reason=str(error), warnings=[])
    reason = obstacle(card)
    facts |= {"cost_usd": None if cost is None else round(cost * wish.samples, 6), "is_billable": card.is_billable}
    return PlanFacts(**facts, runnable=not reason, reason=reason, warnings=warnings)


def obstacle(card: ModelCard) -> str:
    """Why a tool cannot run here, as a sentence; empty where nothing is known to stand in the way."""
    if card.status == "retired":
        return f"retired on {card.retired_on}; archived clips can be imported and compared"
    if missing := [name for name in env_names(card) if lookup(name) is None]:
        return f"no key: set {' and '.join(missing)} before starting the page"
    needed = card.limits.vram_gb
    if card.adapter == "diffusers" and needed is not None:
        there = gpu_memory_gb()
        if there == 0:
            return f"needs a GPU with {needed:g} GiB of memory; there is none here"
        if there < needed:
            return f"needs a GPU with {needed:g} GiB of memory; the largest here has {there:.0f}"
    return ""


@lru_cache
def gpu_memory_gb() -> float:
    """Memory of the largest GPU in GiB, by the driver's own tool; 0 where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return 0.0
    query = [tool, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0.0
    return max((float(line) / 1024 for line in said.splitlines() if line.strip().isdigit()), default=0.0)
