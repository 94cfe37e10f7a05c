"""Model cards: each built-in one means something, and a wrong one is told where and what to write instead."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from vbench.adapters import ADAPTERS
from vbench.adapters.templates import NAMES, with_files
from vbench.catalog.cards import ModelCard, cards, env_names, estimate_cost, find_card, read_card
from vbench.errors import CatalogError, JobError
from vbench.records import Prompt, Request

BUILT_IN = cards()

ASKED_FOR = """
sora-2 gemini-omni-1.1-flash veo-3.1 kling-v3 seedance-2.0 seedance-2.0-cn cogvideox-3 cogvideox-3-cn wan-2.7 wan-3.0
happyhorse-1.1 minimax-h3 hailuo-2.3 hunyuan-1.5-hosted vidu-q3-pro gen-4.5 luma-ray-3.2 grok-imagine-1.5 pixverse-v6
fal-wan-2.2-a14b replicate-wan-2.2-fast
wan-2.1-1.3b wan-2.1-14b wan-2.2-a14b wan-2.2-5b cogvideox-2b cogvideox-5b cogvideox-1.5-5b hunyuanvideo
hunyuanvideo-1.5 ltx-video ltx-2 mochi-1 sana-video-2b kandinsky-5-lite skyreels-v2-14b animatediff-v1.5 modelscope-1.7b
"""

WISHES = Request(
    prompt=Prompt(id="p", text="a cat"), seed=3, seconds=7, width=1000, height=600, fps=25, audio=True, negative="dogs"
)


OURS = ("synthetic", "animate")
"""Adapters that draw by rule: nobody's facts, nobody's rights."""


def test_every_tool_has_a_card() -> None:
    assert set(ASKED_FOR.split()) <= set(BUILT_IN)


@pytest.mark.parametrize("name", [name for name, card in BUILT_IN.items() if card.adapter != "openrouter"])
def test_a_card_plans(name: str, tmp_path: Path) -> None:
    """The adapter takes its options, every template has a value, and what is sent holds no key."""
    card = BUILT_IN[name]
    adapter = ADAPTERS[card.adapter](card)
    (tmp_path / "first.png").write_bytes(b"0123")
    image = "" if card.capabilities.t2v else str(tmp_path / "first.png")
    wishes = replace(WISHES, prompt=replace(WISHES.prompt, image=image))
    for request in (Request(prompt=Prompt(id="p", text="a {cat} for ${HOME}", image=image)), wishes):
        plan = adapter.plan(request)
        sent = json.dumps(plan.body)
        assert request.text in sent or card.adapter in OURS
        rest = sent.replace("a {cat} for ${HOME}", "").replace("--out={out}", "")
        assert not re.search(r"\{[a-z_]+(:[a-z]+)?\??\}|\$\{", rest), "a template was left unfilled"
        json.dumps(dict(plan.identity))
        assert plan.is_billable == card.is_billable
    adapter.close()


@pytest.mark.parametrize("name", [name for name, card in BUILT_IN.items() if card.adapter not in OURS])
def test_a_card_says_where_its_facts_come_from(name: str) -> None:
    card = BUILT_IN[name]
    assert card.sources
    assert card.licence.weights
    for source in card.sources:
        assert re.fullmatch(r"https://\S+|python package [\w.-]+ [\d.]+", source.url)
        assert date(2026, 1, 1) <= source.checked_on
    if card.price:
        assert card.price.source
    if card.is_billable:
        assert env_names(card) or card.adapter == "vertex", "a tool that is paid for wants a key"


@pytest.mark.parametrize("name", [name for name, card in BUILT_IN.items() if card.status == "retired"])
def test_a_retired_tool_refuses_with_a_sentence(name: str) -> None:
    card = BUILT_IN[name]
    adapter = ADAPTERS[card.adapter](card)
    with pytest.raises(JobError, match=r"was retired on .* compare archived ones") as caught:
        adapter.submit(adapter.plan(WISHES))
    assert caught.value.code == "model_retired"


@pytest.mark.parametrize(
    "name", [n for n, c in BUILT_IN.items() if c.adapter == "diffusers" and "pipeline" in c.options]
)
def test_a_diffusers_card_names_real_arguments(name: str) -> None:
    """Each argument of the card exists in the pipeline of the installed diffusers."""
    import diffusers

    from vbench.adapters.diffusers.options import DiffusersOptions

    options = BUILT_IN[name].options_as(DiffusersOptions)
    for cls in filter(None, [options.pipeline, options.image_pipeline]):
        known = inspect.signature(getattr(diffusers, cls).__call__).parameters
        names = {value for key, value in options.arguments.model_dump().items() if value and key != "image"}
        assert names | set(options.call) <= set(known), cls
    for component in options.components.values():
        assert hasattr(diffusers, component.type)


# --- wrong cards ---

GOOD = """\
name: Toy
vendor: {name: Toy}
adapter: http
licence: {weights: closed}
options:
  base_url: https://toy.example.com
  auth: {header: Authorization, value: 'Bearer ${TOY_API_KEY}'}
  create: {path: /v, body: {prompt: '{prompt}'}, id: $.id}
  poll: {path: '/v/{id}', state: $.s, states: {done: succeeded}}
  result: {url: $.url}
"""

WRONG = {
    "unknown key": ("name: Toy", "name: Toy\nprize: 3", r"toy\.yaml:2: unknown key 'prize'; did you mean price"),
    "unknown option": ("  result:", "  reslt: 1\n  result:", r"toy\.yaml:10: unknown key 'reslt'; did you mean result"),
    "missing": ("licence: {weights: closed}\n", "", r"'licence' is missing; add it"),
    "no such value": ("'{prompt}'", "'{promt}'", r"toy\.yaml:8: no value is called \{promt\}; did you mean prompt"),
    "no such type": ("'{prompt}'", "'{seed:integer}'", r"no such type; did you mean int"),
    "no such poll value": ("'/v/{id}'", "'/v/{job}'", r"toy\.yaml:9: no value is called \{job\}"),
    "no path": ("$.url", "result.url", r"'result.url' is no path into an answer"),
    "unknown state": ("done: succeeded", "done: finished", r"'finished' is none of queued, submitted"),
    "cyclic alias": ("{prompt: '{prompt}'}", "&a {prompt: *a}", r"toy\.yaml:8: an alias refers to itself"),
    "twice": ("name: Toy", "name: Toy\nname: Toy", r"toy\.yaml:2: 'name' stands twice"),
    "literal key": ("Bearer ${TOY_API_KEY}", "Bearer abcdefghijklmnop", r"toy\.yaml:7: a key is written into the card"),
    "key by its looks": ("path: /v,", "path: /v/sk-abcdefghijklmnopqrstuv,", r"a key is written into the card"),
    "key by its name": ("prompt: '{prompt}'", "api_key: 0123456789abcdefXYZ", r"a key is written into the card"),
    "both auths": ("header: Authorization", "header: A, query: k", r"give either header or query"),
    "retired when": ("adapter: http", "adapter: http\nstatus: retired", r"a retired tool says when"),
    "resolution": ("adapter: http", "adapter: http\nlimits: {resolutions: [hd]}", r"write 1280x720 or a tier"),
    "default": (
        "adapter: http",
        "adapter: http\nlimits: {resolutions: [720p]}\ndefaults: {resolution: 700p}",
        r"'700p' is not among the limits; did you mean 720p",
    ),
    "two prices": (
        "adapter: http",
        "adapter: http\nprice: {usd_per_s: 1, usd_per_clip: 2, source: x, checked_on: 2026-01-01}",
        r"exactly one of usd_per_s and usd_per_clip",
    ),
    "id": ("name: Toy", "id: other\nname: Toy", r"id 'other' is not the file's name"),
    "hidden": ("  create:", "  tables: {seed: {by: tier, values: {}}}\n  create:", r"table 'seed' hides a value"),
    "table by": ("  create:", "  tables: {q: {by: quality, values: {}}}\n  create:", r"looked up by 'quality'"),
    "not a card": (GOOD, "- 1\n", r"a card is a mapping of keys"),
}


def card_from(text: str, folder: Path) -> ModelCard:
    path = folder / "toy.yaml"
    path.write_text(text)
    return read_card(path)


def test_the_good_card_is_good(tmp_path: Path) -> None:
    ADAPTERS["http"](card_from(GOOD, tmp_path)).plan(WISHES)


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_card_is_told_what_to_write(case: str, tmp_path: Path) -> None:
    old, new, message = WRONG[case]
    assert old in GOOD
    with pytest.raises(CatalogError, match=message):
        ADAPTERS["http"](card_from(GOOD.replace(old, new, 1), tmp_path))


def test_a_value_that_nobody_gives(tmp_path: Path) -> None:
    card = card_from(GOOD.replace("prompt: '{prompt}'", "prompt: '{prompt}', ratio: '{ratio}'"), tmp_path)
    with pytest.raises(CatalogError, match=r"needs a value for \{ratio\}.*defaults, or write \{ratio\?\}"):
        ADAPTERS["http"](card).plan(Request(prompt=Prompt(id="p", text="t")))


def test_optional_parts_leave_with_a_warning(tmp_path: Path) -> None:
    body = "{prompt: '{prompt}', a: '{seconds:int?}', neg: '{negative?}', parts: [1, {b: {c: '{fps?}'}, d: 2}]}"
    text = GOOD.replace("{prompt: '{prompt}'}", body)
    plan = ADAPTERS["http"](card_from(text, tmp_path)).plan(Request(prompt=Prompt(id="p", text="t")))
    assert plan.body == {"prompt": "t", "parts": [1]}
    assert [w for w in plan.warnings if "left out" in w] == [
        "no value for a: it is left out, the tool's own default applies",
        "no value for parts[1].b.c: it is left out, the tool's own default applies",
    ]


def test_wishes_without_a_place_are_warned_about(tmp_path: Path) -> None:
    text = GOOD.replace("adapter: http", "adapter: http\ncapabilities: {seed: true, fps: true, negative_prompt: true}")
    warnings = " ".join(ADAPTERS["http"](card_from(text, tmp_path)).plan(WISHES).warnings)
    for wish in ("clip length", "picture size", "negative prompt", "seed", "frame rate"):
        assert f"no place for the {wish}" in warnings
    assert "makes no sound" in warnings


def test_types_of_values(tmp_path: Path) -> None:
    body = (
        "{p: '{prompt}', i: '{seconds:int}', s: '{seconds:str}', f: '{seed:float}', b: '{audio:bool}', t: '{seconds}s'}"
    )
    text = GOOD.replace("{prompt: '{prompt}'}", body).replace(
        "adapter: http", "adapter: http\ncapabilities: {seed: true}"
    )
    sent: Any = ADAPTERS["http"](card_from(text, tmp_path)).plan(WISHES).body
    assert sent == {"p": "a cat", "i": 7, "s": "7", "f": 3.0, "b": False, "t": "7s"}
    assert isinstance(sent["i"], int)


def test_a_picture_stays_out_of_the_plan(tmp_path: Path) -> None:
    """The journal keeps its digest; the request carries its bytes."""
    picture = tmp_path / "first.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n0123")
    adapter = ADAPTERS["http"](find_card("seedance-2.0"))
    plan = adapter.plan(Request(prompt=Prompt(id="p", text="t", image=str(picture))))
    mark = plan.body["content"][1]["image_url"]["url"]
    assert mark["$data_url"] == str(picture)
    assert len(mark["sha256"]) == 64
    assert (
        with_files(plan.body, lambda path: None)["content"][1]["image_url"]["url"]
        == "data:image/png;base64,iVBORw0KGgowMTIz"
    )
    gone = Request(prompt=Prompt(id="p", text="t", image=str(tmp_path / "no.png")))
    with pytest.raises(JobError, match="cannot be read"):
        adapter.plan(gone)


# --- folders, prices ---


def test_own_cards_are_read_beside_the_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "models"
    own.mkdir()
    (own / "toy.yaml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert find_card("toy").name == "Toy"
    assert {"toy", "kling-v3"} <= set(cards())
    assert find_card(own / "toy.yaml").path == own / "toy.yaml"
    with pytest.raises(CatalogError, match="no model 'klingv3'; did you mean kling-v3"):
        find_card("klingv3")


@pytest.mark.parametrize(
    ("name", "wish", "usd"),
    [
        ("kling-v3", {}, 0.56),
        ("kling-v3", {"audio": True}, 0.84),
        ("kling-v3", {"width": 3840, "height": 2160, "seconds": 10}, 4.2),
        ("cogvideox-3", {"seconds": 10}, 0.2),
        ("hailuo-2.3", {"seconds": 10}, 0.56),
        ("hailuo-2.3", {"seconds": 10, "width": 1920, "height": 1080}, 0.49),
        ("pixverse-v6", {}, None),
        ("wan-2.1-1.3b", {}, 0.0),
    ],
)
def test_estimates(name: str, wish: dict[str, Any], usd: float | None) -> None:
    assert estimate_cost(find_card(name), Request(prompt=Prompt(id="p", text="t"), **wish)) == usd


def test_the_card_of_the_how_to_works(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "tools.md").read_text()
    block = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert block is not None
    plan = ADAPTERS["http"](card_from(block[1], tmp_path)).plan(WISHES)
    assert plan.body == {
        "model": "example-video-2",
        "prompt": "a cat",
        "negative_prompt": "dogs",
        "duration": 7,
        "quality": "hd",
        "aspect_ratio": "16:9",
        "seed": 3,
        "audio": True,
        "enhance": False,
        "watermark": False,
    }
    assert plan.cost_usd == 0.7
    for name in NAMES:
        assert f"{{{name}}}" in page, "the how-to names every placeholder"


@pytest.mark.parametrize("name", [name for name, card in BUILT_IN.items() if card.adapter not in OURS])
def test_a_card_answers_for_every_right(name: str) -> None:
    """Also where nobody states it: a line that is missing would not be seen."""
    text = BUILT_IN[name].path.read_text()
    for right in type(BUILT_IN[name].rights).model_fields:
        assert f"\n  {right}: " in text


@pytest.mark.parametrize(
    ("right", "message"),
    [
        ("commercial_use: yes", "'yes' needs source and checked_on; write `not stated`"),
        ("indemnity: {answer: no, source: https://x.example}", "needs source and checked_on"),
        ("territory: {answer: perhaps}", "yes"),
        ("owner: not stated", "unknown key"),
    ],
)
def test_a_right_is_shown_or_not_stated(right: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=message):
        card_from(GOOD.replace("adapter: http", f"adapter: http\nrights:\n  {right}"), tmp_path)


def test_a_tool_past_its_end_date_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    veo, omni = BUILT_IN["veo-3.1"], BUILT_IN["gemini-omni-1.1-flash"]
    assert veo.status == omni.status == "deprecated"
    assert veo.has_ended
    with pytest.raises(JobError, match="was to stop on 2026-11-17") as caught:
        veo.refuse_if_retired()
    assert caught.value.code == "model_retired"
    alive = omni.model_copy(update={"retired_on": date.today() + timedelta(days=1)})
    assert not alive.has_ended
    alive.refuse_if_retired()
    assert alive.model_copy(update={"retired_on": date.today()}).has_ended
