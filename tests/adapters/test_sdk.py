"""Vendors' own SDKs drive the fakes, so that the fakes are known to speak the real protocols.

Run where the SDKs are installed; each test is skipped where its SDK is not. The body that our card would send is
compared with the one that the SDK sends for the same wish.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.hosted import Fake, clip_bytes
from vbench.adapters import ADAPTERS
from vbench.catalog.cards import find_card
from vbench.records import Prompt, Request

pytestmark = pytest.mark.sdk

WORDS = "a cat on a roof"


def ours(card: str) -> dict[str, Any]:
    """What our adapter would send."""
    found = find_card(card)
    return dict(ADAPTERS[found.adapter](found).plan(Request(prompt=Prompt(id="p", text=WORDS), seed=7)).body)


def created(fake: Fake) -> Any:
    """The body of the one create call."""
    assert fake.creates == 1
    return next(asked for asked in fake.asked if fake.spec.is_create(asked.path))


def until(ask: Any, state: Any, done: str) -> Any:
    """Poll until the SDK's own object says that it is done."""
    for _ in range(10):
        found = ask()
        if state(found) == done:
            return found
    raise AssertionError(f"never {done}: {found}")


def download(url: str) -> bytes:
    import httpx

    return httpx.get(url).content


def test_openai() -> None:
    openai = pytest.importorskip("openai")
    with Fake("openai") as fake, openai.OpenAI(api_key=fake.key, base_url=fake.base_url, max_retries=0) as client:
        with pytest.warns(DeprecationWarning, match="2026"):
            job = client.videos.create(model="sora-2", prompt=WORDS, seconds="8", size="1280x720")
        assert job.status == "queued"
        done = until(lambda: client.videos.retrieve(job.id), lambda v: v.status, "completed")
        assert done.progress == 100
        assert client.videos.download_content(job.id).read() == clip_bytes()
        sent = created(fake)
        assert sent.headers["content-type"].startswith("multipart/form-data")
        for name in ours("sora-2"):
            assert f'name="{name}"' in sent.body.decode()


@pytest.mark.parametrize(("fault", "error"), [("auth", "AuthenticationError"), ("429", "RateLimitError")])
def test_openai_errors(fault: str, error: str) -> None:
    openai = pytest.importorskip("openai")
    with (
        Fake("openai", create=[fault]) as fake,
        openai.OpenAI(api_key=fake.key, base_url=fake.base_url, max_retries=0) as client,
        pytest.raises(getattr(openai, error)),
        pytest.warns(DeprecationWarning, match="2026"),
    ):
        client.videos.create(model="sora-2", prompt=WORDS)


def test_gemini_omni() -> None:
    genai = pytest.importorskip("google.genai")
    with Fake("omni") as fake:
        client = genai.Client(api_key=fake.key, http_options=genai.types.HttpOptions(base_url=fake.origin))
        body = ours("gemini-omni-1.2-flash")
        answer = client.interactions.create(**body)
        assert answer.status == "in_progress", "what runs in the background has its id at once"
        done = until(lambda: client.interactions.get(answer.id), lambda i: i.status, "completed")
        assert done.output_video.uri.startswith(fake.origin)
        sent = created(fake)
        assert sent.path == "/v1/interactions", "the SDK's own version of the interface"
        assert {name: sent.json[name] for name in body} == body


def test_vertex_veo() -> None:
    genai = pytest.importorskip("google.genai")
    from google.oauth2.credentials import Credentials

    with Fake("vertex") as fake:
        client = genai.Client(
            vertexai=True,
            project="fake-project",
            location="us-central1",
            credentials=Credentials(token=fake.key),
            http_options=genai.types.HttpOptions(base_url=fake.origin, api_version="v1"),
        )
        operation = client.models.generate_videos(
            model="veo-3.1-generate-001",
            source=genai.types.GenerateVideosSource(prompt=WORDS),
            config=genai.types.GenerateVideosConfig(
                number_of_videos=1,
                duration_seconds=8,
                aspect_ratio="16:9",
                resolution="720p",
                seed=7,
                generate_audio=False,
                enhance_prompt=False,
            ),
        )
        done = until(lambda: client.operations.get(operation), lambda o: str(bool(o.done)), "True")
        assert done.response.generated_videos[0].video.video_bytes == clip_bytes()
        assert created(fake).json == ours("veo-3.1")


def test_zai() -> None:
    zai = pytest.importorskip("zai")
    with Fake("zhipu") as fake:
        client = zai.ZaiClient(api_key=fake.key, base_url=fake.base_url, max_retries=0)
        body = ours("cogvideox-3")
        job = client.videos.generations(**body)
        assert job.task_status == "PROCESSING"
        done = until(lambda: client.videos.retrieve_videos_result(id=job.id), lambda v: v.task_status, "SUCCESS")
        assert download(done.video_result[0].url) == clip_bytes()
        sent = created(fake).json
        assert {name: sent[name] for name in body} == body


def test_dashscope(monkeypatch: pytest.MonkeyPatch) -> None:
    dashscope = pytest.importorskip("dashscope")
    with Fake("dashscope") as fake:
        monkeypatch.setattr(dashscope, "base_http_api_url", fake.base_url)
        body = ours("wan-2.7")
        options = {"api_key": fake.key, "model": body["model"]}
        job = dashscope.VideoSynthesis.async_call(prompt=WORDS, **options, **body["parameters"])
        assert job.status_code == 200, job
        done = until(
            lambda: dashscope.VideoSynthesis.fetch(job, api_key=fake.key), lambda v: v.output.task_status, "SUCCEEDED"
        )
        assert download(done.output.video_url) == clip_bytes()
        sent = created(fake)
        assert sent.headers["x-dashscope-async"] == "enable"
        assert sent.json["input"]["prompt"] == WORDS
        assert sent.json["parameters"] == body["parameters"]


def test_dashscope_error_below_200(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK takes an error body below HTTP 200 for an answer, without a job; our adapter names it."""
    dashscope = pytest.importorskip("dashscope")
    with Fake("dashscope", create=["moderated"]) as fake:
        monkeypatch.setattr(dashscope, "base_http_api_url", fake.base_url)
        answer = dashscope.VideoSynthesis.async_call(prompt=WORDS, api_key=fake.key, model="wan2.7-t2v")
        assert answer.status_code == 200
        assert not (answer.output and answer.output.task_id)


def test_ark() -> None:
    ark = pytest.importorskip("volcenginesdkarkruntime")
    with Fake("ark") as fake:
        client = ark.Ark(api_key=fake.key, base_url=fake.base_url, max_retries=0)
        body = ours("seedance-2.5-cn")
        job = client.content_generation.tasks.create(**body)
        done = until(lambda: client.content_generation.tasks.get(task_id=job.id), lambda task: task.status, "succeeded")
        assert download(done.content.video_url) == clip_bytes()
        assert done.framespersecond == 24
        sent = created(fake).json
        assert {name: sent[name] for name in body} == body


def test_runway() -> None:
    runwayml = pytest.importorskip("runwayml")
    with Fake("runway") as fake:
        client = runwayml.RunwayML(api_key=fake.key, base_url=fake.origin, max_retries=0)
        body = ours("gen-4.5")
        job = client.text_to_video.create(
            model=body["model"],
            prompt_text=body["promptText"],
            ratio=body["ratio"],
            duration=body["duration"],
            seed=body["seed"],
        )
        done = until(lambda: client.tasks.retrieve(job.id), lambda task: task.status, "SUCCEEDED")
        assert download(done.output[0]) == clip_bytes()
        assert done.cost.credits == 60
        assert created(fake).json == body


def test_luma() -> None:
    lumaai = pytest.importorskip("lumaai")
    with Fake("luma") as fake:
        client = lumaai.LumaAI(auth_token=fake.key, base_url=fake.base_url, max_retries=0)
        body = ours("luma-ray-2")
        job = client.generations.create(**body)
        done = until(lambda: client.generations.get(id=job.id), lambda g: g.state, "completed")
        assert download(done.assets.video) == clip_bytes()
        sent = created(fake).json
        assert {name: sent[name] for name in body} == body


def test_replicate() -> None:
    replicate = pytest.importorskip("replicate")
    with Fake("replicate") as fake:
        client = replicate.Client(api_token=fake.key, base_url=fake.origin)
        body = ours("replicate-wan-2.2-fast")
        job = client.models.predictions.create(model="wan-video/wan-2.2-t2v-fast", input=body["input"])
        done = until(lambda: client.predictions.get(job.id), lambda p: p.status, "succeeded")
        assert download(done.output) == clip_bytes()
        assert done.metrics["predict_time"] == 31.25
        assert created(fake).json == body
