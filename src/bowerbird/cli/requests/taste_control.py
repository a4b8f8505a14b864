"""The commands that change and erase a user's taste; `bowerbird taste` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from bowerbird.cli.output import JsonOption, StoreArgument, emit

if TYPE_CHECKING:
    from bowerbird.data.store import Store
    from bowerbird.taste.graph import TasteGraph

UserOption = Annotated[str, typer.Option("--user", help="User id.", show_default=False)]
InterestOption = Annotated[str, typer.Option("--interest", help="Interest name, or rank in `taste show`.")]


def open_graph(store: Any, user: str) -> TasteGraph:
    """The taste graph of a store. Raises `InputError` for an unknown user."""
    from bowerbird.data.store import Store
    from bowerbird.taste.graph import TasteGraph

    graph = TasteGraph.open(Store.open(store).snapshot())
    graph.check_known(user)
    return graph


def mute(
    store: StoreArgument, user: UserOption, interest: InterestOption, as_json: JsonOption = False
) -> None:
    """Hide items of an interest. Run again to undo."""
    changed = open_graph(store, user).mute(user, interest)
    status = "muted" if changed.muted else "no longer muted"
    emit(changed.as_dict(), as_json, lambda console: console.print(f"{escape(changed.name)} is {status}"))


def boost(
    store: StoreArgument, user: UserOption, interest: InterestOption, as_json: JsonOption = False
) -> None:
    """Double the weight of an interest. Run again to undo."""
    changed = open_graph(store, user).boost(user, interest)
    status = "boosted" if changed.boosted else "no longer boosted"
    emit(changed.as_dict(), as_json, lambda console: console.print(f"{escape(changed.name)} is {status}"))


def correct(
    store: StoreArgument,
    user: UserOption,
    interest: InterestOption,
    weight: Annotated[float | None, typer.Option(help="Weight in clicks.", min=0.0)] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Ignore all events of the interest.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Set the weight of an interest, or ignore it with --reject. Run without either to undo."""
    changed = open_graph(store, user).correct(user, interest, 0.0 if reject else weight)
    status = f"has a weight of {changed.weight:g} clicks" if changed.corrected else "follows events again"
    emit(changed.as_dict(), as_json, lambda console: console.print(f"{escape(changed.name)} {status}"))


def exclude_item(
    store: StoreArgument,
    user: UserOption,
    item: Annotated[str, typer.Option(help="Item id.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Ignore a user's events with an item (a gift, say). Run again to undo."""
    is_excluded = open_graph(store, user).exclude_item(user, item)
    status = "excluded" if is_excluded else "no longer excluded"
    result = {"user": user, "item_id": item, "excluded": is_excluded}
    emit(result, as_json, lambda console: console.print(f"{escape(item)} is {status} for {escape(user)}"))


def forget(
    store: StoreArgument,
    user: Annotated[list[str], typer.Option("--user", help="User id; may be repeated.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Erase users from every file of the store, together with all erasures that a server acknowledged."""
    from bowerbird.data.store import Store
    from bowerbird.errors import InputError
    from bowerbird.taste.control import forgetting

    opened = Store.open(store)
    known_ids = [user_id for user_id in user if forgetting.is_named(opened, user_id)]
    if known_ids:
        forgetting.request_erasures(opened, known_ids)
    events = _erase_queued(opened)
    if not known_ids:
        unknown = ", ".join(map(repr, user))
        raise InputError(f"nothing in {store} names {unknown}: nothing was erased of them")
    count = "all" if events is None else f"{events:,}"  # a running server was quicker
    message = (
        f"{count} events of {', '.join(known_ids)} are erased, and all else that named them; "
        "run `bowerbird embed` to train without them"
    )
    result = {"users": known_ids, "events_erased": events}
    emit(result, as_json, lambda console: console.print(escape(message)))


def _erase_queued(store: Store) -> int | None:
    from bowerbird.taste.control import forgetting
    from bowerbird.taste.control.erasure_queue import ErasureQueue
    from bowerbird.taste.graph import TasteGraph
    from bowerbird.taste.state import saved_states

    if ErasureQueue(store).read().requests and saved_states.exists(store):
        return TasteGraph.open(store.snapshot()).erase_queued()
    return forgetting.erase_queued(store)  # no graph: erasing must not need item vectors
