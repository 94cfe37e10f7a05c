"""A ComfyUI graph against a server that speaks its protocol."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.fakes.billable import tiny_clip
from tests.fakes.comfyui import GRAPH, NODES, serve
from vbench.adapters.comfyui.adapter import ComfyUIAdapter
from vbench.bench import Bench
from vbench.catalog.cards import ModelCard
from vbench.errors import CatalogError, JobError, NotStartedError
from vbench.generate import generate
from vbench.records import Handle, Prompt, Request, Status

FOX = Prompt(id="fox", text="a red fox")


def card(url: str, **options: Any) -> ModelCard:
    base = {"base_url": url, "workflow": copy.deepcopy(GRAPH), "nodes": NODES, "every_s": 0.02}
    return ModelCard.model_validate(
        {
            "id": "comfy",
            "name": "Comfy",
            "vendor": {"name": "none"},
            "adapter": "comfyui",
            "local": True,
            "licence": {"weights": "none"},
            "capabilities": {"seed": True, "negative_prompt": True, "i2v": True},
            "defaults": {"fps": 24, "resolution": "832x480"},
            "options": base | {"frames": {"rule": "8k+1"}} | options,
        }
    )


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that must come to be."""
    while not is_so():
        time.sleep(0.005)


def wait(adapter: ComfyUIAdapter, handle: Handle) -> tuple[Status, list[Status]]:
    seen = []
    for _ in range(500):
        seen.append(adapter.poll(handle))
        if seen[-1].state not in ("submitted", "running"):
            return seen[-1], seen
        time.sleep(0.01)
    raise AssertionError(seen[-1])


def submit(adapter: ComfyUIAdapter, **wishes: Any) -> Handle:
    handle = adapter.submit(
        adapter.plan(Request(prompt=wishes.pop("prompt", FOX), seed=wishes.pop("seed", 7), **wishes))
    )
    return Handle(id=handle.id, data=json.loads(json.dumps(dict(handle.data))))


@pytest.mark.parametrize("saves_under", ["images", "gifs", "videos"])
def test_graph_goes_out_with_the_wishes_and_the_video_comes_back(saves_under: str, tmp_path: Path) -> None:
    with serve(saves_under=saves_under, work_s=1.0, is_held=True) as server:
        adapter = ComfyUIAdapter(card(server.url))
        handle = submit(adapter, negative="blur", seconds=2.0, width=640, height=360)
        until(lambda: bool(server.sockets))
        for share in (0.25, 0.5, 0.75):  # over the websocket
            server.steps.release()
            until(lambda share=share: adapter.poll(handle).progress == share)  # type: ignore[misc]
        server.steps.release()
        status, _ = wait(adapter, handle)
        assert status.state == "succeeded"
        path, facts = adapter.fetch(handle, tmp_path / "job")
        adapter.close()
    sent = server.graphs[0]
    assert sent["6"]["inputs"]["text"] == "a red fox"
    assert sent["7"]["inputs"]["text"] == "blur"
    assert sent["3"]["inputs"] == {**GRAPH["3"]["inputs"], "seed": 7}
    assert sent["5"]["inputs"] == {"width": 640, "height": 360, "length": 49}
    assert path.read_bytes() == tiny_clip()
    assert path.name == "job.mp4"
    assert facts.seed_honoured
    assert facts.work_s == 1.0
    assert facts.queue_s is not None


def test_without_a_websocket_there_is_only_no_progress(tmp_path: Path) -> None:
    with serve() as server:
        server.has_websocket = False
        adapter = ComfyUIAdapter(card(server.url))
        status, seen = wait(adapter, submit(adapter))
        adapter.close()
    assert status.state == "succeeded"
    assert {status.progress for status in seen} == {None}


def test_the_cache_trap_is_seen_and_freeing_the_cache_avoids_it(tmp_path: Path) -> None:
    with serve(work_s=0.02) as server:
        trapped = ComfyUIAdapter(card(server.url, free_cache=False))
        assert wait(trapped, submit(trapped))[0].state == "succeeded"
        status, _ = wait(trapped, submit(trapped))
        assert (status.state, status.reason) == ("failed", "empty_result")
        assert "free_cache: true" in status.message
        careful = ComfyUIAdapter(card(server.url))
        assert wait(careful, submit(careful))[0].state == "succeeded"
        trapped.close()
        careful.close()


@pytest.mark.parametrize(
    ("fault", "state", "reason", "said"),
    [
        ("error", "failed", "provider_error", "KSampler: mat1 and mat2"),
        ("oom", "failed", "out_of_memory", "out of memory"),
        ("empty", "failed", "empty_result", "SaveVideo"),
        ("lose", "failed", "provider_error", "no longer knows this job"),
    ],
)
def test_failures_on_the_server(fault: str, state: str, reason: str, said: str) -> None:
    with serve(work_s=0.05, faults=[fault]) as server:
        adapter = ComfyUIAdapter(card(server.url))
        status, _ = wait(adapter, submit(adapter))
        adapter.close()
    assert (status.state, status.reason) == (state, reason)
    assert said in status.message


def test_a_graph_that_is_refused_names_the_node() -> None:
    with serve(faults=["refuse"]) as server:
        adapter = ComfyUIAdapter(card(server.url))
        with pytest.raises(JobError, match=r"node 4 \(CheckpointLoaderSimple\): Value not in list") as failure:
            submit(adapter)
        adapter.close()
    assert failure.value.code == "bad_request"


def test_an_answer_that_was_lost_is_looked_up_by_our_own_id(tmp_path: Path) -> None:
    with serve(faults=["drop", "drop_unseen"]) as server:
        adapter = ComfyUIAdapter(card(server.url))
        assert wait(adapter, submit(adapter))[0].state == "succeeded"
        with pytest.raises(NotStartedError):
            submit(adapter, seed=8)
        adapter.close()
        assert len(server.graphs) == 1


def test_no_server_is_not_started() -> None:
    adapter = ComfyUIAdapter(card("http://127.0.0.1:9"))
    with pytest.raises(NotStartedError, match="no connection"):
        submit(adapter)


def test_cancel_takes_it_off_the_queue_or_interrupts_it() -> None:
    with serve(is_held=True) as server:
        adapter = ComfyUIAdapter(card(server.url))
        first, second = submit(adapter), submit(adapter, seed=8)
        until(lambda: adapter.poll(first).state == "running")
        assert adapter.poll(second).state == "submitted"
        assert adapter.cancel(second)
        assert adapter.cancel(first)
        server.steps.release(4)
        assert wait(adapter, first)[0].state == "cancelled"
        assert server.pending == []
        assert not adapter.cancel(first)
        adapter.close()


def test_a_first_frame_is_uploaded(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (200, 0, 0)).save(tmp_path / "first.png")
    prompt = Prompt(id="fox", text="a fox", image=str(tmp_path / "first.png"))
    with serve() as server:
        with_place = ComfyUIAdapter(card(server.url, nodes=NODES | {"image": {"node": "10", "input": "image"}}))
        assert wait(with_place, submit(with_place, prompt=prompt))[0].state == "succeeded"
        (name,) = server.uploads
        assert server.graphs[0]["10"]["inputs"]["image"] == name
        assert (tmp_path / "first.png").read_bytes() in server.uploads[name]
        with_place.close()
        without = ComfyUIAdapter(card(server.url))
        warnings = without.plan(Request(prompt=prompt)).warnings
        assert "the graph has no place for a first frame; it is left out" in warnings


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"nodes": {}}, "say where the prompt goes"),
        ({"nodes": NODES | {"prompt": {"node": "99", "input": "text"}}}, "no node '99'"),
        ({"nodes": NODES | {"sed": {"node": "3", "input": "seed"}}}, "'sed' is no wish"),
        ({"workflow": {"nodes": [], "links": []}}, "not a graph in API format"),
        ({"workflow": "nowhere.json"}, "cannot be read"),
    ],
)
def test_wrong_cards_are_told_so(options: Any, sentence: str) -> None:
    with pytest.raises(CatalogError, match=sentence):
        ComfyUIAdapter(card("http://127.0.0.1:9", **options))


def test_a_key_for_a_proxied_server_is_sent_and_never_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMFY_KEY", "comfy-secret-0123456789")
    with serve() as server, Bench.open(tmp_path / "bench") as bench:
        server.key = "comfy-secret-0123456789"
        server.has_websocket = False
        tool = card(server.url, auth={"header": "Authorization", "value": "Bearer ${COMFY_KEY}"})
        report = generate(bench, models=[tool], prompts=[FOX])
        assert report.is_complete
    for path in (tmp_path / "bench").rglob("*"):
        assert not path.is_file() or b"comfy-secret-0123456789" not in path.read_bytes(), path


def test_a_run_through_the_journal(tmp_path: Path) -> None:
    with serve(work_s=0.02, faults=["html"]) as server, Bench.open(tmp_path / "bench") as bench:
        prompts = [Prompt(id=f"p{i}", text=f"fox {i}") for i in range(3)]
        assert generate(bench, models=[card(server.url)], prompts=prompts, samples=2).states["succeeded"] >= 5
        assert len({clip.provenance.seed for clip in bench.clips()}) == len(bench.clips())
