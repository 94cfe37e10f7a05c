"""Where a clip breaks: cuts, freezes, black frames, repeated frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vbench.contracts import Measure, Metric, Moment, Series, Steps

FREEZE_S = 0.3
"""A picture held longer than this is a freeze; shorter holds are a low frame rate or animation on twos and threes."""
BLACK_SHARE, BLACK_MEAN = 0.95, 6.0
CUT_LEVELS, CUT_RATIO, CUT_LOST, CUT_COLOUR = 10.0, 3.0, 0.6, 0.2
REPAINTED_COLOUR, REPAINTED_HUE, FLASH_S = 0.9, 12.0, 0.5
"""Plain pictures have no texture to lose: nearly all colours are others, their hue too, and neither comes back."""
NEAR_BLACK_S = 0.15
"""A jump out of or into black belongs to the black stretch; so do the frames this close to it."""
DIP_S, SAME_LAYOUT = 0.5, 0.3
"""Black of at most this length between two shots is a cut; one shot's light and dark correlate at least this much."""


def is_black(steps: Steps) -> NDArray[np.bool_]:
    """Distinct frames of which at least 95 % is near-black and the mean below 6 levels, shape (N,)."""
    return np.asarray((steps.dark_share >= BLACK_SHARE) & (steps.mean_luma < BLACK_MEAN))


def black_stretches(steps: Steps) -> list[tuple[int, int]]:
    """First distinct frame of each black stretch, and the first one after it."""
    edges = np.flatnonzero(np.diff(np.r_[0, is_black(steps).astype(np.int8), 0]))
    return [(int(first), int(after)) for first, after in zip(edges[::2], edges[1::2], strict=True)]


def cut_positions(steps: Steps) -> NDArray[np.int64]:
    """Which distinct frames begin a new shot: hard cuts, and what follows a dip to black."""
    return np.array(sorted({*hard_cuts(steps), *dips(steps)}), np.int64)


def dips(steps: Steps) -> list[int]:
    """First frames after at most half a second of black that stands between two different pictures.

    The brightest frames within half a second on either side are compared, as a shot may fade out and in: light and
    dark lie elsewhere in the new one. A lamp that goes out and on again is none, nor black at the start or the end.
    """
    after_dips = []
    for first, after in black_stretches(steps):
        if first == 0 or after == len(steps.t_s) or steps.t_s[after] - steps.t_s[first] > DIP_S:
            continue
        low, high = np.searchsorted(steps.t_s, [steps.t_s[first] - DIP_S, steps.t_s[after] + DIP_S])
        sides = (slice(min(low, first - 1), first), slice(after, high))  # a picture held longer counts too
        a, b = (steps.tiles[side][steps.mean_luma[side].argmax()].astype(np.float64) for side in sides)
        a, b = a - a.mean(), b - b.mean()
        if np.dot(a, b) < SAME_LAYOUT * np.linalg.norm(a) * np.linalg.norm(b):
            after_dips.append(after)
    return after_dips


def hard_cuts(steps: Steps) -> list[int]:
    """Distinct frames at which the picture is another from one frame to the next.

    A step is a cut when it changes luma by at least 10 levels and 3 times the median of the 6 steps on either side,
    when at least 60 % of the textured blocks of the frame before are found nowhere near, and the layout of colours
    differs by at least 0.2 (or everything is lost). In a clip whose steps are all large, a step above the usual one is
    a cut where at least 80 % is lost and the colours differ by 0.35. Between plain pictures, where no block has much to
    lose, the step is a cut where it stands alone, the colours differ by 0.9 and their hue by 12 units of CIE Lab, and
    neither picture is seen again half a second beyond. Fast motion and flashes keep their blocks or come back; a lamp
    that goes on keeps its hues; fades out of black are no cuts.
    """
    black = is_black(steps)
    cuts = []
    for k in np.flatnonzero(~np.isnan(steps.lost)):
        around = np.r_[steps.change[max(1, k - 6) : k], steps.change[k + 1 : k + 7]]
        usual = float(np.median(around)) if len(around) else 0.0
        near = np.abs(steps.t_s - steps.t_s[k]) <= NEAR_BLACK_S
        stands_out = steps.change[k] >= CUT_RATIO * usual
        is_other = steps.lost[k] >= CUT_LOST and (steps.colour_change[k] >= CUT_COLOUR or steps.lost[k] >= 0.9)
        is_lost = steps.lost[k] >= 0.8 and steps.colour_change[k] >= 0.35 and steps.change[k] >= 1.2 * usual
        is_large = steps.change[k] >= CUT_LEVELS
        is_other = is_other or is_repainted(steps, int(k))
        if is_large and ((stands_out and is_other) or is_lost) and not black[near].any() and not black[k - 1]:
            cuts.append(int(k))
    return cuts


def is_repainted(steps: Steps, k: int) -> bool:
    """Whether step `k` alone, and not as the edge of a flash or a short dissolve, changes nearly all colours."""
    if steps.colour_change[k] < REPAINTED_COLOUR or steps.hue_change[k] < REPAINTED_HUE or k + 1 >= len(steps.t_s):
        return False
    if CUT_RATIO * max(steps.change[k - 1], steps.change[k + 1]) > steps.change[k]:
        return False
    near = np.abs(steps.t_s - steps.t_s[k]) <= FLASH_S
    later, earlier = steps.tiles[k + 1 :][near[k + 1 :]], steps.tiles[: k - 1][near[: k - 1]]
    seen_again = np.r_[tile_distance(later, steps.tiles[k - 1]), tile_distance(earlier, steps.tiles[k])]
    return not (seen_again < tile_distance(steps.tiles[k], steps.tiles[k - 1]) / 2).any()


def tile_distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean luma difference over the tiles, 8-bit levels, shape (N, 64) → (N,)."""
    return np.asarray(np.abs(a - b).mean(axis=-1), np.float32)


def cut_count(steps: Steps) -> Measure:
    """Cuts, each an event at the first frame of the new shot; the timeline is the luma change of each step."""
    cuts = cut_positions(steps)
    events = tuple(
        Moment(
            kind="cut",
            start_s=float(steps.t_s[k]),
            end_s=float(steps.t_s[k] + steps.held_s[k]),
            frame=int(steps.frame[k]),
            value=float(steps.change[k]),
        )
        for k in cuts
    )
    return Measure(float(len(cuts)), Series(steps.t_s, steps.change), events)


def freezes(steps: Steps) -> list[Moment]:
    """Stretches in which one picture stays for more than 0.3 s, whatever its light does."""
    begins = np.flatnonzero(steps.moved)
    held_s = np.diff(np.append(steps.t_s[begins], steps.t_s[-1] + steps.held_s[-1]))
    return [
        Moment(
            kind="freeze",
            start_s=float(steps.t_s[k]),
            end_s=float(steps.t_s[k] + stays_s),
            frame=int(steps.frame[k]),
            value=float(stays_s),
        )
        for k, stays_s in zip(begins, held_s, strict=True)
        if stays_s > FREEZE_S + 1e-6
    ]


def freeze_ratio(steps: Steps) -> Measure:
    """Share of the time during which the picture stands still for more than 0.3 s; 1 for a still picture."""
    stills = freezes(steps)
    total = sum(moment.value for moment in stills)
    return Measure(min(1.0, total / steps.duration_s) if steps.duration_s else 0.0, events=tuple(stills))


def freeze_longest(steps: Steps) -> float:
    """Seconds of the longest freeze; 0 where there is none."""
    return max((moment.value for moment in freezes(steps)), default=0.0)


def duplicate_ratio(steps: Steps) -> float:
    """Share of the file's frames (after the first) that repeat the one before; 0.5 for animation on twos."""
    return 1.0 - (len(steps.t_s) - 1) / (steps.n_frames - 1)


def black_ratio(steps: Steps) -> Measure:
    """Share of the time that is black, each stretch an event from its first black frame on."""
    black = is_black(steps)
    events, total = [], 0.0
    for first, after in black_stretches(steps):
        start_s, end_s = float(steps.t_s[first]), float(steps.t_s[after - 1] + steps.held_s[after - 1])
        total += end_s - start_s
        share = float(steps.dark_share[first:after].mean())
        events.append(Moment(kind="black", start_s=start_s, end_s=end_s, frame=int(steps.frame[first]), value=share))
    ratio = min(1.0, total / steps.duration_s) if steps.duration_s else float(black.all())
    return Measure(ratio, Series(steps.t_s, steps.dark_share), tuple(events))


FREEZE_RATIO = Metric(
    name="freeze_ratio",
    version=3,
    inputs=("steps",),
    compute=freeze_ratio,
    unit="ratio",
    higher_is_better=False,
    bounds=(0.0, 1.0),
    group="motion",
    min_frames=2,
    about="Share of the time in which the picture stands still for more than 0.3 s, whatever its light does.",
)
FREEZE_LONGEST = Metric(
    name="freeze_longest",
    version=3,
    inputs=("steps",),
    compute=freeze_longest,
    unit="s",
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    group="motion",
    min_frames=2,
    about="Length of the longest stretch in which the picture stands still.",
)
DUPLICATE_RATIO = Metric(
    name="duplicate_ratio",
    version=2,
    inputs=("steps",),
    compute=duplicate_ratio,
    unit="ratio",
    higher_is_better=None,
    bounds=(0.0, 1.0),
    group="motion",
    min_frames=2,
    about="Share of the file's frames that repeat the one before; about 0.5 for animation on twos.",
)
CUT_COUNT = Metric(
    name="cut_count",
    version=4,
    inputs=("steps",),
    compute=cut_count,
    unit="cuts",
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    group="temporal",
    min_frames=2,
    about="Cuts within the clip, through a moment of black too; a prompt for one shot expects none.",
)
BLACK_RATIO = Metric(
    name="black_ratio",
    version=2,
    inputs=("steps",),
    compute=black_ratio,
    unit="ratio",
    higher_is_better=False,
    bounds=(0.0, 1.0),
    group="picture",
    about="Share of the time that the picture is black.",
)
