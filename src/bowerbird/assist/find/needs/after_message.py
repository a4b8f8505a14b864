"""What is looked for after a message: the need before it, changed by what it says and points at."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import replace

from bowerbird.assist.facet_needs import name_values, with_values
from bowerbird.assist.find.needs.between import need_between
from bowerbird.assist.find.needs.reading import kinds_of, leave_out, read_need
from bowerbird.assist.find.needs.shown_values import (
    need_with_values,
    rejected_values,
    shared_values,
)
from bowerbird.assist.request import Request, Shown
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.mentions import mentions_of, with_plain_refusals
from bowerbird.assist.understand.prices import GAP
from bowerbird.assist.understand.references import COMPARES_PRICE
from bowerbird.data.files.images import small_copy
from bowerbird.text.audiences import AUDIENCE

_FRESH_KIND = re.compile(r"\b(?:different|another|other|new|more) (?:[a-z-]+ )?[a-z-]+\W*(?:please)?\W*$")
_OTHER_VERSION = re.compile(
    r"\b(?:have|get|got|want|come|comes|see|like|take) (?:it|this|that|them|these|those)(?: ones?)? in\b|"
    r"\b(?:does|do|is|are) (?:it|this|that|they|these|those)(?: ones?)? "
    r"(?:also |come |available |made ){1,2}in\b"
)
"""What is asked of the item that was spoken of last: "do you have it in blue?"."""


def need_after(turn: Turn) -> Request:
    """The need after a message."""
    act, previous = turn.recognised.act, turn.state.request
    between = need_between(turn)
    if between is not None:
        return between
    rejected = rejected_values(turn)
    if rejected:
        before = previous or Request()
        return replace(before, excluded=with_values(before.excluded, rejected), follow_up=True)
    shared = shared_values(turn)
    if shared:
        return need_with_values(turn, shared)
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
        return _changed(turn, turn.items_in_focus[0])
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


def _names_other_value(turn: Turn) -> bool:
    """Whether a message names a colour or the like that was not asked for before, but no kind."""
    mentioned = turn.wanted_values
    wanted = turn.state.request.facets if turn.state.request else {}
    return "type" not in mentioned and any(
        values != set(wanted.get(f, ())) for f, values in mentioned.items()
    )


def _names_other_kind(turn: Turn) -> bool:
    """Whether "more chairs" asks for another kind than the one looked for, or for one of several."""
    mentioned = turn.wanted_values
    wanted = turn.state.request.facets if turn.state.request else {}
    return "type" in mentioned and mentioned["type"] != set(wanted.get("type", ()))


def _shown_of_fresh_kind(turn: Turn) -> list[str]:
    """Ids of the items on screen of one of several kinds, for "another sofa"."""
    if not (turn.state.request and turn.state.request.kinds) or not _FRESH_KIND.search(turn.plain):
        return []
    mentioned = turn.wanted_values
    if set(mentioned) != {"type"}:
        return []
    return [item.item_id for item in turn.on_screen if not mentioned["type"].isdisjoint(kinds_of(turn, item))]


def _priced_against(turn: Turn, target: Shown) -> Request:
    """ "Cheaper than BB-000012": an item of the kind that is looked for, else of that item's kind."""
    kinds, previous = kinds_of(turn, target), turn.state.request
    is_same_kind = previous is not None and not previous.facets.get("type", frozenset()).isdisjoint(kinds)
    text = turn.reference.rest.replace(GAP.strip(), "it")
    request = read_need(turn, text, previous if is_same_kind else None, (target,))
    if "type" in request.facets or not kinds:
        return request
    return _of_kinds(replace(request, without=(target.item_id,), unknown_kind=""), kinds)


def wants_other_version(turn: Turn) -> bool:
    """Whether a message asks for the item spoken of in another colour or the like, and it has no variants:
    then others of its kind are looked for."""
    targets = turn.items_in_focus
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


def answers_question(turn: Turn) -> bool:
    """Whether "no" or "yes" answers the question that was asked last."""
    return turn.state.question is not None and turn.recognised.act in (Act.DENY, Act.AFFIRM)


def _related(turn: Turn, target: Shown, act: Act) -> Request:
    """Items like another one, or that complete it."""
    own = _of_target(turn, target, is_of_kind=act == Act.SIMILAR)
    own = replace(own, like=(target.item_id,) if act == Act.SIMILAR else (), words="")
    return own if turn.state.request is None else _for_the_same_recipient(own, turn.state.request)


def _for_the_same_recipient(own: Request, previous: Request) -> Request:
    """A request for whom the one before was, unless it says for whom it is."""
    if own.recipient or AUDIENCE in own.facets:
        return own
    request = replace(own, recipient=previous.recipient, is_gift=own.is_gift or previous.is_gift)
    if AUDIENCE not in previous.facets:
        return request
    wording = {AUDIENCE: previous.wording[AUDIENCE]} if AUDIENCE in previous.wording else {}
    return replace(
        request,
        facets={**own.facets, AUDIENCE: previous.facets[AUDIENCE]},
        wording={**own.wording, **wording},
    )


def _changed(turn: Turn, target: Shown) -> Request:
    """An item of a kind, like another but for what the message says: "the second one in oak"."""
    return replace(_of_target(turn, target, is_of_kind=True), like=(target.item_id,))


def _of_target(turn: Turn, target: Shown, *, is_of_kind: bool) -> Request:
    """What the rest of a message says of an item that it points at, the item itself left out."""
    own = read_need(turn, turn.reference.rest or "", None, (target,))
    own = replace(own, without=(target.item_id,), unknown_kind="")
    kinds = kinds_of(turn, target)
    if not kinds or not is_of_kind or "type" in own.facets:
        return own
    return _of_kinds(own, kinds)


def _of_kinds(request: Request, kinds: Sequence[str]) -> Request:
    """A request that names no kind, for items of some kinds."""
    wording = {"type": name_values(kinds), **request.wording}
    return replace(request, facets={**request.facets, "type": frozenset(kinds)}, wording=wording)
