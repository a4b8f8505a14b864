"""Answers to questions about items. Facts come from the catalogue only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bowerbird.assist.answers.facts import Fact, fact_asked, sentences
from bowerbird.assist.answers.listing_fields import answer_field
from bowerbird.assist.answers.price_answers import (
    answer_prices,
    answer_quantities,
    answer_quantity,
    counted_items,
)
from bowerbird.assist.answers.variant_answers import answer_variants
from bowerbird.assist.find.offers import price_with_sale, priced
from bowerbird.assist.languages import ENGLISH
from bowerbird.assist.needs import join_words
from bowerbird.assist.parts.shades import extreme_items
from bowerbird.assist.reply import Reply
from bowerbird.assist.request import Shown
from bowerbird.assist.state import MAX_ITEM_QUESTION
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.assist.understand.patterns.quantities import quantity_question, read_quantity
from bowerbird.assist.understand.patterns.shades import EXTREME_SHADE, read_extreme
from bowerbird.data.items import Item
from bowerbird.text.audiences import AUDIENCE
from bowerbird.text.facets import FACETS

_WHICH = re.compile(r"^(?:and |so |ok |but )*(?:which|what)(?:'s| is| one| of|\W)")
_CHEAPEST = re.compile(r"\b(?:cheapest|cheaper|least expensive|less expensive|lowest price)\b")
_MOST_EXPENSIVE = re.compile(r"\b(?:most expensive|more expensive|priciest|dearest)\b")


def is_about_rank(turn: Turn) -> bool:
    """Whether a message asks which item of the list has something: the lowest price, a material."""
    if len(turn.on_screen) > 1 and turn.recognised.topic == "any_of":
        return True
    is_which = _WHICH.search(turn.plain) is not None
    if is_which and len(turn.on_screen) > 1 and read_extreme(turn.plain):
        return True
    is_which &= len(turn.reference.items) != 1 or "the cheap" in turn.plain
    extreme = _CHEAPEST.search(turn.plain) or _MOST_EXPENSIVE.search(turn.plain)
    return bool(len(turn.on_screen) > 1 and is_which and (extreme or _facets_asked(turn)))


def answer_which(turn: Turn) -> Reply:
    """Which of the items compared last, or else on screen, is the cheapest, or is of brass."""
    compared = tuple(item for item in map(turn.parts.shown, turn.state.compared) if item is not None)
    shown = turn.reference.items if len(turn.reference.items) > 1 else compared or turn.on_screen
    wanted = _facets_asked(turn)
    by_price = [(item.price, item) for item in shown if item.price is not None]
    extreme_shade = read_extreme(turn.plain)
    if extreme_shade:
        shown = (
            turn.on_screen if EXTREME_SHADE.search(turn.plain) else shown
        )  # else of a pair: "which is lighter?"
        fitting = list(extreme_items(turn.parts, shown, extreme_shade))
    elif wanted:
        fitting = [item for item in shown if _has(turn, item, wanted)]
    elif turn.recognised.topic == "any_of":
        fitting = [item for item in shown if _states(turn, item)]
    elif by_price:
        pick = min if _CHEAPEST.search(turn.plain) else max
        fitting = [pick(by_price, key=lambda pair: pair[0])[1]]
    else:
        fitting = []
    state = replace(turn.state, focus=fitting[0].item_id if fitting else turn.state.focus, question=None)
    if not fitting:
        is_by_price = not (wanted or extreme_shade or turn.recognised.topic == "any_of")
        text = turn.say("which_no_price" if is_by_price else "which_none")
        return Reply(text, Act.ITEM_QUESTION, state=state, suggestions=suggest_next(turn))
    if extreme_shade and len(fitting) == len(shown) > 1:
        return Reply(turn.say("which_same"), Act.ITEM_QUESTION, state=state, suggestions=suggest_next(turn))
    names = [_with_facts(turn, item, names_colour=extreme_shade is not None) for item in fitting]
    text = turn.say("which_is", titles=join_words(names, turn.say("and")))
    return Reply(text, Act.ITEM_QUESTION, state=state, suggestions=suggest_next(turn))


def _with_facts(turn: Turn, shown: Shown, *, names_colour: bool) -> str:
    """An item with its price, and its colour if that was asked for: "Cushion (beige, 31.90 USD)"."""
    position = turn.parts.catalogue.position[shown.item_id]
    colours = turn.parts.vocabulary.values_of(position, "colour")[:1] if names_colour else []
    facts = [turn.language.value_for("colour", colour) for colour in colours]
    facts += [priced(item_of(turn, shown), turn.language)] if shown.price else []
    return f"{shown.title} ({', '.join(facts)})" if facts else shown.title


def _facets_asked(turn: Turn) -> dict[str, set[str]]:
    facets = mentions_of(turn.plain, turn.parts.vocabulary, {}).facets
    return {facet: values for facet, values in facets.items() if facet != "type"}


def _states(turn: Turn, shown: Shown) -> bool:
    """Whether an item's listing says yes to what is asked of several."""
    position = turn.parts.catalogue.position[shown.item_id]
    question = turn.reference.rest or turn.plain
    fact = fact_asked(question, item_of(turn, shown), position, turn.parts.vocabulary)
    return fact.kind in ("yes", "sentence")


def _has(turn: Turn, shown: Shown, wanted: Mapping[str, set[str]]) -> bool:
    position = turn.parts.catalogue.position[shown.item_id]
    return all(
        not values.isdisjoint(turn.parts.vocabulary.values_of(position, f)) for f, values in wanted.items()
    )


def answer_question(turn: Turn) -> Reply:
    """A question about an item, answered from its listing."""
    if is_about_rank(turn):
        return answer_which(turn)
    if text := answer_quantities(turn):
        return Reply(
            text, Act.ITEM_QUESTION, state=replace(turn.state, question=None), suggestions=suggest_next(turn)
        )
    if text := answer_quantity(turn):
        return _about_quantity(turn, text)
    if text := answer_prices(turn):
        state = replace(turn.state, question=None, item_question="how much is it")
        return Reply(text, Act.ITEM_QUESTION, state=state, suggestions=suggest_next(turn))
    target = _target(turn)
    if target is None:
        return missing(turn)
    position = turn.parts.catalogue.position[target.item_id]
    item = turn.parts.catalogue.item(position)
    question = "" if turn.recognised.topic == "opinion" else turn.reference.rest or turn.plain
    state = replace(
        turn.state, focus=target.item_id, question=None, item_question=question[:MAX_ITEM_QUESTION]
    )
    if text := answer_variants(turn, position) or answer_field(turn, item):
        return Reply(text, Act.ITEM_QUESTION, state=state, suggestions=suggest_next(turn))
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
    elif fact.attribute == "brand" and item.brand:  # "no, it is Nordale" would be no answer
        text = turn.say("fact_facet", title=title, facet=turn.language.facet("brand"), values=item.brand)
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
    return Reply(text, Act.ITEM_QUESTION, state=state, suggestions=suggest_next(turn))


def _about_quantity(turn: Turn, text: str) -> Reply:
    """A price of several pieces; a number alone changes how many from then on."""
    shown, quantity = counted_items(turn), read_quantity(turn.plain)
    count = quantity.units if quantity else 1
    focus = shown[0].item_id if len(shown) == 1 else turn.state.focus
    state = replace(turn.state, focus=focus, question=None, item_question=quantity_question(count))
    return Reply(text, Act.ITEM_QUESTION, state=state, suggestions=suggest_next(turn))


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


def _target(turn: Turn) -> Shown | None:
    if turn.reference.missing:
        return None
    is_spoken_of = turn.focus and len(turn.reference.items) > 1 and not turn.reference.is_explicit
    # "Are they waterproof?" after a word about one pair of boots is about that pair.
    return turn.reference.items[0] if turn.reference.items and not is_spoken_of else turn.focus


def item_of(turn: Turn, shown: Shown) -> Item:
    """The catalogue's entry of an item on screen."""
    return turn.parts.catalogue.item(turn.parts.catalogue.position[shown.item_id])


def suggest_next(turn: Turn) -> tuple[str, ...]:
    """What may be said next, after an answer about an item."""
    return turn.say("suggest_similar"), turn.say("suggest_compare") if len(turn.on_screen) > 1 else turn.say(
        "suggest_more"
    )
