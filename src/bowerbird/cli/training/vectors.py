"""`bowerbird vectors export`: the item vectors as a Parquet file for any other tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bowerbird.cli.output import JsonOption, StoreArgument, emit

vectors_app = typer.Typer(no_args_is_help=True, help="The item vectors.")


@vectors_app.callback()
def vectors() -> None:
    """The item vectors: export them."""


@vectors_app.command()
def export(
    store: StoreArgument,
    out: Annotated[
        Path, typer.Argument(help="Parquet file to write: item_id, vector.", metavar="OUT.parquet")
    ],
    as_json: JsonOption = False,
) -> None:
    """Write the vector of every item that has one: item_id (string), vector (list of float32)."""
    import numpy as np
    import pyarrow as pa

    from bowerbird.data.files.table_files import write_table
    from bowerbird.data.store import Store
    from bowerbird.embed.index.vectors import load_vectors

    snapshot = Store.open(store).snapshot()
    catalogue, published = snapshot.catalogue, load_vectors(snapshot)
    matrix = published.aligned(catalogue)
    rows = np.flatnonzero(matrix.any(axis=1))
    width = matrix.shape[1]
    offsets = pa.array(range(0, (len(rows) + 1) * width, width), pa.int32())
    table = pa.table(
        {
            "item_id": pa.array(catalogue.ids, pa.string()).take(pa.array(rows)),
            "vector": pa.ListArray.from_arrays(offsets, pa.array(matrix[rows].ravel(), pa.float32())),
        }
    )
    write_table(table, out)
    result = {"version": published.version, "items": len(rows), "dim": width, "out": str(out)}
    message = f"{len(rows):,} vectors of {width} dimensions in {out}"
    emit(result, as_json, lambda console: console.print(message, soft_wrap=True))
