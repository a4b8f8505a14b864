# ruff: noqa: E501  # rows of files are as wide as they are
"""Files as feed managers, exports and spreadsheets make them, with the values that they mean.

One table a kind: each file with what its first items (or events) must be, field by field.
"""

from __future__ import annotations

import base64
import bz2
import json
import lzma
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bowerbird.data.events import Action, Event
from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.items import Item
from bowerbird.data.readers.catalogues.feed_items import FIELDS, item_of
from bowerbird.data.readers.inputs.records_of_text import MISSING_FIELDS
from bowerbird.data.readers.layouts import FileLayout, read_files
from bowerbird.data.readers.recognition.layout import recognise
from bowerbird.data.readers.records import (
    EventBatch,
    EventDraft,
    IgnoredRow,
    ItemBatch,
    ItemDraft,
    Record,
    RejectedRow,
)
from bowerbird.data.readers.values.availability import parse_availability
from bowerbird.data.readers.values.item_fields import ItemFields
from bowerbird.data.readers.values.prices import parse_price
from bowerbird.data.readers.values.texts import parse_prose
from bowerbird.data.store import Store
from bowerbird.errors import InputError

GOOGLE_NS = 'xmlns:g="http://base.google.com/ns/1.0"'
HEAD, TAIL = f'<?xml version="1.0"?><rss {GOOGLE_NS}><channel>', "</channel></rss>"
PICTURE = "https://x.example/w_1,h_2/a.jpg"


def lines(*objects: Any) -> str:
    return "\n".join(json.dumps(each, ensure_ascii=False) for each in objects) + "\n"


def read(path: Path, layout: FileLayout | None = None) -> list[Record]:
    layout = layout or recognise([path])
    assert layout is not None, path.read_bytes()[:100]
    return list(read_files(layout, [path]))


def items_in(records: Sequence[Record]) -> Iterator[Item]:
    for record in records:
        if isinstance(record, ItemDraft):
            yield record.item
        elif isinstance(record, ItemBatch):
            yield from (draft.item for draft in record.drafts())


def events_in(records: Sequence[Record]) -> Iterator[Event]:
    for record in records:
        if isinstance(record, EventDraft):
            yield record.event
        elif isinstance(record, EventBatch):
            yield from (Event.from_row({**row, "event_id": ""}) for row in record.rows.to_pylist())


SCHEMA_OFFER = {"@type": "Offer", "priceCurrency": "EUR"}
ITEMS: dict[str, tuple[str | bytes, list[dict[str, Any]]]] = {
    "blank lines and Excel's separator": ('\n\nsep=;\r\nid;title;price\r\n1;"A, b";5,00 EUR\r\n', [{"item_id": "1", "title": "A, b", "price": 5.0}]),
    "only carriage returns": ("id,title\r1,A\r2,B\r", [{"item_id": "1"}, {"item_id": "2"}]),
    "JSON in UTF-16": (lines({"item_id": "1", "title": "Ü", "image_url": "u"}, {"item_id": "2", "title": "Ö"}).encode("utf-16"), [{"title": "Ü"}, {"title": "Ö"}]),
    "UTF-8 with letters of Windows-1252": ("id,title\n1,Übung\n2,".encode() + "Übung\n".encode("cp1252"), [{"title": "Übung"}, {"title": "Übung"}]),
    "names with g: and capitals": ("g:id\tG:Title\tg:image link\n1\tA\tHTTPS://x.example/1.jpg\n", [{"item_id": "1", "title": "A", "image_link": "https://x.example/1.jpg"}]),
    "a column of currencies": ("id\ttitle\tprice\tcurrency\n1\tA\t5.00\tSEK\n2\tB\t24,567\tEUR\n3\tC\t7 USD\tEUR\n", [{"price": 5.0, "currency": "SEK"}, {"price": 24567.0, "currency": "EUR"}, {"price": 7.0, "currency": "USD"}]),
    "commas in addresses": (f"id\ttitle\timage_link\tadditional_image_link\n1\tA\t{PICTURE}\t{PICTURE},//x.example/b.jpg\n", [{"image_link": PICTURE, "additional_images": (PICTURE, "https://x.example/b.jpg")}]),
    "other marks between categories": ("id\ttitle\tproduct_type\n1\tA\tHome » Lamps › Desk\n", [{"category": ("Home", "Lamps", "Desk")}]),
    "a sale until a day": ("id\ttitle\tprice\tsale_price\tsale_price_effective_date\n1\tA\t9 EUR\t5 EUR\t2020-01-01/2020-01-31\n2\tB\t9 EUR\t5 EUR\t2030-01-01/2020-01-01\n", [{"price": 9.0, "sale_ends": "2020-02-01"}, {"price": 9.0, "sale_price": None}]),
    "RSS without Google's names": (HEAD + '<item><guid>G1</guid><media:title xmlns:media="http://search.yahoo.com/mrss/">no</media:title><title>A</title><price>5,00 EUR</price></item>' + TAIL, [{"item_id": "G1", "title": "A", "price": 5.0}]),
    "names of HTML in XML": ("\n " + HEAD + "<item><g:id>1</g:id><title>A&nbsp;&amp;&nbsp;B &eacute;</title></item>" + TAIL, [{"title": "A & B é"}]),
    "XML in Windows-1252 that says UTF-8": ('<?xml version="1.0" encoding="UTF-8"?><rss><channel><item><id>1</id><title>Üü</title></item></channel></rss>'.encode("cp1252"), [{"title": "Üü"}]),
    "links of Atom": (f'<feed xmlns="http://www.w3.org/2005/Atom" {GOOGLE_NS}><entry><id>x</id><g:id>1</g:id><title>A</title><link rel="self" href="s"/><link rel="alternate" href="a"/></entry></feed>', [{"item_id": "1", "link": "a"}]),
    "Meta's states": ("id,title,price,visibility,status,quantity_to_sell_on_facebook\n1,A,5,published,active,0\n2,B,5,hidden,active,3\n3,C,5,published,archived,3\n", [{"item_id": "1", "availability": "out_of_stock"}]),
    "WooCommerce": (
        "ID,Type,SKU,Name,Published,Date sale price ends,In stock?,Sale price,Regular price,Categories,Images,Parent,Attribute 1 name,Attribute 1 value(s)\n"
        f'11,variation,V-S,,1,,instock,"9,99","19,99",,,id:10,Size,S\n10,variable,V,Shirt,1,,1,,,Clothing > Shirts,"{PICTURE}, https://x.example/b.jpg",,Size,"S, M"\n'
        "12,simple,E,Ended,1,2020-01-31,outofstock,5,10,,,,,\n21,variation,P-S,Hidden,1,,1,,9,,,P,,\n20,variable,P,Hidden,-1,,1,,,,,,,\n",
        [
            {"item_id": "V-S", "title": "Shirt", "price": 9.99, "list_price": 19.99, "group_id": "V", "image_link": PICTURE, "category": ("Clothing", "Shirts")},
            {"item_id": "E", "price": 10.0, "availability": "out_of_stock"},
        ],
    ),
    "Shopify": (
        "Handle,Title,Published,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Image Src\n"
        'a,A,TRUE,S1,,0,deny,"19,99","29,99",//cdn.example/1.jpg\nb,B,true,S2,shopify,0,deny,5.00,4.00,\n',
        [{"item_id": "S1", "price": 19.99, "list_price": 29.99, "availability": "in_stock", "image_link": "https://cdn.example/1.jpg"}, {"price": 5.0, "availability": "out_of_stock"}],
    ),
    "Shopify's JSON": (json.dumps({"products": [{"handle": "a", "title": "A", "variants": [{"id": 1, "price": 12.345, "inventory_management": None, "inventory_quantity": 0}]}]}), [{"price": 12.345, "availability": "in_stock"}]),
    "schema.org: nested texts and fractions": (
        lines({"@type": "Product", "sku": "1", "name": {"@value": "Lampe", "@language": "de"}, "description": {"@value": "Hell"}, "offers": SCHEMA_OFFER | {"price": 24.567}, "aggregateRating": {"ratingValue": "9,2", "bestRating": 10, "reviewCount": "1,204"}}),
        [{"title": "Lampe", "description": "Hell", "price": 24.567, "rating": 4.6, "rating_count": 1204}],
    ),
    "schema.org: offers": (
        lines(
            {"@type": "Product", "sku": "1", "name": "A", "offers": [SCHEMA_OFFER | {"price": "10", "availability": "SoldOut"}, SCHEMA_OFFER | {"price": "12", "availability": "InStock"}]},
            {"@type": "Product", "sku": "2", "name": "B", "offers": {"@type": "AggregateOffer", "lowPrice": "5", "priceCurrency": "EUR", "offers": [{"price": "5", "availability": "http://schema.org/SoldOut"}]}},
            {"@type": "Product", "sku": "3", "name": "C", "offers": {"priceSpecification": [{"priceType": "https://schema.org/StrikethroughPrice", "price": "20", "priceCurrency": "EUR"}, {"price": "15", "priceCurrency": "EUR"}]}},
        ),
        [{"price": 12.0, "availability": "in_stock"}, {"price": 5.0, "currency": "EUR", "availability": "out_of_stock"}, {"price": 15.0, "list_price": 20.0}],
    ),
    "schema.org: references in a graph": (
        json.dumps({"@graph": [{"@type": "ProductGroup", "@id": "#g", "productGroupID": "G", "brand": "Br", "hasVariant": [{"@id": "#v"}]}, {"@type": "Product", "@id": "#v", "sku": "v", "name": "Shirt M"}]}, indent=1),
        [{"item_id": "v", "title": "Shirt M", "group_id": "G", "brand": "Br"}],
    ),
    "OpenAI's": (
        lines(
            {"item_id": "1", "title": "A", "price": 24.567, "currency": "EUR", "image_url": ["//x.example/1.jpg", "https://x.example/2.jpg"], "sale_price": "20.00 EUR", "sale_price_end_date": "2020-01-01", "variant_dict": {"color": "Red"}},
            {"item_id": "2", "title": "B", "price": {"amount": 1999, "currency": "USD"}, "image_url": "https://x.example/1.jpg", "availability": {"status": "out_of_stock"}},
        ),
        [{"price": 24.567, "currency": "EUR", "attributes": {"colour": "Red"}, "image_link": "https://x.example/1.jpg", "additional_images": ("https://x.example/2.jpg",)}, {"price": 19.99, "availability": "out_of_stock"}],
    ),
    "parts of a field in its name": ("id\ttitle\tshipping(country:service:price)\n1\tA\tIN:Express:99 INR\n", [{"shipping": "IN:Express:99 INR"}]),
    "structured titles": ('id\ttitle\tstructured_title\tstructured_description\n1\t\ttrained_algorithmic_media:"Merlin: Series 3"\tdefault:Good\n2\tB\tx\t\n', [{"title": "Merlin: Series 3", "description": "Good"}, {"title": "B", "description": ""}]),
    "structured titles in XML": (HEAD + "<item><g:id>1</g:id><g:structured_title><g:digital_source_type>trained_algorithmic_media</g:digital_source_type><g:content>Merlin</g:content></g:structured_title></item>" + TAIL, [{"title": "Merlin"}]),
    "enclosed pictures": (HEAD + f'<item><guid>1</guid><title>A</title><enclosure url="{PICTURE}" type="image/jpeg" length="1"/><enclosure url="a.mp3" type="audio/mpeg"/></item>' + TAIL, [{"image_link": PICTURE, "additional_images": ()}]),
    "Meta's pictures": ("id\ttitle\tprice\timage[0].url\timage[1].url\n1\tA\t5\thttps://x.example/1.jpg\thttps://x.example/2.jpg\n", [{"image_link": "https://x.example/1.jpg", "additional_images": ("https://x.example/2.jpg",)}]),
    "Meta's pictures in JSON": ("id|title|price|image\n" + '1|A|5|[{"url": "https://x.example/1.jpg", "tag": ["a"]}, {"url": "https://x.example/2.jpg"}]\n', [{"image_link": "https://x.example/1.jpg", "additional_images": ("https://x.example/2.jpg",)}]),
    "Shopify's own types": ("Handle,Title,Product Category,Type,Variant SKU,Variant Price\na,A,Apparel > Clothing,Shirts,S1,5\nb,B,Apparel > Shirts,shirts,S2,5\n", [{"category": ("Apparel", "Clothing", "Shirts")}, {"category": ("Apparel", "Shirts")}]),
    "Shopify's pictures of variants": (json.dumps({"products": [{"handle": "a", "title": "A", "images": [{"id": 7, "src": "1.jpg", "variant_ids": []}, {"id": 8, "src": "2.jpg", "variant_ids": [5]}], "variants": [{"id": 5, "price": "1"}, {"id": 6, "price": "1", "image_id": 7}]}]}), [{"item_id": "5", "additional_images": ("1.jpg",)}, {"item_id": "6", "additional_images": ("2.jpg",)}]),
    "WooCommerce's hidden products": ("ID,Type,SKU,Name,Published,Visibility in catalog\n1,simple,a,A,1,visible\n2,simple,b,B,1,hidden\n3,simple,c,C,1,search\n", [{"item_id": "a"}, {"item_id": "c"}]),
    "OpenAI's first names": (lines({"id": "1", "title": "A", "link": "https://x.example", "price": "79.99 USD", "sale_price": "59.99 USD", "image_link": PICTURE, "product_review_rating": 4.6}), [{"item_id": "1", "price": 59.99, "list_price": 79.99, "rating": 4.6, "image_link": PICTURE}]),
    "Amazon's": (lines({"parent_asin": "A", "title": "B", "price": 12.345}), [{"price": 12.345, "currency": "USD"}]),
    "Google's names in German": ("ID\tTitel\tBildlink\tPreis\tVerfügbarkeit\tZustand\tProdukttyp\tSonderangebotspreis\n1\tLampe\thttps://x.example/a.jpg\t1.299,00 EUR\tnicht auf Lager\tneu\tWohnen > Lampen\t\n", [{"title": "Lampe", "price": 1299.0, "availability": "out_of_stock", "image_link": "https://x.example/a.jpg", "category": ("Wohnen", "Lampen")}]),
    "Google's names in French": ("identifiant;titre;lien;prix;prix soldé;disponibilité\n1;Lampe;https://x.example/a;12,50 EUR;10,00 EUR;en stock\n", [{"title": "Lampe", "price": 10.0, "list_price": 12.5, "link": "https://x.example/a"}]),
    "words for no value": ("id\ttitle\tprice\tbrand\tgtin\tmpn\tsale_price\titem_group_id\tproduct_type\n1\tA\t5 EUR\tNULL\tN/A\tnull\t-\tNone\tnan\nNaN\tB\t5 EUR\t\t\t\t\t\t\n", [{"brand": "", "gtin": "", "mpn": "", "group_id": "", "category": (), "price": 5.0, "list_price": None}]),
    "words for no value in XML": (HEAD + "<item><g:id>1</g:id><title>A</title><g:brand>null</g:brand><g:gtin>N/A</g:gtin></item>" + TAIL, [{"brand": "", "gtin": ""}]),
    "ids that a spreadsheet shortened": ("id\ttitle\tgtin\n1.23457E+12\tA\t\n1E3\tB\t4006381333931.0\n2\tC\t4.00638E+12\n", [{"item_id": "1E3", "gtin": "4006381333931"}, {"item_id": "2", "gtin": ""}]),
    "ids as formulas": ('id,title,gtin\n="007",A,="4006381333931"\n"=""008""","B, b",\n', [{"item_id": "007", "gtin": "4006381333931"}, {"item_id": "008", "title": "B, b"}]),
    **{f"sale dates {dates}": (f"id\ttitle\tprice\tsale_price\tsale_price_effective_date\n1\tA\t20 USD\t15 USD\t{dates}\n", [{"price": 15.0, "sale_ends": "2099-12-31"}]) for dates in ("2026-01-01T00:00-0800 - 2099-12-31T12:00-0800", "2026-01-01–2099-12-30", "2026-01-01, 2099-12-31T00:00Z", "2026-01-01T00:00:00+01:00/2099-12-31T12:00:00+01:00")},
    "a currency in an attribute": (HEAD + '<item><g:id>1</g:id><title>A</title><g:price currency="EUR">12.50</g:price></item>' + TAIL, [{"price": 12.5, "currency": "EUR"}]),
    "a prefix that is not declared": ("<rss><channel><item><g:id>1</g:id><g:title>A</g:title></item></channel></rss>", [{"item_id": "1", "title": "A"}]),
    "marks and characters that XML does not have": (HEAD + "<item><g:id>1</g:id><title>Table & \x0bchair</title><link><![CDATA[https://x.example/?a=1&b=2]]></link></item><item><g:id>2</g:id><title>B &amp; C</title><link>https://x.example/?a=1&b=2</link></item>" + TAIL, [{"title": "Table & chair", "link": "https://x.example/?a=1&b=2"}, {"title": "B & C", "link": "https://x.example/?a=1&b=2"}]),
    "Meta's template": ('"# Required","# Required"\nid,title,"image[0].url","image[0].tag[0]"\n1,A,https://x.example/1.jpg,t\n', [{"image_link": "https://x.example/1.jpg"}]),
    "Pinterest's ratings": ("id,title,average_review_rating,number_of_ratings\n1,A,4.5,12\n", [{"rating": 4.5, "rating_count": 12}]),
    "Shopify's fields for Google": ("Handle,Title,Variant SKU,Variant Price,Google Shopping / MPN,Google Shopping / Condition,Google Shopping / Gender\na,A,S,5,M1,New,Female\n", [{"mpn": "M1", "condition": "new", "attributes": {"gender": "Female"}}]),
    "Shopify's rows sorted by another column": ("Handle,Title,Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\na,A,V,Size,S,A-S,5,1.jpg\nb,B,V,Size,S,B-S,5,\na,,,,M,A-M,6,\n", [{"item_id": "A-S"}, {"item_id": "B-S"}, {"item_id": "A-M", "title": "A", "brand": "V", "group_id": "a", "attributes": {"size": "M"}}]),
    "Shopify's products that no list shows": (json.dumps({"products": [{"handle": "a", "title": "A", "published_at": None, "variants": [{"id": 1}]}, {"handle": "b", "title": "B", "status": "unlisted", "variants": [{"id": 2}]}, {"handle": "c", "title": "C", "published_at": "2026-01-01", "variants": [{"id": 3}]}]}), [{"item_id": "3"}]),
    "Shopify's bulk operation": (lines({"id": "gid://shopify/Product/1", "title": "A", "handle": "a", "status": "ACTIVE", "descriptionHtml": "<p>N</p>"}, {"id": "gid://shopify/ProductVariant/2", "sku": "S", "price": "10.00", "compareAtPrice": "12.00", "inventoryQuantity": 0, "selectedOptions": [{"name": "Size", "value": "M"}], "__parentId": "gid://shopify/Product/1"}, {"id": "gid://shopify/ProductImage/3", "url": "https://x.example/1.jpg", "__parentId": "gid://shopify/Product/1"}), [{"item_id": "S", "title": "A", "description": "N", "price": 10.0, "list_price": 12.0, "availability": "out_of_stock", "image_link": "https://x.example/1.jpg", "attributes": {"size": "M"}}]),
    "WooCommerce's marks": ("ID,Type,SKU,Name,Description,Categories\n1,simple,a,'-50% lamp,one\\ntwo,\"Home\\, garden > Pots, Sale\"\n", [{"title": "-50% lamp", "description": "one two", "category": ("Home, garden", "Pots")}]),
    "WooCommerce in German": ('ID,Typ,Artikelnummer,Name,Veröffentlicht,"Regulärer Preis",Angebotspreis,Vorrätig?,Kategorien,Bilder,"Übergeordnetes Produkt","Attribut 1 Name","Attribut 1 Wert(e)"\n1,variable,t,Tasse,1,,,1,Haus > Küche,https://x.example/t.jpg,,Farbe,"Rot, Blau"\n2,variation,t-r,Tasse - Rot,1,"5,90","4,90",0,,,t,Farbe,Rot\n3,simple,g,Geheim,0,1,,1,,,,,\n', [{"item_id": "t-r", "price": 4.9, "list_price": 5.9, "availability": "out_of_stock", "category": ("Haus", "Küche"), "group_id": "t", "attributes": {"farbe": "Rot", "type": "Küche"}}]),
    "WooCommerce in Spanish": ('ID,Tipo,SKU,Nombre,Publicado,¿Existencias?,Precio normal,Categorías,Imágenes,"Nombre del atributo 1","Valor(es) del atributo 1"\n1,simple,t,Taza,1,1,"5,90",Casa,https://x.example/t.jpg,Material,Barro\n', [{"title": "Taza", "price": 5.9, "image_link": "https://x.example/t.jpg", "attributes": {"material": "Barro", "type": "Casa"}}]),
    "JSON-LD with references": (json.dumps({"@graph": [{"@type": "Product", "sku": "1", "name": "A", "offers": {"@id": "#o"}, "image": {"@id": "#i"}}, {"@type": "Offer", "@id": "#o", "price": "10", "priceCurrency": "EUR", "availability": "https://schema.org/SoldOut"}, {"@type": "ImageObject", "@id": "#i", "url": "https://x.example/1.jpg"}]}), [{"price": 10.0, "availability": "out_of_stock", "image_link": "https://x.example/1.jpg"}]),
    "JSON-LD with a prefix": (lines({"@context": {"schema": "https://schema.org/"}, "@type": "schema:Product", "schema:sku": "1", "schema:name": "A", "schema:offers": {"@type": "schema:Offer", "schema:price": "5", "schema:priceCurrency": "EUR"}}), [{"item_id": "1", "price": 5.0, "currency": "EUR"}]),
    "Amazon's as Hugging Face has them": (lines({"parent_asin": "A", "title": "B", "price": "None", "images": {"hi_res": [None], "large": ["https://x.example/l.jpg"], "thumb": ["https://x.example/t.jpg"]}, "details": '{"Color": "Red"}'}), [{"price": None, "image_link": "https://x.example/l.jpg", "attributes": {"color": "Red"}}]),
    "H&M's articles alone": ("article_id,product_code,prod_name,product_type_name\n0108775015,108775,Strap top,Vest top\n", [{"item_id": "0108775015", "title": "Strap top"}]),
}  # fmt: skip


@pytest.mark.parametrize("name", ITEMS)
def test_items(tmp_path: Path, name: str) -> None:
    content, expected = ITEMS[name]
    path = tmp_path / "feed"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    items = list(items_in(read(path)))
    assert len(items) == len(expected)
    for item, fields in zip(items, expected, strict=True):
        for field, value in fields.items():
            actual = getattr(item, field)
            assert (f"{actual:%Y-%m-%d}" if field == "sale_ends" else actual) == value, field


@pytest.mark.parametrize("text", ["19.99&nbsp;EUR", "&euro;19.99", "&#8364; 19,99", "<b>19.99</b> EUR"])
def test_html_in_a_price(text: str) -> None:
    assert parse_price(text) == (19.99, "EUR")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            (text, "out_of_stock")
            for text in ("Temporarily out of stock", "нет в наличии", "品切れ", "0 Stück")
        ),
        *((text, "out_of_stock") for text in ("Currently unavailable", "0,0", "tükendi", "Sold Out!")),
        *((text, "in_stock") for text in ("In Stock (5)", "5 pcs", "på lager (12)", "在庫あり", "lagernd")),
        *(("disponibile su ordinazione", "backorder"), ("予約受付中", "preorder")),
    ],
)
def test_availability(text: str, expected: str) -> None:
    assert parse_availability(text) == expected


def test_counts_ratings_and_marks_of_xml() -> None:
    fields = ItemFields()
    assert [fields.count("n", text) for text in ("1,204", "1.204", "1 204", "12.0", 7)] == [
        1204,
        1204,
        1204,
        12,
        7,
    ]
    assert fields.number("rating", "4,5") == 4.5 and not fields.repairs
    assert (
        fields.count("n", "12.5") is None
        and fields.repairs[0].reason == "is not a whole number of at least zero"
    )
    assert parse_prose("<![CDATA[Lamp <b>red</b>]]>") == "Lamp red"


def test_the_documented_fields_of_the_feed_are_those_that_are_read() -> None:
    class Recorder(dict[str, list[str]]):
        def get(self, name: str, default: Any = None) -> Any:
            names.add(name)
            return {"id": ["1"]}.get(name, default)

    names: set[str] = set()
    item_of(Recorder(), "", Path())
    assert names - {MISSING_FIELDS} == set(FIELDS)


def track(event: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": event,
        "userId": "u",
        "timestamp": "2026-01-02",
        "properties": {"product_id": "a"},
    } | fields


@pytest.mark.parametrize(
    ("name", "action"),
    [
        *((name, "view") for name in ("product_viewed", "Viewed Product", "ProductViewed", "PRODUCT VIEWED")),
        *(("Added Product", "add_to_cart"), ("removed_product", "remove")),
    ],
)
def test_names_of_segments_events(tmp_path: Path, name: str, action: str) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text(lines(track(name)))
    assert [event.action for event in events_in(read(path))] == [action]


GA4 = {
    "event_name": "view_item",
    "user_pseudo_id": "d",
    "event_timestamp": 1767312000000000,
    "items": [{"item_id": "a"}],
}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([track("Product Viewed"), track("Product Viewed", userId="v")], indent=1),
        lines({"batch": [track("Product Viewed"), track("Product Viewed", userId="v")]}),
        lines(track("Product Viewed", userId="ü"), track("Product Viewed", userId="v")).encode("utf-16"),
        lines(track("Product Viewed", userId="ü"), track("Product Viewed", userId="v")).encode("cp1252"),
        json.dumps([GA4, GA4 | {"user_pseudo_id": "e"}]),
    ],
    ids=["array", "batch", "utf-16", "windows-1252", "ga4 array"],
)
def test_forms_of_events(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "e"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    events = list(events_in(read(path)))
    assert len(events) == len({event.user_id for event in events}) == 2


UNSTRUCTURED = {
    "schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
    "data": {
        "schema": "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2",
        "data": {"type": "product_view"},
    },
}
ENTITIES = {
    "data": [{"schema": "iglu:com.example/product/jsonschema/1-0-0", "data": {"id": "a", "price": 5}}]
}
PAYLOAD = {"e": "ue", "tv": "js-3", "dtm": "1767312000000", "duid": "d", "eid": "e1"}


def in_base64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


VIEW, DAY = Action.VIEW, "2026-01-02T00:00:00Z"
EVENTS: dict[str, tuple[str, list[tuple[str, str, Action, float | None]]]] = {
    "an order whose products have other ids": (lines(track("Order Completed", properties={"id": "o", "products": [{"product_id": "a", "price": "$10.50"}, {"id": "b", "price": 3}, {"productId": "c"}]})), [("u", "a", Action.PURCHASE, 10.5), ("u", "b", Action.PURCHASE, 3.0), ("u", "c", Action.PURCHASE, None)]),
    "products in a text": (lines(track("Order Completed", properties={"products": '[{"product_id": "a"}]'})), [("u", "a", Action.PURCHASE, None)]),
    "names of other vocabularies": (lines(track("Add to Cart"), track("Purchase"), track("Sign Up")), [("u", "a", Action.ADD_TO_CART, None), ("u", "a", Action.PURCHASE, None)]),
    "words for no user": (lines(track("Product Viewed", userId="null", anonymousId="d"), track("Product Viewed", userId="undefined", anonymousId="e"), track("Product Viewed", properties={"product_id": "undefined"})), [("d", "a", VIEW, None), ("e", "a", VIEW, None)]),
    "rows of a warehouse": (lines({"id": "1", "anonymous_id": "d", "user_id": "u", "event": "product_viewed", "event_text": "Product Viewed", "product_id": "a", "price": 2.5, "timestamp": DAY}, {"id": "2", "anonymous_id": "d", "event": "order_completed", "products": '[{"product_id": "b"}]', "received_at": DAY}), [("u", "a", VIEW, 2.5), ("d", "b", Action.PURCHASE, None)]),
    "a table of a warehouse": (f"id,anonymous_id,user_id,event,event_text,product_id,timestamp\n1,d,u,product_viewed,Product Viewed,a,{DAY}\n2,e,,product_added,Product Added,b,{DAY}\n", [("u", "a", VIEW, None), ("e", "b", Action.ADD_TO_CART, None)]),
    "GA4 unnested": ("event_timestamp,event_name,user_pseudo_id,item_id,price\n1767312000000000,view_item,d,a,5\n", [("d", "a", VIEW, 5.0)]),
    "payloads of Snowplow's tracker": (lines({"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": [PAYLOAD | {"uid": "u", "ue_px": in_base64(UNSTRUCTURED), "cx": in_base64(ENTITIES)}, PAYLOAD | {"ue_pr": json.dumps(UNSTRUCTURED), "co": json.dumps(ENTITIES)}, PAYLOAD | {"e": "pv"}, PAYLOAD | {"e": "ti", "ti_id": "o", "ti_sk": "b", "ti_pr": "3.5"}]}), [("u", "a", VIEW, 5.0), ("d", "a", VIEW, 5.0), ("d", "b", Action.PURCHASE, 3.5)]),
    "one payload a line": (lines(PAYLOAD | {"ue_px": in_base64(UNSTRUCTURED), "cx": in_base64(ENTITIES)}), [("d", "a", VIEW, 5.0)]),
    "Amazon's benchmark": ("user_id,parent_asin,rating,timestamp\nu,a,5.0,1767312000000\n", [("u", "a", Action.SAVE, 5.0)]),
    "MovieLens' ratings alone": ("userId,movieId,rating,timestamp\nu,a,4.5,1767312000\n", [("u", "a", Action.SAVE, 4.5)]),
    "H&M's purchases alone": ("t_dat,customer_id,article_id,price\n2026-01-02,u,0108775015,0.05\n", [("u", "0108775015", Action.PURCHASE, 0.05)]),
}  # fmt: skip


@pytest.mark.parametrize("name", EVENTS)
def test_events(tmp_path: Path, name: str) -> None:
    content, expected = EVENTS[name]
    path = tmp_path / "events"
    path.write_text(content)
    events = list(events_in(read(path)))
    actual = sorted((event.user_id, event.item_id, event.action, event.value) for event in events)
    assert actual == sorted(expected, key=lambda each: each[:3])
    assert {event.at for event in events} == {datetime(2026, 1, 2, tzinfo=UTC)}


EVENT_MAP = '[events]\nuser_id = "who"\nitem_id = "what"\nat = "when"\naction = "did"\nvalue = "paid"\n'


def test_a_table_of_events_as_spreadsheets_write_it(shop: Store, tmp_path: Path) -> None:
    """Ids as floats, actions in capitals, a value that is lost and listed, a user's id that no address can hold."""
    (tmp_path / "map.toml").write_text(EVENT_MAP)
    rows = [
        "sep=;",
        "who;what;when;did;paid",
        "7.0;a;2026-01-02;PURCHASE;1.299,00",
        "v;a;2026-01-02;View;abc",
    ]
    (tmp_path / "t.csv").write_text("\r".join([*rows, "..;a;2026-01-02;view;", ""]), newline="")
    summary = import_layout(shop, "parquet", [tmp_path / "t.csv"], column_map=tmp_path / "map.toml")
    assert summary.events.rejected == {"the user id is a step in a path": 1}
    assert summary.events.repaired == {"paid is no number or price with one reading": 1}
    logged = {row["user_id"]: (row["action"], row["value"]) for row in shop.log.read().to_pylist()}
    assert logged == {"7": ("purchase", 1299.0), "v": ("view", None)}
    assert summary.rejected_file is not None and "kept, without its paid" in summary.rejected_file.read_text()


def test_a_table_of_items_with_ids_as_floats_and_html(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("sku,name,maker,kind\n7325.0,Tee &amp; co,H&amp;M,A &gt; B\n")
    (tmp_path / "map.toml").write_text(
        '[items]\nitem_id = "sku"\ntitle = "name"\nbrand = "maker"\ncategory = "kind"\n'
    )
    item = next(items_in(list(read_files(FileLayout.PARQUET, [tmp_path / "t.csv"], tmp_path / "map.toml"))))
    assert (item.item_id, item.title, item.brand, item.category) == ("7325", "Tee & co", "H&M", ("A", "B"))


def test_public_data_sets_that_went_through_pandas(tmp_path: Path) -> None:
    (tmp_path / "articles.csv").write_text("article_id,prod_name\n108775015.0,Strap &amp; top\n")
    (tmp_path / "transactions_train.csv").write_text(
        "t_dat,customer_id,article_id,price\n2020-01-01,c,108775015.0,0.05\n"
    )
    records = read(tmp_path)
    item, event = next(items_in(records)), next(events_in(records))
    assert (item.item_id, item.title, event.item_id) == ("0108775015", "Strap & top", "0108775015")


def test_lists_and_fractions_in_parquet(tmp_path: Path) -> None:
    table = {
        "id": [1.0],
        "title": ["A"],
        "price": [24.567],
        "additional_image_link": [["//x.example/1.jpg", PICTURE]],
    }
    pq.write_table(
        pa.table(table | {"product_type": [["Home", "Lamps"]], "availability": [False]}), tmp_path / "f"
    )
    item = next(items_in(read(tmp_path / "f", FileLayout.GOOGLE_FEED)))
    assert (item.item_id, item.price, item.category, item.availability) == (
        "1",
        24.567,
        ("Home", "Lamps"),
        "out_of_stock",
    )
    assert item.additional_images == ("https://x.example/1.jpg", PICTURE)


def test_packed_files(tmp_path: Path) -> None:
    content = b"id,title\n1,A\n"
    (tmp_path / "a").write_bytes(bz2.compress(content))
    (tmp_path / "b").write_bytes(lzma.compress(content))
    with zipfile.ZipFile(tmp_path / "c", "w") as archive:
        for name in ("feed.csv", "__MACOSX/._feed.csv", ".DS_Store"):
            archive.writestr(name, content)
    for name in "abc":
        assert [item.title for item in items_in(read(tmp_path / name))] == ["A"]
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    with pytest.raises(InputError, match="spreadsheet"):
        recognise([tmp_path / "book.xlsx"])


def test_two_spellings_of_one_column_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "feed.tsv").write_text("id\ttitle\tTitle\n1\tA\tB\n")
    with pytest.raises(InputError, match="several columns title"):
        read(tmp_path / "feed.tsv")


def test_a_reference_to_an_object_that_is_elsewhere_is_listed(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text(
        lines({"@type": "ProductGroup", "name": "A", "hasVariant": [{"@id": "#v"}]})
    )
    records = read(tmp_path / "p.jsonl")
    assert [type(record) for record in records] == [RejectedRow] and not any(
        isinstance(r, IgnoredRow) for r in records
    )


def test_the_summary_counts_reasons_in_json(store: Store, tmp_path: Path) -> None:
    (tmp_path / "feed.tsv").write_text("id\ttitle\tprice\n1\tA\tx\n1\tB\t5\n")
    summary = import_layout(store, "google-feed", [tmp_path / "feed.tsv"]).as_dict()
    assert summary["items"]["rejected"] == {"duplicate item_id": 1}
    assert list(summary["items"]["repaired"].values()) == [1]
