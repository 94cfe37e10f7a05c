"""Suites: five formats in, records or a sentence with file and line out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.catalog.files import write
from vbench import catalog
from vbench.catalog import find_suite, suite_files
from vbench.catalog.prompt_lines import slug
from vbench.catalog.suites import load_suite
from vbench.errors import CatalogError


def test_yaml_suite_becomes_records(tmp_path: Path) -> None:
    (tmp_path / "first.png").write_bytes(b"x")
    path = write(
        tmp_path,
        "mine.yaml",
        """\
name: mine
version: 3
licence: CC-BY-4.0
about: Two prompts.
prompts:
  - id: dog-in-the-rain
    text: >
      A dog runs
      through the rain.
    negative: blur
    tags: [animal:dog, weather:rain]
    image: first.png
    expects: {seconds: 5, aspect: "16:9", objects: [{name: dog, count: 1}], people: crowd}
  - {id: 一只猫, text: 一只猫在睡觉}
""",
    )
    suite = load_suite(path)
    assert (suite.name, suite.version, suite.licence) == ("mine", 3, "CC-BY-4.0")
    dog, cat = suite.prompts
    assert (dog.text, dog.negative, dog.tags) == (
        "A dog runs through the rain.",
        "blur",
        ("animal:dog", "weather:rain"),
    )
    assert dog.suite == "mine"
    assert dog.image == str(tmp_path / "first.png")
    assert dog.expects == {
        "seconds": 5.0,
        "aspect": "16:9",
        "objects": [{"name": "dog", "count": 1}],
        "people": "crowd",
    }
    assert (cat.id, cat.expects) == ("一只猫", {})


YAML = "name: s\nprompts:\n  - id: a\n    text: One\n"

COMPLAINTS = {
    "unknown key": (
        "s.yaml",
        YAML + "    tagz: [x]\n",
        r"s\.yaml:5: unknown key 'prompts.0.tagz'; did you mean tags\?",
    ),
    "unknown expectation": ("s.yaml", YAML + "    expects:\n      secs: 3\n", r":6: .*secs.*did you mean seconds"),
    "unknown camera": ("s.yaml", YAML + "    expects:\n      camera: pan\n", r":6: .*'pan_left'"),
    "id twice": ("s.yaml", YAML + "  - id: A\n    text: Two\n", r":5: prompt id 'A' is used twice \('a' on line 3\)"),
    "id as path": ("s.yaml", YAML.replace("id: a", "id: ../a"), r":3: .*start with a letter or digit, as in 'a'"),
    "hidden id": ("s.yaml", YAML.replace("id: a", "id: .a"), r":3: .*start with a letter"),
    "long id": ("s.yaml", YAML.replace("id: a", "id: " + "é" * 61), r":3: .*122 bytes"),
    "empty text": ("s.yaml", YAML.replace("One", '"  "'), r":4: .*is empty"),
    "control character": ("s.yaml", YAML.replace("One", '"O\\0ne"'), r":4: .*U\+0000"),
    "raw nul": ("s.yaml", YAML.replace("One", "O\0ne"), r"s\.yaml: not valid YAML"),
    "lone surrogate": ("s.jsonl", '{"text": "\\ud800"}', r"s\.jsonl:1: "),
    "number for a text": ("s.yaml", YAML.replace("One", "12"), r":4: .*valid string; found 12"),
    "no prompts": ("s.yaml", "name: s\n", r"has no prompts"),
    "another name": ("s.yaml", YAML.replace("name: s", "name: t"), r":1: the suite calls itself 't'"),
    "missing image": ("s.yaml", YAML + "    image: no.png\n", r":3: image 'no.png' is not there"),
    "unquoted aspect": ("s.yaml", YAML + "    expects:\n      aspect: 16:9\n", r":6: .*put it in quotes"),
    "half a size": ("s.yaml", YAML + "    expects: {width: 640}\n", r":5: .*width and height go together"),
    "speech without sound": ("s.yaml", YAML + "    expects: {dialogue: Hi, audio: false}\n", r"needs sound"),
    "endless clip": ("s.yaml", YAML + "    expects: {seconds: .inf}\n", r":5: .*seconds"),
    "json: not a list": ("s.json", '{"text": "x"}', r"s\.json:1: expected a list"),
    "json: line of the item": ("s.json", '[\n{"text": "x"},\n\n{"text": ""}\n]', r"s\.json:4: "),
    "json: key twice": ("s.jsonl", '{"text": "x", "text": "y"}', r":1: not valid JSON: 'text' stands twice"),
    "json: nan": ("s.jsonl", '{"text": "x", "expects": {"vbench": {"a": NaN}}}', r"NaN is not JSON"),
    "jsonl: broken line": ("s.jsonl", '{"text": "x"}\n{"text": "y"\n', r"s\.jsonl:2: not valid JSON"),
    "jsonl: misspelt key": ("s.jsonl", '{"text": "x", "tag": "y"}', r":1: unknown key 'tag'; did you mean tags"),
    "jsonl: mapping as a tag": ("s.jsonl", '{"text": "x", "more": {}}', r":1: unknown key 'more'"),
    "csv: too many cells": ("s.csv", "id,text\na,b,c\n", r"s\.csv:2: 3 cells under 2 columns"),
    "csv: column twice": ("s.csv", "id,id\na,b\n", r"s\.csv:1: "),
    "csv: other header": ("s.csv", "ID,Words\na,b\n", r":1: .*by commas \(found ID, Words; name the columns"),
    "csv: no header": ("s.csv", "A woman waits\nAn old man\n", r":1: no column text.*as in id,text"),
    "csv: cells by semicolons": (
        "s.csv",
        "id;text\na;b;c\n",
        r":2: 3 cells under 2 columns, which semicolons separate",
    ),
    "json: other keys": (
        "s.json",
        '[{"prompt": "x", "caption": "y"}]',
        r":1: no text .*rename prompt or caption to text",
    ),
    "json: other object": ("s.json", '{"a": {"text": "x"}}', r"s\.json:1: expected a list"),
    "json: deep": ("s.json", "[" * 100_000, r"s\.json:1: .*nested too deep"),
    "jsonl: deep": ("s.jsonl", '{"a": ' * 5_000, r"s\.jsonl:1: .*nested too deep"),
    "yaml: deep": ("s.yaml", "a: " + "[" * 5_000, r"s\.yaml: nested too deep"),
    "yaml: deep mappings": ("s.yaml", "{a: " * 5_000, r"s\.yaml: nested too deep"),
    "other suffix": ("s.toml", "x", r"ends in \.yaml"),
}


@pytest.mark.parametrize(("name", "text", "says"), COMPLAINTS.values(), ids=COMPLAINTS)
def test_complaint_names_file_and_line(tmp_path: Path, name: Any, text: Any, says: Any) -> None:
    with pytest.raises(CatalogError, match=says):
        load_suite(write(tmp_path, name, text))


def test_aliases_that_multiply_are_refused_before_they_do(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    for more in ("", "? *a11\n: 1\n"):  # as values and as a key
        with pytest.raises(CatalogError, match=r"s\.yaml:\d+: aliases of aliases make more values than the file has"):
            load_suite(write(tmp_path, "s.yaml", "\n".join(rows) + "\n" + more))
    with pytest.raises(CatalogError, match=r"s\.yaml:1: a key must be plain text"):
        load_suite(write(tmp_path, "s.yaml", "? [a, b]\n: 1\n"))


@pytest.mark.parametrize("suffix", ["yaml", "json", "jsonl", "csv", "txt"])
def test_a_huge_file_is_refused_unread(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"s.{suffix}"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)  # no byte of it is on the disk
    with pytest.raises(CatalogError, match=r"104,857,600 bytes, at most [0-9,]+ are read of such a file"):
        load_suite(path)


def test_include_takes_prompts_by_id_and_keeps_their_suite(tmp_path: Path) -> None:
    write(tmp_path, "all.yaml", "name: all\nprompts: [{id: a, text: One}, {id: b, text: Two}, {id: c, text: Three}]\n")
    few = write(
        tmp_path, "few.yaml", "name: few\ninclude: [{suite: all.yaml, ids: [c, a]}]\nprompts: [{id: d, text: x}]"
    )
    assert [(p.id, p.suite) for p in load_suite(few).prompts] == [("c", "all"), ("a", "all"), ("d", "few")]
    few.write_text("name: few\ninclude:\n  - suite: all.yaml\n    ids:\n      - a\n      - bb\n")
    with pytest.raises(CatalogError, match=r"few\.yaml:6: all\.yaml has no prompt 'bb'; did you mean b\?"):
        load_suite(few)
    few.write_text("name: few\ninclude:\n  - suite: filmaker\n")
    with pytest.raises(CatalogError, match=r"few\.yaml:3: no suite 'filmaker'; did you mean filmmaker\?"):
        load_suite(few)
    few.write_text("name: few\ninclude:\n  - suite: few.yaml\n")
    with pytest.raises(CatalogError, match="includes itself"):
        load_suite(few)


def test_own_suites_are_found_beside_the_built_in_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts").mkdir()
    path = write(tmp_path, "prompts/mine.txt", "A dog\n")
    assert {"demo", "filmmaker", "core", "mine"} <= suite_files().keys()
    assert find_suite("mine").prompts == find_suite("prompts/mine.txt").prompts == load_suite(path).prompts
    with pytest.raises(CatalogError, match=r"no suite 'dmeo'; did you mean demo"):
        find_suite("dmeo")
    write(tmp_path, "prompts/demo.txt", "A dog\n")
    with pytest.raises(CatalogError, match="is also the suite 'demo'; rename one"):
        find_suite("demo")


def test_an_installed_package_reads_its_own_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site" / "vbench" / "data" / "prompts").mkdir(parents=True)
    write(tmp_path, "site/vbench/data/prompts/shipped.txt", "A dog\n")
    monkeypatch.setattr(catalog, "_PACKAGE", tmp_path / "site" / "vbench")
    monkeypatch.chdir(tmp_path)
    assert list(suite_files()) == ["shipped"]


def test_file_called_prompts_is_named_after_its_folder(tmp_path: Path) -> None:
    assert load_suite(write(tmp_path, "prompts.txt", "A dog\n")).name == slug(tmp_path.name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "s.yaml",
            "prompts:\n- {id: a, text: A, image: a.png, last_image: 'https://x.org/b.png', "
            "references: [a.png, 'drawn:object']}\n",
        ),
        (
            "s.jsonl",
            '{"id": "a", "text": "A", "image": "a.png", "last_image": "https://x.org/b.png", '
            '"references": ["a.png", "drawn:object"]}\n',
        ),
        (
            "s.json",
            '[{"id": "a", "text": "A", "image": "a.png", "last_image": "https://x.org/b.png", '
            '"references": ["a.png", "drawn:object"]}]',
        ),
        ("s.csv", "id,text,image,last_image,references\na,A,a.png,https://x.org/b.png,a.png; drawn:object\n"),
    ],
)
def test_every_format_gives_pictures(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / name).write_text(text)
    (prompt,) = load_suite(tmp_path / name).prompts
    here = str(tmp_path / "a.png")
    assert (prompt.image, prompt.last_image, prompt.references) == (here, "https://x.org/b.png", (here, "drawn:object"))
    (tmp_path / "a.png").unlink()
    with pytest.raises(CatalogError, match=r":\d+: image 'a.png' is not there"):
        load_suite(tmp_path / name)
