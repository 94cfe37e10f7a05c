"""The worker: how a task's process ends and what the page reads of it; one worker a bench, which outlives the page."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.work import do_all
from vbench.bench import Bench
from vbench.records import Task
from vbench.tasks import commands, worker
from vbench.tasks.arguments import page_folder
from vbench.tasks.events import events_file

CHILD = "import sys; from vbench.tasks import child; from vbench.tasks.events import TaskEvent; "
"""The beginning of a process that does other work than the task says."""


def fake_command(monkeypatch: pytest.MonkeyPatch, code: str, **options: Any) -> None:
    def command(task: Task, _bench: Bench) -> commands.Command:
        return commands.Command(argv=[sys.executable, "-c", code, task.id], **options)

    monkeypatch.setattr(worker, "command_of", command)


def work(expression: str) -> str:
    """A process whose work is an expression over `tell`; see `vbench.tasks.child.by_kind`."""
    return f"{CHILD}child.by_kind = lambda bench, task, tell: {expression}; child.main()"


@pytest.mark.parametrize(
    ("code", "options", "state", "said"),
    [
        (work("tell(TaskEvent(message='one')) or (True, 'two')"), {}, "done", "two"),
        (work("(False, 'not all of it')"), {}, "failed", "not all of it"),
        (work("exec('from vbench.errors import UserError; raise UserError(1)')"), {}, "failed", "1"),
        (work("1 / 0"), {}, "failed", "a bug: ZeroDivisionError: division by zero; its traceback is in page/logs"),
        ("import sys; sys.exit(2)", {}, "failed", "ended with 2; see "),
        ("import os; os.kill(os.getpid(), 9)", {}, "failed", "ended by signal 9"),
        ("import time; time.sleep(60)", {"limit_s": 0.3}, "failed", "not done after 0 s"),
        (work("bytearray(8 * 2**30)"), {"memory_bytes": 4 * 2**30}, "failed", "MemoryError"),
    ],
)
def test_how_a_command_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, code: str, options: Any, state: str, said: str
) -> None:
    fake_command(monkeypatch, code, **options)
    bench.add_task("export", {"kind": "zip", "clips": []})
    do_all(bench)
    task = bench.tasks()[0]
    assert (task.state, said in task.message) == (state, True), task.message
    assert not events_file(bench, task.id).exists()


def test_what_an_attempt_told_that_died_with_its_worker_is_forgotten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_command(monkeypatch, "import sys; sys.exit(2)")
    id = bench.add_task("export", {"kind": "zip", "clips": []})
    events_file(bench, id).parent.mkdir(parents=True)
    events_file(bench, id).write_text('{"share": 0.9, "message": "nearly there"}\n')
    do_all(bench)
    assert bench.tasks()[0].message.startswith("ended with 2")


def test_a_task_of_another_version_fails_with_a_sentence(bench: Bench) -> None:
    bench.add_task("dance", {})
    do_all(bench)
    assert (bench.tasks()[0].state, "knows no task 'dance'" in bench.tasks()[0].message) == ("failed", True)


def test_a_cancelled_command_is_stopped(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Even one that does not listen; what it started goes with it."""
    code = "import signal, subprocess, sys; signal.signal(2, signal.SIG_IGN); subprocess.run(['sleep', '300'])"
    fake_command(monkeypatch, code)
    monkeypatch.setattr(worker, "STOP_S", 0.5)
    id = bench.add_task("any", {})
    task = bench.claim_task("test")
    assert task is not None
    bench.update_task(id, state="cancelled")
    worker.Worker(bench)._do(task)
    assert (bench.tasks()[0].state, bench.tasks()[0].message) == ("cancelled", "stopped; what was finished is kept")
    assert b"sleep 300" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True).stdout


def test_one_worker_per_bench_survives_the_page(bench: Bench) -> None:
    """A real worker process: only one runs, it does a real export, and it goes when idle."""
    folder = page_folder(bench)
    assert not worker.is_alive(bench)
    bench.add_task("export", {"kind": "zip", "clips": [bench.clips()[0].id], "author": "", "at_s": None})
    run = [sys.executable, "-m", "vbench.tasks.worker", "--idle", "6"]
    first = subprocess.Popen(run, env=worker.environment(bench), stdout=subprocess.PIPE)
    while bench.tasks()[0].state not in ("done", "failed") and first.poll() is None:
        time.sleep(0.1)
    first.send_signal(signal.SIGSTOP)  # so that it is there for as long as the second takes to start
    second = subprocess.run(run, env=worker.environment(bench), capture_output=True, check=True)
    first.send_signal(signal.SIGCONT)
    assert b"running already" in second.stdout
    assert first.wait(timeout=60) == 0
    assert first.stdout is not None
    first.stdout.close()
    task = bench.tasks()[0]
    assert (task.state, task.message) == ("done", "takes.zip")
    assert (folder / "exports" / task.id / "takes.zip").is_file()
    assert not worker.is_alive(bench)
