"""OpenRouter: limits, prices and end dates come from the catalogue as it is now, and nonsense in it is refused."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.driver import drive, hosted
from tests.cli.test_models import run as models
from tests.fakes.hosted import Fake
from tests.fakes.protocols import PROTOCOLS
from tests.fakes.protocols.openrouter import CATALOGUE
from vbench.adapters import openrouter
from vbench.adapters.contract import Adapter
from vbench.errors import JobError
from vbench.records import Prompt, Request

CAT = Prompt(id="cat", text="a cat on a roof")


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The fake's catalogue, to be changed before it is asked for."""
    changed = copy.deepcopy(CATALOGUE)
    spec = dataclasses.replace(PROTOCOLS["openrouter"], free={"/videos/models": {"data": changed}})
    monkeypatch.setitem(PROTOCOLS, "openrouter", spec)
    monkeypatch.setattr(openrouter, "_read", {})
    return changed


def billed(adapter: Adapter) -> Adapter:
    adapter.card = adapter.card.model_copy(update={"local": False})
    return adapter


def test_limits_and_prices_are_those_of_the_catalogue(
    entries: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Fake("openrouter") as fake, hosted(fake, monkeypatch) as (adapter, _):
        billed(adapter)
        plan = adapter.plan(Request(prompt=CAT, seed=7, seconds=5, width=1920, height=1080))
        assert plan.body == {
            "model": "google/veo-3.1-lite",
            "prompt": CAT.text,
            "duration": 4,
            "resolution": "1080p",
            "aspect_ratio": "16:9",
            "seed": 7,
            "generate_audio": False,
        }
        assert plan.cost_usd == pytest.approx(4 * 0.05)
        assert any("makes no clip of 5 s: 4 s" in warning for warning in plan.warnings)
        assert adapter.plan(Request(prompt=CAT, audio=True)).cost_usd == pytest.approx(4 * 0.05)
        assert adapter.plan(Request(prompt=CAT)).cost_usd == pytest.approx(4 * 0.03)
        assert sum(asked.path.endswith("/videos/models") for asked in fake.asked) == 1, "read once for a whole plan"
        assert not any("authorization" in asked.headers for asked in fake.asked), "the catalogue needs no key"


@pytest.mark.parametrize(
    ("model", "seconds", "usd"),
    [
        ("black-forest-labs/flux-3-video", 5, 1.00),  # at least a dollar
        ("black-forest-labs/flux-3-video", 10, 1.70),
        ("bytedance/seedance-2.0", 5, 0.000007 * 1280 * 720 * 24 * 5 / 1024),
        ("some/odd", 5, None),
    ],
)
def test_units_of_prices(
    model: str, seconds: float, usd: float | None, entries: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_VIDEO_MODEL", model)
    with Fake("openrouter") as fake, hosted(fake, monkeypatch) as (adapter, _):
        cost = billed(adapter).plan(Request(prompt=CAT, seconds=seconds)).cost_usd
        assert cost == (None if usd is None else pytest.approx(usd, rel=1e-3))


@pytest.mark.parametrize("price", ["-0.5", -1, "NaN", "inf", "free!", None, True, [], {"usd": 1}])
def test_a_price_that_is_no_amount_of_money_is_refused_by_sentence(
    price: Any, entries: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    entries[0]["pricing_skus"]["duration_seconds_without_audio_720p"] = price
    with Fake("openrouter") as fake, hosted(fake, monkeypatch) as (adapter, _):
        with pytest.raises(JobError, match=r"google/veo-3\.1-lite the price .* which is no amount of money"):
            adapter.plan(Request(prompt=CAT))
        assert fake.creates == 0


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": "none"}, [], {"data": [None, 3, {"name": "no id"}]}])
def test_a_catalogue_that_is_none_plans_nothing(body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = dataclasses.replace(PROTOCOLS["openrouter"], free={"/videos/models": body})
    monkeypatch.setitem(PROTOCOLS, "openrouter", spec)
    with (
        Fake("openrouter") as fake,
        hosted(fake, monkeypatch) as (adapter, _),
        pytest.raises(JobError, match="catalogue cannot be read"),
    ):
        adapter.plan(Request(prompt=CAT))


def test_a_model_that_is_not_there_or_has_ended(entries: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_VIDEO_MODEL", "google/veo-3.1-lit")
    with Fake("openrouter") as fake, hosted(fake, monkeypatch) as (adapter, _):
        with pytest.raises(JobError, match=r"no video model .*did you mean google/veo-3\.1-lite"):
            adapter.plan(Request(prompt=CAT))
        entries[0]["expiration_date"] = str(datetime.date.today() - datetime.timedelta(days=1))
        monkeypatch.setenv("OPENROUTER_VIDEO_MODEL", "google/veo-3.1-lite")
        openrouter._read.clear()
        with pytest.raises(JobError, match="ended on") as caught:
            adapter.plan(Request(prompt=CAT))
        assert caught.value.code == "model_retired"


def test_a_job_with_a_first_frame_and_what_it_billed(
    entries: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first.png").write_bytes(b"\x89PNG\r\n\x1a\n0123")
    with Fake("openrouter") as fake, hosted(fake, monkeypatch) as (adapter, _):
        framed = dataclasses.replace(CAT, image=str(tmp_path / "first.png"))
        run = drive(adapter, tmp_path / "clip", Request(prompt=framed))
        assert run.end == "file", run.error
        created = next(asked.json for asked in fake.asked if asked.method == "POST")
        (frame,) = created["frame_images"]
        assert frame["frame_type"] == "first_frame"
        assert frame["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgowMTIz"
        assert "input_references" not in created
        assert run.provenance is not None
        assert (run.provenance.cost_usd, run.provenance.cost_source) == (0.12, "billed")


def test_references_go_to_models_that_price_them_and_to_no_other(
    entries: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "who.png").write_bytes(b"\x89PNG\r\n\x1a\n0123")
    shown = dataclasses.replace(CAT, references=(str(tmp_path / "who.png"),))
    with Fake("openrouter") as fake, hosted(fake, monkeypatch) as (adapter, _):
        assert "input_references" not in adapter.plan(Request(prompt=shown)).body
    entries[0]["pricing_skus"]["reference_images"] = "0.01"
    openrouter._read.clear()
    with Fake("openrouter") as fake, hosted(fake, monkeypatch) as (adapter, _):
        run = drive(adapter, tmp_path / "clip", Request(prompt=shown))
        assert run.end == "file", run.error
        created = next(asked.json for asked in fake.asked if asked.method == "POST")
        (one,) = created["input_references"]
        assert one["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgowMTIz"
        plain = billed(adapter).plan(Request(prompt=CAT)).cost_usd
        assert adapter.plan(Request(prompt=shown)).cost_usd == pytest.approx(plain + 0.01)


def test_the_catalogue_is_listed(entries: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    entries[1]["expiration_date"] = "2027-01-31"
    entries[2]["pricing_skus"]["video_tokens"] = "-1"
    with Fake("openrouter") as fake:
        monkeypatch.setenv("OPENROUTER_BASE_URL", fake.base_url)
        monkeypatch.setattr("vbench.adapters.wire.LONGEST_WAIT_S", 0.0)
        listed = json.loads(models("offers", "openrouter", "--json").stdout)["offers"]
        assert [offer["id"] for offer in listed] == [entry["id"] for entry in CATALOGUE]
        assert listed[0]["price"] == "$0.03 to 0.05/s"
        assert listed[0]["seconds"] == "4 to 8 s"
        assert listed[1]["ends"] == "2027-01-31"
        assert "no amount of money" in listed[2]["price"]
        assert listed[3]["price"] == "price unknown"
        text = models("offers", "openrouter").stdout
        assert "ends 2027-01-31" in text
        assert text.count("\n") == len(CATALOGUE)
    assert "has no catalogue" in str(models("offers", "kling-v3").exception)
