"""What became of each link, in a small database of the store: a fetch that is killed continues from it.

Pictures wait in it until they are published with the catalogue.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bowerbird.data.pictures.download import Validators

LEDGER_FILE = "pictures.sqlite"
_SCHEMA = """
create table if not exists links (
    link text primary key,
    etag text not null default '',
    last_modified text not null default '',
    fault text not null default '',
    picture blob
)"""


class Ledger:
    """The outcome of each link; written by one process at a time."""

    def __init__(self, store: Path) -> None:
        self._database = sqlite3.connect(store / LEDGER_FILE, isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def add_picture(self, link: str, picture: bytes, validators: Validators) -> None:
        """Record a fetched picture, which waits to be published."""
        row = (link, validators.etag, validators.last_modified, picture)
        self._database.execute("replace into links values (?, ?, ?, '', ?)", row)

    def add_fault(self, link: str, fault: str) -> None:
        """Record why a link has no picture."""
        self._database.execute("replace into links (link, fault) values (?, ?)", (link, fault))

    def validators_of(self, link: str) -> Validators:
        """What the server said of a link's picture when it was fetched."""
        query = "select etag, last_modified from links where link = ?"
        row = self._database.execute(query, (link,)).fetchone()
        return Validators(*row) if row else Validators()

    def waiting(self) -> dict[str, int]:
        """Links whose pictures wait to be published, with their bytes."""
        query = "select link, length(picture) from links where picture is not null"
        return dict(self._database.execute(query))

    def pictures(self, links: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Pictures that wait, by link."""
        for link in links:
            row = self._database.execute("select picture from links where link = ?", (link,)).fetchone()
            yield link, row[0]

    def set_published(self, links: Sequence[str]) -> None:
        """Forget the bytes of pictures that are in the catalogue now."""
        self._database.execute("begin")
        self._database.executemany("update links set picture = null where link = ?", [(x,) for x in links])
        self._database.execute("commit")

    def faults(self, links: Iterable[str]) -> dict[str, str]:
        """Why links have no picture, for those that were asked for in vain."""
        rows = self._database.execute("select link, fault from links where fault != ''")
        wanted = set(links)
        return {link: fault for link, fault in rows if link in wanted}
