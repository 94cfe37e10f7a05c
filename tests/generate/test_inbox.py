"""Files between their arrival and their commit: what is kept, what goes, and what is taken for nothing."""

from __future__ import annotations

import os
from pathlib import Path

from vbench.generate.inbox import Inbox
from vbench.records import Provenance


def test_what_a_kill_left_of_a_committed_clip_goes_and_nothing_else(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "incoming")
    for name in ("done.mp4", "done.json", ".done.1f.part", ".open.2f.part", "open.mp4"):
        (inbox.folder / name).touch()
    assert inbox.jobs() == {"done", "open"}
    inbox.tidy({"done"})
    assert sorted(os.listdir(inbox.folder)) == [".open.2f.part", "open.mp4"]


def test_a_damaged_note_beside_a_file_means_that_it_is_fetched_again(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "incoming")
    path = inbox.out("job").with_suffix(".mp4")
    path.touch()
    told = Provenance(origin="generated", warnings=("silent",), seed=3)
    inbox.keep("job", path, told)
    assert inbox.kept("job") == (path, told)
    for damaged in ("", "{}", '{"file": "job.mp4", "provenance": {"of": 1, "warnings": []}}', '{"file": "gone.mp4"}'):
        (inbox.folder / "job.json").write_text(damaged)
        assert inbox.kept("job") is None
    (inbox.folder / "job.json").write_text('{"file": "../../secret", "provenance": {"warnings": []}}')
    assert inbox.kept("job") is None
