"""The hosted protocols that the fake server speaks, one module a vendor; the fault table walks all of them."""

from __future__ import annotations

from tests.fakes.protocol import Protocol
from tests.fakes.protocols import (
    ark,
    bfl,
    dashscope,
    fal,
    google,
    kling,
    luma,
    minimax,
    openai,
    openrouter,
    pixverse,
    replicate,
    runway,
    tencent,
    vidu,
    xai,
    zhipu,
)

VENDORS = (
    openai,
    kling,
    ark,
    zhipu,
    dashscope,
    minimax,
    tencent,
    vidu,
    runway,
    luma,
    xai,
    pixverse,
    fal,
    replicate,
    google,
    bfl,
    openrouter,
)

PROTOCOLS: dict[str, Protocol] = {name: protocol for vendor in VENDORS for name, protocol in vendor.PROTOCOLS.items()}
