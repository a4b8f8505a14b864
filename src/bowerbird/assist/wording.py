"""Words for a reply: an opening, and a reason for each item; true by construction, varied by the request.

The language model, where there is one, proposes each part; `grounding` judges it; the template stands in.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from bowerbird.assist.reply import Named
from bowerbird.assist.request import Order, Request
from bowerbird.text.words import normalize_text, tokenize, word_set

_COUNT = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
_SMALL_TALK = word_set(
    "hi hello hey good morning evening afternoon there thanks thank thx you very much a lot so many great "
    "perfect cool bye goodbye ok okay"
)
_ADJECTIVES = ("size", "colour", "pattern", "style", "material", "genre", "brand")


def wish(request: Request) -> str:
    """The hard constraints as a phrase in the person's words: "green table lamp, not brass, under 60"."""
    words = [request.named[facet] for facet in _ADJECTIVES if facet in request.named]
    words += [said for facet, said in request.named.items() if facet not in _ADJECTIVES]
    parts = [" ".join(words)] if words else []
    parts += ["not " + " or ".join(sorted(v)).lower() for v in request.excluded.values()]
    return ", ".join([*parts, request.price.said()] if request.price.bounded else parts)


def opening(request: Request, items: Sequence[Named], personal: bool) -> str:
    """The first sentence of a reply that has matches."""
    count = _COUNT[len(items)] if len(items) < len(_COUNT) else str(len(items))
    some = len(items) > 1
    asked = wish(request)
    if request.order in (Order.CHEAPEST, Order.DEAREST):
        way = "cheapest" if request.order == Order.CHEAPEST else "dearest"
        return f"{count} {'matches' if some else 'match'}{f' for “{asked}”' if asked else ''}, {way} first:"
    if not asked:
        choices = [
            "These come closest to what you describe:"
            if some
            else "This comes closest to what you describe:",
            f"{count} that fit{'' if some else 's'} what you describe:",
        ]
    else:
        choices = [
            f"{count} {'matches' if some else 'match'} for “{asked}”:",
            f"For “{asked}” I would look at {'these' if some else 'this one'}:",
            f"I found {count.lower()} for “{asked}”:",
        ]
    if personal and some:
        choices.append(f"{choices[0][:-1]}, with your taste in mind:")
    return chosen(choices, request)


def opening_of_near_misses(request: Request, unmet: str, items: Sequence[Named]) -> str:
    """The first sentence of a reply that has no match: says so, then what comes next."""
    quoted = f" “{unmet}”" if unmet else ""
    if not items:
        return f"Nothing {'else ' if request.without else ''}in the catalogue matches{quoted}."
    what = "These come closest" if len(items) > 1 else "This comes closest"
    return f"Nothing {'else ' if request.without else ''}in the catalogue matches{quoted}. {what}:"


def small_talk(text: str) -> str | None:
    """The answer to a greeting, thanks or a farewell; None for anything that could be a wish.

    >>> small_talk("Thanks a lot!"), small_talk("hi, a red lamp please")
    ("You're welcome. Tell me if you would like to see something else.", None)
    """
    said = set(tokenize(normalize_text(text))) - set(".,!?;:")
    if not said or not said <= _SMALL_TALK:
        return None
    if said & {"thanks", "thank", "thx", "perfect", "great", "cool"}:
        return "You're welcome. Tell me if you would like to see something else."
    if said & {"bye", "goodbye"}:
        return "Goodbye, and come back any time."
    return "Hello! Tell me what you are looking for: a kind of thing, a colour, a price."


def line(number: int, item: Named, reason: str = "") -> str:
    """One item of a reply: "1. Title, 45.00 EUR: why"."""
    priced = f", {item.priced}" if item.priced else ""
    told = "; ".join(part for part in ("; ".join(item.differences), reason or item.why) if part)
    return f"{number}. {item.title}{priced}" + (f": {told}" if told else "")


def chosen(choices: Sequence[str], request: Request) -> str:
    """One of several wordings; the same request always gets the same one."""
    return choices[zlib.crc32(request.text.encode()) % len(choices)]
