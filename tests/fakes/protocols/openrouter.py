"""OpenRouter, with its catalogue of video models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, error_body, is_bad, is_done

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob

CATALOGUE: list[dict[str, Any]] = [
    {
        "id": "google/veo-3.1-lite",
        "canonical_slug": "google/veo-3.1-lite-20260331",
        "name": "Google: Veo 3.1 Lite",
        "created": 1774900000,
        "supported_resolutions": ["720p", "1080p"],
        "supported_aspect_ratios": ["16:9", "9:16"],
        "supported_durations": [8, 4, 6],
        "supported_frame_images": ["first_frame", "last_frame"],
        "generate_audio": True,
        "seed": True,
        "pricing_skus": {
            "duration_seconds_with_audio": "0.05",
            "duration_seconds_with_audio_1080p": "0.08",
            "duration_seconds_without_audio_720p": "0.03",
            "duration_seconds_without_audio_1080p": "0.05",
        },
        "allowed_passthrough_parameters": ["negative_prompt"],
    },
    {
        "id": "black-forest-labs/flux-3-video",
        "name": "FLUX.3 Video",
        "created": 1788000000,
        "supported_resolutions": ["720p", "1080p"],
        "supported_aspect_ratios": ["16:9"],
        "supported_durations": list(range(5, 21)),
        "supported_frame_images": ["first_frame"],
        "generate_audio": False,
        "seed": False,
        "pricing_skus": {
            "cents_per_second_output": "17",
            "cents_per_second_output_1080p": "29",
            "cents_per_second_video_continuation_1080p": "53",
            "cents_per_image_input": "1",
            "minimum_cents_per_generation": "100",
        },
    },
    {
        "id": "bytedance/seedance-2.0",
        "name": "Seedance 2.0",
        "created": 1780000000,
        "supported_resolutions": ["480p", "720p"],
        "supported_aspect_ratios": ["16:9", "9:16"],
        "supported_durations": [5, 10],
        "supported_frame_images": None,
        "pricing_skus": {"video_tokens": "0.000007", "video_tokens_with_video_input": "0.0000043"},
    },
    {"id": "some/odd", "name": "Odd", "supported_durations": [5], "pricing_skus": {"smiles_per_frame": "3"}},
]
"""As the public catalogue spells prices: dollars or cents as texts, by second, token and clip."""


def _openrouter(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {"id": job.id, "generation_id": f"gen-{job.id}", "status": word, "polling_url": "unused"}
    if is_bad(job):
        view["error"] = "the output was moderated by the provider" if job.state == "moderated" else "provider failed"
    if is_done(job):
        view |= {"model": job.body.get("model"), "unsigned_urls": [f"{fake.base_url}/videos/{job.id}/content?index=0"]}
        view["usage"] = {"cost": 0.12, "is_byok": False}
    return 200, view


PROTOCOLS = {
    "openrouter": Protocol(
        card="openrouter",
        env="OPENROUTER_BASE_URL",
        key_env="OPENROUTER_API_KEY",
        prefix="/api/v1",
        create_path="/videos",
        poll_path=r"/videos/(\w+)",
        content_path=r"/videos/(\w+)/content\?index=0",
        free={"/videos/models": {"data": CATALOGUE}},
        words={"queued": "pending", "running": "in_progress", "succeeded": "completed", "failed": "failed"},
        created=lambda job, fake: (202, {"id": job.id, "status": "pending", "polling_url": f"/api/v1/videos/{job.id}"}),
        view=_openrouter,
        errors={
            "rate": (429, error_body("429", "rate limit exceeded")),
            "balance": (402, error_body("402", "insufficient credits")),
            "auth": (401, error_body("401", "no auth credentials found")),
            "moderated": (403, error_body("403", "the prompt was flagged by moderation")),
            "bad_request": (400, error_body("400", "duration is not supported")),
            "not_found": (404, error_body("404", "no such job")),
        },
    ),
}
