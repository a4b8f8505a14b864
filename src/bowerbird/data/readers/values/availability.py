"""Availability in the spellings of Google, schema.org, Meta, Shopify and of people."""

from __future__ import annotations

import re
from typing import Any

from bowerbird.data.readers.values.numbers import parse_number
from bowerbird.data.readers.values.outcomes import Rejection
from bowerbird.data.readers.values.texts import parse_text

IN_STOCK = "in_stock"
OUT_OF_STOCK = "out_of_stock"
PREORDER = "preorder"
BACKORDER = "backorder"
WITHDRAWN = "withdrawn"
UNKNOWN = Rejection("is no known availability (write in_stock, out_of_stock, preorder or backorder)")
SPELLINGS = {
    IN_STOCK: """in stock, instock, available, available for order, available now, in store, in store only,
        in-store only, online only, limited availability, limited, low stock, few left, last items, yes, true,
        y, ready to ship, ships today, continue, en stock, disponible, disponibles, auf lager, lieferbar,
        verfügbar, sofort lieferbar, vorrätig, disponibile, in magazzino, op voorraad, i lager, på lager,
        varastossa, dostępny, skladem, em estoque, disponível""",
    OUT_OF_STOCK: """out of stock, oos, sold out, unavailable, not available, discontinued,
        no, false, n, none, no stock, not in stock, reserved, out of print, temporarily unavailable, archived,
        draft, deny, ended, agotado, sin existencias, no disponible, ausverkauft, nicht verfügbar,
        nicht auf lager, nicht lieferbar, vergriffen, épuisé, rupture de stock, en rupture de stock,
        indisponible, non disponible, esaurito, non disponibile, uitverkocht, niet op voorraad, slutsåld,
        ej i lager, utsolgt, udsolgt, loppu, niedostępny, vyprodáno, esgotado, indisponível""",
    PREORDER: "preorder, presale, coming soon, vorbestellbar, précommande, preventa",
    BACKORDER: """backorder, back-order, back order, on backorder, onbackorder, made to order, on order,
        special order, sur commande, nachbestellt, bajo pedido, su ordinazione""",
    WITHDRAWN: "withdrawn, deleted, removed",
}
_NOT_LETTERS = re.compile(r"[\W_]+")


def _key(text: str) -> str:
    return _NOT_LETTERS.sub("", text.casefold())


_BY_KEY = {_key(word): value for value, words in SPELLINGS.items() for word in words.split(",")}


def parse_availability(value: Any) -> str | Rejection:
    """Parse an availability into the catalogue's word; a missing value means in stock, a number is a stock.

    >>> parse_availability("https://schema.org/OutOfStock"), parse_availability("")
    ('out_of_stock', 'in_stock')
    >>> parse_availability("0"), parse_availability("7"), parse_availability("maybe").reason[:26]
    ('out_of_stock', 'in_stock', 'is no known availability (')
    """
    if isinstance(value, bool):
        return IN_STOCK if value else OUT_OF_STOCK
    text = parse_text(value)
    if not text:
        return IN_STOCK
    number = parse_number(text)
    if number is not None:
        return IN_STOCK if number > 0 else OUT_OF_STOCK
    return _BY_KEY.get(_key(text.rsplit("/", 1)[-1].rsplit(":", 1)[-1]), UNKNOWN)
