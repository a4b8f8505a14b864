"""The assistant: reads a message, decides what it does, answers it; names only items that exist.

    message + state -> read -> act -> handler -> facts -> words -> reply + state

The state goes into every turn and comes out of it (`DialogueState`); nothing else is kept between turns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bowerbird.assist.answers import actions, comparisons_and_reasons, item_answers, talk
from bowerbird.assist.answers.item_lists import ListAnswer, earlier_list
from bowerbird.assist.answers.searches import Answer, exclude, search
from bowerbird.assist.answers.shop_lists import is_shop_list, list_of_shop
from bowerbird.assist.cost import TurnMeter
from bowerbird.assist.draft import Draft
from bowerbird.assist.find.finding import check_items, find_items
from bowerbird.assist.find.item_matches import ItemMatches
from bowerbird.assist.find.needs.after_message import answers_question, wants_other_version, wants_others_in
from bowerbird.assist.find.needs.reading import names_kind, read_need
from bowerbird.assist.find.needs.shown_values import wants_items_that_share
from bowerbird.assist.parts import Parts
from bowerbird.assist.reply import Preview, Reply
from bowerbird.assist.state import DialogueState
from bowerbird.assist.turn import Record, Turn, read_message
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.acts import Recognition
from bowerbird.assist.writers.contract import ClientTools, TemplateWriter, Writer
from bowerbird.assist.writers.opening import open_writer, writer_of
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.errors import InputError

_NAMES_ITEM = re.compile(
    r"^the (?!first$).*\b(?:one|item|option|result|product|choice|article)$|^(?:item|number|#)"
)
"""References that can mean an item of a list only: "the fifth one", but not "my first flat"."""

MAX_TOOL_REQUEST = 200  # characters
NO_TOOLS = "the shop's assistant has no model that can call tools: leave them out"


class Assistant:
    """Answers messages about one store's items. Safe to use from several threads."""

    def __init__(self, parts: Parts, writer: Writer | None = None) -> None:
        """`writer` words the replies; the default is the one of the store's settings."""
        self.parts = parts
        self._writer = writer

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> Assistant:
        """Open over a store with a catalogue and vectors; `StoreError` where one is missing."""
        return cls(Parts.open(snapshot))

    @property
    def writer(self) -> Writer:
        """Who words the replies; the templates where the settings' writer can't be opened."""
        if self._writer is None:
            if self.parts.is_warming_up:
                return TemplateWriter()
            name = self.parts.snapshot.store.settings.language_model.writer
            self._writer = open_writer(name, self.parts, find_for_tool)
        return self._writer

    @property
    def catalogue(self) -> Catalogue:
        """The items that it may name."""
        return self.parts.catalogue

    def without_model(self) -> Assistant:
        """The same assistant, worded by templates: what a server answers with while the model is busy."""
        return Assistant(self.parts, TemplateWriter())

    def with_tools(self, offer: ClientTools) -> tuple[Assistant, list[dict[str, Any]]]:
        """The same assistant for one reply, whose model may call a client's tools; and its calls, in OpenAI's
        form, a list that is filled when the reply is complete.

        Raises `InputError` where the writer is no model that can call tools.
        """
        if self.parts.snapshot.store.settings.language_model.writer != "endpoint":
            raise InputError(NO_TOOLS)
        writer = self.writer
        from bowerbird.assist.writers.client_tools import ClientToolWriter
        from bowerbird.assist.writers.endpoint_writer import EndpointWriter

        if not isinstance(writer, EndpointWriter):
            raise InputError(NO_TOOLS)
        tool_writer = ClientToolWriter(writer, offer)
        return Assistant(self.parts, tool_writer), tool_writer.calls

    def reply(
        self,
        state: DialogueState,
        text: str,
        user: str | None = None,
        image: bytes | None = None,
        items: Sequence[str] = (),
        n: int = 4,
        record: Record | None = None,
    ) -> Reply:
        """Answer a message; the reply holds the state for the next one.

        `items` are ids to resemble, `image` is an encoded picture to resemble; `text` may then be empty.
        `record` logs what the user does by words ("save the second one"). Raises `InputError` for an unknown
        item or a broken picture.
        """
        *_, last = self.stream(state, text, user, image, items, n, record)
        assert isinstance(last, Reply)
        return last

    def stream(
        self,
        state: DialogueState,
        text: str,
        user: str | None = None,
        image: bytes | None = None,
        items: Sequence[str] = (),
        n: int = 4,
        record: Record | None = None,
        reply_language: str | None = None,
    ) -> Iterator[str | Preview | Reply]:
        """Like `reply`: the items of a list, parts of the text as they are ready, then the `Reply`."""
        check_items(self.parts, items)
        meter = TurnMeter(self.parts.snapshot.store.settings, self.parts.stock_model)
        try:
            with self.parts.turn():
                turn = meter.understanding.run(
                    lambda: read_message(
                        self.parts, state, text, user, image, items, n, record, reply_language
                    )
                )
            with self.parts.turn():
                answer = meter.finding.run(lambda: self._answer(turn))
            if isinstance(answer, Reply):
                answer = ListAnswer(Draft(turn, answer.act, answer.text), answer)
            yield from self._write(answer, meter)
        finally:
            meter.end()

    def _write(self, answer: ListAnswer, meter: TurnMeter) -> Iterator[str | Preview | Reply]:
        """An answer in the writer's words; its items come first."""
        if answer.draft.items:
            yield Preview(answer.reply.act, answer.reply.items, answer.reply.nearest)
        written = []
        writer = meter.writing.run(lambda: self.writer)
        draft = replace(answer.draft, closing=answer.question)
        for part in meter.writing.iterate(writer.write(draft)):
            written.append(part)
            if part.text:
                yield part.text
        reply = answer.reply
        if not draft.turn.language.has_file:  # what a user may say next would be English
            reply = replace(reply, suggestions=())
        items = tuple(item for part in written for item in part.items)
        if items and not reply.shown:
            state = reply.state.with_list([item.item_id for item in items], is_new_topic=True)
            reply = replace(reply, items=items, state=state)
        text = "".join(part.text for part in written)
        cost = meter.cost(len(reply.shown), text)
        yield replace(reply, text=text, writer=writer_of(written), cost=cost)

    def _answer(self, turn: Turn) -> Answer:
        without_earlier = actions.take_back(turn)
        if without_earlier is not None:
            return search(without_earlier)
        act = turn.recognised.act
        if act in (Act.FIND, Act.SIMILAR, Act.COMPLETE) and _NAMES_ITEM.search(turn.reference.missing):
            return item_answers.missing(turn)
        if act == Act.EXCLUDE:
            return exclude(turn)
        if act == Act.COMPARE and not turn.on_screen and names_kind(turn):
            return search(replace(turn, recognised=Recognition(Act.FIND)))
        is_request = wants_other_version(turn) or wants_others_in(turn) or wants_items_that_share(turn)
        if act == Act.ITEM_QUESTION and is_request:
            return search(replace(turn, recognised=Recognition(Act.FIND)))
        if turn.recognised == Recognition(Act.MORE, "earlier") and turn.on_screen:
            return earlier_list(turn)
        if is_shop_list(turn.recognised) and not (turn.image or turn.items):
            return list_of_shop(turn)
        handler = _HANDLERS.get(act)
        if handler is not None and not (turn.image or turn.items) and not answers_question(turn):
            return handler(turn)
        return search(turn)


def find_for_tool(turn: Turn, text: str) -> ItemMatches:
    """Items for a request that a model makes by a tool call."""
    return find_items(turn, read_need(turn, text[:MAX_TOOL_REQUEST], None))


_HANDLERS: Mapping[Act, Callable[[Turn], Reply]] = {
    Act.ITEM_QUESTION: item_answers.answer_question,
    Act.COMPARE: comparisons_and_reasons.compare,
    Act.WHY: comparisons_and_reasons.explain,
    Act.SAVE: actions.act_on_item,
    Act.HIDE: actions.act_on_item,
    Act.UNDO: actions.undo,
    Act.ABOUT_ME: talk.about_me,
    Act.ABOUT_SHOP: talk.about_shop,
    Act.AFFIRM: talk.confirm,
    Act.DENY: talk.confirm,
    **dict.fromkeys(
        (
            *(Act.ABOUT_ASSISTANT, Act.GREETING, Act.HOW_ARE_YOU, Act.THANKS, Act.GOODBYE, Act.ABUSE),
            *(Act.INJECTION, Act.RESET, Act.UNCLEAR),
        ),
        talk.say,
    ),
}
