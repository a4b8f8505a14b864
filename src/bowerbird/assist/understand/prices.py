"""Price phrases: "under 60", "20-40", "up to $1,200", "around 50"; and numbers that are no prices.

Every pattern repeats a bounded number of times over a text that was cut before, so no request is slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bowerbird.assist.price_range import PriceRange

GAP = " § "
"""Stands where a phrase was taken out of the text; it ends a clause, and no word is made across it."""

_AROUND = 0.2
"""How far "around 50" reaches either way, as a share."""

_CURRENCY = (
    r"€|\$|£|euros?\b|eur\b|dollars?\b|usd\b|bucks?\b|quid\b|pounds?\b|gbp\b|kr\b|sek\b|chf\b|francs?\b"
)


def _number(name: str) -> str:
    """A number with an optional currency before or after; not the start of "60cm", "60s" or "60%"."""
    return (
        rf"(?P<pre_{name}>[$€£]|(?:eur|usd|"
        rf"gbp)\b)?\s?(?P<{name}>\d{{1,9}}(?:[.,]\d{{3}}){{0,3}}(?:[.,]\d{{1,6}})?k?)(?![\w%\"])"
        rf"(?![.,]\d)(?:\s?(?P<post_{name}>{_CURRENCY}|,-))?"
    )


_NOT = (
    r"(?:not|no|nothing|never|don'?t|do not|won'?t)\s+"
    r"(?:(?:go|spend|spending|pay|paying|cost|costing|costs|want|wanna|like|to|be|priced|going|anything|"
    r"something|it|have|need)\s+){0,4}"
)
_OVER = r"(?:over|above|more than|beyond|north of|higher than|greater than|exceeding|exceed|>)"
_UNDER = r"(?:under|underneath|below|beneath|south of|less than|fewer than|lower than|cheaper than|<)"
_AT_MOST = (
    r"(?:up to|upto|at (?:the )?most|within|<=|≤|until|till|"
    r"(?:max|maximum|limit|budget|spend|spending|pay)\b\.?"
    r"(?:\s?(?:price|budget|of|is|:|about|around|only|up to)){0,2})"
)
_AT_LEAST = (
    r"(?:at least|from|>=|≥|upwards of|starting (?:at|from)|"
    r"(?:min|minimum)\b\.?(?:\s?(?:price|of|is|:)){0,2})"
)
_UNITS = re.compile(
    r"\s*-?\s*(?:people|persons?|guests?|adults|kids|children|seats?|seaters?|pieces?|pcs|packs?|pairs?|"
    r"sets?|cm|mm|"
    r"m|metres?|meters?|inch(?:es)?|in\b(?! (?:total|all|sum)\b)|ft|feet|foot|kg|g|grams?|lbs?|"
    r"l|litres?|liters?|ml|years?|yrs?|"
    r"year-olds?|y/?o|"
    r"months?|weeks?|days?|hours?|minutes?|mins?|items?|things|ones|options?|drawers?|shelves|doors?|"
    r"legs|lights|bulbs?|"
    r"percent|watts?|w|volts?|x|times|rooms?|bedrooms?|floors?|denier|gsm|colou?rs|th|st|nd|rd|degrees?|"
    r"tog)\b"
)
_SIZE_BEFORE = re.compile(
    r"(?:\b(?:size|sizes|eu|uk|us|age|aged|ages|year|no|number|item|option|waist|length|width|height|"
    r"set of|pack of|born|since|in)|#)\s*\.?\s*$"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d$")
_ENDS = re.compile(
    r"\s*(?:$|[.,;:!?)§]|(?:please|pls|in|and|but|for|or|if|max|would|range|budget|ideally|with|that|"
    r"each|total|made|"
    r"do|have|can|could|are|what|which|from|is|thanks|thank|altogether|tops|only|now|then|instead|any|thx|range|ish|by|asap|you|u|not|but|up|upwards|thereabouts|at|on)\b)"
)

_START = r"(?<![\w.,-])"
_A, _B = _number("a"), _number("b")
_PATTERNS: tuple[tuple[re.Pattern[str], str, bool], ...] = tuple(
    (re.compile(pattern), kind, strict)
    for pattern, kind, strict in (
        # pattern, kind of bound, whether a bare number needs the phrase to end after it
        (
            rf"(?:between|from)\s+(?:the )?{_A}\s*(?:and|up to|to|-|–|—|until|till)\s*(?:the )?{_B}",
            "range",
            False,
        ),
        (rf"{_START}{_A}\s?(?:-|–|—|up to|to)\s?{_B}(?!\s?-)", "range", True),
        (rf"{_NOT}{_OVER}\s+{_A}", "at most", False),
        (rf"{_NOT}{_UNDER}\s+{_A}", "at least", False),
        (
            rf"{_START}{_A}\s?-?(?:ish\b|(?:or so|or thereabouts|more or less|give or take)\b)",
            "around",
            False,
        ),
        (
            rf"{_START}{_A}\s+(?:or|and|&)\s+(?:less|under|below|cheaper|lower)\b(?!\s*(?:than\s*)?[$€£]?\d)",
            "at most",
            False,
        ),
        (rf"{_START}{_A}\s+(?:max(?:imum)?|at (?:the )?(?:very )?most|tops|to spend)\b", "at most", False),
        (
            rf"{_START}{_A}\s*(?:(?:or|and|&)\s+(?:more|above|over|up|higher|upwards)\b"
            rf"(?!\s*(?:than\s*)?[$€£]?\d)|\+|upwards\b)",
            "at least",
            False,
        ),
        (rf"{_START}{_A}\s+(?:min(?:imum)?|at (?:the )?least)\b", "at least", False),
        (
            rf"{_START}{_A}\s+(?:is|would be|'s) (?:still |also |my |the |our )*"
            rf"(?:ok(?:ay)?|fine|alright|all right|max(?:imum)?|limit|budget|possible|doable)\b",
            "at most",
            False,
        ),
        (rf"(?<!\w){_UNDER}\s*(?:the )?{_A}", "under", False),
        (rf"(?<!\w){_AT_MOST}\s*{_A}", "at most", False),
        (rf"(?<!\w){_OVER}\s*(?:the )?{_A}", "over", True),
        (rf"(?<!\w){_AT_LEAST}\s*{_A}", "at least", True),
        (rf"\b(?:make (?:it|that)|let'?s say|(?:what|how) about)\s+{_A}", "at most", True),
        (
            rf"(?<!\w)(?:around|about|some|roughly|approximately|approx\.?|circa|ca\.?|~|near|close to|"
            rf"more or less|in the (?:region|neighbou?rhood|ballpark|area) of|something like|say)\s*{_A}",
            "around",
            True,
        ),
        (
            rf"{_START}{_A}\s+(?:in total|in all|all in|total|altogether|all together|for everything)\b",
            "at most",
            False,
        ),
        (rf"\bfor\s+(?=[$€£]?[1-9]\d\d){_A}", "at most", True),
        (rf"{_START}{_A}", "at most", True),
    )
)
_REJECTED = re.compile(
    rf"{_START}{_A}\s+(?:is|was|would be|were|might be|seems)"
    rf"(?: (?:a (?:bit|little)|far|way|much|maybe|probably))* too (?:low|little|tight|small|strict)\b"
)
"""An amount that was said and holds no more: "200 was too low"."""


def without_rejected_amounts(text: str) -> str:
    """A text without the amounts that it takes back: "200 was too low"."""
    return _REJECTED.sub(GAP, text)


def states_price(text: str) -> bool:
    """Whether a cleaned text states a price range.

    >>> states_price("from 100 to 190"), states_price("a lamp for 2 people")
    (True, False)
    """
    return take_prices(text, a_type_follows=lambda rest: bool(rest.strip()))[0] != PriceRange()


def take_prices(text: str, *, a_type_follows: Callable[[str], bool]) -> tuple[PriceRange, str]:
    """The range that a cleaned text states, and the text without the words that stated it.

    `a_type_follows(rest)` says whether what comes after a number is a kind of item: "at least 2 cushions"
    is a count.

    >>> take_prices("a lamp for 2 people between $20 and 40", a_type_follows=lambda rest: False)[0].describe()
    'between 20 and 40'
    """
    bounds, text = PriceRange(), re.sub(r"(?<=\d)-?ish\b", " ish", without_rejected_amounts(text))
    for number, (pattern, kind, strict) in enumerate(_PATTERNS):
        bare = number == len(_PATTERNS) - 1

        def replaced(match: re.Match[str], kind: str = kind, strict: bool = strict, bare: bool = bare) -> str:
            nonlocal bounds
            marked = any(
                value for name, value in match.groupdict().items() if name.startswith(("pre", "post"))
            )
            if not _is_price(match, marked, strict, bare, a_type_follows):
                return match.group()
            stated = _range(match, kind)
            together = bounds.narrowed(stated)
            # Two bounds that exclude one another: the later one corrects the earlier.
            bounds = together if together.low <= together.high else stated
            return GAP

        text = pattern.sub(replaced, text)
    return bounds, text


def _is_price(
    match: re.Match[str], marked: bool, strict: bool, bare: bool, a_type_follows: Callable[[str], bool]
) -> bool:
    if marked:
        return True
    before, after = match.string[max(0, match.start() - 16) : match.start()], match.string[match.end() :][:40]
    if bare or _SIZE_BEFORE.search(before) or _UNITS.match(after):
        return False
    if re.match(r"(?:from|around|about|circa)\b", match.group()) and _YEAR.search(match.group()):
        return False
    last = match.groupdict().get("b") or match["a"]
    if amount(last) <= 12 and a_type_follows(after):
        return False
    return not strict or _ENDS.match(after) is not None


def _range(match: re.Match[str], kind: str) -> PriceRange:
    a = amount(match["a"])
    if kind == "range":
        low, high = sorted((a, amount(match["b"])))
        return PriceRange(low, high)
    if kind == "around":
        return PriceRange(a * (1 - _AROUND), a * (1 + _AROUND))
    if kind in ("at most", "under"):
        return PriceRange(high=a, high_open=kind == "under")
    return PriceRange(low=a, low_open=kind == "over")


def amount(written: str) -> float:
    """A written number: thousands marks dropped, either decimal mark.

    >>> [amount(s) for s in ("59.99", "59,90", "1,200", "1,200.50", "2k", "0.025")]
    [59.99, 59.9, 1200.0, 1200.5, 2000.0, 0.025]
    """
    factor = 1000.0 if written.endswith("k") else 1.0
    written = written.removesuffix("k")
    head, mark, tail = max((written.rpartition(mark) for mark in ".,"), key=lambda parts: len(parts[0]))
    # Three digits after the only mark are thousands, except after a bare zero.
    whole = head if mark and (len(tail) != 3 or head == "0") else written
    decimals = tail if whole is head else "0"
    return float(re.sub(r"[.,]", "", whole) + "." + decimals) * factor
