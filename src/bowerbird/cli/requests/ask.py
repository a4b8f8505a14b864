"""`bowerbird ask`: a request in plain words, answered from the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bowerbird.cli.output import JsonOption, StoreArgument, emit
from bowerbird.cli.requests.reply_view import print_reply

if TYPE_CHECKING:
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
    emit(reply.as_dict(), as_json, lambda console: print_reply(reply, console))


def record_in(store: Store) -> Record:
    """What logs a user's actions in a store."""

    def record(event: object) -> None:
        from bowerbird.data.events import Event

        assert isinstance(event, Event)
        store.log.append([event])

    return record
