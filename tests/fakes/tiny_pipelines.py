"""Tiny random-weight video pipelines of the real diffusers classes, built in memory: a clip in a tenth of a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AnimateDiffPipeline,
    AutoencoderKL,
    AutoencoderKLCogVideoX,
    AutoencoderKLHunyuanVideo,
    AutoencoderKLLTXVideo,
    AutoencoderKLMochi,
    AutoencoderKLWan,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoPipeline,
    HunyuanVideoTransformer3DModel,
    LTXImageToVideoPipeline,
    LTXPipeline,
    LTXVideoTransformer3DModel,
    MochiPipeline,
    MochiTransformer3DModel,
    MotionAdapter,
    UNet2DConditionModel,
    UniPCMultistepScheduler,
    WanPipeline,
    WanTransformer3DModel,
)
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    LlamaConfig,
    LlamaModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

WORDS = ("a", "an", "and", "the", "of", "in", "red", "blue", "fox", "cat", "runs", "jumps", "camera", "snow", "sea")


def tokenizer(max_length: int = 32) -> PreTrainedTokenizerFast:
    """One token per word, from a vocabulary of a few words."""
    vocabulary = {word: i for i, word in enumerate(["<pad>", "</s>", "<unk>", "<s>", *WORDS])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        bos_token="<s>",
        model_max_length=max_length,
    )


def _t5() -> T5EncoderModel:
    config = T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, dropout_rate=0.0)
    return T5EncoderModel(config).eval()


def _clip(hidden: int) -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=64,
        hidden_size=hidden,
        intermediate_size=16,
        projection_dim=hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        bos_token_id=3,
        eos_token_id=1,
        pad_token_id=0,
    )
    return CLIPTextModel(config).eval()


def wan() -> WanPipeline:
    text = UMT5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, dropout_rate=0.0)
    return WanPipeline(
        tokenizer=tokenizer(),
        text_encoder=UMT5EncoderModel(text).eval(),
        vae=AutoencoderKLWan(
            base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
        ),
        scheduler=UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=1.0
        ),
        transformer=WanTransformer3DModel(
            patch_size=(1, 2, 2),
            num_attention_heads=2,
            attention_head_dim=12,
            in_channels=16,
            out_channels=16,
            text_dim=32,
            freq_dim=256,
            ffn_dim=32,
            num_layers=2,
            cross_attn_norm=True,
            qk_norm="rms_norm_across_heads",
            rope_max_seq_len=32,
        ),
    )


def cogvideox() -> CogVideoXPipeline:
    return CogVideoXPipeline(
        tokenizer=tokenizer(),
        text_encoder=_t5(),
        vae=AutoencoderKLCogVideoX(
            down_block_types=("CogVideoXDownBlock3D",) * 4,
            up_block_types=("CogVideoXUpBlock3D",) * 4,
            block_out_channels=(8, 8, 8, 8),
            latent_channels=4,
            layers_per_block=1,
            norm_num_groups=2,
            temporal_compression_ratio=4,
        ),
        scheduler=DDIMScheduler(),
        transformer=CogVideoXTransformer3DModel(
            num_attention_heads=4,
            attention_head_dim=8,
            in_channels=4,
            out_channels=4,
            time_embed_dim=2,
            text_embed_dim=32,
            num_layers=1,
            sample_width=2,
            sample_height=2,
            sample_frames=9,
            patch_size=2,
            temporal_compression_ratio=4,
            max_text_seq_length=16,
        ),
    )


def _ltx_parts() -> dict[str, Any]:
    return {
        "tokenizer": tokenizer(),
        "text_encoder": _t5(),
        "vae": AutoencoderKLLTXVideo(
            latent_channels=8,
            block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 8, 8, 8),
            layers_per_block=(1, 1, 1, 1, 1),
            decoder_layers_per_block=(1, 1, 1, 1, 1),
            spatio_temporal_scaling=(True, True, False, False),
            decoder_spatio_temporal_scaling=(True, True, False, False),
            decoder_inject_noise=(False, False, False, False, False),
            upsample_residual=(False, False, False, False),
            upsample_factor=(1, 1, 1, 1),
            timestep_conditioning=False,
            patch_size=1,
            patch_size_t=1,
            encoder_causal=True,
            decoder_causal=False,
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
        "transformer": LTXVideoTransformer3DModel(
            in_channels=8,
            out_channels=8,
            patch_size=1,
            patch_size_t=1,
            num_attention_heads=4,
            attention_head_dim=8,
            cross_attention_dim=32,
            num_layers=1,
            caption_channels=32,
        ),
    }


def ltx() -> LTXPipeline:
    return LTXPipeline(**_ltx_parts())


def ltx_image() -> LTXImageToVideoPipeline:
    return LTXImageToVideoPipeline(**_ltx_parts())


def animatediff() -> AnimateDiffPipeline:
    return AnimateDiffPipeline(
        tokenizer=tokenizer(77),
        text_encoder=_clip(8),
        vae=AutoencoderKL(
            block_out_channels=(8, 8),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            latent_channels=4,
            norm_num_groups=2,
        ),
        scheduler=DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="linear", clip_sample=False),
        unet=UNet2DConditionModel(
            block_out_channels=(8, 8),
            layers_per_block=2,
            sample_size=8,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=8,
            norm_num_groups=2,
        ),
        motion_adapter=MotionAdapter(
            block_out_channels=(8, 8),
            motion_layers_per_block=2,
            motion_norm_num_groups=2,
            motion_num_attention_heads=4,
        ),
        feature_extractor=None,
        image_encoder=None,
    )


def hunyuan() -> HunyuanVideoPipeline:
    llama = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=37,
        num_hidden_layers=3,
        num_attention_heads=4,
        bos_token_id=3,
        eos_token_id=1,
        pad_token_id=0,
    )
    return HunyuanVideoPipeline(
        tokenizer=tokenizer(),
        tokenizer_2=tokenizer(77),
        text_encoder=LlamaModel(llama).eval(),
        text_encoder_2=_clip(8),
        vae=AutoencoderKLHunyuanVideo(
            latent_channels=4,
            down_block_types=("HunyuanVideoDownBlock3D",) * 4,
            up_block_types=("HunyuanVideoUpBlock3D",) * 4,
            block_out_channels=(8, 8, 8, 8),
            layers_per_block=1,
            norm_num_groups=4,
            spatial_compression_ratio=8,
            temporal_compression_ratio=4,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        transformer=HunyuanVideoTransformer3DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=10,
            num_layers=1,
            num_single_layers=1,
            num_refiner_layers=1,
            patch_size=1,
            patch_size_t=1,
            guidance_embeds=True,
            text_embed_dim=16,
            pooled_projection_dim=8,
            rope_axes_dim=(2, 4, 4),
        ),
    )


def mochi() -> MochiPipeline:
    return MochiPipeline(
        tokenizer=tokenizer(),
        text_encoder=_t5(),
        vae=AutoencoderKLMochi(
            latent_channels=12,
            encoder_block_out_channels=(32, 32, 32, 32),
            decoder_block_out_channels=(32, 32, 32, 32),
            layers_per_block=(1, 1, 1, 1, 1),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        transformer=MochiTransformer3DModel(
            patch_size=2,
            num_attention_heads=2,
            attention_head_dim=8,
            num_layers=2,
            pooled_projection_dim=16,
            in_channels=12,
            out_channels=None,
            qk_norm="rms_norm",
            text_embed_dim=32,
            time_embed_dim=4,
            activation_fn="swiglu",
            max_sequence_length=16,
        ),
    )


BUILDERS: dict[str, Callable[[], Any]] = {
    "wan": wan,
    "cogvideox": cogvideox,
    "ltx": ltx,
    "animatediff": animatediff,
    "hunyuan": hunyuan,
    "mochi": mochi,
    "ltx_image": ltx_image,
}

OPTIONS: dict[str, dict[str, Any]] = {
    "wan": {
        "defaults": {"width": 64, "height": 64, "frames": 9, "fps": 16},
        "frames": {"rule": "4k+1", "max": 81},
        "size_multiple": 16,
        "dtypes": {"default": "bfloat16", "vae": "float32"},
        "scheduler": {"flow_shift": 3.0},
        "call": {"num_inference_steps": 2, "guidance_scale": 5.0, "max_sequence_length": 16},
    },
    "cogvideox": {
        "defaults": {"width": 16, "height": 16, "frames": 9, "fps": 8},
        "frames": {"rule": "4k+1"},
        "size_multiple": 16,
        "call": {"num_inference_steps": 2, "guidance_scale": 6.0, "max_sequence_length": 16},
        "vae": {"tiling": True, "slicing": True},
    },
    "ltx": {
        "defaults": {"width": 64, "height": 64, "frames": 9, "fps": 24},
        "frames": {"rule": "8k+1"},
        "size_multiple": 32,
        "arguments": {"fps": "frame_rate"},
        "call": {"num_inference_steps": 2, "guidance_scale": 3.0, "max_sequence_length": 16},
    },
    "animatediff": {
        "defaults": {"width": 16, "height": 16, "frames": 8, "fps": 8},
        "size_multiple": 8,
        "call": {"num_inference_steps": 2, "guidance_scale": 7.5},
    },
    "hunyuan": {
        "defaults": {"width": 16, "height": 16, "frames": 9, "fps": 15},
        "frames": {"rule": "4k+1"},
        "size_multiple": 16,
        "call": {
            "num_inference_steps": 2,
            "guidance_scale": 4.5,
            "max_sequence_length": 16,
            "prompt_template": {"template": "{}", "crop_start": 0},
        },
    },
    "mochi": {
        "defaults": {"width": 16, "height": 16, "frames": 7, "fps": 30},
        "frames": {"rule": "6k+1"},
        "size_multiple": 16,
        "call": {"num_inference_steps": 2, "guidance_scale": 4.5, "max_sequence_length": 16},
    },
    "ltx_image": {
        "defaults": {"width": 64, "height": 64, "frames": 9, "fps": 24},
        "frames": {"rule": "8k+1"},
        "size_multiple": 32,
        "arguments": {"fps": "frame_rate", "image": "image"},
        "call": {"num_inference_steps": 2, "guidance_scale": 3.0, "max_sequence_length": 16},
    },
}
"""What the card of each says; the same kind of differences as between the real ones."""


def save(name: str, folder: Path, *, seed: int = 0) -> Path:
    """Build the pipeline called `name` with random weights and save it as a repository folder."""
    torch.manual_seed(seed)
    pipeline = BUILDERS[name]()
    pipeline.save_pretrained(folder)
    return folder
