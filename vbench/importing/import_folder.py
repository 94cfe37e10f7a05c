"""Imports a folder: finds its clips, matches them to prompts, and tells what became of each file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vbench.catalog import SUITE_SUFFIXES, find_suite
from vbench.errors import OptionError
from vbench.files import home_expanded
from vbench.importing.manifest import match_by_manifest
from vbench.importing.match import (
    PromptIndex,
    Unmatched,
    match_by_layout,
    match_by_pattern,
    one_per_cell,
)
from vbench.importing.scan import scan_folder
from vbench.importing.store import FileOutcome, Progress, State, store_all
from vbench.marks import MARKS
from vbench.records import Failure, Prompt
from vbench.text import printable

if TYPE_CHECKING:
    from vbench.bench import Bench

SHOWN_FILES = 3
"""For which the nearest prompts are looked up where none matched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did, file by file."""

    items: tuple[FileOutcome, ...]
    others: tuple[str, ...]
    """Files of the folder that are no clips."""
    prompts_without_clips: tuple[str, ...]
    """Ids of prompts of the folder's suite (or of `prompts`) for which it has no clip of any tool."""
    notes: tuple[str, ...] = ()
    """On the suite, as `Suite.notes`."""
    nearest: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Where no file is any prompt's: file → ids of the prompts that its name comes nearest to, for a few of them."""

    @property
    def counts(self) -> dict[str, int]:
        """State → number of files."""
        return dict(Counter(item.state for item in self.items))

    @property
    def is_no_match(self) -> bool:
        """Whether no file of the folder is any prompt's."""
        return not self.counts.keys() - {"unmatched"}

    @property
    def n_damaged(self) -> int:
        """Clips of which part is missing or spoilt, those that were there before among them."""
        return sum(item.is_damaged for item in self.items)

    @property
    def marks(self) -> dict[str, int]:
        """Name of a mark → number of clips that bear it, damage first."""
        counts = Counter(name for item in self.items for name in item.marks)
        return {mark.name: counts[mark.name] for mark in MARKS if mark.name in counts}

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
    folder = Path(os.path.abspath(home_expanded(folder)))
    manifest = home_expanded(manifest) if manifest is not None else None
    if not folder.is_dir():
        raise OptionError(f"{folder}: no such folder; pass the folder that holds the tools' folders")
    if pattern is not None and manifest is not None:
        raise OptionError("`pattern=` and `manifest=` both say how files are named; pass one")
    if bench is None and not dry_run:
        raise OptionError("no bench to import into; open one, or ask for a dry run")
    stored = {prompt.key: prompt for prompt in (bench.prompts() if bench is not None else [])}
    suite_prompts, notes = _suite_prompts(folder, prompts)
    wanted = [_fuller(prompt, stored.get(prompt.key)) for prompt in suite_prompts]
    index = PromptIndex(wanted or stored.values())

    scan = scan_folder(folder, skip=bench.root if bench is not None else None)
    if manifest is not None:
        matches, unmatched = match_by_manifest(manifest, folder, index, folder.resolve().name)
        named = {str(match.file.path) for match in matches} | {str(file.path) for file in unmatched}
        unnamed = [file.path for file in scan.clips if str(file.path) not in named]
        unmatched += [Unmatched(path, f"is not in {manifest.name}; add a row for it") for path in unnamed]
    elif pattern is not None:
        matches, unmatched = match_by_pattern(scan.clips, index, pattern)
    else:
        matches, unmatched = match_by_layout(scan.clips, index, folder)
    single, shared = one_per_cell(matches)

    if bench is not None and not dry_run:
        bench.add_prompts(prompt for prompt in wanted if stored.get(prompt.key) != prompt)
    items = [
        *store_all(bench, single, dry_run=dry_run, link=link, progress=progress),
        *(_outcome(file.path, "refused", file.reason) for file in shared),
        *(_outcome(file.path, "unmatched", file.reason) for file in unmatched),
        *(_outcome(path, "failed", reason) for path, reason in scan.unreadable),
    ]
    if bench is not None and not dry_run:
        for path, reason in scan.unreadable:
            bench.add_failure(Failure(stage="import", subject=printable(path), code="unreadable", message=reason))
    with_clips = {match.prompt.key for match in matches}
    return ImportReport(
        items=tuple(items),
        others=tuple(printable(path) for path in scan.others if not _is_ours(path, folder, manifest)),
        prompts_without_clips=tuple(prompt.id for prompt in wanted if prompt.key not in with_clips),
        notes=notes,
        nearest={} if matches else {printable(f.path): tuple(index.nearest(f.path)) for f in unmatched[:SHOWN_FILES]},
    )


def _suite_prompts(
    folder: Path, prompts: str | Path | Sequence[Prompt] | None
) -> tuple[Sequence[Prompt], tuple[str, ...]]:
    """The prompts, and what was read otherwise than it stands."""
    if prompts is None:
        files = [folder / f"prompts{suffix}" for suffix in SUITE_SUFFIXES]
        suites = [path for path in files if path.is_file()]
        if len(suites) > 1:
            names = " and ".join(path.name for path in suites)
            raise OptionError(f"{folder} has {names}; remove one, or choose with `prompts=`")
        if not suites:
            return [], ()
        prompts = suites[0]
    if not isinstance(prompts, str | Path):
        return prompts, ()
    suite = find_suite(prompts)
    return suite.prompts, suite.notes


def _fuller(new: Prompt, stored: Prompt | None) -> Prompt:
    """The bench's own record of a prompt where the new one only repeats its id and text."""
    return stored if stored is not None and not new.tags and not new.expects else new


def _is_ours(path: Path, folder: Path, manifest: Path | None) -> bool:
    if manifest is not None and path.resolve() == manifest.resolve():
        return True
    return path.parent == folder and path.stem == "prompts" and path.suffix in SUITE_SUFFIXES


def _outcome(path: Path, state: State, reason: str) -> FileOutcome:
    return FileOutcome(file=printable(path), state=state, reason=reason)
