"""Does post-training degrade the base language model?

    python benchmarks/bench_perplexity.py STORE [STORE…] [--words 20000]

Perplexity of the base and of each store's graft on plain text outside the training data: the prose of
the Python reference in the standard library (`pydoc_data.topics`), the same on every machine of one
Python version. A frozen graft's language model is the base itself, so only adapted ones (`bowerbird graft
--adapt lora` or `full`) can degrade. Ends in one JSON line.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from bowerbird.data.store import Store
from bowerbird.graft.adapter import load_adapted_base
from bowerbird.graft.base import Base
from bowerbird.graft.config import GraftMeta
from bowerbird.progress import track

BLOCK = 512
"""Tokens per pass: each token is predicted from those before it in its block."""


@torch.inference_mode()
def block_losses_of(base: Base, blocks: torch.Tensor) -> torch.Tensor:
    """Mean negative log-likelihood of each block, (blocks,) nats a token."""
    model = base.model.float()
    block_losses = []
    for block in track(blocks, "perplexity"):
        logits = model(input_ids=block[None]).logits[0, :-1].float()
        block_losses.append(torch.nn.functional.cross_entropy(logits, block[1:]))
    return torch.stack(block_losses)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("stores", type=Path, nargs="+")
    parser.add_argument("--words", type=int, default=20_000, help="tokens of the text")
    args = parser.parse_args()
    text = "\n\n".join(topics[name] for name in sorted(topics))
    base_losses: dict[str, torch.Tensor] = {}
    table = Table("store", "base", "adapted", "base's perplexity", "graft's", "ratio")
    result: dict[str, Any] = {"bench": "perplexity", "text": f"pydoc_data of {platform.python_version()}"}
    for path in args.stores:
        version = Store.open(path).current("graft")
        if version is None:
            raise SystemExit(f"{path} has no graft: run `bowerbird graft {path}`")
        name = version.read_meta(GraftMeta).base
        base = Base.load(name)
        ids = torch.tensor(base.tokenize(text)[: args.words // BLOCK * BLOCK])
        if name not in base_losses:
            base_losses[name] = block_losses_of(base, ids.view(-1, BLOCK))
        before = base_losses[name]
        after = block_losses_of(load_adapted_base(base, version.path), ids.view(-1, BLOCK))
        row = {
            "adapt": version.meta["adapt"],
            "base": float(before.mean().exp()),
            "graft": float(after.mean().exp()),
            "ratio": float((after.mean() - before.mean()).exp()),
            "worst block": float((after - before).max().exp()),
            "tokens": len(ids),
        }
        result[str(path)] = row
        numbers = (f"{row[key]:.3f}" for key in ("base", "graft", "ratio"))
        table.add_row(str(path), name, row["adapt"], *numbers)
    Console().print(table)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
