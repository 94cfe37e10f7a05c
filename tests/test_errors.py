"""Messages name parameters, and each kind of reader gets them spelled their way."""

from __future__ import annotations

import pytest

from vbench.errors import as_typed, spelled


@pytest.mark.parametrize(
    ("message", "typed"),
    [
        ("`samples=` is 0; give 1 or more", "--samples is 0; give 1 or more"),
        ("plan it anew with `retry=crashed`", "plan it anew with --retry crashed"),
        (
            "raise it with `budget(run=04bf5a8e45fb1f66, max_jobs=N)`, then repeat",
            "raise it with vbench budget --run 04bf5a8e45fb1f66 --max-jobs N, then repeat",
        ),
        (
            "then `generate(retry=outcome_unknown)` to send it",
            "then vbench generate --retry outcome_unknown to send it",
        ),
        ("give it with `set=raft.model=PATH`", "give it with --set raft.model=PATH"),
        ("or score `metrics=cut_count,noise`", "or score --metrics cut_count,noise"),
        ("allow it with `allow_unpriced=kling-v3@deep`", "allow it with --allow-unpriced kling-v3@deep"),
        ("the tool says: `seconds` must be 5, see `a(b)` and `x == 1` or `x==1`", None),
        ('no field `{"a": 1}`, `fps`', None),
    ],
)
def test_a_terminal_gets_flags_and_other_backticks_stay(message: str, typed: str | None) -> None:
    assert as_typed(message) == (message if typed is None else typed)


def test_another_reader_has_words_of_their_own() -> None:
    words = {"max_cost": "the ceiling", "run": "this run"}
    assert spelled("raise `max_cost=`", lambda verb, names: verb + ", ".join(words[name] for name in names)) == (
        "raise the ceiling"
    )
