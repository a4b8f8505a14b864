"""What is looked for after a message: the need before it, changed by what it says and points at."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bowerbird.assist.facet_needs import name_values, with_values
from bowerbird.assist.request import MAX_ITEMS, Request, Shown
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.followups import FACET_WORDS
from bowerbird.assist.understand.mentions import mentions_of, with_plain_refusals
from bowerbird.assist.understand.prices import GAP
from bowerbird.assist.understand.readable import is_gibberish
from bowerbird.assist.understand.references import COMPARES_ALONE, COMPARES_PRICE
from bowerbird.assist.understand.understanding import understand
from bowerbird.data.files.images import small_copy

_IS_DESCRIPTION = re.compile(
    r"\b(?:something|anything|things?|stuff|ones?|idea|ideas)\b|\b[a-z]{3,}(?:y|ful|ous|ish|able|ible|ic|"
    r"ive|less|ing|ed)\b"
)
"""Words that describe, though no item's text uses them: search by meaning may know them."""

_GREETS = re.compile(r"^(?:hi+|hello|hey+|good (?:morning|afternoon|evening|day))\b")
_QUERIES = re.compile(
    r"\b(?:need|want|look|looking|search|searching|find|show|give|recommend|suggest|something|anything|buy|"
    r"gifts?|would like|i'd like|have you|do you|can you|could you|help)\b|\?"
)
_FRESH_KIND = re.compile(r"\b(?:different|another|other|new|more) (?:[a-z-]+ )?[a-z-]+\W*(?:please)?\W*$")
_ITS_VALUE = re.compile(
    r"\b(?:this|that|the same|its|their) "
    r"(?P<facet>brand|maker|colou?r|material|fabric|style|pattern|designer)\b"
)
"""What is to be as it is of the item spoken of last: "more from this brand"."""
_NOT_ITS_VALUE = re.compile(
    r"(?:\b(?:don'?t|do not|didn'?t) (?:really |quite )?(?:like|want|love|fancy) (?:the|that|this|its|their)|"
    r"\b(?:hate|dislike) (?:the|that|this|its|their)|\bnot (?:that|this|in that|in this)|"
    r"\b(?:another|(?:an?|some|any)? ?(?:different|other))) "
    r"(?P<facet>brand|maker|colou?r|material|fabric|style|pattern|designer)s?\W*(?:please)?\W*$"
)
"""What is to be another than that of what is shown."""
_OF_KIND = re.compile(r"^(?:and |but |now |also )*(?:in|of|made of|from)\b|\bones?\b")
"""Of the kind that is looked for: "in the same colour"."""
_OTHER_VERSION = re.compile(
    r"\b(?:have|get|got|want|come|comes|see|like|take) (?:it|this|that|them|these|those)(?: ones?)? in\b|"
    r"\b(?:does|do|is|are) (?:it|this|that|they|these|those)(?: ones?)? "
    r"(?:also |come |available |made ){1,2}in\b"
)
"""What is asked of the item that was spoken of last: "do you have it in blue?"."""


def need_after(turn: Turn) -> Request:
    """The need after a message."""
    act, previous = turn.recognised.act, turn.state.request
    rejected = _values_of_shown_rejected(turn)
    if rejected:
        before = previous or Request()
        return replace(before, excluded=with_values(before.excluded, rejected), follow_up=True)
    shared = _shared_values(turn)
    if shared:
        return _with_values(turn, shared)
    if act == Act.MORE and _names_other_value(turn):  # "what else do you have in red?"
        return leave_out(read_need(turn, turn.reference.rest or turn.plain, previous), turn.state.offered)
    if (act == Act.MORE and not _names_other_kind(turn)) or answers_question(turn):
        return replace(leave_out(previous or Request(), turn.state.offered), follow_up=True)
    fresh = _shown_of_fresh_kind(turn)
    if previous is not None and fresh:
        return replace(leave_out(previous, fresh), follow_up=True)
    if turn.recognised.topic == "ideas":
        before = replace(previous, follow_up=True) if previous and previous.constrained else Request()
        return leave_out(before, turn.state.offered)
    if previous is not None and act == Act.FIND and not turn.text.strip():
        return replace(previous, follow_up=True)  # no words: a client has edited the need
    targets = turn.items_at_hand
    if act in (Act.SIMILAR, Act.COMPLETE) and targets:
        return _related(turn, targets[0], act)
    # "Cheaper than the first", "skip the beige ones": the items are no models of what is wanted.
    is_model = not COMPARES_PRICE.search(turn.plain) and with_plain_refusals(turn.plain) == turn.plain
    if turn.reference.is_explicit and turn.reference.items and act == Act.FIND and is_model:
        return _changed(turn, turn.reference.items[0])
    is_about_list = wants_others_in(turn)
    if not is_about_list and wants_other_version(turn):
        return _changed(turn, _spoken_of(turn)[0])
    if turn.reference.is_explicit and turn.reference.items and COMPARES_PRICE.search(turn.plain):
        request = _priced_against(turn, turn.reference.items[0])
    else:
        text = _OTHER_VERSION.sub(" in", turn.plain) if is_about_list else turn.plain
        request = read_need(turn, text, previous)
    picture = previous.picture if previous and request.follow_up else ""
    if turn.image:
        picture = base64.b64encode(small_copy(turn.image)).decode()
    request = replace(request, like=(*request.like, *turn.items), picture=picture)
    return leave_out(request, turn.items)


def _shared_values(turn: Turn) -> dict[str, frozenset[str]]:
    """Values by facet that an answer is to share with the item spoken of last."""
    targets = _spoken_of(turn)
    if len(targets) != 1:
        return {}
    position, values = turn.parts.catalogue.position[targets[0].item_id], dict[str, frozenset[str]]()
    for match in _ITS_VALUE.finditer(turn.plain):
        facet = FACET_WORDS.get(match["facet"], match["facet"])
        values[facet] = frozenset(turn.parts.vocabulary.values_of(position, facet))
    return {facet: group for facet, group in values.items() if group}


def _with_values(turn: Turn, values: Mapping[str, frozenset[str]]) -> Request:
    """What a message asks for, with values of the item spoken of last."""
    request = read_need(turn, _ITS_VALUE.sub(" ", turn.plain), None)
    previous = turn.state.request
    if previous and "type" not in request.facets and _OF_KIND.search(turn.plain):
        of_kind = {facet: previous.facets[facet] for facet in ("type",) if facet in previous.facets}
        words = {facet: previous.wording[facet] for facet in of_kind if facet in previous.wording}
        request = replace(request, facets={**request.facets, **of_kind}, wording={**request.wording, **words})
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


def _values_of_shown_rejected(turn: Turn) -> dict[str, frozenset[str]]:
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


def names_kind(turn: Turn) -> bool:
    """Whether a message names a kind of item that the catalogue has."""
    words = turn.parts.lexicon.items_by_stem
    return "type" in mentions_of(turn.plain, turn.parts.vocabulary, words).facets


def _names_other_value(turn: Turn) -> bool:
    """Whether a message names a colour or the like that was not asked for before, but no kind."""
    mentioned = mentions_of(turn.plain, turn.parts.vocabulary, turn.parts.lexicon.items_by_stem).facets
    wanted = turn.state.request.facets if turn.state.request else {}
    return "type" not in mentioned and any(
        values != set(wanted.get(f, ())) for f, values in mentioned.items()
    )


def _names_other_kind(turn: Turn) -> bool:
    """Whether "more chairs" asks for another kind than the one looked for, or for one of several."""
    mentioned = mentions_of(turn.plain, turn.parts.vocabulary, turn.parts.lexicon.items_by_stem).facets
    wanted = turn.state.request.facets if turn.state.request else {}
    return "type" in mentioned and mentioned["type"] != set(wanted.get("type", ()))


def _shown_of_fresh_kind(turn: Turn) -> list[str]:
    """Ids of the items on screen of one of several kinds, for "another sofa"."""
    if not (turn.state.request and turn.state.request.kinds) or not _FRESH_KIND.search(turn.plain):
        return []
    mentioned = mentions_of(turn.plain, turn.parts.vocabulary, turn.parts.lexicon.items_by_stem).facets
    if set(mentioned) != {"type"}:
        return []
    return [
        item.item_id for item in turn.on_screen if not mentioned["type"].isdisjoint(_kinds_of(turn, item))
    ]


def _priced_against(turn: Turn, target: Shown) -> Request:
    """ "Cheaper than BB-000012": an item of the kind that is looked for, else of that item's kind."""
    kinds, previous = _kinds_of(turn, target), turn.state.request
    is_same_kind = previous is not None and not previous.facets.get("type", frozenset()).isdisjoint(kinds)
    text = turn.reference.rest.replace(GAP.strip(), "it")
    request = read_need(turn, text, previous if is_same_kind else None, (target,))
    if "type" in request.facets or not kinds:
        return request
    return _of_kinds(replace(request, without=(target.item_id,), unknown_kind=""), kinds)


def wants_other_version(turn: Turn) -> bool:
    """Whether a message asks for the item spoken of in another colour or the like, and it has no variants:
    then others of its kind are looked for."""
    targets = _spoken_of(turn)
    if not targets or not _OTHER_VERSION.search(turn.plain):
        return False
    vocabulary, catalogue = turn.parts.vocabulary, turn.parts.catalogue
    position = catalogue.position[targets[0].item_id]
    wanted = mentions_of(turn.plain, vocabulary, {}).facets
    is_other = any(values.isdisjoint(vocabulary.values_of(position, f)) for f, values in wanted.items())
    return is_other and len(catalogue.articles.variants_of(position)) < 2


def wants_others_in(turn: Turn) -> bool:
    """Whether "do you have it in red?" is about a list, no item of which was spoken of."""
    is_about_list = bool(turn.on_screen) and not turn.focus and not turn.reference.is_explicit
    return is_about_list and _OTHER_VERSION.search(turn.plain) is not None


def _spoken_of(turn: Turn) -> tuple[Shown, ...]:
    return turn.reference.items or ((turn.focus,) if turn.focus else ())


def answers_question(turn: Turn) -> bool:
    """Whether "no" or "yes" answers the question that was asked last."""
    return turn.state.question is not None and turn.recognised.act in (Act.DENY, Act.AFFIRM)


def _related(turn: Turn, target: Shown, act: Act) -> Request:
    """Items like another one, or that complete it."""
    own = _of_target(turn, target, is_of_kind=act == Act.SIMILAR)
    return replace(own, like=(target.item_id,) if act == Act.SIMILAR else (), words="")


def _changed(turn: Turn, target: Shown) -> Request:
    """An item of a kind, like another but for what the message says: "the second one in oak"."""
    return replace(_of_target(turn, target, is_of_kind=True), like=(target.item_id,))


def _of_target(turn: Turn, target: Shown, *, is_of_kind: bool) -> Request:
    """What the rest of a message says of an item that it points at, the item itself left out."""
    own = read_need(turn, turn.reference.rest or "", None, (target,))
    own = replace(own, without=(target.item_id,), unknown_kind="")
    kinds = _kinds_of(turn, target)
    if not kinds or not is_of_kind or "type" in own.facets:
        return own
    return _of_kinds(own, kinds)


def _of_kinds(request: Request, kinds: Sequence[str]) -> Request:
    """A request that names no kind, for items of some kinds."""
    wording = {"type": name_values(kinds), **request.wording}
    return replace(request, facets={**request.facets, "type": frozenset(kinds)}, wording=wording)


def read_need(turn: Turn, text: str, previous: Request | None, compared: Sequence[Shown] = ()) -> Request:
    """A text as a request; `compared` are what "cheaper" is measured by, else the items on screen."""
    if not any(letter.isalnum() for letter in text):
        return Request()
    shown = tuple(compared) or turn.on_screen
    if turn.state.is_near_miss and not compared:  # their prices set no bound
        shown = tuple(replace(item, price=None) for item in shown)
    words = turn.parts.lexicon.items_by_stem
    if COMPARES_ALONE.search(text) and not COMPARES_PRICE.search(text):
        shown = _priced_by_kind(turn, text, shown)
    return understand(text, turn.parts.vocabulary, previous, shown, words, turn.parts.is_aside)


def _priced_by_kind(turn: Turn, text: str, shown: tuple[Shown, ...]) -> tuple[Shown, ...]:
    """The items shown with the prices that "cheaper" is measured by: of rugs and chairs, for "cheaper rugs"
    those of the rugs."""
    words = turn.parts.lexicon.items_by_stem
    kinds = mentions_of(text, turn.parts.vocabulary, words).facets.get("type", set())
    is_of_kind = [not kinds.isdisjoint(_kinds_of(turn, item)) for item in shown]
    if not any(is_of_kind):
        return shown
    pairs = zip(shown, is_of_kind, strict=True)
    return tuple(item if counts else replace(item, price=None) for item, counts in pairs)


def _kinds_of(turn: Turn, item: Shown) -> list[str]:
    return turn.parts.vocabulary.values_of(turn.parts.catalogue.position[item.item_id], "type")


def says_nothing(turn: Turn, request: Request) -> bool:
    """Whether a message holds no word that the shop or the language knows."""
    if is_gibberish(request.words):
        return not (request.constrained or turn.image)
    if turn.image or request.constrained or request.preferred or request.like or request.is_gift:
        return False
    words = turn.parts.lexicon.content_stems(request.words)
    is_known = any(word in turn.parts.lexicon.items_by_stem for word in words)
    return not is_known and not _IS_DESCRIPTION.search(request.words)


def greets_only(turn: Turn, request: Request) -> bool:
    """Whether a message greets, and tells something without asking for anything: "hi, I've just moved"."""
    is_need = request.constrained or request.preferred or request.like or request.is_gift or turn.image
    is_greeting = _GREETS.search(turn.plain) is not None and not _QUERIES.search(turn.plain)
    return is_greeting and not is_need and turn.recognised.act == Act.FIND


def leave_out(request: Request, item_ids: Sequence[str]) -> Request:
    """The request without these items either, each named once."""
    without = tuple(dict.fromkeys((*request.without, *item_ids)))
    return replace(request, without=without[-MAX_ITEMS:])
