"""`bowerbird chat`: a conversation in the terminal, or over pipes."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from bowerbird.cli.output import JsonOption, StoreArgument
from bowerbird.cli.requests.ask import NumberOption, StateOption, UserOption, record_in
from bowerbird.cli.requests.reply_view import print_reply
from bowerbird.cli.requests.terminal_pictures import is_interactive, open_pictures
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.assist.state import DialogueState

PIPE_WIDTH = 160


def chat(
    store: StoreArgument,
    user: UserOption = None,
    state: StateOption = None,
    n: NumberOption = 4,
    as_json: JsonOption = False,
) -> None:
    """Hold a conversation; an empty line, Ctrl-D or Ctrl-C ends it.

    On a terminal replies come with colours, and with pictures where it can show them. Messages may come from
    a pipe, one a line. With --json each turn is one line of JSON with its new state; a message may then be an
    object, {"text": …, "state": …}, whose state replaces that of the conversation.
    """
    from bowerbird.assist.assistant import Assistant
    from bowerbird.assist.state import DialogueState
    from bowerbird.data.store import Store

    opened = Store.open(store)
    assistant = Assistant.open(opened.snapshot())
    now = DialogueState.load(state) if state else DialogueState()
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    draw = None if as_json else open_pictures(assistant.catalogue)
    if is_interactive():  # the first answer then does without what is not open yet
        assistant.parts.warm_up_in_background()
    for line in _read_lines(console):
        try:
            text, now = _read_message(line, now) if as_json else (line, now)
            with _spinner(console, "…"):
                reply = assistant.reply(now, text, user, n=n, record=record_in(opened))
        except InputError as error:
            if as_json:
                print(json.dumps({"error": str(error)}, ensure_ascii=False), flush=True)
            else:
                console.print(f"[red]{escape(str(error))}[/red]")
            continue
        now = reply.state
        if as_json:
            print(json.dumps({"message": text, **reply.as_dict()}, ensure_ascii=False), flush=True)
        else:
            print_reply(reply, console, draw)
        if state:
            now.save(state)


def _spinner(console: Console, text: str) -> contextlib.AbstractContextManager[object]:
    return console.status(text) if is_interactive() else contextlib.nullcontext()


def _read_lines(console: Console) -> Iterator[str]:
    """Messages up to the end or an empty line; a prompt is printed to people only."""
    prompt = ""
    if is_interactive():
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 - lines can be edited and called back
        console.print("[dim]What are you looking for? An empty line ends the conversation.[/dim]")
        prompt = "[bold cyan]you[/bold cyan] "
    while True:
        try:
            line = (console.input(prompt) if prompt else input()).strip()
        except (EOFError, KeyboardInterrupt):
            return
        if not line:
            return
        yield line


def _read_message(line: str, now: DialogueState) -> tuple[str, DialogueState]:
    """A line's text, and the state that it is read in. Raises `InputError` for a broken object."""
    from bowerbird.assist.state import DialogueState

    if not line.startswith("{"):
        return line, now
    try:
        message: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"a line that starts with {{ must be a JSON object: {error}") from None
    text = message.get("text")
    if not isinstance(text, str):
        raise InputError('a message must have a text: {"text": "a lamp", "state": …}')
    return text, DialogueState.from_dict(message["state"]) if message.get("state") else now
