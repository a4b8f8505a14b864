"""What is popular, new or on sale, of everything or of what a message names: "best sellers under 30"."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from bowerbird.assist.answers.item_lists import ListAnswer, say_list
from bowerbird.assist.answers.searches import search
from bowerbird.assist.answers.unknown_kinds import unknown_kind
from bowerbird.assist.find.finding import allowed_items
from bowerbird.assist.find.needs.reading import read_need
from bowerbird.assist.needs import describe_need, in_brackets
from bowerbird.assist.reply import Reply
from bowerbird.assist.request import Request
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.acts import Recognition
from bowerbird.data.arrays import BoolArray

_LISTS = ("popular", "new", "sale", "count")
_COUNT_WORDS = re.compile(
    r"\bhow many\b|\b(?:do|have|got|are|is)\b|\b(?:you|there|u|i|can|choose|choices|from|left|different|"
    r"of them|of those|of these|models|items|in stock)\b"
)
_TOPIC_WORDS = re.compile(
    r"\b(?:(?:what|which)(?:'s| is| are)?|(?:the|your|any|some|something|anything)(?= )|most|popular|"
    r"trending|hot|best[ -]?sell(?:ers?|ing)|top[ -]sell(?:ers?|ing)|favou?rites?|newest|latest|new|arrivals|"
    r"(?:on|in the|for|in) (?:sale|offer)|reduced|discounted|sales?|offers|deals|discounts?|"
    r"promotions?|reductions|right now|at the moment)\b"
)
"""Words that ask for such a list and say nothing of the items."""


def is_shop_list(recognised: Recognition) -> bool:
    """Whether a message asks for what is popular, new or on sale."""
    return recognised.act == Act.ABOUT_SHOP and recognised.topic in _LISTS


def list_of_shop(turn: Turn) -> Reply | ListAnswer:
    """The list that a message asks for; one variant of each article."""
    topic = turn.recognised.topic
    if topic == "count":
        return _count(turn)
    request = read_need(turn, _TOPIC_WORDS.sub(" ", turn.plain), None)
    if request.unknown_kind:
        return unknown_kind(turn, request)
    allowed = allowed_items(turn, request)
    positions = {"popular": _popular, "new": _newest, "sale": _on_sale}[topic](turn, allowed)
    need = in_brackets(describe_need(request, turn.language))
    if positions:
        key = f"shop_{topic}_of" if request.constrained else f"shop_{topic}"
        return say_list(turn, turn.say(key, need=need), positions, Act.ABOUT_SHOP, request)
    if request.constrained and topic != "sale":
        return search(replace(turn, recognised=Recognition(Act.FIND)))
    text = turn.say("shop_no_sale_of" if request.constrained else f"shop_no_{topic}", need=need)
    state = replace(turn.state, question=None)
    return Reply(text, Act.ABOUT_SHOP, state=state, suggestions=(turn.say("suggest_range"),))


def _count(turn: Turn) -> Reply:
    """How many items there are of what a message names, or else of what was looked for."""
    words = " ".join(_COUNT_WORDS.sub(" ", turn.plain).split()).strip(" ?!.,")
    request = read_need(turn, words, None) if words else turn.state.request or Request()
    if request.unknown_kind:
        return unknown_kind(turn, request)
    allowed = allowed_items(turn, replace(request, without=()))
    count = len(turn.parts.catalogue.articles.first_rows(np.flatnonzero(allowed)))
    need = describe_need(request, turn.language, count)
    text = turn.say("shop_count", count=count, need=need)
    return Reply(text, Act.ABOUT_SHOP, state=replace(turn.state, question=None))


def _popular(turn: Turn, allowed: BoolArray) -> list[int]:
    recommender, taste = turn.parts.recommender, turn.parts.taste
    if recommender is None or taste is None:
        return []
    nobody = taste.state("")  # whoever likes nothing yet gets what is popular
    recommended = recommender.recommend(nobody, n=turn.n, eligible=allowed)
    return [recommendation.position for recommendation in recommended]


def _newest(turn: Turn, allowed: BoolArray) -> list[int]:
    newest = turn.parts.newest_first
    newest = newest[allowed[newest]]
    positions: list[int] = newest[turn.parts.catalogue.articles.first_rows(newest)][: turn.n].tolist()
    return positions


def _on_sale(turn: Turn, allowed: BoolArray) -> list[int]:
    """The items on sale, one variant of each article, the largest reduction first."""
    catalogue = turn.parts.catalogue
    positions = np.flatnonzero(catalogue.on_sale & allowed)
    order = positions[
        np.argsort(catalogue.prices[positions] / catalogue.list_prices[positions], kind="stable")
    ]
    best: list[int] = order[catalogue.articles.first_rows(order)][: turn.n].tolist()
    return best
