"""Takes one matched file into a Bench: file first, then its row, so that a run killed anywhere can be repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vbench.bench.media import clip_key
from vbench.errors import ClipError, ItemError
from vbench.files import sha256_of
from vbench.importing.match import Match
from vbench.importing.scan import Found
from vbench.records import Clip, Failure, clip_id
from vbench.text import printable

if TYPE_CHECKING:
    from vbench.bench import Bench

State = Literal["imported", "matched", "there", "unmatched", "refused", "failed"]
Progress = Callable[[int, int, str], None]
"""Called with files done, files in all, and the file that comes next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What became of one file."""

    file: str
    state: State
    """imported; matched (dry run: would be imported); there (was imported before); unmatched (no certain prompt);
    refused (its place is another file's); failed (cannot be read)."""
    model: str = ""
    prompt_id: str = ""
    sample: int | None = None
    clip: str = ""
    reason: str = ""


def take_all(
    bench: Bench | None, matches: list[Match], *, dry_run: bool, link: bool, progress: Progress | None
) -> list[Item]:
    """Take each matched file, with its place still free, into the bench; what became of it.

    Raises:
        UserError: the bench cannot be written to.
    """
    clips = bench.clips() if bench is not None else []
    by_place = {(clip.model, clip.prompt.key, clip.sample): clip for clip in clips}
    keys = {clip.media.casefold() for clip in clips}
    items = []
    for n, match in enumerate(matches):
        file = printable(match.found.path)
        if progress is not None:
            progress(n, len(matches), file)
        state, clip, reason = _take(bench, match, by_place.get(match.place), keys, dry_run=dry_run, link=link)
        if clip is not None:
            keys.add(clip.media.casefold())
        items.append(
            Item(
                file=file,
                state=state,
                model=match.model,
                prompt_id=match.prompt.id,
                sample=match.sample,
                clip=clip.id if clip is not None else "",
                reason=reason,
            )
        )
    return items


def _take(
    bench: Bench | None, match: Match, holder: Clip | None, keys: set[str], *, dry_run: bool, link: bool
) -> tuple[State, Clip | None, str]:
    subject = printable(match.found.path)
    try:
        if bench is None or (dry_run and holder is None):
            return "matched", None, ""
        before = _stamps(match.found)
        sha256 = _sha256(match.found)
        if holder is not None and holder.sha256 == sha256:
            return "there", holder, ""
        if holder is not None:
            held_by = f"{match.model}, prompt {match.prompt.id!r}, sample {match.sample}"
            return "refused", None, f"{held_by} is another file ({holder.media}); give this one another sample number"
        clip = _new_clip(bench, match, sha256, keys, link=link)
        if not link:
            _put(bench, match.found, clip.media)
        if _stamps(match.found) != before:
            if not link:
                _remove(bench, match.found, clip.media)
            raise ClipError("changed while it was read; wait until it is complete and import again", code="changed")
        bench.add_clip(clip)
        bench.clear_failure("import", subject)
    except ItemError as error:
        message = printable(str(error).removeprefix(f"{match.found.path}: "))
        if bench is not None and not dry_run:
            bench.add_failure(Failure(stage="import", subject=subject, code=error.code, message=message))
        return "failed", None, message
    return "imported", clip, ""


def _new_clip(bench: Bench, match: Match, sha256: str, keys: set[str], *, link: bool) -> Clip:
    from vbench.video import probe  # here, since it loads a codec library

    path = match.found.path
    return Clip(
        id=clip_id(match.model, match.prompt.text, match.sample, sha256),
        model=match.model,
        prompt=match.prompt,
        sample=match.sample,
        sha256=sha256,
        media=str(path.resolve()) if link else _media_key(match, sha256, keys),
        linked=link,
        probe=probe(path),
        provenance=match.provenance,
    )


def _media_key(match: Match, sha256: str, keys: set[str]) -> str:
    """Where the copy lies: a name for people; with part of its hash where that name is another clip's."""
    suffix = "" if match.found.frames else match.found.path.suffix.lower()
    place = (match.model, match.prompt.id, match.sample, suffix)
    plain = clip_key(*place)
    return plain if plain.casefold() not in keys else clip_key(*place, sha256)


def _files(found: Found) -> tuple[Path, ...]:
    return found.frames or (found.path,)


def _stamps(found: Found) -> list[tuple[int, int]]:
    """Size and time of change of every file: two equal lists with the reading between them mean one content.

    Raises:
        ClipError: a file is gone, cannot be read, or is empty.
    """
    stamps = []
    for path in _files(found):
        try:
            facts = path.stat()
        except OSError as error:
            raise ClipError(f"cannot be read ({error.strerror}); check that it is there and may be read") from None
        if facts.st_size == 0:
            raise ClipError("is empty; copy or download it again", code="empty")
        stamps.append((facts.st_size, facts.st_mtime_ns))
    return stamps


def _sha256(found: Found) -> str:
    try:
        return sha256_of(found.path)
    except OSError as error:
        raise ClipError(f"cannot be read ({error.strerror}); check its permissions and the disk") from None


def _put(bench: Bench, found: Found, key: str) -> None:
    if not found.frames:
        bench.media.put(found.path, key)
        return
    if "://" in bench.media.url and not bench.media.url.startswith("file://"):
        raise ClipError("a folder of frames cannot live in a bucket; make a video of it, or import it with --link")
    _remove(bench, found, key)
    for n, frame in enumerate(found.frames):
        bench.media.put(frame, f"{key}/{n:06d}{frame.suffix.lower()}")


def _remove(bench: Bench, found: Found, key: str) -> None:
    """Take away a copy that no row speaks of: one that was cut short, or whose source changed meanwhile."""
    if not bench.media.exists(key):
        return
    names = [f"/{frame.name}" for frame in bench.media.local(key).iterdir()] if found.frames else [""]
    for name in names:
        bench.media.delete(f"{key}{name}")
