"""Which number formats this processor computes in."""

from __future__ import annotations

import torch


def computes_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16; where it must emulate that, float32 is faster."""
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def autocast_bfloat16(device: torch.device) -> torch.autocast:
    """Matrix products in bfloat16 while the block runs, where the device multiplies in it."""
    able = torch.cuda.is_bf16_supported() if device.type == "cuda" else computes_bfloat16()
    return torch.autocast(device.type, torch.bfloat16, enabled=able and device.type in ("cpu", "cuda"))
