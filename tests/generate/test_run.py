"""The generate stage against a tool that charges: what it plans, pays, refuses, pauses, repeats and records."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.fakes import billable
from tests.fakes.billable import BillableAdapter
from vbench.bench import Bench
from vbench.catalog.cards import find_card
from vbench.errors import AuthError, BenchError, JobError, NotStartedError, OptionError
from vbench.generate import (
    GenerateReport,
    Step,
    Tool,
    Wishes,
    generate,
    job_runner,
    plan_jobs,
    plan_run,
    worker,
    working,
)
from vbench.generate.budget import Ceiling, ceilings, set_ceiling
from vbench.generate.journal import Journal
from vbench.generate.plan import seed_of
from vbench.records import Failure, Prompt
from vbench.score import score

TWO = [Prompt(id="fox", text="a red fox"), Prompt(id="cat", text="a black cat", negative="blur")]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path / "bench") as opened:
        yield opened


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runner, "POLL_S", 0.01)
    monkeypatch.setattr(worker, "IDLE_S", 0.01)
    monkeypatch.setattr(working, "HEARTBEAT_S", 0.02)


class Server:
    """A folder that plays a tool, and what it has seen."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder, self.options = folder, options
        self.adapters: list[BillableAdapter] = []

    def __call__(self, card: Any) -> BillableAdapter:
        self.adapters.append(BillableAdapter(card, self.folder, **self.options))
        return self.adapters[-1]

    def seen(self, name: str = "posts") -> Counter[str]:
        path = self.folder / name
        return Counter(path.read_text().splitlines()) if path.exists() else Counter()


def run(bench: Bench, server: Server, **options: Any) -> GenerateReport:
    options = {"models": [billable.card()], "prompts": TWO} | options
    return generate(bench, make=server, **options)


def test_clips_arrive_once_with_their_provenance(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    steps: list[Step] = []
    report = run(bench, server, samples=2, progress=steps.append, wishes=Wishes(seconds=4.0))
    assert report.is_complete
    assert (report.made, report.n_planned, dict(report.states)) == (4, 4, {"succeeded": 4})
    assert report.spend.usd == pytest.approx(2.0)
    clips = bench.clips()
    assert {(clip.prompt.id, clip.sample) for clip in clips} == {("fox", 0), ("fox", 1), ("cat", 0), ("cat", 1)}
    for clip in clips:
        assert clip.media == f"clips/paid/{clip.prompt.id}-{clip.sample}.mp4"
        assert bench.clip_path(clip).read_bytes() == billable.tiny_clip()
        assert clip.probe.n_frames == 8
        assert clip.provenance.latency_s is not None
    assert {step.state for step in steps} >= {"submitting", "submitted", "succeeded"}
    again = run(bench, server, samples=2)
    assert (again.made, again.n_planned, again.is_complete) == (0, 0, True)
    assert set(server.seen().values()) == {1}
    more = run(bench, server, samples=3)
    assert (more.made, more.is_complete) == (2, True)


def test_what_was_asked_is_kept_and_measured_against(bench: Bench) -> None:
    card = find_card("synthetic-clean")
    card = card.model_copy(update={"limits": card.limits.model_copy(update={"seconds": (3.0,)})})
    prompt = Prompt(id="circle", text="a red circle moves right over blue")
    generate(bench, models=[card], prompts=[prompt], wishes=Wishes(seconds=2.0))
    (clip,) = bench.clips()
    assert clip.probe.duration_s == pytest.approx(3.0)
    assert clip.provenance.extra["request"] == {"seconds": 2.0}
    score(bench, metrics=["spec_adherence"], workers=0)
    (found,) = bench.score_records()
    assert found.value == pytest.approx(1 - (math.log2(2.9 / 2) - math.log2(1.02)))  # 0.49


def test_a_run_that_cannot_show_that_it_lives_ends(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Journal) -> set[str]:
        raise OSError("the database is gone")

    monkeypatch.setattr(Journal, "heartbeat", fails)
    with pytest.raises(OSError, match="the database is gone"):
        run(bench, Server(tmp_path / "server", work_s=30.0))


def test_plan_shows_the_matrix_without_writing(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", work_s=90.0)
    wishes = Wishes(width=1280, height=720, fps=10, seconds=10)
    tools = [Tool(card=billable.card("dear", usd_per_clip=2.0)), Tool(card=billable.card("mystery", usd_per_clip=None))]
    adapters = {tool.label: server(tool.card) for tool in tools}
    matrix = plan_jobs(tools, TWO, samples=3, wishes=wishes, bench=bench, adapters=adapters)
    dear, mystery = matrix.tools
    assert (dict(dear.n), dear.cost_usd, mystery.cost_usd) == ({"new": 6}, 12.0, None)
    assert dear.hours == pytest.approx(6 * 90 / 3600 / 2)  # two at once
    assert dear.disk_bytes == pytest.approx(6 * 1280 * 720 * 100 * 0.02)
    assert (matrix.cost_usd, matrix.unpriced, matrix.n_new) == (12.0, ["mystery"], 12)
    assert bench.models() == {}
    assert bench.prompts() == []
    assert not server.seen()


def test_plan_knows_what_is_there(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", faults={"cat": ["refused_output"]})
    run(bench, server)
    adapters = {"paid": server(billable.card())}
    tools = [Tool(card=billable.card())]
    matrix = plan_jobs(tools, TWO, bench=bench, adapters=adapters)
    assert dict(matrix.tools[0].n) == {"done": 1, "ended": 1}
    assert matrix.cost_usd == 0
    matrix = plan_jobs(tools, TWO, bench=bench, adapters=adapters, retry={"refused_output"})
    assert dict(matrix.tools[0].n) == {"done": 1, "new": 1}
    other = plan_jobs(tools, TWO, bench=bench, adapters=adapters, wishes=Wishes(seconds=8))
    assert dict(other.tools[0].n) == {"done": 1, "new": 1}  # other settings: the refused one may go, the clip is kept
    assert "made earlier with other settings; kept" in other.tools[0].warnings


def test_each_prompt_has_noise_of_its_own_and_every_tool_the_same() -> None:
    seeds = {seed_of(prompt, sample) for prompt in TWO for sample in range(3)}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert [seed_of(TWO[1], sample, (5, 9)) for sample in range(2)] == [5, 9]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"models": []}, "no tool"),
        ({"prompts": []}, "no prompt"),
        ({"samples": 0}, "--samples is 0"),
        ({"seeds": [1, 2]}, "2 numbers for 1 samples"),
        ({"seeds": [-1]}, "-1 is not between"),
        ({"models": [billable.card(), billable.card()]}, "named twice"),
        ({"prompts": [TWO[0], replace(TWO[1], id="fox")]}, "two prompts have the id 'fox'"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(bench: Bench, tmp_path: Path, options: Any, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        run(bench, Server(tmp_path / "server"), **options)


def test_one_sample_is_tried_again_and_no_other(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", faults={"cat": ["failed", "failed"], "dog": []})
    cat = [next(prompt for prompt in TWO if prompt.id == "cat")]
    run(bench, server, prompts=cat, samples=2, max_cost=1.0)  # both fail, and the ceiling of that run is used up
    report = run(bench, server, prompts=cat, samples=4, only_sample=1, retry={"failed"})
    assert (report.made, dict(report.states)) == (1, {"succeeded": 1})
    assert [clip.sample for clip in bench.clips()] == [1]
    with pytest.raises(OptionError, match="--only-sample is 2"):
        run(bench, server, prompts=cat, samples=2, only_sample=2)


@pytest.mark.parametrize(
    ("fault", "state", "reason", "usd"),
    [
        ("refused_output", "refused_output", "moderated_output", 0.5),
        ("failed", "failed", "provider_error", 0.5),
        ("expired", "expired", None, 0.5),
        (JobError("no", code="moderated_input"), "refused_input", "moderated_input", 0.0),
        (JobError("no", code="bad_request"), "failed", "bad_request", 0.0),
        (JobError("no", code="a_new_code"), "failed", "provider_error", 0.0),
        (JobError("?", code="outcome_unknown"), "outcome_unknown", "outcome_unknown", 0.5),
        ("broken", "failed", "empty_result", 0.5),
        ("picture", "failed", "empty_result", 0.5),
        ("nothing", "failed", "empty_result", 0.5),
    ],
)
def test_an_end_without_a_clip_is_a_row_and_the_run_goes_on(
    bench: Bench, tmp_path: Path, fault: Any, state: str, reason: str | None, usd: float
) -> None:
    server = Server(tmp_path / "server", faults={"cat": [fault]})
    report = run(bench, server)
    assert dict(report.states) == {"succeeded": 1, state: 1}
    assert not report.is_complete
    (job,) = [*report.ended, *report.unknown]
    assert (job.prompt.id, job.state, job.reason) == ("cat", state, reason)
    assert report.spend.usd == pytest.approx(0.5 + usd)
    assert [failure.subject for failure in bench.failures("generate")] == [job.id]
    assert not list((bench.root / "incoming").glob("*.mp4"))
    kept = list((bench.root / "incoming" / "no-video").glob("*"))
    assert [path.name.partition(".")[0] for path in kept] == ([job.id] if fault in ("broken", "picture") else [])
    assert all(str(path) in job.message and path.stat().st_size for path in kept)
    assert dict(run(bench, server).states) == dict(report.states)  # not tried again by itself
    assert all(path.is_file() for path in kept)
    assert server.seen()["paid cat 0"] <= 1
    mended = run(bench, server, retry={state})
    assert mended.is_complete
    assert server.seen()["paid cat 0"] == 2
    assert mended.spend.usd == pytest.approx(1.0 + usd)  # the first try is not forgotten


def test_an_unknown_outcome_stays_even_where_the_settings_change(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", faults={"cat": [JobError("?", code="outcome_unknown")]})
    run(bench, server)
    report = run(bench, server, wishes=Wishes(seconds=9))
    assert len(report.unknown) == 1
    assert server.seen()["paid cat 0"] == 1


def test_a_fault_of_the_adapter_while_sending_is_an_unknown_outcome_and_a_bug(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", faults={"cat": [RuntimeError("oops")]})
    with pytest.raises(RuntimeError, match="oops"):
        run(bench, server)
    report = run(bench, server)
    assert [job.state for job in report.unknown] == ["outcome_unknown"]
    assert server.seen()["paid cat 0"] == 1


def test_too_many_requests_are_sent_again_later_and_slow_the_tool_down(bench: Bench, tmp_path: Path) -> None:
    busy = [NotStartedError("busy", retry_after_s=0.05) for _ in range(3)]
    server = Server(tmp_path / "server", faults={"cat": list(busy)})
    started = time.monotonic()
    report = run(bench, server)
    assert report.is_complete
    assert time.monotonic() - started >= 0.15
    assert server.seen() == {"paid fox 0": 1, "paid cat 0": 1}


def test_gate_halves_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: clock[0])
    gate = worker.Gate(8)
    assert gate.too_many(30.0)
    assert (gate.limit, gate.wait_s()) == (4, 30.0)
    gate.too_many(1.0)
    assert (gate.limit, gate.wait_s()) == (2, 30.0)  # the longer pause stands
    clock[0] += 31
    assert gate.wait_s() == 0
    for _ in range(60):
        gate.succeeded()
    assert gate.limit == 8
    assert all(gate.too_many(0.0, is_busy=False) for _ in range(4))
    assert not gate.too_many(0.0, is_busy=False)


def test_a_refused_key_stops_that_tool_alone_and_its_jobs_wait(bench: Bench, tmp_path: Path) -> None:
    locked = Server(tmp_path / "locked", faults={p.id: [AuthError("locked: no API key; set LOCKED_KEY")] for p in TWO})
    open_ = Server(tmp_path / "open")
    cards = [billable.card("locked", concurrency=1), billable.card("open")]
    report = generate(
        bench, models=cards, prompts=TWO, make=lambda card: (locked if card.id == "locked" else open_)(card)
    )
    assert report.paused == {"locked": "locked: no API key; set LOCKED_KEY"}
    assert dict(report.states) == {"planned": 2, "succeeded": 2}
    assert report.spend.n_jobs == 2


def test_pauses_before_the_ceiling_and_goes_on_when_it_is_raised(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    prompts = [Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(5)]
    report = run(bench, server, prompts=prompts, max_cost=1.2)
    assert report.made == 2
    assert report.spend.usd == pytest.approx(1.0)
    assert "ceiling of $1.20" in report.paused["paid"]
    assert "vbench budget --run" in report.paused["paid"]
    assert run(bench, server, prompts=prompts, max_cost=1.2).made == 0  # a restart is no new budget
    (ceiling,) = ceilings(bench)
    set_ceiling(bench, replace(ceiling, max_cost_usd=2.0))
    assert run(bench, server, prompts=prompts, max_cost=1.2).made == 2  # the same line, and what was raised stays so
    other = run(bench, server, models=[billable.card("other")], prompts=prompts[:1], max_cost=0.6)
    assert other.made == 1  # another run has a ceiling of its own
    set_ceiling(bench, Ceiling(max_cost_usd=2.6))
    whole = run(bench, server, prompts=prompts, max_cost=9.0)
    assert whole.made == 0
    assert "the whole bench" in whole.paused["paid"]
    assert run(bench, server, prompts=prompts, max_jobs=5, max_cost=9.0).spend.n_jobs == 5


def test_number_of_jobs_has_a_ceiling_too(bench: Bench, tmp_path: Path) -> None:
    report = run(bench, Server(tmp_path / "server"), max_jobs=1)
    assert report.made == 1
    assert "ceiling of 1 jobs" in report.paused["paid"]


def test_a_tool_without_a_price_needs_a_word_under_a_ceiling(bench: Bench, tmp_path: Path) -> None:
    server, card = Server(tmp_path / "server"), billable.card("mystery", usd_per_clip=None)
    report = run(bench, server, models=[card], max_cost=5.0)
    assert report.made == 0
    assert "--allow-unpriced mystery" in report.paused["mystery"]
    assert run(bench, server, models=[card], max_cost=5.0, allow_unpriced=["mystery"]).made == 2
    assert run(bench, server, models=[card], prompts=[Prompt(id="x", text="x")]).made == 1  # without a ceiling it may


def test_a_full_disk_stops_the_run_and_nothing_is_paid_twice(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", faults={"cat": ["disk_full"]})
    with pytest.raises(BenchError, match="free space, then repeat the same line"):
        run(bench, server)
    (tmp_path / "server" / "freed").touch()
    assert run(bench, server).is_complete
    assert set(server.seen().values()) == {1}


def test_a_full_media_store_stops_the_run_and_the_clip_is_kept(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path / "server")

    def full(local: Path, key: str) -> None:
        raise BenchError(f"{key}: cannot be written (No space left on device)")

    with monkeypatch.context() as patch:
        patch.setattr(bench.media, "put", full)
        with pytest.raises(BenchError, match="No space"):
            run(bench, server)
    n_fetched = sum(server.seen("fetches").values())
    assert run(bench, server).is_complete
    assert set(server.seen().values()) == {1}
    assert sum(server.seen("fetches").values()) <= 2
    assert n_fetched >= 1


def test_a_download_that_fails_is_fetched_again_and_not_sent_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path / "server")
    fetch = BillableAdapter.fetch

    def breaks(self: BillableAdapter, handle: Any, out: Path) -> Any:
        raise JobError("the connection broke off", code="download_failed")

    monkeypatch.setattr(job_runner, "FETCH_TRIES", 2)
    monkeypatch.setattr(BillableAdapter, "fetch", breaks)
    report = run(bench, server, prompts=TWO[:1])
    assert [job.reason for job in report.ended] == ["download_failed"]
    monkeypatch.setattr(BillableAdapter, "fetch", fetch)
    assert run(bench, server, prompts=TWO[:1]).is_complete
    assert server.seen() == {"paid fox 0": 1}


def test_ctrl_c_leaves_everything_to_be_taken_up_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path / "server", work_s=0.4)

    def interrupt() -> None:
        while not server.seen("polls"):
            time.sleep(0.005)
        import _thread

        _thread.interrupt_main()

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run(bench, server)
    assert {job.state for job in Journal.jobs(bench)} <= {"submitted", "running", "planned"}
    assert run(bench, server).is_complete
    assert set(server.seen().values()) == {1}


def test_a_clock_that_jumps_changes_nothing(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tmp_path / "server", work_s=0.1)
    real, offset = time.time, [0.0]
    monkeypatch.setattr("vbench.generate.lease.time.time", lambda: real() + offset[0])

    def jump() -> None:
        for hours in (30.0, -50.0, 1e5):
            time.sleep(0.03)
            offset[0] = hours * 3600

    threading.Thread(target=jump, daemon=True).start()
    second = Journal(bench)
    report = run(bench, server, prompts=[Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(6)])
    assert second.recover() == []
    second.close()
    assert report.is_complete
    assert set(server.seen().values()) == {1}


def test_a_job_cancelled_meanwhile_is_stopped_at_the_tool(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", work_s=30.0)

    def cancel() -> None:
        other = Journal(bench)
        while not (jobs := other.jobs(bench, states=["running"])):
            time.sleep(0.01)
        assert other.cancel(jobs[0].id)
        other.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    report = run(bench, server, prompts=TWO[:1])
    thread.join()
    assert [job.state for job in report.ended] == ["cancelled"]
    assert sum(server.seen("cancels").values()) == 1
    assert report.elapsed_s < 10


def test_an_edited_prompt_does_not_overwrite_the_clip_of_the_old_one(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    run(bench, server, prompts=TWO[:1])
    run(bench, server, prompts=[replace(TWO[0], text="a red fox, edited")])
    clips = bench.clips()
    assert len({clip.media for clip in clips}) == 2
    assert all(bench.clip_path(clip).is_file() for clip in clips)


def test_plan_run_reads_names(bench: Bench) -> None:
    matrix = plan_run(bench, models=["synthetic-clean"], suite="demo", samples=2)
    assert matrix.n_new == 2 * len({cell.prompt.key for cell in matrix.cells})
    assert matrix.cost_usd == 0


class LocalAdapter(BillableAdapter):
    """A program on this machine: free, alone on its device, and stopped by `cancel`."""

    lane = "device"
    at_once: ClassVar[list[int]] = [0, 0]

    def plan(self, request: Any) -> Any:
        return replace(super().plan(request), is_billable=False, cost_usd=0.0)

    def fetch(self, handle: Any, out: Path) -> Any:
        self.at_once[0] += 1
        self.at_once[1] = max(self.at_once)
        try:
            deadline = time.monotonic() + self.options_s
            while time.monotonic() < deadline:
                if handle.id in self.lines("cancels"):
                    raise JobError("stopped by you", code="crashed")
                time.sleep(0.005)
            return super().fetch(handle, out)
        finally:
            self.at_once[0] -= 1

    options_s = 0.0


def test_local_tools_take_turns_and_are_freed_one_after_the_other(bench: Bench, tmp_path: Path) -> None:
    LocalAdapter.at_once[:] = [0, 0]
    cards = [billable.card(name, concurrency=4) for name in ("first", "second")]
    made: list[str] = []

    def make(card: Any) -> LocalAdapter:
        adapter = LocalAdapter(card, tmp_path / "server")
        adapter.options_s = 0.02
        return adapter

    report = generate(
        bench,
        models=cards,
        prompts=TWO,
        make=make,
        progress=lambda step: made.append(step.label) if step.state == "succeeded" else None,
    )
    assert report.is_complete
    assert LocalAdapter.at_once[1] == 1
    assert made == ["first", "first", "second", "second"]
    closes = (tmp_path / "server" / "closes").read_text().split()
    assert closes[0] == "first"


def test_local_work_is_stopped_at_once_and_planned_anew(bench: Bench, tmp_path: Path) -> None:
    def slow(card: Any) -> LocalAdapter:
        adapter = LocalAdapter(card, tmp_path / "server")
        adapter.options_s = 60.0
        return adapter

    def interrupt() -> None:
        import _thread

        while not Journal.jobs(bench, states=["submitted"]):
            time.sleep(0.005)
        time.sleep(0.05)
        _thread.interrupt_main()

    threading.Thread(target=interrupt, daemon=True).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        generate(bench, models=[billable.card()], prompts=TWO, make=slow)
    assert time.monotonic() - started < 20
    changed = generate(
        bench,
        models=[billable.card()],
        prompts=TWO,
        wishes=Wishes(seconds=3),
        make=lambda card: LocalAdapter(card, tmp_path / "server"),
    )
    assert changed.is_complete
    bodies = [job.plan["body"]["seconds"] for job in Journal.jobs(bench)]
    assert bodies == [3, 3]  # with the settings of now, not those of the interrupted run


@pytest.mark.postgres
def test_the_journal_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", faults={"cat": [JobError("?", code="outcome_unknown")]})
    with Bench.open(tmp_path / "bench", db=postgres_url) as bench:
        prompts = [*TWO, *(Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(10))]
        with ThreadPoolExecutor(2) as both:
            runs = [both.submit(run, bench, server, prompts=prompts, max_cost=100.0) for _ in range(2)]
            reports = [found.result() for found in runs]
        assert sum(report.made for report in reports) == 11
        assert set(server.seen().values()) == {1}
        final = run(bench, server, prompts=prompts)
        assert dict(final.states) == {"succeeded": 11, "outcome_unknown": 1}
        assert final.spend.usd == pytest.approx(6.0)


@pytest.mark.postgres
def test_many_may_report_the_same_failure_at_once_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def report(i: int) -> None:
        together.wait(10)
        bench.add_failure(Failure(stage="generate", subject="job", code="failed", message=f"as told by {i}"))

    with Bench.open(tmp_path / "bench", db=postgres_url) as bench, ThreadPoolExecutor(8) as threads:
        list(threads.map(report, range(8)))
        assert len(bench.failures("generate")) == 1


@pytest.mark.postgres
def test_two_plan_the_same_prompts_in_opposite_order_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    prompts = [Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(200)]
    adapter = BillableAdapter(billable.card(), tmp_path / "server")

    def plan(ordered: list[Prompt]) -> int:
        cells = plan_jobs([Tool(card=billable.card())], ordered, adapters={"paid": adapter}).intents()
        journal = Journal(bench)
        try:
            together.wait(10)
            return journal.plan(cells, run="run")
        finally:
            journal.close()

    together = threading.Barrier(2)
    with Bench.open(tmp_path / "bench", db=postgres_url) as bench, ThreadPoolExecutor(2) as threads:
        bench.add_model("paid", {})
        assert sum(threads.map(plan, (prompts, prompts[::-1]))) == 200
