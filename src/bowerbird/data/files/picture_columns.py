"""Columns of encoded pictures, which stay mapped to their file however large they are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bowerbird.data.arrays import IntArray


def is_same_memory(chunk_a: pa.Array, chunk_b: pa.Array) -> bool:
    """Whether two chunks of a column lie in the same memory, or the same mapped file."""
    layouts = [
        (chunk.offset, len(chunk), [buffer and buffer.address for buffer in chunk.buffers()])
        for chunk in (chunk_a, chunk_b)
    ]
    return bool(layouts[0] == layouts[1])


def replace_pictures(images: pa.ChunkedArray, fresh: pa.ChunkedArray, rows: IntArray) -> pa.ChunkedArray:
    """Replace pictures (n,) by m fresh ones at the given rows (m,); row -1 appends.

    Only chunks with a changed picture are rebuilt: the others stay mapped to their file, whatever its size.
    """
    chunks, start = [], 0
    for chunk in images.chunks:
        fresh_rows = np.flatnonzero((rows >= start) & (rows < start + len(chunk)))
        fresh_row_at = dict(zip((rows[fresh_rows] - start).tolist(), fresh_rows.tolist(), strict=True))
        changed = {
            row: fresh[fresh_row]
            for row, fresh_row in fresh_row_at.items()
            if not fresh[fresh_row].equals(chunk[row])
        }
        if changed:
            values = [changed.get(row, value).as_py() for row, value in enumerate(chunk)]
            chunk = pa.array(values, pa.binary())
        chunks.append(chunk)
        start += len(chunk)
    added = [fresh[fresh_row].as_py() for fresh_row in np.flatnonzero(rows < 0).tolist()]
    if added:
        chunks.append(pa.array(added, pa.binary()))
    return pa.chunked_array(chunks, pa.binary())
