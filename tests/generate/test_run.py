"""The generate stage against a tool that charges: what it plans, pays, refuses, pauses, repeats and records."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import billable
from tests.fakes.billable import BillableAdapter
from tests.generate.paid import TWO, Server, run
from vbench.bench import Bench
from vbench.catalog.cards import find_card
from vbench.errors import BenchError, JobError, OptionError
from vbench.generate import Step, Wishes, generate, job_runner
from vbench.records import Failure, Prompt
from vbench.score import score

pytestmark = pytest.mark.usefixtures("quick")


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


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"models": []}, "no tool"),
        ({"prompts": []}, "no prompt"),
        ({"samples": 0}, "`samples=` is 0"),
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
    with pytest.raises(OptionError, match="`only_sample=` is 2"):
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


def test_an_edited_prompt_does_not_overwrite_the_clip_of_the_old_one(bench: Bench, tmp_path: Path) -> None:
    server = Server(tmp_path / "server")
    run(bench, server, prompts=TWO[:1])
    run(bench, server, prompts=[replace(TWO[0], text="a red fox, edited")])
    clips = bench.clips()
    assert len({clip.media for clip in clips}) == 2
    assert all(bench.clip_path(clip).is_file() for clip in clips)


@pytest.mark.postgres
def test_many_may_report_the_same_failure_at_once_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def report(i: int) -> None:
        together.wait(10)
        bench.add_failure(Failure(stage="generate", subject="job", code="failed", message=f"as told by {i}"))

    with Bench.open(tmp_path / "bench", db=postgres_url) as bench, ThreadPoolExecutor(8) as threads:
        list(threads.map(report, range(8)))
        assert len(bench.failures("generate")) == 1
