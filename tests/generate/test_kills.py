"""kill -9 at fifty points of a run, and two processes in one bench: nothing lost, nothing sent twice."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import billable
from vbench.bench import Bench
from vbench.bench.media import Media
from vbench.generate import GenerateReport, generate, worker
from vbench.generate.inbox import Inbox
from vbench.generate.job_runner import JobRunner
from vbench.generate.journal import Journal
from vbench.records import Prompt

PROMPTS = [Prompt(id=f"p{i}", text=f"a fox number {i}") for i in range(3)]
N_KILLS = 50
VERBS = {
    Journal: ("plan", "claim", "submitted", "progress", "succeed", "finish", "recover", "close"),
    Media: ("put",),
    Inbox: ("keep", "discard"),
    JobRunner: ("_wait", "_fetch", "_store"),
}


def in_child(work: Callable[[], None]) -> int:
    """Run in a forked process; its exit status as `os.waitpid` gives it. Faster by far than a new interpreter."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def run(
    folder: Path,
    *,
    point: billable.Point = lambda _name: None,
    prompts: list[Prompt] = PROMPTS,
    concurrency: int = 2,
    work_s: float = 0.03,
) -> GenerateReport:
    with Bench.open(folder / "bench") as bench:
        return generate(
            bench,
            models=[billable.card(concurrency=concurrency)],
            prompts=prompts,
            make=lambda card: billable.BillableAdapter(card, folder / "server", work_s=work_s, point=point),
        )


def instrument(point: Callable[[str], None]) -> None:
    """Call `point` before and after every step; in a child process only."""

    def wrapped(verb: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            point(f"before {name}")
            result = verb(*args, **kwargs)
            point(f"after {name}")
            return result

        return call

    for owner, names in VERBS.items():
        for name in names:
            setattr(owner, name, wrapped(getattr(owner, name), name))


class Countdown:
    """Dies at the n-th point it passes, and writes down which that was."""

    def __init__(self, folder: Path, n: int) -> None:
        self.folder, self.left = folder, n

    def __call__(self, name: str) -> None:
        self.left -= 1
        with (self.folder / "points").open("a") as file:
            file.write(name + "\n")
        if self.left == 0:
            billable.die(name)


def posts(folder: Path) -> Counter[str]:
    path = folder / "server" / "posts"
    return Counter(path.read_text().splitlines()) if path.exists() else Counter()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty bench to copy: migrating one each time would take most of the time."""
    folder = tmp_path_factory.mktemp("fresh")
    Bench.open(folder / "bench").close()
    billable.tiny_clip()
    return folder


@pytest.fixture(scope="module")
def n_points(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many points an undisturbed run passes."""
    folder = tmp_path_factory.mktemp("count")
    shutil.copytree(fresh / "bench", folder / "bench")
    counter = Countdown(folder, 10**9)

    def work() -> None:
        instrument(counter)
        run(folder, point=counter)

    assert in_child(work) == 0
    return len((folder / "points").read_text().splitlines())


def test_killed_at_fifty_points(fresh: Path, n_points: int, tmp_path: Path) -> None:
    assert n_points >= N_KILLS
    seen: set[str] = set()
    n_unknown = 0
    for i in range(N_KILLS):
        folder = tmp_path / str(i)
        shutil.copytree(fresh / "bench", folder / "bench")
        point = Countdown(folder, 1 + i * (n_points - 1) // (N_KILLS - 1))

        def killed(point: Countdown = point, folder: Path = folder) -> None:
            instrument(point)
            run(folder, point=point)

        status = in_child(killed)
        assert os.WIFSIGNALED(status) or point.left > 1  # threads may pass a few points less than when counted
        seen.add((folder / "points").read_text().splitlines()[-1])
        with Bench.open(folder / "bench") as bench:
            before = {clip.id: bench.clip_path(clip).read_bytes() for clip in bench.clips()}
        report = run(folder)
        where = (folder / "points").read_text().splitlines()[-1]
        assert max(posts(folder).values(), default=0) <= 1, f"sent twice after a kill {where}"
        assert report.states.get("succeeded", 0) + len(report.unknown) == len(PROMPTS), f"{report.states} after {where}"
        assert len(report.unknown) <= 2, where  # as many as were under way at once
        for job in report.unknown:
            assert "retry=outcome_unknown" in job.message
        n_unknown += len(report.unknown)
        with Bench.open(folder / "bench") as bench:
            after = {clip.id: bench.clip_path(clip).read_bytes() for clip in bench.clips()}
            assert before.items() <= after.items(), f"a finished clip was lost after a kill {where}"
            assert len(after) == report.states["succeeded"]
        again = run(folder)
        assert again.made == 0
        left = [path for path in (folder / "bench" / "incoming").iterdir() if path.suffix == ".mp4"]
        assert left == [], f"litter after a kill {where}"
        assert max(posts(folder).values(), default=0) <= 1
    assert n_unknown > 0  # the kills did hit the time between request and handle
    assert len(seen) >= 15


def test_two_processes_make_each_job_once(fresh: Path, tmp_path: Path) -> None:
    shutil.copytree(fresh / "bench", tmp_path / "bench")
    prompts = [Prompt(id=f"p{i}", text=f"a cat number {i}") for i in range(40)]

    def work(name: str) -> None:
        (tmp_path / f"ready-{name}").touch()
        while len(list(tmp_path.glob("ready-*"))) < 2:
            time.sleep(0.001)
        worker.IDLE_S = 0.005
        made = run(tmp_path, prompts=prompts, concurrency=6, work_s=0.2).made  # both are up long before the end
        (tmp_path / f"made-{name}").write_text(str(made))

    with ThreadPoolExecutor(2) as parents:
        assert list(parents.map(in_child, (lambda: work("a"), lambda: work("b")))) == [0, 0]
    assert set(posts(tmp_path).values()) == {1}
    assert len(posts(tmp_path)) == 40
    made = [int(path.read_text()) for path in tmp_path.glob("made-*")]
    assert sum(made) == 40
    assert min(made) >= 1
    assert run(tmp_path, prompts=prompts).is_complete


def test_a_living_process_is_not_taken_for_dead(fresh: Path, tmp_path: Path) -> None:
    shutil.copytree(fresh / "bench", tmp_path / "bench")
    with Bench.open(tmp_path / "bench") as bench:
        mine, other = Journal(bench), Journal(bench)
        assert other.lease.is_alive(mine.owner, lease_until=0.0)  # a clock that jumped makes nobody dead
        mine.close()
        assert not other.lease.is_alive(mine.owner, lease_until=4e9)
        other.close()

    def dies() -> None:
        (tmp_path / "owner").write_text(Journal(Bench.open(tmp_path / "bench")).owner)
        os.kill(os.getpid(), signal.SIGKILL)

    in_child(dies)
    with Bench.open(tmp_path / "bench") as bench:
        journal = Journal(bench)
        assert not journal.lease.is_alive((tmp_path / "owner").read_text(), lease_until=4e9)
        journal.close()
