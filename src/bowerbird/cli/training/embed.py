"""`bowerbird embed`: train item vectors and publish them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bowerbird.choices import Engine, HoldoutChoice, Modality, Precision
from bowerbird.cli.output import JsonOption, StoreArgument, emit
from bowerbird.cli.training.embed_update import show_update

if TYPE_CHECKING:
    from bowerbird.data.store import Store
    from bowerbird.embed.meta import BackbonesMeta, SeedSummary, VectorsMeta

COLUMNS = {
    "warm": "known items",
    "cold": "new items",
    "recall_at_100": "recall@100",
    "across": "text ↔ picture",
}
DEFAULT_NOTE = "Default: with --update that of the current version, else "


def embed(
    store: StoreArgument,
    update: Annotated[
        bool,
        typer.Option("--update", help="Update the current version with new and changed items and events."),
    ] = False,
    dim: Annotated[
        int | None, typer.Option(min=8, max=1024, help=f"Dimensions of an item vector. {DEFAULT_NOTE}256.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=0, help="Maximum number of epochs. Default: 12, with --update 3.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The same seed and inputs give the same vectors. Default: 0.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1, help="Train with N seeds, publish the first, report the spread. Default: 1.", metavar="N"
        ),
    ] = None,
    holdout: Annotated[
        HoldoutChoice | None,
        typer.Option(
            help=f"none: train on all events; then `evaluate` is not possible. {DEFAULT_NOTE}default."
        ),
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help=f"Storage format of vectors: int8 takes half the space. {DEFAULT_NOTE}float16."),
    ] = None,
    image_backbone: Annotated[
        str | None, typer.Option(help=f"Image encoder. {DEFAULT_NOTE}efficientnet-lite0.")
    ] = None,
    text_backbone: Annotated[
        str | None,
        typer.Option(
            help=f"Text encoder. {DEFAULT_NOTE}minilm-l6 for a catalogue in English, "
            "multilingual-e5-small for another language."
        ),
    ] = None,
    unfreeze: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Fine-tune the top N backbone blocks first; keep the result only if validation improves. "
            "Best with a GPU.",
            metavar="N",
        ),
    ] = None,
    unfreeze_only: Annotated[
        Modality | None, typer.Option(help="Fine-tune only one backbone: image or text.")
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(help="Encode with local threads or with Ray Data; the vectors are the same."),
    ] = Engine.LOCAL,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Batches encoded in parallel. Default: number of cores.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train item vectors on content and engagement, and publish them as the store's current version."""
    from bowerbird.data.store import Store
    from bowerbird.embed.config import EmbedConfig, UpdateConfig
    from bowerbird.embed.encode.precompute import Precompute
    from bowerbird.embed.meta import VectorsMeta
    from bowerbird.embed.training import train_embedding
    from bowerbird.embed.update.updating import update_embedding
    from bowerbird.errors import InputError

    options = {
        "dim": dim,
        "epochs": epochs,
        "seed": seed,
        "seeds": seeds,
        "holdout": holdout,
        "precision": precision,
        "image_backbone": image_backbone,
        "text_backbone": text_backbone,
        "unfreeze": unfreeze,
        "unfreeze_only": unfreeze_only,
    }
    if unfreeze_only is not None and unfreeze is None:
        raise InputError("--unfreeze-only selects a backbone, --unfreeze the number of its blocks: give both")
    if update and unfreeze is not None:
        raise InputError(
            "an update does not change the backbones, fine-tuned ones included: "
            "leave out --unfreeze, or --update"
        )
    settings: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    opened, precompute = Store.open(store), Precompute(engine, workers)
    _warn_of_unfetched_pictures(opened)
    if not update:
        version = train_embedding(opened, EmbedConfig(**settings), precompute)
        meta = version.read_meta(VectorsMeta)
        emit({"version": version.name, **version.meta}, as_json, lambda console: _show(meta, console))
        return
    if seed is not None or seeds is not None:
        raise InputError("an update uses the seed of the current version: leave out --seed and --seeds")
    updated = update_embedding(opened, UpdateConfig(**settings), precompute)
    if updated is None:
        emit(
            {"version": None, "changed": False},
            as_json,
            lambda console: console.print(
                "nothing has changed since the current version: no new version was published"
            ),
        )
        return
    meta = updated.read_meta(VectorsMeta)
    emit({"version": updated.name, **updated.meta}, as_json, lambda console: show_update(meta, console))


def _warn_of_unfetched_pictures(store: Store) -> None:
    """Say on standard error that items are encoded without the pictures that they link to."""
    from bowerbird.data.pictures.links import unfetched_items
    from bowerbird.progress import print_progress

    snapshot = store.snapshot()
    count = int(unfetched_items(snapshot.imported).sum()) if snapshot.version("catalogue") else 0
    if count:
        print_progress(
            f"{count:,} items link to a picture that was not fetched: their vectors are made without it "
            f"(`bowerbird pictures fetch {store.path}` fetches them)"
        )


def _show(meta: VectorsMeta, console: Console) -> None:
    seconds, metrics = meta.seconds, meta.metrics
    assert seconds is not None
    console.print(
        f"{meta.items:,} items, {meta.likes:,} likes to train on, {meta.dim} dimensions; features "
        f"{seconds.features:.0f} s, training {seconds.training:.0f} s "
        f"(epoch {meta.epochs}, weight {metrics.learned_weight:.0%})"
    )
    if note := _describe_language(meta.language, (meta.backbones or {}).get("text", "")):
        console.print(note)
    if meta.finetuning is not None:
        console.print(_describe_finetuning(meta.finetuning))
    if metrics.tower is None:
        console.print("too few users to validate the vectors: all epochs were trained")
        return
    if meta.over_seeds is not None:
        _print_quality(meta.over_seeds, metrics.users, console)


def _print_quality(over_seeds: SeedSummary, users: int, console: Console) -> None:
    has_seeds = len(over_seeds.seeds) > 1
    title = f"{users} users"
    title += f"; mean ± standard deviation of {len(over_seeds.seeds)} seeds" if has_seeds else ""
    table = Table("vectors", *COLUMNS.values(), title=title)
    deviations = over_seeds.deviation or {}
    for name, mean in (over_seeds.mean or {}).items():
        cells = [
            _format_mean(getattr(mean, field, None), getattr(deviations.get(name), field, None), has_seeds)
            for field in COLUMNS
        ]
        table.add_row(name.replace("_", " "), *cells)
    console.print(table)


def _describe_language(language: str | None, text_backbone: str) -> str:
    """Say which text encoder was chosen for a catalogue that is not in English; otherwise nothing."""
    from bowerbird.models.backbones import DEFAULT_TEXT, MULTILINGUAL_TEXT
    from bowerbird.text.languages import ENGLISH, LANGUAGE_NAMES

    if language in (None, ENGLISH):
        return ""
    name = LANGUAGE_NAMES[language]
    if text_backbone == MULTILINGUAL_TEXT:
        return f"the catalogue is in {name}: {text_backbone} encodes its texts (--text-backbone changes that)"
    if text_backbone == DEFAULT_TEXT:
        return (
            f"the catalogue is in {name}, but {text_backbone} knows little besides English: pip install "
            f"'bowerbird\\[multilingual]' and run the command with --text-backbone {MULTILINGUAL_TEXT}"
        )
    return ""


def _format_mean(mean: float | None, deviation: float | None, has_seeds: bool) -> str:
    if mean is None:
        return "-"
    return f"{mean:.4f} ± {deviation:.4f}" if has_seeds and deviation is not None else f"{mean:.4f}"


def _describe_finetuning(report: BackbonesMeta) -> str:
    names, layers, frozen = " and ".join(report.bases.values()), report.config.layers, report.scores[0]
    best = max(report.scores[1:], default=frozen)
    if not report.is_better:
        return (
            f"fine-tuning the top {layers} of {names} did not help (validation {best:.4f}, frozen "
            f"{frozen:.4f}): they are used unchanged"
        )
    return (
        f"the top {layers} of {names} were fine-tuned: validation {best:.4f}, frozen {frozen:.4f} "
        f"(round {report.best_round} of {report.rounds}, {report.seconds:.0f} s)"
    )
