"""Every hosted protocol against every fault: how it ends, how often it was paid for, and that no key leaks."""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
import random
import time
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.driver import REQUEST, Run, drive, hosted
from tests.fakes.hosted import Fake, FakeJob
from tests.fakes.protocols import PROTOCOLS
from vbench.adapters import response
from vbench.adapters.http import reader
from vbench.adapters.http.adapter import HttpAdapter
from vbench.adapters.response import Response
from vbench.adapters.secrets import redact
from vbench.errors import AuthError, BenchError, JobError, NotStartedError
from vbench.records import Handle, Plan, Prompt, Request, Status, canonical_json
from vbench.video import probe

CREATE_FAULTS = {
    "429": "rate_limited",
    "balance": "no_balance",
    "moderated": "moderated_input",
    "bad_request": "bad_request",
    "auth": "AuthError",
    "500": "outcome_unknown",
    "500_after": "outcome_unknown",
    "503": "outcome_unknown",
    "drop": "outcome_unknown",
    "drop_before": "outcome_unknown",
    "empty": "outcome_unknown",
    "303": "outcome_unknown",
    "409": "outcome_unknown",
    "huge_id": "outcome_unknown",
    "odd_id": "outcome_unknown",
    "bomb": "outcome_unknown",
}
POLL_FAULTS = {
    "429": "file",
    "500": "file",
    "drop": "file",
    "html": "file",
    "bomb": "file",
    "404": "file",
    "404_late": "file",
    "unseen": "file",
    "UPPER": "file",
    "lower": "file",
    "failed": "provider_error",
    "failed_4xx": "provider_error",
    "moderated": "moderated_output",
}
SMALL_BYTES = 16 * 2**20
NO_STATE_WORDS = {"vertex"}
"""Its operations say done or not; there is no word to spell otherwise."""
RENAMED = {("create", "pixverse", "429"): "concurrency", ("poll", "zhipu", "moderated"): "moderated_input"}
"""PixVerse counts jobs, not requests; Zhipu does not tell a refused prompt from a refused clip."""


@pytest.fixture(autouse=True)
def small_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too large to be read is reached soon."""
    monkeypatch.setattr(response, "MAX_RESPONSE_BYTES", SMALL_BYTES)


def secrets_of(fake: Fake, run: Run, caplog: pytest.LogCaptureFixture) -> str:
    """Every text a run leaves behind."""
    told = [str(run.error), repr(run.error), repr(run.plan), caplog.text]
    told += [json.dumps(dataclasses.asdict(thing)) for thing in (run.handle, run.provenance) if thing]
    told += [status.message for status in run.statuses]
    return "\n".join(told)


@pytest.mark.parametrize("fault", CREATE_FAULTS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_create_faults_cost_one_request(
    protocol: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Fake(protocol, create=[fault]) as fake, hosted(fake, monkeypatch) as (adapter, _):
        run = drive(adapter, tmp_path / "clip")
        assert run.end == RENAMED.get(("create", protocol, fault), CREATE_FAULTS[fault]), run.error
        assert fake.creates == 1
        assert fake.key not in secrets_of(fake, run, caplog)
        assert len(str(run.error)) < 1200
        if fault == "huge_id":
            assert "jjjj" in str(run.error), "the job may be paid for: what is known of it is told"
        if fault == "odd_id":
            assert r"job 1\r\nX-Injected: yes?" in str(run.error)
            assert str(run.error).isprintable()
        may_resend = isinstance(run.error, NotStartedError)
        assert may_resend == (fault == "429")
        if may_resend:
            assert isinstance(run.error, NotStartedError)
            assert run.error.retry_after_s == (7.0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("protocol", "fault"),
    [
        (protocol, fault)
        for protocol in PROTOCOLS
        for fault in POLL_FAULTS
        if protocol not in NO_STATE_WORDS or fault not in {"unseen", "UPPER", "lower"}
    ],
)
def test_poll_faults_lose_no_paid_clip(
    protocol: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    if fault == "404_late":
        monkeypatch.setattr(reader, "FRESH_S", 0.0)
    with Fake(protocol, poll=["queued", fault]) as fake, hosted(fake, monkeypatch) as (adapter, _):
        run = drive(adapter, tmp_path / "clip")
        assert run.end == RENAMED.get(("poll", protocol, fault), POLL_FAULTS[fault]), (run.error, run.statuses)
        assert fake.creates == 1
        assert fake.key not in secrets_of(fake, run, caplog)
        if fault == "unseen":
            assert any("warming_up_the_gpu" in s.message for s in run.statuses), "an unknown state is named"
        if fault == "moderated":
            assert run.statuses[-1].state == ("refused_input" if protocol == "zhipu" else "refused_output")
        if fault == "failed":
            assert run.statuses[-1].state == "failed"
        if run.file is not None:
            assert probe(run.file).n_frames == 8
            assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_good_job(protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake(protocol) as fake, hosted(fake, monkeypatch) as (adapter, pauses):
        run = drive(adapter, tmp_path / "clip")
        assert run.end == "file", run.error
        assert fake.creates == 1
        assert pauses == [], "nothing went wrong, so nothing was waited for inside a call"
        created = next(a for a in fake.asked if fake.spec.is_create(a.path))
        if protocol != "openai":
            assert created.json == run.plan.body, "what the plan shows is what is sent"
        assert run.provenance is not None
        assert run.provenance.body == run.plan.body
        assert run.provenance.latency_s is not None
        assert "a cat on a roof" in json.dumps(created.body.decode("utf-8"))


def test_facts_of_a_finished_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each tool tells of its work arrives in the provenance."""
    told: dict[str, Any] = {}
    for protocol in ("ark", "runway", "replicate", "fal", "dashscope", "openai", "vidu"):
        with Fake(protocol) as fake, hosted(fake, monkeypatch) as (adapter, _):
            told[protocol] = drive(adapter, tmp_path / protocol).provenance
    assert (told["ark"].prompt_revised, told["ark"].seed_honoured) == ("a better prompt", None)
    assert told["ark"].extra["fps"] == 24
    assert told["ark"].tool_version == "doubao-seedance-fake"
    assert (told["runway"].cost_usd, told["runway"].cost_source) == (0.6, "billed")
    assert told["vidu"].cost_usd == pytest.approx(0.2)
    assert (told["replicate"].queue_s, told["replicate"].work_s) == (5.0, 31.25)
    assert told["replicate"].tool_version == "5b8b1f"
    assert (told["fal"].work_s, told["fal"].seed_honoured) == (41.5, True)
    assert told["dashscope"].prompt_revised == "a longer p"
    assert (told["dashscope"].queue_s, told["dashscope"].work_s) == (4.0, 60.0)
    assert told["openai"].extra["peak_memory_mb"] == 12345
    assert told["openai"].work_s == 1.5


ODD: list[Any] = [None, [], {}, 7, -1.5, "x", "", True, [None], {"a": 1}, "9" * 20, 1e300, [[["x"]]], "2026-13-45"]


def bent(value: Any, dice: random.Random) -> Any:
    """The answer with one part of it replaced by something odd."""
    if isinstance(value, dict) and value and dice.random() < 0.8:
        name = dice.choice(list(value))
        return {**value, name: bent(value[name], dice)}
    if isinstance(value, list) and value and dice.random() < 0.8:
        return [bent(value[0], dice), *value[1:]]
    return dice.choice(ODD)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_answers_that_make_no_sense(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a tool answers to a question, there is a state or a sentence, and what is kept is JSON."""
    dice = random.Random(protocol)
    with Fake(protocol) as fake, hosted(fake, monkeypatch) as (adapter, _):
        assert isinstance(adapter, HttpAdapter)
        for _ in range(300):
            job = FakeJob(
                id="job1", body={}, state=dice.choice(["queued", "running", "succeeded", "failed", "moderated"])
            )
            _, view = fake.spec.view(job, fake.spec.words.get(job.state, fake.spec.words["failed"]), fake)
            status_code = dice.choice([200, 200, 404, 422, 500])
            answer = Response(status=status_code, json=bent(view, dice), text="", headers={})
            handle = Handle(id="job1", data={"submitted_at": time.time(), "keep": {}, "sent": {}})
            try:
                status = adapter._reader.status(adapter._normal(answer), handle)
            except AuthError:
                continue
            if status.state == "succeeded" and status.handle:
                adapter._reader.provenance(status.handle, "x")
                canonical_json(status.handle.data)


def test_time_is_split_only_where_the_start_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("kling", poll=["queued", "running"]) as fake, hosted(fake, monkeypatch) as (adapter, _):
        seen = drive(adapter, tmp_path / "seen").provenance
        assert seen is not None
        assert seen.queue_s is not None
        assert seen.work_s is not None
        assert seen.queue_s + seen.work_s == pytest.approx(seen.latency_s, abs=0.01)
        handle = adapter.submit(adapter.plan(REQUEST))
        next(job for job in fake.jobs.values() if job.id == handle.id).state = "succeeded"
        status = adapter.poll(handle)
        assert status.handle is not None
        _, missed = adapter.fetch(status.handle, tmp_path / "missed")
        assert (missed.queue_s, missed.work_s) == (None, None)
        assert missed.latency_s is not None


def test_vertex_token_from_gcloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("vertex") as fake, hosted(fake, monkeypatch) as (adapter, _):
        monkeypatch.delenv("VERTEX_ACCESS_TOKEN")
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(AuthError, match="gcloud auth login"):
            adapter.submit(adapter.plan(REQUEST))
        program = tmp_path / "gcloud"
        program.write_text(f"#!/bin/sh\necho {fake.key}\n")
        program.chmod(0o755)
        assert adapter.submit(adapter.plan(REQUEST)).id
        assert fake.key not in redact(f"Bearer is {fake.key}")


def test_other_seed_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("pixverse") as fake, hosted(fake, monkeypatch) as (adapter, _):
        handle = adapter.submit(adapter.plan(REQUEST))
        for job in fake.jobs.values():
            job.body["seed"] = 99
        while (status := adapter.poll(handle)).state != "succeeded":
            pass
        assert status.handle is not None
        _, provenance = adapter.fetch(status.handle, tmp_path / "clip")
    assert provenance.seed_honoured is False


@pytest.mark.parametrize(
    ("protocol", "fault", "end"),
    [
        ("xai", "moderated_quietly", "moderated_output"),
        ("kling", "no_url", "empty_result"),
        ("ark", "no_url", "empty_result"),
    ],
)
def test_success_that_is_none(
    protocol: str, fault: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Fake(protocol, poll=["running", fault]) as fake, hosted(fake, monkeypatch) as (adapter, _):
        assert drive(adapter, tmp_path / "clip").end == end


def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("kling") as fake, hosted(fake, monkeypatch) as (adapter, _):
        fake.stop()
        run = drive(adapter, tmp_path / "clip")
        assert isinstance(run.error, NotStartedError)
        assert "nothing was sent" in str(run.error)
        fake.__enter__()


def test_wrong_and_missing_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("ark") as fake, hosted(fake, monkeypatch, key="another-k3y-that-is-wrong-0000") as (adapter, _):
        run = drive(adapter, tmp_path / "clip")
        assert isinstance(run.error, AuthError)
        assert "another-k3y" not in str(run.error)
        assert fake.creates == 1
        monkeypatch.delenv(fake.spec.key_env)
        run = drive(adapter, tmp_path / "clip")
        assert "set ARK_CN_API_KEY" in str(run.error)
        assert fake.creates == 1, "without a key nothing is sent"


@pytest.mark.parametrize("protocol", ["kling", "openai", "omni"])
def test_the_key_follows_no_redirect(protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("xai") as elsewhere, Fake(protocol) as fake:
        fake.faults["create"].append(f"redirect:{elsewhere.origin}/v1/videos/generations")
        with hosted(fake, monkeypatch) as (adapter, _):
            run = drive(adapter, tmp_path / "clip")
            assert run.end == "bad_request"
            assert elsewhere.asked == []
            fake.faults["file"].append(f"redirect:{elsewhere.origin}/clips/x.mp4")
            drive(adapter, tmp_path / "clip")
        assert len(elsewhere.asked) == 1, "the download followed"
        assert not any(fake.key in value for a in elsewhere.asked for value in (*a.headers.values(), a.path))


def test_a_tool_that_points_elsewhere_gets_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fal names the addresses to poll; one on another host would collect keys."""
    with Fake("xai") as elsewhere, Fake("fal") as fake, hosted(fake, monkeypatch) as (adapter, _):
        handle = adapter.submit(adapter.plan(REQUEST))
        bent = dataclasses.replace(
            handle, data={**handle.data, "keep": {"status_url": f"{elsewhere.origin}/status", "response_url": "x"}}
        )
        status = adapter.poll(bent)
        assert "nothing was sent there" in status.message
        assert elsewhere.asked == []


def aged(handle: Handle, **data: Any) -> Handle:
    """The same an hour later."""
    return dataclasses.replace(handle, data={**handle.data, "submitted_at": handle.data["submitted_at"] - 3600, **data})


def test_forgotten_job_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("ark", poll=["404"] * 5) as fake, hosted(fake, monkeypatch) as (adapter, _):
        handle = adapter.submit(adapter.plan(REQUEST))
        assert adapter.poll(handle).state == "submitted", "a young job may not be visible everywhere yet"
        first = adapter.poll(aged(handle))
        assert (first.state, first.retry_after_s) == ("submitted", 30.0)
        assert first.handle is not None
        second = adapter.poll(first.handle)
        assert second.handle is not None
        assert adapter.poll(second.handle).state == "submitted", "three times in a moment is one outage"
        gone = {**second.handle.data["gone"], "since": time.time() - 61}
        status = adapter.poll(dataclasses.replace(second.handle, data={**second.handle.data, "gone": gone}))
        assert (status.state, "asked 3 times" in status.message) == ("expired", True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_late_404_does_not_end_a_job(protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice unknown, found again, and the count begins anew."""
    with Fake(protocol, poll=["404", "404", "running", "404"]) as fake, hosted(fake, monkeypatch) as (adapter, _):
        handle = aged(adapter.submit(adapter.plan(REQUEST)))
        states = []
        for _ in range(12):
            status = adapter.poll(handle)
            states.append(status.state)
            handle = status.handle or handle
            if status.state == "succeeded":
                break
        assert states[-1] == "succeeded", states
        assert "gone" not in handle.data
        assert probe(adapter.fetch(handle, tmp_path / "clip")[0]).n_frames == 8
        assert fake.creates == 1


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("succeeded", "succeeded"),
        ("COMPLETED", "succeeded"),
        ("finished", "succeeded"),
        ("expired", "expired"),
        ("timed_out", "expired"),
        ("error", "failed"),
        ("aborted", "cancelled"),
        ("warming_up", "running"),
    ],
)
@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name not in NO_STATE_WORDS])
def test_words_that_mean_an_end_are_known_where_a_card_does_not_name_them(
    protocol: str, word: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Fake(protocol) as fake, hosted(fake, monkeypatch) as (adapter, _):
        assert isinstance(adapter, HttpAdapter)
        job = FakeJob(id="job1", body={}, state="succeeded")
        answer = Response(status=200, json=fake.spec.view(job, word, fake)[1], text="", headers={})
        handle = Handle(id="job1", data={"submitted_at": time.time() - 3600, "keep": {}, "sent": {}})
        assert adapter._reader.status(adapter._normal(answer), handle).state == state


def test_a_word_for_unknown_is_like_a_404(monkeypatch: pytest.MonkeyPatch) -> None:
    """DashScope says UNKNOWN of a job that it does not find, at the first such answer as at the last."""
    with Fake("dashscope") as fake, hosted(fake, monkeypatch) as (adapter, _):
        assert isinstance(adapter, HttpAdapter)
        answer = Response(status=200, json={"output": {"task_status": "UNKNOWN"}}, text="", headers={})
        handle = Handle(id="job1", data={"submitted_at": time.time() - 3600, "keep": {}, "sent": {}})
        assert adapter._reader.status(answer, handle).state == "submitted"
        again = dataclasses.replace(handle, data={**handle.data, "gone": {"times": 2, "since": time.time() - 99}})
        assert adapter._reader.status(answer, again).state == "expired"


def test_resumes_by_handle_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the journal keeps is enough for another process."""
    with Fake("minimax_v1") as fake:
        with hosted(fake, monkeypatch) as (first, _):
            stored = json.dumps(dataclasses.asdict(first.submit(first.plan(REQUEST))))
        with hosted(fake, monkeypatch) as (second, _):
            handle = Handle(**json.loads(stored))
            while second.poll(handle).state != "succeeded":
                pass
            path, provenance = second.fetch(handle, tmp_path / "clip")
        assert path.suffix == ".mp4"
        assert provenance.body["prompt"] == "a cat on a roof"
        assert fake.creates == 1


def test_watched_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("ark", work_s=60) as fake, hosted(fake, monkeypatch) as (adapter, _):
        handle = adapter.submit(adapter.plan(REQUEST))
        assert adapter.poll(handle).state == "running"
        clock = types.SimpleNamespace(time=lambda: 0.0, monotonic=time.monotonic)
        monkeypatch.setattr("vbench.adapters.http.adapter.time", clock)
        monkeypatch.setattr("vbench.adapters.http.reader.time", clock)
        assert adapter.poll(handle).state == "running", "a wall clock that jumps ends nothing"
        clock.monotonic = lambda: time.monotonic() + 10_000
        status = adapter.poll(handle)
        assert (status.state, status.reason) == ("failed", "timeout_local")
        assert handle.id in status.message


def test_a_pause_that_a_tool_asks_for_ends_with_the_time_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("ark", work_s=60) as fake, hosted(fake, monkeypatch) as (adapter, _):
        assert isinstance(adapter, HttpAdapter)
        handle = adapter.submit(adapter.plan(REQUEST))
        for asked, waited in ((10.0, 10.0), (86_400.0, adapter.options.poll.timeout_s)):
            status = adapter._in_time(handle, Status(state="running", retry_after_s=asked))
            assert status.retry_after_s == pytest.approx(waited, abs=1.0)


@pytest.mark.parametrize("protocol", ["ark", "dashscope", "fal", "replicate", "openai", "minimax_v2", "vidu"])
def test_cancel(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake(protocol) as fake, hosted(fake, monkeypatch) as (adapter, _):
        handle = adapter.submit(adapter.plan(REQUEST))
        assert adapter.cancel(handle)
        assert next(iter(fake.jobs.values())).cancelled


CANCELLABLE = [name for name, spec in PROTOCOLS.items() if spec.cancel[0]]


@pytest.mark.parametrize("protocol", CANCELLABLE)
@pytest.mark.parametrize(
    ("answer", "is_sent"),
    [("queued", True), ("running", None), ("succeeded", False), ("500", False), ("404", False), ("unseen", False)],
)
def test_a_cancellation_that_may_destroy_a_finished_clip_is_not_sent(
    protocol: str, answer: str, is_sent: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tool is asked first; where cancelling is a DELETE, also what runs is left alone: it may end meanwhile."""
    script = [answer] if answer != "succeeded" else []
    with Fake(protocol, poll=script) as fake, hosted(fake, monkeypatch, local=False) as (adapter, _):
        handle = adapter.submit(adapter.plan(REQUEST))
        (job,) = fake.jobs.values()
        if answer == "succeeded":
            job.state = "succeeded"
        method = fake.spec.cancel[0]
        wanted = (method != "DELETE") if is_sent is None else is_sent
        assert adapter.cancel(handle) == wanted
        assert job.cancelled == wanted
        n_cancels = sum(fake.spec.match("cancel", a.method, a.path, a.body) is not None for a in fake.asked)
        assert n_cancels == int(wanted)
        assert fake.creates == 1


def test_retired_tool_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("openai") as fake:
        day = datetime.date(2026, 9, 24)
        with hosted(fake, monkeypatch, status="retired", retired_on=day) as (adapter, _):
            with pytest.raises(JobError, match="retired on 2026-09-24") as caught:
                adapter.submit(adapter.plan(REQUEST))
            assert caught.value.code == "model_retired"
        assert fake.asked == []


def test_a_clip_inside_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_SPOOL", str(tmp_path / "spool"))
    request = Request(prompt=Prompt(id="inline", text="inline, please"))
    with Fake("omni") as fake, hosted(fake, monkeypatch) as (adapter, _):
        run = drive(adapter, tmp_path / "clip", request)
        assert run.file is not None
        assert probe(run.file).n_frames == 8
        assert run.handle is not None
        assert len(json.dumps(dataclasses.asdict(run.handle))) < 5000, "the journal is no place for a clip"
        assert list((tmp_path / "spool").iterdir()) == []


def test_a_clip_inside_the_answer_that_finds_no_room_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request(prompt=Prompt(id="inline", text="inline, please"))
    (tmp_path / "full").touch()
    monkeypatch.setenv("VBENCH_SPOOL", str(tmp_path / "full" / "spool"))
    with Fake("omni") as fake, hosted(fake, monkeypatch) as (adapter, _):
        handle = adapter.submit(adapter.plan(request))
        assert adapter.poll(handle).state == "running", "it works in the background"
        with pytest.raises(BenchError, match="set VBENCH_SPOOL"):
            adapter.poll(handle)
        monkeypatch.setenv("VBENCH_SPOOL", str(tmp_path / "spool"))
        status = adapter.poll(handle)
        assert (status.state, status.handle is not None) == ("succeeded", True)
        handle = status.handle or handle
        for _killed_after_the_file_was_taken in range(2):
            path, _ = adapter.fetch(handle, tmp_path / "clip")
            assert probe(path).n_frames == 8
        fake.jobs.clear()
        with pytest.raises(JobError, match="has no result") as caught:
            adapter.fetch(handle, tmp_path / "clip")
        assert caught.value.code == "download_failed"
        assert fake.creates == 1


def test_no_key_for_the_next_call_does_not_hide_what_this_one_brought(monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("vertex", create=["500_after"]) as fake, hosted(fake, monkeypatch) as (adapter, _):
        plan = adapter.plan(REQUEST)
        post = type(adapter)._post

        def outlived(self: Any, plan: Plan) -> Any:
            answer = post(self, plan)
            self._token_until = 0.0
            monkeypatch.delenv("VERTEX_ACCESS_TOKEN")
            return answer

        monkeypatch.setattr(type(adapter), "_post", outlived)
        with pytest.raises(JobError) as caught:
            adapter.submit(plan)
        assert caught.value.code == "outcome_unknown"


def test_a_refusal_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request(prompt=Prompt(id="no", text="something forbidden"))
    with Fake("omni") as fake, hosted(fake, monkeypatch) as (adapter, _):
        run = drive(adapter, tmp_path / "clip", request)
        assert run.end == "moderated_output"
        assert "blocked by safety" in run.statuses[-1].message


def test_check_spends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("ark") as fake:
        with hosted(fake, monkeypatch) as (adapter, _):
            assert "key was not refused" in adapter.check()
        with hosted(fake, monkeypatch, key="wrong-k3y-0000000000") as (adapter, _), pytest.raises(AuthError):
            adapter.check()
        assert fake.creates == 0


def test_a_first_frame_goes_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "first.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n0123")
    request = Request(prompt=Prompt(id="i", text="move", image=str(picture)))
    with Fake("openai") as fake, hosted(fake, monkeypatch) as (adapter, _):
        adapter.submit(adapter.plan(request))
        sent = fake.asked[0].body
        assert b'name="input_reference"; filename="first.png"' in sent
        assert picture.read_bytes() in sent


@pytest.mark.parametrize("protocol", ["openai", "ark"])
def test_a_first_frame_that_is_gone_is_not_sent(protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = tmp_path / "first.png"
    picture.write_bytes(b"0123")
    request = Request(prompt=Prompt(id="i", text="move", image=str(picture)))
    with Fake(protocol) as fake, hosted(fake, monkeypatch) as (adapter, _):
        plan = adapter.plan(request)
        assert str(picture) in json.dumps(plan.body)
        picture.unlink()
        with pytest.raises(JobError, match="check the prompt's image") as caught:
            adapter.submit(plan)
        assert caught.value.code == "bad_request"
        assert fake.creates == 0


def test_two_threads_share_an_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [Request(prompt=Prompt(id=f"t{n}", text=f"scene {n}")) for n in range(12)]
    with Fake("ark", work_s=0.05) as fake, hosted(fake, monkeypatch) as (adapter, _):
        with ThreadPoolExecutor(6) as pool:
            runs = list(pool.map(lambda r: drive(adapter, tmp_path / r.prompt.id, r, polls=500), requests))
        assert [run.end for run in runs] == ["file"] * 12
        assert [run.provenance.body["content"][0]["text"] for run in runs if run.provenance] == [
            request.text for request in requests
        ]
        assert fake.creates == 12


def test_the_fault_table_walks_every_vendor_and_none_of_its_cells_is_lost() -> None:
    from tests.adapters.fault_table import STAGES, has_cell
    from tests.fakes import protocols

    modules = {path.stem for path in Path(protocols.__file__).parent.glob("[!_]*.py")}
    assert modules == {vendor.__name__.rpartition(".")[2] for vendor in protocols.VENDORS}
    cells = [(p, stage, fault) for stage, faults in STAGES.items() for fault in faults for p in PROTOCOLS]
    assert sum(has_cell(*cell) for cell in cells) == 931
