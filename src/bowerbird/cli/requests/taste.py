"""`bowerbird taste`: a user's interests, what explains them, and how to change, export and erase them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from bowerbird.cli.output import JsonOption, StoreArgument, emit, to_json
from bowerbird.cli.requests.taste_control import (
    UserOption,
    boost,
    correct,
    exclude_item,
    forget,
    mute,
    open_graph,
)

if TYPE_CHECKING:
    from bowerbird.taste.profile.reader import TasteReader

MAX_EXPLAINED = 8  # interests printed by `explain`

taste = typer.Typer(help="See, explain, change and erase a user's taste.", no_args_is_help=True)


def _open_reader(store: Any, user: str) -> TasteReader:
    from bowerbird.data.store import Store
    from bowerbird.taste.profile.reader import TasteReader

    reader = TasteReader.open(Store.open(store).snapshot())
    reader.graph.check_known(user)
    return reader


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
    interests = open_graph(store, user).explain(user)

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


def interests(store: StoreArgument, as_json: JsonOption = False) -> None:
    """Show the interests of the catalogue: themes, their interests, and typical items."""
    from bowerbird.data.store import Store
    from bowerbird.taste.profile.reader import TasteReader

    themes = TasteReader.open(Store.open(store).snapshot()).hierarchy()

    def human(console: Console) -> None:
        for theme in themes:
            console.print(f"[bold]{escape(theme['name'])}[/bold]")
            for interest in theme["interests"]:
                examples = escape("; ".join(interest["examples"]))
                console.print(f"  {interest['items']:>6,} {escape(interest['name'])} [dim]{examples}[/dim]")

    emit({"themes": themes}, as_json, human)


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


for command in (show, explain, interests, similar_users, mute, boost, correct, exclude_item, export, forget):
    taste.command()(command)
