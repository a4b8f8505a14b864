"""Answers about items: a question, a comparison, a reason. Facts come from the catalogue only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bowerbird.assist.answers.facts import Fact, fact_asked, sentences, table_of_differences
from bowerbird.assist.answers.listing_fields import answer_field
from bowerbird.assist.answers.price_answers import answer_prices
from bowerbird.assist.answers.variant_answers import answer_variants
from bowerbird.assist.find.item_matches import name_item
from bowerbird.assist.find.offers import price_with_sale, priced
from bowerbird.assist.languages import ENGLISH
from bowerbird.assist.needs import describe_need, join_words
from bowerbird.assist.reply import Comparison, Reply
from bowerbird.assist.request import Request, Shown
from bowerbird.assist.state import MAX_ITEM_QUESTION
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.data.items import Item
from bowerbird.recommend.reasons import ENGLISH as REASON_ENGLISH
from bowerbird.recommend.reasons import as_reason_language
from bowerbird.text.audiences import AUDIENCE
from bowerbird.text.facets import FACETS

MAX_COMPARED = 4


_WHICH = re.compile(r"^(?:and |so |ok |but )*(?:which|what)(?:'s| is| one| of|\W)")
_CHEAPEST = re.compile(r"\b(?:cheapest|cheaper|least expensive|less expensive|lowest price)\b")
_MOST_EXPENSIVE = re.compile(r"\b(?:most expensive|more expensive|priciest|dearest)\b")


def is_about_rank(turn: Turn) -> bool:
    """Whether a message asks which item of the list has something: the lowest price, a material."""
    is_which = _WHICH.search(turn.plain) and (len(turn.reference.items) != 1 or "the cheap" in turn.plain)
    extreme = _CHEAPEST.search(turn.plain) or _MOST_EXPENSIVE.search(turn.plain)
    return bool(len(turn.on_screen) > 1 and is_which and (extreme or _facets_asked(turn)))


def answer_which(turn: Turn) -> Reply:
    """Which of the items compared last, or else on screen, is the cheapest, or is of brass."""
    compared = tuple(item for item in map(turn.parts.shown, turn.state.compared) if item is not None)
    shown = turn.reference.items if len(turn.reference.items) > 1 else compared or turn.on_screen
    wanted = _facets_asked(turn)
    by_price = [(item.price, item) for item in shown if item.price is not None]
    if wanted:
        fitting = [item for item in shown if _has(turn, item, wanted)]
    elif by_price:
        pick = min if _CHEAPEST.search(turn.plain) else max
        fitting = [pick(by_price, key=lambda pair: pair[0])[1]]
    else:
        fitting = []
    state = replace(turn.state, focus=fitting[0].item_id if fitting else turn.state.focus, question=None)
    if not fitting:
        return Reply(turn.say("which_none"), Act.ITEM_QUESTION, state=state, suggestions=_about_item(turn))
    names = [f"{item.title} ({priced(_item(turn, item))})" if item.price else item.title for item in fitting]
    text = turn.say("which_is", titles=join_words(names, turn.say("and")))
    return Reply(text, Act.ITEM_QUESTION, state=state, suggestions=_about_item(turn))


def _facets_asked(turn: Turn) -> dict[str, set[str]]:
    facets = mentions_of(turn.plain, turn.parts.vocabulary, {}).facets
    return {facet: values for facet, values in facets.items() if facet != "type"}


def _has(turn: Turn, shown: Shown, wanted: Mapping[str, set[str]]) -> bool:
    position = turn.parts.catalogue.position[shown.item_id]
    return all(
        not values.isdisjoint(turn.parts.vocabulary.values_of(position, f)) for f, values in wanted.items()
    )


def answer_question(turn: Turn) -> Reply:
    """A question about an item, answered from its listing."""
    if is_about_rank(turn):
        return answer_which(turn)
    if text := answer_prices(turn):
        state = replace(turn.state, question=None, item_question="how much is it")
        return Reply(text, Act.ITEM_QUESTION, state=state, suggestions=_about_item(turn))
    target = _target(turn)
    if target is None:
        return missing(turn)
    position = turn.parts.catalogue.position[target.item_id]
    item = turn.parts.catalogue.item(position)
    question = turn.reference.rest or turn.plain
    state = replace(
        turn.state, focus=target.item_id, question=None, item_question=question[:MAX_ITEM_QUESTION]
    )
    if text := answer_variants(turn, position) or answer_field(turn, item):
        return Reply(text, Act.ITEM_QUESTION, state=state, suggestions=_about_item(turn))
    fact = fact_asked(question, item, position, turn.parts.vocabulary)
    title = item.title or item.item_id
    if fact.attribute == "price":
        key = "fact_price" if item.price is not None else "fact_no_price"
        text = turn.say(key, title=title, price=price_with_sale(item, turn.language)) + "."
    elif fact.attribute == "stock":
        key = "fact_in_stock" if turn.parts.catalogue.available[position] else "fact_out_of_stock"
        text = turn.say(key, title=title) + "."
    elif fact.kind == "describe":
        facts = " ".join(list(sentences(item))[:3]) or _facets_in_words(turn, position)
        text = f"{title}. {facts}" if facts else turn.say("fact_unknown", title=title)
        if item.price is not None:
            price = price_with_sale(item, turn.language)
            text = turn.say("describe_item", title=title, price=price, facts=facts).strip()
    elif fact.kind == "sentence":
        text = turn.say("fact_sentence", title=title, sentence=fact.text)
    elif fact.kind == "value" and fact.attribute in FACETS:
        facet = turn.language.facet(fact.attribute)
        text = turn.say("fact_facet", title=title, facet=facet, values=_values(turn, fact))
    elif fact.kind == "value":
        text = turn.say("fact_is", title=title, fact=_in_words(turn, fact))
    elif fact.kind == "yes":
        text = turn.say("fact_yes", title=title, fact=_in_words(turn, fact))
    elif fact.kind == "no":
        text = turn.say("fact_no", title=title, fact=_values(turn, fact))
    else:
        text = turn.say("fact_unknown", title=title)
    return Reply(text, Act.ITEM_QUESTION, state=state, suggestions=_about_item(turn))


def _facets_in_words(turn: Turn, position: int) -> str:
    """What a listing without a description states: colour, material and the like."""
    language, vocabulary = turn.language, turn.parts.vocabulary
    values = [
        f"{language.facet(facet)} {language.value_for(facet, value)}"
        for facet in FACETS
        if facet not in ("type", AUDIENCE)
        for value in vocabulary.values_of(position, facet)[:1]
    ]
    return ", ".join(values)


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
    items = {shown_item.item_id: _item(turn, shown_item) for shown_item in shown[:MAX_COMPARED]}
    names = {"price": turn.say("price_word"), "none": turn.say("no_value")}
    rows = [
        (turn.language.facet(name), [_cell(turn, name, value) for value in values])
        for name, values in table_of_differences(items, names)
    ]
    lines = [turn.say("compare_intro") if len(rows) > 1 else turn.say("compare_same")]
    lines += [f"{number}. {' '.join(item.title.split())}" for number, item in enumerate(items.values(), 1)]
    lines += [f"{name}: {' | '.join(values)}" for name, values in rows]
    by_price = [(item.price, item.title) for item in items.values() if item.price is not None]
    if len(by_price) == len(items) and len({price for price, _ in by_price}) > 1:
        lines.append(turn.say("cheapest_is", title=min(by_price)[1]))
    comparison = Comparison(tuple(items), tuple((name, tuple(values)) for name, values in rows))
    positions = turn.parts.catalogue.position
    reply_items = tuple(name_item(turn.parts, positions[item_id], Request(), "") for item_id in items)
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
            suggestions=_about_item(turn),
        )
    request, reasons = turn.state.request, []
    if request is not None and request.constrained:
        need = describe_need(request, turn.language, 1)
        satisfied = _satisfies(turn, position, request)
        reasons.append(turn.say("why_request", need=need) if satisfied else turn.say("why_near"))
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
        suggestions=_about_item(turn),
    )


def missing(turn: Turn) -> Reply:
    """A message that points at nothing that is there: ask back."""
    key = "missing_reference" if turn.on_screen and turn.reference.missing else "missing_list"
    if turn.on_screen and not turn.reference.missing:
        key = "compare_need_two" if turn.recognised.act == Act.COMPARE else "missing_item"
    text = turn.say(key, reference=turn.reference.missing.removesuffix(" of them"))
    return Reply(text, Act.UNCLEAR, state=replace(turn.state, question=None))


def _in_words(turn: Turn, fact: Fact) -> str:
    """An attribute and its value in the user's language."""
    if fact.attribute not in FACETS:
        return fact.text
    if fact.attribute == AUDIENCE:
        return _values(turn, fact)
    return f"{turn.language.facet(fact.attribute)} {_values(turn, fact)}"


def _values(turn: Turn, fact: Fact) -> str:
    values = fact.text.removeprefix(f"{fact.attribute} ").split(" / ")
    if fact.attribute == AUDIENCE:
        is_english = turn.language.code == ENGLISH
        phrases = [f"for {value}" if is_english else turn.say(f"audience_{value}") for value in values]
        return join_words(phrases, turn.say("and"))
    return " / ".join(turn.language.value_for(fact.attribute, value) for value in values)


def _cell(turn: Turn, name: str, value: str) -> str:
    return turn.language.value_for(name, value) if name in FACETS and value else value


def _target(turn: Turn) -> Shown | None:
    if turn.reference.missing:
        return None
    is_spoken_of = turn.focus and len(turn.reference.items) > 1 and not turn.reference.is_explicit
    # "Are they waterproof?" after a word about one pair of boots is about that pair.
    return turn.reference.items[0] if turn.reference.items and not is_spoken_of else turn.focus


def _item(turn: Turn, shown: Shown) -> Item:
    return turn.parts.catalogue.item(turn.parts.catalogue.position[shown.item_id])


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


def _about_item(turn: Turn) -> tuple[str, ...]:
    return turn.say("suggest_similar"), turn.say("suggest_compare") if len(turn.on_screen) > 1 else turn.say(
        "suggest_more"
    )
