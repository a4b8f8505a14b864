"""Values of what is shown that a message wants as well, or rejects: "in the same colour", "another brand"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bowerbird.assist.find.needs.reading import read_need
from bowerbird.assist.request import Request
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.followups import FACET_WORDS

_ITS_VALUE = re.compile(
    r"\b(?:this|that|the same|its|their) "
    r"(?P<facet>brand|maker|colou?r|material|fabric|style|pattern|designer)\b|"
    r"\b(?:more|anything|something|everything|what)(?: else)?(?: do you have)? (?:by|from) them\b"
)
"""What is to be as it is of the item spoken of last: "more from this brand", "anything else by them?"."""
_NOT_ITS_VALUE = re.compile(
    r"(?:\b(?:don'?t|do not|didn'?t) (?:really |quite )?(?:like|want|love|fancy) (?:the|that|this|its|their)|"
    r"\b(?:hate|dislike) (?:the|that|this|its|their)|\bnot (?:that|this|in that|in this)|"
    r"\b(?:another|(?:an?|some|any)? ?(?:different|other))) "
    r"(?P<facet>brand|maker|colou?r|material|fabric|style|pattern|designer)s?\W*(?:please)?\W*$"
)
"""What is to be another than that of what is shown."""
_WANTS_ITEMS = re.compile(r"\b(?:anything|something|everything|more|others|what else)\b")
_OF_KIND = re.compile(r"^(?:and |but |now |also )*(?:in|of|made of|from)\b|\bones?\b")
"""Of the kind that is looked for: "in the same colour"."""


def shared_values(turn: Turn) -> dict[str, frozenset[str]]:
    """Values by facet that an answer is to share with the item spoken of last."""
    values = dict[str, frozenset[str]]()
    for match in _ITS_VALUE.finditer(turn.plain):
        facet = FACET_WORDS.get(match["facet"], match["facet"]) or "brand"
        targets = turn.items_in_focus if match["facet"] or turn.focus is None else (turn.focus,)
        if len(targets) == 1:
            position = turn.parts.catalogue.position[targets[0].item_id]
            values[facet] = frozenset(turn.parts.vocabulary.values_of(position, facet))
    return {facet: group for facet, group in values.items() if group}


def wants_items_that_share(turn: Turn) -> bool:
    """Whether a message asks for items, not for a fact: "anything from the same brand as the first one?"."""
    return _WANTS_ITEMS.search(turn.plain) is not None and bool(shared_values(turn))


def is_as_nothing_shown(turn: Turn) -> bool:
    """Whether a message wants what an item has, and no item was spoken of: "anything by the same brand?"."""
    return not turn.items_at_hand and _ITS_VALUE.search(turn.plain) is not None


def need_with_values(turn: Turn, values: Mapping[str, frozenset[str]]) -> Request:
    """What a message asks for, with values of the item spoken of last."""
    request = read_need(turn, _ITS_VALUE.sub(" ", turn.plain), None)
    previous = turn.state.request
    kinds = previous.facets.get("type") if previous and _OF_KIND.search(turn.plain) else None
    if previous and kinds and "type" not in request.facets:
        facets = {**request.facets, "type": kinds}
        words = {"type": previous.wording["type"]} if "type" in previous.wording else {}
        request = replace(request, facets=facets, wording={**request.wording, **words})
    wording = {facet: " or ".join(sorted(group)) for facet, group in values.items()}
    wording = {facet: words if facet == "brand" else words.lower() for facet, words in wording.items()}
    return replace(
        request,
        facets={**request.facets, **values},
        wording={**request.wording, **wording},
        without=tuple(item.item_id for item in turn.on_screen),
        like=(),
        unknown_kind="",
    )


def rejected_values(turn: Turn) -> dict[str, frozenset[str]]:
    """Values by facet that "I don't like the brand", "another colour" reject: of the item spoken of, else of
    all on screen."""
    match = _NOT_ITS_VALUE.search(turn.plain)
    if match is None or turn.recognised.act not in (Act.FIND, Act.MORE, Act.EXCLUDE):
        return {}
    facet = FACET_WORDS.get(match["facet"], match["facet"])
    values = {
        value
        for item in turn.items_at_hand
        for value in turn.parts.vocabulary.values_of(turn.parts.catalogue.position[item.item_id], facet)
    }
    wanted = turn.state.request.facets.get(facet, frozenset()) if turn.state.request else frozenset()
    values -= wanted if wanted <= values else set()
    return {facet: frozenset(values)} if values else {}
