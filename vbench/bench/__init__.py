"""The workspace: a database of prompts, tools, clips, scores and votes, and the media that the rows point at."""

from __future__ import annotations

from vbench.bench.answers import AnswerStore, Inspection
from vbench.bench.ceilings import CeilingStore
from vbench.bench.claims import ClaimStore
from vbench.bench.clips import ClipPlace, ClipStore, RankedClip
from vbench.bench.cuts import CutChangedError, CutStore
from vbench.bench.database import ReadOnlyError, StoreAwayError, StoreError, disk_trouble
from vbench.bench.jobs import JobStore
from vbench.bench.lists import ListStore
from vbench.bench.reviews import ReviewStore
from vbench.bench.scores import PASSING_CODES, DoneKey, FailedMeasure, ScoreColumns, ScoreStore
from vbench.bench.selects import SelectStore
from vbench.bench.tasks import TaskStore
from vbench.bench.votes import VoteStore
from vbench.bench.workspace import now

__all__ = [
    "PASSING_CODES",
    "Bench",
    "ClipPlace",
    "CutChangedError",
    "DoneKey",
    "FailedMeasure",
    "Inspection",
    "RankedClip",
    "ReadOnlyError",
    "ScoreColumns",
    "StoreAwayError",
    "StoreError",
    "disk_trouble",
    "now",
]


class Bench(
    JobStore,
    CeilingStore,
    ClipStore,
    ScoreStore,
    AnswerStore,
    ClaimStore,
    VoteStore,
    SelectStore,
    CutStore,
    ReviewStore,
    TaskStore,
    ListStore,
):
    """Everything a run reads and writes. Methods hold no session open and return records.

    Open one with `Bench.open`. `vbench.Bench` is one with the stages as methods too.
    """
