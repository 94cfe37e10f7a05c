"""The JSON API of reviews for the makers: links for guests, made and taken back, and what the guests approve."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, HTTPException
from fastapi import Path as PathParameter

from vbench.records import Review
from vbench.web import schemas
from vbench.web.guests import new_review, review_row
from vbench.web.state import Caller, Page, PageState, slow_down

routes = APIRouter(prefix="/api/v1", tags=["reviews"])
Token = Annotated[str, PathParameter(pattern=r"^[\w-]{1,64}$")]


@routes.get("/reviews")
def reviews(page: PageState) -> schemas.ReviewList:
    """Links for guests; a public page tells nobody of them."""
    page.require(page.may.share, "making review links")
    return schemas.ReviewList(
        is_reachable=not page.is_local, reviews=[_facts(page, review) for review in page.bench.reviews()]
    )


@routes.post("/reviews", status_code=201)
def add_review(page: PageState, visitor: Caller, body: schemas.NewReview) -> schemas.ReviewFacts:
    """Make a link for guests; its password is told once."""
    page.require(page.may.share, "making review links")
    slow_down(page.limits.writes, visitor.session)
    review, password = new_review(
        page.bench, body.clips, title=body.title, password=body.password, is_blind=body.is_blind, days=body.days
    )
    return _facts(page, review, password)


@routes.delete("/reviews/{token}", status_code=204)
def revoke_review(page: PageState, visitor: Caller, token: Token) -> None:
    """Take a link back, at once; what guests said stays."""
    page.require(page.may.share, "taking review links back")
    slow_down(page.limits.writes, visitor.session)
    if not page.bench.revoke_review(token):
        raise HTTPException(404, "there is no such review link, or it was taken back before; reload the page")


@routes.get("/approvals")
def approvals(page: PageState) -> list[schemas.ApprovalFacts]:
    """What guests said of takes; a public page tells nobody."""
    if page.policy.public:
        return []
    return [schemas.ApprovalFacts(**asdict(approval)) for approval in page.bench.approvals()]


def _facts(page: Page, review: Review, password: str = "") -> schemas.ReviewFacts:
    return schemas.ReviewFacts(**review_row(page.bench, review), password=password)
