"""A graft's retrieval heads, saved and loaded: one for what comes next, one for what is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from bowerbird.errors import StoreError
from bowerbird.graft.head import RetrievalHead
from bowerbird.graft.lessons.sequences import OUTCOMES

HEAD_FILE, REQUEST_HEAD_FILE = "head.safetensors", "request-head.safetensors"

HeadAndLayer = tuple[RetrievalHead, int]
"""A head, and the layer of the language model whose states it reads."""


@dataclass(frozen=True)
class Heads:
    """What a graft can look for; None where its store had nothing to learn that from."""

    of_next_item: HeadAndLayer | None = None
    of_request: HeadAndLayer | None = None

    @property
    def next_item(self) -> HeadAndLayer:
        """Raises `StoreError` where the graft was trained without people's events."""
        return _known(self.of_next_item, "events")

    @property
    def request(self) -> HeadAndLayer:
        """Raises `StoreError` where the graft was trained without people's events or items' facts."""
        return _known(self.of_request, "requests")

    def save(self, folder: Path) -> None:
        """Write each head into a version's folder; their layers belong into its meta.json."""
        for head, name in ((self.of_next_item, HEAD_FILE), (self.of_request, REQUEST_HEAD_FILE)):
            if head is not None:
                state = {key: tensor.contiguous() for key, tensor in head[0].state_dict().items()}
                save_file(state, folder / name)

    @classmethod
    def load(cls, folder: Path, meta: dict[str, Any]) -> Heads:
        """Read what `save` wrote, for a meta with `dim`, `hidden`, `layer` and `request_layer`."""

        def one(name: str, layer: int | None) -> HeadAndLayer | None:
            if layer is None or not (folder / name).exists():
                return None
            head = RetrievalHead(meta["hidden"], meta["dim"], len(OUTCOMES))
            head.load_state_dict(load_file(folder / name))
            return head.eval(), layer

        return cls(one(HEAD_FILE, meta["layer"]), one(REQUEST_HEAD_FILE, meta["request_layer"]))


def _known(head: HeadAndLayer | None, what: str) -> HeadAndLayer:
    if head is None:
        raise StoreError(
            f"this graft learnt from no {what}, so it can't recommend by them: import events and items with "
            "attributes, and run `bowerbird graft` again"
        )
    return head
