"""What a card says about a tool reached by http: how to create, poll, fetch and cancel, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from vbench.records import JobState, Reason
from vbench.schema import Strict


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str | int) else value


def _text_keys(value: object) -> object:
    """YAML reads a bare ``1102`` or ``true`` as a number or a truth; both are names here."""
    return (
        {str(k).lower() if isinstance(k, bool) else str(k): v for k, v in value.items()}
        if isinstance(value, Mapping)
        else value
    )


Paths = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""Places in an answer, ``$.data.url``; the first that holds a value counts."""


Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class AuthOptions(Strict):
    """How the key travels; in a header or, where a tool knows no better, in the query."""

    header: str = ""
    query: str = ""
    value: str
    """``Bearer ${EXAMPLE_API_KEY}``: environment or keyring, never the key itself."""

    @model_validator(mode="after")
    def _one_place(self) -> AuthOptions:
        if bool(self.header) == bool(self.query):
            raise ValueError("give either header or query")
        return self


class TableOptions(Strict):
    """A placeholder of the card's own, looked up by another one."""

    by: str
    values: Annotated[dict[str, Any], BeforeValidator(_text_keys)]


class Call(Strict):
    """One call; path, headers and body are templates."""

    method: Method = "GET"
    path: str
    body: Any = None
    headers: dict[str, str] = Field(default_factory=dict)


class WithFrames(Strict):
    """What differs in the billable request where it carries a first or last frame."""

    path: str = ""
    """Another path; empty: the same."""
    body: dict[str, Any] = Field(default_factory=dict)
    """Laid over the body: mappings are merged, null removes a value."""


class Create(Call):
    """The one billable request."""

    method: Method = "POST"
    body: dict[str, Any]
    with_frames: WithFrames | None = None
    id: Paths
    keep: dict[str, Paths] = Field(default_factory=dict)
    """Further values of the answer that later calls use as ``{name}``; ``{create_path}`` is where the job began."""


class Upload(Strict):
    """Bringing a picture to the tool before a job that names it; it costs nothing."""

    path: str
    field: str
    """Of the multipart form."""
    id: Paths
    """What ``{image:upload}`` becomes."""


class Poll(Call):
    """Asking how far it is."""

    state: Paths
    states: Annotated[dict[str, JobState | str], BeforeValidator(_text_keys)]
    """The tool's word (any case) → ours; ``queued`` means submitted."""
    progress: Paths = ()
    progress_max: float = 100.0
    keep: dict[str, Paths] = Field(default_factory=dict)
    every_s: float = Field(default=5.0, gt=0)
    timeout_s: float = Field(default=1800.0, gt=0)
    typical_s: float | None = None
    """Expected wall time of one job, for the plan."""

    @model_validator(mode="after")
    def _known(self) -> Poll:
        for word, state in self.states.items():
            if state not in _STATES:
                raise ValueError(f"states.{word}: {state!r} is none of {', '.join(_STATES)}")
        return self


_STATES: dict[str, JobState] = {
    "queued": "submitted",
    "submitted": "submitted",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
    "refused_input": "refused_input",
    "refused_output": "refused_output",
}


class Errors(Strict):
    """How the tool says that something went wrong, also below HTTP 200."""

    code: Paths = ()
    message: Paths = ()
    ok: Annotated[tuple[str | int, ...], BeforeValidator(_as_tuple)] = (0, "0", "")
    """Codes that mean no error."""
    reasons: Annotated[dict[str, Reason], BeforeValidator(_text_keys)] = Field(default_factory=dict)
    """Code (any case), or ``/regular expression/`` over code and message → reason."""


class HiddenRefusal(Strict):
    """A refusal that hides in an answer of success."""

    path: str
    equals: Any
    reason: Reason
    message: str = ""


class Hop(Call):
    """A second call that turns what the poll gave (a file id) into the result; `Meta` reads its answer at ``$.hop``."""

    url: Paths


class Meta(Strict):
    """Facts of the finished job worth keeping."""

    seed: Paths = ()
    revised_prompt: Paths = ()
    version: Paths = ()
    queue_s: Paths = ()
    work_s: Paths = ()
    created_at: Paths = ()
    """Unix seconds or milliseconds, or ISO 8601; likewise the two below."""
    started_at: Paths = ()
    finished_at: Paths = ()
    extra: dict[str, Paths] = Field(default_factory=dict)
    """Kept under their names: the tool's fps, its tokens, peak memory."""


class Result(Strict):
    """Where the clip is."""

    url: Paths = ()
    hop: Hop | None = None
    with_key: bool = False
    """The address wants the key; it is sent to the configured origin only."""
    meta: Meta = Meta()


class Cost(Strict):
    """What the tool says it billed."""

    units: Paths
    usd_per_unit: float = Field(gt=0)


class HttpOptions(Strict):
    """The `options` of a card whose adapter is ``http``."""

    base_url: str
    auth: AuthOptions | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    """Sent with every call; ``{uuid}`` is fresh each time."""
    tables: dict[str, TableOptions] = Field(default_factory=dict)
    upload: Upload | None = None
    create: Create
    poll: Poll
    result: Result
    cancel: Call | None = None
    errors: Errors = Errors()
    refused: tuple[HiddenRefusal, ...] = ()
    cost: Cost | None = None
    max_bytes: int = Field(default=2 * 2**30, gt=0)
    timeout_s: float = Field(default=60.0, gt=0)
    """Longest silence on the line."""


def our_state(word: str) -> JobState:
    """The journal's word for a card's."""
    return _STATES[word]
