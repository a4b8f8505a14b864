"""References to items of the last reply: "cheaper than the second one", "like the first", "more"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bowerbird.assist.price_range import PriceRange
from bowerbird.assist.request import Shown
from bowerbird.assist.understand.prices import GAP

_ORDINALS = {
    name: rank
    for rank, names in enumerate(
        (
            "first 1st one",
            "second 2nd two",
            "third 3rd three",
            "fourth 4th four",
            "fifth 5th five",
            "sixth 6th six",
            "seventh 7th seven",
            "eighth 8th eight",
            "ninth 9th nine",
            "tenth 10th ten",
        )
    )
    for name in names.split()
} | {str(n): n - 1 for n in range(1, 21)} | {"last": -1}  # fmt: skip
_ORDINAL = r"first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|[1-9]\d?(?:st|nd|rd|th)"
_THIS = r"that one|this one|that|this|it|these|those|them"
_THE = (
    rf"(?:(?:the )?(?P<ordinal>{_ORDINAL})(?: one| item| option| result)?|"
    rf"(?:item|option|number|no\.?|#)\s?(?P<number>[1-9]\d?)|(?P<this>{_THIS}))(?!\w)"
)
_CHEAPER = re.compile(rf"\b(?:cheaper|less (?:expensive|pricey|costly)|less|lower priced|below) than {_THE}")
_MORE_EXPENSIVE = re.compile(rf"\b(?:more expensive|pricier|dearer|costlier|more) than {_THE}")
COMPARES_PRICE = re.compile(
    r"\b(?:cheaper|less|less (?:expensive|pricey|costly)|more expensive|pricier|dearer|costlier|more) than\b"
)
_LIKE = re.compile(
    r"\b(?:(?:something |more |others? |one |ones |just )?(?:like|similar to|resembling|in the style of)) "
    rf"{_THE}"
)
_CHEAPER_ALONE = re.compile(
    r"\b(?:cheaper|less expensive|lower priced?|less pricey|lower price|(?:too|so|very|quite|a bit) "
    r"(?:expensive|dear|"
    r"pricey|costly)|(?:costs? )?"
    r"too much(?: money)?|(?:can't|cannot|can not) afford(?: (?:it|that|this|them))?|over "
    r"my budget)\b"
)
_MORE_EXPENSIVE_ALONE = re.compile(r"\b(?:more expensive|pricier|dearer|more luxurious|more upmarket)\b")
COMPARES_ALONE = re.compile(f"{_CHEAPER_ALONE.pattern}|{_MORE_EXPENSIVE_ALONE.pattern}")
_MORE = re.compile(
    r"\b(?:show (?:me )?more|more (?:please|options|ideas|results)|others|other ones|different ones|"
    r"something else|anything else|next|another one|what else)\b|^more[.!]?$"
)
_NOT_THIS = re.compile(rf"\b(?:not|except|other than|without) {_THE}")


@dataclass(frozen=True)
class References:
    """What a message says with reference to the items shown."""

    price: PriceRange = field(default_factory=PriceRange)
    like: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    any: bool = False


def take_references(text: str, shown: Sequence[Shown]) -> tuple[References, str]:
    """What a cleaned text says of the items `shown`, and the rest of the text.

    "cheaper" alone is: cheaper than the cheapest shown; "more expensive" alone: dearer than the dearest.

    >>> shown = [Shown("a", "Lamp", 40.0), Shown("b", "Torch", 30.0)]
    >>> references, rest = take_references("cheaper than the second one in green", shown)
    >>> references.price.describe(), rest.split()
    ('under 30', ['§', 'in', 'green'])
    """
    if not shown:
        return References(), text
    price, like, without, is_reference = PriceRange(), list[str](), list[str](), False

    def referred(match: re.Match[str]) -> Shown | None:
        nonlocal is_reference
        item = _item_of(match, shown)
        is_reference = is_reference or item is not None
        return item

    def cheaper(match: re.Match[str]) -> str:
        nonlocal price
        item = referred(match)
        if item is None:
            return match.group()
        if item.price is not None:
            price = price.narrowed(PriceRange(high=item.price, high_open=True))
        return GAP

    def costs_more(match: re.Match[str]) -> str:
        nonlocal price
        item = referred(match)
        if item is None:
            return match.group()
        if item.price is not None:
            price = price.narrowed(PriceRange(low=item.price, low_open=True))
        return GAP

    def resembling(match: re.Match[str]) -> str:
        item = referred(match)
        if item is None:
            return match.group()
        like.append(item.item_id)
        without.append(item.item_id)
        return GAP

    def shunned(match: re.Match[str]) -> str:
        item = referred(match)
        if item is None:
            return match.group()
        without.append(item.item_id)
        return GAP

    for pattern, meet in (
        (_CHEAPER, cheaper),
        (_MORE_EXPENSIVE, costs_more),
        (_LIKE, resembling),
        (_NOT_THIS, shunned),
    ):
        text = pattern.sub(meet, text)
    text, alone = _alone(text, shown)
    price = price.narrowed(alone)
    if _MORE.search(text):
        without += [item.item_id for item in shown]
        text, is_reference = _MORE.sub(GAP, text), True
    return References(price, tuple(like), tuple(without), is_reference or alone.bounded), text


def _alone(text: str, shown: Sequence[Shown]) -> tuple[str, PriceRange]:
    prices = [item.price for item in shown if item.price is not None]
    if prices and re.search(r"\d", text) is None:  # "cheaper than 40" is a plain price
        if _CHEAPER_ALONE.search(text):
            return _CHEAPER_ALONE.sub(GAP, text), PriceRange(high=min(prices), high_open=True)
        if _MORE_EXPENSIVE_ALONE.search(text):
            return _MORE_EXPENSIVE_ALONE.sub(GAP, text), PriceRange(low=max(prices), low_open=True)
    return text, PriceRange()


def _item_of(match: re.Match[str], shown: Sequence[Shown]) -> Shown | None:
    if match["this"]:
        return shown[0]
    word = match["ordinal"] or match["number"]
    rank = _ORDINALS.get(word, int("".join(filter(str.isdigit, word)) or 0) - 1)
    return shown[rank] if rank < len(shown) and rank >= -1 else None
