"""How near to linear several scorers on one bench are, and how many rows a second a database takes.

Method. *Scorers*: a metric that sleeps `--sleep` seconds a clip and computes nothing stands for one that keeps a device
of its own busy, so that two cores are enough to see what claims, leases and transactions cost. `--clips` clips are
written into the tables; 1, 2 and 4 processes that have imported all they need start at one signal, and the clock stops
when the last has seen that nothing is left. Efficiency is the sleep of all clips, divided by processes and by seconds.
*Rows*: what scoring stores of a clip, 30 scores in one transaction (`Bench.add_outcomes`), by 1, 2 and 4 processes.

Run: `python -m benchmarks.workers [--db postgresql://...] [--clips N] [--sleep S]`; without `--db` on SQLite in a
temporary folder, with it in that empty database.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import EntryPoint
from pathlib import Path

from benchmarks.scale import build
from vbench.bench import Bench
from vbench.contracts import Metric
from vbench.metrics import METRICS
from vbench.records import Outcomes, Probe, Score, ScoreKey
from vbench.score import score
from vbench.score.plan import make_plan
from vbench.score.spec import ScoreSpec

COUNTS = (1, 2, 4)
N_METRICS = 30


def sleeper(number: int, seconds: float) -> Metric:
    """A metric that takes a while and no processor."""

    def compute(probe: Probe) -> float:
        time.sleep(seconds)
        return probe.duration_s

    return Metric(
        name=f"sleep_{number}",
        version=1,
        inputs=("probe",),
        compute=compute,
        unit="s",
        higher_is_better=None,
        bounds=(0.0, 1e6),
        group="picture",
        about="Length, after a while.",
    )


SLEEP_1, SLEEP_2, SLEEP_4 = (sleeper(number, float(os.environ.get("SLEEP_S", "0"))) for number in COUNTS)


def spec_of(number: int) -> ScoreSpec:
    """What a scorer does in a run of so many, its imports behind it."""
    name = f"sleep_{number}"
    METRICS._targets[name] = EntryPoint(name, f"benchmarks.workers:SLEEP_{number}", "vbench.metrics")
    spec = ScoreSpec(metrics=(name,), device="cpu", workers=1)
    make_plan(spec)
    return spec


def insert(bench: Bench, number: int, share: slice) -> int:
    """Store scores of every clip of a share; rows."""
    clips = sorted(clip.id for clip in bench.clips())[share]
    for clip in clips:
        keys = [ScoreKey(clip=clip, metric=f"rows_{number}_{i}", version=1) for i in range(N_METRICS)]
        bench.add_outcomes(Outcomes(clip=clip, scores=tuple(Score(key=key, value=0.5) for key in keys)))
    return len(clips) * N_METRICS


def child(task: str, folder: Path, db: str | None, arguments: list[str]) -> None:
    """One process: ready, then at work as soon as it reads a line."""
    with Bench.open(folder, db=db, create=False) as bench:
        number, *share = map(int, arguments)
        spec = spec_of(number)
        bench.n_clips()  # opens a connection
        print("ready", flush=True)
        sys.stdin.readline()
        print(
            score(bench, spec).n_scores if task == "scorers" else insert(bench, number, slice(share[0], None, share[1]))
        )


def together(words: list[list[str]]) -> tuple[float, int]:
    """Seconds from the signal to the end of the last process, and the sum of what they did."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.workers", *each],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for each in words
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    started = time.perf_counter()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    n_done = [int(process.communicate()[0].split()[-1]) for process in processes]
    return time.perf_counter() - started, sum(n_done)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--sleep", type=float, default=0.1)
    parser.add_argument("--db", help="an empty database of a server; default: SQLite")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], options.folder, options.db, options.child[1:])
        return
    with tempfile.TemporaryDirectory(prefix="vbench-workers-") as name:
        folder = Path(name)
        with Bench.open(folder, db=options.db) as bench:
            build(bench, options.clips, 1)
            for clip in bench.clips():  # nobody reads them, but they have to be there
                path = folder / clip.media
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        os.environ["SLEEP_S"] = str(options.sleep)
        place = ["--folder", str(folder), *(["--db", options.db] if options.db else [])]
        print(f"load {os.getloadavg()[0]:.1f}\n| processes | seconds | efficiency | clips/s |\n|---|---|---|---|")
        for n in COUNTS:
            words = [*place, "--child", "scorers", str(n)]
            seconds, n_clips = together([words] * n)
            assert n_clips == options.clips, "each clip is measured once"
            ideal = options.clips * options.sleep / n
            print(f"| {n} | {seconds:.1f} | {ideal / seconds:.2f} | {n_clips / seconds:.1f} |", flush=True)
        print("\n| writers | rows/s |\n|---|---|")
        for n in COUNTS:
            words_of = [[*place, "--child", "rows", str(n), str(k), str(n)] for k in range(n)]
            seconds, n_rows = together(words_of)
            print(f"| {n} | {n_rows / seconds:,.0f} |", flush=True)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
