"""A run that the first version left unfinished goes on: the clip that is missing is made, and nothing else."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest

from vbench.bench import Bench
from vbench.generate import RunSpec, Wishes, generate, plan_run

KEPT = Path(__file__).parents[1] / "bench" / "first_version"
SPEC = RunSpec(
    models=["synthetic-freeze"],
    suite=KEPT / "old.yaml",
    wishes=Wishes(seconds=2, width=320, height=240),
    max_jobs=3,  # there were two
)


@pytest.fixture
def old_bench(tmp_path: Path) -> Path:
    """The database as that version left it; the files of its clips are not there."""
    folder = tmp_path / "bench"
    folder.mkdir()
    with sqlite3.connect(folder / "bench.db") as database:
        database.executescript(gzip.decompress((KEPT / "bench.sql.gz").read_bytes()).decode())
    database.close()
    return folder


def test_the_missing_clip_is_made_and_nothing_else(old_bench: Path) -> None:
    with Bench.open(old_bench, create=False) as bench:
        before, jobs = {clip.id for clip in bench.clips()}, bench.jobs()
        (planned,) = [job for job in jobs if job.state == "planned"]
        (ceiling,) = [ceiling for ceiling in bench.ceilings() if ceiling.max_jobs == 2]
        assert dict(plan_run(bench, SPEC).tools[0].n) == {"done": 2, "new": 1}
        report = generate(bench, SPEC)
        assert (report.made, report.n_planned, report.is_complete) == (1, 0, True)
        (clip,) = [clip for clip in bench.clips() if clip.id not in before]
        assert (clip.model, clip.prompt.id, clip.sample) == ("synthetic-freeze", "circle", 0)
        assert len(bench.clips()) == 15
        assert [job.id for job in bench.jobs()] == [job.id for job in jobs]  # the very job, not another one
        assert next(job.clip for job in bench.jobs() if job.id == planned.id) == clip.id
        raised = next(raised for raised in bench.ceilings() if raised.key == ceiling.key)
        assert (raised.max_jobs, raised.about) == (3, ceiling.about)  # it is the same run
        assert generate(bench, SPEC).made == 0
