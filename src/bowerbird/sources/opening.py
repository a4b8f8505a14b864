"""Creates the source for an address."""

from __future__ import annotations

from bowerbird.data.store import Store
from bowerbird.sources.address import Address
from bowerbird.sources.source import Notify, Source


def open_source(address: Address, store: Store, notify: Notify) -> Source:
    """Create the source for an address, not connected yet; only its own client library is imported.

    Raises `InputError` for unknown settings, `SourceError` if its client is not installed.
    """
    if address.scheme == "file":
        from bowerbird.sources.files import FileSource

        return FileSource(address, store.path / "sources", notify)
    if address.scheme in ("nats", "tls"):
        from bowerbird.sources.nats import NatsSource

        return NatsSource(address)
    if address.scheme in ("redis", "rediss"):
        from bowerbird.sources.redis import RedisSource

        return RedisSource(address)
    from bowerbird.sources.kafka import KafkaSource

    return KafkaSource(address)
