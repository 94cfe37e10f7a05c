"""What follows from `expects`, what a suite writes beside it, and that every shipped prompt asks what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from vbench.catalog import find_suite
from vbench.catalog.expects import Expects
from vbench.catalog.question_lines import ANSWERED_BY
from vbench.catalog.suites import load_suite
from vbench.errors import CatalogError
from vbench.judge.questions import compiled_questions, plural, questions_of
from vbench.records import QUESTION_KINDS, Prompt, Question

FULL = Expects.model_validate(
    {
        "seconds": 5,
        "aspect": "16:9",
        "fps": 24,
        "audio": True,
        "camera": "pan_left",
        "shot": "wide",
        "cuts": 1,
        "motion": "low",
        "objects": [
            {"name": "umbrella"},
            {"name": "umbrella", "count": 1, "colour": "red"},
            {"name": "box", "count": 3},
        ],
        "people": 2,
        "text": "OPEN",
        "dialogue": "Go.",
        "style": "film-noir",
    }
).as_json()


def test_every_field_of_expects_is_asked_about() -> None:
    asked = {question.id: question for question in compiled_questions(FULL)}
    assert asked["presence:umbrella"].text == "Is an umbrella seen?"
    assert asked["colour:umbrella"].facts == {"object": "umbrella", "colour": "red"}
    assert asked["count:umbrella"].text == "Is exactly one red umbrella seen, no more and no fewer?"
    assert asked["count:box"].text == "Are exactly 3 boxes seen, no more and no fewer?"
    assert asked["count:people"].facts == {"object": "person", "count": 2}
    assert asked["text"].facts == {"words": "OPEN"}
    assert asked["speech"].facts == {"words": "Go."}
    assert asked["camera"].text == "Does the camera pan to the left?"
    assert asked["cuts"].text == "Is it 2 shots with 1 hard cut?"
    assert {"shot", "style", "motion", "delivery:seconds", "delivery:shape", "delivery:rate", "delivery:sound"} <= set(
        asked
    )
    assert len([q for q in asked.values() if q.text == "Is an umbrella seen?"]) == 1
    for field in set(FULL) - {"cuts"}:  # one uninterrupted shot is asked for unless said otherwise
        fewer = compiled_questions({name: value for name, value in FULL.items() if name != field})
        assert len(fewer) < len(asked), field


def test_nothing_is_taken_for_asked_where_nothing_is_said() -> None:
    assert compiled_questions({}) == ()
    assert compiled_questions({"vbench": {"color": {"color": "red"}}}) == ()


def test_people_may_be_none_one_or_a_crowd() -> None:
    texts = [compiled_questions({"people": n})[0].text for n in (0, 1, "crowd")]
    assert texts == [
        "Is the picture free of people?",
        "Is exactly one person seen, no more and no fewer?",
        "Is a crowd of people seen?",
    ]


def test_a_written_question_takes_the_place_of_a_compiled_one_and_others_are_added() -> None:
    mine = Question(id="presence:cat", kind="presence", text="Is a tabby cat seen?", by=("judge",))
    more = Question(id="action-1", kind="action", text="Does it jump?", by=("judge",))
    prompt = Prompt(id="p", text="t", expects={"objects": [{"name": "cat"}]}, questions=(mine, more))
    asked = questions_of(prompt)
    assert [question.text for question in asked if question.kind == "presence"] == ["Is a tabby cat seen?"]
    assert asked[-1] is more
    assert mine.digest != compiled_questions(prompt.expects)[0].digest


def test_the_digest_is_of_what_is_asked_and_not_of_who_answers() -> None:
    one = Question(id="a", kind="action", text="Does it jump?", by=("judge",))
    assert one.digest == Question(id="a", kind="action", text="Does it jump?", by=("detector",)).digest
    assert one.digest != Question(id="a", kind="action", text="Does it leap?", by=("judge",)).digest


def test_suites_write_questions(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    head = "- id: dog\n  text: a dog runs\n  questions:\n"
    path.write_text(head + "    - {kind: action, text: 'Does it run?'}\n    - {kind: action, text: 'Does it stop?'}\n")
    (prompt,) = load_suite(path).prompts
    assert [question.id for question in prompt.questions] == ["action-1", "action-2"]
    assert prompt.questions[0].by == ANSWERED_BY["action"]
    path.write_text(head + "    - {kind: action, text: 'One?', id: a}\n    - {kind: order, text: 'Two?', id: a}\n")
    with pytest.raises(CatalogError, match=r"s\.yaml:1: question id 'a' is used twice"):
        load_suite(path)
    path.write_text(head + "    - {kind: actoin, text: 'One?'}\n")
    with pytest.raises(CatalogError, match=r"s\.yaml:4: "):
        load_suite(path)


def test_a_prompt_with_more_than_two_hundred_questions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    lines = "".join(f"    - {{kind: action, text: 'Does it {n}?'}}\n" for n in range(201))
    path.write_text(f"- id: dog\n  text: a dog runs\n  questions:\n{lines}")
    with pytest.raises(CatalogError, match="200"):
        load_suite(path)


def test_everybody_answers_some_kind() -> None:
    assert set(ANSWERED_BY) == set(QUESTION_KINDS)


@pytest.mark.parametrize("suite", ["filmmaker", "core", "demo"])
def test_shipped_prompts_ask_each_thing_once_in_whole_sentences(suite: str) -> None:
    for prompt in find_suite(suite).prompts:
        asked = questions_of(prompt)
        assert len({question.id for question in asked}) == len(asked) >= 7, prompt.id
        assert len({question.text for question in asked}) == len(asked), prompt.id
        assert all(question.text[0].isupper() and question.text.endswith("?") for question in asked), prompt.id


def test_filmmaker_asks_what_happens_of_every_prompt() -> None:
    for prompt in find_suite("filmmaker").prompts:
        assert 2 <= len(prompt.questions) <= 4, prompt.id
        assert {question.kind for question in prompt.questions} & {"action", "order", "physics", "space"}, prompt.id


def test_vbench_2_lists_bring_their_questions() -> None:
    asked = compiled_questions(
        {"vbench": {"Thermotics": ["Is it solid?", "Does it melt?"], "Camera_Motion": "zoom_in"}}
    )
    assert [(question.id, question.kind, question.text) for question in asked] == [
        ("thermotics-1", "physics", "Is it solid?"),
        ("thermotics-2", "physics", "Does it melt?"),
    ]


@pytest.mark.parametrize(("noun", "many"), [("box", "boxes"), ("cherry", "cherries"), ("dog", "dogs"), ("day", "days")])
def test_plurals(noun: str, many: str) -> None:
    assert plural(noun) == many
