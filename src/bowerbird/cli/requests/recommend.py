"""`bowerbird recommend`: for one user, or for a file of histories."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.choices import Outcome
from bowerbird.cli.output import (
    JsonOption,
    StoreArgument,
    describe_also_in,
    describe_price,
    emit,
)
from bowerbird.cli.requests.conversations import recommend_conversations
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.recommend.options import RecommendOptions
    from bowerbird.recommend.recommender import Recommender


def recommend(
    store: StoreArgument,
    user: Annotated[str | None, typer.Option(help="User id.")] = None,
    histories: Annotated[Path | None, typer.Option(help="Parquet: user_id, item_id, at, action.")] = None,
    conversations: Annotated[
        Path | None, typer.Option(help="Parquet: conversation_id, turn, role, text.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Parquet: user_id, rank, item_id, score.")] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=10_000, help="Items per user.")] = 20,
    outcome: Annotated[Outcome, typer.Option(help="Outcome to optimise for.")] = Outcome.CLICK,
    diversity: Annotated[float, typer.Option(min=0.0, max=1.0, help="0: relevance only.")] = 0.2,
    exploration: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="0: the best known order; 1: sampled widely.")
    ] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Seed for --exploration.")] = None,
    price_min: Annotated[float | None, typer.Option(help="Lowest price.")] = None,
    price_max: Annotated[float | None, typer.Option(help="Highest price.")] = None,
    category: Annotated[str | None, typer.Option(help="Only items of this category.")] = None,
    filter_json: Annotated[
        str | None, typer.Option("--filter", help='Filter as JSON: {"brand": ["Oak & Co"], "on_sale": true}')
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Id of an item to leave out; repeatable.")] = None,
    liked: Annotated[
        list[str] | None, typer.Option("--liked", help="Id of an item of the session; repeatable.")
    ] = None,
    boosts: Annotated[Path | None, typer.Option(help="TOML file with boosts, pins and what to hide.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Recommend items to a user, with reasons; to all users of a file of histories; or for conversations."""
    if conversations is not None:
        if user is not None or histories is not None or out is None:
            raise InputError("--conversations goes with --out FILE.parquet, without --user and --histories")
        recommend_conversations(store, conversations, out, n, as_json)
        return
    from bowerbird.data.events import Action
    from bowerbird.data.store import Store
    from bowerbird.recommend.filtering.emptiness import explain_emptiness
    from bowerbird.recommend.filtering.filters import ItemFilter, Range, combine, parse_filter
    from bowerbird.recommend.lists.sessions import SessionEvent, session_state
    from bowerbird.recommend.options import RecommendOptions
    from bowerbird.recommend.recommender import Recommender
    from bowerbird.recommend.rerank.shop_rules import ShopRules

    if (user is None and not liked) == (histories is None):
        raise InputError(
            "name a user with --user, items of a session with --liked, or a file with --histories and --out"
        )
    if (histories is None) != (out is None):
        raise InputError("--histories and --out FILE.parquet go together: histories in, recommendations out")
    options = RecommendOptions(
        *(Action(outcome.value), diversity, exploration, seed),
        filter=combine(
            parse_filter(filter_json) if filter_json else None,
            ItemFilter(price=Range(price_min, price_max)) if (price_min, price_max) != (None, None) else None,
            ItemFilter(category=(category,)) if category else None,
        ),
        exclude=tuple(exclude or ()),
        rules=ShopRules.load(boosts) if boosts else ShopRules(),
    )
    recommender = Recommender.open(Store.open(store).snapshot())
    if histories is not None and out is not None:
        _batch(recommender, histories, out, n, options, as_json)
        return
    known = None if user is None else recommender.taste.state(user)
    session = [SessionEvent(item_id) for item_id in liked or ()]
    state, unknown = session_state(session, recommender.catalogue, time.time_ns() // 1000, known)
    recommended = recommender.recommend(state, n, options=options)
    if unknown:
        print(f"not in the catalogue, left out: {', '.join(unknown)}", file=sys.stderr)
    if user is not None and user not in recommender.taste:
        print(f"{user} is unknown: these are popular items", file=sys.stderr)
    if outcome.value in recommender.outcomes.meaning["absent"]:
        reason = recommender.outcomes.meaning["absent"][outcome.value]
        print(
            f"the probability of a {outcome.value} is unknown ({reason}): ordered by relevance",
            file=sys.stderr,
        )
    if not recommended:
        reason = explain_emptiness(options.filter, recommender.catalogue)
        print(reason or "no item in stock passes these filters: widen them", file=sys.stderr)

    def show(console: Console) -> None:
        table = Table(box=None, header_style="dim")
        outcomes = [outcome.value for outcome in recommender.outcomes.models]
        for name in ("", "item", "price", *outcomes, "why"):
            table.add_column(name)
        for rank, item in enumerate(recommended, start=1):
            price = describe_price(item.price, item.currency, item.list_price)
            title = f"{escape(item.title)} [dim]{escape(item.item_id)}[/dim]"
            title += describe_also_in(item.also_in)
            probabilities = [f"{item.probability[name]:.1%}" for name in outcomes]
            table.add_row(str(rank), title, price, *probabilities, escape(item.reason))
        console.print(table)

    result = {"user": user, "outcomes": recommender.outcomes.meaning}
    emit(result | {"items": [item.as_dict() for item in recommended]}, as_json, show)


def _batch(
    recommender: Recommender, histories: Path, out: Path, n: int, options: RecommendOptions, as_json: bool
) -> None:
    from bowerbird.progress import track
    from bowerbird.recommend.batch import read_histories, write_lists
    from bowerbird.taste.state.user_state import TasteState

    users, user_histories, n_unknown = read_histories(histories, recommender.catalogue)
    states = [TasteState.of(history, user) for user, history in zip(users, user_histories, strict=True)]
    lists = track(recommender.lists(states, n, options), "recommending", total=len(states))
    rows = write_lists(out, users, lists, recommender.catalogue)
    result = {"users": len(users), "rows": rows, "unknown_items": n_unknown, "out": str(out)}

    def show(console: Console) -> None:
        console.print(f"{len(users):,} users, {rows:,} rows in {out}", soft_wrap=True)
        if n_unknown:
            console.print(f"{n_unknown:,} rows of the histories have items that are not in the catalogue")

    emit(result, as_json, show)
