"""Wrong prompts that are hard to tell from the right one: one word swapped first, then other scenes."""

from __future__ import annotations

import re

from vbench.records import digest

POOL_VERSION = 1
"""Raised when the words or scenes below change: ranks against other distractors are other numbers."""
N_DISTRACTORS = 63
N_SWAPS = 32
"""At most this many are the prompt with one word swapped."""

SWAPS: tuple[tuple[str, ...], ...] = (
    ("red", "blue", "green", "yellow", "black", "white", "purple", "orange", "pink", "brown", "grey", "golden", "cyan"),
    ("left", "right"),
    ("up", "down"),
    ("in", "out"),
    ("top", "bottom"),
    ("day", "night", "dawn", "dusk", "sunset", "sunrise", "noon"),
    ("summer", "winter", "autumn", "spring"),
    ("man", "woman", "boy", "girl", "child"),
    ("he", "she"),
    ("his", "her"),
    ("dog", "cat", "horse", "bird", "hummingbird", "fish", "elephant", "lion", "rabbit", "bear", "sheep"),
    ("car", "bus", "train", "bicycle", "truck", "boat", "plane", "motorcycle"),
    ("one", "two", "three", "four", "five", "six"),
    ("small", "large", "medium", "tiny", "huge"),
    ("slow", "fast"),
    ("slowly", "quickly"),
    ("walks", "runs", "jumps", "sits", "stands", "dances", "sleeps", "swims"),
    ("walking", "running", "jumping", "sitting", "standing", "dancing", "sleeping", "swimming", "dodging", "flying"),
    ("rain", "snow", "fog", "sunshine", "wind"),
    ("beach", "forest", "mountain", "desert", "city", "street", "river", "garden", "kitchen", "sea"),
    ("happy", "sad", "angry", "calm"),
    ("old", "young"),
    ("hot", "cold"),
    ("open", "closed"),
    ("empty", "full"),
    ("close-up", "wide"),
    ("pans", "tilts", "zooms", "rolls"),
    ("towards", "from"),
    ("moves", "stays"),
    ("circle", "square", "triangle", "star", "ring", "cross"),
    ("plain", "striped", "checkered", "dotted"),
    ("anime", "photographic", "watercolour", "clay"),
    ("flower", "tree", "stone", "leaf", "mushroom"),
    ("cup", "bottle", "glass", "plate", "bowl"),
    ("water", "fire", "sand", "smoke"),
)
SCENES: tuple[str, ...] = tuple(
    f"{who} {what} {where}"
    for who, what, where in zip(
        (
            "an old fisherman", "a chef", "two children", "a robot", "a ballerina", "a white horse", "a flock of geese",
            "a red car", "a steam train", "a sailing boat", "a black cat", "a street musician", "a crowd", "a surgeon",
            "a knight", "a football player", "a fox", "a butterfly", "a drone", "a snowboarder", "a baker", "a tiger",
            "a couple", "a skateboarder", "a potter", "an astronaut", "a beekeeper", "a wolf", "a waiter",
            "a violinist",
            "a diver", "a glass of wine", "a candle", "a waterfall", "a city skyline", "a market", "a lighthouse",
            "a field of wheat", "a volcano", "a bridge", "a library", "a bowl of fruit", "a windmill", "a paper plane",
            "a spider", "a goldfish", "a campfire", "a clock", "a typewriter", "a balloon", "a tractor", "an owl",
            "a ship", "a hand", "a dancer", "a tram", "a kite", "a pianist", "a monk", "a snail", "a swimmer",
            "a shepherd", "a gardener", "a jellyfish", "a firefighter", "a painter",
        ),
        (
            "repairs a net", "slices onions", "fly a kite", "pours tea", "spins", "gallops", "lands", "turns a corner",
            "crosses a viaduct", "sails", "stretches", "plays the accordion", "cheers", "washes hands", "lifts a sword",
            "kicks a ball", "sniffs the ground", "opens its wings", "takes off", "jumps", "kneads dough", "drinks",
            "dances", "falls", "shapes a vase", "waves", "opens a hive", "howls", "carries plates", "tunes a violin",
            "sinks", "tips over", "burns down", "freezes", "lights up", "wakes", "blinks", "sways", "smokes", "opens",
            "fills with people", "rots", "turns", "glides", "weaves a web", "circles", "crackles", "strikes twelve",
            "types by itself", "bursts", "ploughs", "turns its head", "leaves", "writes a letter", "bows",
            "stops", "crashes", "plays", "meditates", "crawls", "dives in", "counts sheep", "prunes a rose", "pulses",
            "climbs a ladder", "mixes colours",
        ),
        (
            "on a pier at dawn", "in a restaurant kitchen", "on a windy hill", "in an empty office", "on a stage",
            "through shallow water", "on a frozen lake", "in heavy rain", "in the mountains", "in a storm", "on a roof",
            "in a subway station", "in a stadium at night", "in a hospital", "in a burning castle", "in the mud",
            "in fresh snow", "on a yellow flower", "over a vineyard", "at sunset", "at four in the morning",
            "from a jungle river", "in a ballroom", "down a staircase", "in a dusty workshop", "on the moon",
            "in an orchard", "on a cliff", "in a crowded cafe", "in a church", "beside a coral reef", "in slow motion",
            "in a dark room", "in winter", "after sunset", "in Morocco", "in thick fog", "in a summer breeze",
            "under the stars", "over a canyon", "on a rainy afternoon", "in a still life", "in Holland",
            "across a classroom", "in a cellar", "in a round bowl", "on a beach at night", "in a clock tower",
            "on a wooden desk", "in a blue sky", "on a foggy field", "in a barn", "at a busy harbour", "by candlelight",
            "in a hall of mirrors", "at a snowy crossing", "into the sea", "in a concert hall", "in a temple garden",
            "on a wet leaf", "into a quarry lake", "in a green valley", "in a greenhouse", "in deep water",
            "at a burning house", "in an attic studio",
        ),
        strict=True,
    )
)  # fmt: skip


def distractors(text: str) -> list[str]:
    """63 wrong prompts for `text`, the same ones every time; none is the prompt itself."""
    swapped = sorted(set(_swapped(text)), key=lambda wrong: digest(text, wrong))[:N_SWAPS]
    others = sorted((scene for scene in SCENES if scene != text), key=lambda scene: digest(text, scene))
    return [*swapped, *others][:N_DISTRACTORS]


def _swapped(text: str) -> list[str]:
    found = []
    for match in re.finditer(r"[\w-]+", text):
        word = match.group()
        for group in SWAPS:
            if word.lower() in group:
                for other in group:
                    if other != word.lower():
                        new = other.capitalize() if word[0].isupper() else other
                        found.append(text[: match.start()] + new + text[match.end() :])
    return found
