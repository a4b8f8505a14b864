"""`bowerbird taste`: what a person is drawn to, why, and their say in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from bowerbird.cli.output import JsonOption, StoreArgument, emit, plain

if TYPE_CHECKING:
    from bowerbird.data.store import Store
    from bowerbird.taste.graph import TasteGraph
    from bowerbird.taste.profile.profile import TasteReader

taste = typer.Typer(help="See, explain, change and erase a person's taste.", no_args_is_help=True)

UserOption = Annotated[str, typer.Option("--user", help="Whose taste.", show_default=False)]
InterestOption = Annotated[str, typer.Option("--interest", help="Its name, or its place in `taste show`.")]


def _opened(store: Any, user: str) -> TasteGraph:
    from bowerbird.data.store import Store
    from bowerbird.taste.graph import TasteGraph

    graph = TasteGraph.open(Store.open(store).snapshot())
    graph.check_known(user)
    return graph


def _reader(store: Any, user: str) -> TasteReader:
    from bowerbird.data.store import Store
    from bowerbird.taste.profile.profile import TasteReader

    reader = TasteReader.open(Store.open(store).snapshot())
    reader.graph.check_known(user)
    return reader


@taste.command()
def show(
    store: StoreArgument,
    user: UserOption,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a person's taste: interests over time, distinct tastes, prices, dislikes, what changed."""
    from bowerbird.report.taste_page import taste_page
    from bowerbird.report.taste_picture import draw_profile

    reader = _reader(store, user)
    profile = reader.profile(user)
    if html is not None:
        synthetic = (reader.graph.store.path / "SYNTHETIC").exists()
        html.write_text(taste_page(reader, profile, synthetic), encoding="utf-8")

    def human(console: Console) -> None:
        draw_profile(console, reader, profile)
        if html is not None:
            console.print(f"\nPage: {html.resolve()}", soft_wrap=True)

    emit(reader.told(profile), as_json, human)


@taste.command()
def explain(
    store: StoreArgument,
    user: UserOption,
    item: Annotated[str | None, typer.Option(help="Explain this item, by its id.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the events that make up each interest, with their shares; or why an item is for a person."""
    if item is not None:
        _explain_item(_reader(store, user), user, item, as_json)
        return
    graph = _opened(store, user)
    found = graph.explain(user)

    def human(console: Console) -> None:
        for one in found[:8]:
            console.print(f"[bold]{escape(one['name'])}[/bold] {one['share']:.1%}")
            for event in one["events"]:
                said = f"{event['at'][:10]} {event['action']} {event['title']}"
                console.print(f"  {event['share']:>6.1%} {escape(said)}")

    emit({"user": user, "interests": found}, as_json, human)


def _explain_item(reader: TasteReader, user: str, item: str, as_json: bool) -> None:
    found = reader.because(user, item)
    title = reader.catalogue.item(found.item).title

    def human(console: Console) -> None:
        console.print(f"[bold]{escape(title)}[/bold]")
        for sentence in found.words:
            console.print(f"  {escape(sentence)}")

    emit({"user": user, "item_id": item, "title": title, **found.as_dict()}, as_json, human)


@taste.command()
def interests(store: StoreArgument, as_json: JsonOption = False) -> None:
    """Show what there is to be drawn to: themes, their interests, and items that are typical of them."""
    from bowerbird.data.store import Store
    from bowerbird.taste.profile.profile import TasteReader

    found = TasteReader.open(Store.open(store).snapshot()).hierarchy()

    def human(console: Console) -> None:
        for theme in found:
            console.print(f"[bold]{escape(theme['name'])}[/bold]")
            for one in theme["interests"]:
                said = escape("; ".join(one["examples"]))
                console.print(f"  {one['items']:>6,} {escape(one['name'])} [dim]{said}[/dim]")

    emit({"themes": found}, as_json, human)


@taste.command()
def crowd(store: StoreArgument, user: UserOption, as_json: JsonOption = False) -> None:
    """Show what people of similar taste share; never what fewer than 20 of them share, nor who they are."""
    reader = _reader(store, user)
    told = reader.told_crowd(reader.crowd(user))

    def human(console: Console) -> None:
        if not told["people"]:
            console.print(
                f"Fewer than {told['at_least']} people have a similar taste: nothing is told of them."
            )
            return
        console.print(f"At least {told['people']} people have a similar taste.")
        for one in (*told["interests"], *told["items"]):
            console.print(f"  {one['people']:>6,}+ {escape(one.get('name') or one['title'])}")

    emit({"user": user, **told}, as_json, human)


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
def correct(
    store: StoreArgument,
    user: UserOption,
    interest: InterestOption,
    weight: Annotated[float | None, typer.Option(help="Its weight, in clicks.", min=0.0)] = None,
    not_me: Annotated[bool, typer.Option("--not-me", help="Its events count nowhere.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Set an interest's weight, or erase it by --not-me; without either what was set is taken back."""
    one = _opened(store, user).correct(user, interest, 0.0 if not_me else weight)
    said = "follows events again" if not one.corrected else f"weighs {one.weight:g} clicks"
    emit(one.as_dict(), as_json, lambda console: console.print(f"{escape(one.name)} {said}"))


@taste.command()
def not_mine(
    store: StoreArgument,
    user: UserOption,
    item: Annotated[str, typer.Option(help="The item's id.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Let what a person did to an item not count (a gift); again takes it back."""
    aside = _opened(store, user).set_aside(user, item)
    said = "does not count any more" if aside else "counts again"
    result = {"user": user, "item_id": item, "set_aside": aside}
    emit(result, as_json, lambda console: console.print(f"What {escape(user)} did to {escape(item)} {said}"))


@taste.command()
def export(
    store: StoreArgument,
    user: UserOption,
    out: Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write everything that is kept of a person, as JSON."""
    from bowerbird.taste.profile.export import exported

    found = exported(_reader(store, user), user)
    if out is None:
        emit(found, True, lambda console: None)
        return
    out.write_text(json.dumps(plain(found), ensure_ascii=False, indent=1), encoding="utf-8")
    result = {"user": user, "out": str(out), "events": len(found["events"])}
    said = f"{len(found['events']):,} events and all that follows from them: {out}"
    emit(result, as_json, lambda console: console.print(escape(said), soft_wrap=True))


@taste.command()
def forget(
    store: StoreArgument,
    user: Annotated[list[str], typer.Option("--user", help="Whom; may be repeated.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Erase users from every file of the store, and everyone whose erasure a server acknowledged before."""
    from bowerbird.data.store import Store
    from bowerbird.errors import InputError
    from bowerbird.taste.control import forgetting

    opened = Store.open(store)
    named = [one for one in user if forgetting.is_named(opened, one)]
    if named:
        forgetting.request_erasures(opened, named)
    events = _erase_queued(opened)
    if not named:
        others = ", ".join(map(repr, user))
        raise InputError(f"nothing in {store} names {others}: nothing was erased of them")
    count = "all" if events is None else f"{events:,}"  # a server that runs was quicker
    said = f"{count} events of {', '.join(named)} are erased, and all else that named them; " + (
        "run `bowerbird embed` to train without them"
    )
    result = {"users": named, "events_erased": events}
    emit(result, as_json, lambda console: console.print(escape(said)))


def _erase_queued(store: Store) -> int | None:
    from bowerbird.taste.control import forgetting
    from bowerbird.taste.control.erasure_queue import ErasureQueue
    from bowerbird.taste.graph import TasteGraph
    from bowerbird.taste.state import saved_states

    if ErasureQueue(store).read().requests and saved_states.exists(store):
        return TasteGraph.open(store.snapshot()).erase_queued()
    return forgetting.erase_queued(store)  # no graph: erasing must not need item vectors
