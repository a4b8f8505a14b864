"""Actions by words: save, hide, undo, and "stop showing me"; the first three are events in the log."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bowerbird.assist.answers.item_answers import missing
from bowerbird.assist.answers.price_answers import price_of_quantity
from bowerbird.assist.facet_needs import with_values, without_values
from bowerbird.assist.find.needs.reading import leave_out
from bowerbird.assist.needs import join_words
from bowerbird.assist.reply import Reply
from bowerbird.assist.request import Request, Shown, asked_for_again
from bowerbird.assist.state import MAX_ACTIONS, DialogueState, ItemAction
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.acts import Recognition
from bowerbird.assist.understand.kinds.changed_kinds import change_kinds
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.assist.understand.patterns.item_actions import CART_TOPIC
from bowerbird.assist.understand.patterns.quantities import read_quantity
from bowerbird.assist.understand.withdrawals import take_withdrawal, withdraw
from bowerbird.data.events import Action, Event
from bowerbird.text.words import stem_phrase

_ACTIONS = {Act.SAVE: Action.SAVE, Act.HIDE: Action.HIDE}
SURFACE = "assistant"
EXCLUDE = "exclude"
_EVERYTHING = re.compile(r"\b(?:everything|all)\b")
_COUNTS = {"both": 2, "two": 2, "three": 3, "four": 4}
_SEVERAL = re.compile(rf"\b({'|'.join(_COUNTS)})\b")


def act_on_item(turn: Turn) -> Reply:
    """Save or hide the item that the message points at."""
    act = turn.recognised.act
    action = _ACTIONS[act]
    word = turn.say(f"action_{action.value}")
    if turn.reference.missing:
        return missing(turn)
    targets = turn.items_in_focus
    if not targets:
        return Reply(turn.say("action_which", action=word), Act.UNCLEAR, state=turn.state)
    if turn.user is None or turn.record is None:
        if action == Action.HIDE:
            return _left_out(turn, targets)
        if turn.recognised.topic == CART_TOPIC:
            state = replace(turn.state, focus=targets[-1].item_id, question=None)
            return Reply(_how_to_buy(turn, targets), act, state=state)
        return Reply(turn.say("action_needs_user", action=word), act, state=turn.state)
    for target in targets:
        _count_again(turn, target.item_id)
        turn.record(_event(turn.user, target.item_id, action))
    if turn.parts.taste:
        turn.parts.taste.refresh()
    ids = tuple(target.item_id for target in targets)
    actions = (*turn.state.actions, ItemAction(action.value, ids))[-MAX_ACTIONS:]
    state = replace(turn.state, focus=ids[-1], actions=actions, question=None)
    if action == Action.HIDE:
        state = _off_screen(state, ids)
    titles = join_words([target.title for target in targets], turn.say("and"))
    text = turn.say("saved" if action == Action.SAVE else "hidden", title=titles)
    if turn.recognised.topic == CART_TOPIC:
        text = f"{text} {_how_to_buy(turn, targets)}"
    return Reply(text, act, state=state)


def _how_to_buy(turn: Turn, targets: Sequence[Shown]) -> str:
    """Where items can be bought: on their own pages."""
    items = [turn.parts.catalogue.item(turn.parts.catalogue.position[target.item_id]) for target in targets]
    pages = [turn.say("field_link", title=item.title, value=item.link) for item in items if item.link]
    quantity = read_quantity(turn.plain)
    prices = [price_of_quantity(turn, items[0], quantity.units)] if quantity and len(items) == 1 else []
    return " ".join([*prices, turn.say("no_cart"), *pages])


def _left_out(turn: Turn, targets: Sequence[Shown]) -> Reply:
    """Leave items out of a conversation with somebody unknown: nothing is logged."""
    ids = [target.item_id for target in targets]
    request = leave_out(replace(turn.state.request or Request(), follow_up=True), ids)
    state = replace(_off_screen(turn.state, ids), request=request, question=None)
    text = turn.say("left_out", title=join_words([target.title for target in targets], turn.say("and")))
    return Reply(text, Act.HIDE, state=state, suggestions=(turn.say("suggest_more"),))


def _off_screen(state: DialogueState, ids: Sequence[str]) -> DialogueState:
    """The state after items left the list on screen: "it" means none of them."""
    on_screen = tuple(item_id for item_id in state.on_screen if item_id not in ids)
    return replace(state, on_screen=on_screen, focus=None)


def undo(turn: Turn) -> Reply:
    """Take back what the last message did, or the last few: it counts for nothing any more.

    "Remove the second one from my list" takes back that item, whenever it was saved.
    """
    if turn.recognised.topic == "saved" and turn.reference.missing:
        return missing(turn)
    undone = _actions_to_undo(turn)
    sentences = _undo_events(turn, undone)
    turn, lifted = _lift_exclusions(turn, undone)
    text = " ".join([*sentences, *lifted]) or turn.say("nothing_to_undo")
    actions = tuple(action for action in turn.state.actions if action not in undone)
    return Reply(text, Act.UNDO, state=replace(turn.state, actions=actions, question=None))


def _undo_events(turn: Turn, undone: Sequence[ItemAction]) -> list[str]:
    """Let what was saved or hidden count for nothing; gives what to say of it."""
    taste, sentences = turn.parts.taste, list[str]()
    if turn.user is None or taste is None or turn.user not in taste:
        return sentences
    for name in dict.fromkeys(action.action for action in undone):
        ids = dict.fromkeys(i for action in undone if action.action == name for i in action.item_ids)
        items = [item for item in map(turn.parts.shown, ids) if item is not None]
        for item in items:
            if not _is_excluded(turn, item.item_id):
                taste.exclude_item(turn.user, item.item_id)
        if items and name in set(Action):
            key = f"undone_{name}" if len(items) == 1 else f"undone_{name}_several"
            titles = join_words([item.title for item in items], turn.say("and"))
            sentences.append(turn.say(key, title=titles))
    return sentences


def _lift_exclusions(turn: Turn, undone: Sequence[ItemAction]) -> tuple[Turn, list[str]]:
    """Let what was excluded be shown again; gives the message after it, and what to say."""
    sentences, excluded, request = list[str](), dict(turn.state.excluded), turn.state.request
    for action in undone:
        if not action.excluded:
            continue
        excluded = without_values(excluded, action.excluded)
        if request is not None:
            request = replace(request, excluded=without_values(request.excluded, action.excluded))
        names = join_words(_in_words(turn, action.excluded, {}), turn.say("and"))
        sentences.append(turn.say("undone_exclude", values=names))
    return turn.with_state(excluded=excluded, request=request), sentences


def _actions_to_undo(turn: Turn) -> tuple[ItemAction, ...]:
    """What the message points at among what was saved; else the last action.

    Of "undo the last two" as many as hold two items, of "undo everything" all.
    """
    actions = turn.state.actions
    targets = turn.items_in_focus
    if turn.recognised.topic == "saved" and targets:
        return (ItemAction(Action.SAVE.value, tuple(target.item_id for target in targets)),)
    if _EVERYTHING.search(turn.plain):
        return actions
    several = _SEVERAL.search(turn.plain)
    wanted = _COUNTS[several[1]] if several else 1
    for size in range(1, len(actions) + 1):
        if sum(max(1, len(action.item_ids)) for action in actions[-size:]) >= wanted:
            return actions[-size:]
    return actions


def exclude(turn: Turn) -> tuple[Turn, str]:
    """Put an exclusion in force; gives the message after it, and what to say: nothing for unknown words."""
    mentioned = mentions_of(turn.recognised.topic, turn.parts.vocabulary, turn.parts.lexicon.items_by_stem)
    mentions = mentioned.facets or mentioned.excluded or mentioned.preferred
    values = {facet: frozenset(group) for facet, group in mentions.items()}
    if not values:
        return turn, ""
    excluded = with_values(turn.state.excluded, values)
    confirmation = turn.say(
        "excluded",
        values=join_words(_in_words(turn, values, mentioned.wording), turn.say("and")),
    )
    return _with_excluded(turn, excluded, question=None), confirmation


def _in_words(
    turn: Turn, values: Mapping[str, frozenset[str]], names_by_facet: Mapping[str, Sequence[str]]
) -> list[str]:
    """Excluded values in the user's language, as they were called; kinds in the plural."""
    return [
        turn.language.kind_for(" ".join(stem_phrase(name)), is_plural=True)
        if facet == "type"
        else turn.language.word_for(name.lower())
        for facet, group in values.items()
        for name in names_by_facet.get(facet) or sorted(group)
    ]


def _is_excluded(turn: Turn, item_id: str) -> bool:
    taste = turn.parts.taste
    return bool(taste and turn.user and item_id in taste.overrides_of(turn.user).excluded_items)


def _count_again(turn: Turn, item_id: str) -> None:
    """Let an item's events count again, where an undo had excluded them."""
    if turn.parts.taste and turn.user and _is_excluded(turn, item_id):
        turn.parts.taste.exclude_item(turn.user, item_id)


def take_back(turn: Turn) -> Turn | None:
    """The message after it took back earlier wishes or refusals; None where it takes nothing back."""
    request = turn.state.request or Request()
    changed = change_kinds(turn.plain, turn.parts.vocabulary, request, turn.parts.lexicon.items_by_stem)
    if changed is not None:
        return replace(turn.with_state(request=changed), text="", recognised=Recognition(Act.FIND))
    rejected = with_values(turn.state.excluded, request.excluded)
    words = turn.parts.lexicon.items_by_stem
    withdrawn, rest = take_withdrawal(turn.plain, turn.parts.vocabulary, request.facets, rejected, words)
    if rest == turn.plain:
        return None
    excluded = without_values(turn.state.excluded, withdrawn)
    turn = turn.with_state(request=turn.state.request and withdraw(request, withdrawn), excluded=excluded)
    is_all = not turn.parts.lexicon.content_stems(rest)
    return replace(turn, plain=rest, text="" if is_all else turn.text, recognised=Recognition(Act.FIND))


def remember_exclusions(turn: Turn, request: Request) -> Turn:
    """Hold what a message does not want for the whole conversation; what it asks for is excluded no more."""
    excluded = with_values(turn.state.excluded, request.excluded)
    for facet in request.facets:
        excluded[facet] = excluded.get(facet, frozenset()) - asked_for_again(request, facet, excluded)
    return _with_excluded(turn, {facet: values for facet, values in excluded.items() if values})


def _with_excluded(turn: Turn, excluded: Mapping[str, frozenset[str]], **changes: object) -> Turn:
    """The message after a change of the exclusions; what is new among them can be undone."""
    added = without_values(excluded, turn.state.excluded)
    actions = turn.state.actions
    if added:
        actions = (*actions, ItemAction(EXCLUDE, excluded=added))[-MAX_ACTIONS:]
    return turn.with_state(excluded=excluded, actions=actions, **changes)


def _event(user: str, item_id: str, action: Action) -> Event:
    return Event(user, item_id, action, datetime.now(UTC), surface=SURFACE)
