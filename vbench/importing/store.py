"""Brings matched files into a Bench: file first, then its row, so that a run killed anywhere can simply be repeated."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vbench.catalog import SUITE_SUFFIXES, find_suite
from vbench.errors import ClipError, ItemError, OptionError
from vbench.importing.files import Found, printable, scan_folder
from vbench.importing.manifest import match_by_manifest
from vbench.importing.matching import (
    Match,
    PromptIndex,
    Unmatched,
    match_by_layout,
    match_by_pattern,
    one_per_place,
)
from vbench.media import clip_key, sha256_of
from vbench.records import Clip, Failure, Prompt, clip_id

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did, file by file."""

    items: tuple[Item, ...]
    others: tuple[str, ...]
    """Files of the folder that are no clips."""
    prompts_without_clips: tuple[str, ...]
    """Ids of prompts of the folder's suite (or of `prompts`) for which it has no clip of any tool."""

    @property
    def counts(self) -> dict[str, int]:
        """State → number of files."""
        return dict(Counter(item.state for item in self.items))

    @property
    def is_complete(self) -> bool:
        """Whether every clip found its place."""
        return not {"unmatched", "refused", "failed"} & self.counts.keys()


def import_folder(
    bench: Bench | None,
    folder: str | Path,
    *,
    prompts: str | Path | Sequence[Prompt] | None = None,
    pattern: str | None = None,
    manifest: str | Path | None = None,
    dry_run: bool = False,
    link: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import the clips of a folder; what is there already is left alone.

    Args:
        bench: Where to; None only for a dry run where there is no bench yet.
        folder: ``<model>/<prompt-id>-<sample>.<ext>`` or ``<model>/<prompt text>-<sample>.<ext>``, or one tool's
            files alone in a folder named after it; a folder of PNG or JPG frames is a clip as well.
        prompts: Suite, by name, path or records; default: ``prompts.*`` in the folder, and all prompts of the bench.
        pattern: Another layout, such as ``{prompt}/{model}_{sample}``, over paths without suffix.
        manifest: CSV or JSONL that says it file by file; paths are relative to `folder` and may not leave it.
        dry_run: Match, and change nothing.
        link: Reference the files where they lie instead of copying them.
        progress: Called before each file.

    Raises:
        UserError: the folder, suite, pattern or manifest cannot be used, or the bench cannot be written to.
    """
    folder = Path(os.path.abspath(folder))
    if not folder.is_dir():
        raise OptionError(f"{folder}: no such folder; pass the folder that holds the tools' folders")
    if pattern is not None and manifest is not None:
        raise OptionError("--pattern and --manifest both say how files are named; pass one")
    if bench is None and not dry_run:
        raise OptionError("no bench to import into; open one, or ask for a dry run")
    wanted = _suite_prompts(folder, prompts)
    known = {prompt.key: prompt for prompt in (bench.prompts() if bench is not None else [])}
    wanted = [_fuller(prompt, known.get(prompt.key)) for prompt in wanted]
    index = PromptIndex(wanted or known.values())

    scan = scan_folder(folder, skip=bench.root if bench is not None else None)
    if manifest is not None:
        matches, unmatched = match_by_manifest(Path(manifest), folder, index, folder.resolve().name)
        named = {str(match.found.path) for match in matches} | {str(item.path) for item in unmatched}
        left = [found.path for found in scan.clips if str(found.path) not in named]
        unmatched += [Unmatched(path, f"is not in {Path(manifest).name}; add a row for it") for path in left]
    elif pattern is not None:
        matches, unmatched = match_by_pattern(scan.clips, index, pattern)
    else:
        matches, unmatched = match_by_layout(scan.clips, index, folder)
    single, shared = one_per_place(matches)

    if bench is not None and not dry_run:
        bench.add_prompts(prompt for prompt in wanted if known.get(prompt.key) != prompt)
    items = [
        *_take_all(bench, single, dry_run=dry_run, link=link, progress=progress),
        *(_item(item.path, "refused", item.reason) for item in shared),
        *(_item(item.path, "unmatched", item.reason) for item in unmatched),
        *(_item(path, "failed", reason) for path, reason in scan.unreadable),
    ]
    if bench is not None and not dry_run:
        for path, reason in scan.unreadable:
            bench.add_failure(Failure(stage="import", subject=printable(path), code="unreadable", message=reason))
    with_clips = {match.prompt.key for match in matches}
    return ImportReport(
        items=tuple(items),
        others=tuple(printable(path) for path in scan.others if not _is_ours(path, folder, manifest)),
        prompts_without_clips=tuple(prompt.id for prompt in wanted if prompt.key not in with_clips),
    )


def _suite_prompts(folder: Path, prompts: str | Path | Sequence[Prompt] | None) -> list[Prompt]:
    if prompts is None:
        files = [folder / f"prompts{suffix}" for suffix in SUITE_SUFFIXES]
        found = [path for path in files if path.is_file()]
        if len(found) > 1:
            names = " and ".join(path.name for path in found)
            raise OptionError(f"{folder} has {names}; remove one, or choose with --prompts")
        return list(find_suite(found[0]).prompts) if found else []
    return list(find_suite(prompts).prompts) if isinstance(prompts, str | Path) else list(prompts)


def _fuller(new: Prompt, known: Prompt | None) -> Prompt:
    """The bench's own record of a prompt where the new one only repeats its id and text."""
    return known if known is not None and not new.tags and not new.expects else new


def _is_ours(path: Path, folder: Path, manifest: str | Path | None) -> bool:
    if manifest is not None and path.resolve() == Path(manifest).resolve():
        return True
    return path.parent == folder and path.stem == "prompts" and path.suffix in SUITE_SUFFIXES


def _item(path: Path, state: State, reason: str) -> Item:
    return Item(file=printable(path), state=state, reason=reason)


# --- one file ---------------------------------------------------------------------------------------------------------


def _take_all(
    bench: Bench | None, matches: list[Match], *, dry_run: bool, link: bool, progress: Progress | None
) -> list[Item]:
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
        return sha256_of(found.path, found.frames)
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
