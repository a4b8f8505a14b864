"""Items side by side, and why one was suggested. Facts come from the catalogue only."""

from __future__ import annotations

import re
from dataclasses import replace

from bowerbird.assist.answers.facts import table_of_differences
from bowerbird.assist.answers.item_answers import answer_which, is_about_rank, item_of, missing, suggest_next
from bowerbird.assist.find.item_matches import name_item
from bowerbird.assist.needs import describe_need, in_brackets, join_words
from bowerbird.assist.reply import Comparison, Reply
from bowerbird.assist.request import Request, Shown
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.recommend.reasons import ENGLISH as REASON_ENGLISH
from bowerbird.recommend.reasons import as_reason_language
from bowerbird.text.facets import FACETS

MAX_COMPARED = 4
_SUPERLATIVE = re.compile(
    r"\bwhich (?:one )?(?:of .{1,20} )?(?:is|are|looks?|feels?|has|lasts?) (?:the )?"
    r"(?!better|best|nicer|nicest)(?:[a-z]{3,}(?:er|est)|more [a-z]+|most [a-z]+)\b"
)
"""What listings don't say where neither price nor attributes do: "which is the biggest?"."""


def compare(turn: Turn) -> Reply:
    """Items side by side: what differs between them."""
    if is_about_rank(turn):
        return answer_which(turn)
    reference = turn.reference.items
    if len(reference) == 1 and turn.focus is not None and turn.focus != reference[0]:
        reference = (turn.focus, *reference)  # "how does it compare to the first one?"
    if turn.reference.missing and not turn.reference.missing.startswith("both"):
        return missing(turn)
    shown = (
        reference
        if len(reference) > 1
        else turn.on_screen
        if len(turn.on_screen) == 2 or (not reference and not turn.reference.missing)
        else ()
    )
    if len({item.item_id for item in shown}) < 2:
        key = "compare_need_two" if turn.on_screen else "missing_list"
        return Reply(turn.say(key), Act.COMPARE, state=replace(turn.state, question=None))
    items = {shown_item.item_id: item_of(turn, shown_item) for shown_item in shown[:MAX_COMPARED]}
    names = {"price": turn.say("price_word"), "none": turn.say("no_value")}
    rows = [
        (turn.language.facet(name), [_cell(turn, name, value) for value in values])
        for name, values in table_of_differences(items, names, turn.language)
    ]
    key = "which_unknown" if _SUPERLATIVE.search(turn.plain) else "compare_intro"
    lines = [turn.say(key) if len(rows) > 1 else turn.say("compare_same")]
    lines += [f"{number}. {' '.join(item.title.split())}" for number, item in enumerate(items.values(), 1)]
    lines += [f"{name}: {' | '.join(values)}" for name, values in rows]
    by_price = [(item.price, item.title) for item in items.values() if item.price is not None]
    if len(by_price) == len(items) and len({price for price, _ in by_price}) > 1:
        lines.append(turn.say("cheapest_is", title=min(by_price)[1]))
    comparison = Comparison(tuple(items), tuple((name, tuple(values)) for name, values in rows))
    positions = turn.parts.catalogue.position
    reply_items = tuple(
        name_item(turn.parts, positions[item_id], Request(), "", language=turn.language) for item_id in items
    )
    state = replace(turn.state, compared=tuple(items), question=None)
    return Reply("\n".join(lines), Act.COMPARE, reply_items, comparison=comparison, state=state)


def explain(turn: Turn) -> Reply:
    """Why an item was suggested: the request it matches, and true reasons of the user's taste."""
    if turn.reference.missing or not (turn.reference.items or turn.on_screen):
        return missing(turn)
    target = (turn.reference.items or turn.on_screen)[0]
    position = turn.parts.catalogue.position[target.item_id]
    if re.search(r"\b(?:expensive|cheap|pricey|dear)\b", turn.plain):
        text = turn.say("fact_unknown", title=target.title)
        return Reply(
            text,
            Act.WHY,
            state=replace(turn.state, focus=target.item_id, question=None),
            suggestions=suggest_next(turn),
        )
    request, reasons = turn.state.request, []
    if request is not None and request.constrained:
        need = describe_need(request, turn.language, 1)
        satisfied = _satisfies(turn, position, request)
        reasons.append(turn.say("why_request", need=in_brackets(need)) if satisfied else turn.say("why_near"))
    elif request is not None and request.words:
        reasons.append(turn.say("why_words"))
    if turn.user and turn.parts.reader and not (request and request.is_gift):
        sentence = _taste_reason(turn, target)
        if sentence:
            reasons.append(turn.say("why_taste", reason=sentence))
    text = turn.say(
        "why_item",
        title=target.title,
        reasons=join_words(reasons or [turn.say("why_nothing")], turn.say("and")),
    )
    return Reply(
        text,
        Act.WHY,
        state=replace(turn.state, focus=target.item_id, question=None),
        suggestions=suggest_next(turn),
    )


def _cell(turn: Turn, name: str, value: str) -> str:
    return turn.language.value_for(name, value) if name in FACETS and value else value


def _satisfies(turn: Turn, position: int, request: Request) -> bool:
    vocabulary = turn.parts.vocabulary
    price = float(turn.parts.catalogue.prices[position])
    return (not request.price.bounded or price in request.price) and all(
        not values.isdisjoint(vocabulary.values_of(position, facet))
        for facet, values in request.facets.items()
    )


def _taste_reason(turn: Turn, target: Shown) -> str:
    recommender, taste = turn.parts.recommender, turn.parts.taste
    if recommender is None or taste is None or turn.user is None or turn.user not in taste:
        return ""
    import numpy as np

    only = np.zeros(len(turn.parts.catalogue), bool)
    only[turn.parts.catalogue.position[target.item_id]] = True
    recommended = recommender.recommend(taste.state(turn.user), n=1, eligible=only)
    language = as_reason_language(turn.language.code) or REASON_ENGLISH
    return recommended[0].explanation.phrase(language) if recommended else ""
