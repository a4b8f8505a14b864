"""How people say how many of an item they want: "I need four of them", "what would six of it cost?"."""

from __future__ import annotations

import re
from typing import NamedTuple

from bowerbird.assist.understand.act_patterns import Act, Rule

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
MAX_BARE = 30
"""From here on a bare number, "I want 50", may be a price."""
_N = rf"(?:{'|'.join(_NUMBERS[1:])}|[1-9]\d{{0,2}})"
_UNIT = r"(?: (?:pieces?|pcs|items?|copies|units))?"
_ITEM = (
    r"(?:them|these|those|it|this|that|§|each|(?:this|that|these|those) (?:ones?|items?)|"
    r"(?:the )?(?:number |item |no\.? |#)?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|last|"
    r"cheapest|most expensive|other|\d{1,2}(?:st|nd|rd|th)?)(?: (?:one|item|option)s?)?)"
)
_LEAD = (
    r"^(?:ok(?:ay)?|well|hmm+|oh|great|perfect|cool|fine|and|but|so|then|now|actually|no|sorry|in fact|"
    r"please|[,.! ])*"
)
_WANT = (
    r"(?:i(?:'d|'ll| would| will| do)? (?:probably |actually |only |just |really |rather )*"
    r"(?:need|want|like|take|have|buy|get|order)|we(?:'d|'ll| would| will)? (?:need|want|like|take)|"
    r"(?:can|could|may) i (?:get|have|buy|order)|i'?m looking for|give me|"
    r"make (?:it|that)|let'?s (?:say|take)|i(?:'d| would) (?:like|love) to (?:buy|have|get|order))"
)
_END = r"(?: (?:please|in total|altogether|then|though|instead|only|now|for (?:my|the) [a-z]+|actually))*\W*$"
_MONEY = (
    r"(?:costs?|be|come to|come out to|make|add up to|run me|set me back|amount to|altogether|in total|total)"
)


def _of(before: str, after: str) -> str:
    """Pieces of an item, "four of them", or as other languages put it: "of them four"."""
    return (
        rf"(?:(?P<{before}>{_N}){_UNIT}(?: of)? {_ITEM}|"
        rf"of (?:them|it) (?P<{after}>{_N})(?: (?:of )?{_ITEM})?)"
    )


QUANTITY_PATTERN = re.compile(
    "|".join(
        (
            rf"{_LEAD}(?:{_WANT} )?{_of('a', 'b')}{_END}",
            rf"{_LEAD}(?:{_WANT} )?{_of('c', 'd')}\W* ?(?:what|how much)\b.{{0,30}}\b{_MONEY}\b",
            rf"{_LEAD}how much(?: (?:would|will|do|for|are|is it for|would it be for)|"
            rf" (?:would|will) (?:it|that) cost for) "
            rf"(?P<e>{_N}){_UNIT}(?:(?: of)? {_ITEM})?(?: {_MONEY})*{_END}",
            rf"{_LEAD}(?:what (?:would|will|do)|(?:what(?:'s| is| would be) )?the (?:price|total|cost) for) "
            rf"(?P<g>{_N}){_UNIT}(?:(?: of)? {_ITEM})?(?: {_MONEY})*{_END}",
            rf"{_LEAD}(?:do you (?:still )?have|have you got|are there|is there|got|you have)"
            rf"(?: still| at least| enough for)? (?P<f>{_N}){_UNIT}(?:(?: of)? {_ITEM})?"
            rf" (?:left|in stock|available|on stock)\b{_END}",
        )
    )
)
BARE_PATTERN = re.compile(
    rf"{_LEAD}(?:{_WANT} (?:only |just )?|only |just |rather |better |what about |how about )"
    rf"(?P<n>{_N}){_UNIT}(?: of them)?{_END}"
)
"""A number alone: of the item that was counted before."""
QUANTITY = Rule(Act.ITEM_QUESTION, "quantity", QUANTITY_PATTERN)


class Quantity(NamedTuple):
    """How many pieces of an item are asked for, and whether it is asked if there are as many."""

    units: int
    is_about_stock: bool = False


def read_quantity(text: str) -> Quantity | None:
    """How many of what is on screen a cleaned text asks for; None where it does not count pieces.

    >>> read_quantity("i need four of them"), read_quantity("a table for four")
    (Quantity(units=4, is_about_stock=False), None)
    """
    match = QUANTITY_PATTERN.search(text)
    if match is None:
        return None
    groups = match.groupdict()
    count = count_of(next(number for number in groups.values() if number))
    return Quantity(count, groups["f"] is not None)


def read_bare_quantity(text: str) -> int | None:
    """A number alone that counts pieces, "make it five"; None for other texts and for what may be a price."""
    match = BARE_PATTERN.search(text)
    count = count_of(match["n"]) if match else 0
    return count if 0 < count < MAX_BARE else None


def count_of(word: str) -> int:
    """A number in words or digits."""
    return _NUMBERS.index(word) + 1 if word in _NUMBERS else int(word)


def quantity_question(count: int) -> str:
    """The question that a number of pieces answers, as `read_quantity` reads it."""
    return f"how much for {count} of them"
