"""Which prompt a file was made for: by its name, by a pattern, never by a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.importing.folders import PROMPTS, clip, reasons
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.importing import import_folder
from vbench.importing.match import PromptIndex, pattern_tokens, read_default
from vbench.importing.scan import ClipFile
from vbench.records import Prompt


@pytest.mark.parametrize(
    ("name", "readings"),
    [
        ("dog-0", [("dog", 0)]),
        ("dog-07", [("dog", 7)]),
        ("dog", [("dog", 0)]),
        ("dog-2-0", [("dog-2", 0)]),
        ("dog-2", [("dog", 2), ("dog-2", 0)]),
        ("blue-bird-12", [("blue-bird", 12)]),
        ("Two dogs-1", [("dog-2", 1)]),
        ("Dog-0", []),
        ("dog-0-0", []),
        ("dog-1234567", []),
        ("blue", []),
    ],
)
def test_a_name_has_all_its_readings(name: str, readings: Any) -> None:
    file = ClipFile(Path(name), ("m", name))
    assert sorted((p.id, s) for _, p, s in read_default(file, PromptIndex(PROMPTS), "m")) == readings


def test_two_readings_are_reported_and_not_chosen_between(bench: Bench, tmp_path: Path) -> None:
    clip(tmp_path / "c" / "m" / "dog-2.mp4")
    report = import_folder(bench, tmp_path / "c", prompts=PROMPTS)
    assert report.counts == {"unmatched": 1}
    assert reasons(report)["dog-2.mp4"] == (
        "could be m, prompt 'dog-2' (Two dogs), sample 0 or m, prompt 'dog' (A dog in the rain), sample 2; "
        "say which in a manifest"
    )


def test_decomposed_accents_of_a_file_system_match(bench: Bench, tmp_path: Path) -> None:
    clip(tmp_path / "c" / "m" / "cafe\u0301-0.mp4")
    report = import_folder(bench, tmp_path / "c", prompts=[Prompt(id="caf\u00e9", text="A caf\u00e9")])
    assert report.counts == {"imported": 1}


def test_pattern_reads_other_layouts(bench: Bench, tmp_path: Path) -> None:
    clip(tmp_path / "c" / "A blue-grey bird flies" / "wan_2_1_0.mp4")
    clip(tmp_path / "c" / "dog" / "kling_3.mp4")
    clip(tmp_path / "c" / "dog" / "kling.mp4")
    report = import_folder(bench, tmp_path / "c", prompts=PROMPTS, pattern="{prompt}/{model}_{sample}")
    cells = {(c.model, c.prompt.id, c.sample) for c in bench.clips()}
    assert cells == {("wan_2_1", "blue-bird", 0), ("kling", "dog", 3)}
    assert reasons(report)["kling.mp4"] == "does not fit the pattern '{prompt}/{model}_{sample}'"


def test_pattern_with_two_readings_is_reported(bench: Bench, tmp_path: Path) -> None:
    clip(tmp_path / "c" / "a_b_c.mp4")
    prompts = [Prompt(id="c", text="x"), Prompt(id="b_c", text="y")]
    report = import_folder(bench, tmp_path / "c", prompts=prompts, pattern="{model}_{prompt}")
    assert "could be a, prompt 'b_c' (y), sample 0 or a_b, prompt 'c'" in reasons(report)["a_b_c.mp4"]


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("{promt}/{model}", r"no field \{promt\}; did you mean prompt"),
        ("{prompt}-{sample}", r"lacks \{model\}"),
        ("{model}/{prompt}{sample}", "side by side"),
        ("{model}/{prompt}-{prompt}", "twice"),
        ("{model}/{prompt}-{sample", "brace"),
    ],
)
def test_pattern_that_cannot_be_meant(pattern: str, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        pattern_tokens(pattern)
