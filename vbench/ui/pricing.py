"""What one click on Generate would do: whether each tool can run here, and its price; nothing heavy is loaded."""

from __future__ import annotations

import os
from typing import Any

from vbench.adapters.readiness import missing
from vbench.catalog.cards import estimate_cost, find_card
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
            seed=wish.seed or 0,
            seconds=wish.seconds,
            width=wish.width,
            height=wish.height,
            fps=wish.fps,
            audio=wish.audio,
            negative=wish.negative,
        )
        cost = estimate_cost(card, request)
        warnings = list(grant(card, request).warnings)
        lacking = missing(card, territory=os.environ.get("VBENCH_TERRITORY", ""))
    except UserError as error:
        return PlanFacts(**facts, runnable=False, reason=str(error), warnings=[])
    reason = "; ".join(lack.message for lack in lacking if lack.is_certain)
    warnings += [lack.message for lack in lacking if not lack.is_certain]
    facts |= {"cost_usd": None if cost is None else round(cost * wish.samples, 6), "is_billable": card.is_billable}
    return PlanFacts(**facts, runnable=not reason, reason=reason, warnings=warnings)
