"""Import: every file of a folder finds its prompt, its place or a sentence; a killed run is finished by the next."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.importing.folders import PROMPTS, clip, reasons, states
from vbench.bench import Bench
from vbench.errors import CatalogError, OptionError
from vbench.importing import import_folder
from vbench.records import Prompt


def snapshot(bench: Any) -> Any:
    """All that an import may change."""
    files = {str(p.relative_to(bench.root)): p.read_bytes() for p in (bench.root / "clips").rglob("*") if p.is_file()}
    return bench.clips(), bench.prompts(), files


# --- whole folders --------------------------------------------------------------------------------------------------


def test_originals_are_copied_as_they_are_and_the_second_import_adds_nothing(bench: Bench, folder: Any) -> None:
    report = import_folder(bench, folder)
    assert report.counts == {"imported": 4}
    assert report.is_complete
    assert report.prompts_without_clips == ("dog-2",)
    bird = bench.clip(next(i.clip for i in report.items if i.file.endswith("beta 2.0/blue-bird-0.mp4")))
    assert (bird.model, bird.prompt.id, bird.prompt.tags) == (
        "beta 2.0",
        "blue-bird",
        ("category:animals",),
    )
    assert bird.media == "clips/beta 2.0/blue-bird-0.mp4"
    assert bench.clip_path(bird).read_bytes() == (folder / "beta 2.0" / "blue-bird-0.mp4").read_bytes()
    assert bird.provenance.source == str(folder / "beta 2.0" / "blue-bird-0.mp4")
    assert (bird.probe.n_frames, bird.probe.width, bird.linked) == (4, 32, False)
    before = snapshot(bench)
    assert import_folder(bench, folder).counts == {"there": 4}
    assert snapshot(bench) == before


def test_dry_run_matches_without_a_bench_and_changes_nothing(bench: Bench, folder: Any) -> None:
    clip(folder / "alpha" / "cat-0.mp4")
    report = import_folder(None, folder, dry_run=True)
    assert report.counts == {"matched": 4, "unmatched": 1}
    assert import_folder(bench, folder, dry_run=True).counts == report.counts
    assert (bench.clips(), bench.prompts(), bench.failures()) == ([], [], [])
    import_folder(bench, folder)
    assert import_folder(bench, folder, dry_run=True).counts == {"there": 4, "unmatched": 1}


def test_link_references_in_place(bench: Bench, folder: Any) -> None:
    import_folder(bench, folder, link=True)
    assert {c.media for c in bench.clips()} == {str(p) for p in folder.rglob("*.mp4")}
    assert all(c.linked and bench.clip_path(c).exists() for c in bench.clips())
    assert not list((bench.root).rglob("*.mp4"))


def test_what_the_bench_knows_of_a_prompt_is_kept(bench: Bench, folder: Any) -> None:
    rich = Prompt(id="dog", text="A dog in the rain", suite="pets", tags=("animal:dog",), expects={"people": 0})
    bench.add_prompts([rich])
    (folder / "prompts.jsonl").unlink()
    (folder / "prompts.csv").write_text("id,text\ndog,A dog in the rain\nblue-bird,A blue-grey bird flies\n")
    import_folder(bench, folder)
    assert bench.prompt(rich.key) == rich


def test_the_bench_itself_is_never_imported(folder: Any) -> None:
    with Bench.open(folder / "bench") as bench:
        assert import_folder(bench, folder).counts == {"imported": 4}
        assert import_folder(bench, folder).counts == {"there": 4}


def test_frames_in_a_folder_are_a_clip(bench: Bench, folder: Any) -> None:
    frames = folder / "alpha" / "dog-2-0"
    frames.mkdir()
    for n in (1, 2, 10):
        Image.new("RGB", (32, 32), (0, 20 * n, 0)).save(frames / f"f{n}.png")
    cut_short = bench.root / "clips" / "alpha" / "dog-2-0" / "000007.png"
    cut_short.parent.mkdir(parents=True)
    cut_short.write_bytes(b"of a run that was killed")
    report = import_folder(bench, folder)
    assert report.counts == {"imported": 5}
    stored_clip = next(c for c in bench.clips() if c.prompt.id == "dog-2")
    assert stored_clip.probe.n_frames == 3
    stored = sorted(bench.clip_path(stored_clip).iterdir())
    assert [p.read_bytes() for p in stored] == [(frames / f"f{n}.png").read_bytes() for n in (1, 2, 10)]
    assert import_folder(bench, folder).counts == {"there": 5}


def test_animated_pngs_are_clips_and_stills_beside_clips_are_not(bench: Bench, folder: Any) -> None:
    pictures = [Image.new("RGB", (32, 32), (0, 0, 60 * n)) for n in range(3)]
    pictures[0].save(folder / "alpha" / "dog-1.png", save_all=True, append_images=pictures[1:], duration=100)
    pictures[1].save(folder / "alpha" / "dog-2-0.png")
    report = import_folder(bench, folder)
    assert states(report)["dog-1.png"] == "imported"
    assert [Path(name).name for name in report.others] == ["dog-2-0.png"]


def test_one_tool_alone_in_its_folder(bench: Bench, tmp_path: Path) -> None:
    clip(tmp_path / "gamma" / "A dog in the rain-3.mp4")
    import_folder(bench, tmp_path / "gamma", prompts=PROMPTS)
    assert [(c.model, c.prompt.id, c.sample) for c in bench.clips()] == [("gamma", "dog", 3)]


def test_a_clip_beside_the_tools_has_no_tool(bench: Bench, folder: Any) -> None:
    clip(folder / "dog-0.mp4")
    report = import_folder(bench, folder)
    assert report.counts == {"imported": 4, "unmatched": 1}
    assert next(i.reason for i in report.items if i.state == "unmatched").startswith("lies beside the tools' folders")


def test_vbench_names_are_prompt_texts(bench: Bench, tmp_path: Path) -> None:
    clip(tmp_path / "m" / "A blue-grey bird flies-0.mp4")
    clip(tmp_path / "m" / "A blue-grey bird flies-4.mp4")
    clip(tmp_path / "m" / "A blue-grey b-1.mp4")
    report = import_folder(bench, tmp_path / "m", prompts=PROMPTS)
    assert [c.sample for c in bench.clips()] == [0, 4]
    assert "the nearest is 'A blue-grey bird flies'" in reasons(report)["A blue-grey b-1.mp4"]


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_bad_files_become_failures_and_the_rest_goes_on(bench: Bench, folder: Any) -> None:
    (folder / "alpha" / "dog-1.mp4").write_bytes(b"")
    (folder / "alpha" / "dog-3.mp4").write_text("<html>403 Forbidden</html>" * 50)
    (folder / "alpha" / "dog-4.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "alpha" / "loop").symlink_to(folder, target_is_directory=True)
    os.mkfifo(folder / "alpha" / "dog-5.mp4")
    odd = os.fsencode(folder / "alpha") + b"/dog-\xff-0.mp4"
    shutil.copyfile(folder / "alpha" / "dog-0.mp4", odd)
    clip(folder / "a\x1b[31m" / "dog-0.mp4")
    report = import_folder(bench, folder)
    assert report.counts == {"imported": 4, "failed": 6, "unmatched": 1}
    failures = {Path(f.subject).name: (f.stage, f.code) for f in bench.failures("import")}
    assert failures.pop("dog-1.mp4") == ("import", "empty")
    assert failures.keys() == {"dog-3.mp4", "dog-4.mp4", "dog-5.mp4", "dog-\\xff-0.mp4", "loop"}
    assert "has control characters" in next(i.reason for i in report.items if i.state == "unmatched")
    assert "is empty; copy or download it again" in reasons(report)["dog-1.mp4"]
    json.dumps([item.file for item in report.items]).encode()
    assert any("\\xff" in item.file for item in report.items)
    again = import_folder(bench, folder)
    assert again.counts == {"there": 4, "failed": 6, "unmatched": 1}
    assert len(bench.failures("import")) == 6


def test_a_failure_is_forgotten_when_the_file_is_whole(bench: Bench, folder: Any) -> None:
    path = folder / "alpha" / "dog-1.mp4"
    path.write_bytes(b"")
    import_folder(bench, folder)
    clip(path)
    assert import_folder(bench, folder).counts == {"there": 4, "imported": 1}
    assert bench.failures("import") == []


def test_folder_that_may_not_be_opened(bench: Bench, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.iterdir

    def refuse(self: Any) -> Any:
        if self.name == "alpha":
            raise PermissionError(13, "Permission denied")
        return real(self)

    monkeypatch.setattr(Path, "iterdir", refuse)
    report = import_folder(bench, folder)
    assert report.counts == {"imported": 2, "failed": 1}
    assert reasons(report)["alpha"] == "cannot be opened (Permission denied); check its permissions"


def test_file_that_changes_while_it_is_read(bench: Bench, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "alpha" / "dog-0.mp4"
    put = type(bench.media).put

    def slowly(self: Any, local: Any, key: Any) -> None:
        put(self, local, key)
        if local == path:
            with path.open("ab") as file:
                file.write(b"more")

    monkeypatch.setattr(type(bench.media), "put", slowly)
    report = import_folder(bench, folder)
    assert report.counts == {"imported": 3, "failed": 1}
    assert bench.failures("import")[0].code == "changed"
    assert not (bench.root / "clips/alpha/dog-0.mp4").exists()
    monkeypatch.undo()
    assert import_folder(bench, folder).counts == {"there": 3, "imported": 1}


def test_two_files_for_one_place_are_both_reported(bench: Bench, folder: Any) -> None:
    clip(folder / "alpha" / "dog-00.mp4")
    report = import_folder(bench, folder)
    assert states(report)["dog-00.mp4"] == "refused"
    assert [i.state for i in report.items if "alpha/dog-0" in i.file] == ["refused", "refused"]
    assert "is also claimed by dog-0.mp4" in reasons(report)["dog-00.mp4"]
    assert "dog" not in {c.prompt.id for c in bench.clips(models=["alpha"])}


def test_a_taken_place_is_not_given_away(bench: Bench, folder: Any) -> None:
    import_folder(bench, folder)
    before = snapshot(bench)
    clip(folder / "alpha" / "dog-0.mp4")
    report = import_folder(bench, folder)
    assert report.counts == {"there": 3, "refused": 1}
    refused = next(item for item in report.items if item.state == "refused")
    assert refused.file == str(folder / "alpha" / "dog-0.mp4")
    assert "sample 0 is another file (clips/alpha/dog-0.mp4); give this one another sample number" in refused.reason
    assert snapshot(bench) == before


def test_an_edited_prompt_leaves_the_old_clip_and_its_file(bench: Bench, folder: Any) -> None:
    import_folder(bench, folder)
    old = snapshot(bench)[2]
    (folder / "prompts.jsonl").write_text('{"id": "dog", "text": "A wet dog"}\n')
    clip(folder / "alpha" / "dog-0.mp4")
    report = import_folder(bench, folder)
    assert report.counts["imported"] == 2
    files = snapshot(bench)[2]
    assert old.items() <= files.items()
    assert len(files) == len(old) + 2


@pytest.mark.parametrize("kwargs", [{"pattern": "{model}/{prompt}", "manifest": "m.csv"}, {"prompts": "nosuch"}])
def test_options_that_cannot_be_used(bench: Bench, folder: Any, kwargs: dict[str, Any]) -> None:
    with pytest.raises((OptionError, CatalogError)):
        import_folder(bench, folder, **kwargs)


def test_two_prompt_files_are_not_chosen_between(bench: Bench, folder: Any) -> None:
    (folder / "prompts.txt").write_text("A dog\n")
    with pytest.raises(OptionError, match=r"has prompts.jsonl and prompts.txt; remove one"):
        import_folder(bench, folder)


@pytest.mark.parametrize("moment", ["in the middle of a copy", "before the row", "after the row"])
def test_kill_at_any_moment_loses_nothing(tmp_path: Path, folder: Any, moment: str) -> None:
    clip(folder / "alpha" / "dog-5.mp4")
    frames = folder / "beta 2.0" / "dog-2-0"
    frames.mkdir()
    for n in range(3):
        Image.new("RGB", (32, 32), (n, n, n)).save(frames / f"{n}.png")
    root = tmp_path / "killed"
    script = textwrap.dedent(
        """
        import os, shutil, signal, sys
        from vbench import bench, importing
        root, folder, moment = sys.argv[1:]
        calls = 0
        def die_on(n):
            global calls
            calls += 1
            if calls == n:
                os.kill(os.getpid(), signal.SIGKILL)
        copy, add = shutil.copyfile, bench.Bench.add_clip
        def half_copy(source, target):
            data = open(source, "rb").read()
            open(target, "wb").write(data[: len(data) // 2])
            die_on(3)
            return copy(source, target)
        def add_clip(self, clip):
            if moment == "before the row":
                die_on(3)
            done = add(self, clip)
            if moment == "after the row":
                die_on(3)
            return done
        if moment == "in the middle of a copy":
            shutil.copyfile = half_copy
        bench.Bench.add_clip = add_clip
        importing.import_folder(bench.Bench.open(root), folder)
        """
    )
    done = subprocess.run([sys.executable, "-c", script, str(root), str(folder), moment], timeout=120)
    assert done.returncode == -signal.SIGKILL
    with Bench.open(root) as bench:
        n_before = len(bench.clips())
        assert n_before == (3 if moment == "after the row" else 2)
        assert all(bench.clip_path(c).exists() for c in bench.clips())
        assert import_folder(bench, folder).counts == {"there": n_before, "imported": 6 - n_before}
        for c in bench.clips():
            stored = bench.clip_path(c)
            parts = sorted(stored.iterdir()) if stored.is_dir() else [stored]
            source = Path(c.provenance.source)
            originals = sorted(source.iterdir()) if source.is_dir() else [source]
            assert [p.read_bytes() for p in parts] == [p.read_bytes() for p in originals]


# --- real clips -----------------------------------------------------------------------------------------------------


def test_real_folders_import_whole(bench: Bench, real_clips: Path) -> None:
    assert import_folder(bench, real_clips / "showdown").counts == {"imported": 14}
    report = import_folder(bench, real_clips / "fetv")
    assert report.counts == {"imported": 20}
    assert [Path(name).name for name in report.others] == ["ratings.csv"]
    assert {c.prompt.tags for c in bench.clips(prompt_ids=["people-are-dancing"])} == {("category:Actions",)}
    assert import_folder(bench, real_clips / "showdown").counts == {"there": 14}
