"""`vbench bundle`: a bench in one file that a stranger can check."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vbench.cli.options import EXIT_FAILURES, BenchPath, Json, print_json, print_line
from vbench.errors import OptionError

"""Of the JSON that these commands print."""
app = typer.Typer(help="Pack a bench into one file, check one, or make a bench of one.", no_args_is_help=True)
Bundle = Annotated[Path, typer.Argument(help="A bundle, as bundle pack writes it.")]


@app.command("pack")
def pack(
    out: Annotated[Path, typer.Argument(help="File to write.")],
    clips: Annotated[
        bool, typer.Option("--clips/--no-clips", help="With the clips, or with their hashes only.")
    ] = True,
    bench: BenchPath = None,
    as_json: Json = False,
) -> None:
    """Pack clips, records, cards, prompts, answers, votes and versions into one tar; prints its digest."""
    from vbench.bench import Bench
    from vbench.publish.bundle import pack as run

    with Bench.open(bench, create=False) as opened:
        packed = run(opened, out, clips=clips)
    if as_json:
        print_json({**asdict(packed)})
    else:
        kind = "" if packed.has_clips else " (hashes only)"
        print_line(f"{packed.file}: {packed.n_clips} clips{kind}, {packed.size_bytes / 1e6:.1f} MB")
        print_line(f"sha256 {packed.digest}")


@app.command("verify")
def verify(
    file: Bundle,
    rescore: Annotated[str, typer.Option(help="Share of the clips to measure again, such as 10%.")] = "0%",
    as_json: Json = False,
) -> None:
    """Check a bundle: altered files, records, copies, and with --rescore its numbers; exit code 3 on any problem."""
    from vbench.publish.bundle import verify as run

    check = run(file, rescore=_share(rescore))
    if as_json:
        print_json({**asdict(check)})
    else:
        for problem in check.problems:
            print_line(f"{problem.kind}: {problem.subject}: {problem.message}")
        for note in check.notes:
            print_line(f"note: {note}")
        again = f", {check.n_rescored} measured again ({check.n_values} values)" if check.n_rescored else ""
        print_line(f"{check.file}: {check.n_clips} clips{again}; {len(check.problems) or 'no'} problems")
        print_line(f"sha256 {check.digest}")
    if check.problems:
        raise typer.Exit(EXIT_FAILURES)


def _share(text: str) -> float:
    try:
        return float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise OptionError(f"--rescore {text}: expected a share such as 10% or 0.1") from None


@app.command("unpack")
def unpack(
    file: Bundle,
    to: Annotated[Path | None, typer.Option(help="New folder for the bench.  [default: the bundle's name]")] = None,
) -> None:
    """Make a bench of a bundle."""
    from vbench.publish.bundle import unpack as run

    folder = to or file.with_suffix("")
    check = run(file, folder)
    print_line(f"{folder}: a bench of {check.n_clips} clips, made with {check.made_with} on {check.created}")
