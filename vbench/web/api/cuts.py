"""The JSON API of cuts: shots in order, kept under names, filled from a suite, their joins measured."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as PathParameter

from vbench import cuts
from vbench.bench import CutChangedError
from vbench.records import Cut
from vbench.web import schemas
from vbench.web.state import Caller, PageState, slow_down

routes = APIRouter(prefix="/api/v1", tags=["cuts"])
CutName = Annotated[str, PathParameter(min_length=1, max_length=100)]


def _facts(cut: Cut) -> schemas.CutFacts:
    return schemas.CutFacts(**asdict(cut))


@routes.get("/cuts")
def all_cuts(page: PageState) -> list[schemas.CutFacts]:
    """Cuts by name. A public page has none to show: they are the makers' own work."""
    return [] if page.policy.public else [_facts(cut) for cut in page.bench.cuts()]


@routes.put("/cuts")
def keep_cut(page: PageState, visitor: Caller, body: schemas.NewCut) -> schemas.CutFacts:
    """Store a cut; 409 where somebody else has stored it since it was read."""
    page.require(page.may.annotate, "cutting")
    slow_down(page.limits.writes, visitor.session)
    try:
        return _facts(page.bench.set_cut(body.cut()))
    except CutChangedError as error:
        raise HTTPException(409, str(error)) from None


@routes.delete("/cuts/{cut}", status_code=204)
def delete_cut(page: PageState, visitor: Caller, cut: CutName) -> None:
    """Take a cut away; its takes stay."""
    page.require(page.may.annotate and page.may.delete, "deleting cuts")
    slow_down(page.limits.writes, visitor.session)
    if not page.bench.delete_cut(cut):
        raise HTTPException(404, f"there is no cut {cut!r}; reload the page")


@routes.get("/cuts/fill")
def fill(page: PageState, suite: Annotated[str, Query(max_length=200)]) -> list[schemas.ShotFacts]:
    """The best take of each prompt of a suite, in its order; nothing is stored."""
    page.require(page.may.annotate, "cutting")
    return [schemas.ShotFacts(**asdict(shot)) for shot in cuts.filled(page.bench, suite)]


@routes.get("/cuts/joins")
def joins(page: PageState, visitor: Caller, cut: Annotated[str, Query(max_length=100)]) -> list[schemas.JoinFacts]:
    """What jumps at each join of a cut. The first time its shots are decoded for it."""
    page.require(not page.policy.public, "measuring cuts")
    slow_down(page.limits.writes, visitor.session)
    measured = cuts.joins(page.bench, page.bench.cut(cut), page.edges)
    return [schemas.JoinFacts(**(asdict(join) | {"problem": page.say(join.problem)})) for join in measured]
