"""Prompts, tools and clips of a workspace."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from vbench.bench.database import raw_rows
from vbench.bench.media import clip_key
from vbench.bench.rows import clip_record, prompt_record, prompt_row, row_values
from vbench.bench.tables import ClipRow, ModelRow, PromptRow
from vbench.bench.workspace import Workspace, now
from vbench.errors import BenchError
from vbench.files import sha256_of
from vbench.marks import Mark, marks_in
from vbench.records import Cell, Clip, Probe, Prompt, Provenance, clip_id
from vbench.schema import to_json


def clip_from_file(
    path: Path,
    *,
    model: str,
    prompt: Prompt,
    sample: int,
    probe: Probe,
    provenance: Provenance,
    sha256: str = "",
    taken: Container[str] | None = None,
) -> Clip:
    """The record of a file that was made for a prompt; nothing is copied or stored.

    Args:
        path: A video file, or a folder of frames.
        model: Tool, or ``tool@arm``.
        prompt: What it was made for.
        sample: Number of the sample.
        probe: What `vbench.video.probe` says of it.
        provenance: How it came to be.
        sha256: As `sha256_of` gives it, where that is known already.
        taken: `Bench.media_keys`: the copy in the bench has a name for people, marked with part of its digest where
            that name is another clip's. None: there is no copy, the file is linked where it lies.

    Raises:
        OSError: the file cannot be read.
    """
    sha256 = sha256 or sha256_of(path)
    media = str(path.resolve())
    if taken is not None:
        suffix = "" if path.is_dir() else path.suffix.lower()
        media = clip_key(model, prompt.id, sample, suffix)
        if media.casefold() in taken:
            media = clip_key(model, prompt.id, sample, suffix, sha256)
    return Clip(
        id=clip_id(model, prompt.text, sample, sha256),
        model=model,
        prompt=prompt,
        sample=sample,
        sha256=sha256,
        media=media,
        linked=taken is None,
        probe=probe,
        provenance=provenance,
    )


class RankedClip(NamedTuple):
    """What a ranking needs of a clip."""

    id: str
    model: str
    prompt_key: str
    tags: tuple[str, ...]
    """Of its prompt."""
    latency_s: float | None
    cost_usd: float | None
    duration_s: float
    marks: tuple[Mark, ...]
    """What is said of it: cut off, interlaced, not as asked, ..."""


class ClipPlace(NamedTuple):
    """What tells a clip from others in a table."""

    model: str
    prompt_id: str
    sample: int
    sha256: str


class ClipStore(Workspace):
    """What was asked for, of whom, and the files that came of it."""

    def add_prompts(self, prompts: Iterable[Prompt]) -> None:
        """Store prompts; the same id and text again updates what it expects."""
        with self.write() as session:
            self.database.upsert(session, PromptRow, [row_values(prompt_row(prompt, self.root)) for prompt in prompts])

    def prompts(self) -> list[Prompt]:
        """All prompts, in the order of suite and id."""
        with self.session() as session:
            rows = session.scalars(select(PromptRow).order_by(PromptRow.suite, PromptRow.id, PromptRow.key))
            return [prompt_record(row, self.root) for row in rows]

    def prompt(self, key: str) -> Prompt:
        """The prompt with this key."""
        with self.session() as session:
            row = session.get(PromptRow, key)
        if row is None:
            raise BenchError(f"no prompt with key {key!r} in {self.root}; list them with vbench prompts")
        return prompt_record(row, self.root)

    def add_model(self, model: str, card: Mapping[str, Any] | None = None) -> None:
        """Store a tool; a card, where given, replaces the one stored."""
        with self.write() as session:
            row = {"id": model, "card": dict(card or {})}
            if card:
                self.database.upsert(session, ModelRow, [row])
            else:
                self.database.insert_new(session, ModelRow, [row])

    def models(self) -> dict[str, dict[str, Any]]:
        """Tool → its card as JSON values; {} where no card is known."""
        with self.session() as session:
            return {row.id: row.card for row in session.scalars(select(ModelRow).order_by(ModelRow.id))}

    def add_clip(self, clip: Clip) -> bool:
        """Store a clip whose file is already in place; False where this very clip is there.

        Raises:
            BenchError: another file holds the same tool, prompt and sample.
        """
        with self.write() as session:
            return self.add_clip_in(session, clip)

    def add_clip_in(self, session: Session, clip: Clip) -> bool:
        """`add_clip` inside the caller's write transaction, for a job that must finish with its clip."""
        if session.get(ClipRow, clip.id) is not None:
            return False
        self._check_place(session, clip)
        self.database.upsert(session, PromptRow, [row_values(prompt_row(clip.prompt, self.root))])
        self.database.insert_new(session, ModelRow, [{"id": clip.model, "card": {}}])
        row = {
            "id": clip.id,
            "model": clip.model,
            "prompt_key": clip.prompt.key,
            "sample": clip.sample,
            "sha256": clip.sha256,
            "media": clip.media,
            "linked": clip.linked,
            "probe": to_json(clip.probe),
            "provenance": to_json(clip.provenance),
            "added": now(),
        }
        if not self.database.insert_new(session, ClipRow, [row]):  # another process was first, since we looked
            self._check_place(session, clip)
            return False
        return True

    def _check_place(self, session: Session, clip: Clip) -> None:
        place = select(ClipRow).where(
            ClipRow.model == clip.model, ClipRow.prompt_key == clip.prompt.key, ClipRow.sample == clip.sample
        )
        if (holder := session.scalar(place)) is not None and holder.id != clip.id:
            raise BenchError(
                f"{clip.model}, prompt {clip.prompt.id!r}, sample {clip.sample}: another file ({holder.sha256[:12]}) "
                f"holds this place, found {clip.sha256[:12]}; give the new one another sample number"
            )

    def clips(
        self,
        *,
        models: Sequence[str] | None = None,
        prompt_ids: Sequence[str] | None = None,
        prompt_keys: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
    ) -> list[Clip]:
        """Clips by prompt, tool and sample, all or those of the tools and prompts, or the ids, named."""
        query = select(ClipRow, PromptRow).join(PromptRow, ClipRow.prompt_key == PromptRow.key)
        if models is not None:
            query = query.where(ClipRow.model.in_(models))
        if prompt_ids is not None:
            query = query.where(PromptRow.id.in_(prompt_ids))
        if prompt_keys is not None:
            query = query.where(PromptRow.key.in_(prompt_keys))
        if ids is not None:
            query = query.where(ClipRow.id.in_(ids))
        with self.session() as session:
            rows = session.execute(query.order_by(PromptRow.id, PromptRow.key, ClipRow.model, ClipRow.sample)).all()
        return [clip_record(row, prompt, self.root) for row, prompt in rows]

    def ranked_clips(self) -> list[RankedClip]:
        """All clips by prompt, tool and sample, without what a ranking does not need."""
        of_prompts = select(PromptRow.key, PromptRow.id, PromptRow.tags)
        query = select(
            ClipRow.id,
            ClipRow.model,
            ClipRow.prompt_key,
            ClipRow.sample,
            ClipRow.latency_s,
            ClipRow.cost_usd,
            ClipRow.duration_s,
            ClipRow.said,
        )
        placed: list[tuple[tuple[str, str, str, int], RankedClip]] = []
        marks: dict[str | None, tuple[Mark, ...]] = {None: ()}
        with self.session() as session:
            prompts = {key: (id, tuple(tags)) for key, id, tags in session.connection().execute(of_prompts)}
            for rows in raw_rows(session, query):
                for id, model, key, sample, latency_s, cost_usd, duration_s, said in rows:
                    prompt_id, tags = prompts[key]
                    if said not in marks:
                        marks[said] = marks_in(json.loads(said))
                    clip = RankedClip(id, model, key, tags, latency_s, cost_usd, duration_s or 0.0, marks[said])
                    placed.append(((prompt_id, key, model, sample), clip))
        placed.sort(key=itemgetter(0))  # here, since servers differ in how they sort text
        return [clip for _, clip in placed]

    def clip_places(self) -> dict[str, ClipPlace]:
        """Clip id → where it stands in a table of scores, in the order of such a table."""
        query = select(ClipRow.id, ClipRow.model, PromptRow.id, ClipRow.sample, ClipRow.sha256).join(PromptRow)
        with self.session() as session:
            rows = session.connection().execute(query).all()
        places = {row[0]: ClipPlace._make(row[1:]) for row in rows}
        return dict(sorted(places.items(), key=lambda item: (item[1][:3], item[0])))

    def media_keys(self, model: str | None = None) -> set[str]:
        """Where the files of all clips or of one tool's lie, casefolded: some file systems take `A` and `a` for one."""
        query = select(ClipRow.media)
        if model is not None:
            query = query.where(func.lower(ClipRow.model) == func.lower(model))
        with self.session() as session:
            return {media.casefold() for media in session.scalars(query)}

    def n_clips(self) -> int:
        """How many clips there are."""
        with self.session() as session:
            return session.scalar(select(func.count()).select_from(ClipRow)) or 0

    def cells(self) -> dict[str, Cell]:
        """Clip id → the place it holds, of all clips."""
        columns = (ClipRow.id, ClipRow.model, ClipRow.prompt_key, ClipRow.sample)
        with self.session() as session:
            return {id: Cell(model, key, sample) for id, model, key, sample in session.execute(select(*columns))}

    def clip_ids_in(self, cells: Iterable[Cell]) -> dict[Cell, str]:
        """Place → id of the clip that holds it, where there is one; one query, however many places."""
        wanted = set(cells)
        if not wanted:
            return {}
        columns = (ClipRow.model, ClipRow.prompt_key, ClipRow.sample, ClipRow.id)
        query = select(*columns).where(
            ClipRow.prompt_key.in_({cell.prompt_key for cell in wanted}),
            ClipRow.model.in_({cell.model for cell in wanted}),
        )
        with self.session() as session:
            there = {Cell(model, key, sample): id for model, key, sample, id in session.execute(query)}
        return {cell: id for cell, id in there.items() if cell in wanted}

    def clip(self, id_prefix: str) -> Clip:
        """The clip whose id begins so.

        Raises:
            BenchError: none does, or several do.
        """
        query = select(ClipRow, PromptRow).join(PromptRow).where(ClipRow.id.startswith(id_prefix, autoescape=True))
        with self.session() as session:
            rows = session.execute(query.limit(2)).all()
        if len(rows) != 1 or not id_prefix:
            problem = "no clip" if not rows else "more than one clip"
            raise BenchError(f"{problem} in {self.root} has an id that begins with {id_prefix!r}; see vbench scores")
        return clip_record(rows[0][0], rows[0][1], self.root)

    def clip_by_sha(self, sha256: str) -> Clip | None:
        """A clip with this file, or None; the same file may serve several prompts."""
        query = select(ClipRow, PromptRow).join(PromptRow).where(ClipRow.sha256 == sha256).limit(1)
        with self.session() as session:
            row = session.execute(query).first()
        return None if row is None else clip_record(row[0], row[1], self.root)

    def taken(self, model: str, prompt_key: str, sample: int) -> Clip | None:
        """The clip that holds this place, or None."""
        query = (
            select(ClipRow, PromptRow)
            .join(PromptRow)
            .where(ClipRow.model == model, ClipRow.prompt_key == prompt_key, ClipRow.sample == sample)
        )
        with self.session() as session:
            row = session.execute(query).first()
        return None if row is None else clip_record(row[0], row[1], self.root)

    def clip_path(self, clip: Clip) -> Path:
        """The original file of a clip on this machine.

        Raises:
            FileNotFoundError: it is gone.
            OSError: the bucket it lies in cannot be read, or holds other bytes.
        """
        if clip.linked:
            path = Path(clip.media)
            if not path.exists():
                raise FileNotFoundError(clip.media)
            return path
        return self.media.local(clip.media, sha256=clip.sha256)
