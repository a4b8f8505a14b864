"""Checks of a reply's claims against the raw listings, by code that the assistant does not use.

Checked are the lines of a list (title, price, facts), amounts of money, counts, "the cheapest", the cells of
a comparison, and sales. Facts in another language are brought to English by a function of the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import get_args

from bowerbird.assist.evaluation.listings import Listing, Listings
from bowerbird.assist.reply import Reply, ReplyItem
from bowerbird.recommend.reasons import ENGLISH, ReasonLanguage, sentences

Translate = Callable[[str], str | None]
"""Lower-case words of a reply -> English, or None where they are not known."""

LIST_LINE = re.compile(r"^(\d+)\. (.*)$")
_CURRENCY = r"US\$|\$US|[$€£¥]|(?:USD|EUR|GBP|SEK)\b"
_NUMBER = r"\d{1,3}(?:[.,\s]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?"
_PRICE = rf"(?:{_CURRENCY})\s?(?:{_NUMBER})|(?:{_NUMBER})\s?(?:{_CURRENCY})"
_AMOUNT = re.compile(rf"(?<![\w.,])(?:{_PRICE})")
CENT_FRACTION = 0.005
_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COUNTS = {word: number for number, word in enumerate(_NUMBER_WORDS, start=1)}
_COUNT = re.compile(rf"\b({'|'.join(_COUNTS)})\b", re.I)
_BLANK = re.compile(r"\\{\w+\\}")
_CHEAPEST = re.compile(r"^(.+?) (?:is the cheapest|es el más barato|ist am günstigsten)", re.M)
_MISSES = re.compile(
    r" (?:rather than|instead of|en vez de|statt|au lieu de|invece di) |you asked|pediste|above|below|limit|"
    r"did not want|no querías|por encima|por debajo|über deiner|unter de|weniger als|au-dessus|"
    r"en dessous|oltre il|sotto|exactly|exactamente|genau|exactement|esattamente|no stated"
)
_NO_VALUE = re.compile(
    r"not stated|no indicado|nicht angegeben|keine Angabe|non (?:précisé|indiqu|indicat)", re.I
)
_NO_PRICE = frozenset(
    ("kein preis angegeben", "sin precio indicado", "sans prix indiqué", "senza prezzo indicato")
)
_ALSO_IN = re.compile(r"(?:also in|auch in|también en|aussi en|anche in) (.+)$")
_ON_SALE = re.compile(r"on sale|reduced|rebajad|reduziert|solde|in offerta")


def false_claims(
    reply: Reply,
    listings: Listings,
    screen: Sequence[Listing] = (),
    focus: str | None = None,
    translate: Translate = lambda words: None,
) -> Iterator[str]:
    """Claims of a reply that the catalogue does not bear out.

    `screen` is what was on screen before, `focus` the id of an item that the message is about.
    """
    shown = (*reply.items, *reply.nearest)
    known = {item.item_id: listings.by_id[item.item_id] for item in shown if item.item_id in listings.by_id}
    yield from _false_lines(reply, shown, known, listings, translate)
    in_reach = [*known.values(), *screen]
    in_focus = [item_id for item_id in (focus, reply.state.focus) if item_id is not None]
    in_reach += [listings.by_id[item_id] for item_id in in_focus if item_id in listings.by_id]
    yield from _false_amounts(reply, in_reach)
    yield from _false_counts(reply, in_reach)
    for match in _CHEAPEST.finditer(reply.text):
        prices = [listing.price for listing in known.values() if listing.price is not None]
        own = [listing.price for listing in known.values() if listing.title == match[1] and listing.price]
        if own and prices and min(own) > min(prices):
            yield f"{match[1]!r} is not the cheapest"
    if reply.comparison:
        yield from _false_cells(reply, listings, translate)
    if _ON_SALE.search(reply.text):
        for listing in known.values():
            if listing.list_price is None:
                yield f"{listing.title!r} is not on sale"


def _false_lines(
    reply: Reply,
    shown: Sequence[ReplyItem],
    known: Mapping[str, Listing],
    listings: Listings,
    translate: Translate,
) -> Iterator[str]:
    for line in reply.text.split("\n"):
        match = LIST_LINE.match(line)
        if match is None or not shown:
            continue
        if int(match[1]) > len(shown):
            yield f"line {match[1]} of {len(shown)} items"
            continue
        listing = known.get(shown[int(match[1]) - 1].item_id)
        if listing is not None:
            yield from _false_line(match[2], listing, listings, translate)


def _false_line(line: str, listing: Listing, listings: Listings, translate: Translate) -> Iterator[str]:
    """What is wrong with "Title, €45.00 (was €60.00): fact, fact; reason; also in blue"."""
    title = " ".join(listing.title.split())
    if not line.startswith(title):
        yield f"the line of {title!r} is {line[:60]!r}"
        return
    rest = line[len(title) :]
    price = re.match(rf", ({_PRICE}|{_NUMBER})", rest)
    if price and (listing.price is None or not _is_amount(price[1], listing.price)):
        yield f"{title!r} does not cost {price[1]}"
    before = re.match(rf", [^:]*? \(\D*?({_PRICE}|{_NUMBER})", rest)
    if before and (listing.list_price is None or not _is_amount(before[1], listing.list_price)):
        yield f"{title!r} did not cost {before[1]}"
    facts = rest.split(": ", 1)[1] if ": " in rest else ""
    for statement in facts.split("; "):
        if variants := _ALSO_IN.match(statement):
            yield from _false_variants(variants[1], listing, listings, translate)
        elif not (_MISSES.search(statement) or _reasons().fullmatch(statement)):
            yield from (
                claim for fact in statement.split(", ") for claim in _false_fact(fact, listing, translate)
            )


@cache
def _reasons() -> re.Pattern[str]:
    """Reasons of the recommender in all languages: they come from events, and no listing bears them out."""
    names = [name for name, wording in sentences(ENGLISH).items() if str(wording).strip("['")[0].isalpha()]
    wordings = [sentences(language)[name] for language in get_args(ReasonLanguage) for name in names]
    texts = [text for wording in wordings for text in ([wording] if isinstance(wording, str) else wording)]
    clauses = [clause for text in texts for clause in text.split("; ") if clause[0].isalpha()]
    return re.compile("|".join(_BLANK.sub(".+", re.escape(clause)) for clause in clauses), re.IGNORECASE)


def _false_variants(values: str, listing: Listing, listings: Listings, translate: Translate) -> Iterator[str]:
    """Values of "M, L / blue" that no other variant that is sold has."""
    others = [each for each in listings.sold() if each.article == listing.article and each != listing]
    for value in re.split(r", | / ", values):
        is_there = any(_is_stated(value.lower(), other, translate) for other in others)
        if value != "…" and not (listing.article and is_there):
            yield f"{listing.title!r} does not come in {value!r}"


def _false_fact(fact: str, listing: Listing, translate: Translate) -> Iterator[str]:
    words = fact.lower().strip()
    if words in _NO_PRICE:
        if listing.price is not None:
            yield f"{listing.title!r} has a price"
    elif words and not _is_stated(words, listing, translate):
        yield f"{listing.title!r} is not {words!r}"


def _is_stated(words: str, listing: Listing, translate: Translate) -> bool:
    if words in listing.text:
        return True
    english = translate(words)
    return english is not None and english in listing.text


def _false_amounts(reply: Reply, listings: Sequence[Listing]) -> Iterator[str]:
    amounts = (amount for listing in listings for amount in (listing.price, listing.list_price))
    prices = [amount for amount in amounts if amount is not None]
    for line in reply.text.split("\n"):
        if LIST_LINE.match(line) or _MISSES.search(line):
            continue
        counts = (1, *map(int, re.findall(r"\b(\d{1,3}) ×", line)))
        for match in _AMOUNT.finditer(line):
            if not any(_is_amount(match.group(), count * price) for price in prices for count in counts):
                yield f"nothing costs {match.group()}"


def _is_amount(written: str, price: float) -> bool:
    """Whether digits with any marks, "1.014,90 €", are a price: the last mark before one or two digits is the
    decimal mark."""
    number = re.search(_NUMBER, written)
    if number is None:
        return False
    whole, _, cents = re.sub(r"[.,](?=\d{1,2}$)|(?<=^0)[.,]", "|", number.group()).partition("|")
    digits = "".join(filter(str.isdigit, whole))
    return abs(float(f"{digits}.{cents}") - price) < CENT_FRACTION


def _false_counts(reply: Reply, listings: Sequence[Listing]) -> Iterator[str]:
    """A number of items in English words that is not that of the list."""
    if not reply.items or reply.act.value not in ("find", "more", "similar") or reply.state.language != "en":
        return
    first_line = reply.text.split("\n")[0]
    for listing in listings:
        first_line = first_line.replace(listing.title, "")
    count = _COUNT.search(first_line)
    if count and _COUNTS[count[1].lower()] != len(reply.items) and "one of these" not in reply.text:
        yield f"{count[1]} announced, {len(reply.items)} listed"


def _false_cells(reply: Reply, listings: Listings, translate: Translate) -> Iterator[str]:
    assert reply.comparison is not None
    for name, values in reply.comparison.rows:
        for item_id, value in zip(reply.comparison.item_ids, values, strict=True):
            listing = listings.by_id[item_id]
            is_price = listing.price is not None and _is_amount(value, listing.price)
            if not (is_price or _NO_VALUE.match(value) or _is_stated(value.lower(), listing, translate)):
                yield f"{listing.title!r} has no {name} {value!r}"
