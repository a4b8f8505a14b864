"""RudderStack's official client: gzip, and what is queued is sent when the program ends."""

from __future__ import annotations

import sys


def main(url: str) -> None:
    """Send 250 events and end."""
    from rudderstack.analytics.client import Client

    analytics = Client("bb_key", host=url, gzip=True, max_retries=3)
    for number in range(250):
        analytics.track("rudder-user", "Product Viewed", {"product_id": f"i{number % 40}"})
    analytics.flush()
    analytics.join()


if __name__ == "__main__":
    main(sys.argv[1])
