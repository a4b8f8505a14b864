"""`bowerbird ask`: a request in plain words, answered with catalogue items that satisfy it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.assist.reply import Reply
from bowerbird.cli.output import JsonOption, StoreArgument, emit


def ask(
    store: StoreArgument,
    text: Annotated[str, typer.Argument(help="What you are looking for, in plain words.")] = "",
    user: Annotated[str | None, typer.Option(help="User id: rank by this user's taste.")] = None,
    image: Annotated[Path | None, typer.Option(help="Find items similar to this picture.")] = None,
    item: Annotated[list[str] | None, typer.Option(help="Id of a similar item; repeatable.")] = None,
    conversation: Annotated[
        Path | None, typer.Option(help="File of the conversation; created if missing.")
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=20, help="Maximum number of items.")] = 4,
    as_json: JsonOption = False,
) -> None:
    """Answer a request with items of the catalogue; follow-ups keep its constraints."""
    from bowerbird.assist.assistant import Assistant
    from bowerbird.assist.conversation import Conversation
    from bowerbird.data.images import read_picture
    from bowerbird.data.store import Store

    history = Conversation.load(conversation) if conversation else Conversation()
    picture = read_picture(image) if image else None
    assistant = Assistant.open(Store.open(store).snapshot())
    reply = assistant.reply(history, text, user=user, image=picture, items=item or (), n=n)
    if conversation:
        history.save(conversation)
    emit(reply.as_dict(), as_json, lambda console: _show(reply, console))


def _show(reply: Reply, console: Console) -> None:
    console.print(reply.text.split("\n", 1)[0], markup=False, highlight=False)
    if not reply.shown:
        return
    table = Table(box=None, header_style="dim")
    for name, justify in (("", "right"), ("item", "left"), ("price", "right"), ("why", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for rank, item in enumerate(reply.shown, start=1):
        reason = "; ".join([*item.differences, item.why] if item.why else item.differences)
        title = f"{escape(item.title)} [dim]{escape(item.item_id)}[/dim]"
        table.add_row(str(rank), title, item.priced, escape(reason))
    console.print(table)
