"""The eighty things that detectors trained on COCO know, and other words that people write for them."""

from __future__ import annotations

_NAMES = (
    "person|bicycle|car|motorcycle|airplane|bus|train|truck|boat|traffic light|fire hydrant|stop sign|parking meter|"
    "bench|bird|cat|dog|horse|sheep|cow|elephant|bear|zebra|giraffe|backpack|umbrella|handbag|tie|suitcase|frisbee|"
    "skis|snowboard|sports ball|kite|baseball bat|baseball glove|skateboard|surfboard|tennis racket|bottle|wine glass|"
    "cup|fork|knife|spoon|bowl|banana|apple|sandwich|orange|broccoli|carrot|hot dog|pizza|donut|cake|chair|couch|"
    "potted plant|bed|dining table|toilet|tv|laptop|mouse|remote|keyboard|cell phone|microwave|oven|toaster|sink|"
    "refrigerator|book|clock|vase|scissors|teddy bear|hair drier|toothbrush"
)
COCO = tuple(_NAMES.split("|"))
"""In the order of their classes."""
_ALSO = {
    "person": "man|woman|boy|girl|child|kid|baby|lady|guy|people|human|adult|dancer|chef|worker|farmer|soldier|athlete|"
    "cyclist|surfer|skier|runner|pedestrian|player|singer|musician|astronaut|firefighter|policeman|nurse|doctor",
    "bicycle": "bike",
    "car": "taxi|cab|sedan|sports car|automobile|police car",
    "motorcycle": "motorbike|scooter|moped",
    "airplane": "plane|aeroplane|aircraft|jet",
    "bus": "coach|school bus|double-decker",
    "train": "locomotive|tram|steam train",
    "truck": "lorry|pickup|pickup truck",
    "boat": "ship|sailboat|sailing boat|canoe|kayak|rowing boat|yacht|ferry",
    "bird": "seagull|parrot|pigeon|sparrow|eagle|owl|hummingbird|chicken|duck|swan|crow",
    "cat": "kitten",
    "dog": "puppy",
    "horse": "pony|stallion",
    "sheep": "lamb",
    "cow": "bull|calf|cattle",
    "bear": "brown bear|grizzly|polar bear|panda",
    "sports ball": "ball|football|basketball|soccer ball|tennis ball|volleyball",
    "cup": "mug|coffee cup|teacup",
    "wine glass": "glass of wine",
    "donut": "doughnut",
    "couch": "sofa",
    "potted plant": "houseplant|plant pot",
    "dining table": "table|desk",
    "tv": "television|monitor|screen",
    "laptop": "notebook computer",
    "cell phone": "phone|mobile phone|smartphone",
    "refrigerator": "fridge",
    "clock": "wall clock|alarm clock",
    "handbag": "purse",
    "hair drier": "hair dryer",
}
_THING = {name: name for name in COCO} | {word: name for name, words in _ALSO.items() for word in words.split("|")}


def thing_of(noun: str) -> str | None:
    """The COCO class that a noun names, by itself or with words before it (`red car`); None: none of them."""
    words = noun.lower().strip().removeprefix("a ").removeprefix("an ").removeprefix("the ").split()
    for start in range(len(words)):
        rest = " ".join(words[start:])
        for form in (rest, rest.removesuffix("s"), rest.removesuffix("es")):
            if form in _THING:
                return _THING[form]
    return None
