"""Actions by words: save, hide, undo, and "stop showing me"; the first three are events in the log."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bowerbird.assist.answers.item_answers import missing
from bowerbird.assist.needs import join_words
from bowerbird.assist.reply import Reply
from bowerbird.assist.request import Request
from bowerbird.assist.state import MAX_ACTIONS, ItemAction
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.mentions import mentions_of
from bowerbird.data.events import Action, Event
from bowerbird.text.words import stem_phrase

_ACTIONS = {Act.SAVE: Action.SAVE, Act.HIDE: Action.HIDE}
SURFACE = "assistant"
_EVERYTHING = re.compile(r"\b(?:everything|all)\b")
_COUNTS = {"both": 2, "two": 2, "three": 3, "four": 4}
_SEVERAL = re.compile(rf"\b({'|'.join(_COUNTS)})\b")


def act_on_item(turn: Turn) -> Reply:
    """Save or hide the item that the message points at."""
    act = turn.recognised.act
    action = _ACTIONS[act]
    word = turn.say(f"action_{action.value}")
    if turn.pointed.missing:
        return missing(turn)
    targets = turn.pointed.items or (() if turn.focus is None else (turn.focus,))
    if not targets:
        return Reply(turn.say("action_which", action=word), Act.UNCLEAR, state=turn.state)
    if turn.user is None or turn.record is None:
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
        state = replace(state, on_screen=tuple(i for i in state.on_screen if i not in ids), focus=None)
    titles = join_words([target.title for target in targets], turn.say("and"))
    return Reply(turn.say("saved" if action == Action.SAVE else "hidden", title=titles), act, state=state)


def undo(turn: Turn) -> Reply:
    """Take back what the last message did, or the last few: it counts for nothing any more."""
    taste, state = turn.parts.taste, turn.state
    if not state.actions or turn.user is None or taste is None or turn.user not in taste:
        return Reply(turn.say("nothing_to_undo"), Act.UNDO, state=state)
    undone = _actions_to_undo(turn)
    sentences = []
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
    text = " ".join(sentences) or turn.say("nothing_to_undo")
    state = replace(state, actions=state.actions[: -len(undone)], question=None)
    return Reply(text, Act.UNDO, state=state)


def _actions_to_undo(turn: Turn) -> tuple[ItemAction, ...]:
    """The last action; of "undo the last two" as many as hold two items, of "undo everything" all."""
    actions = turn.state.actions
    if _EVERYTHING.search(turn.plain):
        return actions
    several = _SEVERAL.search(turn.plain)
    wanted = _COUNTS[several[1]] if several else 1
    for size in range(1, len(actions) + 1):
        if sum(len(action.item_ids) for action in actions[-size:]) >= wanted:
            return actions[-size:]
    return actions


def exclude(turn: Turn) -> tuple[Turn, str]:
    """Put an exclusion in force; gives the message after it, and what to say: nothing for unknown words."""
    mentioned = mentions_of(turn.recognised.topic, turn.parts.vocabulary, turn.parts.lexicon.items_by_stem)
    mentions = mentioned.facets or mentioned.excluded or mentioned.preferred
    values = {facet: frozenset(group) for facet, group in mentions.items()}
    if not values:
        return turn, ""
    excluded = dict(turn.state.excluded)
    for facet, group in values.items():
        excluded[facet] = excluded.get(facet, frozenset()) | group
    confirmation = turn.say(
        "excluded",
        values=join_words(_in_words(turn, values, mentioned.named), turn.say("and")),
    )
    return turn.with_state(excluded=excluded, question=None), confirmation


def _in_words(
    turn: Turn, values: Mapping[str, frozenset[str]], named: Mapping[str, Sequence[str]]
) -> list[str]:
    """Excluded values in the user's language, as they were called; kinds in the plural."""
    return [
        turn.language.kind_for(" ".join(stem_phrase(name)), is_plural=True)
        if facet == "type"
        else turn.language.word_for(name.lower())
        for facet, group in values.items()
        for name in named.get(facet) or sorted(group)
    ]


def _is_excluded(turn: Turn, item_id: str) -> bool:
    taste = turn.parts.taste
    return bool(taste and turn.user and item_id in taste.overrides_of(turn.user).excluded_items)


def _count_again(turn: Turn, item_id: str) -> None:
    """Let an item's events count again, where an undo had excluded them."""
    if turn.parts.taste and turn.user and _is_excluded(turn, item_id):
        turn.parts.taste.exclude_item(turn.user, item_id)


def remember_exclusions(turn: Turn, request: Request) -> Turn:
    """Hold what a message does not want for the whole conversation; what it asks for is excluded no more."""
    excluded = dict(turn.state.excluded)
    for facet, values in request.excluded.items():
        excluded[facet] = excluded.get(facet, frozenset()) | values
    for facet, values in request.facets.items():
        excluded[facet] = excluded.get(facet, frozenset()) - values
    return turn.with_state(excluded={facet: values for facet, values in excluded.items() if values})


def _event(user: str, item_id: str, action: Action) -> Event:
    return Event(user, item_id, action, datetime.now(UTC), surface=SURFACE)
