"""Reads what the wall and the take's page show, each in one query whatever the size of the bench."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vbench.bench import Bench
from vbench.bench.lists import ClipColumn, ClipFilter
from vbench.delivery import SENT, compared
from vbench.records import Probe, Setting
from vbench.schema import from_json
from vbench.video import is_browser_playable
from vbench.web.media import Originals
from vbench.web.state import Page


def clip_page(page: Page, wanted: ClipFilter, *, author: str, offset: int = 0, limit: int = 200) -> dict[str, Any]:
    """Takes in the order asked for, as `schemas.ClipList`.

    Args:
        page: Whose bench they are in.
        wanted: Which.
        author: Whose choices are shown.
        offset: How many to pass over.
        limit: How many at most.
    """
    total, rows = page.bench.list_clips(wanted, author=author, offset=offset, limit=limit)
    return {
        "total": total,
        "offset": offset,
        "limit": limit,
        "clips": [_clip(row, page.originals, page.say) for row in rows],
    }


def _clip(row: Any, originals: Originals, say: Callable[[str], str]) -> dict[str, Any]:
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
        "waveform_url": f"{base}/waveform.json" if probe.get("has_audio") else "",
        **{name: probe.get(name, 0) for name in ("width", "height", "fps", "n_frames", "duration_s", "size_bytes")},
        **{name: probe.get(name, "") for name in ("codec", "container")},
        "has_audio": bool(probe.get("has_audio")),
        "playable": is_browser_playable(from_json(Probe, probe)),
        "is_vfr": bool(probe.get("is_vfr")),
        **{name: origin.get(name) for name in ("seed", "latency_s", "cost_usd")},
        **{name: origin.get(name) or "" for name in ("cost_source", "licence", "prompt_sent", "origin")},
        "warnings": [say(text) for text in (*probe.get("warnings", ()), *origin.get("warnings", ()))],
        "as_asked": _as_asked(probe, origin),
        "missing": originals.problem(row.media, row.linked, probe.get("size_bytes", 0), row.sha256),
        "stars": row.stars or 0,
        "state": row.state or "",
        "reason": row.reason or "",
        "ranges": row.ranges or [],
        "n_notes": row.n_notes,
        "added": row.added,
    }


def _as_asked(probe: dict[str, Any], origin: dict[str, Any]) -> bool | None:
    """Whether a take came as it was asked for; None: nothing was asked for."""
    extra = origin.get("extra") or {}
    asked = from_json(Setting, extra.get(SENT) or extra.get("request") or {})
    return compared(from_json(Probe, probe), asked, extra).as_asked


def counts(bench: Bench) -> dict[str, int]:
    """How many of each noun there are."""
    return bench.noun_counts()


def clips_per(bench: Bench, column: ClipColumn) -> dict[str, int]:
    """Value of a column of the clips → number of clips."""
    return bench.n_clips_by(column)


def jobs(
    bench: Bench, *, say: Callable[[str], str], state: str = "", offset: int = 0, limit: int = 200
) -> dict[str, Any]:
    """Attempts to generate, newest first, and how many there are in each state."""
    by_state, rows = bench.list_jobs(state=state, offset=offset, limit=limit)
    rows = [row | {"message": say(row["message"])} for row in rows]
    return {"states": by_state, "offset": offset, "limit": limit, "jobs": rows}
