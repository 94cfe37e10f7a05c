"""Questions proposed from texts: read strictly, asked once, and written into a suite without touching anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.judge import judge_server
from tests.judge.drawn import a_judge
from vbench.bench import Bench
from vbench.catalog.question_lines import QuestionLine
from vbench.catalog.suites import load_suite
from vbench.errors import CatalogError, JobError
from vbench.judge.ask import Asker
from vbench.judge.backend import backend_of
from vbench.judge.proposals import propose, read_proposals, with_questions

SUITE = """# mine
name: s
prompts:
  # --- dogs
  - id: dog
    text: >-
      a dog runs
      over the grass
    tags: [a:b]

  # --- cats
  - id: cat
    text: a cat sleeps
    questions:
      - {kind: action, text: "Does it sleep?"}
"""


def test_proposals_are_written_under_prompts_that_have_none(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SUITE)
    with Bench.open(tmp_path / "bench") as bench, judge_server("good", []) as server:
        card = a_judge(options={"base_url": server.url, "model": "m"})
        for _ in range(2):
            asker = Asker(bench, card, backend_of(card), max_cost=1.0)
            proposed = propose(asker, load_suite(path).prompts)
            asker.close()
        assert len(server.asked) == 1  # the text is asked about once, and the cat has questions
    assert list(proposed.lines) == ["dog"]
    path.write_text(with_questions(SUITE, proposed.lines))
    dog, cat = load_suite(path).prompts
    assert [q.text for q in dog.questions] == ["Does the dog run?", 'Does it run, and then "stop"?']
    assert [q.text for q in cat.questions] == ["Does it sleep?"]
    added = [line for line in path.read_text().split("\n") if line not in SUITE.split("\n")]
    assert len(added) == 2  # the questions; their head stands in the cat's lines too
    assert with_questions(path.read_text(), proposed.lines) == path.read_text()


def test_a_prompt_in_braces_is_told() -> None:
    text = "prompts:\n  - {id: dog, text: a dog runs}\n"
    with pytest.raises(CatalogError, match="braces"):
        with_questions(text, {"dog": [QuestionLine(kind="action", text="Does it run?")]})


@pytest.mark.parametrize(
    "reply", ["no", "[]", '{"questions": "all"}', '{"questions": [{"kind": "mood", "text": "Sad?"}]}']
)
def test_what_is_no_question_is_refused(reply: str) -> None:
    with pytest.raises(JobError):
        read_proposals(reply)
