"""Reads what the wall and the take's page show, each in one query whatever the size of the bench."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, select

from vbench.bench import Bench
from vbench.bench.tables import ClipRow, JobRow, PromptRow, SelectRow, VoteRow
from vbench.errors import as_typed
from vbench.records import Probe
from vbench.video import is_browser_playable
from vbench.web.media import Originals


def clip_page(
    bench: Bench,
    originals: Originals,
    *,
    author: str,
    prompt: str = "",
    models: Sequence[str] = (),
    ids: Sequence[str] = (),
    offset: int = 0,
    limit: int = 200,
) -> dict[str, Any]:
    """Takes by prompt, tool and sample, as `schemas.ClipList`.

    Args:
        bench: Where they are.
        originals: Tells which files are gone or changed.
        author: Whose stars are shown.
        prompt: Key or id; empty: all.
        models: Only these tools; empty: all.
        ids: Only these clips; empty: all.
        offset: How many to pass over.
        limit: How many at most.
    """
    wanted: list[Any] = []
    if prompt:
        wanted.append((PromptRow.key == prompt) | (PromptRow.id == prompt))
    if models:
        wanted.append(ClipRow.model.in_(models))
    if ids:
        wanted.append(ClipRow.id.in_(ids))
    own = and_(SelectRow.clip == ClipRow.id, SelectRow.author == author)
    query = (
        select(
            ClipRow.id,
            ClipRow.model,
            ClipRow.sample,
            ClipRow.sha256,
            ClipRow.media,
            ClipRow.linked,
            ClipRow.probe,
            ClipRow.provenance,
            ClipRow.added,
            PromptRow.key,
            PromptRow.id.label("prompt_id"),
            PromptRow.text,
            SelectRow.stars,
            SelectRow.rejected,
        )
        .join(PromptRow, ClipRow.prompt_key == PromptRow.key)
        .outerjoin(SelectRow, own)
        .where(*wanted)
        .order_by(PromptRow.id, PromptRow.key, ClipRow.model, ClipRow.sample)
        .offset(offset)
        .limit(limit)
    )
    count = select(func.count()).select_from(ClipRow).join(PromptRow).where(*wanted)
    with bench.session() as session:
        total = session.scalar(count)
        rows = session.execute(query).all()
    return {"total": total, "offset": offset, "limit": limit, "clips": [_clip(row, originals) for row in rows]}


def _clip(row: Any, originals: Originals) -> dict[str, Any]:
    probe, origin = row.probe, row.provenance
    base = f"/media/{row.sha256}"
    return {
        "id": row.id,
        "model": row.model,
        "prompt_id": row.prompt_id,
        "prompt_key": row.key,
        "prompt": row.text,
        "sample": row.sample,
        "sha256": row.sha256,
        "url": base,
        "proxy_url": f"{base}/proxy.mp4",
        "poster_url": f"{base}/poster.webp",
        "sprite_url": f"{base}/sprite.webp",
        **{name: probe.get(name, 0) for name in ("width", "height", "fps", "n_frames", "duration_s", "size_bytes")},
        **{name: probe.get(name, "") for name in ("codec", "container")},
        "has_audio": bool(probe.get("has_audio")),
        "playable": is_browser_playable(probe_of(probe)),
        "is_vfr": bool(probe.get("is_vfr")),
        **{name: origin.get(name) for name in ("seed", "latency_s", "cost_usd")},
        **{name: origin.get(name) or "" for name in ("cost_source", "licence", "prompt_sent", "origin")},
        "warnings": [*probe.get("warnings", ()), *origin.get("warnings", ())],
        "missing": originals.problem(row.media, row.linked, probe.get("size_bytes", 0), row.sha256),
        "stars": row.stars or 0,
        "rejected": bool(row.rejected),
        "added": row.added,
    }


def counts(bench: Bench) -> dict[str, int]:
    """How many of each noun there are."""
    with bench.session() as session:
        found = {
            "clips": session.scalar(select(func.count()).select_from(ClipRow)),
            "prompts": session.scalar(select(func.count(func.distinct(ClipRow.prompt_key)))),
            "models": session.scalar(select(func.count(func.distinct(ClipRow.model)))),
            "votes": session.scalar(select(func.count()).select_from(VoteRow)),
            "jobs": session.scalar(select(func.count()).select_from(JobRow)),
        }
    return {name: n or 0 for name, n in found.items()}


def clips_per(bench: Bench, column: Any) -> dict[str, int]:
    """Value of a column of the clips → number of clips."""
    with bench.session() as session:
        return {row[0]: row[1] for row in session.execute(select(column, func.count()).group_by(column))}


def jobs(bench: Bench, *, state: str = "", offset: int = 0, limit: int = 200) -> dict[str, Any]:
    """Attempts to generate, newest first, and how many there are in each state."""
    columns = (
        JobRow.id,
        JobRow.model,
        JobRow.sample,
        JobRow.state,
        JobRow.reason,
        JobRow.message,
        JobRow.cost_usd,
        JobRow.estimate_usd,
        JobRow.is_billable,
        JobRow.clip,
        JobRow.planned_at,
        JobRow.submitted_at,
        JobRow.finished_at,
        PromptRow.id.label("prompt_id"),
        PromptRow.text.label("prompt"),
    )
    query = select(*columns).join(PromptRow, JobRow.prompt_key == PromptRow.key)
    if state:
        query = query.where(JobRow.state == state)
    query = query.order_by(JobRow.planned_at.desc(), JobRow.id).offset(offset).limit(limit)
    with bench.session() as session:
        by_state = {
            row[0]: row[1] for row in session.execute(select(JobRow.state, func.count()).group_by(JobRow.state))
        }
        rows = [dict(row) | {"message": as_typed(row["message"])} for row in session.execute(query).mappings()]
    return {"states": by_state, "offset": offset, "limit": limit, "jobs": rows}


def probe_of(values: dict[str, Any]) -> Probe:
    """A probe from JSON; fields of a later version are left out."""
    known: dict[str, Any] = {name: values[name] for name in Probe.__slots__ if name in values}
    return Probe(**known | {"warnings": tuple(known.get("warnings", ()))})
