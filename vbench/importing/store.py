"""Stores matched files in a Bench: file first, then its row, so that a run killed anywhere can be repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vbench.errors import ClipError, ItemError
from vbench.files import sha256_of
from vbench.importing.match import Match
from vbench.importing.scan import ClipFile
from vbench.marks import marks_of
from vbench.records import Clip, Failure
from vbench.text import printable

if TYPE_CHECKING:
    from vbench.bench import Bench

State = Literal["imported", "matched", "there", "unmatched", "refused", "failed"]
Progress = Callable[[int, int, str], None]
"""Called with files done, files in all, and the file that comes next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutcome:
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
    warnings: tuple[str, ...] = ()
    """What the probe says of the clip, such as that its end is missing."""
    marks: tuple[str, ...] = ()
    """The same by name, as in `vbench.marks.MARKS`."""
    is_damaged: bool = False
    """Part of the clip is missing or spoilt."""


def store_all(
    bench: Bench | None, matches: list[Match], *, dry_run: bool, link: bool, progress: Progress | None
) -> list[FileOutcome]:
    """Take each matched file whose cell is still free into the bench; what became of it.

    Raises:
        UserError: the bench cannot be written to.
    """
    by_cell = {clip.cell: clip for clip in bench.clips()} if bench is not None else {}
    taken = bench.media_keys() if bench is not None else set()
    outcomes = []
    for n, match in enumerate(matches):
        file = printable(match.file.path)
        if progress is not None:
            progress(n, len(matches), file)
        state, clip, reason = _store(bench, match, by_cell.get(match.cell), taken, dry_run=dry_run, link=link)
        if clip is not None:
            taken.add(clip.media.casefold())
        marks = marks_of(clip.probe) if clip is not None else ()
        outcomes.append(
            FileOutcome(
                file=file,
                state=state,
                model=match.model,
                prompt_id=match.prompt.id,
                sample=match.sample,
                clip=clip.id if clip is not None else "",
                reason=reason,
                warnings=clip.probe.warnings if clip is not None else (),
                marks=tuple(mark.name for mark in marks),
                is_damaged=any(mark.is_damage for mark in marks),
            )
        )
    return outcomes


def _store(
    bench: Bench | None, match: Match, holder: Clip | None, taken: set[str], *, dry_run: bool, link: bool
) -> tuple[State, Clip | None, str]:
    subject = printable(match.file.path)
    try:
        if bench is None or (dry_run and holder is None):
            return "matched", None, ""
        before = _stamps(match.file)
        sha256 = _sha256(match.file)
        if holder is not None and holder.sha256 == sha256:
            return "there", holder, ""
        if holder is not None:
            held_by = f"{match.model}, prompt {match.prompt.id!r}, sample {match.sample}"
            return "refused", None, f"{held_by} is another file ({holder.media}); give this one another sample number"
        clip = _new_clip(match, sha256, None if link else taken)
        if not link:
            _put(bench, match.file, clip.media)
        if _stamps(match.file) != before:
            if not link:
                _remove(bench, match.file, clip.media)
            raise ClipError("changed while it was read; wait until it is complete and import again", code="changed")
        bench.add_clip(clip)
        bench.clear_failure("import", subject)
    except ItemError as error:
        message = printable(str(error).removeprefix(f"{match.file.path}: "))
        if bench is not None and not dry_run:
            bench.add_failure(Failure(stage="import", subject=subject, code=error.code, message=message))
        return "failed", None, message
    return "imported", clip, ""


def _new_clip(match: Match, sha256: str, taken: set[str] | None) -> Clip:
    from vbench.bench.clips import clip_from_file
    from vbench.video import probe  # here, since it loads a codec library

    return clip_from_file(
        match.file.path,
        model=match.model,
        prompt=match.prompt,
        sample=match.sample,
        probe=probe(match.file.path),
        provenance=match.provenance,
        sha256=sha256,
        taken=taken,
    )


def _stamps(file: ClipFile) -> list[tuple[int, int]]:
    """Size and time of change of every part: two equal lists with the reading between them mean one content.

    Raises:
        ClipError: a file is gone, cannot be read, or is empty.
    """
    stamps = []
    for path in file.frames or (file.path,):
        try:
            facts = path.stat()
        except OSError as error:
            raise ClipError(f"cannot be read ({error.strerror}); check that it is there and may be read") from None
        if facts.st_size == 0:
            raise ClipError("is empty; copy or download it again", code="empty")
        stamps.append((facts.st_size, facts.st_mtime_ns))
    return stamps


def _sha256(file: ClipFile) -> str:
    try:
        return sha256_of(file.path)
    except OSError as error:
        raise ClipError(f"cannot be read ({error.strerror}); check its permissions and the disk") from None


def _put(bench: Bench, file: ClipFile, key: str) -> None:
    if not file.frames:
        bench.media.put(file.path, key)
        return
    if bench.media.is_remote:
        raise ClipError("a folder of frames cannot live in a bucket; make a video of it, or import it with `link=`")
    _remove(bench, file, key)
    for n, frame in enumerate(file.frames):
        bench.media.put(frame, f"{key}/{n:06d}{frame.suffix.lower()}")


def _remove(bench: Bench, file: ClipFile, key: str) -> None:
    """Take away a copy that no row speaks of: one that was cut short, or whose source changed meanwhile."""
    if not bench.media.exists(key):
        return
    names = [f"/{frame.name}" for frame in bench.media.local(key).iterdir()] if file.frames else [""]
    for name in names:
        bench.media.delete(f"{key}{name}")
