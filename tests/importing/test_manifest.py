"""Manifests say it file by file, and are told where they cannot be meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.importing.folders import reasons
from vbench.bench import Bench
from vbench.errors import CatalogError
from vbench.importing import import_folder


def test_manifest_says_it_file_by_file(bench: Bench, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "m.csv").write_text(
        "file,model,prompt_id,prompt,sample,seed,cost,latency,created,notes,licence,operator\n"
        "alpha/dog-0.mp4,A,dog,,2,7,0.35,41.5,2026-01-02,night,CC0,Kim\n"
        "alpha/blue-bird-0.mp4,A,,A heron stands,,,,,,,,\n"
        "beta 2.0/dog-0.mp4,B,cat,,,,,,,,,\n"
        "gone.mp4,B,dog,,,,,,,,,\n"
    )
    monkeypatch.chdir(folder / "alpha")
    report = import_folder(bench, "..", manifest="../m.csv")
    heron, dog = sorted(bench.clips(), key=lambda c: c.sample)
    assert (dog.model, dog.prompt.id, dog.sample) == ("A", "dog", 2)
    told = dog.provenance
    assert (told.seed, told.cost_usd, told.cost_source, told.latency_s) == (7, 0.35, "manifest", 41.5)
    assert (told.created, told.notes, told.licence) == ("2026-01-02", "night", "CC0")
    assert told.extra == {"operator": "Kim"}
    assert (heron.prompt.id, heron.prompt.text, heron.provenance.cost_source) == (
        "a-heron-stands",
        "A heron stands",
        "",
    )
    reason_of = reasons(report)
    assert reason_of["gone.mp4"] == "m.csv:5: no such clip; check the path"
    assert "m.csv:4: no prompt has the id or the text 'cat'" in reason_of["dog-0.mp4"]
    assert reason_of["blue-bird-0.mp4"] == "is not in m.csv; add a row for it"
    assert report.counts == {"imported": 2, "unmatched": 3}


def test_best_of_and_energy_are_numbers_whatever_the_file_is(bench: Bench, folder: Any) -> None:
    (folder / "m.csv").write_text("file,model,prompt_id,best_of,energy_wh\nalpha/dog-0.mp4,A,dog,4,12.5\n")
    import_folder(bench, folder, manifest=folder / "m.csv")
    (clip,) = bench.clips()
    assert clip.provenance.extra == {"best_of": 4, "energy_wh": 12.5}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"file": "../secret.mp4"}, "lies outside"),
        ({"file": "/etc/passwd"}, "lies outside"),
        ({"file": "alpha/../../x.mp4"}, "lies outside"),
        ({"sead": 1}, "unknown column 'sead'; did you mean seed"),
        ({"cost": -1}, "cost: "),
        ({"best_of": 0}, "best_of: "),
        ({"energy_wh": "much"}, "energy_wh: "),
        ({"seed": "x"}, "seed: .*integer"),
        ({"prompt_id": None}, "no prompt; give prompt or prompt_id"),
        ({"prompt": "Another text"}, "prompt 'dog' is known as 'A dog in the rain'; found 'Another text'"),
    ],
)
def test_manifest_row_that_cannot_be_meant(bench: Bench, folder: Any, row: dict[str, Any], says: str) -> None:
    good = {"file": "alpha/dog-0.mp4", "model": "A", "prompt_id": "dog"}
    manifest = folder / "m.jsonl"
    manifest.write_text(json.dumps(good) + "\n" + json.dumps(good | row) + "\n")
    with pytest.raises(CatalogError, match=rf"m\.jsonl:2: .*{says}"):
        import_folder(bench, folder, manifest=manifest)
    assert bench.clips() == []
