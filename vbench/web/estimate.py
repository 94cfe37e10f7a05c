"""What one click on Generate or Try again would do: whether each tool can run here, and its price."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vbench.adapters.readiness import Missing, lacking
from vbench.bench import Bench
from vbench.bench.jobs import plan_of
from vbench.catalog.cards import ModelCard, estimate_cost, find_card
from vbench.catalog.common_settings import common_wishes
from vbench.catalog.wishes import grant
from vbench.errors import BudgetError, JobError, OptionError, UserError, as_typed
from vbench.generate import RunSpec
from vbench.generate.journal import REFETCHED
from vbench.generate.pictures import Pictures, pictures_folder, take_pictures
from vbench.generate.plan import PRICE_DAYS, make_adapter, sent, today
from vbench.generate.retry import ended_job
from vbench.generate.settings import comparable_groups, fit_pictures, granted_setting
from vbench.records import Prompt, Request, Setting, ToolLabel, Wishes
from vbench.schema import to_json
from vbench.tasks.arguments import RetryTask
from vbench.web.schemas import GenerateArgs, PlanFacts, PlanTotal, RetryArgs


def plan(wish: GenerateArgs, prompt: Prompt) -> PlanTotal:
    """Price and feasibility of a wish, tool by tool.

    Args:
        wish: What a visitor asks for.
        prompt: With its pictures, see `illustrated`.
    """
    request = Request(prompt=prompt, seed=wish.seed or 0, **to_json(_wishes(wish)))
    by_tool = plans(wish.models, request, n_jobs=wish.samples, without_image=wish.without_image)
    runnable = [planned for planned in by_tool if planned.runnable]
    return PlanTotal(
        models=by_tool,
        cost_usd=round(sum(planned.cost_usd or 0.0 for planned in runnable), 6),
        n_unpriced=sum(planned.is_billable and planned.cost_usd is None for planned in runnable),
    )


def illustrated(bench: Bench, wish: GenerateArgs, prompt: Prompt) -> Prompt:
    """A prompt with the pictures that a visitor gives, or with its own, kept with the bench.

    Raises:
        OptionError: a picture is not there any more, or the first and the last one cannot be of one clip.
        CatalogError: one is to be drawn and has no scene.
    """
    folder = pictures_folder(bench)
    names = [name for name in (wish.image, wish.last_image, *wish.references) if name]
    for name in names:
        if not (folder / name).is_file():
            raise OptionError("a picture is not there any more; drop it again")
    given = Pictures(
        image=str(folder / wish.image) if wish.image else "",
        last_image=str(folder / wish.last_image) if wish.last_image else "",
        references=tuple(str(folder / name) for name in wish.references),
    )
    (taken,), _ = take_pictures([prompt], given, folder)
    return taken


def _wishes(wish: GenerateArgs) -> Wishes:
    """What is asked of every tool alike.

    Raises:
        OptionError: the tools that are to be matched share no size or length.
    """
    wishes = Wishes.of(wish.model_dump())
    if not wish.match:
        return wishes
    return common_wishes([find_card(ToolLabel.parse(model).tool) for model in wish.match], wishes)


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
        wishes=replace(_wishes(wish), negative=""),
        without_image=wish.without_image,
        max_cost=wish.max_cost,
        allow_unpriced=wish.models if wish.allow_unpriced else (),
        retry=wish.retry,
    )


def plans(models: list[str], request: Request, *, n_jobs: int = 1, without_image: bool = False) -> list[PlanFacts]:
    """What each tool would do with a request, and whether it can run here.

    Args:
        models: Tools, with or without an arm.
        request: Asked of all alike.
        n_jobs: Clips of each.
        without_image: What a tool does not take of the prompt's pictures may be left out.
    """
    cards: dict[str, ModelCard | UserError] = {}
    for model in models:
        try:
            cards[model] = find_card(ToolLabel.parse(model).tool)
        except UserError as error:
            cards[model] = error
    known = [card for card in cards.values() if isinstance(card, ModelCard)]
    lacks: dict[str, tuple[Missing, ...]] = {}
    try:
        found = lacking(known, territory=os.environ.get("VBENCH_TERRITORY", ""))
        lacks = {card.id: of_card for card, of_card in zip(known, found, strict=True)}
    except UserError as error:
        cards = {model: card if isinstance(card, UserError) else error for model, card in cards.items()}
    planned: list[PlanFacts] = []
    asked: dict[str, dict[str, Setting]] = {}
    for model in models:
        facts, setting = _plan(model, cards[model], request, n_jobs, without_image=without_image, lacks=lacks)
        planned.append(facts)
        asked[model] = {} if setting is None else {request.prompt.key: setting}
    letters = comparable_groups(asked)
    return [facts.model_copy(update={"comparable_group": letters[facts.model]}) for facts in planned]


def _plan(
    model: str,
    card: ModelCard | UserError,
    request: Request,
    n_jobs: int,
    *,
    without_image: bool,
    lacks: Mapping[str, Sequence[Missing]],
) -> tuple[PlanFacts, Setting | None]:
    facts: dict[str, Any] = {
        "model": model,
        "n_jobs": n_jobs,
        "cost_usd": None,
        "is_billable": False,
        "seconds_estimate": None,
        "price_checked_on": "",
        "price_is_old": False,
        "comparable_group": "",
        **to_json(Setting()),
    }
    try:
        if isinstance(card, UserError):
            raise card
        fitted = fit_pictures(card, request.prompt, without_image=without_image)
        request = replace(request, prompt=fitted.prompt)
        cost = estimate_cost(card, request)
        setting = granted_setting(card, request, fitted.image_use)
        warnings = [*grant(card, request).warnings, *fitted.warnings]
        if card.adapter == "diffusers":  # frames come by a rule that only the adapter knows; it loads nothing here
            foreseen = make_adapter(card).plan(request)
            setting, warnings = sent(foreseen, setting), [*foreseen.warnings, *fitted.warnings]
    except (UserError, JobError) as error:
        return PlanFacts(**facts, runnable=False, reason=as_typed(str(error)), lacks=[], warnings=[]), None
    certain = [lack for lack in lacks[card.id] if lack.is_certain]
    reason = "; ".join(as_typed(lack.message) for lack in certain)
    warnings += [as_typed(lack.message) for lack in lacks[card.id] if not lack.is_certain]
    facts |= {"cost_usd": None if cost is None else round(cost * n_jobs, 6), "is_billable": card.is_billable}
    if card.price is not None and card.is_billable:
        age = (today() - card.price.checked_on).days
        facts |= {"price_checked_on": card.price.checked_on.isoformat(), "price_is_old": age > PRICE_DAYS}
    facts |= to_json(setting)
    return PlanFacts(
        **facts, runnable=not reason, reason=reason, lacks=[lack.kind for lack in certain], warnings=warnings
    ), setting


# --- one ended job, tried again -----------------------------------------------------------------------------------


def retry_of(bench: Bench, id: str, agreed: RetryArgs) -> RetryTask:
    """The task that tries a job again, with the very request it had.

    Args:
        bench: Where it stands.
        id: Of the job.
        agreed: What the visitor saw.

    Raises:
        NoJobError: there is no such job.
        OptionError: it cannot be tried again, it is being tried already, or its tool cannot run here.
        BudgetError: it costs money, or may have cost some, and that was not agreed to.
    """
    job = ended_job(bench, id, understood=agreed.understood)
    for task in bench.tasks():
        if task.kind == "retry" and task.state in ("waiting", "running") and task.args["job"] == id:
            raise OptionError("it is being tried again already; see the tasks")
    if job.handle is None or job.reason not in REFETCHED:  # else nothing is sent
        (planned,) = plans([job.model], plan_of(job).request)
        refuse_other_price(planned, agreed)
    return RetryTask(
        job=id,
        models=(job.model,),
        prompt_key=job.prompt.key,
        sample=job.sample,
        about=job.prompt.text,
        **agreed.model_dump(),
    )


def refuse_other_price(planned: PlanFacts, agreed: RetryArgs) -> None:
    """Hold the price against what was shown.

    Args:
        planned: Of this one job, as of now.
        agreed: What the visitor saw.

    Raises:
        OptionError: the tool cannot run here.
        BudgetError: it costs money, and that price was not agreed to.
    """
    if not planned.runnable:
        raise OptionError(f"{planned.model}: {planned.reason}")
    if not planned.is_billable:
        return
    if planned.cost_usd is None:
        if not agreed.allow_unpriced:
            raise BudgetError(f"nobody knows what {planned.model} costs; allow it all the same (allow_unpriced)")
        return
    if agreed.max_cost is None:
        raise BudgetError(f"trying again costs about ${planned.cost_usd:.2f}; give a ceiling in dollars (max_cost)")
    if planned.cost_usd > agreed.max_cost + 1e-6:
        raise BudgetError(
            f"trying again now costs about ${planned.cost_usd:.2f}, not ${agreed.max_cost:.2f}; "
            "the price has changed since: start it from the page Generate"
        )
