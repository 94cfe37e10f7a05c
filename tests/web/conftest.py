"""A small bench with real clips, and the page over it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.web.browser import Open, chromium
from tests.web.numbered import KINDS, RATES, SCENE, SCRIPT, Kind, fill
from tests.web.served import serving
from vbench import video
from vbench.bench import Bench
from vbench.exports import Take, takes_of
from vbench.records import (
    Clip,
    Event,
    MetricInfo,
    Note,
    Outcomes,
    Prompt,
    Provenance,
    Score,
    ScoreKey,
    Select,
    Timeline,
    clip_id,
)
from vbench.web.server import build

MODELS = ("alpha", "beta", "gamma")
PROMPTS = (
    Prompt(id="boat", text="A red boat drifts", suite="t", tags=("camera:pan", "water")),
    Prompt(id="cat", text='<script>alert("x")</script> & a cat', suite="t", tags=("animal",)),
)
FLICKER = MetricInfo(
    name="flicker",
    version=1,
    unit="levels",
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    group="temporal",
    about="Brightness that jumps.",
)


def moving_square(seed: int, *, n: int = 12, size: tuple[int, int] = (64, 48)) -> Iterator[np.ndarray[Any, Any]]:
    """Frames that differ from clip to clip, RGB uint8 (H, W, 3)."""
    width, height = size
    colour = np.random.default_rng(seed).integers(60, 255, 3)
    for i in range(n):
        frame = np.full((height, width, 3), 20, np.uint8)
        frame[10:30, i * 2 : i * 2 + 20] = colour
        yield frame


def make_clip(
    bench: Bench, model: str, prompt: Prompt, sample: int, *, seed: int, n: int = 12, warnings: tuple[str, ...] = ()
) -> Clip:
    """A real clip in a bench, of which its reader has said something."""
    local = bench.root / "new.mp4"
    video.write_clip(moving_square(seed, n=n), local, fps=8, crf=23, preset="ultrafast")
    sha256 = hashlib.sha256(local.read_bytes()).hexdigest()
    key = f"clips/{model}/{prompt.id}-{sample}.mp4"
    bench.media.put(local, key)
    local.unlink()
    clip = Clip(
        id=clip_id(model, prompt.text, sample, sha256),
        model=model,
        prompt=prompt,
        sample=sample,
        sha256=sha256,
        media=key,
        linked=False,
        probe=replace(video.probe(bench.media.local(key)), warnings=warnings),
        provenance=Provenance(seed=seed, latency_s=3.5, cost_usd=0.1, licence="cc-by", warnings=("no seed",)),
    )
    bench.add_clip(clip)
    return clip


def score_clip(bench: Bench, clip: Clip, value: float) -> None:
    """A score, a curve and an event for a clip."""
    key = ScoreKey(clip=clip.id, metric="flicker", version=1)
    event = Event(clip=clip.id, kind="cut", metric="flicker", start_s=0.5, end_s=0.625, frame=4, value=0.9)
    bench.add_metrics([FLICKER])
    bench.add_outcomes(
        Outcomes(
            clip=clip.id,
            scores=(Score(key=key, value=value),),
            timelines=(Timeline(key=key, t_s=(0.0, 0.5), value=(1.0, value)),),
            events=(event,),
        )
    )


@pytest.fixture(scope="session")
def made_bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tools, two prompts, one sample each, scored; made once and copied."""
    root = tmp_path_factory.mktemp("made")
    with Bench.open(root) as bench:
        for number, (model, prompt) in enumerate((m, p) for m in MODELS for p in PROMPTS):
            bench.add_model(model, {"name": model.title(), "vendor": {"name": "V", "country": "DE"}})
            clip = make_clip(bench, model, prompt, 0, seed=number)
            score_clip(bench, clip, 1.0 + number)
    return root


@pytest.fixture
def bench(made_bench: Path, tmp_path: Path) -> Iterator[Bench]:
    """A copy of the small bench, free to be changed."""
    copied = shutil.ignore_patterns("derived")  # what a page over that bench may have made by now
    shutil.copytree(made_bench, tmp_path / "bench", ignore=copied)
    with Bench.open(tmp_path / "bench") as opened:
        yield opened


@pytest.fixture
def takes(bench: Bench) -> list[Take]:
    """Three takes of one prompt, one with a note and stars."""
    clips = bench.clips(prompt_ids=["boat"])
    bench.add_note(Note(id="ab", clip=clips[0].id, start_s=0.5, end_s=0.75, text="=HYPERLINK(1) here\nit breaks"))
    bench.set_select(Select(clip=clips[0].id, stars=4))
    return takes_of(bench, [clip.id for clip in clips], author="")


Visit = Callable[..., TestClient]


@pytest.fixture
def visit(bench: Bench) -> Iterator[Visit]:
    """Opens the page over `bench`; arguments as `build`, and `address` it is reached under."""
    clients: list[TestClient] = []

    def opened(address: str = "http://127.0.0.1:7860", **options: Any) -> TestClient:
        client = TestClient(
            build(bench, **options), base_url=address, headers={"origin": address}, follow_redirects=False
        )
        client.__enter__()
        clients.append(client)
        return client

    yield opened
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def page(visit: Visit) -> TestClient:
    """The page as its owner sees it on their own machine."""
    return visit()


@pytest.fixture(scope="session")
def seen_root(made_bench: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small bench that one page stands over for the whole run: a page makes posters and copies in it."""
    return Path(shutil.copytree(made_bench, tmp_path_factory.mktemp("seen") / "bench"))


@pytest.fixture(scope="session")
def seen(seen_root: Path) -> Iterator[TestClient]:
    """A page that tests only look at; one for all of them, since making one takes a while."""
    address = "http://127.0.0.1:7860"
    with (
        Bench.open(seen_root) as opened,
        TestClient(build(opened), base_url=address, headers={"origin": address}, follow_redirects=False) as client,
    ):
        yield client


@pytest.fixture
def seen_bench(seen_root: Path) -> Iterator[Bench]:
    """The bench behind `seen`; look, do not touch."""
    with Bench.open(seen_root) as opened:
        yield opened


def many_clips(bench: Bench, n: int) -> None:
    """Rows of clips whose files are not there, cheaply."""
    from dataclasses import asdict

    from vbench.bench.tables import ClipRow, ModelRow

    template = bench.clips()[0]
    prompts = [Prompt(id=f"p{i}", text=f"prompt {i}", suite="big") for i in range(n // 10)]
    bench.add_prompts(prompts)
    with bench.write() as session:
        session.add_all([ModelRow(id=f"m{i}", card={}) for i in range(10)])
        session.flush()
        session.add_all(
            [
                ClipRow(
                    id=f"{i:016x}",
                    model=f"m{i % 10}",
                    prompt_key=prompts[i // 10].key,
                    sample=0,
                    sha256=f"{i:064x}",
                    media=f"clips/m{i % 10}/p{i // 10}-0.mp4",
                    linked=False,
                    probe=asdict(replace(template.probe)),
                    provenance=asdict(template.provenance),
                    added="2026-01-01T00:00:00Z",
                )
                for i in range(n)
            ]
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real Chromium."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[Clip], Bench]]:
    """A running page over four tools on two prompts, and one clip for each rate."""
    with Bench.open(tmp_path_factory.mktemp("browser")) as bench:
        clips = fill(bench, KINDS, [SCENE, SCRIPT])
        rates = [Kind(model=f"rate-{fps:g}", fps=fps, n_frames=24, size=(256, 144)) for fps in RATES]
        clips += fill(bench, rates, [Prompt(id="rates", text="Every rate", suite="t")])
        with serving(bench) as url:
            yield url, clips, bench


@pytest.fixture
def opened(browser: Any, shown: tuple[str, list[Clip], Bench]) -> Iterator[Open]:
    """Opens an address of the page in a new window; what a script could not do fails the test."""
    contexts, errors = [], []

    def go(path: str, *, url: str = "", **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        window = context.new_page()
        window.on("pageerror", lambda error: errors.append(str(error)))
        window.goto((url or shown[0]) + path)
        window.wait_for_selector(".vb .view > *", state="attached")
        return window

    yield go
    for context in contexts:
        context.close()
    assert errors == []
