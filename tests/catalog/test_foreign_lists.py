"""Lists of prompts in formats that are not ours say the same."""

import json

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
def test_foreign_formats_say_the_same(tmp_path, name, text):
    suite = load_suite(write(tmp_path, name, text))
    assert [(p.id, p.text, p.tags) for p in suite.prompts] == [
        ("x", "One", ("mood:calm",)),
        ("two-words", "Two words", ("mood:wild", "mood:late")),
    ]


def test_csv_holds_expectations_as_json_and_texts_over_lines(tmp_path):
    path = write(tmp_path, "a.csv", 'id,text,expects\nx,"One,\ntwo","{""seconds"": 4}"\ny,Three,\ny,Four,\n')
    with pytest.raises(CatalogError, match=r"a\.csv:5: prompt id 'y' is used twice \('y' on line 4\)"):
        load_suite(path)
    prompt = load_suite(write(tmp_path, "b.csv", path.read_text().replace("y,Four,\n", ""))).prompts[0]
    assert (prompt.text, prompt.expects) == ("One,\ntwo", {"seconds": 4.0})


def test_text_lines_get_ids_that_do_not_depend_on_their_place(tmp_path):
    long = "A very long prompt that goes on and on about the sea and the sky " * 3
    first = load_suite(write(tmp_path, "a.txt", f"A dog\nA Dog!\n{long}\n???\n")).prompts
    later = load_suite(write(tmp_path, "b.txt", f"\n???\n{long}\nA cat\nA dog\nA Dog!\n")).prompts
    assert first[0].id == "a-dog"
    assert first[1].id.startswith("a-dog-")
    assert all(len(p.id) <= 67 for p in first)
    assert {p.text: p.id for p in first}.items() <= {p.text: p.id for p in later}.items()


def test_vbench_full_info_merges_what_it_lists_twice(tmp_path):
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
