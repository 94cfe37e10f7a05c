"""The JSON API, version 1: what the bench holds, what is asked of tools, and what failed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from vbench._version import __version__
from vbench.adapters import works_here
from vbench.catalog.card import Rights
from vbench.catalog.cards import SecondsRange, cards
from vbench.errors import CatalogError
from vbench.web import schemas, take_list
from vbench.web.api.takes import why_not
from vbench.web.security.guard import MAX_UPLOAD_BYTES
from vbench.web.security.policy import CLIENT_HEADER
from vbench.web.state import Caller, Offset, PageState
from vbench.web.words import locale_of

routes = APIRouter(prefix="/api/v1", tags=["bench"])


@routes.get("/bench")
def bench_facts(page: PageState, visitor: Caller) -> schemas.BenchFacts:
    """What this page shows and what you may do here."""
    may = {name.rstrip("_"): value for name, value in asdict(page.may).items()}
    return schemas.BenchFacts(
        name=page.bench.root.name,
        version=__version__,
        mode="public" if page.policy.public else "local",
        read_only=page.policy.read_only,
        account=visitor.author,
        counts=take_list.counts(page.bench),
        permissions=may,
        client_header=CLIENT_HEADER,
        max_upload_bytes=MAX_UPLOAD_BYTES,
    )


@routes.get("/prompts")
def prompts(page: PageState) -> list[schemas.PromptFacts]:
    """Prompts of the bench."""
    n_clips = take_list.clips_per(page.bench, "prompt_key")
    return [
        schemas.PromptFacts(
            key=prompt.key,
            id=prompt.id,
            text=prompt.text,
            suite=prompt.suite,
            negative=prompt.negative,
            tags=list(prompt.tags),
            expects=dict(prompt.expects),
            n_clips=n_clips.get(prompt.key, 0),
        )
        for prompt in page.bench.prompts()
    ]


@routes.get("/models")
def models(page: PageState) -> list[schemas.ModelFacts]:
    """Tools of the bench, and those of the catalogue that could be asked."""
    n_clips = take_list.clips_per(page.bench, "model")
    stored = page.bench.models()
    try:
        catalog = {name: card.snapshot() for name, card in cards().items()}
    except CatalogError:  # a card the user is writing; the tools of the bench are shown all the same
        catalog = {}
    names = sorted(stored.keys() | catalog.keys())
    return [
        _model(name, catalog.get(name) or stored.get(name) or {}, n_clips.get(name, 0), name in catalog)
        for name in names
    ]


def _model(name: str, card: dict[str, Any], n_clips: int, in_catalog: bool) -> schemas.ModelFacts:
    vendor, limits, adapter = card.get("vendor", {}), card.get("limits", {}), card.get("adapter", "")
    seconds = limits.get("seconds", [])
    if isinstance(seconds, dict):
        ends = SecondsRange(**seconds)
        seconds = [ends.min, ends.max]
    return schemas.ModelFacts(
        id=name,
        name=card.get("name", name),
        vendor=vendor.get("name", ""),
        country=vendor.get("country", ""),
        adapter=adapter,
        status=card.get("status", "active") if card else "",
        retired_on=str(card.get("retired_on") or ""),
        open_weights=card.get("open_weights", False) if card else None,
        hosted=not (card.get("local", False) or works_here(adapter)) if card else None,
        licence=card.get("licence", {}).get("weights", ""),
        rights={name: schemas.RightFacts(**right) for name, right in _rights(card).items()},
        resolutions=limits.get("resolutions", []),
        seconds=seconds,
        n_clips=n_clips,
        in_catalog=in_catalog,
    )


def _rights(card: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Of a card as it is stored; one of an earlier version says nothing of them."""
    return Rights.model_validate(card.get("rights", {})).as_dict() if card else {}


@routes.get("/jobs")
def jobs(
    page: PageState,
    state: Annotated[str, Query(max_length=20)] = "",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=2000)] = 200,
) -> dict[str, Any]:
    """Attempts to generate, newest first, with the number in each state. A public page has none to show."""
    if page.policy.public:
        return {"states": {}, "offset": offset, "limit": limit, "jobs": []}
    return take_list.jobs(page.bench, state=state, offset=offset, limit=limit, say=page.say)


@routes.get("/failures")
def failures(
    request: Request, page: PageState, stage: Literal["", "import", "generate", "score"] = ""
) -> list[dict[str, str]]:
    """What could not be made or measured, and why; a public page leaves out imports, which name files.

    A measure that has nothing to measure (no sound, nothing asked of the camera) is no failure; each take says so.
    """
    return [
        {
            "stage": failure.stage,
            "subject": page.say(failure.subject),
            "code": failure.code,
            "message": why_not(page, failure, locale_of(request.headers.get("accept-language", ""))),
            "metric": failure.key.metric if failure.key else "",
        }
        for failure in page.bench.failures(stage or None)
        if (failure.stage != "import" or not page.policy.public) and failure.code != "not_applicable"
    ]
