"""Prompt expansion against a chat endpoint in the test process: asked once, kept, and never mixed with the original."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import billable
from vbench.bench import Bench
from vbench.errors import AuthError, CatalogError
from vbench.generate import RunSpec, Tool, generate, plan_jobs, plan_run
from vbench.generate.expansion import Arm, expand_prompts, read_arm
from vbench.records import Prompt

TWO = [Prompt(id="fox", text="a red fox"), Prompt(id="cat", text="a black cat")]


class Chat(ThreadingHTTPServer):
    """Rewrites `x` as `x, in great detail`; plays one fault per prompt."""

    def __init__(self, faults: dict[str, list[Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults, self.asked, self.keys = faults, [], []  # type: ignore[var-annotated]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Chat

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = sent["messages"][1]["content"]
        self.server.asked.append(sent)
        self.server.keys.append(self.headers.get("Authorization"))
        script = self.server.faults.get(text, [])
        fault = script.pop(0) if script else None
        if fault == "drop":
            self.connection.close()
            return
        choice = {"message": {"content": f'<think>hm</think>"{text}, in great detail"'}, "finish_reason": "stop"}
        if fault in ("length", "content_filter"):
            choice["finish_reason"] = fault
        if fault == "empty":
            choice["message"] = {"content": ""}
        if isinstance(fault, dict):
            choice["message"] = fault
        answer: Any = {"choices": [choice], "model": "writer-1.2"} if fault != "html" else ["what?"]
        content = json.dumps(answer).encode()
        self.send_response(fault if isinstance(fault, int) else 200)
        if fault == 429:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def chat(**faults: Any) -> Iterator[Chat]:
    server = Chat({name.replace("_", " "): list(script) for name, script in faults.items()})
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def arm(url: str, **more: Any) -> Arm:
    return Arm(name="deep", base_url=url, model="writer", **more)


def test_arms_are_kept_apart_and_both_keep_the_original_prompt(bench: Bench, tmp_path: Path) -> None:
    with chat() as server:
        options: dict[str, Any] = {"models": [billable.card()], "prompts": TWO, "arms": [arm(server.url)]}
        report = generate(bench, make=lambda card: billable.BillableAdapter(card, tmp_path / "server"), **options)
        assert report.is_complete
        clips = {(clip.model, clip.prompt.id): clip for clip in bench.clips()}
        assert set(clips) == {("paid", "fox"), ("paid", "cat"), ("paid@deep", "fox"), ("paid@deep", "cat")}
        assert all(clip.prompt.text in ("a red fox", "a black cat") for clip in clips.values())
        assert bench.models()["paid@deep"]["arm"] == "deep"
        jobs = {job_text(bench, model): model for model in ("paid", "paid@deep")}
        assert jobs == {"a red fox": "paid", "a red fox, in great detail": "paid@deep"}
        again = generate(bench, make=lambda card: billable.BillableAdapter(card, tmp_path / "server"), **options)
        assert again.made == 0
        assert len(server.asked) == 2  # once per prompt, ever
        sent = server.asked[0]
        assert (sent["model"], sent["temperature"], sent["seed"]) == ("writer", 0.0, 0)
        seeds = {clip.prompt.id: clip.provenance.seed for clip in bench.clips()}
        assert len(seeds) == 2


def job_text(bench: Bench, model: str) -> str:
    (job,) = [job for job in bench.jobs(models=[model]) if job.prompt.id == "fox"]
    return str(job.plan["body"]["prompt"])


def test_a_changed_arm_is_asked_anew(bench: Bench) -> None:
    with chat() as server:
        first = expand_prompts(bench, [arm(server.url)], TWO)
        assert first == {"deep": {p.key: f"{p.text}, in great detail" for p in TWO}}
        assert expand_prompts(bench, [arm(server.url)], TWO) == first
        assert len(server.asked) == 2
        expand_prompts(bench, [arm(server.url, temperature=0.5)], TWO)
        assert len(server.asked) == 4


@pytest.mark.parametrize("fault", ["drop", "length", "content_filter", "empty", "html", 500])
def test_a_prompt_that_cannot_be_rewritten_is_a_failure_and_never_sent_as_it_is(
    bench: Bench, tmp_path: Path, fault: Any
) -> None:
    with chat(a_red_fox=[fault]) as server:
        options: dict[str, Any] = {"models": [billable.card()], "prompts": TWO, "arms": [arm(server.url)]}
        report = generate(bench, make=lambda card: billable.BillableAdapter(card, tmp_path / "server"), **options)
        assert dict(report.states) == {"succeeded": 3}
        assert sum(report.impossible.values()) == 1
        assert not report.is_complete
        assert {(clip.model, clip.prompt.id) for clip in bench.clips()} == {
            ("paid", "fox"),
            ("paid", "cat"),
            ("paid@deep", "cat"),
        }
        assert [failure.subject for failure in bench.failures("generate")] == ["deep: fox"]
        assert len(server.asked) == 2  # not sent twice by itself
        assert generate(
            bench, make=lambda card: billable.BillableAdapter(card, tmp_path / "server"), **options
        ).is_complete
        assert bench.failures("generate") == []


def test_a_rate_limit_is_waited_for(bench: Bench) -> None:
    with chat(a_red_fox=[429, 429]) as server:
        assert len(expand_prompts(bench, [arm(server.url)], TWO)["deep"]) == 2
        assert len(server.asked) == 4


def test_plan_says_what_is_not_rewritten_yet(bench: Bench, tmp_path: Path) -> None:
    tools = [Tool(card=billable.card(), arm="deep")]
    adapters = {"paid@deep": billable.BillableAdapter(billable.card(), tmp_path / "server")}
    (row,) = plan_jobs(RunSpec(models=tools, prompts=TWO), adapters=adapters).tools
    assert any("has not rewritten this prompt yet" in warning for warning in row.warnings)
    assert plan_run(bench, models=["synthetic-clean"], prompts=TWO, arms=[arm("http://127.0.0.1:9")]).n_new == 4


def test_the_key_comes_from_the_environment_and_stays_there(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "arm.yaml"
    file.write_text("name: deep\nbase_url: URL\nmodel: writer\napi_key: ${WRITER_KEY}\n")
    with chat() as server:
        file.write_text(file.read_text().replace("URL", server.url))
        with pytest.raises(AuthError, match="WRITER_KEY"):
            expand_prompts(bench, [read_arm(file)], TWO)
        monkeypatch.setenv("WRITER_KEY", "writer-secret-0123456789")
        expand_prompts(bench, [read_arm(file)], TWO)
        assert server.keys[-1] == "Bearer writer-secret-0123456789"
    for path in bench.root.rglob("*"):
        assert not path.is_file() or b"writer-secret" not in path.read_bytes()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: deep\nbase_url: http://x\nmodel: m\napi_key: sk-1234567890abcdef\n", r"arm.yaml:4: a key is written"),
        ("name: deep\nbase_url: http://x\nmodel: m\ntemprature: 1\n", "temprature"),
        ("name: Deep Arm\nbase_url: http://x\nmodel: m\n", "name"),
        ("name: deep\n", "base_url"),
    ],
)
def test_wrong_arms_are_told_so(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "arm.yaml"
    file.write_text(text)
    with pytest.raises(CatalogError, match=sentence):
        read_arm(file)


@pytest.mark.parametrize(
    ("content", "prompt"),
    [
        ("<think>hm</think>a fox runs", "a fox runs"),
        ("They want a fox.\nMaybe red.</think>\n\na fox runs", "a fox runs"),
        ("<think>a</think>no<think>b</think>a fox runs", "noa fox runs"),
        ("<THINK>hm</THINK> a fox runs", "a fox runs"),
        ("<reasoning>hm</reasoning>a fox runs", "a fox runs"),
        ('"a fox runs"', "a fox runs"),
        ([{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "a fox runs"}], "a fox runs"),
        ("<think>They want a fox, red", None),
        ("a fox <think>or rather a cat", None),
        ("<think>hm</think>", None),
        ("</think>", None),
        (["a fox"], None),
        ({"text": "a fox"}, None),
    ],
)
def test_a_thought_never_becomes_a_prompt(bench: Bench, content: Any, prompt: str | None) -> None:
    """With and without the opening tag, which chat templates swallow, and cut off in the middle."""
    with chat(a_red_fox=[{"content": content}]) as server:
        texts = expand_prompts(bench, [arm(server.url)], TWO[:1])["deep"]
        assert list(texts.values()) == ([] if prompt is None else [prompt])
        assert len(list(bench.failures())) == (prompt is None)


def test_an_o1_class_model_is_asked_in_its_own_words(bench: Bench) -> None:
    with chat() as server:
        for options in ({"reasoning": True}, {"temperature": None, "seed": None}):
            expand_prompts(bench, [arm(server.url, **options)], TWO[:1])
        first, second = server.asked
    assert first["max_completion_tokens"] == 8000, "large enough to think in"
    assert not {"max_tokens", "temperature", "seed"} & set(first)
    assert second["max_tokens"] == 8000
    assert not {"temperature", "seed", "max_completion_tokens"} & set(second)
