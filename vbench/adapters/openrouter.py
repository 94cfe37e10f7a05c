"""OpenRouter: many video models behind one key, whose limits, prices and end dates are read from its live catalogue."""

from __future__ import annotations

import datetime
import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from vbench.adapters.contract import Offer
from vbench.adapters.http.adapter import HttpAdapter
from vbench.adapters.http.options import HttpOptions
from vbench.adapters.secrets import expand
from vbench.adapters.wire import Wire
from vbench.catalog.card import CardLimits, Price
from vbench.catalog.cards import ModelCard
from vbench.catalog.wishes import pixels
from vbench.errors import JobError
from vbench.records import Handle, Plan, Request
from vbench.registry import did_you_mean
from vbench.schema import Strict

KEPT_S = 600.0
"""How long a catalogue that was read counts as live: a plan of thousands of clips reads it once."""
TOKEN_FPS, TOKEN_PIXELS = 24, 1024
"""ByteDance's rule for what is billed by tokens: width x height x 24 x seconds / 1024."""
OTHER_WORK = ("continuation", "video_input", "input_video", "edit", "extend", "upscale", "motion", "reference_")
"""In names of prices: work that is not asked for here."""
_SECOND = re.compile(
    r"(?P<cents>cents_)?(?:per_)?(?:(?P<from>text_to_video|image_to_video)_)?(?:duration_seconds?|(?:video_)?output_second"
    r"|second_output|video_second)(?:_(?P<sound>with|without)_audio)?(?:_(?P<tier>\d+[pk]))?"
)
_TOKEN = re.compile(r"video_tokens?(?:_without_audio)?(?:_(?P<tier>\d+[pk]))?")
_AREA = re.compile(r"cents_per_megapixel_second(?:_output)?(?:_(?P<tier>\d+[pk]))?")

_lock = threading.Lock()
_read: dict[str, tuple[float, list[Mapping[str, Any]]]] = {}


class OpenRouterOptions(Strict):
    """The `options` of a card whose adapter is ``openrouter``."""

    base_url: str
    """Up to and with ``/v1``."""
    key: str
    """``${OPENROUTER_API_KEY}``."""
    model: str
    """As the catalogue names it, ``google/veo-3.1``; may refer to the environment."""
    every_s: float = Field(default=20.0, gt=0)
    """The documentation asks for half a minute between two questions."""
    timeout_s: float = Field(default=3600.0, gt=0)
    max_bytes: int = Field(default=2 * 2**30, gt=0)


class OpenRouterAdapter(HttpAdapter):
    """One model of OpenRouter's catalogue; what the card leaves open is what the catalogue says now."""

    options_model = OpenRouterOptions

    def __init__(self, card: ModelCard, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Check the card's options; nothing is connected to.

        Raises:
            CatalogError: an option is unknown or wrong.
        """
        self._own = card.options_as(OpenRouterOptions)
        super().__init__(card, options=_protocol(card, self._own), sleep=sleep)
        self._is_live = False

    def plan(self, request: Request) -> Plan:
        """As of any http tool, with limits and price as the catalogue has them now.

        Raises:
            JobError: the catalogue cannot be read, does not hold the model, or names a price that is none.
        """
        if not self._is_live:
            model = expand(self._own.model, model=self.card.id)
            self.card = live_card(self.card, self._entry(model))
            self.options = _protocol(self.card, self._own, model)
            self._is_live = True
        return super().plan(request)

    def check(self) -> str:
        """The model's line in the catalogue; the key is not tried, since every call that needs it may cost."""
        self._connected().credentials()
        model = expand(self._own.model, model=self.card.id)
        offer = _offer(self.card.id, self._entry(model))
        return f"key set; the catalogue has {offer.name}, {offer.price}" + (
            f", until {offer.ends}" if offer.ends else ""
        )

    def offers(self) -> tuple[Offer, ...]:
        """Every video model of the catalogue."""
        return tuple(_offer(self.card.id, entry) for entry in self._catalogue())

    def _entry(self, model: str) -> Mapping[str, Any]:
        entries = {str(entry["id"]): entry for entry in self._catalogue()}
        if model not in entries:
            raise JobError(
                f"{self.card.id}: OpenRouter's catalogue has no video model {model!r}; "
                f"{did_you_mean(model, list(entries))}; `vbench models offers {self.card.id}` lists all",
                code="model_retired",
            )
        return entries[model]

    def _catalogue(self) -> list[Mapping[str, Any]]:
        base_url = expand(self._own.base_url, model=self.card.id)
        with _lock:
            at, entries = _read.get(base_url, (-math.inf, []))
            if time.monotonic() - at > KEPT_S:
                wire = Wire(model=self.card.id, base_url=base_url, sleep=self._sleep)  # without the key: it is public
                try:
                    response = wire.get("/videos/models")
                finally:
                    wire.close()
                data = response.json.get("data") if isinstance(response.json, Mapping) else None
                entries = (
                    [e for e in data or () if isinstance(e, Mapping) and e.get("id")] if isinstance(data, list) else []
                )
                if not response.ok or not entries:
                    raise JobError(
                        f"{self.card.id}: OpenRouter's catalogue cannot be read (HTTP {response.status}, "
                        f"{len(entries)} models); nothing is planned without its prices, try again later",
                        code="provider_error",
                    )
                _read[base_url] = (time.monotonic(), entries)
            return entries

    def _result_url(self, handle: Handle) -> str:
        return f"{self._connected().base_url}/videos/{handle.id}/content?index=0"


def live_card(card: ModelCard, entry: Mapping[str, Any]) -> ModelCard:
    """A card with the limits, abilities and price that the catalogue names now.

    Raises:
        JobError: the model's end date has come, or a price is none.
    """
    _refuse_if_ended(card, entry)
    frames = _words(entry, "supported_frame_images")
    can = {
        "seed": entry.get("seed") is True,
        "audio": "default_on" if entry.get("generate_audio") is True else "no",
        "i2v": "first_frame" in frames,
        "last_image": "last_frame" in frames,
        # the catalogue says that a model takes references by naming their price, and never how many
        "references": max(1, card.capabilities.references) if _takes_references(entry) else 0,
    }
    seconds = tuple(
        sorted({number for value in entry.get("supported_durations") or () if (number := _positive(value))})
    )
    tiers = tuple(
        tier for tier in map(str.lower, _words(entry, "supported_resolutions")) if re.fullmatch(r"\d+[pk]", tier)
    )
    ratios = tuple(ratio for ratio in _words(entry, "supported_aspect_ratios") if re.fullmatch(r"\d+:\d+", ratio))
    limits = {"seconds": seconds, "resolutions": tiers, "ratios": ratios}
    defaults = {
        "seconds": min(seconds, key=lambda s: abs(s - (card.defaults.seconds or 5.0))) if seconds else None,
        "resolution": _chosen(card.defaults.resolution, tiers),
        "ratio": _chosen(card.defaults.ratio, ratios),
    }
    known = {name: value for name, value in limits.items() if value}
    return card.model_copy(
        update={
            "capabilities": card.capabilities.model_copy(update=can),
            "limits": CardLimits.model_validate({**card.limits.model_dump(exclude=set(known)), **known}),
            "defaults": card.defaults.model_copy(update={name: value for name, value in defaults.items() if value}),
            "price": price_of_skus(card.id, entry, tiers),
        }
    )


def _takes_references(entry: Mapping[str, Any]) -> bool:
    skus = entry.get("pricing_skus")
    return isinstance(skus, Mapping) and any(str(name).replace("-", "_") == "reference_images" for name in skus)


def price_of_skus(card: str, entry: Mapping[str, Any], tiers: tuple[str, ...] = ()) -> Price | None:
    """Dollars a second from the catalogue's list of prices; None: it is in units that are not known here.

    Raises:
        JobError: a price is negative, infinite or no number.
    """
    skus = entry.get("pricing_skus")
    if not isinstance(skus, Mapping) or not skus:
        return None
    rates: dict[str, dict[str, float]] = {"usd_per_s": {}, "usd_per_s_audio": {}, "usd_per_s_image": {}}
    more: dict[str, float] = {}
    for name, value in skus.items():
        rate, name = _rate(card, entry, str(name), value), str(name).replace("-", "_")
        if name in ("cents_per_image_input", "reference_images"):
            more["usd_per_image"] = rate / 100 if name.startswith("cents") else rate
        elif name == "minimum_cents_per_generation":
            more["usd_at_least"] = rate / 100
        elif any(word in name for word in OTHER_WORK):
            continue
        elif (match := _SECOND.fullmatch(name)) is not None:
            field = "usd_per_s_audio" if match["sound"] == "with" else "usd_per_s"
            field = "usd_per_s_image" if match["from"] == "image_to_video" else field
            rates[field][match["tier"] or ""] = rate / 100 if match["cents"] else rate
        elif (match := _TOKEN.fullmatch(name)) or (match := _AREA.fullmatch(name)):
            for tier in (match["tier"],) if match["tier"] else tiers:
                area = math.prod(side or 0 for side in pixels(tier, "16:9"))
                per_s = rate * area * TOKEN_FPS / TOKEN_PIXELS if name.startswith("video") else rate / 100 * area / 1e6
                rates["usd_per_s"][tier] = per_s
        else:
            return None
    tiered = {field: _tiered(of, tiers) for field, of in rates.items() if of}
    tiered.setdefault("usd_per_s", tiered.get("usd_per_s_audio", {}))
    if not tiered["usd_per_s"]:
        return None
    return Price.model_validate(
        {**tiered, **more, "source": "OpenRouter's catalogue, read live", "checked_on": datetime.date.today()}
    )


def _tiered(rates: Mapping[str, float], tiers: tuple[str, ...]) -> float | dict[str, float]:
    """One rate, or one for each resolution, where those without their own have the general one."""
    if set(rates) == {""}:
        return rates[""]
    general = dict.fromkeys(tiers, rates[""]) if "" in rates else {}
    return {**general, **{tier: rate for tier, rate in rates.items() if tier}}


def _rate(card: str, entry: Mapping[str, Any], name: str, value: Any) -> float:
    try:
        rate = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        rate = math.nan
    if not (math.isfinite(rate) and rate >= 0):
        raise JobError(
            f"{card}: OpenRouter's catalogue gives {entry['id']} the price {str(value)[:60]!r} for {name}, which is no "
            "amount of money; nothing is sent until it is put right there",
            code="provider_error",
        )
    return rate


def _refuse_if_ended(card: ModelCard, entry: Mapping[str, Any]) -> None:
    ends = _date(entry.get("expiration_date"))
    if ends is not None and ends <= datetime.date.today():
        raise JobError(
            f"{card.id}: OpenRouter's catalogue says that {entry['id']} ended on {ends}; choose another model",
            code="model_retired",
        )


def _offer(card: str, entry: Mapping[str, Any]) -> Offer:
    tiers = tuple(map(str.lower, _words(entry, "supported_resolutions")))
    try:
        price = price_of_skus(card, entry, tiers)
        rate = None if price is None else price.usd_per_s
        words = "price unknown" if rate is None else "$" + _span(rate) + "/s"
    except JobError as error:
        words = f"refused: {error}"
    seconds = [number for value in entry.get("supported_durations") or () if (number := _positive(value))]
    return Offer(
        id=str(entry["id"]),
        name=str(entry.get("name") or entry["id"]),
        price=words,
        seconds=f"{min(seconds):g} to {max(seconds):g} s" if seconds else "",
        resolutions=tiers,
        since=str(_date(entry.get("created")) or ""),
        ends=str(_date(entry.get("expiration_date")) or ""),
    )


def _span(rate: float | Mapping[str, float]) -> str:
    values = [rate] if isinstance(rate, float) else list(rate.values()) if isinstance(rate, Mapping) else [float(rate)]
    low, high = min(values), max(values)
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _words(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = entry.get(name)
    return tuple(str(value) for value in values) if isinstance(values, list) else ()


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 and not isinstance(value, bool) else None


def _chosen(wish: str, offered: tuple[str, ...]) -> str:
    return wish if wish in offered else offered[0] if offered else wish


def _date(value: Any) -> datetime.date | None:
    """A day given as ISO 8601 or in Unix seconds."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.datetime.fromtimestamp(value, datetime.UTC).date()
        return datetime.datetime.fromisoformat(str(value)).date() if value else None
    except (ValueError, OverflowError, OSError):
        return None


def _protocol(card: ModelCard, own: OpenRouterOptions, model: str = "") -> HttpOptions:
    """The protocol in the words of the http adapter, as far as the model takes it."""
    body: dict[str, Any] = {
        "model": model,
        "prompt": "{prompt}",
        "duration": "{seconds:int?}",
        "resolution": "{tier?}",
        "aspect_ratio": "{ratio?}",
        "frame_images": [
            {"type": "image_url", "image_url": {"url": "{image:data_url?}"}, "frame_type": "first_frame"},
            {"type": "image_url", "image_url": {"url": "{last_image:data_url?}"}, "frame_type": "last_frame"},
        ],
        "input_references": [{"type": "image_url", "image_url": {"url": "{reference:data_url?}"}}],
    }
    if card.capabilities.seed:
        body["seed"] = "{seed:int}"
    if card.capabilities.audio != "no":
        body["generate_audio"] = "{audio:bool}"
    return HttpOptions.model_validate(
        {
            "base_url": own.base_url,
            "auth": {"header": "Authorization", "value": f"Bearer {own.key}"},
            "create": {"path": "/videos", "body": body, "id": "$.id"},
            "poll": {
                "path": "/videos/{id}",
                "every_s": own.every_s,
                "timeout_s": own.timeout_s,
                "state": "$.status",
                "states": {
                    "pending": "queued",
                    "in_progress": "running",
                    "processing": "running",
                    "completed": "succeeded",
                    "failed": "failed",
                    "cancelled": "cancelled",
                    "expired": "expired",
                },
            },
            "result": {
                "url": ["$.unsigned_urls[0]", "$.id"],
                "with_key": True,
                "meta": {"version": "$.model", "extra": {"generation": "$.generation_id"}},
            },
            "cost": {"units": "$.usage.cost", "usd_per_unit": 1.0},
            "errors": {
                "code": "$.error.code",
                "message": ["$.error.message", "$.error"],
                "reasons": {
                    "402": "no_balance",
                    "429": "rate_limited",
                    "/output.*(moderat|polic|safety)/": "moderated_output",
                    "/moderat|content.?policy|safety|flagged/": "moderated_input",
                    "/insufficient credits/": "no_balance",
                },
            },
            "max_bytes": own.max_bytes,
        }
    )
