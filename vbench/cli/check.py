"""`vbench agreement`, `vbench calibrate` and `vbench totals`: are numbers to be believed?"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vbench.cli.options import EXIT_FAILURES, BenchPath, Json, Strict, print_json, print_line
from vbench.errors import OptionError

if TYPE_CHECKING:
    from vbench.rank.agreement import Correlation


def agreement(
    ratings: Annotated[Path, typer.Argument(help="CSV: model, prompt_id, sample, rating columns, perhaps rater.")],
    metric: Annotated[list[str] | None, typer.Option("--metric", "-m", help="Only this metric; repeatable.")] = None,
    bench: BenchPath = None,
    as_json: Json = False,
) -> None:
    """Compare metrics with human ratings: rank correlations, pairwise accuracy, the raters' own ceiling."""
    from vbench.bench import Bench
    from vbench.rank.agreement import agreement as compare

    with Bench.open(bench, create=False) as opened:
        report = compare(opened, ratings, metrics=metric or None)
    if as_json:
        print_json(asdict(report))
        return
    for rating, members in groupby(report.agreements, key=lambda row: row.rating):
        print_line(rating)
        print_line(f"  {'metric':<26}{'Spearman':<25}{'Kendall':<25}{'pairs':>6}{'ties':>6}{'clips':>7}{'prompts':>9}")
        for row in members:
            shares = "".join(f"{'–' if s is None else f'{s:.0%}':>6}" for s in (row.accuracy, row.accuracy_with_ties))
            name = f"{row.metric}{' ·' if row.is_neutral else ''}"
            counts = f"{row.n_clips:>7}{row.n_prompts:>9}"
            print_line(f"  {name:<26}{_shown(row.spearman):<25}{_shown(row.kendall):<25}{shares}{counts}")
        for ceiling in report.ceilings:
            if ceiling.rating == rating:
                print_line(
                    f"  ceiling: a rater against the mean of the {ceiling.n_raters - 1} others {ceiling.spearman:+.2f}"
                )
    print_line(
        "pairs: share of pairs of one prompt ordered as people do; ties: the same, ties calibrated; · neutral metric"
    )
    for note in report.notes:
        print_line(f"note: {note}")
    if report.unmatched:
        print_line(f"{len(report.unmatched)} rated clips are not in the bench: {', '.join(report.unmatched[:5])} ...")


def _shown(value: Correlation) -> str:
    interval = "" if value.low is None or value.high is None else f"  [{value.low:+.2f}, {value.high:+.2f}]"
    return f"{value.value:+.2f}{interval}"


class Calibrated(StrEnum):
    """What `vbench calibrate` fits."""

    GATED = "gated"
    OVERALL = "overall"


def calibrate(
    out: Annotated[Path, typer.Option("--out", help="File to write; give it to `score` with --set.")],
    what: Annotated[Calibrated, typer.Argument(help="gated, or overall.")] = Calibrated.GATED,
    about: Annotated[str, typer.Option(help="Which clips these are, kept in the file.")] = "",
    ratings: Annotated[Path | None, typer.Option(help="For overall: people's ratings, as for agreement.")] = None,
    rating: Annotated[str, typer.Option(help="For overall: which column of them, where there are several.")] = "",
    bench: BenchPath = None,
    as_json: Json = False,
) -> None:
    """Fit what the *_gated measures compare with, or the weights of overall to people's ratings."""
    if what is Calibrated.OVERALL:
        _calibrate_overall(bench, out, ratings, rating, about, as_json=as_json)
        return
    from vbench.bench import Bench
    from vbench.score.calibrate import calibrate as fit

    if ratings is not None or rating:
        raise OptionError("ratings are for `vbench calibrate overall`; gated is fitted on the clips alone")

    with Bench.open(bench, create=False) as opened:
        entries = fit(opened, out, about=about)
    if as_json:
        print_json({"references": entries})
        return
    for entry in entries:
        print_line(
            f"{entry['consistency']} by {entry['motion']}: {entry['n_clips']} clips, slope {entry['slope']:+.2f}"
        )


def _calibrate_overall(
    bench: Path | None, out: Path, ratings: Path | None, rating: str, name: str, *, as_json: bool
) -> None:
    """Weights of the headline's groups; never the default, a profile that has to be asked for."""
    from vbench.bench import Bench
    from vbench.score.profile import write_profile
    from vbench.validate.weights import fit_weights

    if ratings is None:
        raise OptionError("calibrate overall needs people's ratings: give them with --ratings FILE")
    with Bench.open(bench, create=False) as opened:
        fitted = fit_weights(opened, ratings, rating=rating, name=name)
    write_profile(fitted.profile, out)
    if as_json:
        print_json({**asdict(fitted), "gain": fitted.gain})
        return
    weights = ", ".join(f"{group} {weight:.2f}" for group, weight in fitted.profile.weights.items())
    print_line(f"{fitted.rating}: {fitted.n_clips} clips of {fitted.n_prompts} prompts; {weights}")
    print_line(
        f"Spearman with people, on prompts not fitted on: {fitted.fitted:+.3f}; with equal weights "
        f"{fitted.equal:+.3f}; gain {fitted.gain:+.3f} [{fitted.gain_low:+.3f}, {fitted.gain_high:+.3f}]"
    )
    if fitted.gain_low <= 0:
        print_line("the interval holds 0: these weights are not shown to be better than equal ones")
    print_line(f"to use it: vbench score --set overall.profile={out}")


def totals(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with VBench's sixteen dimensions as columns, in percent; or VBench's own results: JSON or folder."
        ),
    ],
    partial: Annotated[bool, typer.Option("--partial", help="Count absent dimensions as 0, and say so.")] = False,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Recompute VBench's Quality, Semantic and Total from a published table, and flag rows that do not add up."""
    from vbench.vbench1.result_files import check_results
    from vbench.vbench1.totals import PUBLISHED, check_table

    is_results = file.is_dir() or file.suffix.lower() == ".json"
    rows = check_results(file, partial=partial) if is_results else check_table(file, partial=partial)
    notes = []
    if not is_results and not any(row.published for row in rows):
        names = ", ".join(f"{part}: {' or '.join(known[:3])}" for part, known in PUBLISHED.items())
        notes.append(f"no column holds published sums, so nothing was compared; they are known as {names}")
    if as_json:
        print_json({"rows": [asdict(row) for row in rows], "notes": notes})
    else:
        width = max([len(row.name) for row in rows] + [5]) + 2
        print_line(f"{'':<{width}}{'quality':>9}{'semantic':>10}{'total':>8}")
        for row in rows:
            sums = row.totals
            says = "; ".join(f"published {name} is {gap:+.2f} off" for name, gap in row.wrong.items())
            missing = f"  {len(sums.missing)} dimensions counted as 0" if sums.missing else ""
            line = f"{row.name:<{width}}{sums.quality:>9.2f}{sums.semantic:>10.2f}{sums.total:>8.2f}  {says}{missing}"
            print_line(line.rstrip())
        for note in notes:
            print_line(f"note: {note}")
    if strict and any(row.wrong for row in rows):
        raise typer.Exit(EXIT_FAILURES)
