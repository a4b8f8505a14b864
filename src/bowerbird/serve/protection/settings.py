"""What a server allows: who may call it, from where, and how much."""

from __future__ import annotations

from dataclasses import dataclass

from bowerbird.config import setting


@dataclass(frozen=True)
class ServerSettings:
    """Settings of one server. `bowerbird serve` sets them by options and by variables `BOWERBIRD_…`."""

    require_keys: bool = setting(False, "Whether every request needs an API key")
    allowed_hosts: tuple[str, ...] = setting((), "Names in the header `Host` that are answered; () for any")
    allowed_origins: tuple[str, ...] = setting((), "Web pages, by origin, whose scripts may call (CORS)")
    requests_per_second: float = setting(50.0, "Sustained rate of one key, or of one address without keys")
    burst: int = setting(200, "Requests that may come at once above that rate", "requests")
    events_per_second: float = setting(2000.0, "The same for calls that send events")
    max_running: int = setting(64, "Requests answered at a time, events and probes apart", "requests")
    max_running_per_caller: int = setting(32, "Of these, of one key or address", "requests")
    body_memory: int = setting(128 * 2**20, "Most memory of all request bodies being read", "bytes")
    body_idle_s: float = setting(10.0, "Longest wait for the next bytes of a body", "seconds")
    body_total_s: float = setting(60.0, "Longest time for a whole body", "seconds")
    log_requests: bool = setting(False, "Whether each request is logged")
    traces_to: str = setting("", "Address of a collector of OpenTelemetry traces; empty for none")
    shutdown_s: int = setting(20, "Longest time that running requests get at a shutdown", "seconds")
