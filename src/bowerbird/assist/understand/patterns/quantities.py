"""How people say how many of an item they want: "I need four of them", "what would six of it cost?"."""

from __future__ import annotations

import re
from typing import NamedTuple

from bowerbird.assist.understand.act_patterns import Act, Rule

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
MAX_BARE = 30
"""From here on a bare number, "I want 50", may be a price."""
_GROUPS = {"a couple": 2, "a pair": 2, "half a dozen": 6, "a dozen": 12}
_N = rf"(?:{'|'.join((*_NUMBERS[1:], *_GROUPS))}|[1-9]\d{{0,2}})"
_UNIT = r"(?: (?:pieces?|pcs|items?|copies|units))?"
_ITEM = (
    r"(?:them|these|those|it|this|that|§|each|(?:this|that|these|those) (?:ones?|items?)|"
    r"(?:the )?(?:number |item |no\.? |#)?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|last|"
    r"cheapest|most expensive|other|\d{1,2}(?:st|nd|rd|th)?)(?: (?:one|item|option)s?)?)"
)
_LEAD = (
    r"^(?:ok(?:ay)?|well|hmm+|oh|great|perfect|cool|fine|and|but|so|then|now|actually|no|sorry|in fact|"
    r"what if|if|please|[,.! ])*"
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
            rf"{_LEAD}(?:{_WANT} )?{_N}{_UNIT} of {_ITEM}"
            rf"(?:(?:,|,? and|,? plus) {_N}{_UNIT} of {_ITEM})+{_END}",
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
_BARE = re.compile(
    rf"{_LEAD}(?P<wish>{_WANT} )?(?:(?:only|just|rather|better|what about|how about|for|with) )*"
    rf"(?P<n>{_N}){_UNIT}(?: of them)?{_END}"
)
"""A number alone."""
_OF_ITEM = re.compile(rf"\b(?P<n>{_N}){_UNIT} of (?P<item>{_ITEM})(?!\w)")
_PRICE_QUESTION = re.compile(r"\b(?:how much|price|costs?)\b")
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
    number = next((number for number in groups.values() if number), "")
    if not number:
        return None  # of several items, see `read_quantities`
    count = count_of(number)
    return Quantity(count, groups["f"] is not None)


def read_quantities(text: str) -> list[tuple[int, str]]:
    """How many of each of several items a cleaned text asks for, and the words that point at them.

    >>> read_quantities("i need three of the first and two of the second")
    [(3, 'the first'), (2, 'the second')]
    """
    if QUANTITY_PATTERN.search(text) is None:
        return []
    counts = [(count_of(match["n"]), match["item"]) for match in _OF_ITEM.finditer(text)]
    return counts if len(counts) > 1 else []


def read_bare_quantity(text: str, last_question: str, *, is_item_in_focus: bool) -> int | None:
    """A number alone that counts items, "make it five"; None for other texts and for what may be a price.

    It does after a question of their price or number, and "I want two" does of an item that was spoken of.
    """
    match = _BARE.search(text)
    count = count_of(match["n"]) if match else 0
    if match is None or count >= MAX_BARE:
        return None
    is_asked = read_quantity(last_question) is not None or _PRICE_QUESTION.search(last_question)
    return count if is_asked or (is_item_in_focus and match["wish"]) else None


def count_of(word: str) -> int:
    """A number in words or digits."""
    if word in _GROUPS:
        return _GROUPS[word]
    return _NUMBERS.index(word) + 1 if word in _NUMBERS else int(word)


def quantity_question(count: int) -> str:
    """The question that a number of pieces answers, as `read_quantity` reads it."""
    return f"how much for {count} of them"
