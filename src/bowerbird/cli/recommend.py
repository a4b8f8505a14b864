"""`bowerbird recommend`: for one person, or for a file of histories."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.cli.output import JsonOption, StoreArgument, emit
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.recommend.options import RecommendOptions
    from bowerbird.recommend.recommender import Recommender


class Outcome(StrEnum):
    CLICK = "click"
    SAVE = "save"
    PURCHASE = "purchase"


def recommend(
    store: StoreArgument,
    user: Annotated[str | None, typer.Option(help="For whom.")] = None,
    histories: Annotated[Path | None, typer.Option(help="Parquet: user_id, item_id, at, action.")] = None,
    out: Annotated[Path | None, typer.Option(help="Parquet: user_id, rank, item_id, score.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=10_000, help="Items for each person.")] = 20,
    outcome: Annotated[Outcome, typer.Option(help="What is hoped for.")] = Outcome.CLICK,
    diversity: Annotated[float, typer.Option(min=0.0, max=1.0, help="0: relevance alone.")] = 0.2,
    exploration: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="0: the best order known; 1: drawn widely.")
    ] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Of what --explore draws.")] = None,
    price_min: Annotated[float | None, typer.Option(help="Lowest price.")] = None,
    price_max: Annotated[float | None, typer.Option(help="Highest price.")] = None,
    category: Annotated[str | None, typer.Option(help="Only items of it.")] = None,
    boosts: Annotated[Path | None, typer.Option(help="TOML with the shop's boosts.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Recommend items to a person, with reasons, or to everybody of a file of histories."""
    from bowerbird.data.events import Action
    from bowerbird.data.store import Store
    from bowerbird.recommend.options import RecommendOptions
    from bowerbird.recommend.recommender import Recommender
    from bowerbird.recommend.rerank.boosts import Boosts

    if (user is None) == (histories is None):
        raise InputError("name either one person with --user, or a file with --histories and --out")
    if (histories is None) != (out is None):
        raise InputError("--histories and --out FILE.parquet go together: people in, their answers out")
    options = RecommendOptions(
        *(Action(outcome.value), diversity, exploration, seed, price_min, price_max, category),
        boosts=Boosts.load(boosts) if boosts else Boosts(),
    )
    recommender = Recommender.open(Store.open(store).snapshot())
    if histories is not None and out is not None:
        _batch(recommender, histories, out, n, options, as_json)
        return
    assert user is not None
    found = recommender.recommend_user(user, n, options)
    if user not in recommender.taste:
        print(f"{user} is not known: these are popular items", file=sys.stderr)
    if outcome.value in recommender.outcomes.meaning["absent"]:
        why = recommender.outcomes.meaning["absent"][outcome.value]
        print(f"a {outcome.value} has no known chance here ({why}): ordered by relevance", file=sys.stderr)
    if not found:
        print("no item in stock passes these filters: widen them", file=sys.stderr)

    def human(console: Console) -> None:
        table = Table(box=None, header_style="dim")
        known = [one.value for one in recommender.outcomes.models]
        for name in ("", "item", "price", *known, "why"):
            table.add_column(name)
        for place, one in enumerate(found, start=1):
            price = "" if one.price is None else f"{one.price:.2f} {one.currency}"
            title = f"{escape(one.title)} [dim]{escape(one.item_id)}[/dim]"
            chances = [f"{one.probability[name]:.1%}" for name in known]
            table.add_row(str(place), title, price, *chances, escape(one.reason))
        console.print(table)

    told = {"user": user, "outcomes": recommender.outcomes.meaning}
    emit(told | {"items": [one.as_dict() for one in found]}, as_json, human)


def _batch(
    recommender: Recommender, histories: Path, out: Path, n: int, options: RecommendOptions, as_json: bool
) -> None:
    from bowerbird.progress import track
    from bowerbird.recommend.batch import read_histories, write_lists
    from bowerbird.taste.state.user_state import TasteState

    users, known, unknown = read_histories(histories, recommender.catalogue)
    states = [TasteState.of(history, user) for user, history in zip(users, known, strict=True)]
    lists = track(recommender.lists(states, n, options), "recommending", total=len(states))
    rows = write_lists(out, users, lists, recommender.catalogue)
    result = {"people": len(users), "rows": rows, "unknown_items": unknown, "out": str(out)}

    def human(console: Console) -> None:
        console.print(f"{len(users):,} users, {rows:,} rows in {out}", soft_wrap=True)
        if unknown:
            console.print(f"{unknown:,} rows of the histories name items that the catalogue does not hold")

    emit(result, as_json, human)
