"""A database that fills after requests have left: every handle is told and noted, and taken up by the next run."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tests.fakes import billable
from tests.fakes.billable import BillableAdapter
from tests.generate.paid import TWO, Server, run
from vbench.bench import Bench
from vbench.cli import main
from vbench.errors import BenchError
from vbench.generate import Step, job_runner, retry_job
from vbench.generate.handle_notes import HandleNotes
from vbench.generate.journal import Journal
from vbench.records import Handle, Prompt

pytestmark = pytest.mark.usefixtures("quick")
FULL = OperationalError("UPDATE jobs", {}, Exception("database or disk is full"))
SIX = [Prompt(id=f"p{n}", text=f"prompt {n}") for n in range(6)]


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """From the first request on the database takes nothing; undone with `undo`."""
    patch = pytest.MonkeyPatch()
    submit = BillableAdapter.submit

    def fills(*_: Any, **__: Any) -> Any:
        raise FULL

    def last(self: BillableAdapter, plan: Any) -> Handle:
        handle = submit(self, plan)
        for verb in ("submitted", "finish", "release", "progress", "claim"):
            patch.setattr(Journal, verb, fills)
        return handle

    patch.setattr(BillableAdapter, "submit", last)
    monkeypatch.setattr(tempfile, "tempdir", None)
    return patch


def test_every_handle_is_told_and_noted_and_the_next_run_takes_them_up(
    bench: Bench, tmp_path: Path, full: pytest.MonkeyPatch
) -> None:
    server, steps = Server(tmp_path / "server"), list[Step]()
    with pytest.raises(BenchError) as caught:
        run(bench, server, models=[billable.card(concurrency=4)], prompts=SIX, progress=steps.append)
    full.undo()
    n_sent = sum(server.seen().values())
    notes = HandleNotes(bench.root).read()
    assert n_sent >= 1
    assert len(notes) == n_sent
    for handle in notes.values():
        assert handle.id in str(caught.value)
        assert any(handle.id in step.message for step in steps)
    assert "\n" not in str(caught.value)
    assert str(bench.root / "unstored-jobs.jsonl") in str(caught.value)
    report = run(bench, server, models=[billable.card(concurrency=4)], prompts=SIX)
    assert report.is_complete
    assert set(server.seen().values()) == {1}, "nothing was sent twice"
    assert not (bench.root / "unstored-jobs.jsonl").exists()


def test_one_job_tried_again_is_taken_up_too(bench: Bench, tmp_path: Path, full: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path / "server")
    with pytest.raises(BenchError):
        run(bench, server, prompts=TWO[:1])
    full.undo()
    (job,) = bench.jobs()
    full.setattr("vbench.catalog.cards.find_card", lambda _name: billable.card())
    assert retry_job(bench, job.id, understood=True, make=server).made == 1
    assert server.seen() == {"paid fox 0": 1}
    full.undo()


def test_where_the_bench_has_no_room_it_is_noted_in_the_temporary_folder(bench: Bench, tmp_path: Path) -> None:
    (bench.root / "unstored-jobs.jsonl").mkdir()  # cannot be written to, whoever asks
    (tmp_path / "temporary").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
        notes = HandleNotes(bench.root)
        job: Any = types.SimpleNamespace(id="j1", model="paid", prompt=TWO[0], sample=0)
        place = notes.add(job, Handle(id="a", data={"x": 1}))
        assert place is not None
        assert place.parent == tmp_path / "temporary"
        assert place.stat().st_mode & 0o777 == 0o600
        notes.add(job, Handle(id="b", data={}))
        with place.open("a") as file:
            file.write('{"job": "half')
        assert notes.read() == {"j1": Handle(id="b", data={})}
        target = tmp_path / "elsewhere"
        place.rename(target)
        place.symlink_to(target)  # laid there by another user
        assert notes.read() == {}
        assert notes.add(job, Handle(id="c", data={})) is None
        notes.forget()
        assert target.exists()


def test_half_a_line_is_taken_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    job: Any = types.SimpleNamespace(id="j1", model="paid", prompt=TWO[0], sample=0)
    notes, write = HandleNotes(bench.root), os.write
    notes.add(job, Handle(id="a", data={}))
    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:9]))
    monkeypatch.setattr(notes, "places", notes.places[:1])
    assert notes.add(job, Handle(id="b", data={})) is None
    assert notes.places[0].read_text().count("\n") == 1


def test_nothing_begins_without_room_and_what_is_at_the_tool_is_fetched(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, free = Server(tmp_path / "server"), 2**40

    def disk_usage(_path: Any) -> Any:
        return facts._replace(free=free - 2**40 * min(1, sum(server.seen().values())))

    facts = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(job_runner.shutil, "disk_usage", disk_usage)
    report = run(bench, server, models=[billable.card(concurrency=1)], prompts=SIX)
    assert (report.made, sum(server.seen().values())) == (1, 1)
    assert "0 MiB are free, 64 are needed" in report.paused["paid"]
    assert dict(report.states) == {"succeeded": 1, "planned": 5}


def test_the_command_line_tells_all_of_it_without_a_traceback(
    tmp_path: Path, full: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path / "server")
    monkeypatch.setattr("vbench.generate.run.make_adapter", server)
    monkeypatch.setattr("vbench.generate.generate.__kwdefaults__", {"spec": None, "progress": None, "make": server})
    monkeypatch.setattr("vbench.catalog.cards.find_card", lambda _name: billable.card())
    (tmp_path / "suite.yaml").write_text("prompts:\n- {id: fox, text: a red fox}\n")
    line = [
        "vbench",
        "generate",
        "--suite",
        str(tmp_path / "suite.yaml"),
        "-m",
        "paid",
        "--yes",
        "--bench",
        str(tmp_path / "b"),
    ]
    monkeypatch.setattr(sys, "argv", line)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit, match="2"):
        main()
    full.undo()
    told = capsys.readouterr().err
    (handle,) = HandleNotes(tmp_path / "b").read().values()
    assert told.count(handle.id) == 2, "as it happened, and at the end"
    assert "Traceback" not in told
