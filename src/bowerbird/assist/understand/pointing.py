"""Which items a message points at: "the second one", "both", "it", "the green one", a title or an id.

Ordinals follow the list on screen. What points at something that is not there is reported as missing, so that
the assistant can ask back instead of guessing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bowerbird.assist.request import Order, Shown
from bowerbird.assist.understand.patterns.shades import EXTREME_SHADE
from bowerbird.assist.understand.prices import GAP

_ORDINALS = {
    name: rank
    for rank, names in enumerate(
        [
            "first 1st",
            "second 2nd",
            "third 3rd",
            "fourth 4th",
            "fifth 5th",
            "sixth 6th",
            "seventh 7th",
            "eighth 8th",
            "ninth 9th",
            "tenth 10th",
        ]
    )
    for name in names.split()
} | {"last": -1, "latter": -1, "former": 0}
_ORDINAL = "|".join(_ORDINALS) + r"|[1-9]\d?(?:st|nd|rd|th)"
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_NOUN = r"(?: (?:one|item|option|result|product|choice|article)s?)?"
_THE_OTHER = re.compile(r"\bthe other(?: one)?(?=\W*$| (?:one )?(?:please|instead|too|is|looks)\b)")
_PLACE = re.compile(
    r"\bthe one (?:on|in|at) the (?:far )?(?:left|right|middle|centre|center|top|bottom)\b|"
    r"\bthe (?:left|right|middle)(?:most)?(?: hand)? one\b"
)
_FIRST_N = re.compile(
    rf"\b(?:the )?(?P<end>first|last|top) (?P<n>two|three|four|five|six|seven|eight|[2-9])\b{_NOUN}"
)
_ALL = re.compile(
    r"\b(?:both(?: of (?:them|these|those))?|all (?:of )?(?:them|these|those|three|four|two))\b"
)
_PAIR = re.compile(
    rf"\b(?:the |number |item |option |no\.? |[a-z]{{3,20}} (?=[1-9]))?"
    rf"(?P<a>{_ORDINAL}|#?[1-9]\d?){_NOUN} "
    rf"(?:and|with|or|to|vs\.?|versus|&|from) "
    rf"(?:the |number |item |option |no\.? |[a-z]{{3,20}} (?=[1-9]))?"
    rf"(?P<b>{_ORDINAL}|#?[1-9]\d?)(?!\w){_NOUN}"
)
_COMPARES = re.compile(r"compar|differ|number|item|option")
_SINGLE = re.compile(
    rf"(?<!price )(?<!cheapest )(?<!expensive )(?<!\bmy )(?<!\bour )(?<!\bhis )(?<!\bher )(?<!\btheir )"
    rf"\b(?:the )?(?P<ordinal>{_ORDINAL})(?!\w|[ -](?:time|hand|class|floor|birthday|aid|name|"
    rf"year|years|month|months|week|weeks|night|summer|winter|spring|autumn|minute|days|hours|of "
    rf"all)\b){_NOUN}"
    rf"|(?:\b(?:item|option|number|no\.|result|product)|#)\s?(?P<number>[1-9]\d?)(?!\w|[.,]\d)"
)
_EXTREME = re.compile(
    r"\bthe (?P<which>cheapest|cheaper|least expensive|most expensive|priciest|more expensive)"
    r"(?: (?:one|item|option)|(?= of (?:them|these|those|the))|(?=\?|$))"
)
_FIRST_OF_ALL = re.compile(
    r"\b(?!(?:the|save|hide|keep|take|show|compare|remove|like|choose|pick|buy|want|prefer|and|or|than|with|"
    r"about|of|to|is|me|in) )(?P<wish>[a-z-]{2,}) first(?=\W*(?:please)?\W*$)"
)
"""What comes first of several wishes: "shirts first"."""
_LOW, _HIGH = "(?:cheapest|least expensive)", "(?:most expensive|priciest|dearest)"
_BOTH_ENDS = re.compile(
    rf"\bthe {_LOW}(?: one)? (?:and|with|to|or) (?:the )?{_HIGH}(?: one)?\b|"
    rf"\bthe {_HIGH}(?: one)? (?:and|with|to|or) (?:the )?{_LOW}(?: one)?\b"
)
_OTHER_END = {
    Order.CHEAPEST: re.compile(r"\b(?:most expensive|priciest|dearest)\b"),
    Order.MOST_EXPENSIVE: re.compile(r"\b(?:cheapest|least expensive)\b"),
}
_THIS = re.compile(
    r"\b(?:(?:this|that) (?:one|item|product|article)|(?:these|those) (?:ones|items|products)|"
    r"it|its|it's|this|that|them|these|those|they)\b"
)
_PLURAL = frozenset(("them", "these", "those", "they"))
_NOT_ITEMS = re.compile(
    r"\b(?:that's (?:all|it|fine|ok|great)|this (?:week|month|year|time|summer|winter|weekend|morning|"
    r"evening)|"
    r"is it possible|(?:could|can|should|would) it be|make it|come in|"
    r"(?:get|have|got|want|do|like) (?:it|that|this|them|these|those) in|"
    r"how is it going|that is all|it is for|it's for|that goes|that fits?|that would|that is|"
    r"that are|that i|that (?!costs|looks)[a-z]{2,}[^s'\W]s(?= [a-z])|"
    r"that has|that have|that looks?|that can|that will|that does|that matche?s?)\b"
)
_ABOUT_SHOWN = re.compile(
    r"\b(?:save|hide|compare|remove|keep|add|are|is|do|does|did|how|what|why|which|where|about|undo|like)\b"
)
"""Words that ask of items on screen, or do something to them."""
_DESCRIBED = re.compile(r"\bthe (?P<words>[a-z][a-z' -]{1,40}?) (?:ones?)\b")


@dataclass(frozen=True)
class ItemReference:
    """What a message points at."""

    items: tuple[Shown, ...] = ()
    missing: str = ""
    """The words that point at nothing on screen; empty where all do."""
    is_explicit: bool = False
    """Whether the items are named by rank, title or id, not by "it" alone."""
    rest: str = ""
    """The message without the words that point."""


def items_pointed_at(
    text: str,
    on_screen: Sequence[Shown],
    focus: Shown | None,
    by_name: Callable[[str], tuple[tuple[Shown, ...], str]] | None = None,
    by_description: Callable[[str], Sequence[Shown]] | None = None,
    sorted_by: Order = Order.RELEVANCE,
) -> ItemReference:
    """Resolve the references of a cleaned text.

    `by_name` finds exact ids and titles of the catalogue and gives the rest of the text; `by_description`
    the items on screen that fit a few words ("green"). Of a list that is `sorted_by` price, the other end
    is not on screen: "and the most expensive?" points at none of the cheapest.

    >>> screen = [Shown("a", "Lamp", 40.0), Shown("b", "Torch", 30.0), Shown("c", "Candle", 5.0)]
    >>> [item.item_id for item in items_pointed_at("compare the first two", screen, None).items]
    ['a', 'b']
    >>> items_pointed_at("is the fifth one waterproof?", screen, None).missing
    'the fifth one'
    """
    items, text = by_name(text) if by_name else ((), text)
    if items:
        return ItemReference(items, "", True, text)
    is_other_end = any(sorted_by == order and pattern.search(text) for order, pattern in _OTHER_END.items())
    asked_back = _the_other_one(text, on_screen, focus) or _place(text)
    if asked_back is not None:
        return asked_back
    finders = (
        [_first_n, _all, _pair, _singles]
        if is_other_end
        else [_first_n, _all, _pair, _singles, _both_ends, _extreme]
    )
    for find in finders:
        reference = find(text, on_screen)
        if reference is not None:
            return reference
    if by_description:
        described = _most_so(text, by_description) or _described(text, on_screen, by_description)
        if described is not None:
            return described
    return _this(text, on_screen, focus)


def _taken(
    text: str, match: re.Match[str], items: Sequence[Shown], is_explicit: bool = True
) -> ItemReference:
    rest = text[: match.start()] + GAP + text[match.end() :]
    return ItemReference(tuple(items), "" if items else match.group().strip(), is_explicit, rest)


def _first_n(text: str, on_screen: Sequence[Shown]) -> ItemReference | None:
    match = _FIRST_N.search(text)
    if match is None:
        return None
    count = _NUMBERS.get(match["n"]) or int(match["n"])
    if len(on_screen) < count:
        return replace(_taken(text, match, ()), missing=match.group())
    return _taken(text, match, on_screen[-count:] if match["end"] == "last" else on_screen[:count])


def _the_other_one(text: str, on_screen: Sequence[Shown], focus: Shown | None) -> ItemReference | None:
    """ "The other one" of two; of more it is asked which."""
    match = _THE_OTHER.search(text) if on_screen else None
    if match is None:
        return None
    others = [item for item in on_screen if item != (focus or on_screen[0])]
    return _taken(text, match, others if len(others) == 1 else ())


def _place(text: str) -> ItemReference | None:
    """ "The one on the left": how a client lays out a list is unknown, so it is asked which."""
    match = _PLACE.search(text)
    return None if match is None else _taken(text, match, ())


def _all(text: str, on_screen: Sequence[Shown]) -> ItemReference | None:
    match = _ALL.search(text)
    if match is None:
        return None
    is_pair = match.group().startswith("both")
    return _taken(text, match, () if is_pair and len(on_screen) != 2 else on_screen)


def _pair(text: str, on_screen: Sequence[Shown]) -> ItemReference | None:
    match = _PAIR.search(text)
    if match is None or not (match["a"] in _ORDINALS or match["b"] in _ORDINALS or _COMPARES.search(text)):
        return None
    pair = [_at(match[side], on_screen) for side in "ab"]
    matches = [item for item in pair if item is not None]
    return _taken(text, match, matches if len(matches) == 2 else ())


def _singles(text: str, on_screen: Sequence[Shown]) -> ItemReference | None:
    match = _SINGLE.search(_FIRST_OF_ALL.sub(lambda match: "·" * len(match.group()), text))
    if match is None:
        return None
    item = _at(match["ordinal"] or match["number"], on_screen)
    return _taken(text, match, () if item is None else (item,))


def _at(word: str, on_screen: Sequence[Shown]) -> Shown | None:
    digits = "".join(filter(str.isdigit, word))
    rank = _ORDINALS[word] if word in _ORDINALS else int(digits) - 1
    return on_screen[rank] if -len(on_screen) <= rank < len(on_screen) else None


def _both_ends(text: str, on_screen: Sequence[Shown]) -> ItemReference | None:
    """ "The cheapest and the most expensive", in this order."""
    match = _BOTH_ENDS.search(text)
    priced = sorted((item for item in on_screen if item.price is not None), key=lambda item: item.price or 0)
    return _taken(text, match, (priced[0], priced[-1])) if match and len(priced) > 1 else None


def _extreme(text: str, on_screen: Sequence[Shown]) -> ItemReference | None:
    match = _EXTREME.search(text)
    priced = [(item.price, item) for item in on_screen if item.price is not None]
    if match is None or not priced:
        return None
    is_cheap = match["which"] in ("cheapest", "cheaper", "least expensive")
    _, item = (min if is_cheap else max)(priced, key=lambda pair: pair[0])
    return _taken(text, match, (item,))


def _most_so(text: str, by_description: Callable[[str], Sequence[Shown]]) -> ItemReference | None:
    """ "The darkest one": those of the list that are most so."""
    match = EXTREME_SHADE.search(text)
    fitting = by_description(match["which"]) if match else ()
    return _taken(text, match, fitting) if match and fitting else None


def _described(
    text: str, on_screen: Sequence[Shown], by_description: Callable[[str], Sequence[Shown]]
) -> ItemReference | None:
    for match in _DESCRIBED.finditer(text):
        if re.search(r"\b(?:for|an?|than|with|to)\b|\b(?:and|or)$", match["words"]):
            continue  # "swap the table for a cheaper one"
        if match.group().endswith("ones") and not _ABOUT_SHOWN.search(text):
            continue  # "only the wooden ones" narrows the list
        if not on_screen and not match.group().endswith("s"):
            return _taken(text, match, ())  # "the red one" of no list
        fitting = by_description(match["words"])
        if 0 < len(fitting) < max(2, len(on_screen)):
            return _taken(text, match, fitting)
    return None


def _this(text: str, on_screen: Sequence[Shown], focus: Shown | None) -> ItemReference:
    match = _THIS.search(_NOT_ITEMS.sub(lambda m: "·" * len(m.group()), text))
    if match is None:
        return ItemReference(rest=text)
    if match.group().split()[0] in _PLURAL:
        return _taken(text, match, on_screen, is_explicit=False)
    item = focus or (on_screen[0] if on_screen else None)
    return _taken(text, match, () if item is None else (item,), is_explicit=False)
