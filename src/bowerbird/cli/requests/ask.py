"""`bowerbird ask` and `bowerbird chat`: requests in plain words, answered from the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.cli.output import JsonOption, StoreArgument, emit

if TYPE_CHECKING:
    from bowerbird.assist.reply import Reply
    from bowerbird.assist.turn import Record
    from bowerbird.data.store import Store

StateOption = Annotated[
    Path | None,
    typer.Option("--state", help="File that keeps the state of the conversation; created if missing."),
]
NumberOption = Annotated[int, typer.Option("-n", min=1, max=20, help="Maximum number of items.")]
UserOption = Annotated[str | None, typer.Option(help="User id: rank by this user's taste.")]


def ask(
    store: StoreArgument,
    text: Annotated[str, typer.Argument(help="What you are looking for, in plain words.")] = "",
    user: UserOption = None,
    image: Annotated[Path | None, typer.Option(help="Find items similar to this picture.")] = None,
    item: Annotated[list[str] | None, typer.Option(help="Id of a similar item; repeatable.")] = None,
    state: StateOption = None,
    n: NumberOption = 4,
    as_json: JsonOption = False,
) -> None:
    """Answer one message about the shop's items; with --state, the next one may refer to it."""
    from bowerbird.assist.assistant import Assistant
    from bowerbird.assist.state import DialogueState
    from bowerbird.data.files.images import read_picture
    from bowerbird.data.store import Store

    before = DialogueState.load(state) if state else DialogueState()
    picture = read_picture(image) if image else None
    opened = Store.open(store)
    assistant = Assistant.open(opened.snapshot())
    reply = assistant.reply(before, text, user, picture, item or (), n, record_in(opened))
    if state:
        reply.state.save(state)
    emit(reply.as_dict(), as_json, lambda console: show(reply, console))


def chat(
    store: StoreArgument,
    user: UserOption = None,
    state: StateOption = None,
    n: NumberOption = 4,
) -> None:
    """Hold a conversation in the terminal; an empty line, Ctrl-D or Ctrl-C ends it."""
    from bowerbird.assist.assistant import Assistant
    from bowerbird.assist.state import DialogueState
    from bowerbird.data.store import Store
    from bowerbird.errors import InputError

    console, opened = Console(), Store.open(store)
    assistant = Assistant.open(opened.snapshot())
    now = DialogueState.load(state) if state else DialogueState()
    console.print("[dim]What are you looking for? An empty line ends the conversation.[/dim]")
    while True:
        try:
            text = console.input("[bold cyan]you[/bold cyan] ").strip()
        except (EOFError, KeyboardInterrupt):
            break
        if not text:
            break
        try:
            reply = assistant.reply(now, text, user, n=n, record=record_in(opened))
        except InputError as error:
            console.print(f"[red]{escape(str(error))}[/red]")
            continue
        now = reply.state
        show(reply, console)
        if state:
            now.save(state)


def record_in(store: Store) -> Record:
    """What logs a user's actions in a store."""

    def record(event: object) -> None:
        from bowerbird.data.events import Event

        assert isinstance(event, Event)
        store.log.append([event])

    return record


def show(reply: Reply, console: Console) -> None:
    """Print a reply: its words, its items as a table, and what may be said next."""
    if reply.comparison is not None or not reply.shown:
        console.print(reply.text, markup=False, highlight=False)
    else:
        lines = reply.text.split("\n")
        console.print(lines[0], markup=False, highlight=False)
        table = Table(box=None, header_style="dim")
        for name in ("", "item", "price", "why"):
            table.add_column(name, justify="right" if name in ("", "price") else "left")
        for number, named in enumerate(reply.shown, start=1):
            why = "; ".join([*named.differences, named.why] if named.why else named.differences)
            title = f"{escape(named.title)} [dim]{escape(named.item_id)}[/dim]"
            table.add_row(str(number), title, named.priced, escape(why))
        console.print(table)
        if reply.state.question is not None:
            console.print(lines[-1], markup=False, highlight=False)
    if reply.suggestions:
        console.print(" · ".join(reply.suggestions), style="dim", markup=False, highlight=False)
