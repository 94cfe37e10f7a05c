"""Lists of prompts in formats that are not ours say the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalog.files import write
from vbench.catalog.suites import load_suite
from vbench.errors import CatalogError


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"id": "x", "text": "One", "mood": "calm"}\n\n{"text": "Two words", "mood": ["wild", "late"]}\n'),
        ("a.csv", 'id,text,mood,tags\r\nx,One,calm,\r\n,"Two words",,mood:wild; mood:late\r\n'),
        ("a.json", '[{"id": "x", "text": "One", "mood": "calm"},\n {"text": "Two words", "mood": ["wild", "late"]}]'),
    ],
)
def test_foreign_formats_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    suite = load_suite(write(tmp_path, name, text))
    assert [(p.id, p.text, p.tags) for p in suite.prompts] == [
        ("x", "One", ("mood:calm",)),
        ("two-words", "Two words", ("mood:wild", "mood:late")),
    ]


def test_csv_holds_expectations_as_json_and_texts_over_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'id,text,expects\nx,"One,\ntwo","{""seconds"": 4}"\ny,Three,\ny,Four,\n')
    with pytest.raises(CatalogError, match=r"a\.csv:5: prompt id 'y' is used twice \('y' on line 4\)"):
        load_suite(path)
    prompt = load_suite(write(tmp_path, "b.csv", path.read_text().replace("y,Four,\n", ""))).prompts[0]
    assert (prompt.text, prompt.expects) == ("One,\ntwo", {"seconds": 4.0})


def test_text_lines_get_ids_that_do_not_depend_on_their_place(tmp_path: Path) -> None:
    long = "A very long prompt that goes on and on about the sea and the sky " * 3
    first = load_suite(write(tmp_path, "a.txt", f"A dog\nA Dog!\n{long}\n???\n")).prompts
    later = load_suite(write(tmp_path, "b.txt", f"\n???\n{long}\nA cat\nA dog\nA Dog!\n")).prompts
    assert first[0].id == "a-dog"
    assert first[1].id.startswith("a-dog-")
    assert all(len(p.id) <= 67 for p in first)
    assert {p.text: p.id for p in first}.items() <= {p.text: p.id for p in later}.items()


def test_vbench_full_info_merges_what_it_lists_twice(tmp_path: Path) -> None:
    entries = [
        {"prompt_en": "A fantasy landscape", "dimension": ["scene"], "video_list": ["x.mp4"]},
        {
            "prompt_en": "a red bicycle",
            "dimension": ["color"],
            "auxiliary_info": {"color": {"color": "red"}},
        },
        {"prompt_en": "a fantasy landscape", "dimension": ["overall_consistency"]},
        {"prompt_en": "a red bicycle", "dimension": ["object_class", "color"], "auxiliary_info": {}},
    ]
    path = write(tmp_path, "VBench_full_info.json", json.dumps(entries, indent=1))
    big, bicycle, small = load_suite(path).prompts
    assert (big.id, bicycle.id) == ("a-fantasy-landscape", "a-red-bicycle")
    assert small.id.startswith("a-fantasy-landscape-")
    assert bicycle.tags == ("vbench:color", "vbench:object_class")
    assert bicycle.expects == {"vbench": {"color": {"color": "red"}}}
    entries[3]["auxiliary_info"] = {"color": {"color": "blue"}}
    path.write_text("\n".join(["[", ",\n".join(json.dumps(e) for e in entries), "]"]))
    with pytest.raises(CatalogError, match=r"info\.json:5: another color for 'a red bicycle'"):
        load_suite(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "a lamp\na boat\n a  lamp\n"),
        ("a.csv", "text,mood\na lamp,\na boat,calm\na lamp,\n"),
        ("a.jsonl", '{"text": "a lamp"}\n{"text": "a boat"}\n{"text": "a lamp", "tags": ["x"]}\n'),
        ("a.json", '[{"text": "a lamp"},\n{"text": "a boat"},\n{"text": "a lamp"}]'),
    ],
)
def test_a_prompt_that_stands_twice_is_one_and_noted(tmp_path: Path, name: str, text: str) -> None:
    suite = load_suite(write(tmp_path, name, text))
    assert [prompt.id for prompt in suite.prompts] == ["a-lamp", "a-boat"]
    first, last = (2, 4) if name.endswith("csv") else (1, 3)
    assert suite.notes == (f"{tmp_path / name}: 1 repeated, each counted once: line {last} is line {first}",)
    assert suite.prompts[0].tags == (("x",) if name.endswith("jsonl") else ())


def test_repeats_that_say_something_else_are_told(tmp_path: Path) -> None:
    text = '{"text": "a lamp", "expects": {"seconds": 4}}\n{"text": "a lamp", "expects": {"seconds": 5}}\n'
    with pytest.raises(CatalogError, match=r"a\.jsonl:2: another expects for the prompt of line 1; keep one"):
        load_suite(write(tmp_path, "a.jsonl", text))


def test_chinese_lists_are_read_and_their_repeats_noted(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path, "zh.txt", "\ufeff一只猫在睡觉\r\n一只狗\r\n一只猫在睡觉\r\n"))
    assert [prompt.text for prompt in suite.prompts] == ["一只猫在睡觉", "一只狗"]
    assert len(suite.notes) == 1


@pytest.mark.parametrize(
    "text",
    [
        'id;text\r\nrain;"A woman waits, neon"\r\nsnow;An old man\r\n',
        "id\ttext\nrain\tA woman waits, neon\nsnow\tAn old man\n",
        "\ufeffsep=;\r\nid;text\r\nrain;A woman waits, neon\r\nsnow;An old man\r\n",
        'sep=,\nid,text\nrain,"A woman waits, neon"\nsnow,An old man\n',
        'id,text,,\r\nrain,"A woman waits, neon",,\r\nsnow,An old man,,,\r\n,,,\r\n',
    ],
    ids=["semicolons", "tabs", "sep-line", "sep-comma", "empty-columns"],
)
def test_csv_as_spreadsheets_write_it(tmp_path: Path, text: str) -> None:
    suite = load_suite(write(tmp_path, "a.csv", text))
    assert [(p.id, p.text) for p in suite.prompts] == [("rain", "A woman waits, neon"), ("snow", "An old man")]
    assert suite.notes == ()


def test_lines_are_counted_from_the_top_under_a_sep_line(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"a\.csv:4: prompt id 'A' is used twice \('a' on line 3\)"):
        load_suite(write(tmp_path, "a.csv", "sep=;\nid;text\na;One\nA;Two\n"))


def test_vbench_2_is_read(tmp_path: Path) -> None:
    entries = [
        {"prompt_en": "a lamp melts", "dimension": "Material"},
        {"prompt_en": "a boat, zoom in", "dimension": ["Camera_Motion"], "auxiliary_info": "zoom_in"},
        {"prompt_en": "ice", "dimension": ["Thermotics"], "auxiliary_info": ["Is it solid?", "Does it melt?"]},
        {"prompt_en": "a plot", "dimension": ["Complex_Plot"], "auxiliary_info": {"plot": ["one", "two"]}},
        {"prompt_en": "a lamp melts", "dimension": ["Human_Clothes"], "auxiliary_info": ""},
    ]
    suite = load_suite(write(tmp_path, "VBench2_full_info.json", json.dumps(entries)))
    assert [(p.id, p.tags, p.expects) for p in suite.prompts] == [
        ("a-lamp-melts", ("vbench2:Material", "vbench2:Human_Clothes"), {}),
        ("a-boat-zoom-in", ("vbench2:Camera_Motion",), {"vbench": {"Camera_Motion": "zoom_in"}}),
        ("ice", ("vbench2:Thermotics",), {"vbench": {"Thermotics": ["Is it solid?", "Does it melt?"]}}),
        ("a-plot", ("vbench2:Complex_Plot",), {"vbench": {"Complex_Plot": {"plot": ["one", "two"]}}}),
    ]


def test_evalcrafter_is_read_under_its_own_numbers(tmp_path: Path) -> None:
    entries = {
        "0000": {"prompt": "two cats", "attributes": {"count": "2 cat", "color": ""}},
        "0001": {"prompt": "a cow", "attributes": {}},
        "0002": {"prompt": "two cats", "attributes": {"count": "2 cat"}},
    }
    path = write(tmp_path, "metadata.json", json.dumps(entries, indent=1))
    suite = load_suite(path)
    assert [(p.id, p.text, p.tags) for p in suite.prompts] == [
        ("0000", "two cats", ("count:2 cat",)),
        ("0001", "a cow", ()),
        ("0002", "two cats", ("count:2 cat",)),
    ]
    assert suite.notes == (f"{path}: 1 of the same text under another id, kept apart: 0002 is 0000",)
    path.write_text(json.dumps({"0000": {"prompt": "x", "attributes": {}}, "../a": {"prompt": "y"}}, indent=1))
    with pytest.raises(CatalogError, match=r"metadata\.json:6: .*start with a letter or digit"):
        load_suite(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "ID,Prompt,category\na1,Two cats,animal\na2,A cow,animal\n"),
        ("a.tsv.csv", "ID\tPrompt\tcategory\na1\tTwo cats\tanimal\na2\tA cow\tanimal\n"),
        ("a.jsonl", '{"id": "a1", "prompt": "Two cats", "category": "animal"}\n'
         '{"id": "a2", "prompt": "A cow", "category": "animal"}\n'),
        ("a.json", '[{"id": "a1", "prompt": "Two cats", "category": "animal"},'
         '{"id": "a2", "prompt": "A cow", "category": "animal"}]'),
    ],
)  # fmt: skip
def test_what_a_table_calls_its_text_is_the_text(tmp_path: Path, name: str, text: str) -> None:
    suite = load_suite(write(tmp_path, name, text))
    assert [(p.id, p.text, p.tags) for p in suite.prompts] == [
        ("a1", "Two cats", ("category:animal",)),
        ("a2", "A cow", ("category:animal",)),
    ]
    assert [note.partition(": ")[2].lower() for note in suite.notes] == ["'prompt' is taken for the text of 2 prompts"]


def test_two_names_of_the_text_are_not_chosen_from(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="rename prompt or caption to text"):
        load_suite(write(tmp_path, "a.csv", "prompt,caption\nTwo cats,A picture\n"))
