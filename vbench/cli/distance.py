"""`vbench distance`: how far two tools, or a tool and real footage, are apart as sets."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from vbench.cli.options import BenchPath, Json, Set, print_json, print_line, settings_of


def distance(
    a: Annotated[str, typer.Option("--a", help="A tool of the bench, or a folder of video files.")],
    b: Annotated[str, typer.Option("--b", help="Another tool, or a folder of real footage.")],
    features: Annotated[
        str, typer.Option(help="dino, clip, x-clip, appearance (no weights), or a feature of a plug-in.")
    ] = "dino",
    bench: BenchPath = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    set_: Set = None,
    as_json: Json = False,
) -> None:
    """Compare two sets of clips by Fréchet and kernel distance."""
    from pathlib import Path

    from vbench.bench import Bench
    from vbench.score.distance import distance as compare

    settings = settings_of(set_)
    if Path(a).is_dir() and Path(b).is_dir():
        sets = compare(None, a, b, features=features, settings=settings, device=device)
    else:
        with Bench.open(bench, create=False) as opened:
            sets = compare(opened, a, b, features=features, settings=settings, device=device)
    if as_json:
        print_json(asdict(sets))
        return
    print_line(f"{sets.a} ({sets.n_a} clips) and {sets.b} ({sets.n_b} clips), {sets.features}")
    print_line(f"  kernel   {sets.kernel:+.6f}   p = {sets.p_value:.3f} that sets without a difference are this far")
    print_line(f"  Fréchet  {sets.frechet:.6f}    {sets.frechet_of_equals:.6f} is usual for this many without one")
    unit = "the two sides of each prompt" if sets.is_by_prompt else "clips"
    print_line(f"  (the last two by dealing {unit} to the two sets by chance)")
    for note in sets.notes:
        print_line(f"note: {note}")
