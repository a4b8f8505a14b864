"""OpenAI's embeddings: texts, pictures and items in the space of the items."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import HTTPException
from numpy.typing import NDArray
from pydantic import Field

from bowerbird.errors import NotFoundError
from bowerbird.serve.bodies.base import NUMBER
from bowerbird.serve.errors import UnsupportedField
from bowerbird.serve.openai.chat_request import MODEL
from bowerbird.serve.openai.reply_text import count_tokens
from bowerbird.serve.openai.tools import Strict
from bowerbird.serve.served_snapshot import ServedSnapshot

MAX_INPUTS = 256
Text = Annotated[str, Field(min_length=1, max_length=8000)]


class EmbeddedItem(Strict):
    """An item of the catalogue, whose own vector is returned."""

    type: Literal["item"]
    item_id: str


class EmbeddingRequest(Strict):
    """OpenAI's request body; besides texts `input` may hold items."""

    input: Text | Annotated[list[Text | EmbeddedItem], Field(min_length=1, max_length=MAX_INPUTS)]
    model: str = MODEL
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, NUMBER] | None = None
    user: str | None = None

    @property
    def inputs(self) -> Sequence[str | EmbeddedItem]:
        """The inputs as a list."""
        return [self.input] if isinstance(self.input, str) else self.input


def embed(request: EmbeddingRequest, served: ServedSnapshot) -> dict[str, Any]:
    """The vectors of all inputs, each of length 1, in their order.

    Raises `NotFoundError` for an unknown item, and `UnsupportedField` for another number of dimensions than
    the items have; status 503 where texts can't be encoded.
    """
    parts = served.assistant.parts
    matrix: NDArray[np.float32] = parts.matrix
    if request.dimensions not in (None, matrix.shape[1]):
        raise UnsupportedField("dimensions", f"the vectors of this shop have {matrix.shape[1]}")
    inputs, texts = request.inputs, [each for each in request.inputs if isinstance(each, str)]
    if texts and parts.encoder is None:
        raise HTTPException(503, "texts can't be encoded here: the models are not open yet, or not installed")
    encoded = iter(parts.encoder.encode_texts(texts)) if texts and parts.encoder is not None else iter(())
    vectors = [next(encoded) if isinstance(each, str) else matrix[_position(each, served)] for each in inputs]
    n_tokens = count_tokens(texts)
    return {
        "object": "list",
        "model": MODEL,
        "data": [
            {"object": "embedding", "index": index, "embedding": _encoded(vector, request.encoding_format)}
            for index, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": n_tokens, "total_tokens": n_tokens},
    }


def _position(item: EmbeddedItem, served: ServedSnapshot) -> int:
    position = served.position_of(item.item_id)
    if position is None:
        raise NotFoundError(f"there is no item {item.item_id!r}")
    return position


def _encoded(vector: NDArray[np.float32], encoding: str) -> list[float] | str:
    single = np.asarray(vector, np.float32)
    return (
        single.tolist() if encoding == "float" else base64.b64encode(single.astype("<f4").tobytes()).decode()
    )
