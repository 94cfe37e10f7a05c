"""The workspace: what is stored comes back, nothing twice, and many processes share one file."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from tests.records import a_clip
from vbench.bench import Bench
from vbench.bench import database as database_module
from vbench.bench.database import filesystem_of
from vbench.bench.media import clip_key, safe_name
from vbench.bench.migrations import FOLDER, HEAD
from vbench.bench.tables import Base
from vbench.errors import BenchError
from vbench.files import frames_in, sha256_of
from vbench.records import (
    Cell,
    Clip,
    Event,
    Failure,
    MetricInfo,
    Note,
    Outcomes,
    Probe,
    Prompt,
    Provenance,
    Score,
    ScoreKey,
    Select,
    Timeline,
    Vote,
    clip_id,
)

PROMPT = Prompt(id="cat", text="a cat walks", suite="mine", tags=("animal",), expects={"seconds": 3})
PROBE = Probe(
    container="mp4",
    codec="h264",
    pixel_format="yuv420p",
    width=64,
    height=48,
    rotation=0,
    n_frames=24,
    fps=24.0,
    duration_s=1.0,
    is_vfr=False,
    bit_depth=8,
    has_alpha=False,
    has_audio=False,
    warnings=("a", "b"),
)


def make_clip(model: str = "tool", *, sample: int = 0, content: str = "0", prompt: Prompt = PROMPT) -> Clip:
    sha = (content * 64)[:64]
    return Clip(
        id=clip_id(model, prompt.text, sample, sha),
        model=model,
        prompt=prompt,
        sample=sample,
        sha256=sha,
        media=f"clips/{model}/{prompt.id}-{sample}.mp4",
        linked=False,
        probe=PROBE,
        provenance=Provenance(seed=7, body={"a": [1, 2]}, warnings=("w",)),
    )


def key(clip: Clip, metric: str = "flicker", version: int = 1, **params: object) -> ScoreKey:
    return ScoreKey(clip=clip.id, metric=metric, version=version, params=params)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    db = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    with Bench.open(tmp_path / "bench", db=db) as opened:
        yield opened


def test_a_clip_comes_back_as_it_went_in(bench: Bench) -> None:
    clip = make_clip()
    assert bench.add_clip(clip) is True
    assert bench.add_clip(clip) is False
    assert bench.clips() == [clip]
    assert bench.clip(clip.id[:6]) == clip
    assert bench.clip_by_sha(clip.sha256) == clip
    assert bench.taken("tool", PROMPT.key, 0) == clip
    assert bench.clips(models=["other"]) == bench.clips(prompt_ids=["dog"]) == []


def test_two_files_for_one_place_are_refused(bench: Bench) -> None:
    bench.add_clip(make_clip(content="1"))
    with pytest.raises(BenchError, match=r"another file \(111111111111\) holds this place, found 222222222222"):
        bench.add_clip(make_clip(content="2"))
    assert len(bench.clips()) == 1


def test_an_edited_prompt_is_a_new_one(bench: Bench) -> None:
    bench.add_clip(make_clip())
    edited = make_clip(prompt=Prompt(id="cat", text="a cat runs"))
    assert bench.add_clip(edited)
    assert {clip.prompt.text for clip in bench.clips(prompt_ids=["cat"])} == {"a cat walks", "a cat runs"}


@pytest.mark.parametrize("prefix", ["", "zz", "%"])
def test_a_clip_is_never_guessed(bench: Bench, prefix: str) -> None:
    bench.add_clip(make_clip())
    with pytest.raises(BenchError, match=r"no clip|more than one"):
        bench.clip(prefix)


def test_outcomes_are_stored_once_and_a_score_replaces_a_failure(bench: Bench) -> None:
    clip = make_clip()
    bench.add_clip(clip)
    failed = Failure(stage="score", subject=clip.id, code="crashed", message="the worker died", key=key(clip))
    final = Failure(stage="score", subject=clip.id, code="undefined", message="too short", key=key(clip, "jerk"))
    bench.add_outcomes(Outcomes(clip=clip.id, failures=(failed, final)))
    assert bench.done_keys() == {(clip.id, "jerk", 1, key(clip).params_key)}, "a crash is tried again, too short is not"
    done = Outcomes(
        clip=clip.id,
        scores=(Score(key=key(clip), value=0.5),),
        timelines=(Timeline(key=key(clip), t_s=(0.0, 0.5), value=(1.0, 2.0)),),
        events=(
            Event(clip=clip.id, kind="cut", metric="flicker", start_s=1.0, end_s=1.0, frame=24, value=3.0),
            Event(
                clip=clip.id,
                kind="watermark",
                metric="flicker",
                start_s=1.5,
                end_s=2.0,
                frame=36,
                value=1.0,
                box=(0.8, 0.9, 0.98, 0.96),
            ),
        ),
    )
    bench.add_outcomes(done)
    bench.add_outcomes(done)
    assert [score.value for score in bench.score_records()] == [0.5]
    assert [failure.key.metric for failure in bench.score_failures()] == ["jerk"]
    assert [line.value for line in bench.timelines(clip.id)] == [(1.0, 2.0)]
    assert bench.events(clip.id) == list(done.events)
    bench.add_outcomes(Outcomes(clip=clip.id, scores=(Score(key=key(clip), value=0.9),), failures=(failed,)))
    assert [score.value for score in bench.score_records()] == [0.5], "a key that has a score keeps it"
    assert [failure.key.metric for failure in bench.score_failures()] == ["jerk"], "nor does it fail again"


def test_scores_of_different_parameters_are_never_mixed(bench: Bench) -> None:
    one, two = make_clip(), make_clip(sample=1, content="1")
    for clip in (one, two):
        bench.add_clip(clip)
        bench.add_outcomes(Outcomes(clip=clip.id, scores=(Score(key=key(clip, backend="dis"), value=1.0),)))
    bench.add_outcomes(Outcomes(clip=one.id, scores=(Score(key=key(one, backend="raft"), value=2.0),)))
    assert {score.value for score in bench.score_records()} == {1.0}, "the parameters that cover most clips"
    bench.add_outcomes(Outcomes(clip=one.id, scores=(Score(key=key(one, version=2), value=3.0),)))
    assert {score.value for score in bench.score_records()} == {3.0}, "a newer version always wins"
    assert [(version, n) for _, version, _, n in bench.variants()] == [(2, 1), (1, 2), (1, 1)]


def test_a_score_is_finite() -> None:
    with pytest.raises(ValueError, match="a score is finite"):
        Score(key=key(make_clip()), value=float("nan"))


def test_metric_infos_survive_without_their_code(bench: Bench) -> None:
    info = MetricInfo(
        name="flicker",
        version=2,
        unit="levels",
        higher_is_better=False,
        bounds=(0.0, 255.0),
        group="temporal",
        about="x",
    )
    bench.add_metrics([info])
    assert bench.metrics() == {"flicker": info}


def test_a_vote_counts_once(bench: Bench) -> None:
    one, two = make_clip(), make_clip("b", content="1")
    bench.add_clip(one)
    bench.add_clip(two)
    vote = Vote(
        id="v1", a=one.id, b=two.id, outcome="a", voter="x", left="b", watched={"a_s": 2.5}, created="2026-01-01"
    )
    assert bench.add_vote(vote) is True
    assert bench.add_vote(vote) is False
    assert bench.votes() == [vote]


def test_notes_selects_and_secrets(bench: Bench) -> None:
    clip = make_clip()
    bench.add_clip(clip)
    note = Note(id="n", clip=clip.id, start_s=1.0, end_s=1.5, text="<script>", author="me", created="2026-01-01")
    assert bench.add_note(note)
    assert bench.notes(clip.id) == [note]
    assert bench.add_note(replace(note, text="changed"))
    assert not bench.add_note(replace(note, text="stolen", author="you"))
    assert not bench.delete_note("n", author="you")
    assert bench.note("n") == replace(note, text="changed")
    assert bench.delete_note("n", author="me")
    assert not bench.delete_note("n", author="me")
    assert bench.note("n") is None
    bench.set_select(Select(clip=clip.id, stars=3))
    bench.set_select(Select(clip=clip.id, stars=4))
    assert bench.selects() == [Select(clip=clip.id, stars=4)]
    assert bench.secret("votes") == bench.secret("votes") != bench.secret("other")


def test_a_task_has_one_worker_and_survives_it(bench: Bench) -> None:
    first = bench.add_task("score", {"preset": "offline"})
    assert bench.claim_task("one").id == first
    assert bench.claim_task("two") is None
    assert bench.claim_task("two", stale_after_s=-1).id == first, "its worker shows no sign of life"
    bench.update_task(first, state="done", progress=1.0)
    assert bench.claim_task("three", stale_after_s=-1) is None
    assert [(task.state, task.progress) for task in bench.tasks()] == [("done", 1.0)]
    assert bench.task(first) == bench.tasks()[0]
    assert bench.task("none") is None
    assert bench.n_ended_tasks() == 1


def test_failures_are_rows_and_success_clears_them(bench: Bench) -> None:
    bench.add_failure(Failure(stage="import", subject="/x.mp4", code="empty", message="0 bytes"))
    bench.add_failure(Failure(stage="import", subject="/x.mp4", code="empty", message="still 0 bytes"))
    assert [failure.message for failure in bench.failures("import")] == ["still 0 bytes"]
    bench.clear_failure("import", "/x.mp4")
    assert bench.failures() == []


def test_the_migrations_make_the_tables(bench: Bench) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with bench.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_head_is_the_newest_migration() -> None:
    assert max(file.name.split("_")[0] for file in (FOLDER / "versions").glob("[0-9]*.py")) == HEAD


WRITER = """
import sys
from vbench.bench import Bench
from vbench.records import Failure
with Bench.open(sys.argv[1]) as bench:
    for i in range(25):
        bench.add_failure(Failure(stage="import", subject=f"{sys.argv[2]}-{i}", code="x", message="y"))
        bench.failures()
"""


def test_processes_share_a_bench_without_a_lock_error(tmp_path: Path) -> None:
    path = tmp_path / "bench"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, str(n)], stderr=subprocess.PIPE) for n in range(3)]
    errors = [writer.communicate()[1].decode() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0], errors
    with Bench.open(path, create=False) as bench:
        assert len(bench.failures()) == 75


def test_a_reader_is_not_held_up_by_a_writer(tmp_path: Path) -> None:
    with Bench.open(tmp_path) as bench, bench.write() as session:
        session.execute(text("INSERT INTO models (id, card) VALUES ('x', '{}')"))
        with Bench.open(tmp_path, create=False) as other:
            assert other.models() == {}


def test_an_older_bench_is_backed_up_and_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Bench.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "bench.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    monkeypatch.setattr(database_module, "_known_versions", lambda: {"0000", HEAD})
    migrated = []
    monkeypatch.setattr(database_module, "upgrade", lambda connection: migrated.append(connection))
    Bench.open(tmp_path).close()
    assert len(migrated) == 1
    (backup,) = tmp_path.glob("bench.db.0000.*.backup")
    with sqlite3.connect(backup) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0000",)


def test_a_newer_bench_is_refused(tmp_path: Path) -> None:
    Bench.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "bench.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BenchError, match=r"written by a newer vbench \(version 9999"):
        Bench.open(tmp_path)


def test_what_is_no_bench_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no bench there"):
        Bench.open(tmp_path / "none", create=False)
    (tmp_path / "bench.db").write_text("hello, this is not a database, it is just some text" * 100)
    with pytest.raises(BenchError, match="is not a bench"):
        Bench.open(tmp_path)
    (tmp_path / "other").mkdir()
    with sqlite3.connect(tmp_path / "other" / "bench.db") as connection:
        connection.execute("CREATE TABLE x (y)")
    with pytest.raises(BenchError, match="a database, but not a bench"):
        Bench.open(tmp_path / "other")
    with pytest.raises(BenchError, match="not a database address"):
        Bench.open(tmp_path, db="nonsense")


def test_sqlite_is_never_put_on_a_network_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path.resolve()}/share nfs4 rw 0 0\n")
    (tmp_path / "share").mkdir()
    assert filesystem_of(tmp_path / "share" / "bench", mounts) == "nfs4"
    assert filesystem_of(tmp_path, mounts) == "ext4"
    monkeypatch.setattr(database_module, "filesystem_of", lambda folder: "nfs4")
    with pytest.raises(BenchError, match=r"network share \(nfs4\)"):
        Bench.open(tmp_path / "bench")


@pytest.mark.parametrize("bad", ["../x", "/x", "a/../../x", "", "a\\b"])
def test_media_keys_stay_in_the_store(tmp_path: Path, bad: str) -> None:
    with Bench.open(tmp_path) as bench, pytest.raises(ValueError, match="leaves the store"):
        bench.media.local(bad)


def test_names_become_safe_path_parts() -> None:
    assert safe_name("Kling 2.0 (pro)@arm") == "Kling 2.0 (pro)@arm"
    assert safe_name("../a/b\\c") == "_a_b_c"
    for name in ("../../etc/passwd", "", "..", ".hidden ", "x" * 300, "长" * 100, "a\\b\x00"):
        safe = safe_name(name)
        assert "/" not in safe
        assert safe.strip(" .") == safe != ""
        assert len(safe.encode()) <= 160
    assert safe_name("长" * 100) != safe_name("长" * 101)


def test_the_content_of_a_folder_is_its_frames_in_order(tmp_path: Path) -> None:
    for name, content in (("f-10.png", b"ten"), ("f-2.png", b"two"), ("notes.txt", b"no frame")):
        (tmp_path / name).write_bytes(content)
    frames = frames_in(tmp_path)
    assert [path.name for path in frames] == ["f-2.png", "f-10.png"]
    both = hashlib.sha256(b"two").digest() + hashlib.sha256(b"ten").digest()
    assert sha256_of(tmp_path) == hashlib.sha256(both).hexdigest()
    assert sha256_of(frames[0]) == hashlib.sha256(b"two").hexdigest()


def test_the_file_of_a_clip_is_no_other_clips() -> None:
    assert clip_key("paid@arm", "fox", 2, ".mp4") == "clips/paid@arm/fox-2.mp4"
    assert clip_key("paid", "fox", 0, ".mp4", "ab" * 32) == "clips/paid/fox-0.abababababab.mp4"
    names = ["a/b", "a_b", "a:b", "x" * 300, "x" * 301, "..", "_"]
    keys = {clip_key(model, prompt, 0, "") for model in names for prompt in names}
    assert len(keys) == len(names) ** 2
    assert all(key.count("/") == 2 for key in keys)


@pytest.mark.parametrize("store", ["folder", "memory://bucket"])
def test_media_appear_whole(tmp_path: Path, store: str) -> None:
    source = tmp_path / "a.mp4"
    source.write_bytes(b"1234")
    with Bench.open(tmp_path / "bench", media=None if store == "folder" else store) as bench:
        bench.media.put(source, "clips/tool/x-0.mp4")
        assert bench.media.exists("clips/tool/x-0.mp4")
        assert bench.media.local("clips/tool/x-0.mp4").read_bytes() == b"1234"
        bench.media.delete("clips/tool/x-0.mp4")
        assert not bench.media.exists("clips/tool/x-0.mp4")
        assert not list((tmp_path / "bench").rglob("*.part"))


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.mp4"
    source.write_bytes(b"1234")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with Bench.open(tmp_path / "bench") as bench:
        monkeypatch.setattr("vbench.bench.media.shutil.copyfile", full)
        with pytest.raises(BenchError, match="No space left on device"):
            bench.media.put(source, "clips/x.mp4")
        assert not list((tmp_path / "bench" / "clips").iterdir())


def test_opening_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from vbench.bench import Bench; b = Bench.open(sys.argv[1]); b.clips(); b.score_records();"
        "print([m for m in ('torch', 'cv2', 'diffusers', 'gradio', 'pandas') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_every_table_is_reachable(bench: Bench) -> None:
    assert set(inspect(bench.database.engine).get_table_names()) == {*Base.metadata.tables, "alembic_version"}


def test_an_error_without_a_word_is_told_too() -> None:
    assert database_module._first_line(ValueError("")) != ""


# --- lists --------------------------------------------------------------------------------------------------------


def test_whether_a_bench_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VBENCH_DB", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not Bench.exists("~/b")
    Bench.open("~/b").close()
    assert Bench.exists("~/b")
    assert Bench.exists(tmp_path / "b")
    monkeypatch.setenv("VBENCH_HOME", "~/b")
    assert Bench.exists()
    monkeypatch.delenv("VBENCH_HOME")
    monkeypatch.setenv("VBENCH_DB", "postgresql://somewhere/b")
    assert Bench.exists(tmp_path / "elsewhere")


def test_clips_by_the_places_they_hold(bench: Bench) -> None:
    clip = make_clip("alpha")
    bench.add_clip(clip)
    here, nowhere = Cell("alpha", PROMPT.key, 0), Cell("alpha", PROMPT.key, 1)
    assert bench.clip_ids_in([here, nowhere]) == {here: clip.id}
    assert bench.clip_ids_in([]) == {}
    assert bench.cells() == {clip.id: here}
    assert bench.n_clips() == 1
    assert bench.noun_counts() == {"clips": 1, "prompts": 1, "models": 1, "votes": 0, "jobs": 0}
    assert bench.n_clips_by("model") == {"alpha": 1}
    assert bench.n_clips_by("prompt_key") == {PROMPT.key: 1}


def test_the_state_of_a_bench_changes_with_what_is_in_it(bench: Bench) -> None:
    before = bench.state_mark()
    bench.add_clip(make_clip("alpha"))
    assert bench.state_mark() != before


def test_notes_and_renewed_secrets_on_a_server(postgres_url: str, tmp_path: Path) -> None:
    with Bench.open(tmp_path / "pg", db=postgres_url) as bench:
        clip = a_clip("alpha", Prompt(id="boat", text="A boat"))
        bench.add_clip(clip)
        note = Note(id="ab", clip=clip.id, start_s=0.5, end_s=0.5, text="look", author="me")
        answer = Note(id="ac", clip=clip.id, start_s=0.5, end_s=0.5, text="seen", author="you", reply_to="ab")
        assert bench.add_note(note)
        assert bench.add_note(answer)
        assert not bench.add_note(replace(note, text="stolen", author="you"))
        assert [(kept.text, kept.reply_to) for kept in bench.notes(clip.id)] == [("look", ""), ("seen", "ab")]
        assert not bench.delete_note("ab", author="you")
        assert bench.delete_note("ab", author="me")
        before = bench.secret("session:x")
        assert bench.renew_secret("session:x") == bench.secret("session:x") != before


@pytest.mark.postgres
def test_a_server_that_takes_no_changes_can_be_looked_at(postgres_url: str, tmp_path: Path) -> None:
    with Bench.open(tmp_path / "pg", db=postgres_url) as bench:
        bench.add_model("alpha")
        with bench.write() as session:
            session.execute(
                text(f"ALTER DATABASE {make_url(postgres_url).database} SET default_transaction_read_only = on")
            )
    with Bench.open(tmp_path / "pg", db=postgres_url) as bench:
        assert bench.is_read_only
        assert list(bench.models()) == ["alpha"]
        with pytest.raises(BenchError, match="read only"):
            bench.add_model("beta")
        assert list(bench.models()) == ["alpha"]


@pytest.mark.postgres
def test_an_empty_server_that_takes_no_changes_is_no_bench(postgres_url: str, tmp_path: Path) -> None:
    with create_engine(postgres_url).connect() as connection:
        connection.execute(
            text(f"ALTER DATABASE {make_url(postgres_url).database} SET default_transaction_read_only = on")
        )
        connection.commit()
    with pytest.raises(BenchError, match="no bench there"):
        Bench.open(tmp_path / "pg", db=postgres_url)
