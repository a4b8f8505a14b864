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
        in-store only, online only, limited availability, limited stock, limited, low stock,
        few left, last items, yes, true, active, y, on, ok, ready to ship, ships today, continue,
        en stock, disponible, disponibles, sí, oui, ja, auf lager, lieferbar, verfügbar,
        sofort lieferbar, sofort verfügbar, vorrätig, lagernd, ab lager, disponibile,
        disponibilità immediata, in magazzino, op voorraad, leverbaar, i lager, finns i lager,
        på lager, varastossa, saatavilla, dostępny, w magazynie, skladem, na sklade, raktáron,
        készleten, în stoc, in stoc, em estoque, em stock, disponível, stokta, stokta var, mevcut,
        в наличии, есть в наличии, в наявності, в наличност, διαθέσιμο, σε απόθεμα, 在庫あり, 有货,
        有貨, 現貨, 现货, 재고 있음, 재고있음, متوفر, במלאי, còn hàng, มีสินค้า, tersedia, beschikbaar,
        direct leverbaar, tillgänglig, tilgængelig, tilgjengelig, na stanie, dostępne, saatavana,
        k dispozici, na voljo, na zalogi, dostupno, na stanju, turime""",
    OUT_OF_STOCK: """out of stock, oos, sold out, soldout, unavailable, not available, no longer available,
        discontinued, no, false, n, off, none, no stock, zero stock, not in stock, reserved,
        out of print, inactive, archived, draft, deny, ended, nein, non, agotado, agotada,
        sin existencias, sin stock, fuera de stock, no disponible, ausverkauft, nicht verfügbar,
        nicht auf lager, nicht lieferbar, nicht vorrätig, vergriffen, épuisé, rupture de stock,
        en rupture de stock, rupture, indisponible, non disponible, pas en stock, esaurito,
        non disponibile, uitverkocht, niet op voorraad, niet leverbaar, slutsåld, slut i lager,
        ej i lager, utsolgt, ikke på lager, udsolgt, udgået, loppu, loppuunmyyty, ei varastossa,
        niedostępny, brak w magazynie, wyprzedany, vyprodáno, není skladem, vypredané, elfogyott,
        nincs raktáron, nincs készleten, stoc epuizat, indisponibil, esgotado, indisponível,
        sem estoque, tükendi, stokta yok, нет в наличии, распродано, немає в наявності,
        няма в наличност, изчерпан, εξαντλημένο, μη διαθέσιμο, 在庫なし, 在庫切れ, 品切れ, 売り切れ,
        缺货, 缺貨, 无货, 售罄, 품절, 재고 없음, 재고없음, غير متوفر, نفد, אזל, אזל מהמלאי, hết hàng,
        สินค้าหมด, habis, brak na stanie, brak, niedostępne, ikke tilgængelig, ikke tilgjengelig,
        ej tillgänglig, inte i lager, tillfälligt slut, nicht mehr lieferbar, nicht mehr verfügbar,
        derzeit nicht, zurzeit vergriffen, niet beschikbaar, niet meer leverbaar, no hay stock,
        sin existencia, no hay existencias, descatalogado, plus disponible, hors stock,
        non più disponibile, terminato, fora de estoque, não disponível, ei saatavilla, nedostupné,
        nedostupno, ni na zalogi""",
    PREORDER: """preorder, presale, coming soon, available soon, vorbestellbar, vorbestellung, précommande,
        preventa, prenotabile, pré-venda, pre-order now, förbeställning, forudbestilling, предзаказ,
        予約, 予約受付中""",
    BACKORDER: """backorder, back-order, back order, on backorder, onbackorder, available on backorder,
        made to order, on order, special order, sur commande, nachbestellt, bajo pedido,
        su ordinazione, disponibile su ordinazione, auf bestellung, op bestelling, под заказ,
        na zamówienie, na objednávku, sob encomenda, お取り寄せ""",
    WITHDRAWN: "withdrawn, deleted, removed",
}
_NOT_LETTERS = re.compile(r"[\W_]+")
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\d+")
_COUNT = re.compile(
    r"(?:>=?|≥|über|over|more than|mehr als|plus de|más de)?\s*([+-]?\d+(?:[.,]\d+)?)\s*"
    r"(?:\+|x|pcs\.?|pieces?|units?|items?|st\.?|stk\.?|stück|szt\.?|ks|шт\.?|個|件|개)?"
)


def _key(text: str) -> str:
    return _NOT_LETTERS.sub("", text.casefold())


_BY_KEY = {_key(word): value for value, words in SPELLINGS.items() for word in words.split(",")}
MIN_PHRASE_LENGTH = 7
"""Letters of a phrase that says within others that something is not sold: "temporarily out of stock"."""
_PHRASES = tuple(
    key for key, value in _BY_KEY.items() if value == OUT_OF_STOCK and len(key) >= MIN_PHRASE_LENGTH
)


def parse_availability(value: Any) -> str | Rejection:
    """Parse an availability into the catalogue's word; a missing value means in stock, a number is a stock.

    >>> parse_availability("https://schema.org/OutOfStock"), parse_availability("")
    ('out_of_stock', 'in_stock')
    >>> parse_availability("0"), parse_availability("7 pcs"), parse_availability("maybe").reason[:26]
    ('out_of_stock', 'in_stock', 'is no known availability (')
    >>> parse_availability("In stock (5)"), parse_availability("Currently out of stock")
    ('in_stock', 'out_of_stock')
    """
    if isinstance(value, bool):
        return IN_STOCK if value else OUT_OF_STOCK
    text = parse_text(value)
    if not text:
        return IN_STOCK
    count = _COUNT.fullmatch(text.casefold())
    number = parse_number(count[1].replace(",", ".") if count else text)
    if number is not None:
        return IN_STOCK if number > 0 else OUT_OF_STOCK
    key = _key(text.rsplit("/", 1)[-1].rsplit(":", 1)[-1])
    known = _BY_KEY.get(key) or _BY_KEY.get(_key(_ASIDE.sub("", text)))
    if known is None and any(phrase in key for phrase in _PHRASES):
        return OUT_OF_STOCK
    return known or UNKNOWN
