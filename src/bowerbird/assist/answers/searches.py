"""Answers that list items: a search, more of it, items like another one, what completes one; exclusions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bowerbird.assist.answers import actions, item_answers, talk
from bowerbird.assist.answers.item_lists import ListAnswer, answer_with_list, kinds_in_words, opening
from bowerbird.assist.answers.unknown_kinds import missing_kinds, unknown_audience, unknown_kind
from bowerbird.assist.find.finding import allowed_items, find_items
from bowerbird.assist.find.item_matches import ItemMatches
from bowerbird.assist.find.meaning import RELATIVE, completion_scores, relative_meaning
from bowerbird.assist.find.needs.after_message import need_after
from bowerbird.assist.find.needs.reading import compares_with_nothing, greets_only, leave_out, says_nothing
from bowerbird.assist.find.needs.shown_values import is_as_nothing_shown
from bowerbird.assist.find.offers import priced
from bowerbird.assist.find.shades import need_with_shade
from bowerbird.assist.needs import describe_need
from bowerbird.assist.parts.shades import measure_item
from bowerbird.assist.price_range import PriceRange
from bowerbird.assist.reply import Reply, ReplyItem
from bowerbird.assist.request import Request
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.acts import Recognition
from bowerbird.assist.understand.patterns.shades import ShadeChange, read_shade_change
from bowerbird.assist.understand.prices import without_rejected_amounts
from bowerbird.assist.understand.readable import is_gibberish, is_other_script, unknown_id
from bowerbird.assist.understand.references import COMPARES_ALONE
from bowerbird.data.arrays import BoolArray

Answer = Reply | ListAnswer
_COMPARING = (Act.FIND, Act.SIMILAR)
"""Acts of messages that may compare with what is on screen: "like the second, but darker"."""
LIKENESS = 0.3
"""What it counts that an item is like those that it is compared with."""


def search(turn: Turn) -> Answer:
    """Items for what the message asks."""
    reply = _not_readable(turn)
    if reply is not None:
        return reply
    shade = read_shade_change(turn.plain) if turn.on_screen and turn.recognised.act in _COMPARING else None
    if shade and (answer := _of_other_shade(turn, shade)):
        return answer
    request = need_after(turn)
    if is_as_nothing_shown(turn) or compares_with_nothing(turn, request):
        return item_answers.missing(turn)
    if request.unknown_kind and not is_gibberish(request.unknown_kind):
        return unknown_kind(turn, request)
    if turn.recognised == Recognition(Act.FIND) and says_nothing(turn, request):
        return talk.say(replace(turn, recognised=Recognition(Act.UNCLEAR)))
    if greets_only(turn, request):
        return talk.say(replace(turn, recognised=Recognition(Act.GREETING)))
    turn = actions.remember_exclusions(turn, request)
    act = turn.recognised.act
    if act == Act.COMPLETE and turn.items_at_hand:
        return _completing(turn, request)
    act = Act.FIND if act not in (Act.MORE, Act.SIMILAR, Act.COMPLETE) else act
    change = RELATIVE.search(without_rejected_amounts(turn.plain)) if act == Act.FIND else None
    if change and turn.on_screen and not request.like:
        anchor = turn.compared_with[0].item_id
        request = leave_out(request, (anchor,))
        matches = find_items(turn, request, relative_meaning(turn, anchor, change.group()))
        return answer_with_list(turn, matches, request, act, anchor)
    is_between = request.price.low > 0 and request.price.high < np.inf
    if request.is_relative and request.kinds and turn.on_screen and not is_between:
        return _other_price_of_each_kind(turn, request)
    matches = find_items(turn, request)
    if request.is_relative and act == Act.FIND and not matches.items and not is_between:
        return _none_cheaper(turn, request)
    if turn.state.is_near_miss and COMPARES_ALONE.search(turn.plain):
        matches = replace(matches, nearest=_in_price(matches, request) or matches.nearest)
    if matches.nearest and request.price.bounded and not any(_has_price(turn, request)):
        need = describe_need(replace(request, price=PriceRange()), turn.language)
        return answer_with_list(turn, matches, request, act, None, turn.say("no_prices", need=need))
    first_sentence = missing_kinds(turn, request) or unknown_audience(turn)
    if first_sentence:
        first_sentence += " " + opening(turn, matches, act, None)
    return answer_with_list(turn, matches, request, act, first_sentence=first_sentence)


def _of_other_shade(turn: Turn, shade: ShadeChange) -> Answer | None:
    """Items lighter, plainer, more colourful than what is on screen; None where that says nothing of it."""
    anchors = turn.compared_with
    request = _need_without_shade(turn, shade)
    is_about_list = request.follow_up or bool(request.like)
    parts, ids = turn.parts, [item.item_id for item in anchors]
    if not is_about_list or request.unknown_kind:
        return None
    turn = actions.remember_exclusions(turn, request)
    need = need_with_shade(turn, leave_out(request, ids), anchors, shade)
    words = turn.say(f"shade_{(need.change if need else shade).key}")
    if need is None:
        is_known = any(measure_item(parts, item_id, shade.quality) is not None for item_id in ids)
        state = replace(turn.state, question=None)
        return Reply(turn.say("shade_none", change=words), Act.FIND, state=state) if is_known else None
    near = parts.matrix[[parts.catalogue.position[item_id] for item_id in ids]].mean(axis=0)
    matches = find_items(turn, need.request, need.scores + LIKENESS * (parts.matrix @ near))
    key = "found_shade" if len(anchors) == 1 else "found_shade_of_list"
    key = "found_shade_other" if need.is_other_colour else key
    first_sentence = turn.say(key, change=words, title=anchors[0].title)
    return answer_with_list(turn, matches, need.request, Act.FIND, first_sentence=first_sentence)


def _need_without_shade(turn: Turn, shade: ShadeChange) -> Request:
    """What a message asks for beside another shade."""
    rest = read_shade_change(turn.reference.rest)
    reference = replace(turn.reference, rest=rest.rest) if rest else turn.reference
    if not any(letter.isalnum() for letter in shade.rest):
        return replace(turn.state.request or Request(), follow_up=True)
    request, previous = need_after(replace(turn, plain=shade.rest, reference=reference)), turn.state.request
    if not request.like or previous is None or previous.kinds:
        return request
    # "The second one, but lighter" of blue rugs is a blue rug.
    return replace(
        request,
        facets={**previous.facets, **request.facets},
        wording={**previous.wording, **request.wording},
        price=request.price if request.price.bounded else previous.price,
        budget=request.budget if request.budget.bounded else previous.budget,
    )


def exclude(turn: Turn) -> Answer:
    """ "Stop showing me hats": from now on, and the last list again without them."""
    changed, confirmation = actions.exclude(turn)
    if not confirmation:
        words = turn.parts.lexicon.content_stems(turn.recognised.topic)
        is_mentioned = any(word in turn.parts.lexicon.items_by_stem for word in words)
        key = "excluded_unlisted" if is_mentioned else "excluded_unknown"
        return Reply(turn.say(key, what=turn.recognised.topic), Act.EXCLUDE, state=turn.state)
    request = turn.state.request
    is_asked_for = request is not None and any(
        values <= changed.state.excluded.get(facet, frozenset()) for facet, values in request.facets.items()
    )
    if request is None or is_asked_for or not _is_on_screen(changed):
        state = replace(changed.state, request=None if is_asked_for else request)
        return Reply(confirmation, Act.EXCLUDE, state=state)
    matches = find_items(changed, request)
    first_sentence = f"{confirmation} {opening(changed, matches, Act.EXCLUDE, None)}"
    return answer_with_list(changed, matches, request, Act.EXCLUDE, first_sentence=first_sentence)


def _is_on_screen(turn: Turn) -> bool:
    """Whether the list on screen shows what is excluded now."""
    positions = [turn.parts.catalogue.position[item.item_id] for item in turn.on_screen]
    return any(
        bool(turn.parts.vocabulary.mask(facet, values)[positions].any())
        for facet, values in turn.state.excluded.items()
    )


def _not_readable(turn: Turn) -> Reply | None:
    """The answer to what can't be searched for: another script, an unknown id, a place not on screen."""
    if turn.image or turn.items:
        return None
    state = replace(turn.state, question=None)
    known_words = turn.parts.lexicon.items_by_stem.keys()
    if is_other_script(turn.plain) and not known_words & set(turn.plain.split()):
        return Reply(turn.say("other_script"), Act.UNCLEAR, state=state)
    if unknown_id(turn.plain, turn.parts.catalogue):
        return Reply(turn.say("nothing_named"), Act.FIND, state=state)
    if turn.reference.missing and turn.reference.is_explicit and turn.recognised.act != Act.MORE:
        return item_answers.missing(turn)
    return None


def _has_price(turn: Turn, request: Request) -> BoolArray:
    """Whether each item of the kinds that are asked for has a price, (items,) bool."""
    has_price = ~np.isnan(turn.parts.catalogue.prices)
    if "type" in request.facets:
        has_price &= turn.parts.vocabulary.mask("type", request.facets["type"])
    return has_price


def _in_price(matches: ItemMatches, request: Request) -> tuple[ReplyItem, ...]:
    """Near misses that miss something else than the price."""
    return tuple(item for item in matches.nearest if item.price is not None and item.price in request.price)


def _other_price_of_each_kind(turn: Turn, request: Request) -> Answer:
    """Several kinds cheaper, or more expensive, than what is on screen: each is measured by its own kind."""
    is_upper = request.price.high < np.inf
    before = replace(request, price=request.budget, is_relative=False)
    items = list[ReplyItem]()
    for kind in request.kinds:
        prices = [
            item.price
            for item in turn.on_screen
            if item.price is not None and _is_of_kind(turn, item.item_id, kind.types)
        ]
        if not prices:
            continue
        bound = PriceRange(max(prices), low_open=True)
        if is_upper:
            bound = PriceRange(high=min(prices), high_open=True)
        of_kind = before.of_kind(kind)
        of_kind = replace(of_kind, price=of_kind.budget.narrowed(bound))
        share = replace(turn, n=max(1, turn.n // len(request.kinds)))
        items += find_items(share, of_kind).items
    if not items:
        return _none_cheaper(turn, request)
    listed = [kind for kind in request.kinds if any(_is_of_kind(turn, i.item_id, kind.types) for i in items)]
    missing = [kind for kind in request.kinds if kind not in listed]
    first_sentence = turn.say("found_kinds", kinds=kinds_in_words(turn, listed))
    if missing:
        key = "kinds_none_cheaper" if is_upper else "kinds_none_dearer"
        first_sentence = f"{turn.say(key, kinds=kinds_in_words(turn, missing))} {first_sentence}"
    matches = ItemMatches(before, tuple(items))
    return answer_with_list(turn, matches, before, Act.FIND, first_sentence=first_sentence)


def _is_of_kind(turn: Turn, item_id: str, kinds: frozenset[str]) -> bool:
    position = turn.parts.catalogue.position[item_id]
    return not kinds.isdisjoint(turn.parts.vocabulary.values_of(position, "type"))


def _none_cheaper(turn: Turn, request: Request) -> Answer:
    """Nothing costs less (or more) than what is on screen: say so, and hold to the need before."""
    is_upper = request.price.high < np.inf
    by_price = [(item.price, item) for item in turn.on_screen if item.price is not None]
    before = replace(request, price=request.budget, is_relative=False)
    if not by_price:
        return answer_with_list(turn, find_items(turn, request), request, Act.FIND)
    _, item = (min if is_upper else max)(by_price, key=lambda pair: pair[0])
    position = turn.parts.catalogue.position[item.item_id]
    near = find_items(turn, request).nearest
    others = tuple(each for each in near if each.price is not None and each.price in request.price)
    text = turn.say(
        "none_cheaper" if is_upper else "none_dearer",
        need=describe_need(before, turn.language),
        title=item.title,
        price=priced(turn.parts.catalogue.item(position), turn.language),
    )
    state = replace(turn.state, request=before, question=None)
    if not others:
        return Reply(text, Act.FIND, state=state, suggestions=(turn.say("suggest_similar"),))
    first_sentence = f"{text} {turn.say('others_in_price')}"
    matches = ItemMatches(before, (), others)
    return answer_with_list(turn, matches, before, Act.FIND, first_sentence=first_sentence)


def _completing(turn: Turn, request: Request) -> ListAnswer:
    anchor = turn.items_at_hand[0].item_id
    kinds = frozenset(turn.parts.vocabulary.values_of(turn.parts.catalogue.position[anchor], "type"))
    if kinds and "type" not in request.facets:
        request = replace(request, excluded={"type": kinds})
    matches = find_items(turn, request, completion_scores(turn.parts, anchor, allowed_items(turn, request)))
    return answer_with_list(turn, matches, request, Act.COMPLETE, anchor)
