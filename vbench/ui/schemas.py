"""What the JSON API takes and gives; text from people and tools is data here, never markup."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


ClipId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
ModelId = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, Field(max_length=200)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


# --- given --------------------------------------------------------------------------------------------------------


class BenchFacts(BaseModel):
    """The bench behind this page, and what a visitor may do."""

    name: str
    version: str
    mode: Literal["local", "public"]
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
    missing: Literal["", "missing", "changed"]
    """The file is gone, or is another than the one that was measured."""
    stars: int
    rejected: bool
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
    version: int
    unit: str
    higher_is_better: bool | None
    group: str
    about: str
    bounds: list[float | None]
    tool_mean: float | None
    ci_low: float | None
    ci_high: float | None


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


class NoteFacts(BaseModel):
    id: str
    clip: str
    start_s: float
    end_s: float
    text: str
    author: str
    created: str


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


class Reveal(BaseModel):
    """What a voter learns after the vote."""

    outcome: str
    left: ShownFacts
    right: ShownFacts
    ratings: list[RatingFacts]
    is_repeat: bool
    n_votes: int
    n_repeats: int
    n_consistent: int


class PlanFacts(BaseModel):
    """What one click would do with one tool."""

    model: str
    runnable: bool
    reason: str
    """Why it cannot run here, or what stands in the way."""
    n_jobs: int
    cost_usd: float | None
    """Of all jobs of this tool; None: the card has no price."""
    is_billable: bool
    seconds_estimate: float | None
    warnings: list[str]


class PlanTotal(BaseModel):
    models: list[PlanFacts]
    cost_usd: float
    n_unpriced: int
    """Billable tools without a price, which the sum leaves out."""


class UploadFacts(BaseModel):
    """A file that came in, probed, with a guess that a person confirms."""

    upload: str
    file: str
    size_bytes: int
    error: str
    probe: dict[str, JsonValue] | None
    model: str
    prompt_id: str
    sample: int
    why: str


# --- taken --------------------------------------------------------------------------------------------------------


class NewNote(_Body):
    clip: ClipId
    start_s: Seconds
    end_s: Seconds | None = None
    text: str = Field(min_length=1, max_length=4000)
    id: str = Field(default="", pattern=r"^(|[0-9a-f]{1,32})$")
    """Of a note to change; empty: a new one."""


class Choice(_Body):
    stars: int = Field(default=0, ge=0, le=5)
    rejected: bool = False


class Watched(_Body):
    """What was watched before the vote."""

    left_s: Seconds = 0
    right_s: Seconds = 0
    left_plays: int = Field(default=0, ge=0, le=10_000)
    right_plays: int = Field(default=0, ge=0, le=10_000)
    muted: bool = True
    playback_rate: float = Field(default=1, ge=0, le=16)
    device_width: int = Field(default=0, ge=0, le=100_000)
    prompt_shown: bool = True
    order: Literal["", "both", "left", "right"] = ""
    """Which was started first."""


class NewVote(_Body):
    token: str = Field(min_length=10, max_length=2000)
    outcome: Literal["left", "right", "tie", "both_bad", "skip", "broken"]
    watched: Watched = Watched()


class GenerateArgs(_Body):
    prompt: str = Field(min_length=1, max_length=10_000)
    prompt_id: str = Field(default="", max_length=120)
    models: list[ModelId] = Field(min_length=1, max_length=300)
    samples: int = Field(default=1, ge=1, le=16)
    max_cost: float | None = Field(default=None, ge=0, le=100_000, allow_inf_nan=False)
    """Ceiling in dollars; needed where a tool costs money."""
    seconds: float | None = Field(default=None, gt=0, le=600)
    width: int | None = Field(default=None, ge=16, le=8192)
    height: int | None = Field(default=None, ge=16, le=8192)
    fps: float | None = Field(default=None, gt=0, le=240)
    audio: bool | None = None
    negative: str = Field(default="", max_length=10_000)
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    """Of the first sample; the next ones count up. None: one per prompt and sample, the same for every tool."""
    allow_unpriced: bool = False
    """Use tools under the ceiling although nobody knows their price."""
    retry: list[Literal["failed", "refused_input", "refused_output", "expired", "cancelled", "outcome_unknown"]] = []
    """Ended jobs of this wish to try again."""


class RetryArgs(_Body):
    """One ended job, tried again at the price that was shown."""

    max_cost: float | None = Field(default=None, ge=0, le=100_000, allow_inf_nan=False)
    """Dollars that were shown; needed where the tool costs money."""
    allow_unpriced: bool = False
    """Try it although nobody knows its price."""
    understood: bool = False
    """The tool may have made, and charged for, a clip whose outcome is unknown."""


class ScoreArgs(_Body):
    preset: Literal["offline", "standard", "vbench", "full"] = "offline"


class NewTask(_Body):
    kind: Literal["generate", "score"]
    generate: GenerateArgs | None = None
    score: ScoreArgs | None = None


class Confirmed(_Body):
    """What a person says a file is."""

    upload: str = Field(pattern=r"^[0-9a-f]{32}$")
    model: ModelId
    prompt_id: Annotated[str, Field(min_length=1, max_length=200)]
    prompt: str = Field(default="", max_length=10_000)
    """Text, where the prompt is new to the bench."""
    sample: int = Field(default=0, ge=0, le=9999)


class ConfirmedList(_Body):
    uploads: list[Confirmed] = Field(min_length=1, max_length=500)
    score: bool = True
    """Measure the new clips right after (preset offline)."""


class NewExport(_Body):
    clips: list[ClipId] = Field(min_length=1, max_length=500)
    kind: Literal["zip", "csv", "otio", "edl", "contact_png", "contact_pdf", "side_by_side", "frames"]
    at_s: Seconds | None = None
    """For frames: the moment; the first frame otherwise."""
