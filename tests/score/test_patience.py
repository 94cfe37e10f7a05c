"""A server whose connections break, and which is away for a while: scoring goes on where it was."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.conftest import moving_square
from vbench.bench import Bench
from vbench.errors import BenchError
from vbench.importing import import_folder
from vbench.score import patience, score
from vbench.video import write_clip

pytestmark = pytest.mark.postgres
N_CLIPS = 6


class Line:
    """A line to a server's socket that can be cut.

    Args:
        server: The server's socket.
        here: Where the line begins.
    """

    def __init__(self, server: Path, here: Path) -> None:
        self._server, self.is_cut = server, False
        self._ends: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(here))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self.is_cut:
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(self._server))
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Break every connection; new ones break at once."""
        self.is_cut = True
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()


@pytest.fixture
def line(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    monkeypatch.setattr(patience, "PAUSE_S", 0.02)
    folder = Path(tempfile.mkdtemp(prefix="vb-", dir="/tmp"))  # a socket's path is short
    line = Line(Path(postgres_server) / ".s.PGSQL.5432", folder / ".s.PGSQL.5432")
    monkeypatch.setenv("PGHOST", str(folder))
    yield line
    line.close()
    shutil.rmtree(folder)


@pytest.fixture
def bench(line: Line, postgres_url: str, tmp_path: Path) -> Iterator[Bench]:
    """Clips to measure, in a database at the end of the line."""
    (tmp_path / "one").mkdir()
    for number in range(N_CLIPS):
        write_clip(moving_square(number), tmp_path / "one" / f"wall-{number}.mp4", fps=8, crf=23, preset="ultrafast")
    (tmp_path / "prompts.jsonl").write_text('{"id": "wall", "text": "a square moves"}\n')
    with Bench.open(tmp_path / "bench", db=postgres_url.partition("?")[0]) as bench:
        import_folder(bench, tmp_path, link=True)
        yield bench
        line.mend()


def test_a_server_that_is_away_is_waited_for(bench: Bench, line: Line) -> None:
    told: list[str] = []

    def progress(n_done: int, _n: int, text: str) -> None:
        told.append(text)
        if n_done == 2 and not text and not line.is_cut and len(told) < 10:
            line.cut()
        elif "does not answer" in text:
            threading.Timer(0.3, line.mend).start()

    report = score(bench, metrics=("flicker",), workers=1, device="cpu", progress=progress)
    assert any("the database does not answer" in note for note in report.notes)
    assert report.n_scores == N_CLIPS
    assert Counter(record.key.clip for record in bench.score_records()) == dict.fromkeys(
        (clip.id for clip in bench.clips()), 1
    )


def test_a_server_that_stays_away_ends_the_run_in_a_sentence(
    bench: Bench, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "AWAY_S", 0.2)
    with pytest.raises(BenchError, match="what was stored is kept: put it right"):
        score(
            bench,
            metrics=("flicker",),
            workers=1,
            device="cpu",
            progress=lambda n_done, _n, _text: line.cut() if n_done == 2 else None,
        )
    line.mend()
    assert 2 <= len(bench.score_records()) < N_CLIPS
    score(bench, metrics=("flicker",), workers=1, device="cpu")
    assert len(bench.score_records()) == N_CLIPS
