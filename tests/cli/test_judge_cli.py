"""What `vbench judge` and `vbench sheet` say where prompts ask nothing."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from tests.records import a_clip
from vbench.bench import Bench
from vbench.cli import app
from vbench.records import Prompt


def test_a_bench_whose_prompts_expect_nothing_is_told_what_to_write(tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench:
        bench.add_clip(a_clip("x", Prompt(id="p", text="p")))
    for words in (("judge",), ("sheet",), ("sheet", "--summary")):
        run = CliRunner().invoke(app, [*words, "--bench", str(tmp_path / "bench")])
        assert run.exit_code == 0, run.output
        assert "no question is asked of these clips" in run.output
