"""`vbench votes`: bring votes in, take them out, rate tools by them, and ask whether they may be believed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vbench.cli.options import EXIT_FAILURES, BenchPath, Json, Strict, option, print_json, print_line, takes

if TYPE_CHECKING:
    from vbench.rank.vote_board import VoteQuery

app = typer.Typer(help="Votes in and out, ratings from them, and whether to believe them.", no_args_is_help=True)
Voter = Annotated[str, typer.Option(help="Only this voter's: a hash as votes export shows it.")]
By = Annotated[str, typer.Option(help="Also by a tag or a facet of tags, such as camera.")]


@app.command("import")
def import_votes(
    file: Annotated[Path, typer.Argument(help="CSV or JSONL of votes, or FastChat's battle log as JSONL.")],
    bench: BenchPath = None,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Bring in votes that were cast elsewhere; says of each row what became of it."""
    from vbench.arena.vote_files import import_votes as run
    from vbench.bench import Bench

    with Bench.open(bench, create=False) as opened:
        report = run(opened, file)
    if as_json:
        print_json({"counts": report.counts, "lines": [asdict(line) for line in report.lines]})
    else:
        for line in report.lines:
            if line.state != "imported":
                print_line(f"{file}:{line.line}: {line.state}: {line.why}")
        print_line(", ".join(f"{n} {state}" for state, n in report.counts.items()) or "no rows")
    if strict and "refused" in report.counts:
        raise typer.Exit(EXIT_FAILURES)


@app.command("export")
def export_votes(
    out: Annotated[Path, typer.Argument(help="File to write.")],
    bench: BenchPath = None,
    format: Annotated[Literal["csv", "jsonl", "fastchat"], typer.Option(help="How to write it.")] = "csv",
) -> None:
    """Write every vote with whether it counts and why not."""
    from vbench.arena.vote_files import export_votes as run
    from vbench.bench import Bench

    with Bench.open(bench, create=False) as opened:
        n = run(opened, out, format)
    print_line(f"{n} votes: {out}")


def _query(values: dict[str, Any]) -> VoteQuery:
    from vbench.rank.vote_board import VoteQuery

    return VoteQuery(**{**values, "control": tuple(values["control"] or ())})


QUERY = (
    option("by", str, default="", help="By a tag or a facet of tags."),
    option("aspect", str, default="", help="Votes on one aspect instead of the whole."),
    option("voter", str, default="", help="Only this voter's: a board of their own."),
    option("sound", Literal["", "heard", "muted"], default="", help="Only votes of clips heard, or muted."),
    option(
        "ties", Literal["davidson", "half"], default="davidson", help="An outcome of their own, or half a win each."
    ),
    option(
        "cluster",
        Literal["prompt", "voter", "both", "vote"],
        default="prompt",
        help="What intervals take for independent.",
    ),
    option("control", list[str] | None, help="resolution, fps, seconds, sound or side; repeatable."),
    option("weigh", bool, "--weigh", default=False, help="Undo the odds with which pairs were drawn."),
)


@app.command("board")
@takes("query", QUERY, _query)  # type: ignore[arg-type]
def board(*, bench: BenchPath = None, query: VoteQuery, as_json: Json = False) -> None:
    """Rate the tools by votes: Bradley-Terry with ties, intervals, and how few votes carry the first place."""
    from vbench.bench import Bench
    from vbench.rank.vote_board import vote_board

    with Bench.open(bench, create=False) as opened:
        result = vote_board(opened, query)
    if as_json:
        print_json({**asdict(result)})
        return
    for row in result.rows:
        if row.rating is None:
            print_line(f"{row.tag:<20}{'–':>5}  {row.tool:<28} no vote")
            continue
        interval = "" if row.low is None else f"[{row.low:.0f}, {row.high:.0f}]"
        rank = f"{row.rank_low}" if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"
        mark = "  provisional" if row.is_provisional else ""
        print_line(
            f"{row.tag:<20}{rank:>5}  {row.tool:<28}{row.rating:>6.0f} {interval:<14}{row.n_votes:>6} votes{mark}"
        )
    for effect in result.effects:
        interval = "" if effect.low is None else f" [{effect.low:+.0f}, {effect.high:+.0f}]"
        print_line(f"{effect.covariate}: {effect.elo:+.0f} Elo{interval} for {effect.per}")
    for note in result.notes:
        print_line(f"note: {note}")


@app.command("check")
def check(bench: BenchPath = None, as_json: Json = False) -> None:
    """Check voters: their own repeats, pairs with a known answer, and how they vote beside all others."""
    from vbench.bench import Bench
    from vbench.rank.vote_checks import voter_checks

    with Bench.open(bench, create=False) as opened:
        checks = voter_checks(opened)
    if as_json:
        print_json({"voters": [asdict(each) for each in checks]})
        return
    for each in checks:
        p = "too few votes to test" if each.p_value is None else f"p = {each.p_value:.3f}"
        print_line(
            f"{each.voter or '(nobody)':<18}{each.n_votes:>5} votes  {each.n_same} of {each.n_twice} repeats the same  "
            f"{each.n_gold_right} of {each.n_gold} gold  agrees {each.n_agree} of {each.n_decisive}, expected "
            f"{each.n_expected:.1f}, {p}{'  OUTLIER' if each.is_outlier else ''}"
        )


@app.command("metrics")
def metrics(bench: BenchPath = None, voter: Voter = "", by: By = "", as_json: Json = False) -> None:
    """Say how well each metric predicts these votes: may its number be trusted for these prompts?"""
    from vbench.bench import Bench
    from vbench.rank.vote_metrics import metric_trust

    with Bench.open(bench, create=False) as opened:
        rows = metric_trust(opened, voter=voter, by=by)
    if as_json:
        print_json({"rows": [asdict(row) for row in rows]})
        return
    for row in rows:
        interval = f"[{row.low:.2f}, {row.high:.2f}]"
        name = f"{row.metric} · {row.tag}" if row.tag else row.metric
        print_line(
            f"{name:<40}{row.share:>5.2f} {interval:<14}{row.n_votes:>5} votes{row.n_prompts:>5} prompts  {row.verdict}"
        )
