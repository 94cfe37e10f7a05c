"""The blind arena over HTTP: a pair, its two files, a vote, and only then the names."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import Response

from vbench.arena.arena import CROWDED
from vbench.errors import ClipError
from vbench.rank.vote_metrics import MetricTrust, metric_trust
from vbench.records import Clip
from vbench.tasks.copies import blind_copy, blind_height
from vbench.web import schemas
from vbench.web.files import file_response
from vbench.web.state import Caller, Page, PageState, Visitor, slow_down

routes = APIRouter(tags=["arena"])
WAIT_S = 120.0
RATINGS_AGE_S = 5.0


def _make(page: Page, clip: Clip, height: int) -> Any:
    copy = blind_copy(clip, height)
    out = page.bench.media.derived(clip.sha256, copy.name)
    if out.exists():
        return out, None
    return out, page.makers.start(copy.recipe, page.originals.path(clip), out, **copy.arguments)


def _slow_down(page: Page, visitor: Visitor) -> None:
    """Count a draw or a vote of this voter, and of everybody behind their address."""
    page.require(page.may.vote, "voting")
    slow_down(page.limits.votes, visitor.session)
    limits = page.limits
    slow_down(limits.public_votes_from_address if page.policy.public else limits.votes_from_address, visitor.address)


@routes.get("/api/v1/arena/pair")
def pair(
    page: PageState,
    visitor: Caller,
    prompt: Annotated[str, Query(max_length=200)] = "",
    tag: Annotated[str, Query(max_length=200)] = "",
) -> schemas.PairFacts:
    """Two takes of one prompt, in random order, under addresses that tell nothing."""
    _slow_down(page, visitor)
    drawn = page.arena.draw(visitor.voter, prompt=prompt, tag=tag)
    left, right = page.bench.clip(drawn.clip("left")), page.bench.clip(drawn.clip("right"))
    height = blind_height(left, right)
    for clip in (left, right):
        try:
            _make(page, clip, height)  # so that it is under way before the browser asks
        except (ClipError, HTTPException):
            continue  # the address says what is wrong, and the voter has the outcome "broken"
    return schemas.PairFacts(
        token=page.arena.token(drawn),
        prompt=left.prompt.text,
        left=_side(drawn.media["left"], left, height),
        right=_side(drawn.media["right"], right, height),
        duration_s=min(left.probe.duration_s, right.probe.duration_s),
        n_votes=page.arena.agreement(visitor.voter)[0],
    )


def _side(file: str, clip: Clip, height: int) -> schemas.SideFacts:
    probe = clip.probe
    return schemas.SideFacts(
        url=f"/arena/media/{file}.mp4",
        width=max(2, 2 * round(probe.width * height / max(1, probe.height) / 2)),
        height=height,
        n_frames=probe.n_frames,
        fps=probe.fps,
        duration_s=probe.duration_s,
    )


@routes.api_route("/arena/media/{file}.mp4", methods=["GET", "HEAD"], include_in_schema=False)
async def blind_file(
    request: Request,
    page: PageState,
    visitor: Caller,
    file: Annotated[str, PathParameter(pattern=r"^[A-Za-z0-9_-]{10,40}$")],
) -> Response:
    """One side of a pair, re-encoded without a word of who made it."""
    shown, side = await asyncio.to_thread(page.arena.shown, file, visitor.voter)
    both = await asyncio.to_thread(lambda: (page.bench.clip(shown.a), page.bench.clip(shown.b)))
    clip = both[0] if both[0].id == shown.clip(side) else both[1]
    try:
        out, making = await asyncio.to_thread(_make, page, clip, blind_height(*both))
        if making is not None:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(making)), WAIT_S)
    except ClipError:
        raise HTTPException(422, 'this take cannot be shown; vote "broken"') from None
    except HTTPException as error:  # its sentence names the tool
        raise HTTPException(error.status_code, 'the file of this take is gone or was changed; vote "broken"') from None
    except TimeoutError:
        raise HTTPException(503, "this take is still being prepared", {"retry-after": "5"}) from None
    return file_response(request, out, file, cache="private, no-store")


@routes.post("/api/v1/arena/vote")
def vote(page: PageState, visitor: Caller, body: schemas.NewVote) -> schemas.Reveal:
    """Judge a pair, once; the answer says which tools they were."""
    _slow_down(page, visitor)
    is_crowded = page.policy.public and page.limits.counted_from_address.wait_s(visitor.address) > 0
    judged, kept = page.arena.cast(
        body.token, visitor.voter, body.outcome, body.watched.model_dump(), excluded=CROWDED if is_crowded else ""
    )
    n_votes, n_repeats, n_same = page.arena.agreement(visitor.voter)
    return schemas.Reveal(
        outcome=body.outcome,
        left=_shown(page.bench.clip(judged.clip("left"))),
        right=_shown(page.bench.clip(judged.clip("right"))),
        ratings=[schemas.RatingFacts(**asdict(r)) for r in page.arena.ratings(max_age_s=RATINGS_AGE_S)],
        is_repeat=bool(judged.repeats),
        excluded="" if judged.repeats else kept.excluded,
        n_votes=n_votes,
        n_repeats=n_repeats,
        n_consistent=n_same,
    )


def _shown(clip: Clip) -> schemas.ShownFacts:
    return schemas.ShownFacts(
        clip=clip.id, model=clip.model, prompt_id=clip.prompt.id, sample=clip.sample, sha256=clip.sha256
    )


@routes.get("/api/v1/ratings")
def ratings(page: PageState) -> dict[str, Any]:
    """Bradley-Terry ratings from votes, and how the pairs were drawn."""
    tools = page.arena.ratings()
    return {
        "ratings": [schemas.RatingFacts(**asdict(rating)) for rating in tools],
        "facts": page.arena.facts()
        | {
            "excluded": page.arena.excluded(),
            "connected": len({rating.component for rating in tools}) <= 1,
            "sampling": "pairs in proportion to the squared expected reduction of the summed variance of rating gaps, "
            "10 % uniform; 5 % repeats with sides swapped, left out of ratings; odds are stored with every vote",
        },
    }


@routes.get("/api/v1/votes/metrics")
def trusted(
    page: PageState,
    visitor: Caller,
    own: bool = False,
    by: Annotated[str, Query(max_length=200)] = "",
) -> list[schemas.TrustFacts]:
    """How well each metric predicts the votes of this bench, or the visitor's own, as they are now."""
    slow_down(page.limits.boards, visitor.address)
    voter = visitor.voter if own else ""
    key, state = ("trust", voter, by), (page.bench.state_mark(), page.bench.n_votes())
    rows: list[MetricTrust] = page.boards.get(key, state, lambda: metric_trust(page.bench, voter=voter, by=by))
    return [schemas.TrustFacts(**asdict(row)) for row in rows]


@routes.get("/api/v1/votes")
def votes(page: PageState) -> list[dict[str, Any]]:
    """Every vote, those left out of ratings with the reason; voters are hashes that change every month."""
    return [asdict(verdict) for verdict in page.bench.votes()]
