"""What every adapter has to be, and that each shipped card goes with its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vbench.adapters import ADAPTERS, Adapter, adapter_class, works_here
from vbench.catalog.cards import cards, find_card
from vbench.errors import CatalogError, OptionError
from vbench.records import Handle, Plan, Provenance, Request, Status
from vbench.schema import Strict


class Idle(Adapter):
    """Nothing but what must be there."""

    def plan(self, request: Request) -> Plan:
        return Plan(model=self.card.id, adapter=self.card.adapter, request=request, body={}, identity={})

    def submit(self, plan: Plan) -> Handle:
        return Handle(id="1", data={})

    def poll(self, handle: Handle) -> Status:
        return Status(state="succeeded")

    def fetch(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        return out, Provenance()


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Register an object as the adapter ``idle``."""

    def register(thing: Any) -> None:
        monkeypatch.setitem(globals(), "THING", thing)
        monkeypatch.setitem(ADAPTERS._targets, "idle", point)

    from importlib.metadata import EntryPoint

    point = EntryPoint("idle", f"{__name__}:THING", "vbench.adapters")
    return register


@pytest.mark.parametrize("name", list(ADAPTERS))
def test_built_in_adapters_keep_the_contract(name: str) -> None:
    kind = adapter_class(name)
    assert issubclass(kind.options_model, Strict)
    assert kind.options_model is not Strict, "its cards have options"
    assert kind.is_local or not kind.lane, "a lane is a device of this machine"
    assert works_here(name) == kind.is_local


@pytest.mark.parametrize("name", list(cards()))
def test_each_shipped_card_goes_with_its_adapter(name: str) -> None:
    card = find_card(name)
    adapter_class(card.adapter).check_card(card)
    assert card.local == adapter_class(card.adapter).is_local or name == "openai-videos-local"


def test_a_card_that_hides_that_its_tool_is_local_is_refused() -> None:
    card = find_card("wan-2.2-5b").model_copy(update={"local": False})
    with pytest.raises(CatalogError, match=r"wan-2.2-5b.yaml:\d+: adapter 'diffusers' .* add `local: true`"):
        adapter_class("diffusers").check_card(card)


def test_what_an_adapter_need_not_say(registered: Any) -> None:
    registered(Idle)
    card = find_card("synthetic-clean").model_copy(update={"adapter": "idle", "options": {}})
    adapter = adapter_class("idle")(card)
    assert (adapter.is_local, adapter.lane, adapter.missing(card), adapter.server(card)) == (False, "", (), "")
    assert adapter.check() == ""
    assert not adapter.cancel(Handle(id="1", data={}))
    adapter.close()
    adapter.check_card(card)
    with pytest.raises(CatalogError, match="anything"):
        adapter.check_card(card.model_copy(update={"options": {"anything": 1}}))


def test_a_class_that_is_no_adapter_is_refused(registered: Any) -> None:
    registered(dict)
    with pytest.raises(OptionError, match="which is not derived"):
        adapter_class("idle")
    with pytest.raises(OptionError, match="no adapter 'nothing'"):
        adapter_class("nothing")
    assert not works_here("nothing")
