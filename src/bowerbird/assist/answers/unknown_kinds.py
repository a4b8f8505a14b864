"""What to say where a message asks for a kind of thing that the shop does not have."""

from __future__ import annotations

import re
from dataclasses import replace

from bowerbird.assist.answers import talk
from bowerbird.assist.languages import ENGLISH
from bowerbird.assist.languages.plurals import plural
from bowerbird.assist.reply import Reply
from bowerbird.assist.request import Request
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.text.words import stem_phrase

MAX_QUOTED = 2000  # characters of a message


def unknown_kind(turn: Turn, request: Request) -> Reply:
    """The shop has none of it; what it has instead."""
    text = turn.say(
        "no_kind", kind=kind_in_words(turn, request.unknown_kind), range=talk.describe_range(turn)
    )
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
