"""H&M's articles and purchases: the competition's csv files and picture folders, or one Parquet file each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.events import Action, Event
from bowerbird.data.items import Item
from bowerbird.data.readers.fields import file_in, number_of, price_of, text_of, time_of
from bowerbird.data.readers.records import EventDraft, ItemDraft, Records, Refused
from bowerbird.data.readers.tables import rows_of

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
    """Articles, then purchases, of each folder.

    Articles have no price of their own. What one was sold for stays with the purchase: as a fact of the
    article it would tell which articles are going to be sold at all. It is scaled by an unknown factor.
    """
    for folder in paths:
        articles = file_in(folder, "items.parquet", "articles.csv")
        sales = file_in(folder, "transactions.parquet", "transactions_train.csv")
        for where, row in rows_of(articles, ("article_id", "prod_name")):
            yield _item(row, where, folder)
        yield from _purchases(sales)


def _article(said: Any) -> str:
    """Ten characters: csv readers drop the leading zero."""
    return text_of(said).zfill(10) if text_of(said) else ""


def _item(row: dict[str, Any], where: str, folder: Path) -> ItemDraft | Refused:
    article = _article(row["article_id"])
    if not article:
        return Refused("items", "no article_id", where, row)
    item = Item(
        item_id=article,
        title=text_of(row["prod_name"]),
        description=text_of(row.get("detail_desc")),
        category=tuple(text_of(row.get(name)) for name in CATEGORY if text_of(row.get(name))),
        attributes={
            ours: text_of(row.get(name)) for ours, name in ATTRIBUTES.items() if text_of(row.get(name))
        },
    )
    picture = row.get("image") if "image" in row else folder / "images" / article[:3] / f"{article}.jpg"
    return ItemDraft(item, where, picture)


def _purchases(sales: Path) -> Iterator[EventDraft | Refused]:
    """One event for each line; equal lines of one day are as many pieces of one article."""
    copies: dict[tuple[str, str, str], int] = defaultdict(int)
    for where, row in rows_of(sales, ("t_dat", "article_id")):
        user = text_of(row.get("user") or row.get("customer_id"))
        article, at = _article(row["article_id"]), time_of(row["t_dat"])
        if not user or not article or at is None:
            reason = (
                "no customer_id"
                if not user
                else "no article_id"
                if not article
                else "no date that can be read"
            )
            yield Refused("events", reason, where, row)
            continue
        key = (user, article, at.isoformat())
        copies[key] += 1
        event = Event(user, article, Action.PURCHASE, at, value=_value(row.get("price")))
        if copies[key] > 1:
            event = Event(
                user,
                article,
                Action.PURCHASE,
                at,
                event_id=f"{event.event_id}/{copies[key]}",
                value=event.value,
            )
        yield EventDraft(event, where)


def _value(said: Any) -> float | None:
    # As a number first: the competition's csv holds 16 decimals, which is no price as people write it.
    number = number_of(said)
    price = price_of(said if number is None else number)
    return price[0] if price else None
