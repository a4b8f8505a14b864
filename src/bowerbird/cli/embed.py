"""`bowerbird embed`: train item vectors and publish them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bowerbird.cli.embed_update import show_update
from bowerbird.cli.output import JsonOption, StoreArgument, emit

COLUMNS = {
    "warm": "known items",
    "cold": "new items",
    "recall_at_100": "recall@100",
    "across": "text ↔ picture",
}
OR_CURRENT = "If not given, that of the current version in an update, else "


class EngineChoice(StrEnum):
    """Who encodes pictures and texts."""

    LOCAL = "local"
    RAY = "ray"


class HoldoutChoice(StrEnum):
    """What training must not see."""

    DEFAULT = "default"
    NONE = "none"


class SideChoice(StrEnum):
    """One of the two backbones."""

    IMAGE = "image"
    TEXT = "text"


class Precision(StrEnum):
    """How vectors are kept."""

    FLOAT16 = "float16"
    INT8 = "int8"


def embed(
    store: StoreArgument,
    update: Annotated[
        bool,
        typer.Option("--update", help="Take in what is new since the current version, and keep the rest."),
    ] = False,
    dim: Annotated[
        int | None, typer.Option(min=8, max=1024, help=f"Width of an item vector. {OR_CURRENT}256.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=0, help="Passes over the neighbours at most: 12, or 3 in an update.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The same seed and inputs give the same vectors; 0 if not given.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Trainings, one a seed; the first is published, the spread is told. 1."),
    ] = None,
    holdout: Annotated[
        HoldoutChoice | None,
        typer.Option(
            help=f"`none` learns from everything; `evaluate` can't judge it then. {OR_CURRENT}default."
        ),
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help=f"How vectors are kept: int8 takes half the room. {OR_CURRENT}float16."),
    ] = None,
    image_backbone: Annotated[
        str | None, typer.Option(help=f"Encoder of pictures. {OR_CURRENT}efficientnet-lite0.")
    ] = None,
    text_backbone: Annotated[
        str | None, typer.Option(help=f"Encoder of texts. {OR_CURRENT}minilm-l6.")
    ] = None,
    unfreeze: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Train so many top blocks of the backbones on the store first; kept if that is better. "
            "Best with a GPU.",
        ),
    ] = None,
    unfreeze_only: Annotated[
        SideChoice | None, typer.Option(help="Unfreeze one backbone alone: image or text.")
    ] = None,
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
    from bowerbird.embed.encode.precompute import Precompute
    from bowerbird.embed.training import EmbedConfig, train_embedding
    from bowerbird.embed.update.updating import UpdateConfig, update_embedding
    from bowerbird.errors import InputError

    asked = {
        "dim": dim,
        "epochs": epochs,
        "seed": seed,
        "seeds": seeds,
        "holdout": holdout and holdout.value,
        "precision": precision and precision.value,
        "image_backbone": image_backbone,
        "text_backbone": text_backbone,
        "unfreeze": unfreeze,
        "unfreeze_only": unfreeze_only and unfreeze_only.value,
    }
    if unfreeze_only is not None and unfreeze is None:
        raise InputError("--unfreeze-only says which side, --unfreeze how many blocks of it: give both")
    if update and unfreeze is not None:
        raise InputError(
            "an update keeps the backbones as they are, adapted ones too: leave out --unfreeze, or --update"
        )
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    opened, precompute = Store.open(store), Precompute(engine.value, workers)
    if not update:
        version = train_embedding(opened, EmbedConfig(**given), precompute)
        emit({"version": version.name, **version.meta}, as_json, lambda console: _show(version.meta, console))
        return
    if seed is not None or seeds is not None:
        raise InputError(
            "an update goes on with the seed of the current version: leave out --seed and --seeds"
        )
    updated = update_embedding(opened, UpdateConfig(**given), precompute)
    if updated is None:
        emit(
            {"version": None, "changed": False},
            as_json,
            lambda console: console.print(
                "nothing has changed since the current vectors: they stay as they are"
            ),
        )
        return
    meta = updated.meta
    emit({"version": updated.name, **meta}, as_json, lambda console: show_update(meta, console))


def _show(meta: dict[str, Any], console: Console) -> None:
    seconds, metrics = meta["seconds"], meta["metrics"]
    console.print(
        f"{meta['items']:,} items, {meta['likes']:,} likes to learn from, {meta['dim']} dimensions; features "
        f"{seconds['features']:.0f} s, training {seconds['training']:.0f} s "
        f"(epoch {meta['epochs']}, trusted by {metrics['trust']:.0%})"
    )
    if meta["unfrozen"] is not None:
        console.print(_of_unfreezing(meta["unfrozen"]))
    if metrics["tower"] is None:
        console.print("too few people to judge the vectors on: every epoch was kept")
        return
    told = meta["over_seeds"]
    several = len(told["seeds"]) > 1
    title = f"{metrics['people']} people"
    title += f"; mean ± deviation of {len(told['seeds'])} seeds" if several else ""
    table = Table("vectors", *COLUMNS.values(), title=title)
    for name in told["mean"]:
        mean, deviation = told["mean"][name], told["deviation"][name]
        table.add_row(name, *(_number(mean[c], deviation[c] if several else None) for c in COLUMNS))
    console.print(table)


def _number(mean: float | None, deviation: float | None) -> str:
    if mean is None:
        return "-"
    return f"{mean:.4f}" if deviation is None else f"{mean:.4f} ± {deviation:.4f}"


def _of_unfreezing(told: dict[str, Any]) -> str:
    names = " and ".join(told["bases"].values())
    best = max(told["scores"][1:], default=told["scores"][0])
    if not told["better"]:
        return (
            f"unfreezing the top {told['layers']} of {names} did not help (judged {best:.4f}, frozen "
            f"{told['scores'][0]:.4f}): they stay as they came"
        )
    return (
        f"the top {told['layers']} of {names} were adapted: judged {best:.4f}, frozen "
        f"{told['scores'][0]:.4f} (round {told['best_round']} of {told['rounds_done']}, "
        f"{told['seconds']:.0f} s)"
    )
