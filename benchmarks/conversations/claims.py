"""Checks of a reply's claims against the raw listings, by code that the assistant does not use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from bowerbird.assist.reply import Named, Reply
from conversations.numbers import ONES
from conversations.shop import Listing, Shop
from conversations.truth import Move
from conversations.words import COLOURS, LANGUAGES, MATERIALS, NOUNS

_LINE = re.compile(r"^(\d+)\. (.*)$")
_AMOUNT = re.compile(r"(?<![\w.])(\d+(?:\.\d{2}))(?: (USD|EUR|GBP|SEK))?(?![\w.])")
_COUNTS = {word: number for number, word in enumerate(ONES[1:11], start=1)}
_COUNT = re.compile(rf"\b({'|'.join(_COUNTS)})\b", re.I)
_REASON = re.compile(
    r"^(?:trending|liked by|often |matches your|because|similar to|you |bought|chosen|popular|new )", re.I
)
"""Reasons of the recommender, from events rather than listings."""
_CHEAPEST = re.compile(r"^(.+?) (?:is the cheapest|es el más barato|ist am günstigsten)", re.M)
_MISSES = re.compile(
    r" (?:rather than|instead of|en vez de|statt|au lieu de|invece di) |you asked|pediste|above|below|limit|"
    r"did not want|no querías|por encima|por debajo|über deiner|unter de|weniger als|au-dessus|"
    r"en dessous|oltre il|sotto|exactly|exactamente|genau|exactement|esattamente|no stated"
)
EMBARRASSING = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"no item mentions",
        r"\bnan\b|\bNone\b|\{|\}|\bnull\b",
        r"\b(\w{3,}) \1\b(?! dress)",
        r"\(\s*\)|“”|«»| ,|,,",
        r"\b(?:stripes|dots|checks) (?:gifts|items|dresses)",
        r"\bno (?:a|an|the) ",
        r"\bitems items|gifts gifts|\ba [aeio]\w+ (?:lamp|chair)s\b",
        r"\b(?:nor|not) not\b",
        r"(?<!dark )(?<!light )\b(\w+) or \1\b",
        r"\b(?:is|have) one (?:[\w-]+ ){0,3}(?:lamps|chairs|mirrors|rugs|tables|mugs|hats|bags)\b",
    )
)
_LANGUAGE_WORDS = {
    code: frozenset(words.split())
    for code, words in (
        ("en", "the these here are have you what would for is it doesn't this can i'm of and not"),
        ("es", "aquí tienes el la los de para que no es por he qué cuál más lo una un"),
        ("de", "hier sind ich habe die der das ist für nicht was kostet und ein eine aus"),
        ("fr", "voici je les des pour que est le la plus rien ne vous cette en de un une ai"),
        ("it", "ecco ho il la le per che non è di più questi questo costa un una trovate"),
    )
}


def false_claims(reply: Reply, move: Move, shop: Shop, screen: Sequence[Listing]) -> Iterator[str]:
    """Claims of a reply that the catalogue does not bear out; `screen` is what was on screen before."""
    named = (*reply.items, *reply.nearest)
    known = {one.item_id: shop.listings[one.item_id] for one in named if one.item_id in shop.listings}
    yield from _false_lines(reply, named, known)
    in_reach = [*known.values(), *screen]
    if move.focus in shop.listings:
        in_reach.append(shop.listings[move.focus])
    yield from _false_amounts(reply, in_reach)
    if reply.items and reply.act.value in ("find", "more", "similar") and move.language == "en":
        count = _COUNT.search(_without_titles(reply.text.split("\n")[0], in_reach))
        if count and _COUNTS[count[1].lower()] != len(reply.items) and "one of these" not in reply.text:
            yield f"{count[1]} announced, {len(reply.items)} listed"
    for match in _CHEAPEST.finditer(reply.text):
        prices = [one.price for one in known.values() if one.price is not None]
        own = [one.price for one in known.values() if one.title == match[1]]
        if own and prices and min(own) > min(prices):
            yield f"{match[1]!r} is not the cheapest"
    if reply.comparison:
        yield from _false_cells(reply, shop)
    if re.search(r"on sale|reduced|rebajad|reduziert|solde|in offerta", reply.text) and known:
        yield from (f"{one.title!r} is not on sale" for one in known.values() if "sale" not in one.text)


def _false_lines(reply: Reply, named: Sequence[Named], known: Mapping[str, Listing]) -> Iterator[str]:
    for line in reply.text.split("\n"):
        match = _LINE.match(line)
        if match is None or not named or int(match[1]) > len(named):
            if match and named:
                yield f"line {match[1]} of {len(named)} items"
            continue
        listing = known.get(named[int(match[1]) - 1].item_id)
        if listing is None:
            continue
        title = " ".join(listing.title.split())
        if not match[2].startswith(title):
            yield f"line {match[1]} is not {title!r}: {match[2][:60]!r}"
            continue
        rest = match[2][len(title) :]
        price = re.match(r", ([\d.]+) ?(\w{3})?", rest)
        if price and (listing.price is None or abs(float(price[1]) - listing.price) > 0.005):
            yield f"{title!r} does not cost {price[1]}"
        facts = rest.split(": ", 1)[1] if ": " in rest else ""
        for part in re.split(r"; ", facts):
            if _MISSES.search(part) or _REASON.search(part):
                continue
            for fact in part.split(", "):
                yield from _false_fact(fact, listing)


def _false_fact(fact: str, listing: Listing) -> Iterator[str]:
    words = fact.lower().strip()
    if not words or words in listing.text:
        return
    if words in _NO_PRICE:
        if listing.price is not None:
            yield f"{listing.title!r} has a price"
        return
    english = _to_english().get(words) or _shade(words)
    if english is None or english not in listing.text:
        yield f"{listing.title!r} is not {words!r}"


_NO_PRICE = {"kein preis angegeben", "sin precio indicado", "sans prix indiqué", "senza prezzo indicato"}
_SHADES = {
    "dark": "oscuro oscura oscuros oscuras foncé foncée scuro scura",
    "light": "claro clara claros claras clair claire chiaro chiara",
}


def _shade(words: str) -> str | None:
    """A shade of a colour in English: "azul oscuro" is dark blue."""
    colour, _, shade = words.rpartition(" ")
    for prefix, german in (("dark", "dunkel"), ("light", "hell")):
        if shade in _SHADES[prefix].split() and colour in _to_english():
            return f"{prefix} {_to_english()[colour]}"
        if words.startswith(german) and words.removeprefix(german) in _to_english():
            return f"{prefix} {_to_english()[words.removeprefix(german)]}"
    return None


@cache
def _to_english() -> dict[str, str]:
    english = {}
    for code in LANGUAGES:
        for key, noun in NOUNS[code].items():
            english[noun.singular.lower()] = english[noun.plural.lower()] = key
        for table in (COLOURS, MATERIALS):
            for key, forms in table[code].items():
                english |= dict.fromkeys((form.lower() for form in forms), key)
    more = {"türkis": "teal", "turquesa": "teal", "turquoise": "teal", "turchese": "teal", "petrol": "teal"}
    attributes = {
        "striped": "rayas rayado rayada de_rayas a_rayas gestreift rayé à_rayures a_righe",
        "checked": "cuadros a_cuadros de_cuadros kariert à_carreaux a_quadri",
        "floral": "flores floreado de_flores geblümt fleuri à_fleurs a_fiori floreale",
        "dotted": "lunares de_lunares gepunktet à_pois a_pois",
        "geometric": "geométrico geometrisch géométrique geometrico",
        "pink": "rosa rose",
        "purple": "lila violeta violett morado violet viola",
        "beige": "beis beige",
        "denim": "vaquero denim jeans jean tela_vaquera jeansstoff",
        "teal": "petrol verde_azulado",
        "scandinavian": "escandinavo nórdico skandinavisch scandinave scandinavo",
        "industrial": "industriell industriel industriale",
        "bohemian": "bohemio boho bohemian bohème bohémien",
        "light blue": "azzurro azzurra celeste",
        "coastal": "costero maritim marin costiero bord_de_mer marinero marinaro",
        "art deco": "art_déco art_decó",
        "baroque": "barroco barock barocco",
        "mid-century": "años_cincuenta",
        "plain": "liso tinta_unita uni einfarbig",
        "herringbone": "espiga fischgrat chevrons spina_di_pesce espiguilla fischgrät "
        "à_chevrons a_spina_di_pesce",
    }
    for key, forms in attributes.items():
        more |= {form.replace("_", " "): key for form in forms.split()}
    return {**more, **english}


def _false_amounts(reply: Reply, listings: Sequence[Listing]) -> Iterator[str]:
    prices = [one.price for one in listings if one.price is not None]
    for line in reply.text.split("\n"):
        if _LINE.match(line) or _MISSES.search(line):
            continue
        for match in _AMOUNT.finditer(line):
            if match[2] and not any(abs(float(match[1]) - price) < 0.005 for price in prices):
                yield f"nothing costs {match.group()}"


def _without_titles(text: str, listings: Sequence[Listing]) -> str:
    for listing in listings:
        text = text.replace(listing.title, "")
    return text


def _false_cells(reply: Reply, shop: Shop) -> Iterator[str]:
    assert reply.comparison is not None
    for name, values in reply.comparison.rows:
        for item_id, value in zip(reply.comparison.item_ids, values, strict=True):
            listing = shop.listings[item_id]
            price = "" if listing.price is None else f"{listing.price:.2f}"
            is_true = value.lower() in listing.text or (price and value.startswith(price))
            english = _to_english().get(value.lower()) or _shade(value.lower())
            is_empty = re.match(
                r"not stated|no indicado|nicht angegeben|keine Angabe|non (?:précisé|indiqu|indicat)", value
            )
            if not (is_true or is_empty or (english and english in listing.text)):
                yield f"{listing.title!r} has no {name} {value!r}"


def embarrassments(reply: Reply, move: Move) -> Iterator[str]:
    """Sentences that no shop assistant would say."""
    if "from the catalogue" in reply.text:
        yield "'from the catalogue' as a reason"
    spoken = "\n".join(line for line in reply.text.split("\n") if not _LINE.match(line))
    for pattern in EMBARRASSING:
        match = pattern.search(spoken)
        if match:
            yield f"{match.group()!r} in {spoken[:90]!r}"
    words = re.findall(r"[\w']+", spoken.lower())
    if len(words) > 5:
        counts = {code: sum(word in own for word in words) for code, own in _LANGUAGE_WORDS.items()}
        best = max(counts, key=lambda code: (counts[code], code == move.language))
        if best != move.language and counts[best] >= counts[move.language] + 2 and "“" not in spoken:
            yield f"answers in {best}: {spoken[:90]!r}"
