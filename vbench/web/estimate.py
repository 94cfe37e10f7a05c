"""What one click on Generate would do: whether each tool can run here, and its price; nothing heavy is loaded."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from vbench.adapters.readiness import Missing, missing, silent
from vbench.catalog.cards import ModelCard, estimate_cost, find_card
from vbench.catalog.wishes import grant
from vbench.errors import UserError, as_typed
from vbench.generate import RunSpec
from vbench.records import Prompt, Request, ToolLabel, Wishes
from vbench.schema import to_json
from vbench.web.schemas import GenerateArgs, PlanFacts, PlanTotal


def plan(wish: GenerateArgs, prompt: Prompt) -> PlanTotal:
    """Price and feasibility of a wish, tool by tool."""
    request = Request(prompt=prompt, seed=wish.seed or 0, **to_json(Wishes.of(wish.model_dump())))
    by_tool = plans(wish.models, request, n_jobs=wish.samples)
    runnable = [planned for planned in by_tool if planned.runnable]
    return PlanTotal(
        models=by_tool,
        cost_usd=round(sum(planned.cost_usd or 0.0 for planned in runnable), 6),
        n_unpriced=sum(planned.is_billable and planned.cost_usd is None for planned in runnable),
    )


def spec_of(wish: GenerateArgs, prompt: Prompt) -> RunSpec:
    """The run that a wish makes; what the page says should not be there stands in for the prompt's own words on it.

    Raises:
        OptionError: something in it cannot be meant.
    """
    return RunSpec(
        models=wish.models,
        prompts=[replace(prompt, negative=wish.negative or prompt.negative)],
        samples=wish.samples,
        seeds=RunSpec.seeds_from(wish.seed, wish.samples),
        wishes=Wishes.of(wish.model_dump(exclude={"negative"})),
        max_cost=wish.max_cost,
        allow_unpriced=wish.models if wish.allow_unpriced else (),
        retry=wish.retry,
    )


def plans(models: list[str], request: Request, *, n_jobs: int = 1) -> list[PlanFacts]:
    """What each tool would do with a request, and whether it can run here.

    Args:
        models: Tools, with or without an arm.
        request: Asked of all alike.
        n_jobs: Clips of each.
    """
    cards: dict[str, ModelCard | UserError] = {}
    for model in models:
        try:
            cards[model] = find_card(ToolLabel.parse(model).tool)
        except UserError as error:
            cards[model] = error
    without_server = silent(card for card in cards.values() if isinstance(card, ModelCard))
    return [_plan(model, cards[model], request, n_jobs, without_server) for model in models]


def _plan(
    model: str, card: ModelCard | UserError, request: Request, n_jobs: int, without_server: dict[str, Missing]
) -> PlanFacts:
    facts: dict[str, Any] = {
        "model": model,
        "n_jobs": n_jobs,
        "cost_usd": None,
        "is_billable": False,
        "seconds_estimate": None,
    }
    try:
        if isinstance(card, UserError):
            raise card
        cost = estimate_cost(card, request)
        warnings = list(grant(card, request).warnings)
        lacking = [
            lack for lack in missing(card, territory=os.environ.get("VBENCH_TERRITORY", "")) if lack.kind != "server"
        ]
    except UserError as error:
        return PlanFacts(**facts, runnable=False, reason=as_typed(str(error)), warnings=[])
    if card.id in without_server:
        lacking.append(without_server[card.id])
    reason = "; ".join(as_typed(lack.message) for lack in lacking if lack.is_certain)
    warnings += [as_typed(lack.message) for lack in lacking if not lack.is_certain]
    facts |= {"cost_usd": None if cost is None else round(cost * n_jobs, 6), "is_billable": card.is_billable}
    return PlanFacts(**facts, runnable=not reason, reason=reason, warnings=warnings)
