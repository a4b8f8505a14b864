"""Which number formats this processor computes in natively."""

from __future__ import annotations

import torch


def supports_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 natively; if it must emulate that, float32 is faster."""
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def autocast_bfloat16(device: torch.device) -> torch.autocast:
    """Compute matrix products in bfloat16 while the block runs, if the device supports it natively."""
    is_supported = torch.cuda.is_bf16_supported() if device.type == "cuda" else supports_bfloat16()
    return torch.autocast(
        device.type, torch.bfloat16, enabled=is_supported and device.type in ("cpu", "cuda")
    )
