"""A Python client that `openapi-python-client` generates from the served document."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def main(url: str) -> None:
    """Generate it, import it, and make a few calls."""
    folder = Path(tempfile.mkdtemp()) / "shop"
    command = [Path(sys.executable).with_name("openapi-python-client"), "generate", "--meta", "none"]
    subprocess.run(
        [*command, "--url", f"{url}/openapi.json", "--output-path", folder, "--fail-on-warning"], check=True
    )
    sys.path.insert(0, str(folder.parent))
    from shop import Client  # type: ignore[import-not-found]
    from shop.api.default import new_new_get, recommendations  # type: ignore[import-not-found]

    with Client(base_url=url) as client:
        newest = new_new_get.sync(client=client, n=3)
        assert len(newest.items) == 3
        assert recommendations


main(sys.argv[1])
