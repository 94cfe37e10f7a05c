"""`vbench import` and `vbench prompts`, as typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from vbench.bench import Bench
from vbench.cli import catalog, jobs
from vbench.errors import CatalogError, OptionError
from vbench.video import write_clip

app = typer.Typer()
app.command("import")(catalog.import_clips)
app.command("prompts")(catalog.prompts)
app.command("status")(jobs.status)


def run(*words: Any) -> Any:
    """Exit code and what was printed; an error that a person can fix is raised as it is."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    """One tool's clip, a file of no prompt, and a suite of two."""
    root = tmp_path / "clips"
    (root / "alpha").mkdir(parents=True)
    frames = np.full((3, 32, 32, 3), 128, np.uint8)
    write_clip(frames, root / "alpha" / "dog-0.mp4", fps=8)
    write_clip(frames, root / "alpha" / "dgo-1.mp4", fps=8)
    (root / "prompts.jsonl").write_text('{"id": "dog", "text": "A dog"}\n{"id": "cat", "text": "A cat"}\n')
    (root / "notes.md").write_text("x")
    return root


def test_dry_run_shows_what_matches_and_makes_no_bench(folder: Any, tmp_path: Path) -> None:
    code, out = run("import", folder, "--bench", tmp_path / "bench", "--dry-run", "--strict")
    assert out.splitlines() == [
        f"matched: {folder}/alpha/dog-0.mp4 → alpha, prompt dog, sample 0",
        f"unmatched: {folder}/alpha/dgo-1.mp4: no prompt has the id or the text 'dgo'; rename the file, "
        "or name it in a manifest",
        "no clips: notes.md",
        "prompts without a clip: cat",
        "1 matched, 1 unmatched (dry run: nothing was changed)",
    ]
    assert code == 3
    assert not (tmp_path / "bench").exists()


def test_import_stores_and_says_so_in_json(folder: Any, tmp_path: Path) -> None:
    code, out = run("import", folder, "--bench", tmp_path / "bench", "--json")
    report = json.loads(out)
    assert (code, report["counts"]) == (0, {"imported": 1, "unmatched": 1})
    with Bench.open(tmp_path / "bench") as bench:
        assert [clip.id for clip in bench.clips()] == [report["items"][0]["clip"]]
    assert run("import", folder, "--bench", tmp_path / "bench")[1].splitlines()[-1] == "1 there, 1 unmatched"
    (folder / "alpha" / "dgo-1.mp4").unlink()
    assert run("import", folder, "--bench", tmp_path / "bench", "--strict")[0] == 0


def test_the_home_folder_may_be_written_as_a_tilde(
    folder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(folder)
    (tmp_path / "list.csv").write_text("file,model,prompt_id\nalpha/dog-0.mp4,alpha,dog\n")
    paths = ("~/clips", "--bench", "~/bench", "--prompts", "~/clips/prompts.jsonl")
    assert run("import", *paths)[1].endswith("1 imported, 1 unmatched\n")
    assert (tmp_path / "bench" / "bench.db").is_file()
    assert run("import", *paths, "--dry-run")[1].endswith("1 there, 1 unmatched (dry run: nothing was changed)\n")
    assert "1 there" in run("import", *paths, "--dry-run", "--manifest", "~/list.csv")[1]
    assert not (folder / "~").exists()


def test_parameters_are_named_as_they_are_typed(folder: Any, tmp_path: Path) -> None:
    (folder / "prompts.jsonl").unlink()
    reasons = [f"unmatched: {folder}/alpha/{name}.mp4: no prompts are known; " for name in ("dog-0", "dgo-1")]
    words = ["import", str(folder), "--bench", str(tmp_path / "bench"), "--dry-run"]
    out = CliRunner().invoke(app, words).stdout  # that nothing matched is an error as well
    assert [line for line in out.splitlines() if "--prompts" in line] == [
        f"{reason}put a prompts.jsonl in the folder, or pass --prompts" for reason in sorted(reasons)
    ]
    out = CliRunner().invoke(app, [*words, "--json"]).stdout
    assert {item["reason"].rpartition(" ")[2] for item in json.loads(out)["items"]} == {"--prompts"}


def test_a_cut_off_clip_is_told_and_counted(folder: Any, tmp_path: Path) -> None:
    (folder / "alpha" / "dgo-1.mp4").unlink()
    whole = folder / "alpha" / "dog-0.mp4"
    rng = np.random.default_rng(0)
    write_clip(rng.integers(0, 255, (24, 32, 32, 3), np.uint8), whole, fps=8)
    cut = folder / "alpha" / "cat-0.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    for state in ("2 imported", "2 there"):  # what was imported before is damaged still
        code, out = run("import", folder, "--bench", tmp_path / "bench", "--strict")
        lines = out.splitlines()
        assert code == 3
        assert lines[0].startswith(f"damaged: {cut}: stops after frame ")
        assert lines[-3].startswith("damage: 1 cut off")
        assert lines[-1] == f"{state}; 1 damaged"
    code, out = run("import", folder, "--bench", tmp_path / "bench", "--json")
    report = json.loads(out)
    by_name = {Path(item["file"]).name: item for item in report["items"]}
    assert (code, report["n_damaged"], report["marks"]) == (0, 1, {"cut_off": 1, "undecodable": 1})
    assert by_name["cat-0.mp4"]["marks"] == ["cut_off", "undecodable"]
    assert by_name["cat-0.mp4"]["is_damaged"]
    assert by_name["dog-0.mp4"]["warnings"] == []


def test_an_import_in_which_nothing_matches_is_an_error_with_the_nearest_names(folder: Any, tmp_path: Path) -> None:
    (folder / "alpha" / "dog-0.mp4").unlink()
    with pytest.raises(CatalogError, match=r"none of 1 clips matches a prompt \(dgo-1\.mp4 is nearest to 'dog'\)"):
        run("import", folder, "--bench", tmp_path / "bench")
    (folder / "alpha" / "dgo-1.mp4").unlink()
    with pytest.raises(CatalogError, match="no clips in it"):
        run("import", folder, "--bench", tmp_path / "bench")


def test_status_of_an_imported_bench_tells_its_clips_and_scores(folder: Any, tmp_path: Path) -> None:
    run("import", folder, "--bench", tmp_path / "bench")
    out = CliRunner().invoke(app, ["status", "--bench", str(tmp_path / "bench")]).stdout
    assert out.splitlines()[:2] == [
        f"{'alpha':<32}1 clip, 0 scored (0 scores)",
        "no jobs: the clips were imported",
    ]
    out = CliRunner().invoke(app, ["status", "--bench", str(tmp_path / "bench"), "--json"]).stdout
    assert json.loads(out)["clips"] == {"alpha": {"clips": 1, "scored": 0, "scores": 0}}


def test_a_misspelt_folder_makes_no_bench(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no such folder"):
        run("import", tmp_path / "nowhere", "--bench", tmp_path / "bench")
    assert not (tmp_path / "bench").exists()


def test_prompts_lists_suites_and_prompts() -> None:
    counts = {row["name"]: row["n_prompts"] for row in json.loads(run("prompts", "--json")[1])["suites"]}
    assert {"core": 30, "demo": 8, "filmmaker": 60}.items() <= counts.items()
    assert "filmmaker" in run("prompts")[1]
    listed = json.loads(run("prompts", "core", "--json")[1])
    assert (listed["name"], len(listed["prompts"]), listed["licence"]) == ("core", 30, "Apache-2.0")
    assert "a red circle moves from left to right over a blue background" in run("prompts", "demo")[1]


def test_a_broken_suite_does_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prompts").mkdir()
    Path("prompts/mine.yaml").write_text("prompts: []\n")
    code, out = run("prompts", "--strict")
    assert code == 3
    assert "mine.yaml: has no prompts; add one" in out
    assert "demo " in out


def test_lint_checks_a_file(tmp_path: Path) -> None:
    good = tmp_path / "good.jsonl"
    good.write_text('{"text": "A dog", "mood": "calm", "expects": {"seconds": 3}}\n{"text": "A cat"}\n')
    assert run("prompts", "lint", good) == (0, f"{good}: 2 prompts, 1 say what they expect; tags: mood 1\n")
    assert json.loads(run("prompts", "lint", good, "--json")[1])["n_with_expects"] == 1
    good.write_text('{"txt": "A dog"}\n')
    with pytest.raises(CatalogError, match=r"good\.jsonl:1: unknown key 'txt'; did you mean text\?"):
        run("prompts", "lint", good)
    with pytest.raises(OptionError, match="expected a suite, lint FILE, or questions SUITE"):
        run("prompts", "lint")


def test_lint_looks_at_the_pictures(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (640, 360)).save(tmp_path / "a.png")
    suite = tmp_path / "own.csv"
    suite.write_text("id,text,image,references\nfox,a fox,a.png,a.png;https://example.org/b.png\n")
    assert "1 prompts, 3 pictures" in run("prompts", "lint", suite)[1]
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(OptionError, match=r"a\.png: is no picture that can be read"):
        run("prompts", "lint", suite)
