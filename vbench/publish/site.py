"""A site without a server or a script: boards, votes, costs, a page for each metric, tag and prompt, and history."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from vbench.bench import Bench
from vbench.bench.media import safe_name
from vbench.errors import ItemError, OptionError
from vbench.files import write_text
from vbench.publish.results import SCHEMA_FILE, Document, Edition, read_results, results, schema
from vbench.records import Clip
from vbench.video import is_browser_playable, proxy

RESULTS = "results.json"
PLOT = (640, 300, 46)
"""Width, height and margin of a plot, in its own units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltSite:
    """What was written."""

    folder: str
    n_files: int
    n_clips: int
    first_page_bytes: int
    notes: tuple[str, ...]


def build(bench: Bench, folder: Path, edition: Edition, *, clips: bool = True) -> BuiltSite:
    """Write a site into a folder: a new one, or one that holds an earlier edition of it, whose history goes on.

    Args:
        bench: Scored.
        folder: Where to; other files in it stay.
        edition: Title, and why tools are gone.
        clips: With the clips: copies of those that browsers play, proxies of the others.

    Raises:
        OptionError: the folder holds something else.
        BenchError: the bench has no clips.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / RESULTS).exists():
        raise OptionError(f"{folder}: is not empty and holds no {RESULTS} of an earlier edition; name another folder")
    document = results(bench, edition, read_results(folder / RESULTS))
    notes: list[str] = []
    media = _media(bench, folder, notes) if clips else {}
    env = Environment(
        loader=PackageLoader("vbench.publish"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["number"] = _number
    env.globals.update(page_name=page_name, plot=plot, marks={t["tool"]: t["marks"] for t in document["tools"]})
    for old in ("metrics", "tags", "prompts"):
        shutil.rmtree(folder / old, ignore_errors=True)
    n_files = 2 + len(media)

    def page(path: str, template: str, **values: Any) -> None:
        nonlocal n_files
        n_files += 1
        root = "../" * path.count("/")
        write_text(folder / path, env.get_template(template).render(doc=document, root=root, **values))

    boards = _boards(document)
    for (metric, tag), rows in boards.items():
        if not tag:
            page(f"metrics/{page_name(metric)}.html", "board.html.j2", heading=metric, rows=rows, metric=metric)
    for tag in sorted({tag for _, tag in boards if tag}):
        rows = boards[document["headline"], tag]
        page(f"tags/{page_name(tag)}.html", "board.html.j2", heading=tag, rows=rows, metric=document["headline"])
    for prompt in document["prompts"]:
        page(f"prompts/{prompt['key']}.html", "prompt.html.j2", prompt=prompt, media=media)
    page("history.html", "history.html.j2")
    write_text(folder / SCHEMA_FILE, json.dumps(schema(), indent=1) + "\n")
    write_text(
        folder / RESULTS, json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    )
    tags = sorted({tag for _, tag in boards if tag})
    top = boards.get((document["headline"], ""), [])
    page("index.html", "index.html.j2", rows=top, tags=tags)  # last: a reader never meets links to what is not there
    return BuiltSite(
        folder=str(folder),
        n_files=n_files,
        n_clips=len(media),
        first_page_bytes=(folder / "index.html").stat().st_size,
        notes=tuple(notes),
    )


def _boards(document: Document) -> dict[tuple[str, str], list[dict[str, Any]]]:
    boards: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in document["rows"]:
        boards[row["metric"], row["tag"]].append(row)
    return dict(boards)


def page_name(name: str) -> str:
    """The file name of a page, without its suffix."""
    return safe_name(name).replace(" ", "-")


def _number(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}g}"


def _media(bench: Bench, folder: Path, notes: list[str]) -> dict[str, str]:
    """Clip id → its file in the site; a clip that cannot be shown is told."""
    media: dict[str, str] = {}
    by_sha: dict[str, str] = {}
    for clip in bench.clips():
        if clip.sha256 not in by_sha:
            try:
                by_sha[clip.sha256] = _shown(bench, clip, folder)
            except (ItemError, OSError) as error:
                notes.append(f"{clip.model}, {clip.prompt.id}, sample {clip.sample}: cannot be shown ({error})")
                continue
        media[clip.id] = by_sha[clip.sha256]
    wanted = {Path(name).name for name in by_sha.values()}
    for old in (folder / "media").glob("*"):
        if old.name not in wanted and not old.name.startswith("."):
            old.unlink()
    return media


def _shown(bench: Bench, clip: Clip, folder: Path) -> str:
    source = bench.clip_path(clip)
    is_as_it_is = source.is_file() and is_browser_playable(clip.probe)
    name = f"media/{clip.sha256[:32]}{source.suffix.lower() if is_as_it_is else '.mp4'}"
    target = folder / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_as_it_is:
            shutil.copyfile(source, target)
        else:
            proxy(source, target)
    return name


# --- plots --------------------------------------------------------------------------------------------------------


def plot(rows: Sequence[Mapping[str, Any]], x: str, front: str) -> dict[str, Any] | None:
    """Dots of quality over a price, and the line of those that no other beats; None where fewer than two are known.

    Args:
        rows: As `efficiency` of the document.
        x: Key of the price.
        front: Key that tells who is on the front.
    """
    known = [row for row in rows if row["quality"] is not None and row[x] is not None]
    if len(known) < 2:
        return None
    width, height, margin = PLOT
    to_x = _scale([row[x] for row in known], margin, width - margin)
    to_y = _scale([row["quality"] for row in known], height - margin, margin)
    dots = [
        {"tool": row["tool"], "x": to_x(row[x]), "y": to_y(row["quality"]), "is_front": row[front]} for row in known
    ]
    line = sorted((dot["x"], dot["y"]) for dot in dots if dot["is_front"])
    return {
        "dots": dots,
        "line": " ".join(f"{px:.1f},{py:.1f}" for px, py in line),
        "width": width,
        "height": height,
        "low": min(row[x] for row in known),
        "high": max(row[x] for row in known),
    }


def _scale(values: Sequence[float], start: float, end: float) -> Callable[[float], float]:
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)
