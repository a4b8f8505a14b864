"""Answers about the shop, the user's taste and the assistant, and small talk."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from bowerbird.assist.answers.item_answers import named_items
from bowerbird.assist.answers.listing_fields import answer_field, states
from bowerbird.assist.needs import join_words
from bowerbird.assist.reply import Reply
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.followups import FACET_WORDS
from bowerbird.data.arrays import BoolArray
from bowerbird.data.events import ACTIONS, Action
from bowerbird.data.items import Item

RANGE = 5
"""Kinds that are named when somebody asks what there is."""
FACET_VALUES = 8
MAX_SAVED = 6
INTERESTS = 3


def say(turn: Turn) -> Reply:
    """A fixed sentence of the act: greetings, thanks, abuse, injections, what the assistant is."""
    act = turn.recognised.act
    state = turn.state.cleared() if act == Act.RESET else replace(turn.state, question=None)
    suggestions = () if act in (Act.THANKS, Act.GOODBYE) else _starts(turn)
    return Reply(turn.say(turn.recognised.topic or act.value), act, state=state, suggestions=suggestions)


def confirm(turn: Turn) -> Reply:
    """Yes or no where nothing was asked."""
    key = "affirm_nothing" if turn.recognised.act == Act.AFFIRM else "deny_nothing"
    return Reply(turn.say(key), turn.recognised.act, state=turn.state, suggestions=_starts(turn))


def about_shop(turn: Turn) -> Reply:
    """What is sold, popular, new or on sale; or a policy, quoted from the shop's own pages."""
    topic, state = turn.recognised.topic, replace(turn.state, question=None)
    if topic == "range":
        text = turn.say("shop_range", range=describe_range(turn))
        return Reply(text, Act.ABOUT_SHOP, state=state, suggestions=_starts(turn))
    if topic == "facet":
        return _facet_values(turn)
    if topic in ("popular", "new", "sale"):
        positions = {"popular": _popular, "new": _newest, "sale": _on_sale}[topic](turn)
        if not positions:
            text = turn.say(f"shop_no_{topic}")
            return Reply(text, Act.ABOUT_SHOP, state=state, suggestions=(turn.say("suggest_range"),))
        return _listed(turn, turn.say(f"shop_{topic}"), positions, Act.ABOUT_SHOP)
    if (item := _item_meant(turn)) and states(item, topic) and (text := answer_field(turn, item)):
        return Reply(text, Act.ITEM_QUESTION, state=replace(state, focus=item.item_id))
    passage = turn.parts.policies.find(topic, turn.plain)
    if passage is None:
        return Reply(turn.say("policy_unknown", topic=topic), Act.ABOUT_SHOP, state=state)
    return Reply(
        turn.say("policy_quote", topic=passage.page, sentence=passage.text), Act.ABOUT_SHOP, state=state
    )


def _item_meant(turn: Turn) -> Item | None:
    """The item that a question about delivery or returns is about; None where it is about the shop."""
    targets = turn.reference.items or (() if turn.focus is None else (turn.focus,))
    if len(targets) != 1:
        return None
    catalogue = turn.parts.catalogue
    return catalogue.item(catalogue.position[targets[0].item_id])


def _facet_values(turn: Turn) -> Reply:
    """Which colours, materials, brands there are of what is looked for."""
    asked = re.search(r"\b(?:what|which) (\w+?)s?\b", turn.plain)
    facet = FACET_WORDS.get(asked[1], asked[1]) if asked else ""
    vocabulary, request = turn.parts.vocabulary, turn.state.request
    mask = _available(turn)
    of_need = mask.copy()
    for name, values in (request.facets if request else {}).items():
        of_need = of_need & vocabulary.mask(name, values) if name != facet else of_need
    common = _commonest(turn, facet, of_need) or _commonest(turn, facet, mask)
    state = replace(turn.state, question=None)
    if not common:
        return Reply(
            turn.say("listing_facet_unknown"), Act.ABOUT_SHOP, state=state, suggestions=_starts(turn)
        )
    words = [turn.language.value_for(facet, value) for value in common]
    text = turn.say(
        "facet_values", facet=turn.language.facet(facet), values=join_words(words, turn.say("and"))
    )
    return Reply(text, Act.ABOUT_SHOP, state=state, suggestions=(turn.say("suggest_facet", value=words[0]),))


def _commonest(turn: Turn, facet: str, mask: BoolArray) -> list[str]:
    """The values of a facet that most of some items have."""
    positions = turn.parts.vocabulary.positions.get(facet, {})
    counts = {value: int(mask[items].sum()) for value, items in positions.items()}
    known = (value for value in counts if counts[value])
    return sorted(known, key=lambda value: (-counts[value], value))[:FACET_VALUES]


def about_me(turn: Turn) -> Reply:
    """What the taste graph holds of the user, and how to change it."""
    state = replace(turn.state, question=None)
    if turn.recognised.topic == "delete":
        return Reply(turn.say("me_delete"), Act.ABOUT_ME, state=state)
    if turn.user is None:
        return Reply(turn.say("me_unknown"), Act.ABOUT_ME, state=state)
    if turn.recognised.topic == "saved":
        return _saved(turn)
    taste = turn.parts.taste
    interests = taste.interests(taste.state(turn.user)) if taste and turn.user in taste else []
    names = [interest.name.replace(" · ", " ") for interest in interests if interest.weight > 0][:INTERESTS]
    if not names:
        return Reply(turn.say("me_nothing"), Act.ABOUT_ME, state=state)
    text = turn.say("me_taste", interests=join_words(names, turn.say("and")))
    return Reply(text, Act.ABOUT_ME, state=state)


def _saved(turn: Turn) -> Reply:
    """What the user has saved, the newest first."""
    taste, state = turn.parts.taste, replace(turn.state, question=None)
    positions = list[int]()
    if taste is not None and turn.user is not None and turn.user in taste:
        history, ids = taste.state(turn.user).history, turn.parts.catalogue.ids
        saved = history.where(history.actions == ACTIONS.index(Action.SAVE)).items[::-1].tolist()
        ignored = taste.overrides_of(turn.user).excluded_items
        positions = [item for item in dict.fromkeys(saved) if ids[item] not in ignored][:MAX_SAVED]
    if not positions:
        return Reply(turn.say("me_nothing_saved"), Act.ABOUT_ME, state=state, suggestions=_starts(turn))
    return _listed(turn, turn.say("me_saved"), positions, Act.ABOUT_ME)


def _listed(turn: Turn, first_line: str, positions: list[int], act: Act) -> Reply:
    """Items in lines after a sentence, on screen from now on."""
    items = named_items(turn, positions)
    lines = [
        f"{number}. {item.title}{f', {item.priced_with_sale}' if item.priced else ''}"
        for number, item in enumerate(items, 1)
    ]
    state = replace(turn.state, question=None, request=None)
    state = state.with_list([item.item_id for item in items], is_new_topic=True)
    text = "\n".join([first_line, *lines])
    return Reply(text, act, items, state=state, suggestions=(turn.say("suggest_similar"),))


def describe_range(turn: Turn) -> str:
    """The commonest kinds of the catalogue: "lamps, chairs, sofas, tables and more"."""
    vocabulary = turn.parts.vocabulary
    facet = next((facet for facet in ("genre", "type", "category") if facet in vocabulary.positions), None)
    if facet is None:
        return turn.say("items")
    counts = Counter({value: len(items) for value, items in vocabulary.positions[facet].items()})
    kinds = [
        turn.language.kind_for(value.lower(), is_plural=facet == "type")
        for value, _ in counts.most_common(RANGE)
    ]
    return join_words(kinds, turn.say("and"))


def _available(turn: Turn) -> BoolArray:
    available = turn.parts.catalogue.available.copy()
    for facet, values in turn.state.excluded.items():
        available &= ~turn.parts.vocabulary.mask(facet, values)
    return available


def _popular(turn: Turn) -> list[int]:
    recommender, taste = turn.parts.recommender, turn.parts.taste
    if recommender is None or taste is None:
        return []
    nobody = taste.state("")  # whoever likes nothing yet gets what is popular
    recommended = recommender.recommend(nobody, n=turn.n, eligible=_available(turn))
    return [recommendation.position for recommendation in recommended]


def _newest(turn: Turn) -> list[int]:
    newest = turn.parts.newest_first
    newest = newest[_available(turn)[newest]]
    positions: list[int] = newest[turn.parts.catalogue.articles.first_rows(newest)][: turn.n].tolist()
    return positions


def _on_sale(turn: Turn) -> list[int]:
    """The items on sale, one variant of each article, the largest reduction first."""
    catalogue = turn.parts.catalogue
    positions = np.flatnonzero(catalogue.on_sale & _available(turn))
    order = positions[
        np.argsort(catalogue.prices[positions] / catalogue.list_prices[positions], kind="stable")
    ]
    best: list[int] = order[catalogue.articles.first_rows(order)][: turn.n].tolist()
    return best


def _starts(turn: Turn) -> tuple[str, ...]:
    return turn.say("suggest_popular"), turn.say("suggest_range")
