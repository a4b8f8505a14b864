"""What to say where a message asks for a kind of thing that the shop does not have."""

from __future__ import annotations

import re
from dataclasses import replace

from bowerbird.assist.answers import talk
from bowerbird.assist.languages import ENGLISH
from bowerbird.assist.languages.plurals import plural
from bowerbird.assist.needs import join_words
from bowerbird.assist.reply import Reply
from bowerbird.assist.request import Request
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.kinds.unknown_kinds import unknown_kinds, unlisted_kinds
from bowerbird.text.audiences import AUDIENCE, AUDIENCE_OF
from bowerbird.text.words import stem_phrase

_AUDIENCE = re.compile(rf"\b(?:{'|'.join(AUDIENCE_OF)})\b")
MAX_QUOTED = 2000  # characters of a message


def unknown_kind(turn: Turn, request: Request) -> Reply:
    """The shop has none of it; what it has instead."""
    parts = turn.parts
    kinds = unknown_kinds(request, parts.vocabulary, parts.lexicon.items_by_stem, parts.is_aside)
    words = join_words(
        [kind_in_words(turn, kind) for kind in kinds or (request.unknown_kind,)], turn.say("or")
    )
    text = turn.say("no_kind", kind=words, range=talk.describe_range(turn))
    state = replace(turn.state, request=None, question=None)
    suggestions = (turn.say("suggest_popular"), turn.say("suggest_range"))
    return Reply(text, Act.FIND, unmet=(request.unknown_kind,), state=state, suggestions=suggestions)


def kind_in_words(turn: Turn, kind: str) -> str:
    """A kind of thing in the plural; in another language as it was asked for."""
    is_english = turn.language.code == ENGLISH or not turn.language.has_file
    return plural(kind) if is_english else _as_asked(turn, kind)


def _as_asked(turn: Turn, kind: str) -> str:
    """A kind of thing in the words of the message; in the language's word where they can't be found."""
    message = turn.text[:MAX_QUOTED]
    phrases = (re.search(re.escape(form), message, re.IGNORECASE) for form in turn.language.forms_of(kind))
    phrase = next(filter(None, phrases), None)
    if phrase:
        return phrase.group()
    stems = set(stem_phrase(kind))
    words = re.findall(r"[^\W\d_][\w'’-]*", turn.text[:MAX_QUOTED])
    own = [
        word
        for word in words
        if stems & {*stem_phrase(word), *stem_phrase(turn.language.to_english(word.lower()))}
    ]
    return " ".join(own) or turn.language.kind_for(kind, is_plural=True)


def missing_kinds(turn: Turn, request: Request) -> str:
    """What to say of the kinds that a message asks for beside others, and the shop does not have."""
    if "type" not in request.facets or request.is_gift:
        return ""
    parts = turn.parts
    kinds = unlisted_kinds(turn.plain, parts.vocabulary, parts.lexicon.items_by_stem, parts.is_aside)
    words = join_words([kind_in_words(turn, kind) for kind in kinds], turn.say("or"))
    return turn.say("no_such_kinds", kind=words) if kinds else ""


def unknown_audience(turn: Turn) -> str:
    """What to say where a message names an audience ("men's", "for kids") that no listing names."""
    match = _AUDIENCE.search(turn.plain)
    audience = AUDIENCE_OF[match.group()] if match else ""
    if not audience or audience in turn.parts.vocabulary.positions.get(AUDIENCE, {}):
        return ""
    is_english = turn.language.code == ENGLISH
    phrase = f"for {audience}" if is_english else turn.say(f"audience_{audience}")
    return turn.say("no_audience", audience=phrase)
