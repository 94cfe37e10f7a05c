"""What `from vbench import Bench` gives: the bench with the stages as methods, for scripts and notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbench.bench import Bench

if TYPE_CHECKING:
    import pandas as pd

    from vbench.generate import GenerateReport
    from vbench.importing import ImportReport
    from vbench.judge import JudgeReport
    from vbench.notebook import ShownPrompt
    from vbench.rank.board import Board
    from vbench.score import ScoreReport


class BenchWithStages(Bench):
    """Import or generate clips, score them, rank the tools.

    It is the bench that every stage takes: `vbench.generate.generate(bench)` and `bench.generate()` do the same. Stages
    stand above the bench, which knows none of them; hence their methods are here.

    Example:
        >>> with Bench.open("bench") as bench:       # doctest: +SKIP
        ...     bench.import_folder("clips")
        ...     bench.score(preset="offline")
        ...     print(bench.scores().groupby(["model", "metric"]).value.mean())
        ...     print(bench.board().frame())
    """

    def import_folder(self, folder: str | Path, **options: Any) -> ImportReport:
        """Bring in clips made elsewhere; options as `vbench.importing.import_folder`."""
        from vbench.importing import import_folder

        return import_folder(self, Path(folder), **options)

    def generate(self, *spec: Any, **options: Any) -> GenerateReport:
        """Make what is not made yet; options as `vbench.generate.generate`."""
        from vbench.generate import generate

        return generate(self, *spec, **options)

    def score(self, *spec: Any, **options: Any) -> ScoreReport:
        """Measure what is not measured yet; options as `vbench.score.score`."""
        from vbench.score import score

        return score(self, *spec, **options)

    def scores(self) -> pd.DataFrame:
        """A row per clip and metric, failures among them: the columns of `vbench scores`. See `score_records` too."""
        from vbench.report.scores import scores_frame

        return scores_frame(self)

    def judge(self, *spec: Any, **options: Any) -> JudgeReport:
        """Answer what prompts ask of the clips; options as `vbench.judge.judge`, e.g. ``with_=["qwen3-vl"]``."""
        from vbench.judge import judge

        return judge(self, *spec, **options)

    def sheet(self, **filters: Any) -> pd.DataFrame:
        """The shot sheet as a table, a row per question and clip; filters as `vbench.judge.sheet.sheet`."""
        from vbench.judge.sheet import sheet

        return sheet(self, **filters).frame()

    def show(self, prompt: str, *, page: str = "") -> ShownPrompt:
        """The takes of a prompt in a notebook; `page` as `vbench.notebook.show` has it."""
        from vbench.notebook import show

        return show(self, prompt, page=page)

    def board(self, *query: Any, **options: Any) -> Board:
        """Rank the tools; a `BoardQuery`, or its fields by name, as for `vbench.rank.board.leaderboard`."""
        from vbench.rank.board import leaderboard

        return leaderboard(self, *query, **options)
