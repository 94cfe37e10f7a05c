"""How long a large bench takes to rank and to export, beside a plain SELECT of the same rows.

Method: a bench of synthetic rows (`--clips` clips of ten tools, four samples of each prompt, `--metrics` metrics of
each clip, so 600,000 scores by default) is written straight into the tables. Then each task runs in a process of its
own that has imported what it needs before its clock starts: a plain SELECT by the database's own driver, `fetchall` of
the columns that the task is about, and after it the task. The ratio is that of the two in one process. Memory is the
largest resident set of the process, the interpreter and its libraries included, before the SELECT keeps anything.

* board: one metric, all metrics as JSON, and one metric in blocks by a tag.
* scores: all rows into a Parquet, CSV or JSON file.

Run: `python -m benchmarks.scale [--clips N] [--db postgresql://...] [--out FILE.json]`; without `--db` on SQLite in a
temporary folder, with it in that empty database. On a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from vbench.bench import Bench
from vbench.bench.tables import Base, ClipRow, MetricRow, ModelRow, ParamsRow, ScoreRow
from vbench.records import MetricInfo, Probe, Prompt, Provenance, digest
from vbench.schema import to_json

N_TOOLS, N_SAMPLES = 10, 4
MOVES = ("pan_left", "pan_right", "zoom", "static")
CHUNK = 20_000
PROBE = Probe(
    container="mp4",
    codec="h264",
    pixel_format="yuv420p",
    width=1280,
    height=720,
    rotation=0,
    n_frames=120,
    fps=24.0,
    duration_s=5.0,
    is_vfr=False,
    bit_depth=8,
    has_alpha=False,
    has_audio=False,
)
FLICKER = MetricInfo(
    name="flicker",
    version=1,
    unit="levels",
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    group="temporal",
    about="Brightness that jumps.",
)
SCORES = "SELECT clip, metric, version, params_key, value FROM scores"
CLIPS = "SELECT id, model, prompt_key, provenance FROM clips"
TASKS = ("board one metric", "board all, JSON", "board by camera", "scores Parquet", "scores CSV", "scores JSON")


def build(bench: Bench, n_clips: int, n_metrics: int) -> None:
    """Write the rows."""
    n_prompts = -(-n_clips // (N_TOOLS * N_SAMPLES))
    prompts = [
        Prompt(id=f"p{i:05d}", text=f"prompt {i}", suite="scale", tags=(f"camera:{MOVES[i % len(MOVES)]}",))
        for i in range(n_prompts)
    ]
    names = ["overall", *(f"metric_{i:02d}" for i in range(1, n_metrics))]
    info = to_json(FLICKER)
    params = digest({})
    numbers = random.Random(1)
    bench.add_prompts(prompts)
    write(bench, ModelRow, ({"id": f"tool-{i}", "card": {}} for i in range(N_TOOLS)))
    write(bench, MetricRow, ({"name": name, "version": 1, "info": info | {"name": name}} for name in names))
    write(bench, ParamsRow, [{"key": params, "values": {}}])
    probe, provenance = to_json(PROBE), to_json(Provenance(seed=1, latency_s=12.5, cost_usd=0.25))
    write(
        bench,
        ClipRow,
        (
            {
                "id": clip_name(i),
                "model": f"tool-{i % N_TOOLS}",
                "prompt_key": prompts[i // (N_TOOLS * N_SAMPLES)].key,
                "sample": i // N_TOOLS % N_SAMPLES,
                "sha256": digest("file", i, length=64),
                "media": f"clips/tool-{i % N_TOOLS}/{i}.mp4",
                "linked": False,
                "probe": probe,
                "provenance": provenance,
                "added": "2026-01-01T00:00:00Z",
            }
            for i in range(n_clips)
        ),
    )
    write(
        bench,
        ScoreRow,
        (
            {
                "clip": clip_name(i),
                "metric": name,
                "version": 1,
                "params_key": params,
                "value": numbers.gauss(50 + i % N_TOOLS, 10),
                "added": "2026-01-01T00:00:00Z",
            }
            for i in range(n_clips)
            for name in names
        ),
    )


def clip_name(number: int) -> str:
    """An id as clips have them: hexadecimal, in no order."""
    return digest("clip", number)


def write(bench: Bench, table: type[Base], rows: Any) -> None:
    """Insert rows in transactions of some thousands."""
    left: Iterator[dict[str, Any]] = iter(rows)
    while chunk := list(islice(left, CHUNK)):
        with bench.write() as session:
            session.execute(insert(table), chunk)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """How long it takes, and how much of that time this process computes."""
    started, computed = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - computed


def plain(bench: Bench, queries: list[str]) -> None:
    """All rows by the driver alone."""
    connection = bench.database.engine.raw_connection()
    try:
        for query in queries:
            cursor = connection.cursor()
            cursor.execute(query)
            cursor.fetchall()
            cursor.close()
    finally:
        connection.rollback()
        connection.close()


def measure(task: str, folder: Path, db: str | None) -> dict[str, float]:
    """One task in this process: seconds, those of the plain SELECT, and the peak of memory."""
    from vbench.rank.board import leaderboard
    from vbench.report import render
    from vbench.report.scores import write_scores

    kind, _, rest = task.partition(" ")
    if rest == "Parquet":
        importlib.import_module("pyarrow.parquet")  # before the clock starts
    with Bench.open(folder, db=db, create=False) as bench:
        if kind == "scores":
            queries = [SCORES, CLIPS]
            out = folder / f"scores.{rest.lower()}"

            def work() -> None:
                write_scores(bench, out, rest.lower())  # type: ignore[arg-type]
        else:
            is_all = rest.startswith("all")
            queries = [SCORES if is_all else f"{SCORES} WHERE metric = 'overall'", CLIPS]
            choice: dict[str, Any] = {} if is_all else {"metrics": ["overall"]}
            choice |= {"by": "camera"} if rest == "by camera" else {}

            def work() -> None:
                render(leaderboard(bench, **choice), "json", bench=bench)

        plain(bench, queries[-1:])  # opens the connection
        work_s, work_cpu_s = seconds(work)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        plain_s, plain_cpu_s = map(min, zip(*(seconds(lambda: plain(bench, queries)) for _ in range(2)), strict=True))
    times = {"seconds": work_s, "cpu_s": work_cpu_s, "plain_s": plain_s, "plain_cpu_s": plain_cpu_s}
    return {**times, "ratio": work_s / plain_s, "cpu_ratio": work_cpu_s / plain_cpu_s, "peak_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--metrics", type=int, default=30)
    parser.add_argument("--db", help="an empty database of a server; default: SQLite")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        print(json.dumps(measure(options.task, options.folder, options.db)))
        return
    with tempfile.TemporaryDirectory(prefix="vbench-scale-") as folder:
        root = options.folder or Path(folder)
        if not (root / "built").exists():
            with Bench.open(root, db=options.db) as bench:
                build_s, _ = seconds(lambda: build(bench, options.clips, options.metrics))
            (root / "built").touch()
            print(f"{options.clips} clips x {options.metrics} metrics written in {build_s:.0f} s", file=sys.stderr)
        words = [sys.executable, "-m", "benchmarks.scale", "--folder", str(root)]
        words += ["--db", options.db] if options.db else []
        figures: dict[str, Any] = {"load": os.getloadavg()[0], "clips": options.clips, "tasks": {}}
        print("| task | plain SELECT | task | ratio | of CPU time | peak memory |\n|---|---|---|---|---|---|")
        for task in TASKS:
            ran = subprocess.run([*words, "--task", task], capture_output=True, text=True, check=True)
            row = figures["tasks"][task] = json.loads(ran.stdout)
            print(
                f"| {task} | {row['plain_s']:.2f} s | {row['seconds']:.2f} s | {row['ratio']:.1f} "
                f"| {row['cpu_ratio']:.1f} | {row['peak_mb']:.0f} MB |",
                flush=True,
            )
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
