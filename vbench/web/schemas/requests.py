"""What the JSON API takes; everything is bounded, and nothing that is not named here is accepted."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from vbench.bench.cuts import MOST_SHOTS
from vbench.bench.reviews import MOST_CLIPS
from vbench.errors import OptionError
from vbench.exports import Kind
from vbench.metrics.presets import known_preset
from vbench.records import Cut, Note, RejectReason, Select, SelectState, Shot
from vbench.schema import Strict


def _printable(text: str) -> str:
    if any(letter < " " and letter not in "\t\n\r" for letter in text):
        raise ValueError("control characters are not text; leave them out")
    return text


def _preset(name: str) -> str:
    try:
        return known_preset(name)
    except OptionError as error:
        raise ValueError(str(error)) from None


ClipId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
ModelId = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Words = Annotated[str, AfterValidator(_printable)]
"""Text of a person: lines and tabs, but nothing that databases and files cannot hold."""
PICTURE = r"^[0-9a-f]{32}\.(png|jpg|webp)$"
PictureName = Annotated[str, Field(pattern=rf"^$|{PICTURE}")]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


Share = Annotated[float, Field(ge=-1, le=2, allow_inf_nan=False)]
"""Of a picture's width or height; a stroke may leave the picture."""


class Shape(Strict):
    """Drawn on the picture."""

    kind: Literal["arrow", "ellipse", "line"]
    points: list[tuple[Share, Share]] = Field(min_length=2, max_length=2000)


class NewNote(Strict):
    clip: ClipId
    start_s: Seconds
    end_s: Seconds | None = None
    text: Words = Field(min_length=1, max_length=4000)
    id: str = Field(default="", pattern=r"^(|[0-9a-f]{1,32})$")
    """Of a note to change; empty: a new one."""
    reply_to: str = Field(default="", pattern=r"^(|[0-9a-f]{1,32})$")
    """Id of the note that this one answers."""
    drawing: list[Shape] = Field(default=[], max_length=50)

    def of(self, clip: str, author: str, *, review: str) -> Note:
        """As it is kept; a new one under an id of its own."""
        return Note(
            id=self.id or secrets.token_hex(8),
            clip=clip,
            start_s=self.start_s,
            end_s=max(self.start_s, self.end_s if self.end_s is not None else self.start_s),
            text=self.text,
            author=author,
            reply_to=self.reply_to,
            drawing=tuple(shape.model_dump(mode="json") for shape in self.drawing),
            review=review,
        )


class NoteState(Strict):
    is_resolved: bool


class NewReview(Strict):
    """A link for guests."""

    clips: list[ClipId] = Field(min_length=1, max_length=MOST_CLIPS)
    title: Words = Field(default="", max_length=200)
    password: str = Field(default="", max_length=1000)
    """At least ten characters; empty: one is made."""
    is_blind: bool = False
    days: float = Field(default=14, gt=0, le=365)


class NewApproval(Strict):
    """What a guest says of a take; empty: nothing any more."""

    state: Literal["", "approved", "changes"]


class Choice(Strict):
    """What a person decides about a take; as `vbench.records.Select`."""

    stars: int = Field(default=0, ge=0, le=5)
    state: SelectState = ""
    reason: RejectReason = ""
    ranges: list[tuple[Seconds, Seconds]] = Field(default=[], max_length=100)

    def of(self, clip: str, author: str) -> Select:
        """As it is kept; ranges in order, and those that meet made one.

        Raises:
            OptionError: a range ends before it begins, or a reason stands without a rejection.
        """
        joined: list[tuple[float, float]] = []
        for start, end in sorted(self.ranges):
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((start, end))
        try:
            return Select(
                clip=clip,
                author=author,
                stars=self.stars,
                state=self.state,
                reason=self.reason,
                ranges=tuple(joined),
            )
        except ValueError as error:
            raise OptionError(str(error)) from None


class TakeChoice(Choice):
    clip: ClipId


class TakeChoices(Strict):
    choices: list[TakeChoice] = Field(min_length=1, max_length=2000)


class CutShot(Strict):
    """As `vbench.records.Shot`."""

    clip: ClipId
    in_s: Seconds
    out_s: Seconds


class NewCut(Strict):
    """A cut as it is to be, and the revision that it was made from."""

    name: Words = Field(min_length=1, max_length=100, pattern=r"^[^/\\]+$")
    shots: list[CutShot] = Field(default=[], max_length=MOST_SHOTS)
    revision: int = Field(default=0, ge=0, le=2**31 - 2)
    """0: a new one."""

    def cut(self) -> Cut:
        """As it is kept.

        Raises:
            OptionError: a shot ends before it begins.
        """
        try:
            shots = tuple(Shot(clip=shot.clip, in_s=shot.in_s, out_s=shot.out_s) for shot in self.shots)
        except ValueError as error:
            raise OptionError(str(error)) from None
        return Cut(name=self.name, shots=shots, revision=self.revision)


class Watched(Strict):
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
    aspects: dict[Literal["prompt", "motion", "look"], Literal["left", "right", "tie"]] = Field(default_factory=dict)
    """Which is better in one respect, said before the names are shown."""


class NewVote(Strict):
    token: str = Field(min_length=10, max_length=2000)
    outcome: Literal["left", "right", "tie", "both_bad", "skip", "broken"]
    watched: Watched = Watched()


class GenerateArgs(Strict):
    prompt: Words = Field(min_length=1, max_length=10_000)
    prompt_id: Words = Field(default="", max_length=120)
    models: list[ModelId] = Field(min_length=1, max_length=300)
    samples: int = Field(default=1, ge=1, le=16)
    max_cost: float | None = Field(default=None, ge=0, le=100_000, allow_inf_nan=False)
    """Ceiling in dollars; needed where a tool costs money."""
    seconds: float | None = Field(default=None, gt=0, le=600)
    width: int | None = Field(default=None, ge=16, le=8192)
    height: int | None = Field(default=None, ge=16, le=8192)
    fps: float | None = Field(default=None, gt=0, le=240)
    audio: bool | None = None
    negative: Words = Field(default="", max_length=10_000)
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    """Of the first sample; the next ones count up. None: one per prompt and sample, the same for every tool."""
    image: PictureName = ""
    """First frame, as an upload of a picture has named it; empty: the prompt's own, if it has one."""
    last_image: PictureName = ""
    references: list[Annotated[str, Field(pattern=PICTURE)]] = Field(default=[], max_length=9)
    without_image: bool = False
    """Tools that do not take all pictures make the clip without them."""
    match: list[ModelId] = Field(default=[], max_length=300)
    """Ask for the nearest size and length that all of these tools make; empty: each as it does by default."""
    allow_unpriced: bool = False
    """Use tools under the ceiling although nobody knows their price."""
    retry: tuple[
        Literal["failed", "refused_input", "refused_output", "expired", "cancelled", "outcome_unknown"], ...
    ] = ()
    """Ended jobs of this wish to try again."""


class RetryArgs(Strict):
    """One ended job, tried again at the price that was shown."""

    max_cost: float | None = Field(default=None, ge=0, le=100_000, allow_inf_nan=False)
    """Dollars that were shown; needed where the tool costs money."""
    allow_unpriced: bool = False
    """Try it although nobody knows its price."""
    understood: bool = False
    """The tool may have made, and charged for, a clip whose outcome is unknown."""


class ScoreArgs(Strict):
    preset: Annotated[str, Field(max_length=80), AfterValidator(_preset)] = "offline"
    """A common preset, or a family of measures."""


class NewTask(Strict):
    kind: Literal["generate", "score", "judge"]
    generate: GenerateArgs | None = None
    score: ScoreArgs | None = None


class Confirmed(Strict):
    """What a person says a file is."""

    upload: str = Field(pattern=r"^[0-9a-f]{32}$")
    model: ModelId
    prompt_id: Annotated[Words, Field(min_length=1, max_length=200)]
    prompt: Words = Field(default="", max_length=10_000)
    """Text, where the prompt is new to the bench."""
    sample: int = Field(default=0, ge=0, le=9999)
    cost: float | None = Field(default=None, ge=0, le=100_000, allow_inf_nan=False)
    """US dollars, where a table beside the clips says so."""
    credits: Words = Field(default="", max_length=100)


class ConfirmedList(Strict):
    uploads: list[Confirmed] = Field(min_length=1, max_length=500)
    score: bool = True
    """Measure the new clips right after (preset offline)."""


class NewExport(Strict):
    clips: list[ClipId] = Field(default=[], max_length=500)
    cut: Words = Field(default="", max_length=100)
    """Name of the cut whose shots are meant, instead of clips."""
    kind: Kind
    at_s: Seconds | None = None
    """For frames: the moment; the first frame otherwise."""
    rate: float | None = Field(default=None, gt=0, le=240, allow_inf_nan=False)
    """For timelines: frames a second; needed where the takes differ."""

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.clips) == bool(self.cut):
            raise ValueError("an export is of clips or of a cut; name one of the two")
        return self


class NewOverrule(Strict):
    """A person's verdict on one cell of the shot sheet; empty takes it back."""

    clip: ClipId
    question: str = Field(pattern=r"^[0-9a-f]{16}$")
    verdict: Literal["seen", "not_seen", ""]
    note: Words = Field(default="", max_length=2000)
