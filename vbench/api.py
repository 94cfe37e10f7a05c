"""What `from vbench import Bench` gives: a workspace with the stages as methods, for scripts and notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from vbench.bench import Bench as Workspace

if TYPE_CHECKING:
    import pandas as pd

    from vbench.generate import GenerateReport
    from vbench.importing import ImportReport
    from vbench.rank.board import Board
    from vbench.score import ScoreReport


class Bench:
    """Import or generate clips, score them, rank the tools.

    Example:
        >>> with Bench.open("bench") as bench:       # doctest: +SKIP
        ...     bench.import_folder("clips")
        ...     bench.score(preset="offline")
        ...     print(bench.scores().groupby(["model", "metric"]).value.mean())
        ...     print(bench.board().frame())
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        """Prompts, clips, scores, events, votes: everything stored, as records."""

    @classmethod
    def open(cls, path: str | Path | None = None, **options: Any) -> Self:
        """Open or make a workspace; options as `vbench.bench.Bench.open`."""
        return cls(Workspace.open(path, **options))

    def close(self) -> None:
        """Let go of the database."""
        self.workspace.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def import_folder(self, folder: str | Path, **options: Any) -> ImportReport:
        """Bring in clips made elsewhere; options as `vbench.importing.import_folder`."""
        from vbench.importing import import_folder

        return import_folder(self.workspace, Path(folder), **options)

    def generate(self, **options: Any) -> GenerateReport:
        """Make what is not made yet; options as `vbench.generate.generate`."""
        from vbench.generate import generate

        return generate(self.workspace, **options)

    def score(self, **options: Any) -> ScoreReport:
        """Measure what is not measured yet; options as `vbench.score.score`."""
        from vbench.score import score

        return score(self.workspace, **options)

    def scores(self) -> pd.DataFrame:
        """A row per clip and metric, failures among them: the columns of `vbench scores`."""
        from vbench.report.scores import scores_frame

        return scores_frame(self.workspace)

    def board(self, **options: Any) -> Board:
        """Rank the tools; options as `vbench.rank.board.leaderboard`."""
        from vbench.rank.board import leaderboard

        return leaderboard(self.workspace, **options)
