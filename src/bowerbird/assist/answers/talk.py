"""Answers about the shop, the user's taste and the assistant, and small talk."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from bowerbird.assist.answers.item_lists import in_total, kinds_in_words, say_list
from bowerbird.assist.answers.listing_fields import answer_field, states
from bowerbird.assist.find.finding import allowed_items
from bowerbird.assist.languages import ENGLISH
from bowerbird.assist.needs import as_addressed, describe_need, describe_price, join_words
from bowerbird.assist.reply import Reply
from bowerbird.assist.request import Request
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.followups import FACET_WORDS
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.data.arrays import BoolArray
from bowerbird.data.events import ACTIONS, Action
from bowerbird.data.items import Item

RANGE = 5
"""Kinds that are named when somebody asks what there is."""
FACET_VALUES = 8
MAX_SAVED = 6
MAX_VALUES = 4
"""Values of one facet that are named one by one."""
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
    """What is sold; or a policy, quoted from the shop's own pages."""
    topic, state = turn.recognised.topic, replace(turn.state, question=None)
    if topic == "range":
        text = turn.say("shop_range", range=describe_range(turn))
        return Reply(text, Act.ABOUT_SHOP, state=state, suggestions=_starts(turn))
    if topic == "facet":
        return _facet_values(turn)
    if (item := _item_meant(turn)) and states(item, topic) and (text := answer_field(turn, item)):
        return Reply(text, Act.ITEM_QUESTION, state=replace(state, focus=item.item_id))
    passage = turn.parts.policies.find(topic, turn.plain)
    if passage is None and topic in ("orders", "contact"):
        return Reply(turn.say(f"no_{topic}"), Act.ABOUT_SHOP, state=state)
    if passage is None:
        return Reply(turn.say("policy_unknown", topic=topic), Act.ABOUT_SHOP, state=state)
    return Reply(
        turn.say("policy_quote", topic=passage.page, sentence=passage.text), Act.ABOUT_SHOP, state=state
    )


def _item_meant(turn: Turn) -> Item | None:
    """The item that a question about delivery or returns is about; None where it is about the shop."""
    targets = turn.items_in_focus
    if len(targets) != 1:
        return None
    catalogue = turn.parts.catalogue
    return catalogue.item(catalogue.position[targets[0].item_id])


def _facet_values(turn: Turn) -> Reply:
    """Which colours, materials, brands there are of what is looked for."""
    match = re.search(r"\b(?:what|which) (\w+?)s?\b", turn.plain)
    facet = FACET_WORDS.get(match[1], match[1]) if match else ""
    vocabulary, request = turn.parts.vocabulary, turn.state.request
    mask = allowed_items(turn, Request())
    of_need = mask.copy()
    own_types = mentions_of(turn.plain, vocabulary, {}).facets.get("type")
    facets = {"type": own_types} if own_types else request.facets if request else {}
    for name, values in facets.items():
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
    if turn.recognised.topic == "request":
        return Reply(_need_so_far(turn), Act.ABOUT_ME, state=state)
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


def _need_so_far(turn: Turn) -> str:
    """What the user has asked for on this topic: kinds, values, price, recipient."""
    request, language = turn.state.request, turn.language
    if request is None or not (request.constrained or request.recipient):
        return turn.say("me_no_request")
    if request.kinds:
        return turn.say("me_request", need=f"{kinds_in_words(turn, request.kinds)}{in_total(turn, request)}")
    if language.code == ENGLISH:
        return turn.say("me_request", need=describe_need(request, language))
    words = [
        language.kind_for(value.lower(), is_plural=True)
        if facet == "type"
        else language.value_for(facet, value)
        for facet, values in request.facets.items()
        for value in _few_values(request, facet, values)
    ]
    if request.price.bounded:
        words.append(describe_price(request.price, language))
    if request.recipient:
        words.append(turn.say("for_recipient", recipient=as_addressed(request.recipient)))
    return turn.say("me_request", need=", ".join(words))


def _few_values(request: Request, facet: str, values: frozenset[str]) -> list[str]:
    """Values one by one; of many what they were called, "lighter"."""
    words = request.wording.get(facet, "")
    return [words] if len(values) > MAX_VALUES and words else sorted(values)


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
    return say_list(turn, turn.say("me_saved"), positions, Act.ABOUT_ME, Request())


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


def _starts(turn: Turn) -> tuple[str, ...]:
    return turn.say("suggest_popular"), turn.say("suggest_range")
