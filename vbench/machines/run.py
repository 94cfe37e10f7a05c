"""Starts the processes of a shared run, waits for them, and makes one report of theirs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Protocol, cast

from vbench.bench import Bench
from vbench.errors import BenchError, OptionError
from vbench.generate import GenerateReport, RunSpec, plan_run
from vbench.generate.pictures import pictures_folder
from vbench.generate.report import report_of
from vbench.machines.fleet import Engine, Fleet, Note
from vbench.machines.share import Contribution, Order
from vbench.score import ScoreReport
from vbench.score.spec import ScoreSpec

ENGINES: Mapping[Engine, str] = MappingProxyType({"ray": "vbench.machines.ray", "slurm": "vbench.machines.slurm"})
"""Engine → the module that runs orders on it."""


class EngineModule(Protocol):
    """What a module of `ENGINES` holds."""

    def run(self, order: Order, fleet: Fleet, note: Note) -> list[Contribution]:
        """Start processes and wait for them.

        Raises:
            BenchError: others than this machine would take part, and the bench is on its disk.
            OptionError: the engine is not installed, or cannot be reached.
            KeyboardInterrupt: after the processes were told to stop.
        """
        ...


def score(bench: Bench, spec: ScoreSpec, fleet: Fleet, *, note: Note = lambda _: None) -> ScoreReport:
    """Measure every clip of a bench that lacks a score, on several machines; as `vbench.score.score` otherwise.

    Args:
        bench: The workspace; on other machines than this it needs a server's database, and media that all see.
        spec: What to measure and how.
        fleet: On what.
        note: Told what there is to know on the way.

    Raises:
        BenchError: as `EngineModule.run`, and where no process could work.
        OptionError: as `EngineModule.run`.
    """
    started = time.monotonic()
    reports = [share.report for share in _shares(bench, spec, fleet, note) if isinstance(share.report, ScoreReport)]
    n_clips = max(report.n_clips for report in reports)
    codes: Counter[str] = Counter()
    for report in reports:
        codes.update(report.failures)
    return ScoreReport(
        n_clips=n_clips,
        n_skipped=n_clips - sum(report.n_clips - report.n_skipped for report in reports),
        n_scores=sum(report.n_scores for report in reports),
        n_failures=sum(codes.values()),
        failures=dict(codes),
        left_out=reports[0].left_out,
        notes=tuple(dict.fromkeys(text for report in reports for text in report.notes)),
        seconds=time.monotonic() - started,
    )


def generate(bench: Bench, spec: RunSpec, fleet: Fleet, *, note: Note = lambda _: None) -> GenerateReport:
    """Make what is not there yet, on several machines; as `vbench.generate.generate` otherwise.

    Limits of tools and ceilings of money hold for all machines together: they are kept in the bench. Keys of tools are
    those of each machine's own environment.

    Args:
        bench: As in `score`.
        spec: What is wanted.
        fleet: On what.
        note: Told what there is to know on the way.

    Raises:
        BenchError: as in `score`.
        OptionError: as in `score`; ended jobs are to be tried again, which one process alone can do once.
    """
    if spec.retry:
        raise OptionError(
            f"`retry=` tries ended jobs again once, and each process of {fleet.engine} would: leave `engine=` out, or "
            "`retry=`"
        )
    started = time.monotonic()
    spec = spec.resolved().with_pictures(pictures_folder(bench))
    reports = [share.report for share in _shares(bench, spec, fleet, note) if isinstance(share.report, GenerateReport)]
    return report_of(
        bench,
        plan_run(bench, spec),
        made=sum(report.made for report in reports),
        paused={label: why for report in reports for label, why in report.paused.items()},
        n_planned=sum(report.n_planned for report in reports),
        elapsed_s=time.monotonic() - started,
    )


def _shares(bench: Bench, work: ScoreSpec | RunSpec, fleet: Fleet, note: Note) -> list[Contribution]:
    """What the processes did; at least one of them could work."""
    shares = cast(EngineModule, import_module(ENGINES[fleet.engine])).run(Order.of(bench, work), fleet, note)
    problems = [f"{share.host}: {share.problem}" for share in shares if share.report is None]
    for problem in dict.fromkeys(problems):
        note(problem)
    if len(problems) == len(shares):
        raise BenchError(f"none of the {len(shares)} processes could work; {problems[0]}")
    return [share for share in shares if share.report is not None]
