"""Qwen3-VL-2B in its real configuration with random weights: latency does not depend on the weights' values.

python benchmarks/qwen3_vl_2b.py FOLDER        writes a checkpoint of 4.3 GB
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration
from transformers.initialization import no_init_weights

PARAMETERS, TOWER_PARAMETERS = 2_127_532_032, 406_957_056
"""As published; checks that the configuration is the real one."""


def configuration() -> Any:
    return Qwen3VLConfig(
        text_config={
            "vocab_size": 151_936,
            "hidden_size": 2048,
            "intermediate_size": 6144,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "max_position_embeddings": 262_144,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 5_000_000.0,
                "mrope_section": [24, 20, 20],
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": 24,
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_heads": 16,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": 2048,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [5, 11, 17],
        },
        image_token_id=151_655,
        video_token_id=151_656,
        vision_start_token_id=151_652,
        vision_end_token_id=151_653,
        tie_word_embeddings=True,
    )


def write(folder: Path) -> None:
    """Draw the weights and save them as bfloat16."""
    with no_init_weights():
        model = Qwen3VLForConditionalGeneration._from_config(configuration(), dtype=torch.bfloat16)
    model.tie_weights()
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS
    assert sum(p.numel() for p in model.model.visual.parameters()) == TOWER_PARAMETERS
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.02, generator=generator)
            else:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
    model.save_pretrained(folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
