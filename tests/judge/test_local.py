"""A judge of the real class with random weights: asked by several clips at once, it answers nonsense, told as such."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.judge.drawn import a_judge
from vbench.bench import Bench
from vbench.errors import WeightsError
from vbench.judge import judge
from vbench.judge.card import JudgeCard
from vbench.judge.local import LocalBackend
from vbench.judge.look import SentPicture, jpeg
from vbench.judge.request import JudgeRequest
from vbench.judge.sheet import sheet

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.fakes.tiny_eyes import tiny_qwen_vl

    return tiny_qwen_vl(tmp_path_factory.mktemp("qwen"))


def request(text: str, n: int = 2) -> JudgeRequest:
    import numpy as np

    rng = np.random.default_rng(n)
    pixels = rng.integers(0, 255, (n, 40, 60, 3)).astype(np.uint8)
    return JudgeRequest(
        purpose="answer", text=text, pictures=[SentPicture(i / 2, jpeg(p)) for i, p in enumerate(pixels)]
    )


def local_card(weights: Path, **changes: Any) -> JudgeCard:
    options = {"model": str(weights), "max_tokens": 64, "batch": 3}
    return a_judge("tiny", adapter="transformers", local=True, price=None, options=options, **changes)


def test_answers_in_a_batch_are_those_given_alone(weights: Path) -> None:
    backend = LocalBackend(local_card(weights))
    try:
        requests = [request("Is it there?", 2), request("And how many are there of them?", 3), request("x", 1)]
        together, _ = backend.generate(requests)
        alone = [backend.generate([each])[0][0] for each in requests]
        assert [text[:12] for text in together] == [text[:12] for text in alone]
        assert len(set(together)) > 1
        said = []
        threads = [threading.Thread(target=lambda r=each: said.append(backend.ask(r))) for each in requests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(answer.facts["batch"] for answer in said) > len(said)  # some came together
        assert {answer.cost_usd for answer in said} == {0.0}
    finally:
        backend.close()


def test_nonsense_of_a_local_judge_is_a_failed_answer(
    bench: Bench, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = local_card(weights, concurrency=2)
    monkeypatch.setattr("vbench.judge.roster._judge_named", lambda name: card)
    clip = bench.clips()[0]
    report = judge(bench, with_=["tiny"], kinds=["presence"], clip_ids=[clip.id])
    assert set(report.failures) == {"bad_answer"}
    assert report.cost_usd == 0.0
    assert {cell.verdict for cell in sheet(bench, models=[clip.model], prompt=clip.prompt.id).cells} == {
        "failed",
        "open",
    }


def test_missing_weights_are_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot be loaded from this machine .*options\.model"):
        LocalBackend(local_card(tmp_path))
