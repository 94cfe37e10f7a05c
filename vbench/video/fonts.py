"""Letters in pictures: a font that has as many of the world's as this system offers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import ImageFont

FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
)
"""By preference; Pillow's own, which comes last, has Latin, Greek and Cyrillic letters only."""


@lru_cache
def font(size: float) -> Any:
    """A Pillow font.

    Args:
        size: Height of a line in pixels.
    """
    path = next((path for path in FONTS if Path(path).exists()), None)
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
