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
    r"\b(?:cheaper|less (?:expensive|pricey|costly)|(?:a )?(?:smaller|lower) price|lower priced|"
    r"more affordable|(?:pay|spend) (?:a bit |a little |rather |much )?less|"
    r"(?<!not )(?<!nothing )(?:too|very) (?:expensive|dear|pricey|costly)|"
    r"(?:so|quite|a bit) (?:expensive|dear|pricey|costly)|(?:costs? )?"
    r"too much(?: money)?|(?:bit|little) much(?=\W*$)|"
    r"(?:can't|cannot|can not) afford(?: (?:it|that|this|them))?|over my budget)\b"
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
    bounds_above, text = _take_items(_CHEAPER, text, shown)
    bounds_below, text = _take_items(_MORE_EXPENSIVE, text, shown)
    models, text = _take_items(_LIKE, text, shown)
    rejected, text = _take_items(_NOT_THIS, text, shown)
    text, price = _alone(text, shown)
    is_reference = bool(bounds_above or bounds_below or models or rejected) or price.bounded
    for item in bounds_above:
        if item.price is not None:
            price = price.narrowed(PriceRange(high=item.price, high_open=True))
    for item in bounds_below:
        if item.price is not None:
            price = price.narrowed(PriceRange(low=item.price, low_open=True))
    without = [item.item_id for item in (*models, *rejected)]
    if _MORE.search(text):
        without += [item.item_id for item in shown]
        text, is_reference = _MORE.sub(GAP, text), True
    return References(price, tuple(item.item_id for item in models), tuple(without), is_reference), text


def _take_items(pattern: re.Pattern[str], text: str, shown: Sequence[Shown]) -> tuple[list[Shown], str]:
    """The items that a pattern's matches point at, and the text without those matches."""
    items = list[Shown]()

    def replaced(match: re.Match[str]) -> str:
        item = _item_of(match, shown)
        if item is None:
            return match.group()
        items.append(item)
        return GAP

    text = pattern.sub(replaced, text)
    return items, text


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
