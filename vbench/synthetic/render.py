"""Draws scenes of the synthetic world as RGB frames, by rule: textured, anti-aliased, the same for a seed.

Lengths are in heights of the picture, from its centre, x to the right and y down; times in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from vbench.records import digest
from vbench.synthetic.scene import Scene, Thing

RENDERER_VERSION = 1
"""Raised when the same scene and seed may give other pixels: it is part of a job's identity."""

Frame: TypeAlias = npt.NDArray[np.uint8]
"""RGB, shape ``(H, W, 3)``."""
Plane: TypeAlias = npt.NDArray[np.floating[Any]]

RGB: dict[str, tuple[float, float, float]] = {
    "red": (232, 48, 44),
    "green": (40, 165, 70),
    "blue": (28, 58, 196),
    "yellow": (242, 212, 40),
    "purple": (130, 52, 175),
    "orange": (244, 134, 26),
    "white": (240, 240, 240),
    "black": (30, 30, 33),
    "cyan": (44, 204, 218),
    "pink": (248, 124, 182),
}
RADIUS = {"small": 0.14, "medium": 0.21, "large": 0.3}
PAN_RATE = 0.16
"""Heights per second."""
ZOOM_RATE = 0.16
"""Natural logarithm of the magnification, per second."""
GRAIN = 0.8
"""Standard deviation of the film grain, in 8-bit levels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Morph:
    """How far each object has turned into another one."""

    into: Thing
    amount: float
    """0: as the scene says; 1: wholly the other."""


class Renderer:
    """One scene with one seed at one size; frames may be asked for at any time of the clip, in any order.

    The seed moves the objects a little, and sets the shade of the background, its texture, the speed (±8 %) and the
    phase of the objects' own pattern.

    Args:
        scene: What to draw.
        width: Pixels.
        height: Pixels.
        seconds: Over which a motion runs from its start to its end.
        seed: Any integer.
    """

    def __init__(self, scene: Scene, *, width: int, height: int, seconds: float, seed: int) -> None:
        self._scene, self._w, self._h, self._seconds = scene, width, height, seconds
        self._aspect = width / height
        self._rng = np.random.default_rng(int(digest("render", scene.as_mapping(), seed), 16))
        self._speed = float(self._rng.uniform(0.92, 1.08))
        self._nudge = self._rng.uniform(-0.04, 0.04, (len(scene.objects), 2))
        self._phase = self._rng.uniform(0, 2 * math.pi, (len(scene.objects), 2))
        self._tilt = self._rng.uniform(-0.12, 0.12, len(scene.objects))
        base = np.array(RGB[scene.colour], np.float32) * self._rng.uniform(0.92, 1.04)
        self._ground = (0.8 * base + 0.2 * 90).astype(np.float32)
        self._texture = self._background_texture()
        self._grain = self._rng.standard_normal((height + 61, width + 67), np.float32) * np.float32(GRAIN)
        self._ys = ((np.arange(height, dtype=np.float32) + 0.5) / height - 0.5).astype(np.float32)
        self._xs = ((np.arange(width, dtype=np.float32) + 0.5) / width - 0.5).astype(np.float32) * self._aspect
        self._still: tuple[tuple[float, float, float], Plane] | None = None
        # Colour by colour, since NumPy is slow over an axis of three; and one picture's worth of memory for all frames,
        # since asking the system for it anew costs more than drawing.
        self._picture = np.empty((3, height, width), np.float32)

    def frame(self, t_s: float, *, liveliness: float = 1.0, morph: Morph | None = None, grain: int = 0) -> Frame:
        """The picture at one moment.

        Args:
            t_s: Seconds from the first frame.
            liveliness: Share of every motion that is carried out, of objects and camera; 0 holds the clip's middle.
            morph: Applied to every object.
            grain: Which draw of the grain lies over the picture; frames with another number differ in it.

        Returns:
            RGB uint8, ``(height, width, 3)``.
        """
        t_s = self._seconds / 2 + (t_s - self._seconds / 2) * liveliness
        camera, picture = self._camera(t_s), self._picture
        self._lay_background(picture, camera)
        for i, thing in enumerate(self._scene.objects):
            self._draw(picture, i, thing, t_s, camera, morph)
        oy, ox = grain * 37 % 61, grain * 23 % 67
        grain_over = self._grain[oy : oy + self._h, ox : ox + self._w]
        # OpenCV rounds halves to even and keeps to 0 .. 255
        return np.asarray(cv2.merge([cv2.add(plane, grain_over, dtype=cv2.CV_8U) for plane in picture]), np.uint8)

    def _camera(self, t_s: float) -> tuple[float, float, float]:
        """Where the camera looks, and its magnification; in the middle of the clip it looks at the middle."""
        away = (t_s - self._seconds / 2) * self._speed
        pan = PAN_RATE * away
        return {
            "static": (0.0, 0.0, 1.0),
            "pan_left": (-pan, 0.0, 1.0),
            "pan_right": (pan, 0.0, 1.0),
            "tilt_up": (0.0, -pan, 1.0),
            "tilt_down": (0.0, pan, 1.0),
            "zoom_in": (0.0, 0.0, math.exp(ZOOM_RATE * away)),
            "zoom_out": (0.0, 0.0, math.exp(-ZOOM_RATE * away)),
        }[self._scene.camera]

    # --- the background ---------------------------------------------------------------------------------------------

    def _background_texture(self) -> Plane:
        """Relative brightness of the background over all that the camera will see, one texel per pixel, fine detail."""
        reach = 0.5 * self._seconds * 1.08
        view = math.exp(ZOOM_RATE * reach) if self._scene.camera.startswith("zoom") else 1.0
        away = PAN_RATE * reach if self._scene.camera.startswith(("pan", "tilt")) else 0.0
        self._half_h, self._half_w = 0.5 * view + away, 0.5 * self._aspect * view + away
        rows = np.arange(math.ceil(2 * self._half_h * self._h) + 2, dtype=np.float32)
        columns = np.arange(math.ceil(2 * self._half_w * self._h) + 2, dtype=np.float32)
        y, x = (rows / self._h - self._half_h)[:, None], (columns / self._h - self._half_w)[None, :]
        noise = np.zeros((len(rows), len(columns)), np.float32)
        for octave in range(7):
            cell = self._h * 0.25 / 2**octave
            if cell < 1.5:
                break
            grid = self._rng.uniform(-1, 1, (int(len(rows) / cell) + 2, int(len(columns) / cell) + 2))
            noise += np.float32(0.8**octave) * _bilinear(grid.astype(np.float32), rows / cell, columns / cell)
        return (1 + 0.1 * noise + _pattern(self._scene.pattern, y, x, 1.5 / self._h)).astype(np.float32)

    def _lay_background(self, picture: Plane, camera: tuple[float, float, float]) -> None:
        """Fill the picture with what the camera sees behind the objects."""
        if self._still is None or self._still[0] != camera:
            x, y, zoom = camera
            texture = _bilinear(
                self._texture,
                (self._ys / zoom + y + self._half_h) * self._h,
                (self._xs / zoom + x + self._half_w) * self._h,
            )
            self._still = camera, texture
        np.multiply(self._still[1], self._ground[:, None, None], out=picture)

    # --- the objects ------------------------------------------------------------------------------------------------

    def _pose(self, i: int, thing: Thing, t_s: float) -> tuple[float, float, float, float]:
        """Centre, angle in radians and relative size of an object."""
        across, down = 0.34 * self._aspect, 0.28
        x, y, angle, scale = *map(float, self._nudge[i]), float(self._tilt[i]), 1.0
        side = 0.0 if len(self._scene.objects) == 1 else (-1.0 if i == 0 else 1.0)
        orbited = any(o.motion == "circle_around" for o in self._scene.objects)
        way = (2 * t_s / self._seconds - 1) * self._speed
        match thing.motion:
            case "left_to_right" | "right_to_left":
                x, y = x + (across if thing.motion == "left_to_right" else -across) * way, y + 0.2 * side
            case "diagonal":
                x, y = x + across * way + 0.1 * side, y + down * way - 0.1 * side
            case "circle_around":
                turn = 2 * math.pi * 0.4 * self._speed * t_s + float(self._phase[i, 0])
                x, y = x + 0.42 * math.cos(turn), y + 0.34 * math.sin(turn)
            case _:
                x += 0 if orbited else 0.21 * self._aspect * side
        match thing.motion:
            case "top_to_bottom" | "bottom_to_top":
                y += (down if thing.motion == "top_to_bottom" else -down) * way
            case "bounce":
                y += 0.26 - 0.5 * abs(math.sin(math.pi * self._speed * t_s + float(self._phase[i, 0])))
            case "rotate":
                angle += 2 * math.pi * 0.3 * self._speed * t_s
            case "grow" | "shrink":
                scale = 1.4 + (0.8 if thing.motion == "grow" else -0.8) * way
        return x, y, angle, scale

    def _draw(
        self, picture: Plane, i: int, thing: Thing, t_s: float, camera: tuple[float, float, float], morph: Morph | None
    ) -> None:
        """Lay one object over the picture, in place."""
        x, y, angle, scale = self._pose(i, thing, t_s)
        look_x, look_y, zoom = camera
        radius = RADIUS[thing.size] * scale * zoom
        x, y = (x - look_x) * zoom, (y - look_y) * zoom
        edge = 1.0 / self._h
        inside_y = np.flatnonzero(np.abs(self._ys - y) < radius * 1.15 + edge)
        inside_x = np.flatnonzero(np.abs(self._xs - x) < radius * 1.15 + edge)
        if not len(inside_y) or not len(inside_x):
            return
        box = np.s_[inside_y[0] : inside_y[-1] + 1, inside_x[0] : inside_x[-1] + 1]
        dy, dx = (self._ys[box[0]] - y)[:, None] / radius, (self._xs[box[1]] - x)[None, :] / radius
        u = (math.cos(angle) * dx + math.sin(angle) * dy).astype(np.float32)
        v = (math.cos(angle) * dy - math.sin(angle) * dx).astype(np.float32)
        distance, colour = _distance(thing.shape, u, v), np.array(RGB[thing.colour], np.float32)
        if morph is not None:
            other = np.array(RGB[morph.into.colour], np.float32)
            distance = (1 - morph.amount) * distance + morph.amount * _distance(morph.into.shape, u, v)
            colour = (1 - morph.amount) * colour + morph.amount * other
        cover = np.clip(0.5 - distance * radius / edge, 0, 1)
        rim = np.clip((distance + 0.12) / 0.08, 0, 1)
        a, b = map(float, self._phase[i])
        shade = (1 + 0.1 * np.sin(5 * u + a) + 0.1 * np.sin(6 * v + b)) * (1 - 0.45 * rim)
        for plane, level in zip(picture, colour, strict=True):
            plane[box] += cover * (shade * level - plane[box])


def _bilinear(plane: Plane, ys: Plane, xs: Plane) -> Plane:
    """`plane` at the crossings of fractional rows `ys` and columns `xs`, shape ``(len(ys), len(xs))``."""
    y0 = np.clip(ys.astype(np.intp), 0, plane.shape[0] - 2)
    x0 = np.clip(xs.astype(np.intp), 0, plane.shape[1] - 2)
    wy, wx = (ys - y0).astype(np.float32)[:, None], (xs - x0).astype(np.float32)
    rows = plane[y0] * (1 - wy) + plane[y0 + 1] * wy
    picked: Plane = rows[:, x0] * (1 - wx) + rows[:, x0 + 1] * wx
    return picked


def _pattern(pattern: str, y: Plane, x: Plane, soft: float) -> Plane | float:
    """Brightness that a pattern adds, over rows `y` and columns `x`; edges are `soft` heights wide."""
    if pattern == "plain":
        return 0.0
    period = 0.2

    def square_wave(phase: Plane) -> Plane:
        """-1 or 1, half a period each, with soft edges."""
        wave: Plane = np.clip(np.sin(2 * math.pi * phase / period) * period / (2 * math.pi * soft), -1, 1)
        return wave

    if pattern == "stripes":
        return 0.2 * square_wave(0.94 * x + 0.34 * y)
    if pattern == "checker":
        return 0.2 * square_wave(x / 1.25) * square_wave(y / 1.25)
    dy, dx = (y / period) % 1 - 0.5, (x / period) % 1 - 0.5
    spots: Plane = 0.42 * np.clip(0.5 + (0.28 - np.hypot(dy, dx)) * period / soft, 0, 1) - 0.12
    return spots


def _distance(shape: str, u: Plane, v: Plane) -> Plane:
    """Signed distance to the outline in object radii, negative inside; exact near the outline, roughly so elsewhere."""
    across, down = np.abs(u), np.abs(v)
    distance: Plane
    match shape:
        case "circle":
            distance = np.hypot(u, v) - 0.95
        case "ring":
            distance = np.abs(np.hypot(u, v) - 0.72) - 0.24
        case "square":
            distance = np.maximum(across, down) - 0.82
        case "cross":
            wide = np.maximum(across - 0.95, down - 0.3)
            distance = np.minimum(wide, np.maximum(across - 0.3, down - 0.95))
        case "triangle":
            distance = _pointed(u, v, points=3, inner=0.5)
        case "star":
            distance = _pointed(u, v, points=5, inner=0.42)
        case _:
            raise ValueError(f"no shape {shape!r}")
    return distance.astype(np.float32)


def _pointed(u: Plane, v: Plane, *, points: int, inner: float) -> Plane:
    """Distance to a star: outer corners at radius 1.1, the first one on top, `inner` times that between them."""
    half = math.pi / points
    angle = np.arctan2(u, -v)
    folded = np.abs((angle + half) % (2 * half) - half)
    radius = np.hypot(u, v)
    along, aside = radius * np.cos(folded), radius * np.sin(folded)
    tip, notch_x, notch_y = 1.1, 1.1 * inner * math.cos(half), 1.1 * inner * math.sin(half)
    edge_x, edge_y = notch_x - tip, notch_y
    length = math.hypot(edge_x, edge_y)
    distance: Plane = ((along - tip) * edge_y - aside * edge_x) / length
    return distance


def render(scene: Scene, *, width: int, height: int, fps: float, seed: int, seconds: float) -> Iterator[Frame]:
    """The frames of a clip without a fault, one after another."""
    renderer = Renderer(scene, width=width, height=height, seconds=seconds, seed=seed)
    for i in range(max(1, round(seconds * fps))):
        yield renderer.frame(i / fps, grain=i)
