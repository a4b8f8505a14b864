"""A client of bowerbird's server: `Client`, `AsyncClient`, and their errors.

It needs httpx and pydantic (`pip install 'bowerbird[client]'`), and loads nothing of the server.
"""

from __future__ import annotations

from bowerbird.client.async_client import AsyncClient
from bowerbird.client.errors import (
    ApiError,
    Busy,
    ClientError,
    EventsNotSent,
    InvalidAnswer,
    NoAnswer,
    NotAllowed,
    NotFound,
    QueueFull,
)
from bowerbird.client.event_queue import EventQueue
from bowerbird.client.retries import Retries
from bowerbird.client.sync_client import Client

__all__ = [
    "ApiError",
    "AsyncClient",
    "Busy",
    "Client",
    "ClientError",
    "EventQueue",
    "EventsNotSent",
    "InvalidAnswer",
    "NoAnswer",
    "NotAllowed",
    "NotFound",
    "QueueFull",
    "Retries",
]
