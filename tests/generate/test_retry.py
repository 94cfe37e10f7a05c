"""One ended job tried again: its own words and seed, one request, and nothing else of its tool begun."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import billable
from tests.fakes.billable import BillableAdapter
from tests.generate.test_expansion import arm, chat
from vbench.bench import Bench
from vbench.bench.jobs import plan_of
from vbench.bench.tables import ClipRow, JobRow
from vbench.catalog import cards
from vbench.errors import AuthError, BenchError, BudgetError, JobError, OptionError
from vbench.generate import RunSpec, Step, Wishes, cancel_jobs, generate, job_runner, plan_jobs, retry, worker
from vbench.generate.retry import ended_job, retry_job
from vbench.records import Handle, Job, Prompt
from vbench.schema import to_json

TWO = [Prompt(id="fox", text="a red fox"), Prompt(id="cat", text="a black cat", negative="blur")]
LOST = JobError("no answer", code="outcome_unknown")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runner, "POLL_S", 0.01)
    monkeypatch.setattr(job_runner, "FETCH_TRIES", 1)
    monkeypatch.setattr(worker, "IDLE_S", 0.01)
    monkeypatch.setattr(cards, "find_card", lambda _name: billable.card(concurrency=1))


class Server:
    """A folder that plays a tool; what goes wrong is told by prompt id."""

    def __init__(self, folder: Path, **faults: list[Any]) -> None:
        self.folder, self.faults = folder, faults

    def __call__(self, card: Any) -> BillableAdapter:
        return BillableAdapter(card, self.folder, faults=self.faults)

    @property
    def posts(self) -> Counter[str]:
        path = self.folder / "posts"
        return Counter(path.read_text().splitlines()) if path.exists() else Counter()


def jobs_of(bench: Bench, prompt: str) -> list[Job]:
    return [job for job in bench.jobs() if job.prompt.id == prompt]


def run(bench: Bench, server: Server, **options: Any) -> Any:
    options = {"models": [billable.card(concurrency=1)], "prompts": TWO} | options
    return generate(bench, make=server, **options)


def test_the_job_alone_is_sent_again_and_what_the_tool_has_planned_stays(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", fox=["failed"])
    run(bench, server, max_jobs=1)
    (fox,), (cat,) = jobs_of(bench, "fox"), jobs_of(bench, "cat")
    assert (fox.state, cat.state) == ("failed", "planned")
    report = retry_job(bench, fox.id, max_cost=0.5, make=server)
    assert (report.made, report.n_planned, report.is_complete) == (1, 1, True)
    assert server.posts == {"paid fox 0": 2}
    first, second = jobs_of(bench, "fox")
    assert (first.state, second.state) == ("failed", "succeeded")
    assert plan_of(first).request == plan_of(second).request
    assert jobs_of(bench, "cat")[0].state == "planned"
    with pytest.raises(OptionError, match="that attempt is succeeded"):
        ended_job(bench, fox.id)
    assert (retry_job(bench, fox.id, make=server).made, sum(server.posts.values())) == (0, 2)


def test_the_words_of_an_arm_are_sent_again_without_its_file(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", fox=["failed", "failed"])
    with chat() as writer:
        run(bench, server, arms=[arm(writer.url)], prompts=TWO[:1])
    (ended,) = [job for job in jobs_of(bench, "fox") if job.model == "paid@deep"]
    report = retry_job(bench, ended.id, make=server)
    assert (report.made, report.is_complete) == (1, True)  # its language model does not answer any more
    assert server.posts["paid fox 0"] == 3
    (clip,) = bench.clips(models=["paid@deep"])
    assert clip.prompt == TWO[0]
    sent = plan_of(jobs_of(bench, "fox")[-1])
    assert (sent.request.prompt_sent, sent.model) == ("a red fox, in great detail", "paid@deep")


def test_what_may_have_been_made_is_sent_again_only_with_a_word(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", fox=[LOST])
    run(bench, server, prompts=TWO[:1])
    (lost,) = jobs_of(bench, "fox")
    for _ in range(2):
        with pytest.raises(BudgetError, match="paid for twice"):
            retry_job(bench, lost.id, make=server)
    assert server.posts == {"paid fox 0": 1}
    assert retry_job(bench, lost.id, understood=True, make=server).is_complete
    assert server.posts == {"paid fox 0": 2}


def test_a_clip_that_never_arrived_is_fetched_and_nothing_is_sent(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path / "server", cat=["failed"])
    fetch = BillableAdapter.fetch

    def gone(*_: Any) -> Any:
        raise JobError("the address has expired", code="download_failed")

    monkeypatch.setattr(BillableAdapter, "fetch", gone)
    run(bench, server, prompts=[TWO[0], Prompt(id="owl", text="an owl")])
    monkeypatch.setattr(BillableAdapter, "fetch", fetch)
    fox, owl = jobs_of(bench, "fox")[0], jobs_of(bench, "owl")[0]
    assert (fox.reason, owl.reason) == ("download_failed", "download_failed")
    assert retry_job(bench, fox.id, make=server).is_complete
    assert server.posts == {"paid fox 0": 1, "paid owl 0": 1}
    assert [job.state for job in bench.jobs()] == ["succeeded", "failed"]  # only the one that was asked for


def test_a_try_that_was_cut_off_is_taken_up_and_paid_once(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path / "server", fox=["failed"])
    run(bench, server, prompts=TWO[:1])
    (ended,) = jobs_of(bench, "fox")

    calls, work_off = [], retry.work_off

    def cut(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:  # the first asks the tool what it has
            raise KeyboardInterrupt
        return work_off(*args)

    with monkeypatch.context() as patch:
        patch.setattr(retry, "work_off", cut)  # after it was planned, before it was sent
        with pytest.raises(KeyboardInterrupt):
            retry_job(bench, ended.id, make=server)
    assert [job.state for job in jobs_of(bench, "fox")] == ["failed", "planned"]
    assert retry_job(bench, ended.id, make=server).is_complete
    assert server.posts == {"paid fox 0": 2}
    assert len(jobs_of(bench, "fox")) == 2


def test_a_price_above_what_was_agreed_waits(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", fox=["failed"])
    run(bench, server, prompts=TWO[:1])
    report = retry_job(bench, jobs_of(bench, "fox")[0].id, max_cost=0.4, make=server)
    assert "ceiling of $0.40" in report.paused["paid"]
    assert server.posts == {"paid fox 0": 1}


def test_a_job_of_the_tool_that_was_sent_already_does_not_block_it(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", fox=["failed"])
    run(bench, server, prompts=TWO)
    with bench.write() as session:  # as a kill leaves it: at the tool, and nobody's
        row = session.get(JobRow, jobs_of(bench, "cat")[0].id)
        assert row is not None
        row.state, row.clip, row.finished_at = "submitted", None, None
        for clip in bench.clips():
            session.delete(session.get(ClipRow, clip.id))
    report = retry_job(bench, jobs_of(bench, "fox")[0].id, make=server)
    assert report.is_complete
    assert server.posts == {"paid fox 0": 2, "paid cat 0": 1}
    assert jobs_of(bench, "cat")[0].state == "succeeded"


def test_what_cannot_be_tried_again(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    run(bench, server, max_jobs=1)
    (fox,), (cat,) = jobs_of(bench, "fox"), jobs_of(bench, "cat")
    with pytest.raises(OptionError, match="succeeded"):
        ended_job(bench, fox.id)
    with pytest.raises(OptionError, match="still under way"):
        ended_job(bench, cat.id)
    with pytest.raises(BenchError, match="no job 0000"):
        retry_job(bench, "0000", make=server)
    cancel_jobs(bench, ids=[cat.id])
    assert ended_job(bench, cat.id).state == "cancelled"
    shutil.rmtree(tmp_path / "server")
    assert retry_job(bench, cat.id, make=server).made == 1


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize("end", ["expired", "nothing", "failed", "refused_output"])
def test_what_the_tool_has_is_asked_for_before_another_request_is_paid(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, by_hand: bool
) -> None:
    """An end that was none: the clip is there when it is asked for once more."""
    server = Server(tmp_path / "server", fox=[end])
    run(bench, server, prompts=TWO[:1])
    (ended,) = jobs_of(bench, "fox")
    assert ended.state not in ("succeeded", "submitted")
    ready = Handle(id=ended.handle.id, data={"ready": 0, "end": "succeeded"}) if ended.handle else None
    with bench.write() as session:
        row = session.get(JobRow, ended.id)
        assert row is not None
        assert ready is not None
        row.handle = to_json(ready)
    if by_hand:
        report = retry_job(bench, ended.id, make=server)
    else:
        report = run(bench, server, prompts=TWO[:1], retry=[ended.state])
    assert (report.made, report.is_complete) == (1, True)
    assert server.posts == {"paid fox 0": 1}
    assert [job.state for job in jobs_of(bench, "fox")] == ["succeeded"]


@pytest.mark.parametrize("end", ["expired", "nothing", "failed", "refused_output"])
def test_an_end_that_is_confirmed_is_tried_again_and_the_price_is_told(bench: Bench, tmp_path: Path, end: str) -> None:
    server, steps = Server(tmp_path / "server", fox=[end]), list[Step]()
    run(bench, server, prompts=TWO[:1])
    (ended,) = jobs_of(bench, "fox")
    card = billable.card(concurrency=1)
    spec = RunSpec(models=[card], prompts=TWO[:1], retry=[ended.state])
    planned = plan_jobs(spec, bench=bench, adapters={"paid": server(card)})
    (sentence,) = planned.tools[0].warnings
    assert sentence.startswith("sent again, it costs about $0.50: the clip of the last attempt is not there (")
    assert (ended.reason or ended.state) in sentence
    assert sentence.endswith("; the tool is asked for that one first, free")
    n_polls = len((tmp_path / "server" / "polls").read_text().splitlines())
    assert run(bench, server, prompts=TWO[:1], retry=[ended.state], progress=steps.append).is_complete
    assert server.posts == {"paid fox 0": 2}
    first, second = jobs_of(bench, "fox")
    assert (first.state, first.reason, second.state) == (ended.state, ended.reason, "succeeded")
    assert len((tmp_path / "server" / "polls").read_text().splitlines()) >= n_polls + 2
    assert any("sent again, it costs about $0.50" in step.message for step in steps if step.state == "submitting")


def test_changed_settings_ask_first_too(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server", fox=["expired"])
    run(bench, server, prompts=TWO[:1])
    (ended,) = jobs_of(bench, "fox")
    assert ended.handle is not None
    with bench.write() as session:
        row = session.get(JobRow, ended.id)
        assert row is not None
        row.handle = to_json(Handle(id=ended.handle.id, data={"ready": 0, "end": "succeeded"}))
    assert run(bench, server, prompts=TWO[:1], wishes=Wishes(seconds=3)).made == 1
    assert server.posts == {"paid fox 0": 1}


def test_what_cannot_be_asked_is_not_paid_for_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> Any:
        raise AuthError("paid: the key was refused")

    server = Server(tmp_path / "server", fox=["expired"])
    run(bench, server, prompts=TWO[:1])
    monkeypatch.setattr(BillableAdapter, "poll", locked)
    report = run(bench, server, prompts=TWO[:1], retry=["expired"])
    assert dict(report.states) == {"submitted": 1}
    assert server.posts == {"paid fox 0": 1}
