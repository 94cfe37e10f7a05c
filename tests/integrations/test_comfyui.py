"""The node pack, called as ComfyUI calls nodes, with real pages over real benches."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest

from tests.web.served import serving
from vbench.bench import Bench
from vbench.tasks import worker
from vbench.web.security.auth import hash_password

PACK = Path(__file__).parents[2] / "integrations" / "comfyui"
GRAPH = {"3": {"class_type": "KSampler", "inputs": {"seed": 7}}}
WORKFLOW = {"workflow": {"nodes": [{"id": 3, "type": "KSampler"}]}}
PROMPT = "A red boat drifts, slowly"


@pytest.fixture(scope="module")
def pack() -> Iterator[ModuleType]:
    """The pack, loaded as ComfyUI loads a folder of `custom_nodes`."""
    name = "custom_nodes_vbench"
    spec = importlib.util.spec_from_file_location(name, PACK / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    for loaded in [key for key in sys.modules if key.split(".")[0] == name]:
        del sys.modules[loaded]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An empty bench; workers that its page starts end with it."""
    before = list(worker._started)
    with Bench.open(tmp_path / "bench") as opened:
        try:
            yield opened
        finally:
            for process in (one for one in worker._started if one not in before):
                process.terminate()
                process.wait(30)


def images(level: float, n: int = 12) -> Any:
    """A batch as ComfyUI passes it: float32 (n, height, width, 3) in 0 to 1, of an odd height."""
    import torch

    ramp = torch.linspace(0, level, 64).repeat(n, 49, 1)
    return ramp.unsqueeze(-1).repeat(1, 1, 1, 3)


def run(pack: ModuleType, node: str, **given: Any) -> dict[str, Any]:
    """What ComfyUI does with a node: fill in the hidden inputs, check, call, take `ui` and `result` apart."""
    of = pack.NODE_CLASS_MAPPINGS[node]
    inputs = of.INPUT_TYPES()
    known = {**inputs["required"], **inputs["optional"]}
    assert set(given) <= set(known)
    assert set(inputs["required"]) <= set(given)
    filled = {name: kind[1]["default"] for name, kind in inputs["optional"].items()} | given
    assert inputs["hidden"] == {"graph": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
    if (verdict := of.VALIDATE_INPUTS(given["bench"], given["tool"], given["prompt"])) is not True:
        raise ValueError(verdict)
    made: dict[str, Any] = getattr(of(), of.FUNCTION)(**filled, graph=GRAPH, extra_pnginfo=WORKFLOW)
    assert of.OUTPUT_NODE
    assert len(made["result"]) == len(of.RETURN_TYPES)
    assert all(isinstance(value, list) for value in made["ui"].values())
    return made


class Video:
    """ComfyUI's VIDEO, as far as a node sees it."""

    def __init__(self, pack: ModuleType, level: float) -> None:
        self._write, self._level = sys.modules[f"{pack.__name__}.nodes"].write_clip, level

    def save_to(self, path: str, format: str = "auto", codec: str = "auto", metadata: Any = None) -> None:
        self._write(images(self._level), 16, Path(path), metadata=metadata)


def test_results_stand_side_by_side_with_their_graphs(pack: ModuleType, bench: Bench) -> None:
    with serving(bench) as url:
        first = run(pack, "VBenchSendImages", images=images(0.5), fps=24.0, bench=url, tool="wan-x", prompt=PROMPT)
        again = run(pack, "VBenchSendImages", images=images(0.5), fps=24.0, bench=url, tool="wan-x", prompt=PROMPT)
        run(pack, "VBenchSendImages", images=images(0.9), fps=24.0, bench=url, tool="wan-x", prompt=PROMPT)
        last = run(pack, "VBenchSendVideo", video=Video(pack, 0.7), bench=f"{url}/", tool="ltx-y", prompt=PROMPT)
        clips = {(clip.model, clip.sample): clip for clip in bench.clips()}
        assert set(clips) == {("wan-x", 0), ("wan-x", 1), ("ltx-y", 0)}
        ids = {key: clip.id for key, clip in clips.items()}
        assert first["result"] == (f"{url}/ui/compare?takes={ids['wan-x', 0]}",)
        assert again["ui"]["text"] == ["was there before: wan-x, a-red-boat-drifts-slowly, take 0"]
        wanted = [ids["ltx-y", 0], ids["wan-x", 1], ids["wan-x", 0]]
        assert last["ui"]["compare_url"] == [f"{url}/ui/compare?takes={','.join(wanted)}"]
    assert {clip.prompt.text for clip in clips.values()} == {PROMPT}
    shown = clips["wan-x", 0]
    assert (shown.probe.fps, shown.probe.n_frames, shown.probe.width, shown.probe.height) == (24, 12, 64, 48)
    for clip in clips.values():
        with av.open(str(bench.media.local(clip.media))) as container:
            assert json.loads(container.metadata["prompt"]) == GRAPH
            assert json.loads(container.metadata["workflow"]) == WORKFLOW["workflow"]
    with av.open(str(bench.media.local(shown.media))) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(frame[24, :, 1] - 127.5 * np.linspace(0, 1, 64)).mean() < 3


def test_a_folder_gets_a_page_of_its_own(pack: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)  # this checkout's, whatever is installed
    monkeypatch.setenv("PYTHONPATH", str(PACK.parents[1]))
    home = tmp_path / "home"
    given = {"fps": 8.0, "bench": str(home), "tool": "wan-x", "prompt": PROMPT, "prompt_id": "boat"}
    client = sys.modules[f"{pack.__name__}.bench"]
    ending: list[Any] = []
    monkeypatch.setattr(client.atexit, "register", ending.append)
    try:
        made = run(pack, "VBenchSendImages", images=images(0.5), **given)
        run(pack, "VBenchSendImages", images=images(0.6), **given)
        assert len(ending) == 1, "a folder has one page"
    finally:
        for end in ending:
            end()
            end.__self__.wait(60)
    (tmp_path / "file").write_text("no folder", "utf-8")
    with pytest.raises(RuntimeError, match=r"no page over .*; install vbench-studio beside ComfyUI"):
        run(pack, "VBenchSendImages", images=images(0.5), **{**given, "bench": str(tmp_path / "file")})
    with Bench.open(home, create=False) as opened:
        assert [(clip.model, clip.prompt.id, clip.sample) for clip in opened.clips()] == [
            ("wan-x", "boat", 0),
            ("wan-x", "boat", 1),
        ]
        assert made["result"][0].endswith(f"/ui/compare?takes={opened.clips()[0].id}")


def test_accounts_come_from_the_environment(
    pack: ModuleType, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = tmp_path / "accounts.txt"
    accounts.write_text(f"ann:{hash_password('a long password')}\n", "utf-8")
    with serving(bench, auth=accounts) as url:
        given = {"images": images(0.5), "fps": 8.0, "bench": url, "tool": "wan-x", "prompt": PROMPT}
        with pytest.raises(RuntimeError, match="set VBENCH_ACCOUNT=name:password"):
            run(pack, "VBenchSendImages", **given)
        monkeypatch.setenv("VBENCH_ACCOUNT", "ann:a long password")
        run(pack, "VBenchSendImages", **given)
    assert [clip.model for clip in bench.clips()] == ["wan-x"]


def test_what_is_wrong_is_said(pack: ModuleType, bench: Bench) -> None:
    given = {"images": images(0.5), "fps": 8.0, "tool": "wan-x", "prompt": PROMPT}
    with pytest.raises(ValueError, match="prompt is empty"):
        run(pack, "VBenchSendImages", **{**given, "prompt": " "}, bench="http://127.0.0.1:9")
    with pytest.raises(RuntimeError, match=r"cannot be reached .*; start its page with vbench ui"):
        run(pack, "VBenchSendImages", **given, bench="http://127.0.0.1:9")
    with pytest.raises(RuntimeError, match="give the address of a page"):
        run(pack, "VBenchSendImages", **given, bench="s3://bucket/bench")
    with pytest.raises(ValueError, match="holds no image"):
        run(pack, "VBenchSendImages", **{**given, "images": images(0.5, 0)}, bench="http://127.0.0.1:9")
    with serving(bench) as url:
        run(pack, "VBenchSendImages", **given, bench=url, sample=3)
        with pytest.raises(RuntimeError, match=r"another take 3 of this prompt"):
            run(pack, "VBenchSendImages", **{**given, "images": images(0.9)}, bench=url, sample=3)
