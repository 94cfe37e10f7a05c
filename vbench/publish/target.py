"""Where a board is published: a folder, a bucket, a data set or a Space of a hub."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vbench.bench import Bench
from vbench.bench.remote import RemoteFiles
from vbench.errors import BenchError, OptionError
from vbench.files import home_expanded, write_text
from vbench.publish import hub
from vbench.publish.results import Edition, read_results, results
from vbench.publish.site import RESULTS, BuiltSite, build
from vbench.text import first_line

HUB = "hf:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What was published."""

    target: str
    url: str
    """Where to look."""
    folder: str
    """Where its files were made; empty: they are gone."""
    first_page_bytes: int
    """Of a site."""
    notes: tuple[str, ...]


def publish(
    bench: Bench, target: str, edition: Edition, *, clips: bool = True, work: Path | None = None, dry_run: bool = False
) -> Publication:
    """Publish the boards of a bench.

    Args:
        bench: Scored.
        target: A folder, ``s3://bucket/prefix`` or another address of fsspec, ``hf:dataset/ORG/NAME``,
            ``hf:space/ORG/NAME``.
        edition: Title, and why tools are gone.
        clips: With the clips, where the target is a site.
        work: Folder to make the files in and leave them; None: one that is thrown away.
        dry_run: Make the files and send nothing; needs `work`, but for a folder.

    Raises:
        OptionError: the target is none of these, or cannot be written to.
        AuthError: the hub does not let this account write.
    """
    is_away = target.startswith(HUB) or "://" in target
    if dry_run and is_away and work is None:
        raise OptionError("a dry run makes files and sends none; say where to with `build=`")
    if not is_away:
        site = build(bench, home_expanded(target), edition, clips=clips)
        return _told(target, str(home_expanded(target) / "index.html"), site, site.folder)
    if target.startswith(HUB):
        kind, _, name = target.removeprefix(HUB).partition("/")
        if kind not in ("dataset", "space"):
            raise OptionError(f"{target!r}: write hf:dataset/ORG/NAME or hf:space/ORG/NAME")
        repo = hub.checked_repo(name)
    with _folder(work) as folder:
        if target.startswith(HUB) and kind == "dataset":
            document = results(bench, edition, read_results(folder / RESULTS))
            hub.data_set(bench, document, folder, repo)
            site = BuiltSite(folder=str(folder), n_files=0, n_clips=0, first_page_bytes=0, notes=())
        else:
            if "://" in target:
                _fetch_results(target, folder)
            site = build(bench, folder, edition, clips=clips)
        if target.startswith(HUB) and kind == "space":
            document = read_results(folder / RESULTS) or {}
            write_text(folder / "README.md", hub.space_card(document))
        kept = str(folder) if work is not None else ""
        if dry_run:
            return _told(target, "", site, kept)
        if target.startswith(HUB):
            pushed = hub.push(folder, repo, "space" if kind == "space" else "dataset", message=edition.title)
            return _told(target, pushed.url, site, kept)
        _put(folder, target)
        return _told(target, f"{target.rstrip('/')}/index.html", site, kept)


def _told(target: str, url: str, site: BuiltSite, folder: str) -> Publication:
    return Publication(target=target, url=url, folder=folder, first_page_bytes=site.first_page_bytes, notes=site.notes)


@contextmanager
def _folder(work: Path | None) -> Iterator[Path]:
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
        yield work
        return
    with tempfile.TemporaryDirectory(prefix="vbench-publish-") as folder:
        yield Path(folder)


def _fetch_results(target: str, folder: Path) -> None:
    """The document published there before, so that its history goes on."""
    try:
        there = RemoteFiles(target)
        if there.exists(RESULTS):
            there.get(RESULTS, folder / RESULTS)
    except (BenchError, OSError) as error:
        raise OptionError(f"{target}: cannot be read ({first_line(error)})") from None


def _put(folder: Path, target: str) -> None:
    """Copy every file, the first page last: a reader never meets links to what is not there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    try:
        there = RemoteFiles(target)
        for path in sorted(paths, key=lambda path: path.name == "index.html"):
            there.put(path, path.relative_to(folder).as_posix())
    except (BenchError, OSError) as error:
        raise OptionError(f"{target}: cannot be written to ({first_line(error)})") from None
