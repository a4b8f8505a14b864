"""`bowerbird taste`: a user's interests, what explains them, and how to change, export and erase them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from bowerbird.cli.output import JsonOption, StoreArgument, emit, to_json

if TYPE_CHECKING:
    from bowerbird.data.store import Store
    from bowerbird.taste.graph import TasteGraph
    from bowerbird.taste.profile.profile import TasteReader

MAX_EXPLAINED = 8  # interests printed by `explain`

taste = typer.Typer(help="See, explain, change and erase a user's taste.", no_args_is_help=True)

UserOption = Annotated[str, typer.Option("--user", help="User id.", show_default=False)]
InterestOption = Annotated[str, typer.Option("--interest", help="Interest name, or rank in `taste show`.")]


def _open_graph(store: Any, user: str) -> TasteGraph:
    from bowerbird.data.store import Store
    from bowerbird.taste.graph import TasteGraph

    graph = TasteGraph.open(Store.open(store).snapshot())
    graph.check_known(user)
    return graph


def _open_reader(store: Any, user: str) -> TasteReader:
    from bowerbird.data.store import Store
    from bowerbird.taste.profile.profile import TasteReader

    reader = TasteReader.open(Store.open(store).snapshot())
    reader.graph.check_known(user)
    return reader


@taste.command()
def show(
    store: StoreArgument,
    user: UserOption,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures to this file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a user's taste: interests over time, taste clusters, prices, dislikes, changes."""
    from bowerbird.report.taste_page import taste_page
    from bowerbird.report.taste_picture import draw_profile

    reader = _open_reader(store, user)
    profile = reader.profile(user)
    if html is not None:
        synthetic = (reader.graph.store.path / "SYNTHETIC").exists()
        html.write_text(taste_page(reader, profile, synthetic), encoding="utf-8")

    def human(console: Console) -> None:
        draw_profile(console, reader, profile)
        if html is not None:
            console.print(f"\nPage: {html.resolve()}", soft_wrap=True)

    emit(reader.profile_as_dict(profile), as_json, human)


@taste.command()
def explain(
    store: StoreArgument,
    user: UserOption,
    item: Annotated[str | None, typer.Option(help="Explain this item, by its id.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the events behind each interest, with their shares; with --item, why that item suits the user."""
    if item is not None:
        _explain_item(_open_reader(store, user), user, item, as_json)
        return
    interests = _open_graph(store, user).explain(user)

    def human(console: Console) -> None:
        for interest in interests[:MAX_EXPLAINED]:
            console.print(f"[bold]{escape(interest['name'])}[/bold] {interest['share']:.1%}")
            for event in interest["events"]:
                description = f"{event['at'][:10]} {event['action']} {event['title']}"
                console.print(f"  {event['share']:>6.1%} {escape(description)}")

    emit({"user": user, "interests": interests}, as_json, human)


def _explain_item(reader: TasteReader, user: str, item: str, as_json: bool) -> None:
    explanation = reader.explain_item(user, item)
    title = reader.catalogue.item(explanation.item).title

    def human(console: Console) -> None:
        console.print(f"[bold]{escape(title)}[/bold]")
        for sentence in explanation.sentences:
            console.print(f"  {escape(sentence)}")

    emit({"user": user, "item_id": item, "title": title, **explanation.as_dict()}, as_json, human)


@taste.command()
def interests(store: StoreArgument, as_json: JsonOption = False) -> None:
    """Show the interests of the catalogue: themes, their interests, and typical items."""
    from bowerbird.data.store import Store
    from bowerbird.taste.profile.profile import TasteReader

    themes = TasteReader.open(Store.open(store).snapshot()).hierarchy()

    def human(console: Console) -> None:
        for theme in themes:
            console.print(f"[bold]{escape(theme['name'])}[/bold]")
            for interest in theme["interests"]:
                examples = escape("; ".join(interest["examples"]))
                console.print(f"  {interest['items']:>6,} {escape(interest['name'])} [dim]{examples}[/dim]")

    emit({"themes": themes}, as_json, human)


@taste.command()
def similar_users(store: StoreArgument, user: UserOption, as_json: JsonOption = False) -> None:
    """Show what users with a similar taste share, with k-anonymity (k = 20)."""
    reader = _open_reader(store, user)
    similar = reader.similar_users_as_dict(reader.similar_users(user))

    def human(console: Console) -> None:
        if not similar["users"]:
            console.print(
                f"Fewer than {similar['at_least']} users have a similar taste: nothing is shown of them."
            )
            return
        console.print(f"At least {similar['users']} users have a similar taste.")
        for shared in (*similar["interests"], *similar["items"]):
            console.print(f"  {shared['users']:>6,}+ {escape(shared.get('name') or shared['title'])}")

    emit({"user": user, **similar}, as_json, human)


@taste.command()
def mute(
    store: StoreArgument, user: UserOption, interest: InterestOption, as_json: JsonOption = False
) -> None:
    """Hide items of an interest. Run again to undo."""
    changed = _open_graph(store, user).mute(user, interest)
    status = "muted" if changed.muted else "no longer muted"
    emit(changed.as_dict(), as_json, lambda console: console.print(f"{escape(changed.name)} is {status}"))


@taste.command()
def boost(
    store: StoreArgument, user: UserOption, interest: InterestOption, as_json: JsonOption = False
) -> None:
    """Double the weight of an interest. Run again to undo."""
    changed = _open_graph(store, user).boost(user, interest)
    status = "boosted" if changed.boosted else "no longer boosted"
    emit(changed.as_dict(), as_json, lambda console: console.print(f"{escape(changed.name)} is {status}"))


@taste.command()
def correct(
    store: StoreArgument,
    user: UserOption,
    interest: InterestOption,
    weight: Annotated[float | None, typer.Option(help="Weight in clicks.", min=0.0)] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Ignore all events of the interest.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Set the weight of an interest, or ignore it with --reject. Run without either to undo."""
    changed = _open_graph(store, user).correct(user, interest, 0.0 if reject else weight)
    status = f"has a weight of {changed.weight:g} clicks" if changed.corrected else "follows events again"
    emit(changed.as_dict(), as_json, lambda console: console.print(f"{escape(changed.name)} {status}"))


@taste.command()
def exclude_item(
    store: StoreArgument,
    user: UserOption,
    item: Annotated[str, typer.Option(help="Item id.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Ignore a user's events with an item (a gift, say). Run again to undo."""
    is_excluded = _open_graph(store, user).exclude_item(user, item)
    status = "excluded" if is_excluded else "no longer excluded"
    result = {"user": user, "item_id": item, "excluded": is_excluded}
    emit(result, as_json, lambda console: console.print(f"{escape(item)} is {status} for {escape(user)}"))


@taste.command()
def export(
    store: StoreArgument,
    user: UserOption,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of printing.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Export everything stored of a user, as JSON."""
    from bowerbird.taste.profile.export import export_user

    document = export_user(_open_reader(store, user), user)
    if out is None:
        emit(document, True, lambda console: None)
        return
    out.write_text(to_json(document), encoding="utf-8")
    n_events = len(document["events"])
    result = {"user": user, "out": str(out), "events": n_events}
    message = f"{n_events:,} events and all that follows from them: {out}"
    emit(result, as_json, lambda console: console.print(escape(message), soft_wrap=True))


@taste.command()
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
