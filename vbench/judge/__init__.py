"""The third stage: what each prompt asks, and whether a clip shows it, with the frame and by whom."""

from __future__ import annotations

from vbench.judge.questions import questions_of
from vbench.judge.roster import JudgeSpec
from vbench.judge.run import JudgeReport, judge, tally

__all__ = ["JudgeReport", "JudgeSpec", "judge", "questions_of", "tally"]
