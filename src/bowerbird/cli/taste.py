"""`bowerbird taste`: what a person is drawn to, why, and their say in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from bowerbird.cli.output import JsonOption, StoreArgument, emit

if TYPE_CHECKING:
    from bowerbird.taste.graph import TasteGraph

taste = typer.Typer(help="See, explain, change and erase a person's taste.", no_args_is_help=True)

UserOption = Annotated[str, typer.Option("--user", help="Whose taste.", show_default=False)]
InterestOption = Annotated[str, typer.Option("--interest", help="Its name, or its place in `taste show`.")]


def _opened(store: Any, user: str) -> TasteGraph:
    from bowerbird.data.store import Store
    from bowerbird.errors import InputError
    from bowerbird.taste.graph import TasteGraph

    graph = TasteGraph.open(Store.open(store))
    if user not in graph:
        some = ", ".join(graph.people()[:3]) or "nobody"
        raise InputError(f"nobody is called {user!r}; known are, for example, {some}")
    return graph


@taste.command()
def show(store: StoreArgument, user: UserOption, as_json: JsonOption = False) -> None:
    """Show a person's interests, strongest first."""
    graph = _opened(store, user)
    found = graph.interests(graph.state(user))

    def human(console: Console) -> None:
        for place, one in enumerate(found[:15], start=1):
            bar = "█" * max(1, round(30 * one.share / found[0].share))
            mark = " (muted)" if one.muted else " (boosted)" if one.boosted else ""
            console.print(f"{place:>2} {one.share:>5.1%} [cyan]{bar:<30}[/cyan] {escape(one.name)}{mark}")
        if len(found) > 15:
            console.print(f"   … and {len(found) - 15} more")

    emit({"user": user, "interests": [one.as_dict() for one in found]}, as_json, human)


@taste.command()
def explain(store: StoreArgument, user: UserOption, as_json: JsonOption = False) -> None:
    """Show the events that make up each interest, with their shares."""
    found = _opened(store, user).explain(user)

    def human(console: Console) -> None:
        for one in found[:8]:
            console.print(f"[bold]{escape(one['name'])}[/bold] {one['share']:.1%}")
            for event in one["events"]:
                said = f"{event['at'][:10]} {event['action']} {event['title']}"
                console.print(f"  {event['share']:>6.1%} {escape(said)}")

    emit({"user": user, "interests": found}, as_json, human)


@taste.command()
def mute(
    store: StoreArgument, user: UserOption, interest: InterestOption, as_json: JsonOption = False
) -> None:
    """Never show an interest's items; again takes it back."""
    one = _opened(store, user).mute(user, interest)
    state = "muted" if one.muted else "no longer muted"
    emit(one.as_dict(), as_json, lambda console: console.print(f"{escape(one.name)} is {state}"))


@taste.command()
def boost(
    store: StoreArgument, user: UserOption, interest: InterestOption, as_json: JsonOption = False
) -> None:
    """Let an interest count twice; again takes it back."""
    one = _opened(store, user).boost(user, interest)
    state = "boosted" if one.boosted else "no longer boosted"
    emit(one.as_dict(), as_json, lambda console: console.print(f"{escape(one.name)} is {state}"))


@taste.command()
def forget(store: StoreArgument, user: UserOption, as_json: JsonOption = False) -> None:
    """Erase a person from every file of the store."""
    from bowerbird.data.store import Store
    from bowerbird.errors import InputError
    from bowerbird.taste import forgetting, snapshot
    from bowerbird.taste.graph import TasteGraph

    opened = Store.open(store)
    if snapshot.exists(opened):  # a new one spares every server a replay
        removed = TasteGraph.open(opened).forget(user)
    else:  # no graph: erasing must not need item vectors
        removed = forgetting.forget(opened, user).events
    if not removed:
        raise InputError(f"the log holds no event of {user!r}: nothing was erased")
    said = f"{removed:,} events of {user} are erased; run `bowerbird embed` to train without them"
    emit({"user": user, "events_erased": removed}, as_json, lambda console: console.print(escape(said)))
