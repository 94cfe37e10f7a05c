"""`vbench selects`: what people decided about takes, and the timelines made of it."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from vbench.cli.options import BenchPath, Json, names, print_json, print_line
from vbench.errors import OptionError

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.exports import Take
    from vbench.exports.selects import Decided
    from vbench.records import SelectState


class SelectFormat(StrEnum):
    """How selects are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    OTIO = "otio"
    EDL = "edl"
    FCPXML = "fcpxml"
    XMEML = "xmeml"
    RESOLVE = "resolve"


LISTS = (SelectFormat.TABLE, SelectFormat.JSON, SelectFormat.CSV)


def selects(
    *,
    bench: BenchPath = None,
    state: Annotated[
        str | None,
        typer.Option(
            help="Only these, with commas: reject, maybe, selected, approved, open.  "
            "[default: all; for timelines selected,approved]",
            show_default=False,
        ),
    ] = None,
    format: Annotated[SelectFormat, typer.Option(help="A list, or a timeline for an editing program.")] = (
        SelectFormat.TABLE
    ),
    rate: Annotated[
        float | None, typer.Option(help="Frames a second of the timeline; needed where the takes differ.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; timelines come with their files.")] = None,
    cut: Annotated[
        str | None, typer.Option(help="Instead of takes by state: the shots of this cut, as a timeline.")
    ] = None,
    best_of: Annotated[
        bool, typer.Option("--best-of", help="Instead: how many takes of each tool give a usable one.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List what was selected, or write it as a timeline with sound, ranges and notes."""
    from vbench.bench import Bench

    if as_json:
        format = SelectFormat.JSON
    if rate is not None and format in LISTS:
        raise OptionError(f"`rate=` is that of a timeline; {format.value} counts in seconds, leave it out")
    if cut is not None and (format in LISTS or state or best_of):
        raise OptionError("`cut=` is written as a timeline, by itself; choose its `format=` (vbench cut show lists it)")
    with Bench.open(bench, create=False) as opened:
        if cut is not None:
            from vbench.exports import takes_of_cut

            _write_timeline(takes_of_cut(opened, opened.cut(cut)), format, rate, out)
        elif best_of:
            _print_best_of(opened, as_json=format is SelectFormat.JSON)
        elif format in LISTS:
            _write_list(opened, states_of(state), format, out)
        else:
            _write_timeline(_takes(opened, states_of(state or "selected,approved")), format, rate, out)


def states_of(text: str | None) -> set[SelectState] | None:
    """The states that a list with commas names; None: all.

    Raises:
        OptionError: one is none.
    """
    from vbench.records import SelectState

    if text is None:
        return None
    states: dict[str, SelectState] = {known or "open": known for known in get_args(SelectState)}
    wanted = names(text)
    if unknown := [name for name in wanted if name not in states]:
        raise OptionError(f"`state=` has {', '.join(unknown)}; expected some of {', '.join(states)}")
    return {states[name] for name in wanted}


def _write_list(bench: Bench, states: set[SelectState] | None, format: SelectFormat, out: Path | None) -> None:
    from vbench.exports.selects import rows_as_csv, select_rows
    from vbench.files import write_text

    rows = select_rows(bench, states)
    document = {"schema": 1, "rows": [_as_json(row) for row in rows]}
    if out is not None:
        import json

        if format is SelectFormat.TABLE:
            raise OptionError("`out=` takes a list for programs or a timeline; choose with `format=`")
        text = rows_as_csv(rows) if format is SelectFormat.CSV else json.dumps(document, ensure_ascii=False, indent=2)
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / f"selects.{format.value}", text)
        print(out / f"selects.{format.value}", file=sys.stderr)
    elif format is SelectFormat.JSON:
        print_json(document)
    elif format is SelectFormat.CSV:
        sys.stdout.write(rows_as_csv(rows))
    else:
        _print_table(rows)


def _as_json(row: Decided) -> dict[str, Any]:
    keys = ("start_s", "end_s", "text", "author", "is_resolved")
    return {
        "model": row.clip.model,
        "prompt_id": row.clip.prompt.id,
        "sample": row.clip.sample,
        "state": row.choice.state,
        "reason": row.choice.reason,
        "stars": row.choice.stars,
        "ranges": [list(span) for span in row.choice.ranges],
        "notes": [{key: getattr(note, key) for key in keys} for note in row.notes],
        "approvals": [{"guest": one.guest, "state": one.state} for one in row.approvals],
        "clip": row.clip.id,
    }


def _print_table(rows: list[Decided]) -> None:
    from vbench.exports.folder import spoken_ranges

    for row in rows:
        choice = row.choice
        state = f"{choice.state or 'open'}{f' ({choice.reason})' if choice.reason else ''}"
        place = f"{row.clip.model}  {row.clip.prompt.id}-{row.clip.sample}"
        seconds = f"{spoken_ranges(choice)} s" if choice.ranges else ""
        notes = f"{len(row.notes)} notes" if row.notes else ""
        guests = ", ".join(f"{one.guest}: {one.state}" for one in row.approvals)
        parts = (f"{state:<18}", "*" * choice.stars or "-", place, seconds, notes, guests)
        print_line("  ".join(part for part in parts if part))
    print_line(f"{len(rows)} takes, {sum(row.choice.is_used for row in rows)} used")


def _takes(bench: Bench, states: set[SelectState] | None) -> list[Take]:
    from vbench.exports import takes_of
    from vbench.exports.selects import select_rows

    ids = [row.clip.id for row in select_rows(bench, states)]
    if not ids:
        raise OptionError("no take is in these states; select some on the page, or name others with `state=`")
    return takes_of(bench, ids, author=None)


def _write_timeline(takes: list[Take], format: SelectFormat, rate: float | None, out: Path | None) -> None:
    from vbench.exports import timeline, write_folder

    form: Any = format.value
    if out is None:
        sys.stdout.write(timeline(form, takes, rate))
    else:
        print(write_folder(takes, out, form, rate), file=sys.stderr)


def _print_best_of(bench: Bench, *, as_json: bool) -> None:
    from dataclasses import asdict

    from vbench.rank.selects import best_of

    points = best_of(bench)
    if as_json:
        print_json({"rows": [asdict(point) for point in points]})
        return
    for point in points:
        interval = "" if point.low is None or point.high is None else f"  [{point.low:.0%}, {point.high:.0%}]"
        takes = "1 take gives" if point.n == 1 else f"{point.n} takes give"
        print_line(f"{point.model}: {takes} a usable one with {point.share:.0%}{interval}, {point.n_prompts} prompts")
    if not points:
        print_line("nobody has selected or rejected a take yet; do so on the page")
