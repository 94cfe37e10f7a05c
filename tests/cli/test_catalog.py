"""`vbench import` and `vbench prompts`, as typed."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from vbench.bench import Bench
from vbench.cli import catalog
from vbench.errors import CatalogError, OptionError
from vbench.video import write_clip

app = typer.Typer()
app.command("import")(catalog.import_clips)
app.command("prompts")(catalog.prompts)


def run(*words):
    """Exit code and what was printed; an error that a person can fix is raised as it is."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


@pytest.fixture
def folder(tmp_path):
    """One tool's clip, a file of no prompt, and a suite of two."""
    root = tmp_path / "clips"
    (root / "alpha").mkdir(parents=True)
    frames = np.full((3, 32, 32, 3), 128, np.uint8)
    write_clip(frames, root / "alpha" / "dog-0.mp4", fps=8)
    write_clip(frames, root / "alpha" / "dgo-1.mp4", fps=8)
    (root / "prompts.jsonl").write_text('{"id": "dog", "text": "A dog"}\n{"id": "cat", "text": "A cat"}\n')
    (root / "notes.md").write_text("x")
    return root


def test_dry_run_shows_what_matches_and_makes_no_bench(folder, tmp_path):
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


def test_import_stores_and_says_so_in_json(folder, tmp_path):
    code, out = run("import", folder, "--bench", tmp_path / "bench", "--json")
    report = json.loads(out)
    assert (code, report["counts"]) == (0, {"imported": 1, "unmatched": 1})
    with Bench.open(tmp_path / "bench") as bench:
        assert [clip.id for clip in bench.clips()] == [report["items"][0]["clip"]]
    assert run("import", folder, "--bench", tmp_path / "bench")[1].splitlines()[-1] == "1 there, 1 unmatched"
    (folder / "alpha" / "dgo-1.mp4").unlink()
    assert run("import", folder, "--bench", tmp_path / "bench", "--strict")[0] == 0


def test_the_home_folder_may_be_written_as_a_tilde(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(folder)
    (tmp_path / "list.csv").write_text("file,model,prompt_id\nalpha/dog-0.mp4,alpha,dog\n")
    paths = ("~/clips", "--bench", "~/bench", "--prompts", "~/clips/prompts.jsonl")
    assert run("import", *paths)[1].endswith("1 imported, 1 unmatched\n")
    assert (tmp_path / "bench" / "bench.db").is_file()
    assert run("import", *paths, "--dry-run")[1].endswith("1 there, 1 unmatched (dry run: nothing was changed)\n")
    assert "1 there" in run("import", *paths, "--dry-run", "--manifest", "~/list.csv")[1]
    assert not (folder / "~").exists()


def test_parameters_are_named_as_they_are_typed(folder, tmp_path):
    (folder / "prompts.jsonl").unlink()
    reasons = [f"unmatched: {folder}/alpha/{name}.mp4: no prompts are known; " for name in ("dog-0", "dgo-1")]
    _, out = run("import", folder, "--bench", tmp_path / "bench", "--dry-run")
    assert [line for line in out.splitlines() if "--prompts" in line] == [
        f"{reason}put a prompts.jsonl in the folder, or pass --prompts" for reason in sorted(reasons)
    ]
    _, out = run("import", folder, "--bench", tmp_path / "bench", "--dry-run", "--json")
    assert {item["reason"].rpartition(" ")[2] for item in json.loads(out)["items"]} == {"--prompts"}


def test_a_misspelt_folder_makes_no_bench(tmp_path):
    with pytest.raises(OptionError, match="no such folder"):
        run("import", tmp_path / "nowhere", "--bench", tmp_path / "bench")
    assert not (tmp_path / "bench").exists()


def test_prompts_lists_suites_and_prompts():
    counts = {row["name"]: row["n_prompts"] for row in json.loads(run("prompts", "--json")[1])}
    assert {"core": 30, "demo": 8, "filmmaker": 60}.items() <= counts.items()
    assert "filmmaker" in run("prompts")[1]
    listed = json.loads(run("prompts", "core", "--json")[1])
    assert (listed["name"], len(listed["prompts"]), listed["licence"]) == ("core", 30, "Apache-2.0")
    assert "a red circle moves from left to right over a blue background" in run("prompts", "demo")[1]


def test_a_broken_suite_does_not_hide_the_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("prompts").mkdir()
    Path("prompts/mine.yaml").write_text("prompts: []\n")
    code, out = run("prompts", "--strict")
    assert code == 3
    assert "mine.yaml: has no prompts; add one" in out
    assert "demo " in out


def test_lint_checks_a_file(tmp_path):
    good = tmp_path / "good.jsonl"
    good.write_text('{"text": "A dog", "mood": "calm", "expects": {"seconds": 3}}\n{"text": "A cat"}\n')
    assert run("prompts", "lint", good) == (0, f"{good}: 2 prompts, 1 say what they expect; tags: mood 1\n")
    assert json.loads(run("prompts", "lint", good, "--json")[1])["n_with_expects"] == 1
    good.write_text('{"txt": "A dog"}\n')
    with pytest.raises(CatalogError, match=r"good\.jsonl:1: unknown key 'txt'; did you mean text\?"):
        run("prompts", "lint", good)
    with pytest.raises(OptionError, match="expected a suite, or lint and a file"):
        run("prompts", "lint")
