"""The assistant: reads a message, decides what it does, answers it; names only items that exist.

    message + state -> read -> act -> handler -> facts -> words -> reply + state

The state goes into every turn and comes out of it (`DialogueState`); nothing else is kept between turns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bowerbird.assist.answers import actions, item_answers, talk
from bowerbird.assist.answers.talk import describe_range
from bowerbird.assist.find.clarifying import ask, clarifying_question, suggest_next
from bowerbird.assist.find.finding import RELATIVE, ItemMatches, check_items, find_items, relative_meaning
from bowerbird.assist.languages import ENGLISH
from bowerbird.assist.needs import describe_need, join_words
from bowerbird.assist.parts import Parts
from bowerbird.assist.reply import Reply
from bowerbird.assist.request import Order, Request, Shown
from bowerbird.assist.state import DialogueState
from bowerbird.assist.turn import Record, Turn, read_message
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.acts import Recognition
from bowerbird.assist.understand.readable import is_gibberish, is_other_script, unknown_id
from bowerbird.assist.understand.references import COMPARES_PRICE
from bowerbird.assist.understand.understanding import understand
from bowerbird.assist.writers.contract import Draft, TemplateWriter, Writer, WrittenText
from bowerbird.assist.writers.opening import open_writer, writer_of
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot

_IS_DESCRIPTION = re.compile(
    r"\b(?:something|anything|things?|stuff|ones?|idea|ideas)\b|\b[a-z]{3,}(?:y|ful|ous|ish|able|ible|ic|"
    r"ive|less|ing|ed)\b"
)
"""Words that describe, though no item's text uses them: search by meaning may know them."""
_NAMES_ITEM = re.compile(
    r"^the (?!first$).*\b(?:one|item|option|result|product|choice|article)$|^(?:item|number|#)"
)
"""References that can mean an item of a list only: "the fifth one", but not "my first flat"."""
MAX_TOOL_REQUEST = 200  # characters
_COUNT = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


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
            name = self.parts.snapshot.store.settings.language_model.writer
            self._writer = open_writer(name, self.parts, self._find_for_tool)
        return self._writer

    def _find_for_tool(self, turn: Turn, text: str) -> ItemMatches:
        return find_items(turn, self._read(turn, text[:MAX_TOOL_REQUEST], None))

    @property
    def catalogue(self) -> Catalogue:
        """The items that it may name."""
        return self.parts.catalogue

    def without_model(self) -> Assistant:
        """The same assistant, worded by templates: what a server answers with while the model is busy."""
        return Assistant(self.parts, TemplateWriter())

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
    ) -> Iterator[str | Reply]:
        """Like `reply`: pieces of the text as they are ready (joined, its text), then the `Reply`."""
        check_items(self.parts, items)
        turn = read_message(self.parts, state, text, user, image, items, n, record)
        act = turn.recognised.act
        if act in (Act.FIND, Act.SIMILAR, Act.COMPLETE) and _NAMES_ITEM.search(turn.pointed.missing):
            reply = item_answers.missing(turn)
            yield reply.text
            yield reply
            return
        if act == Act.EXCLUDE:
            yield from self._excluded(turn)
            return
        handler = _HANDLERS.get(act)
        if handler is not None and not (image or items) and not _answers_question(turn):
            yield from self._answered(turn, handler(turn))
            return
        yield from self._find(turn)

    def _answered(self, turn: Turn, reply: Reply) -> Iterator[str | Reply]:
        """An answer in the writer's words."""
        written = []
        for part in self.writer.write(Draft(turn, reply.act, reply.text)):
            written.append(part)
            if part.text:
                yield part.text
        named = tuple(item for part in written for item in part.items)
        if named and not reply.items:
            state = reply.state.with_list([item.item_id for item in named], is_new_topic=True)
            reply = replace(reply, items=named, state=state)
        yield replace(reply, text="".join(part.text for part in written), writer=writer_of(written))

    # -- finding ------------------------------------------------------------------------------------------

    def _excluded(self, turn: Turn) -> Iterator[str | Reply]:
        """ "Stop showing me hats": from now on, and the last list again without them."""
        changed, confirmation = actions.exclude(turn)
        if not confirmation:
            text = turn.say("excluded_unknown", what=turn.recognised.topic)
            yield text
            yield Reply(text, Act.EXCLUDE, state=turn.state)
            return
        request = turn.state.request
        is_asked_for = request is not None and any(
            values <= changed.state.excluded.get(facet, frozenset())
            for facet, values in request.facets.items()
        )
        if request is None or is_asked_for or not self._is_on_screen(changed):
            yield confirmation
            state = replace(changed.state, request=None if is_asked_for else request)
            yield Reply(confirmation, Act.EXCLUDE, state=state)
            return
        yield confirmation + " "
        for part in self._answer(changed, find_items(changed, request), request, Act.EXCLUDE):
            yield part if isinstance(part, str) else replace(part, text=f"{confirmation} {part.text}")

    def _is_on_screen(self, turn: Turn) -> bool:
        """Whether the list on screen shows what is excluded now."""
        positions = [self.catalogue.position[item.item_id] for item in turn.on_screen]
        return any(
            bool(self.parts.vocabulary.mask(facet, values)[positions].any())
            for facet, values in turn.state.excluded.items()
        )

    def _find(self, turn: Turn) -> Iterator[str | Reply]:
        reply = self._not_readable(turn)
        if reply is not None:
            yield reply.text
            yield reply
            return
        request = self._understood(turn)
        if request.unknown_kind:
            yield from self._unknown_kind(turn, request)
            return
        if turn.recognised == Recognition(Act.FIND) and self._says_nothing(turn, request):
            reply = talk.say(replace(turn, recognised=Recognition(Act.UNCLEAR)))
            yield reply.text
            yield reply
            return
        turn = actions.remember_exclusions(turn, request)
        if request.is_relative:  # "cheaper": what is on screen and is not cheaper is no near miss either
            dismissed = [item.item_id for item in turn.on_screen if item.price not in request.price]
            request = _leave_out(request, dismissed)
        act, meaning, anchor = turn.recognised.act, None, None
        if act == Act.COMPLETE and (turn.pointed.items or turn.on_screen):
            anchor = (turn.pointed.items or turn.on_screen)[0].item_id
            meaning = self._completion(anchor)
            kinds = frozenset(self.parts.vocabulary.values_of(self.catalogue.position[anchor], "type"))
            if kinds and "type" not in request.facets:
                request = replace(request, excluded={"type": kinds})
        else:
            act = Act.FIND if act not in (Act.MORE, Act.SIMILAR, Act.COMPLETE) else act
            change = RELATIVE.search(turn.plain)
            if change and turn.on_screen and not request.like:
                anchor = (turn.pointed.items or ((turn.focus,) if turn.focus else turn.on_screen))[0].item_id
                meaning = relative_meaning(turn, anchor, change.group())
                request = _leave_out(request, (anchor,))
        matches = find_items(turn, request, meaning)
        yield from self._answer(turn, matches, request, act, anchor)

    def _not_readable(self, turn: Turn) -> Reply | None:
        """The answer to what can't be searched for: another script, an unknown id, a place not on screen."""
        if turn.image or turn.items:
            return None
        state = replace(turn.state, question=None)
        if is_other_script(turn.plain) and not self.parts.lexicon.items_by_stem.keys() & set(
            turn.plain.split()
        ):
            return Reply(turn.say("other_script"), Act.UNCLEAR, state=state)
        if unknown_id(turn.plain, self.catalogue):
            return Reply(turn.say("nothing_named"), Act.FIND, state=state)
        if turn.pointed.missing and turn.pointed.is_explicit and turn.recognised.act != Act.MORE:
            return item_answers.missing(turn)
        return None

    def _understood(self, turn: Turn) -> Request:
        """The need after this message."""
        act, previous = turn.recognised.act, turn.state.request
        if turn.state.question is not None and act in (Act.DENY, Act.AFFIRM):
            request = previous or Request()
            return replace(_leave_out(request, turn.state.offered), follow_up=True)
        if turn.recognised.topic == "ideas":
            return replace(previous, follow_up=True) if previous and previous.constrained else Request()
        if act == Act.MORE:
            return replace(_leave_out(previous or Request(), turn.state.offered), follow_up=True)
        if act in (Act.SIMILAR, Act.COMPLETE) and (turn.pointed.items or turn.on_screen):
            target = (turn.pointed.items or turn.on_screen)[0].item_id
            own = self._read(turn, turn.pointed.rest or "", None, (turn.pointed.items or turn.on_screen)[:1])
            kinds = self.parts.vocabulary.values_of(self.catalogue.position[target], "type")
            facets = dict(own.facets)
            if kinds and act == Act.SIMILAR:
                facets.setdefault("type", frozenset(kinds))
            return replace(
                own,
                facets=facets,
                like=(target,) if act == Act.SIMILAR else (),
                without=(target,),
                words="",
                unknown_kind="",
            )
        is_price = COMPARES_PRICE.search(turn.plain) is not None
        if turn.pointed.is_explicit and turn.pointed.items and act == Act.FIND and not is_price:
            return self._changed_item(turn)
        request = self._read(turn, turn.plain, previous)
        return _leave_out(replace(request, like=(*request.like, *turn.items)), turn.items)

    def _changed_item(self, turn: Turn) -> Request:
        """An item of a kind, like another but for what the message says: "the second one in oak"."""
        target = turn.pointed.items[0].item_id
        own = self._read(turn, turn.pointed.rest, None, turn.pointed.items[:1])
        kinds = self.parts.vocabulary.values_of(self.catalogue.position[target], "type")
        facets = dict(own.facets)
        if kinds:
            facets.setdefault("type", frozenset(kinds))
        named = {**own.named, **({"type": kinds[0].lower()} if kinds and "type" not in own.named else {})}
        return replace(own, facets=facets, named=named, like=(target,), without=(target,), unknown_kind="")

    def _says_nothing(self, turn: Turn, request: Request) -> bool:
        """Whether a message holds no word that the shop or the language knows."""
        if is_gibberish(request.words):
            return not (request.constrained or turn.image)
        if turn.image or request.constrained or request.preferred or request.like or request.is_gift:
            return False
        words = self.parts.lexicon.content_stems(request.words)
        is_known = any(word in self.parts.lexicon.items_by_stem for word in words)
        return not is_known and not _IS_DESCRIPTION.search(request.words)

    def _read(
        self, turn: Turn, text: str, previous: Request | None, compared: Sequence[Shown] = ()
    ) -> Request:
        """A text as a request; `compared` are what "cheaper" is measured by, else the items on screen."""
        if not any(letter.isalnum() for letter in text):
            return Request()
        shown = tuple(compared) or turn.on_screen
        if turn.state.is_near_miss and not compared:  # their prices set no bound
            shown = tuple(replace(item, price=None) for item in shown)
        words = self.parts.lexicon.items_by_stem
        return understand(text, self.parts.vocabulary, previous, shown, words, self.parts.is_aside)

    def _completion(self, item_id: str) -> np.ndarray | None:
        """How well items complete one, (items,) float32."""
        completer = self.parts.completer
        if completer is None:  # nothing was bought together yet: what looks alike, of other kinds
            near: np.ndarray = self.parts.matrix @ self.parts.matrix[self.catalogue.position[item_id]]
            return near
        completions = completer.complete([item_id], n=100)
        scores = np.zeros(len(self.catalogue), np.float32)
        for rank, completion in enumerate(completions):
            scores[self.catalogue.position[completion.item_id]] = 1.0 - rank / 100
        return scores

    # -- words --------------------------------------------------------------------------------------------

    def _unknown_kind(self, turn: Turn, request: Request) -> Iterator[str | Reply]:
        kind = turn.language.kind_for(request.unknown_kind, is_plural=True)
        text = turn.say("no_kind", kind=kind, range=describe_range(turn))
        state = replace(turn.state, request=None, question=None)
        yield text
        suggestions = (turn.say("suggest_popular"), turn.say("suggest_range"))
        yield Reply(text, Act.FIND, unmet=(request.unknown_kind,), state=state, suggestions=suggestions)

    def _answer(
        self, turn: Turn, matches: ItemMatches, request: Request, act: Act, anchor: str | None = None
    ) -> Iterator[str | Reply]:
        """The list in words: an opening, a line for each item, and perhaps a question."""
        if act == Act.MORE and not matches.items and not turn.state.is_near_miss:
            matches = replace(matches, nearest=())  # "no more" is all there is to say
        shown = matches.items or matches.nearest
        question = clarifying_question(turn, request, matches.mask) if act == Act.FIND else None
        # Where nothing matches, what has to be said is too delicate for a model.
        is_described = bool(matches.request.words and not matches.request.groups)
        is_plain = bool(matches.items and is_described and act == Act.FIND and anchor is None)
        draft = Draft(turn, act, _opening(turn, matches, act, anchor), shown, matches.request, is_plain)
        written = []
        for part in self.writer.write(draft):
            written.append(part)
            if part.text:
                yield part.text
        if question is not None:
            written.append(WrittenText("\n" + ask(turn, question)))
            yield written[-1].text
        is_new = not request.follow_up
        state = replace(turn.state, request=request, question=question)
        if shown or is_new:
            ids = [item.item_id for item in shown]
            state = state.with_list(ids, is_new_topic=is_new, is_near_miss=not matches.items)
        yield Reply(
            text="".join(part.text for part in written),
            act=act,
            items=matches.items,
            nearest=matches.nearest,
            constraints=tuple(matches.request.describe()),
            unmet=matches.unmet,
            suggestions=suggest_next(turn, matches.items, question),
            writer=writer_of(written),
            state=state,
        )


_HANDLERS = {
    Act.ITEM_QUESTION: item_answers.answer_question,
    Act.COMPARE: item_answers.compare,
    Act.WHY: item_answers.explain,
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


def _leave_out(request: Request, item_ids: Sequence[str]) -> Request:
    """The request without these items either, each named once."""
    return replace(request, without=tuple(dict.fromkeys((*request.without, *item_ids))))


def _answers_question(turn: Turn) -> bool:
    """Whether "no" or "yes" answers the question that was asked last."""
    return turn.state.question is not None and turn.recognised.act in (Act.DENY, Act.AFFIRM)


def _opening(turn: Turn, matches: ItemMatches, act: Act, anchor: str | None) -> str:
    """The first sentence of a list."""
    request, count = matches.request, len(matches.items)
    need = describe_need(request, turn.language, count or 2)
    number = _COUNT[count] if turn.language.code == ENGLISH and count < len(_COUNT) else str(count)
    if not matches.items:
        if act == Act.MORE and not matches.nearest:
            return turn.say("no_more", need=need)
        return turn.say(("near_none", "near_one", "near_many")[min(2, len(matches.nearest))], need=need)
    title = ""
    if anchor or request.like:
        shown = turn.parts.shown(anchor or request.like[0])
        title = shown.title if shown else ""
    if act == Act.COMPLETE and anchor:
        # Without a completer they only look alike: that they go together would be a false claim.
        return turn.say("found_complete" if turn.parts.completer else "found_similar", title=title)
    if anchor:
        change = RELATIVE.search(turn.plain)
        return turn.say("found_relative", title=title, wish=change.group() if change else "")
    if request.like and title:
        return turn.say("found_similar", title=title)
    if act == Act.MORE and turn.on_screen:
        return turn.say("found_more", need=need)
    if turn.state.question is not None and turn.recognised.act == Act.DENY:
        return turn.say("deny_question", facet=turn.state.question.facet)
    is_priced = any(item.price is not None for item in matches.items)
    if is_priced and request.order in (Order.CHEAPEST, Order.MOST_EXPENSIVE):
        return turn.say("found_cheapest" if request.order == Order.CHEAPEST else "found_dearest", need=need)
    if request.groups:
        kinds = [
            turn.language.kind_for(min(group, key=len).lower(), is_plural=True) for group in request.groups
        ]
        return turn.say("found_kinds", kinds=join_words(kinds, turn.say("and")))
    if not (request.constrained or request.is_gift or request.words):
        return turn.say("found_ideas")
    if not (request.constrained or request.is_gift):
        return turn.say("found_described")
    if count == 1:
        return turn.say("found_one", need=need)
    return turn.say("found_personal" if matches.is_personal else "found_many", count=number, need=need)
