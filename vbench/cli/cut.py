"""`vbench cut`: shots in order; filled from a suite, shown and looked over. `vbench selects --cut` hands them over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbench.cli.options import BenchPath, Json, print_json, print_line
from vbench.errors import OptionError

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.records import Cut

app = typer.Typer(no_args_is_help=True, help="Lay takes in order, and see what jumps where they meet.")
CutName = Annotated[str, typer.Argument(help="Name of the cut.", show_default=False)]


@app.command("list")
def list_cuts(*, bench: BenchPath = None, as_json: Json = False) -> None:
    """List the cuts of a bench."""
    from vbench.bench import Bench

    with Bench.open(bench, create=False) as opened:
        cuts = opened.cuts()
    if as_json:
        rows = [{"name": cut.name, "n_shots": len(cut.shots), "seconds": cut.seconds} for cut in cuts]
        print_json({"rows": rows})
        return
    for cut in cuts:
        print_line(f"{cut.name}  {len(cut.shots)} shots  {cut.seconds:.2f} s  {cut.updated}")
    if not cuts:
        print_line("no cut yet; vbench cut fill NAME --suite SUITE makes one of the best takes, the page any")


@app.command()
def show(name: CutName, *, bench: BenchPath = None, as_json: Json = False) -> None:
    """Show the shots of a cut, in order."""
    from vbench.bench import Bench

    with Bench.open(bench, create=False) as opened:
        cut = opened.cut(name)
        rows = _rows(opened, cut)
    if as_json:
        print_json({"name": cut.name, "seconds": cut.seconds, "rows": rows})
        return
    for row in rows:
        place = f"{row['model']}  {row['prompt_id']}-{row['sample']}"
        print_line(f"{row['shot']:>3}  {row['at_s']:8.3f} s  {place}  {row['in_s']:.3f}-{row['out_s']:.3f} s")
    print_line(f"{len(rows)} shots, {cut.seconds:.2f} s")


def _rows(bench: Bench, cut: Cut) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    at_s = 0.0
    for number, shot in enumerate(cut.shots, 1):
        clip = bench.clip(shot.clip)
        where = {"model": clip.model, "prompt_id": clip.prompt.id, "sample": clip.sample, "clip": clip.id}
        rows.append({"shot": number, "at_s": round(at_s, 6), "in_s": shot.in_s, "out_s": shot.out_s} | where)
        at_s += shot.seconds
    return rows


@app.command()
def fill(
    name: CutName,
    *,
    suite: Annotated[str, typer.Option(help="Suite whose prompts are the shots, in its order.")],
    bench: BenchPath = None,
    replace: Annotated[bool, typer.Option("--replace", help="Instead of the shots the cut has.")] = False,
    as_json: Json = False,
) -> None:
    """Fill a cut with the best take of each prompt of a suite."""
    from vbench.bench import Bench
    from vbench.cuts import filled
    from vbench.records import Cut

    with Bench.open(bench, create=False) as opened:
        there = next((cut for cut in opened.cuts() if cut.name == name), Cut(name=name))
        if there.shots and not replace:
            raise OptionError(
                f"cut {name!r} has {len(there.shots)} shots; fill it anew with `replace=True`, or take another name"
            )
        cut = opened.set_cut(Cut(name=name, shots=tuple(filled(opened, suite)), revision=there.revision))
        if as_json:
            print_json({"name": cut.name, "seconds": cut.seconds, "rows": _rows(opened, cut)})
        else:
            print_line(f"{name}: {len(cut.shots)} shots, {cut.seconds:.2f} s; see vbench cut check {name!r}")


@app.command()
def check(name: CutName, *, bench: BenchPath = None, as_json: Json = False) -> None:
    """Say what jumps at the joins of a cut, and which shots cannot be handed over."""
    from dataclasses import asdict

    from vbench.bench import Bench
    from vbench.cuts import EdgeReader, joins, problems, sentence

    reader = EdgeReader()
    try:
        with Bench.open(bench, create=False) as opened:
            cut = opened.cut(name)
            wrong, measured = problems(opened, cut), joins(opened, cut, reader)
    finally:
        reader.close()
    if as_json:
        lines = [{"shot": number, "problem": why} for number, why in wrong.items()]
        print_json({"name": name, "problems": lines, "joins": [asdict(join) for join in measured]})
        return
    for number, why in wrong.items():
        print_line(f"shot {number}: {why}")
    for join in measured:
        for words in [sentence(jump) for jump in join.jumps] + [join.problem] * bool(join.problem):
            print_line(f"{join.at_s:8.3f} s, shot {join.number} to {join.number + 1}: {words}")
    n_marked = sum(bool(join.jumps) for join in measured)
    print_line(f"{len(measured)} joins, {n_marked} with a jump; {len(wrong)} shots cannot be handed over")
