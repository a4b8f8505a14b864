"""Which number formats this processor computes in."""

from __future__ import annotations

import torch


def computes_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16; where it must emulate that, float32 is faster."""
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))
