"""A Python client that `openapi-python-client` generates from the served document."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def main(url: str) -> None:
    """Generate it, import it, and make a few calls."""
    import httpx

    folder = Path(tempfile.mkdtemp()) / "shop"
    document = folder.with_name("openapi.json")  # the generator itself would wait for five seconds only
    document.write_bytes(httpx.get(f"{url}/openapi.json", timeout=600).raise_for_status().content)
    generator = Path(sys.executable).with_name("openapi-python-client")
    options = ["--meta", "none", "--path", str(document), "--output-path", str(folder)]
    subprocess.run([str(generator), "generate", *options], check=True)
    sys.path.insert(0, str(folder.parent))
    from shop import Client
    from shop.api.default import (
        get_items_item_id,
        get_popular,
        get_users_user_boards,
        post_recommendations,
        post_users_user_boards,
        post_v1_batch,
    )
    from shop.models import BoardContent, ErrorBody, ItemFilter, RecommendationRequest

    with Client(base_url=url, timeout=600.0) as client:
        popular = get_popular.sync(client=client, n=3)
        ids = [item.item_id for item in popular.items]
        assert len(ids) == 3 and popular.recommendation_id
        body = RecommendationRequest(user="team/anna", n=5, exclude=ids, filter_=ItemFilter(in_stock=True))
        picks = post_recommendations.sync(client=client, body=body)
        assert len(picks.items) == 5 and not set(ids) & {item.item_id for item in picks.items}
        board = post_users_user_boards.sync("team/anna", client=client, body=BoardContent("mine", ids))
        boards = get_users_user_boards.sync("team/anna", client=client)
        assert [each.id for each in boards.own] == [board.id]
        missing = get_items_item_id.sync("nothing", client=client)
        assert isinstance(missing, ErrorBody) and "nothing" in missing.error.message
        assert post_v1_batch


if __name__ == "__main__":
    main(sys.argv[1])
