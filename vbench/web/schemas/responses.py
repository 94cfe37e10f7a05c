"""What the JSON API gives; text from people and tools is data here, never markup."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue, create_model

from vbench.adapters.contract import MissingKind
from vbench.moments import Severity
from vbench.rank import columns
from vbench.rank.reasons import Trouble
from vbench.records import ApprovalState, RejectReason, ReviewState, SelectState


class BenchFacts(BaseModel):
    """The bench behind this page, and what a visitor may do."""

    name: str
    version: str
    mode: Literal["local", "public", "review"]
    """`review`: what a guest of a link sees."""
    read_only: bool
    """The bench lies where this page may not write."""
    account: str
    counts: dict[str, int]
    permissions: dict[str, bool]
    client_header: str
    """Scripts send this header instead of an Origin."""
    max_upload_bytes: int


class PromptFacts(BaseModel):
    key: str
    id: str
    text: str
    suite: str
    negative: str
    tags: list[str]
    expects: dict[str, Any]
    n_clips: int


class RightFacts(BaseModel):
    """What a tool's maker says of one right."""

    answer: str
    says: str
    source: str
    checked_on: str


class ModelFacts(BaseModel):
    """A tool of the bench or of the catalogue; unknown facts are empty."""

    id: str
    name: str
    vendor: str
    country: str
    adapter: str
    status: str
    retired_on: str
    open_weights: bool | None
    hosted: bool | None
    licence: str
    rights: dict[str, RightFacts]
    """Right → what is said of it; empty: its card is not at hand."""
    resolutions: list[str]
    seconds: list[float]
    n_clips: int
    in_catalog: bool


class ClipFacts(BaseModel):
    """One take."""

    id: str
    model: str
    prompt_id: str
    prompt_key: str
    prompt: str
    sample: int
    sha256: str
    url: str
    proxy_url: str
    poster_url: str
    sprite_url: str
    waveform_url: str
    """Peaks of its sound and its loudness; empty: it has none."""
    width: int
    height: int
    fps: float
    n_frames: int
    duration_s: float
    codec: str
    container: str
    size_bytes: int
    has_audio: bool
    playable: bool
    """Browsers play the original; elsewhere show the proxy."""
    is_vfr: bool
    seed: int | None
    latency_s: float | None
    cost_usd: float | None
    cost_source: str
    licence: str
    warnings: list[str]
    prompt_sent: str
    """Empty: as asked."""
    origin: str
    as_asked: bool | None
    """None: nothing was asked for that could be compared."""
    missing: Literal["", "missing", "changed"]
    """The file is gone, or is another than the one that was measured."""
    stars: int
    state: SelectState
    reason: RejectReason
    ranges: list[tuple[float, float]]
    """Seconds to use; none: the whole take."""
    n_notes: int
    added: str


class ClipList(BaseModel):
    total: int
    offset: int
    limit: int
    clips: list[ClipFacts]


class ScoreFacts(BaseModel):
    """A number beside a take; `failure` says why there is none."""

    value: float | None
    failure: str
    applies: bool
    """False: there is nothing to measure here, such as sound; true: it could not be measured."""
    version: int
    unit: str
    higher_is_better: bool | None
    group: str
    about: str
    bounds: list[float | None]
    tool_mean: float | None
    ci_low: float | None
    ci_high: float | None


def row_model() -> type[BaseModel]:
    """What a row of a board is, from the columns that there are."""
    values: dict[str, Any] = {column.key: (column.type, ...) for column in columns.stored()}
    model: type[BaseModel] = create_model("BoardRowFacts", **values)
    return model


class MetricFacts(BaseModel):
    """What the numbers of a metric mean."""

    name: str
    version: int
    unit: str
    higher_is_better: bool | None
    bounds: list[float | None]
    """None: there is none."""
    group: str
    about: str


class ReasonFacts(BaseModel):
    """In how many of a tool's takes something breaks; see `vbench.rank.reasons.Reason`."""

    kind: Trouble
    n: int
    of: int


class BoardFacts(BaseModel):
    """A leaderboard, with the cards of its tools and the tags of the bench."""

    version: Annotated[int, Field(alias="schema")]
    rows: list[row_model()]  # type: ignore[valid-type]
    metrics: dict[str, MetricFacts]
    notes: list[str]
    models: dict[str, ModelFacts]
    tags: list[str]
    reasons: dict[str, list[ReasonFacts]]
    """Tool → what breaks in its takes; a tool that is not in it was not looked over."""


class BestOfFacts(BaseModel):
    """How likely some takes of a tool hold one that people use; see `vbench.rank.selects.BestOf`."""

    model: str
    n: int
    share: float
    low: float | None
    high: float | None
    n_prompts: int


class ColumnFacts(BaseModel):
    """A column of a board as the page shows it."""

    key: str
    """Of the rows, or of what the page makes of several of their values."""
    title: str
    word: str
    """Key of its title in the page's words; empty: `title` is shown."""
    format: columns.CellFormat
    is_sortable: bool


class TimelineFacts(BaseModel):
    t_s: list[float]
    value: list[float]
    unit: str
    higher_is_better: bool | None


class EventFacts(BaseModel):
    kind: str
    metric: str
    start_s: float
    end_s: float
    frame: int
    value: float
    box: tuple[float, float, float, float] | None
    """Left, top, right, bottom in shares of the picture; null: all of it."""
    severity: Severity
    """1 slight, 2 clear, 3 bad."""


class NoteFacts(BaseModel):
    id: str
    clip: str
    start_s: float
    end_s: float
    text: str
    author: str
    created: str
    reply_to: str
    drawing: list[dict[str, Any]]
    """Shapes on the picture, as `vbench.records.Note` holds them."""
    is_resolved: bool
    review: str
    """Token of the review whose guests read it; empty: it stays among the makers."""


class ApprovalFacts(BaseModel):
    """What a guest says of a take."""

    review: str
    clip: str
    guest: str
    state: ApprovalState
    updated: str


class ReviewFacts(BaseModel):
    """A link for guests."""

    token: str
    title: str
    clips: list[str]
    is_blind: bool
    state: ReviewState
    created: str
    expires: str
    path: str
    """Of its address, below that of the page."""
    n_notes: int
    n_approved: int
    """Takes that a guest approved."""
    n_changes: int
    """Takes of which a guest asks for changes."""
    password: str
    """Right after it was made; empty later, since the bench holds a hash."""


class ReviewList(BaseModel):
    """Links for guests, newest first."""

    is_reachable: bool
    """Whether this page lets others in at all; on one machine alone a link opens nowhere else."""
    reviews: list[ReviewFacts]


class ShotFacts(BaseModel):
    clip: str
    in_s: float
    out_s: float


class CutFacts(BaseModel):
    name: str
    shots: list[ShotFacts]
    revision: int
    updated: str


class JumpFacts(BaseModel):
    property: Literal["light", "colour", "sharpness", "motion"]
    amount: float
    """In the unit of `vbench.metrics.continuity.LEAST`."""


class JoinFacts(BaseModel):
    number: int
    """Of the shot before it, from 1."""
    at_s: float
    jumps: list[JumpFacts]
    problem: str


class TaskFacts(BaseModel):
    """Work under way; `result` is what the page needs when it is done."""

    id: str
    kind: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    progress: float
    message: str
    created: str
    result_url: str
    worker_alive: bool
    """False: nothing is working on tasks; see the message."""
    about: str
    """Text of the prompt it is for."""
    models: list[str]
    prompts: list[str]
    """Keys."""
    takes: list[str]
    """Those of its takes that are there."""
    n_takes: int
    """How many there will be."""


class StepFacts(BaseModel):
    """What a job is doing now."""

    state: str
    message: str
    progress: float | None
    """0 to 1; None: the tool does not say."""


class SideFacts(BaseModel):
    """One side of a blind pair: nothing that names the tool."""

    url: str
    width: int
    height: int
    n_frames: int
    fps: float
    duration_s: float


class PairFacts(BaseModel):
    token: str
    prompt: str
    left: SideFacts
    right: SideFacts
    duration_s: float
    """Of the shorter one: play both to here."""
    n_votes: int
    """Of this voter."""


class ShownFacts(BaseModel):
    clip: str
    model: str
    prompt_id: str
    sample: int
    sha256: str


class RatingFacts(BaseModel):
    tool: str
    rating: float
    low: float | None
    high: float | None
    n_votes: int
    component: int


class TrustFacts(BaseModel):
    """How well one metric predicts votes."""

    metric: str
    tag: str
    share: float
    """Of the votes that it predicts; mean over prompts."""
    low: float
    high: float
    n_votes: int
    n_prompts: int
    verdict: Literal["predicts", "contradicts", "no better than chance", "too little data"]


class Reveal(BaseModel):
    """What a voter learns after the vote."""

    outcome: str
    left: ShownFacts
    right: ShownFacts
    ratings: list[RatingFacts]
    is_repeat: bool
    excluded: str
    """Why the vote is kept without counting; empty: it counts."""
    n_votes: int
    n_repeats: int
    n_consistent: int


class PlanFacts(BaseModel):
    """What one click would do with one tool."""

    model: str
    runnable: bool
    reason: str
    """Why it cannot run here, or what stands in the way."""
    lacks: list[MissingKind]
    """What is missing, in kinds; empty where something else stands in the way."""
    n_jobs: int
    cost_usd: float | None
    """Of all jobs of this tool; None: the card has no price."""
    is_billable: bool
    seconds_estimate: float | None
    warnings: list[str]
    width: int | None
    """Pixels, as they will be asked for, like the next four; None: the tool chooses, or nobody knows."""
    height: int | None
    seconds: float | None
    fps: float | None
    audio: bool | None
    image_use: str
    """Which pictures it is sent."""
    price_checked_on: str
    """ISO day on which its price was read; empty: it has none."""
    price_is_old: bool
    comparable_group: str
    """Tools of one letter are asked for alike."""


class PictureFacts(BaseModel):
    """A picture for tools that was taken in, or why not."""

    file: str
    error: str
    picture: str = ""
    """Its name among the bench's pictures."""
    width: int = 0
    height: int = 0
    notes: list[str] = []
    """What was changed so that tools can take it."""


class PlanTotal(BaseModel):
    models: list[PlanFacts]
    cost_usd: float
    n_unpriced: int
    """Billable tools without a price, which the sum leaves out."""


class UploadFacts(BaseModel):
    """A file that came in, probed, with a guess that a person confirms; see `vbench.importing.Guess`."""

    upload: str
    file: str
    size_bytes: int
    error: str
    probe: dict[str, JsonValue] | None = None
    model: str = ""
    model_from: str = ""
    models: list[str] = []
    prompt_id: str = ""
    prompt: str = ""
    prompt_from: str = ""
    prompts: list[str] = []
    sample: int = 0
    is_sure: bool = False
    sha256: str = ""
    same_as: str = ""
    """The take of the bench that has these very bytes."""


class ShelfFacts(BaseModel):
    """A suite, or (without a name) the prompts of the bench that are in none."""

    name: str
    about: str
    n: int
    """Prompts that fit what was searched for."""
    problem: str
    """Why it cannot be read."""


class ChoiceFacts(BaseModel):
    """A prompt to pick."""

    shelf: str
    key: str
    id: str
    text: str
    tags: list[str]
    n_clips: int


class ChoiceList(BaseModel):
    """Prompts that fit what was searched for."""

    total: int
    shelves: list[ShelfFacts]
    prompts: list[ChoiceFacts]


class SheetTake(BaseModel):
    clip: str
    model: str
    sample: int


class SheetRow(BaseModel):
    """One question of a prompt; the lists are as long as the takes of the prompt, in their order."""

    question: str
    """Digest."""
    id: str
    kind: str
    text: str
    verdicts: list[Literal["seen", "not_seen", "unsure", "failed", "open"]]
    by: list[str]
    t_s: list[float | None]
    boxes: list[tuple[float, float, float, float] | None]
    """Where in the picture, as shares of its width and height."""
    overruled: list[Literal["", "seen", "not_seen"]]


class SheetPrompt(BaseModel):
    """What one prompt asks, against each of its takes."""

    key: str
    id: str
    text: str
    takes: list[SheetTake]
    rows: list[SheetRow]


class SheetFacts(BaseModel):
    """The shot sheet."""

    prompts: list[SheetPrompt]
    shares: dict[str, dict[str, float]]
    """Tool → verdict → share of its cells that were answered; `n` of them, `open` besides."""
    distrusted: list[str]
    """Judges that failed their report card: they speak for no cell."""


class AnswerFacts(BaseModel):
    """What one answerer says to one question about one take."""

    by: str
    kind: str
    verdict: str
    was: str
    """What it said first, where a second look took that back."""
    t_s: float | None
    box: list[float] | None
    confidence: float | None
    reason: str
    frames: list[float]
    trusted: bool
