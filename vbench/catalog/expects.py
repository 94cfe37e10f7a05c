"""What a prompt asks a clip to show, in a form that a metric can check."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from vbench.schema import Strict

Camera = Literal[
    "static",
    "pan_left",
    "pan_right",
    "tilt_up",
    "tilt_down",
    "zoom_in",
    "zoom_out",
    "roll_cw",
    "roll_ccw",
    "truck_left",
    "truck_right",
    "dolly_in",
    "dolly_out",
    "orbit",
    "handheld",
    "crane_up",
    "crane_down",
]
"""How the camera moves, as the crew says it: a pan turns it, a truck carries it sideways; a right one shows more of the
right, so that the picture's content slides left."""

ShotSize = Literal["extreme-wide", "wide", "full", "medium", "close-up", "extreme-close-up"]
Words = Annotated[str, Field(min_length=1, max_length=300)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class ExpectedObject(Strict):
    """A thing that should be seen."""

    name: Words
    """A noun an open-vocabulary detector understands, in the singular: `bicycle`."""
    count: Annotated[int, Field(ge=1, le=1000)] | None = None
    """None: at least one."""
    colour: Words | None = None


class Background(Strict):
    """What a synthetic scene is drawn over."""

    colour: Literal["red", "green", "blue", "yellow", "purple", "orange", "white", "black", "cyan", "pink"]
    pattern: Literal["plain", "stripes", "checker", "dots"] = "plain"


class SceneObject(Strict):
    """A shape of a synthetic scene."""

    shape: Literal["circle", "square", "triangle", "star", "ring", "cross"]
    colour: Literal["red", "green", "blue", "yellow", "purple", "orange", "white", "black", "cyan", "pink"]
    size: Literal["small", "medium", "large"] = "medium"
    motion: Literal[
        "still",
        "left_to_right",
        "right_to_left",
        "top_to_bottom",
        "bottom_to_top",
        "diagonal",
        "bounce",
        "rotate",
        "grow",
        "shrink",
        "circle_around",
    ] = "still"


class SceneSpec(Strict):
    """A scene in the vocabulary of the synthetic renderer: the same as the prompt's text says."""

    background: Background
    objects: tuple[SceneObject, ...]
    camera: Literal["static", "pan_left", "pan_right", "tilt_up", "tilt_down", "zoom_in", "zoom_out"] = "static"
    seconds: Seconds = 3.0


class Expects(Strict):
    """What a clip of a prompt should show; what is not said is not checked.

    `Prompt.expects` holds it as JSON values, only what was said. In a suite with a `scene`, `seconds` and `camera`
    are taken from it.
    """

    seconds: Seconds | None = None
    width: Annotated[int, Field(ge=16, le=16384)] | None = None
    """Pixels, as shown; together with `height`, or else `aspect`."""
    height: Annotated[int, Field(ge=16, le=16384)] | None = None
    aspect: Annotated[str, Field(pattern=r"^[1-9]\d{0,3}:[1-9]\d{0,3}$")] | None = None
    """Width to height, `"16:9"`; in quotes, since YAML reads 16:9 as the number 969."""
    fps: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None
    audio: bool | None = None
    """True: it must have sound; False: it must have none."""
    camera: Camera | None = None
    shot: ShotSize | None = None
    """Size of the (first) shot."""
    cuts: Annotated[int, Field(ge=0, le=1000)] = 0
    """Hard cuts within the clip; one uninterrupted shot unless said otherwise."""
    motion: Literal["none", "low", "medium", "high"] | None = None
    """How much moves in the picture, camera and subject together."""
    objects: tuple[ExpectedObject, ...] = ()
    people: Annotated[int, Field(ge=0, le=20)] | Literal["crowd"] | None = None
    """How many persons are seen; `crowd` for more than can be counted."""
    text: Words | None = None
    """Words that can be read in the picture, letter by letter."""
    dialogue: Words | None = None
    """The line that is spoken, word by word."""
    style: Words | None = None
    """`photographic`, `anime`, `stop-motion`, ..."""
    scene: SceneSpec | None = None
    """For the synthetic renderer only."""
    vbench: dict[str, Any] | None = None
    """`auxiliary_info` of VBench's own prompt list as it stands there: `{dimension: {...}}`."""

    @field_validator("aspect", mode="before")
    @classmethod
    def _not_a_number(cls, value: object) -> object:
        if isinstance(value, int):
            raise ValueError('YAML reads width:height as a number; put it in quotes, as in "16:9"')
        return value

    @model_validator(mode="before")
    @classmethod
    def _as_the_scene_says(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(scene := value.get("scene"), dict):
            return {"seconds": scene.get("seconds", 3.0), "camera": scene.get("camera", "static")} | value
        return value

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height go together; give both, or aspect")
        if self.width is not None and self.aspect is not None:
            raise ValueError("width and height say the aspect already; leave aspect out")
        if self.dialogue is not None and self.audio is False:
            raise ValueError("a spoken line needs sound; leave out dialogue or set audio to true")
        if self.scene is not None and (self.camera, self.seconds) != (self.scene.camera, self.scene.seconds):
            raise ValueError("camera and seconds are not those of the scene; leave them out here")
        return self

    def as_json(self) -> dict[str, Any]:
        """Only what was said, as JSON values."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)
