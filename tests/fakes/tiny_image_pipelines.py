"""Tiny random-weight pipelines of the diffusers classes that start from pictures, built in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AnyFlowFARPipeline,
    AnyFlowFARTransformer3DModel,
    AutoencoderKLWan,
    CogVideoXImageToVideoPipeline,
    CogVideoXTransformer3DModel,
    FlowMapEulerDiscreteScheduler,
    HeliosPipeline,
    HeliosScheduler,
    HeliosTransformer3DModel,
    SkyReelsV2ImageToVideoPipeline,
    SkyReelsV2Transformer3DModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
    WanVACEPipeline,
    WanVACETransformer3DModel,
)
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    UMT5Config,
    UMT5EncoderModel,
)

from tests.fakes.tiny_pipelines import cogvideox, tokenizer


def _umt5() -> UMT5EncoderModel:
    config = UMT5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, dropout_rate=0.0)
    return UMT5EncoderModel(config).eval()


def _wan_vae() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )


def _unipc() -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=1.0
    )


SMALL: dict[str, Any] = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 36,
    "out_channels": 16,
    "text_dim": 32,
    "freq_dim": 256,
    "ffn_dim": 32,
    "num_layers": 2,
    "cross_attn_norm": True,
    "rope_max_seq_len": 32,
}
"""Of Wan's transformer and its kin."""


def _parts(transformer: Any, scheduler: Any = None) -> dict[str, Any]:
    scheduler = scheduler or _unipc()
    parts = {"tokenizer": tokenizer(), "text_encoder": _umt5(), "vae": _wan_vae(), "scheduler": scheduler}
    return parts | {"transformer": transformer}


def _vision() -> dict[str, Any]:
    config = CLIPVisionConfig(
        hidden_size=4,
        projection_dim=4,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        intermediate_size=16,
        patch_size=8,
    )
    return {
        "image_encoder": CLIPVisionModelWithProjection(config).eval(),
        "image_processor": CLIPImageProcessor(crop_size=32, size=32),
    }


def wan_i2v() -> WanImageToVideoPipeline:
    return WanImageToVideoPipeline(**_parts(WanTransformer3DModel(**SMALL)), image_encoder=None, image_processor=None)


def wan_vace() -> WanVACEPipeline:
    config = {**SMALL, "in_channels": 16, "vace_layers": [0], "vace_in_channels": 96}
    return WanVACEPipeline(**_parts(WanVACETransformer3DModel(**config)))


def skyreels_i2v() -> SkyReelsV2ImageToVideoPipeline:
    return SkyReelsV2ImageToVideoPipeline(
        **_parts(SkyReelsV2Transformer3DModel(**{**SMALL, "image_dim": 4})), **_vision()
    )


def cogvideox_i2v() -> CogVideoXImageToVideoPipeline:
    words = cogvideox()
    config = {**words.transformer.config, "in_channels": 8, "out_channels": 4}
    parts = {name: words.components[name] for name in ("tokenizer", "text_encoder", "vae", "scheduler")}
    known = {k: v for k, v in config.items() if not k.startswith("_")}
    return CogVideoXImageToVideoPipeline(**parts, transformer=CogVideoXTransformer3DModel(**known))


def helios() -> HeliosPipeline:
    config = {name: value for name, value in SMALL.items() if name != "rope_max_seq_len"}
    config |= {"in_channels": 16, "rope_dim": (4, 4, 4)}
    return HeliosPipeline(**_parts(HeliosTransformer3DModel(**config), HeliosScheduler(stages=1, stage_range=[0, 1])))


def anyflow() -> AnyFlowFARPipeline:
    config = {**SMALL, "in_channels": 16, "chunk_partition": (1, 1, 1)}
    return AnyFlowFARPipeline(**_parts(AnyFlowFARTransformer3DModel(**config), FlowMapEulerDiscreteScheduler()))


BUILDERS: dict[str, Callable[[], Any]] = {
    "wan_i2v": wan_i2v,
    "wan_vace": wan_vace,
    "skyreels_i2v": skyreels_i2v,
    "cogvideox_i2v": cogvideox_i2v,
    "helios": helios,
    "anyflow": anyflow,
}

WAN: dict[str, Any] = {
    "defaults": {"width": 16, "height": 16, "frames": 9, "fps": 16},
    "frames": {"rule": "4k+1"},
    "size_multiple": 16,
    "call": {"num_inference_steps": 2, "guidance_scale": 5.0, "max_sequence_length": 16},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "wan_i2v": {**WAN, "arguments": {"image": "image", "last_image": "last_image"}},
    "wan_vace": {**WAN, "arguments": {"video": "video", "mask": "mask", "references": "reference_images"}},
    "skyreels_i2v": {**WAN, "arguments": {"image": "image"}},
    "cogvideox_i2v": {**WAN, "arguments": {"image": "image"}},
    "helios": {
        **WAN,
        "defaults": {**WAN["defaults"], "frames": 33},
        "frames": {"rule": "33k"},
        "arguments": {"image": "image"},
    },
    "anyflow": {**WAN, "arguments": {"negative": None, "image": "video"}, "image_form": "clip"},
}
"""What the card of each says, as those of the real ones do."""


def save(name: str, folder: Path, *, seed: int = 0) -> Path:
    """Build the pipeline called `name` with random weights and save it as a repository folder."""
    torch.manual_seed(seed)
    BUILDERS[name]().save_pretrained(folder)
    return folder


def save_minimax_h3(folder: Path, *, seed: int = 0) -> Path:
    """MiniMax H3 as modular blocks: conditioner of 51 layers (the fiftieth is read), picture and sound."""
    from diffusers import (
        AutoencoderKLMiniMaxH3,
        AutoencoderKLMiniMaxH3Audio,
        MiniMaxH3Scheduler,
        MiniMaxH3Transformer3DModel,
    )
    from diffusers.modular_pipelines.minimax_h3 import MiniMaxH3Blocks
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    torch.manual_seed(seed)
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "mrope_interleaved": True}
    text = {
        "vocab_size": 64,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 51,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "rope_scaling": rope,
    }
    sight = {
        "depth": 1,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_heads": 2,
        "out_hidden_size": 16,
        "deepstack_visual_indexes": [0],
        "num_position_embeddings": 16,
    }
    words = tokenizer()
    pads = ["<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"]
    words.add_tokens(pads, special_tokens=True)
    even = {"latents_mean": (0.0,) * 4, "latents_std": (1.0,) * 4}
    pipeline = MiniMaxH3Blocks().init_pipeline()
    pipeline.update_components(
        tokenizer=words,
        processor=Qwen3VLProcessor(Qwen2VLImageProcessor(), words, Qwen3VLVideoProcessor()),
        text_encoder=Qwen3VLForConditionalGeneration(Qwen3VLConfig(text_config=text, vision_config=sight)).eval(),
        transformer=MiniMaxH3Transformer3DModel(
            num_attention_heads=2,
            attention_head_dim=16,
            hidden_size=32,
            num_layers=1,
            num_refiner_layers=1,
            ffn_dim=32,
            in_channels=4,
            audio_in_channels=4,
            text_dim=16,
            freq_dim=16,
            time_embed_hidden_dim=16,
            time_embed_dim=16,
            rope_freq_dim=2,
        ),
        vae=AutoencoderKLMiniMaxH3(
            latent_channels=4,
            block_out_channels=(8,) * 6,
            layers_per_block=1,
            norm_num_groups=4,
            decoder_num_layers=1,
            decoder_num_attention_heads=2,
            decoder_attention_head_dim=8,
            decoder_num_register_tokens=1,
            **even,
        ),
        audio_vae=AutoencoderKLMiniMaxH3Audio(
            encoder_dim=4,
            latent_dim=32,
            latent_channels=4,
            num_attention_heads=2,
            decoder_dim=128,
            resblock_kernel_sizes=(3,),
            resblock_dilation_sizes=((1,),),
            **even,
        ),
        scheduler=MiniMaxH3Scheduler(),
        audio_scheduler=MiniMaxH3Scheduler(),
    )
    pipeline.save_pretrained(str(folder))
    return folder
