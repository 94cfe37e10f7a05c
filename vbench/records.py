"""The frozen records that cross stage boundaries; standard library only."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

JobState = Literal[
    "planned",
    "submitting",
    "submitted",
    "running",
    "succeeded",
    "refused_input",
    "refused_output",
    "failed",
    "cancelled",
    "expired",
    "outcome_unknown",
]
OPEN_STATES: tuple[JobState, ...] = ("planned", "submitting", "submitted", "running")
REFUSED_STATES: tuple[JobState, ...] = ("refused_input", "refused_output")

Reason = Literal[
    "moderated_input",
    "moderated_output",
    "rate_limited",
    "concurrency",
    "no_balance",
    "auth",
    "bad_request",
    "model_retired",
    "provider_error",
    "timeout_local",
    "outcome_unknown",
    "download_failed",
    "empty_result",
    "out_of_memory",
    "crashed",
]

Outcome = Literal["a", "b", "tie", "both_bad", "skip", "broken"]
EventKind = Literal["cut", "freeze", "black", "worst", "watermark"]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, each a share of the picture's width or height in [0, 1]."""
SelectState = Literal["", "reject", "maybe", "selected", "approved"]
"""What a person decided about a take; empty: nothing yet."""
USED_STATES: tuple[SelectState, ...] = ("selected", "approved")
RejectReason = Literal["", "hands", "face", "melts", "physics", "text", "camera", "prompt", "light", "sound", "other"]
"""Why a take was rejected; empty: not said."""
Group = Literal["overall", "temporal", "motion", "picture", "text", "sound", "spec", "selects", "vbench"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""Of metrics, in the order in which they are shown; their titles are in the page's words, under `group.`."""
FailureStage = Literal["import", "generate", "score", "judge"]

QuestionKind = Literal[
    "presence",
    "count",
    "colour",
    "space",
    "action",
    "order",
    "text",
    "speech",
    "shot",
    "style",
    "camera",
    "physics",
    "anatomy",
    "identity",
    "motion",
    "cuts",
    "delivery",
]
"""What a question is about; `delivery` is length, shape, rate, sound, and a picture that is there throughout."""
QUESTION_KINDS: tuple[QuestionKind, ...] = get_args(QuestionKind)
AnswererKind = Literal["signal", "detector", "reader", "judge"]
"""Who answers: a measure of ours, what finds things, what reads or listens, or a language model that looks."""
ANSWERER_KINDS: tuple[AnswererKind, ...] = get_args(AnswererKind)
Verdict = Literal["seen", "not_seen", "unsure", "failed"]


def canonical_json(value: object) -> str:
    """One spelling of a JSON value, so that equal values have equal digests."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(*parts: object, length: int = 16) -> str:
    """Short SHA-256 over the canonical JSON of `parts`, in hex."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:length]


@lru_cache(maxsize=65_536)
def prompt_key(prompt_id: str, text: str) -> str:
    """The identity of a prompt: an edited prompt is a new one."""
    return digest("prompt", prompt_id, text)


def clip_id(model: str, prompt_text: str, sample: int, sha256: str) -> str:
    """The identity of one file made for one prompt."""
    return digest("clip", model, prompt_text, sample, sha256)


@dataclass(frozen=True, slots=True, order=True)
class ToolLabel:
    """What a tool's clips are filed under: the tool, or ``tool@arm`` where prompts were rewritten for it."""

    tool: str
    """Id of its card."""
    arm: str = ""

    @classmethod
    def parse(cls, label: str) -> ToolLabel:
        """The parts of a label as it is stored."""
        tool, _, arm = label.partition("@")
        return cls(tool, arm)

    def __str__(self) -> str:
        return f"{self.tool}@{self.arm}" if self.arm else self.tool


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """The place of one clip in the matrix of tools, prompts and samples."""

    model: str
    """`ToolLabel` as text."""
    prompt_key: str
    sample: int

    @classmethod
    def parse(cls, text: str) -> Cell:
        """The cell that `str` has written."""
        model, _, place = text.rpartition("/")
        prompt_key, _, sample = place.rpartition("-")
        return cls(model, prompt_key, int(sample))

    def __str__(self) -> str:
        return f"{self.model}/{self.prompt_key}-{self.sample}"


@dataclass(frozen=True, slots=True, order=True)
class JobKey:
    """What makes a job the only one of its kind: all that changes the output, and the number of the attempt at it."""

    identity: str
    """Digest of the plan's identity with tool, prompt and sample."""
    attempt: int = 1

    @classmethod
    def parse(cls, text: str) -> JobKey:
        """The key as the jobs table holds it: ``identity`` or, from the second attempt on, ``identity#attempt``."""
        identity, _, attempt = text.partition("#")
        return cls(identity, int(attempt or 1))

    def __str__(self) -> str:
        return self.identity if self.attempt == 1 else f"{self.identity}#{self.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing that a prompt asks, so worded that yes means: shown as asked."""

    id: str
    """Among the questions of its prompt."""
    kind: QuestionKind
    text: str
    by: tuple[AnswererKind, ...]
    """Who may answer it, the first one first."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The same for programs: `object`, `count`, `colour`, `words`, ..."""

    @property
    def digest(self) -> str:
        """What answers are kept under: a question in other words is another question."""
        return digest("question", self.id, self.kind, self.text, dict(self.facts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One line of a suite."""

    id: str
    text: str
    suite: str = ""
    negative: str = ""
    tags: tuple[str, ...] = ()
    expects: Mapping[str, Any] = field(default_factory=dict)
    """What the clip should show, in structured form; keys as in `vbench.catalog.expects.Expects`."""
    image: str = ""
    """Path of a first frame, for image-to-video; empty for text only. In a suite it may be an address, or drawn."""
    last_image: str = ""
    """Path of a last frame; empty: the clip ends as the tool likes."""
    references: tuple[str, ...] = ()
    """Paths of pictures of who or what should appear, which are no frames of the clip."""
    questions: tuple[Question, ...] = ()
    """What its suite asks beside what follows from `expects`; see `vbench.judge.questions`."""

    @property
    def key(self) -> str:
        return prompt_key(self.id, self.text)

    @property
    def pictures(self) -> tuple[str, ...]:
        """Which kinds of pictures it has, by the names of its fields."""
        return tuple(name for name in ("image", "last_image", "references") if getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Facts of a video file, as decoded rather than as its header claims."""

    container: str
    codec: str
    pixel_format: str
    width: int
    """Displayed width in pixels, after rotation and sample aspect."""
    height: int
    rotation: int
    """Degrees clockwise that were applied to show it upright: 0, 90, 180 or 270."""
    n_frames: int
    fps: float
    """True mean rate: (n_frames - 1) / (last - first timestamp); 0 for a single frame."""
    duration_s: float
    """Last timestamp + last frame's duration - first timestamp."""
    is_vfr: bool
    """Frame intervals differ by more than 2 % of their median plus the container's time base."""
    bit_depth: int
    has_alpha: bool
    """Transparent pixels are shown over black."""
    has_audio: bool
    audio_codec: str = ""
    audio_duration_s: float = 0.0
    size_bytes: int = 0
    header_n_frames: int = 0
    """What the container's header claims; 0 where it claims nothing."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a clip came to be; every field a tool did not tell stays empty."""

    origin: Literal["generated", "imported", "synthetic"] = "imported"
    source: str = ""
    """Where an imported file lay, or the address of the tool."""
    prompt_sent: str = ""
    """The prompt as it left this machine; empty means as asked."""
    prompt_revised: str = ""
    """What the tool says it made of the prompt."""
    seed: int | None = None
    seed_honoured: bool | None = None
    """None: unknown."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """The exact request sent, without credentials."""
    tool_version: str = ""
    created: str = ""
    """ISO 8601, as the tool or the manifest says."""
    queue_s: float | None = None
    work_s: float | None = None
    latency_s: float | None = None
    """From submission to a finished file on the tool's side, in seconds."""
    cost_usd: float | None = None
    cost_source: Literal["", "billed", "estimated", "manifest"] = ""
    licence: str = ""
    notes: str = ""
    warnings: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Adapter facts without a field of their own: peak VRAM, steps/s, library versions, encoder settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A video file that exists, for one prompt, from one tool."""

    id: str
    model: str
    prompt: Prompt
    sample: int
    sha256: str
    media: str
    """Key in the bench's media store, or an absolute path where the file was linked in place."""
    linked: bool
    probe: Probe
    provenance: Provenance

    @property
    def cell(self) -> Cell:
        return Cell(self.model, self.prompt.key, self.sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInfo:
    """What a number means, without the code that makes it."""

    name: str
    version: int
    unit: str
    higher_is_better: bool | None
    """None: neutral, a description rather than a merit."""
    bounds: tuple[float, float]
    group: Group
    about: str
    """One sentence for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreKey:
    """What a value is a value of: never recomputed under the same key."""

    clip: str
    metric: str
    version: int
    params: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that can move the number: weights revision, precision, flow backend, ..."""

    @property
    def params_key(self) -> str:
        return digest(dict(self.params))


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One metric of one clip."""

    key: ScoreKey
    value: float
    """In the metric's unit and bounds; always finite."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"{self.key.metric} of clip {self.key.clip} is {self.value}; a score is finite")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A metric over the time of one clip."""

    key: ScoreKey
    t_s: tuple[float, ...]
    """Seconds from the first frame."""
    value: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A moment worth seeing."""

    clip: str
    kind: EventKind
    metric: str
    """The metric that found it."""
    start_s: float
    end_s: float
    frame: int
    """0-based index of the first frame after the change (or inside the stretch)."""
    value: float
    box: Box | None = None
    """Where in the picture; None: all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What could not be made or measured, and why."""

    stage: FailureStage
    subject: str
    """Clip id, job id, or the path of a file."""
    code: str
    message: str
    key: ScoreKey | None = None
    """For a measure that failed: which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """All that one scoring pass found out about one clip; stored in one transaction."""

    clip: str
    scores: tuple[Score, ...] = ()
    failures: tuple[Failure, ...] = ()
    timelines: tuple[Timeline, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One person's verdict on a pair."""

    id: str
    """Single use: a second vote under the same id is refused."""
    a: str
    """Clip id."""
    b: str
    outcome: Outcome
    voter: str
    """Salted hash; never an address."""
    left: Literal["a", "b"]
    """Which of the two was shown on the left."""
    watched: Mapping[str, Any] = field(default_factory=dict)
    """Seconds watched of each, plays, muted, device width, playback rate."""
    propensity: float = 1.0
    """Probability with which this pair was drawn."""
    created: str = ""
    excluded: str = ""
    """Why this vote is left out of ratings; empty: it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A remark at a moment of a clip."""

    id: str
    clip: str
    start_s: float
    end_s: float
    text: str
    author: str = ""
    created: str = ""
    reply_to: str = ""
    """Id of the remark that it answers; empty: it stands by itself."""
    drawing: tuple[Mapping[str, Any], ...] = ()
    """Shapes on the picture: ``{"kind": "arrow" | "ellipse" | "line", "points": [[x, y], ...]}`` with x and y as
    shares of its width and height, from the upper left corner."""
    is_resolved: bool = False
    """What it asks for is done."""
    review: str = ""
    """Token of the review whose guests read it; empty: it stays among the makers."""


ReviewState = Literal["open", "expired", "revoked"]
ApprovalState = Literal["approved", "changes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A link by which guests see chosen takes, write notes on them and approve them."""

    token: str
    """Of its address; nobody guesses it."""
    title: str
    clips: tuple[str, ...]
    """In the order of the makers; guests of a blind review see another one."""
    password: str
    """As a hash."""
    is_blind: bool = False
    """No guest reads which tool made a take, or sees it by the size of its picture."""
    created: str
    expires: str
    """ISO 8601, UTC: from then on it opens nothing."""
    revoked: str = ""
    """When it was taken back; empty: it was not."""

    def state(self, at: str) -> ReviewState:
        """What it is at a time, ISO 8601, UTC."""
        return "revoked" if self.revoked else "expired" if at >= self.expires else "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What a guest of a review says of a take."""

    review: str
    clip: str
    guest: str
    state: ApprovalState
    updated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """What a person decided about a take."""

    clip: str
    author: str = ""
    stars: int = 0
    """0 to 5; 0: not rated."""
    state: SelectState = ""
    reason: RejectReason = ""
    """Of a rejected take."""
    ranges: tuple[tuple[float, float], ...] = ()
    """Seconds to use, each from its first moment to the end of its last frame, in order; none: the whole take."""

    def __post_init__(self) -> None:
        if self.reason and self.state != "reject":
            raise ValueError(f"a reason ({self.reason}) is that of a rejected take, this one is {self.state or 'open'}")
        if any(not (0 <= start < end < math.inf) for start, end in self.ranges):
            raise ValueError(f"a range goes from a moment to a later one, found {self.ranges}")
        if any(end > start for (_, end), (start, _) in pairwise(self.ranges)):
            raise ValueError(f"ranges of a take come in order and do not overlap, found {self.ranges}")

    @property
    def is_rejected(self) -> bool:
        """Whether it must not go on."""
        return self.state == "reject"

    @property
    def is_used(self) -> bool:
        """Whether it goes into the cut."""
        return self.state in USED_STATES

    def used_ranges(self, duration_s: float) -> tuple[tuple[float, float], ...]:
        """The seconds that go on, of a take of this length: the ranges, or all of it where none is marked."""
        inside = tuple((start, min(end, duration_s)) for start, end in self.ranges if start < duration_s)
        return inside if self.ranges else ((0.0, duration_s),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """Seconds of a take, in a cut."""

    clip: str
    in_s: float
    """From the take's first frame on."""
    out_s: float
    """End of the last frame that is shown."""

    def __post_init__(self) -> None:
        if not (0 <= self.in_s < self.out_s < math.inf):
            raise ValueError(f"a shot goes from a moment to a later one, found {self.in_s:g} s to {self.out_s:g} s")

    @property
    def seconds(self) -> float:
        return self.out_s - self.in_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Ranges of takes in the order in which they are watched."""

    name: str
    shots: tuple[Shot, ...] = ()
    revision: int = 0
    """How often it was stored; 0: not yet."""
    updated: str = ""

    @property
    def seconds(self) -> float:
        return sum(shot.seconds for shot in self.shots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Work that the page asks for and a worker process does."""

    id: str
    kind: str
    args: Mapping[str, Any]
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    progress: float
    """0 to 1."""
    message: str
    created: str


# --- judging ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one answerer says to one question about one file."""

    sha256: str
    """Of the clip's file: the same file is never asked about twice."""
    question: str
    """`Question.digest`."""
    answerer: str
    """`signals`, or the name of a detector, reader or judge."""
    by: AnswererKind
    version: str
    """Digest of all that can move the answer: card, weights, frames policy, wording; another one asks anew."""
    verdict: Verdict
    t_s: float | None = None
    """Where to look, seconds from the first frame; None: nowhere in particular."""
    box: Box | None = None
    confidence: float | None = None
    """As the answerer says, 0 to 1; not comparable between answerers."""
    reason: str = ""
    """One sentence; of a failure, why."""
    code: str = ""
    """Of a failure, as in `Reason`; empty otherwise."""
    frames: tuple[float, ...] = ()
    """Seconds of the frames that were looked at."""
    was: Verdict | None = None
    """The first verdict, where a second look took it back."""
    cost_usd: float | None = None
    """Its share of the call; None: nothing was billed, or nobody knows."""
    latency_s: float | None = None
    added: str = ""

    @property
    def key(self) -> str:
        return digest("answer", self.sha256, self.question, self.answerer, self.version, length=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrule:
    """A person's verdict on one cell of the shot sheet, kept beside what was answered."""

    clip: str
    question: str
    """`Question.digest`."""
    author: str = ""
    verdict: Literal["seen", "not_seen"]
    note: str = ""
    created: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCall:
    """One request to a judge, journalled before it is sent."""

    id: str
    judge: str
    purpose: Literal["answer", "second look", "accuse", "pair", "card", "questions"]
    subject: str
    """Digest of the file, or of what else is asked about."""
    what: Mapping[str, Any]
    """Questions, frames and wording, JSON values, without pixels."""
    state: Literal["asking", "answered", "failed", "outcome_unknown"]
    is_billable: bool
    estimate_usd: float | None
    cost_usd: float | None = None
    reply: str = ""
    """What the judge said, so that it is asked once even where its answer could not be stored as one."""
    latency_s: float | None = None
    message: str = ""
    """Of a request without an answer, why."""
    started: str = ""
    finished: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """Something wrong with a clip, with its place and time, whoever says so."""

    clip: str
    kind: str
    """`freeze`, `flash`, `black`, `cut`, `melting`, `extra_limb`, `vanishing`, `morph`, `unreadable_text`, ..."""
    start_s: float
    end_s: float
    severity: float
    """0 to 1."""
    answerer: str
    by: AnswererKind
    version: str
    survived: bool
    """False: a second look took it back."""
    box: Box | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairVerdict:
    """What a judge says of two takes of one prompt, asked in both orders."""

    judge: str
    version: str
    prompt_key: str
    a: str
    """Clip id; the smaller of the two."""
    b: str
    outcome: Literal["a", "b", "tie", "failed"]
    """`tie` where the orders disagree."""
    flipped: bool
    """The verdict changed with the order."""
    n_asked: int
    """Even."""
    reason: str = ""
    cost_usd: float | None = None
    created: str = ""


# --- generating ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked of every tool alike, in plain units; None: as the tool does by default."""

    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    audio: bool | None = None
    negative: str = ""
    """What should not be there, beside the prompt's own."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Wishes:
        """The wishes among these values, which may hold others too: options of a command, arguments of a task."""
        return Wishes(**{wish.name: values[wish.name] for wish in fields(Wishes) if wish.name in values})

    @property
    def made(self) -> dict[str, Any]:
        """Those that can be compared with what was delivered, and were made."""
        wishes = {wish.name: getattr(self, wish.name) for wish in fields(Wishes) if wish.name != "negative"}
        return {name: value for name, value in wishes.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Wishes):
    """A wish list with the prompt it is for; what a tool cannot honour comes back as a warning of its plan."""

    prompt: Prompt
    sample: int = 0
    seed: int = 0
    prompt_sent: str = ""
    """A rewritten prompt, where an expansion arm made one; empty: `prompt.text` is sent."""

    @property
    def text(self) -> str:
        """The words that go to the tool."""
        return self.prompt_sent or self.prompt.text

    @property
    def image(self) -> Path | None:
        """The first frame that goes to the tool; None: the clip is made from words alone."""
        return Path(self.prompt.image) if self.prompt.image else None

    @property
    def last_image(self) -> Path | None:
        """The last frame that goes to the tool."""
        return Path(self.prompt.last_image) if self.prompt.last_image else None

    @property
    def references(self) -> tuple[Path, ...]:
        """The pictures of who or what should appear that go to the tool."""
        return tuple(Path(reference) for reference in self.prompt.references)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a clip is asked for, as it is sent to its tool; None: that is left to the tool, or nobody knows."""

    width: int | None = None
    """Pixels."""
    height: int | None = None
    seconds: float | None = None
    fps: float | None = None
    audio: bool | None = None
    image_use: str = ""
    """Which pictures are sent: ``image``, ``image+last_image``, ``image+references``, ...; after `LEFT_OUT` those that
    the prompt has and that are not sent. Empty: the prompt has none."""


LEFT_OUT = " without "
"""In `Setting.image_use`, before the pictures that are not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be sent, what it costs, and what the tool will not do; made without side effects."""

    model: str
    adapter: str
    request: Request
    body: Mapping[str, Any]
    """The exact body or call, JSON values only, without credentials."""
    identity: Mapping[str, Any]
    """All that changes the output, for the job's key: body, revision, dtypes, library versions."""
    warnings: tuple[str, ...] = ()
    cost_usd: float | None = None
    """Estimate; None: the card has no price."""
    seconds_estimate: float | None = None
    """Expected wall time of one job; None: unknown."""
    is_billable: bool = False
    sends: Setting = Setting()
    """How the clip is asked for; what an adapter leaves open is as the tool's card grants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """What is needed to find a submitted job again after a restart; JSON values only."""

    id: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a tool says of a job now."""

    state: JobState
    reason: Reason | None = None
    message: str = ""
    progress: float | None = None
    """0 to 1; None: not told."""
    retry_after_s: float | None = None
    handle: Handle | None = None
    """A refreshed handle (new result address), to be stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt to generate one clip."""

    id: str
    identity: str
    """Digest of the plan's identity with model, prompt and sample: one job each, ever."""
    model: str
    prompt: Prompt
    sample: int
    state: JobState
    reason: Reason | None
    message: str
    plan: Mapping[str, Any]
    """`Plan` as JSON values (body, warnings, estimates)."""
    handle: Handle | None
    cost_usd: float | None
    clip: str | None
    """Id of the clip that came of it."""
    planned: str
    submitted: str
    finished: str

    @property
    def cell(self) -> Cell:
        return Cell(self.model, self.prompt.key, self.sample)
