"""A list of items in words: an opening sentence, a line for each item, and perhaps a question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bowerbird.assist.draft import Draft
from bowerbird.assist.facet_needs import KindNeed
from bowerbird.assist.find.clarifying import ask, clarifying_question, suggest_next
from bowerbird.assist.find.conversation import messages_after
from bowerbird.assist.find.item_matches import ItemMatches, name_item
from bowerbird.assist.find.meaning import RELATIVE
from bowerbird.assist.languages import ENGLISH
from bowerbird.assist.needs import describe_need, describe_price, join_words
from bowerbird.assist.reply import Reply
from bowerbird.assist.request import Order, Request
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.references import COMPARES_ALONE
from bowerbird.text.words import stem_phrase

_COUNT = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class ListAnswer:
    """A list that is not worded yet."""

    draft: Draft
    reply: Reply
    """The reply but for its text."""
    question: str = ""
    """What is asked after the list."""


def answer_with_list(
    turn: Turn,
    matches: ItemMatches,
    request: Request,
    act: Act,
    anchor: str | None = None,
    first_sentence: str = "",
) -> ListAnswer:
    """A list of items; `anchor` is the item that it is measured by or completes."""
    if act == Act.MORE and not matches.items and not turn.state.is_near_miss:
        matches = replace(matches, nearest=())  # "no more" is all there is to say
    shown = matches.items or matches.nearest
    question = clarifying_question(turn, request, matches.mask) if act == Act.FIND else None
    # Where nothing matches, what has to be said is too delicate for a model.
    is_described = bool(matches.request.words and not matches.request.kinds)
    is_plain = bool(matches.items and is_described and act == Act.FIND and anchor is None)
    first_sentence = first_sentence or opening(turn, matches, act, anchor)
    is_new = not request.follow_up
    messages = messages_after(turn, request)
    state = replace(turn.state, request=request, question=question, messages=messages)
    if shown or is_new:
        ids = [item.item_id for item in shown]
        state = state.with_list(ids, is_new_topic=is_new, is_near_miss=not matches.items)
        state = replace(state, focus=anchor) if act == Act.COMPLETE else state
    reply = Reply(
        text="",
        act=act,
        items=matches.items,
        nearest=matches.nearest,
        constraints=tuple(matches.request.describe()),
        unmet=matches.unmet,
        suggestions=suggest_next(turn, matches.items, question),
        state=state,
    )
    draft = Draft(turn, act, first_sentence, shown, matches.request, is_plain)
    return ListAnswer(draft, reply, ask(turn, question) if question else "")


def opening(turn: Turn, matches: ItemMatches, act: Act, anchor: str | None) -> str:
    """The first sentence of a list."""
    request = matches.request
    if not matches.items:
        return _opening_without_match(turn, matches, act)
    title = _title(turn, anchor or (request.like[0] if request.like else ""))
    if act == Act.COMPLETE and anchor:
        # Without a completer they only look alike: that they go together would be a false claim.
        return turn.say("found_complete" if turn.parts.completer else "found_looks_alike", title=title)
    if anchor:
        change = RELATIVE.search(turn.plain)
        return turn.say("found_relative", title=title, change=as_change(change.group()) if change else "")
    if request.like and title:
        return turn.say("found_similar", title=title)
    need = describe_need(_with_true_noun(turn, matches), turn.language, len(matches.items))
    if act == Act.MORE and turn.on_screen:
        return turn.say("found_more" if len(matches.items) > 1 else "found_more_one", need=need)
    if turn.state.question is not None and turn.recognised.act == Act.DENY:
        return turn.say("deny_question", facet=turn.state.question.facet)
    return _opening_of_need(turn, matches, need)


def as_change(words: str) -> str:
    """A wish that compares with an item, as a shop assistant says it back.

    >>> as_change("not so formal"), as_change("too dark"), as_change("warmer")
    ('less formal', 'less dark', 'warmer')
    """
    return re.sub(r"^(?:(?:not|nothing) (?:so|that|quite so)|too) ", "less ", words)


def _with_true_noun(turn: Turn, matches: ItemMatches) -> Request:
    """The request by the noun that was asked for ("a film"), if all items mention it."""
    stems = stem_phrase(matches.request.noun)
    mentions = turn.parts.lexicon.items_by_stem.get(stems[-1], ()) if stems else ()
    is_true = all(item.position in mentions for item in matches.items)
    return matches.request if is_true else replace(matches.request, noun="")


def _opening_of_need(turn: Turn, matches: ItemMatches, need: str) -> str:
    request, count = matches.request, len(matches.items)
    is_priced = any(item.price is not None for item in matches.items)
    is_about_price = request.order != Order.RELEVANCE or COMPARES_ALONE.search(turn.plain)
    if is_about_price and not is_priced:
        return turn.say("no_prices", need=need)
    if is_priced and request.order in (Order.CHEAPEST, Order.MOST_EXPENSIVE):
        return turn.say("found_cheapest" if request.order == Order.CHEAPEST else "found_dearest", need=need)
    if request.kinds:
        return _opening_of_kinds(turn, matches)
    if not (request.constrained or request.is_gift or request.words):
        return turn.say("found_ideas")
    if not (request.constrained or request.is_gift):
        return turn.say("found_described")
    if count == 1:
        return turn.say("found_one", need=need)
    number = _COUNT[count] if turn.language.code == ENGLISH and count < len(_COUNT) else str(count)
    return turn.say("found_personal" if matches.is_personal else "found_many", count=number, need=need)


def _opening_of_kinds(turn: Turn, matches: ItemMatches) -> str:
    """Which of the kinds that were asked for together there are, and which not."""
    listed, missing = list[KindNeed](), list[KindNeed]()
    for kind in matches.request.kinds:
        mask = turn.parts.vocabulary.mask("type", kind.types)
        (listed if any(mask[item.position] for item in matches.items) else missing).append(kind)
    kinds = f"{kinds_in_words(turn, listed)}{in_total(turn, matches.request)}"
    text = turn.say("found_kinds", kinds=kinds)
    return f"{turn.say('kinds_missing', kinds=kinds_in_words(turn, missing))} {text}" if missing else text


def in_total(turn: Turn, request: Request) -> str:
    """The budget for several kinds together, to be said after them; empty where there is none."""
    price = describe_price(request.budget, turn.language) if request.has_total_budget else ""
    return f" {price} {turn.say('in_total')}" if price else ""


def kinds_in_words(turn: Turn, kinds: Sequence[KindNeed]) -> str:
    """Kinds of things in the plural, with what is asked of each: "oak tables and chairs under 40"."""
    if turn.language.code == ENGLISH:
        needs = [
            describe_need(Request(facets=kind.facets, wording=kind.wording, price=kind.price), turn.language)
            for kind in kinds
        ]
        return join_words(needs, turn.say("and"))
    words = [turn.language.kind_for(min(kind.types, key=len).lower(), is_plural=True) for kind in kinds]
    return join_words(words, turn.say("and"))


def _opening_without_match(turn: Turn, matches: ItemMatches, act: Act) -> str:
    need = describe_need(matches.request, turn.language)
    if act == Act.MORE and not matches.nearest:
        return turn.say("no_more", need=need)
    return turn.say(("near_none", "near_one", "near_many")[min(2, len(matches.nearest))], need=need)


def _title(turn: Turn, item_id: str) -> str:
    shown = turn.parts.shown(item_id) if item_id else None
    return shown.title if shown else ""


def earlier_list(turn: Turn) -> Reply:
    """The list before the one on screen, on this topic; that one again where it was the first."""
    state = turn.state
    earlier = [item_id for item_id in state.offered if item_id not in state.on_screen][-turn.n :]
    ids = earlier or list(state.on_screen)
    positions = [turn.parts.catalogue.position[item_id] for item_id in ids]
    reply = say_list(turn, turn.say("found_again"), positions, Act.MORE, state.request or Request())
    return replace(reply, state=replace(state, question=None).with_list(ids, is_new_topic=False))


def say_list(turn: Turn, first_line: str, positions: Sequence[int], act: Act, request: Request) -> Reply:
    """Items in lines after a sentence, on screen from now on; `request` is what they answer."""
    items = tuple(
        name_item(turn.parts, position, Request(), "", language=turn.language) for position in positions
    )
    lines = [
        f"{number}. {item.title}{f', {item.priced_with_sale}' if item.priced else ''}"
        for number, item in enumerate(items, 1)
    ]
    state = replace(turn.state, question=None, request=request if request.constrained else None)
    state = state.with_list([item.item_id for item in items], is_new_topic=True)
    text = "\n".join([first_line, *lines])
    return Reply(text, act, items, state=state, suggestions=(turn.say("suggest_similar"),))
