"""`bowerbird search`: items similar to a text, a picture or an item, or to one changed as a text says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bowerbird.cli.output import JsonOption, StoreArgument, describe_also_in, describe_price, emit
from bowerbird.errors import InputError

if TYPE_CHECKING:
    from bowerbird.data.items import Catalogue
    from bowerbird.embed.search.searcher import Searcher


def search(
    store: StoreArgument,
    text: Annotated[
        str | None, typer.Argument(help="What to look for; with --image or --item, the change.")
    ] = None,
    image: Annotated[Path | None, typer.Option(help="Find items similar to this picture.")] = None,
    item: Annotated[str | None, typer.Option(help="Find items similar to this item (id).")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Number of items.")] = 20,
    filter_json: Annotated[
        str | None, typer.Option("--filter", help='Filter as JSON: {"price": {"max": 60}}')
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(help="Parquet file: query_id, and text and/or image (bytes).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Parquet file to write: query_id, rank, item_id, score.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find items by text, picture or item; with --image or --item, the text describes the change.

    bowerbird search shop "but in blue, and longer" --image photo.jpg
    """
    from bowerbird.assist.languages.queries import query_for_catalogue
    from bowerbird.data.files.images import read_picture
    from bowerbird.data.store import Store
    from bowerbird.embed.search.searcher import Searcher
    from bowerbird.recommend.filtering.emptiness import explain_emptiness
    from bowerbird.recommend.filtering.filters import parse_filter

    if (queries is None) != (out is None):
        raise InputError("--queries and --out go together: give both, or neither")
    snapshot = Store.open(store).snapshot()
    searcher = Searcher.open(snapshot)
    if queries is not None and out is not None:
        if (text, image, item, filter_json) != (None, None, None, None):
            raise InputError("--queries holds the queries: leave out TEXT, --image, --item and --filter")
        _batch(searcher, queries, n, out, as_json, lambda query: query_for_catalogue(query, snapshot))
        return
    text = query_for_catalogue(text, snapshot) if text else text
    condition = parse_filter(filter_json) if filter_json else None
    allowed = condition.mask(searcher.catalogue) if condition else None
    hits = searcher.search(text, read_picture(image) if image else None, item, n, allowed)
    if not hits and (reason := explain_emptiness(condition, searcher.catalogue)):
        print(reason, file=sys.stderr)
    rows = [asdict(hit) | _facts_of(searcher.catalogue, hit.position) for hit in hits]
    emit(rows, as_json, lambda console: _show(rows, console))


def _facts_of(catalogue: Catalogue, position: int) -> dict[str, Any]:
    item, names = catalogue.item(position), ("title", "price", "currency", "list_price", "on_sale")
    return {name: getattr(item, name) for name in names} | {"also_in": catalogue.also_in(position)}


def _batch(
    searcher: Searcher, queries: Path, n: int, out: Path, as_json: bool, read_query: Callable[[str], str]
) -> None:
    """Search for each row of a file; texts are brought to the catalogue's language by `read_query`."""
    import pyarrow as pa

    from bowerbird.data.files.table_files import read_table, write_table

    table = read_table(queries)
    is_text = "text" in table.column_names and pa.types.is_string(table.schema.field("text").type)
    if is_text:
        texts = [read_query(text) if text else text for text in table.column("text").to_pylist()]
        table = table.set_column(table.column_names.index("text"), "text", pa.array(texts, pa.string()))
    results: Any = searcher.batch(table, n)
    write_table(results, out)
    summary = {"queries": table.num_rows, "rows": results.num_rows, "out": str(out)}
    message = f"{summary['queries']:,} queries, {summary['rows']:,} rows in {out}"
    emit(summary, as_json, lambda console: console.print(message, soft_wrap=True))


def _show(rows: list[dict[str, Any]], console: Console) -> None:
    table = Table("", "item", "title", "price", "score")
    for rank, row in enumerate(rows, 1):
        title = escape(row["title"]) + describe_also_in(row["also_in"])
        price = describe_price(row["price"], row["currency"], row["list_price"])
        table.add_row(str(rank), escape(row["item_id"]), title, price, f"{row['score']:.3f}")
    console.print(table)
