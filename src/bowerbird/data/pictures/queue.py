"""Many downloads at a time, few of them from one host, which is left alone while it asks for that."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from bowerbird.data.files.images import TooManyPixels, encode_for_catalogue
from bowerbird.data.pictures.download import Download, Validators, download
from bowerbird.data.pictures.faults import PictureFault, Reason, TryAgain
from bowerbird.data.pictures.public_addresses import PublicTransport
from bowerbird.data.settings import PictureSettings
from bowerbird.errors import InputError

MAX_CONNECTIONS = 32
ATTEMPTS = 4
MAX_WAIT_S = 60.0
"""A host that asks for a longer wait is asked again by the next fetch."""
_BACK_OFF = wait_exponential_jitter(initial=0.5, max=15.0)
USER_AGENT = "bowerbird (pictures of a product feed)"


@dataclass(frozen=True)
class Outcome:
    """What became of a link: a picture, `None` where it has not changed, or a fault."""

    link: str
    picture: bytes | None = None
    validators: Validators = field(default_factory=Validators)
    fault: PictureFault | None = None


@dataclass
class _Host:
    connections: asyncio.Semaphore
    quiet_until: float = field(default=0.0)


async def fetch_links(
    links: Sequence[str], known: Callable[[str], Validators], settings: PictureSettings
) -> AsyncIterator[Outcome]:
    """Fetch pictures, in any order; `known` gives what is known of a link."""
    hosts: dict[str, _Host] = defaultdict(lambda: _Host(asyncio.Semaphore(settings.connections_per_host)))
    waiting = iter(interleave_hosts(links))
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue(2 * MAX_CONNECTIONS)
    transport = PublicTransport(settings.private_hosts, MAX_CONNECTIONS)
    headers = {"User-Agent": USER_AGENT, "Accept": "image/*", "Accept-Encoding": "identity"}
    async with httpx.AsyncClient(transport=transport, headers=headers, timeout=settings.timeout_s) as client:

        async def work() -> None:
            for link in waiting:
                host = hosts[host_of(link)]
                await outcomes.put(await _fetch(client, link, known(link), host, settings))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(MAX_CONNECTIONS, len(links))):
                group.create_task(work())
            for _ in links:
                yield await outcomes.get()


async def _fetch(
    client: httpx.AsyncClient, link: str, known: Validators, host: _Host, settings: PictureSettings
) -> Outcome:
    try:
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait_before_retry,
            retry=retry_if_exception_type(TryAgain),
            reraise=True,
        ):
            with attempt:
                downloaded = await _download_politely(client, link, known, host, settings)
        picture = None if downloaded.encoded is None else await _encode(downloaded.encoded)
    except PictureFault as fault:
        return Outcome(link, fault=fault)
    return Outcome(link, picture, downloaded.validators)


async def _download_politely(
    client: httpx.AsyncClient, link: str, known: Validators, host: _Host, settings: PictureSettings
) -> Download:
    async with host.connections:
        await asyncio.sleep(max(0.0, host.quiet_until - time.monotonic()))
        try:
            return await download(client, link, known, settings)
        except TryAgain as fault:
            if fault.wait_s is not None and fault.wait_s > MAX_WAIT_S:
                raise PictureFault(fault.reason, "(asks for a long wait)") from None
            if fault.wait_s is not None:
                host.quiet_until = max(host.quiet_until, time.monotonic() + fault.wait_s)
            raise


def _wait_before_retry(state: RetryCallState) -> float:
    """As long as the server asks for, or ever longer."""
    fault = state.outcome.exception() if state.outcome else None
    wait_s = fault.wait_s if isinstance(fault, TryAgain) else None
    return _BACK_OFF(state) if wait_s is None else wait_s


async def _encode(encoded: bytes) -> bytes:
    try:
        return await asyncio.to_thread(encode_for_catalogue, encoded)
    except TooManyPixels:
        raise PictureFault(Reason.TOO_MANY_PIXELS) from None
    except InputError:
        raise PictureFault(Reason.DAMAGED) from None


def host_of(link: str) -> str:
    """The host of a link, empty where it has none."""
    try:
        return (urlsplit(link).hostname or "").lower()
    except ValueError:
        return ""


def interleave_hosts(links: Iterable[str]) -> list[str]:
    """The same links, so that a host with many does not keep the others waiting.

    >>> interleave_hosts(["http://a/1", "http://a/2", "http://b/1"])
    ['http://a/1', 'http://b/1', 'http://a/2']
    """
    of_host: dict[str, list[str]] = defaultdict(list)
    for link in links:
        of_host[host_of(link)].append(link)
    rounds = itertools.zip_longest(*of_host.values())
    return [link for turn in rounds for link in turn if link is not None]
