"""`vbench efficiency` and `vbench route`: what quality costs, and which tool to take for a kind of shot."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from vbench.cli.options import BenchPath, Json, print_json, print_line

Metric = Annotated[str, typer.Option("--metric", "-m", help="What counts as quality; more must be better.")]


def efficiency(
    metric: Metric = "overall",
    tag: Annotated[list[str] | None, typer.Option(help="Only prompts with this tag; repeatable.")] = None,
    bench: BenchPath = None,
    as_json: Json = False,
) -> None:
    """Say what each tool takes for its quality: dollars, waiting, GPU seconds, memory, energy, usable seconds."""
    from vbench.bench import Bench
    from vbench.rank.efficiency import efficiency as run

    with Bench.open(bench, create=False) as opened:
        result = run(opened, metric=metric, tags=tag or ())
    if as_json:
        print_json({**asdict(result)})
        return
    print_line(
        f"{'tool':<26}{metric[:10]:>11}{'$/s':>9}{'$/usable s':>12}{'wait/s':>9}{'GPU s/s':>9}{'peak GB':>9}"
        f"{'Wh/s':>8}  fronts"
    )
    for row in result.rows:
        numbers = (row.quality, row.usd_per_s, row.usd_per_usable_s, row.wall_s_per_s, row.gpu_s_per_s)
        widths = (11, 9, 12, 9, 9)
        cells = "".join(_cell(value, width) for value, width in zip(numbers, widths, strict=True))
        fronts = [
            name
            for name, is_on in (("cost", row.is_on_front_of_cost), ("latency", row.is_on_front_of_latency))
            if is_on
        ]
        print_line(
            f"{row.tool:<26}{cells}{_cell(row.peak_gb, 9)}{_cell(row.energy_wh_per_s, 8)}  {', '.join(fronts)}".rstrip()
        )
    for note in result.notes:
        print_line(f"note: {note}")


def _cell(value: float | None, width: int) -> str:
    return f"{'–' if value is None else f'{value:.3g}':>{width}}"


def route(
    like: Annotated[list[str], typer.Option(help="A prompt's id, a tag or a facet of tags; repeatable.")],
    metric: Metric = "overall",
    max_usd_per_s: Annotated[float | None, typer.Option(min=0, help="Most dollars for a second of video.")] = None,
    rights: Annotated[Literal["any", "commercial"], typer.Option(help="What the clip is for.")] = "any",
    vram: Annotated[
        float | None, typer.Option(min=0, help="GPU memory here, in GB; tools that run here must fit.")
    ] = None,
    country: Annotated[str, typer.Option(help="Where it will be used, as a two-letter code.")] = "",
    bench: BenchPath = None,
    as_json: Json = False,
) -> None:
    """Say which tool to take for a kind of shot: the cheapest that cannot be told from the best."""
    from vbench.bench import Bench
    from vbench.rank.efficiency import Wanted, tags_like
    from vbench.rank.efficiency import route as run

    with Bench.open(bench, create=False) as opened:
        wanted = Wanted(
            tags=tags_like(opened, like),
            metric=metric,
            max_usd_per_s=max_usd_per_s,
            commercial=rights == "commercial",
            vram_gb=vram,
            country=country,
        )
        result = run(opened, wanted)
    if as_json:
        print_json({**asdict(result)})
        return
    print_line(f"take {result.take}: {result.reason}" if result.take else result.reason)
    for each in result.candidates:
        quality = "–" if each.quality is None else f"{each.quality:.4g}"
        usd = "price unknown" if each.usd_per_s is None else f"${each.usd_per_s:.3g}/s ({each.usd_source})"
        said = f"left out: {each.why_not}" if each.why_not else "as good as the best" if each.is_as_good else "worse"
        print_line(f"  {each.tool:<26}{quality:>8}  {each.n_prompts:>3} prompts  {usd:<22}{said}")
