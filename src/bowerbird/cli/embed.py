"""`bowerbird embed`: train item vectors and publish them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bowerbird.cli.output import JsonOption, StoreArgument, emit


class EngineChoice(StrEnum):
    """Who encodes pictures and texts."""

    LOCAL = "local"
    RAY = "ray"


class HoldoutChoice(StrEnum):
    """What training must not see."""

    DEFAULT = "default"
    NONE = "none"


class Precision(StrEnum):
    """How vectors are kept."""

    FLOAT16 = "float16"
    INT8 = "int8"


def embed(
    store: StoreArgument,
    dim: Annotated[int, typer.Option(min=8, max=1024, help="Width of an item vector.")] = 256,
    epochs: Annotated[int, typer.Option(min=0, help="Passes over the neighbours at most.")] = 12,
    seed: Annotated[int, typer.Option(help="The same seed and inputs give the same vectors.")] = 0,
    holdout: Annotated[
        HoldoutChoice, typer.Option(help="`none` learns from everything; `evaluate` can't judge it then.")
    ] = HoldoutChoice.DEFAULT,
    precision: Annotated[
        Precision, typer.Option(help="How vectors are kept: int8 takes half the room.")
    ] = Precision.FLOAT16,
    image_backbone: Annotated[str, typer.Option(help="Encoder of pictures.")] = "efficientnet-lite0",
    text_backbone: Annotated[str, typer.Option(help="Encoder of texts.")] = "minilm-l6",
    engine: Annotated[
        EngineChoice, typer.Option(help="Who encodes: threads here, or Ray Data; the same vectors.")
    ] = EngineChoice.LOCAL,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Batches encoded at a time; as many as cores if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train item vectors on content and engagement, and publish them as the store's current version."""
    from bowerbird.data.store import Store
    from bowerbird.embed.precompute import Precompute
    from bowerbird.embed.training import EmbedConfig, train_embedding

    config = EmbedConfig(
        dim=dim,
        epochs=epochs,
        seed=seed,
        holdout=holdout.value,
        precision=precision.value,
        image_backbone=image_backbone,
        text_backbone=text_backbone,
    )
    version = train_embedding(Store.open(store), config, Precompute(engine.value, workers))
    emit({"version": version.name, **version.meta}, as_json, lambda console: _show(version.meta, console))


def _show(meta: dict[str, Any], console: Console) -> None:
    seconds, metrics = meta["seconds"], meta["metrics"]
    console.print(
        f"{meta['items']:,} items, {meta['likes']:,} likes to learn from, {meta['dim']} dimensions; features "
        f"{seconds['features']:.0f} s, training {seconds['training']:.0f} s "
        f"(epoch {meta['epochs']}, trusted by {metrics['trust']:.0%})"
    )
    if metrics["tower"] is None:
        console.print("too few people to judge the vectors on: every epoch was kept")
        return
    table = Table("vectors", "known items", "new items", "recall@100", title=f"{metrics['people']} people")
    for name in ("generic", "untrained", "tower"):
        row = metrics[name]
        table.add_row(
            name, *("-" if row[c] is None else f"{row[c]:.4f}" for c in ("warm", "cold", "recall_at_100"))
        )
    console.print(table)
