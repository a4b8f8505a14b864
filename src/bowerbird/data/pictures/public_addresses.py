"""Connections to public addresses only: a feed's links must not reach into the network of the shop.

The address is checked where the connection is made, and the connection is made to the address that was
checked: neither a redirect nor a name that resolves differently a moment later leads anywhere else.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore
import httpx

from bowerbird.data.pictures.faults import PictureFault, Reason

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # holds an IPv4 address in its last 32 bits


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, whatever it is wrapped in.

    >>> [is_public(a) for a in ("93.184.216.34", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1")]
    [True, False, False, False]
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        wrapped = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if parsed in _NAT64:
            wrapped = ipaddress.IPv4Address(parsed.packed[-4:])
        if wrapped is not None:
            return is_public(str(wrapped))
    return parsed.is_global and not parsed.is_multicast


class PublicNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a host, checks its addresses, and connects to the first that answers."""

    def __init__(self, private_hosts: Iterable[str]) -> None:
        """`private_hosts` may have any address."""
        self._private_hosts = frozenset(host.lower() for host in private_hosts)
        self._backend: httpcore.AsyncNetworkBackend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a checked address of a host. Raises `PictureFault` where all are private."""
        failure: Exception = httpcore.ConnectError(f"no address of {host} answers")
        for address in await self._checked_addresses(host, port):
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: a picture is not behind a socket of this machine."""
        raise PictureFault(Reason.PRIVATE)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def _checked_addresses(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            resolved = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise PictureFault(Reason.UNKNOWN_HOST) from error
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in resolved))
        if host.lower() in self._private_hosts:
            return addresses
        public = [address for address in addresses if is_public(address)]
        if not public:
            raise PictureFault(Reason.PRIVATE)
        return public


class PublicTransport(httpx.AsyncHTTPTransport):
    """httpx's transport over a `PublicNetwork`."""

    def __init__(self, private_hosts: Iterable[str], max_connections: int) -> None:
        super().__init__(trust_env=False)
        # httpx has no argument for the network under its connections.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=max_connections,
            network_backend=PublicNetwork(private_hosts),
        )
