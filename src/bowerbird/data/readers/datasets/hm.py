"""H&M's articles and purchases: the Kaggle competition's csv files and picture folders, or Parquet files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.events import Action, Event
from bowerbird.data.items import Item
from bowerbird.data.readers.fields import find_file, parse_number, parse_price, parse_text, parse_time
from bowerbird.data.readers.records import EventDraft, ItemDraft, Records, RejectedRow
from bowerbird.data.readers.tables import read_rows

ATTRIBUTES = {
    "type": "product_type_name",
    "colour": "colour_group_name",
    "pattern": "graphical_appearance_name",
    "shade": "perceived_colour_value_name",
    "colour family": "perceived_colour_master_name",
    "section": "section_name",
    "department": "department_name",
}
CATEGORY = ("index_group_name", "product_group_name", "product_type_name")


def read(paths: Sequence[Path]) -> Records:
    """Read articles, then purchases, of each folder.

    Articles get no price. The price of a sale stays with the purchase: as a field of the article it would
    leak which articles will be sold at all. It is scaled by an unknown factor.
    """
    for folder in paths:
        articles = find_file(folder, "items.parquet", "articles.csv")
        sales = find_file(folder, "transactions.parquet", "transactions_train.csv")
        for location, row in read_rows(articles, ("article_id", "prod_name")):
            yield _item(row, location, folder)
        yield from _purchases(sales)


def _article_id(value: Any) -> str:
    """Pad an article id to ten characters: csv readers drop the leading zero."""
    return parse_text(value).zfill(10) if parse_text(value) else ""


def _item(row: dict[str, Any], location: str, folder: Path) -> ItemDraft | RejectedRow:
    article = _article_id(row["article_id"])
    if not article:
        return RejectedRow("items", "no article_id", location, row)
    item = Item(
        item_id=article,
        title=parse_text(row["prod_name"]),
        description=parse_text(row.get("detail_desc")),
        category=tuple(parse_text(row.get(name)) for name in CATEGORY if parse_text(row.get(name))),
        attributes={
            attribute: parse_text(row.get(name))
            for attribute, name in ATTRIBUTES.items()
            if parse_text(row.get(name))
        },
    )
    picture = row.get("image") if "image" in row else folder / "images" / article[:3] / f"{article}.jpg"
    return ItemDraft(item, location, picture)


def _purchases(sales: Path) -> Iterator[EventDraft | RejectedRow]:
    """One event per line; n equal lines of one day are n units of one article."""
    copies: dict[tuple[str, str, str], int] = defaultdict(int)
    for location, row in read_rows(sales, ("t_dat", "article_id")):
        user = parse_text(row.get("user") or row.get("customer_id"))
        article, at = _article_id(row["article_id"]), parse_time(row["t_dat"])
        if not user or not article or at is None:
            reason = (
                "no customer_id"
                if not user
                else "no article_id"
                if not article
                else "no date that can be read"
            )
            yield RejectedRow("events", reason, location, row)
            continue
        key = (user, article, at.isoformat())
        copies[key] += 1
        event = Event(user, article, Action.PURCHASE, at, value=_price_value(row.get("price")))
        if copies[key] > 1:
            event = Event(
                user,
                article,
                Action.PURCHASE,
                at,
                event_id=f"{event.event_id}/{copies[key]}",
                value=event.value,
            )
        yield EventDraft(event, location)


def _price_value(value: Any) -> float | None:
    # As a number first: the competition's csv has 16 decimals, which `parse_price` does not accept.
    number = parse_number(value)
    price = parse_price(value if number is None else number)
    return price[0] if price else None
