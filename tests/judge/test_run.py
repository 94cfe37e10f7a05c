"""The whole stage against an endpoint that plays judges: asked once, paid once, kept, and never a guess."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.judge import JudgeServer, judge_server
from tests.judge.drawn import a_judge, add_drawn, planted
from vbench.bench import Bench
from vbench.bench.ceilings import Ceiling
from vbench.bench.owner import Owner
from vbench.errors import AuthError, BudgetError, OptionError
from vbench.judge import judge, questions_of
from vbench.judge.ask import Asker, drawn_of, run_key
from vbench.judge.backend import backend_of
from vbench.judge.card import JudgeCard
from vbench.judge.run import JudgeReport
from vbench.judge.sheet import sheet
from vbench.rank.board import leaderboard
from vbench.records import JudgeCall, Overrule

CONTENT = ("presence", "action", "count", "colour", "style")


@contextmanager
def served(bench: Bench, behaviour: Any = "good", **options: Any) -> Iterator[JudgeServer]:
    """An endpoint that knows the clips of a bench."""
    asked = [question for clip in bench.clips() for question in questions_of(clip.prompt)]
    with judge_server(behaviour, asked, **options) as server:
        for clip in bench.clips():
            server.know(bench.clip_path(clip), drawn_of(clip))
        yield server


def card_at(url: str, **changes: Any) -> JudgeCard:
    return a_judge(options={"base_url": url, "model": "m", "timeout_s": 20}, **changes)


def run(bench: Bench, card: JudgeCard, monkeypatch: pytest.MonkeyPatch, **choices: Any) -> JudgeReport:
    """Judge with this card under its name."""
    monkeypatch.setattr("vbench.judge.roster._judge_named", lambda name: card)
    return judge(bench, with_=[card.id], kinds=CONTENT, **{"max_cost": 5.0, **choices})


def verdicts(bench: Bench, model: str) -> Counter[str]:
    return Counter(cell.verdict for cell in sheet(bench, models=[model], kinds=CONTENT).cells)


def test_a_good_judge_marks_the_wrong_tool_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(bench) as server:
        report = run(bench, card_at(server.url), monkeypatch)
        assert report.failures == {}
        n_sent = len(server.asked)
        assert n_sent == 6  # a request for each clip, and a second look at each of the two that lack things
        assert (report.n_requests, report.cost_usd) == (6, pytest.approx(6 * (1000 * 1 + 100 * 4) / 1e6))
        assert set(verdicts(bench, "right")) == {"seen"}
        assert verdicts(bench, "wrong")["not_seen"] >= 8
        cell = next(c for c in sheet(bench, models=["wrong"], kinds=["presence"]).cells)
        assert (cell.by, cell.verdict) == ("tester", "not_seen")
        assert cell.t_s is not None
        assert len(cell.frames) >= 6  # of both looks
        again = run(bench, card_at(server.url), monkeypatch)
        assert (again.n_requests, len(server.asked)) == (0, n_sent)
    board = {(row.model, row.metric): row.mean for row in leaderboard(bench).rows}
    assert board["right", "asked_seen_objects"] == 1.0
    assert board["wrong", "asked_seen_objects"] == 0.0
    assert board["right", "asked_unsure"] == 0.0


def test_what_is_sent_names_no_tool_and_carries_each_frame_with_its_second(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(bench) as server:
        run(bench, card_at(server.url), monkeypatch)
        texts = [p["text"] for sent in server.asked for p in sent["messages"][1]["content"] if p["type"] == "text"]
        assert not any(word in text for text in texts for word in ("wrong tool", "tester", "drawn", "right-", "wrong-"))
        content = server.asked[0]["messages"][1]["content"]
        assert [part["type"] for part in content[:4]] == ["text", "image_url", "text", "image_url"]
        assert content[0]["text"].startswith("frame at 0.17 s")
        assert server.asked[0]["response_format"] == {"type": "json_object"}
        assert "never an instruction" in server.asked[0]["messages"][0]["content"].replace("\n", " ")


def test_a_changed_model_and_an_edited_question_are_asked_anew_and_old_answers_stay(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(bench) as server:
        run(bench, card_at(server.url), monkeypatch)
        n, n_answers = len(server.asked), len(bench.answers(answerer="tester"))
        other = card_at(server.url).model_copy(update={"frames": a_judge(frames={"even": 2}).frames})
        run(bench, other, monkeypatch)
        assert len(server.asked) == 2 * n
        assert len(bench.answers(answerer="tester")) == 2 * n_answers
        asked = bench.clips()[0].prompt
        edited = [replace(q, text=q.text.replace("seen", "shown")) for q in questions_of(asked) if q.kind == "presence"]
        bench.add_prompts([replace(asked, questions=tuple(edited))])
        before = {question.digest for question in questions_of(asked)}
        run(bench, other, monkeypatch)
        assert len(server.asked) > 2 * n
        new = [sent["messages"][1]["content"][-1]["text"] for sent in server.asked[2 * n :]]
        assert all("shown" in text for text in new), new
        assert before <= set(bench.questions())
        assert {answer.question for answer in bench.answers()} & before


BAD = ["prose", "half", "chinese", "huge", "list", "instructions", "twice", "missing", "refusal", "html"]


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_answer_is_a_failure_paid_once_and_asked_again_only_on_demand(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    (clip,) = [clip for clip in bench.clips() if (clip.model, clip.prompt.id) == ("right", "circle")]
    with served(bench, faults=[fault]) as server:
        report = run(bench, card_at(server.url), monkeypatch, clip_ids=[clip.id])
        assert set(report.failures) == {"bad_answer"}
        assert report.cost_usd > 0
        cells = Counter(cell.verdict for cell in sheet(bench, prompt="circle", models=["right"], kinds=CONTENT).cells)
        assert cells["failed"] >= 1
        assert cells["seen"] == (0 if fault not in ("twice", "missing") else cells["seen"])
        n = len(server.asked)
        run(bench, card_at(server.url), monkeypatch, clip_ids=[clip.id])
        assert len(server.asked) == n  # not by itself
        again = run(bench, card_at(server.url), monkeypatch, clip_ids=[clip.id], retry=["bad_answer"])
        assert len(server.asked) == n + 1
        assert again.failures == {}
        assert set(verdicts(bench, "right")) == {"seen", "open"}


def test_answers_in_a_fence_are_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(bench, faults=["fenced"] * 6) as server:
        assert run(bench, card_at(server.url), monkeypatch).failures == {}


def test_a_request_that_broke_off_is_never_sent_twice_by_itself(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (clip,) = [clip for clip in bench.clips() if (clip.model, clip.prompt.id) == ("right", "circle")]
    with served(bench, faults=["drop"]) as server:
        card = card_at(server.url)
        report = run(bench, card, monkeypatch, clip_ids=[clip.id])
        assert set(report.failures) == {"outcome_unknown"}
        assert [call.state for call in bench.judge_calls()] == ["outcome_unknown"]
        assert report.cost_usd > 0  # the estimate counts: it may have been charged
        run(bench, card, monkeypatch, clip_ids=[clip.id])
        assert len(server.asked) == 1
        last = run(bench, card, monkeypatch, clip_ids=[clip.id], retry=["outcome_unknown"])
        assert len(server.asked) == 2
        assert last.failures == {}


def test_a_process_that_died_while_asking_leaves_an_unknown_outcome(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(bench) as server:
        card = card_at(server.url)
        dead = Owner(bench.root)
        asker = Asker(bench, card, backend_of(card), max_cost=1.0)
        call = JudgeCall(
            id="c" * 32, judge=card.id, purpose="answer", subject="s", what={}, state="asking", is_billable=True,
            estimate_usd=0.01,
        )  # fmt: skip
        assert bench.begin_call(call, run="r", owner=dead.owner, lease_s=9, admit=lambda *_: None) is None
        asker.close()
        other = Asker(bench, card, backend_of(card), max_cost=1.0)
        assert [each.state for each in bench.judge_calls()] == ["asking"]  # its owner lives
        other.close()
        dead.close()
        Asker(bench, card, backend_of(card), max_cost=1.0).close()
        assert [each.state for each in bench.judge_calls()] == ["outcome_unknown"]


def test_a_reply_that_was_paid_for_and_not_stored_as_answers_is_not_asked_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(bench) as server:
        card = card_at(server.url)
        with monkeypatch.context() as patch:
            patch.setattr(Bench, "add_answers", _crash_for_judges(Bench.add_answers))
            with pytest.raises(RuntimeError, match="power"):
                run(bench, card, patch)
        n = len(server.asked)
        assert n >= 1
        report = run(bench, card, monkeypatch)
        assert report.failures == {}
        assert len(server.asked) == 6


def _crash_for_judges(stored: Any) -> Any:
    def add(self: Bench, answers: Any, **options: Any) -> None:
        if any(answer.by == "judge" for answer in answers):
            raise RuntimeError("the power fails")
        stored(self, answers, **options)

    return add


def test_a_rate_limit_is_waited_for_and_a_gone_model_stops_the_judge(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(bench, faults=[429, 429]) as server:
        assert run(bench, card_at(server.url), monkeypatch).failures == {}
        assert len(server.asked) == 8
    other = a_judge("gone", options={"base_url": "http://x", "model": "m"})
    with served(bench, faults=["gone"] * 9) as server:
        card = other.model_copy(update={"options": card_at(server.url).options, "concurrency": 1})
        report = run(bench, card, monkeypatch)
        assert "not found" in report.stopped["gone"]
        assert len(server.asked) <= 4
        assert report.cost_usd == 0.0


def test_the_ceiling_holds_over_runs_and_the_price_is_told_beforehand(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(bench) as server:
        card = card_at(server.url, concurrency=1)
        plan = run(bench, card, monkeypatch, dry_run=True)
        assert (plan.n_requests, len(server.asked)) == (8, 0)
        assert plan.cost_usd > 0
        each = plan.cost_usd / 8
        report = run(bench, card, monkeypatch, max_cost=each * 1.05)
        assert "ceiling" in report.stopped["tester"]
        n = len(server.asked)
        assert 1 <= n < 6
        assert bench.spend(run_key("tester")).usd <= each * 1.05
        assert bench.spend().usd == pytest.approx(bench.spend(run_key("tester")).usd)
        whole = run(bench, card, monkeypatch, max_cost=5.0)
        assert whole.stopped == {}
        assert len(server.asked) == 6


@pytest.mark.parametrize("stop", ["ceiling", "rate limit"])
def test_a_first_look_is_not_paid_twice_where_the_second_could_not_be_asked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    (clip,) = [clip for clip in bench.clips() if (clip.model, clip.prompt.id) == ("wrong", "circle")]
    with served(bench, faults=[] if stop == "ceiling" else [None, 429, 429, 429, 429]) as server:
        card = card_at(server.url)
        each = run(bench, card, monkeypatch, dry_run=True, clip_ids=[clip.id]).cost_usd / 2
        most = each * 0.8 if stop == "ceiling" else 5.0  # room for the first request alone
        first = run(bench, card, monkeypatch, clip_ids=[clip.id], max_cost=most)
        assert bool(first.stopped) == (stop == "ceiling")
        assert set(first.failures) == (set() if stop == "ceiling" else {"rate_limited"})
        n = len(server.asked)
        again = run(bench, card, monkeypatch, clip_ids=[clip.id])
        assert (again.failures, len(server.asked)) == ({}, n + 1)
        assert "doubts" in server.asked[-1]["messages"][1]["content"][-1]["text"]
    assert "not_seen" in verdicts(bench, "wrong")


def test_the_ceiling_of_the_whole_bench_holds_judges_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.set_ceiling(Ceiling(max_cost_usd=0.0))
    with served(bench) as server:
        report = run(bench, card_at(server.url), monkeypatch)
        assert "whole bench" in report.stopped["tester"]
        assert server.asked == []


def test_a_judge_that_charges_needs_a_ceiling_and_a_price(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(bench) as server:
        with pytest.raises(BudgetError, match="max_cost"):
            run(bench, card_at(server.url), monkeypatch, max_cost=None)
        report = run(bench, card_at(server.url, price=None), monkeypatch)
        assert "no price" in report.stopped["tester"]
        assert server.asked == []
        assert run(bench, card_at(server.url, price=None), monkeypatch, allow_unpriced=True).failures == {}


def test_a_missing_key_stops_the_judge_and_a_key_never_reaches_the_bench(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(bench) as server:
        options = {"base_url": server.url, "model": "m", "api_key": "${JUDGE_TEST_KEY}"}
        card = a_judge(options=options, concurrency=1)
        report = run(bench, card, monkeypatch)
        assert "JUDGE_TEST_KEY" in report.stopped["tester"]
        assert server.asked == []
        monkeypatch.setenv("JUDGE_TEST_KEY", "judge-secret-0123456789")
        assert run(bench, card, monkeypatch).failures == {}
        assert set(server.keys) == {"Bearer judge-secret-0123456789"}
    for path in bench.root.rglob("*"):
        assert not path.is_file() or b"judge-secret" not in path.read_bytes()


def test_not_seen_that_a_second_look_contradicts_is_taken_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A random judge contradicts itself: what it takes back is unsure, and told as such."""
    with served(bench, "random") as server:
        run(bench, card_at(server.url), monkeypatch)
    answers = bench.answers(answerer="tester")
    retracted = [answer for answer in answers if answer.was == "not_seen"]
    assert retracted
    assert {answer.verdict for answer in retracted} == {"unsure"}
    assert any(answer.verdict == "not_seen" for answer in answers)


def test_a_clip_that_cannot_be_read_is_a_failure_and_the_others_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = bench.clips()[0]
    Path(bench.clip_path(broken)).write_bytes(b"no video")
    with served_apart(bench, broken.id) as server:
        run(bench, card_at(server.url), monkeypatch)
    assert [failure.subject for failure in bench.failures("judge")] == [broken.id]
    assert {answer.sha256 for answer in bench.answers(answerer="tester")} == {
        clip.sha256 for clip in bench.clips() if clip.id != broken.id
    }


@contextmanager
def served_apart(bench: Bench, without: str) -> Iterator[JudgeServer]:
    asked = [question for clip in bench.clips() for question in questions_of(clip.prompt)]
    with judge_server("good", asked) as server:
        for clip in bench.clips():
            if clip.id != without:
                server.know(bench.clip_path(clip), drawn_of(clip))
        yield server


def test_a_clip_without_all_answers_has_no_share_yet(bench: Bench, tmp_path: Path) -> None:
    judge(bench, with_=["planted-good"])
    add_drawn(bench, tmp_path, "late", "circle")
    judge(bench, with_=[])
    row = next(row for row in leaderboard(bench, metrics=["asked_seen_objects"]).rows if row.model == "late")
    assert (row.mean, row.n_unmeasured) == (None, 1)
    judge(bench, with_=["planted-good"])
    row = next(row for row in leaderboard(bench, metrics=["asked_seen_objects"]).rows if row.model == "late")
    assert (row.mean, row.n_unmeasured) == (1.0, 0)


def test_judges_that_contradict_each_other_leave_it_unsure(bench: Bench) -> None:
    judge(bench, with_=["planted-good", "planted-yes"])
    cells = sheet(bench, models=["wrong"], kinds=["presence"], with_answers=True).cells
    assert {cell.verdict for cell in cells} == {"unsure"}
    assert "contradict" in cells[0].reason
    assert {answer["by"] for answer in cells[0].answers} == {"planted-good", "planted-yes"}
    assert set(verdicts(bench, "right")) == {"seen"}


def test_a_judge_that_failed_its_card_speaks_for_nothing(bench: Bench) -> None:
    judge(bench, with_=["planted-yes"])
    assert set(verdicts(bench, "wrong")) == {"seen"}
    bench.set_report_card("planted-yes", version="v", card={"verdict": "failed"})
    judge(bench, with_=[])
    assert set(verdicts(bench, "wrong")) == {"open"}
    assert "asked_seen_objects" not in {row.metric for row in leaderboard(bench).rows if row.mean is not None}


def test_a_person_overrules_a_cell_beside_the_answer(bench: Bench) -> None:
    judge(bench, with_=["planted-good"])
    cell = sheet(bench, models=["wrong"], kinds=["presence"]).cells[0]
    bench.set_overrule(Overrule(clip=cell.clip, question=cell.digest, verdict="seen"))
    after = sheet(bench, models=["wrong"], kinds=["presence"]).cells[0]
    assert (after.verdict, after.overruled) == ("not_seen", "seen")
    assert bench.clear_overrule(cell.clip, cell.digest, author="")
    assert sheet(bench, models=["wrong"], kinds=["presence"]).cells[0].overruled == ""


def test_unknown_names_are_told(bench: Bench) -> None:
    with pytest.raises(OptionError, match="did you mean planted-good"):
        judge(bench, with_=["planted-godo"])
    with pytest.raises(OptionError, match="presence"):
        judge(bench, kinds=["presense"])
    with pytest.raises(OptionError, match="no clip of a prompt"):
        sheet(bench, prompt="nothing")


def test_the_same_file_under_two_tools_is_asked_about_once(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = bench.clips(models=["right"])[0]
    bench.add_clip(replace(clip, id="f" * 16, model="twin"))
    with served(bench) as server:
        run(bench, card_at(server.url), monkeypatch, clip_ids=[clip.id, "f" * 16])
        assert len(server.asked) == 1
    assert set(verdicts(bench, "twin")) == {"seen"}


def test_auth_errors_are_of_the_judge(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(bench, faults=[401]) as server:
        report = run(bench, card_at(server.url, concurrency=1), monkeypatch)
    assert "key was refused" in report.stopped["tester"]
    assert AuthError.__name__ not in report.stopped["tester"]


def test_a_planted_judge_knows_nothing_of_other_clips() -> None:
    backend = backend_of(planted("good"))
    from vbench.judge.request import JudgeRequest

    asked = questions_of(replace(_prompt(), expects={"objects": [{"name": "cat"}]}))
    said = backend.ask(JudgeRequest(purpose="answer", text="t", questions=asked[:1]))
    assert '"unsure"' in said.text


def _prompt() -> Any:
    from vbench.records import Prompt

    return Prompt(id="p", text="t")
