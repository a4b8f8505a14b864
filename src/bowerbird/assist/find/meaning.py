"""How near items are by meaning: to words and pictures, to other items, to one that is changed by a wish."""

from __future__ import annotations

import base64
import re

import numpy as np

from bowerbird.assist.parts import Parts
from bowerbird.assist.request import Request
from bowerbird.assist.turn import Turn
from bowerbird.data.arrays import BoolArray, FloatArray
from bowerbird.errors import StoreError

RELATIVE = re.compile(
    r"\b(?P<word>(?:more|less) (?!than\b|expensive|pricey|costly|affordable|dear\b|money|luxurious|upmarket|"
    r"please|options|ideas|of\b|like|from\b|with\b|about\b|those\b|these\b)[a-z]{4,}|"
    r"(?:warm|bigg|small|larg|soft|bright|dark|light|long|"
    r"short|wid|narrow|tall|thick|thinn|"
    r"heavi|fanci|simpl|bold|cosi|tight|loos|deep)(?:er|ier)|"
    r"(?<!not )(?<!nothing )too (?!expensive|dear|much|many|few|pricey|costly|cheap)[a-z]{3,}|"
    r"(?:not|isn't) [a-z]{3,} enough|(?:not|nothing) (?:so|that|quite so) "
    r"(?!expensive|dear|much|pricey|cheap|bad|colou?r|material|brand|style|pattern|fabric|maker)[a-z]{3,})\b"
)
"""Wishes that compare with an item: "warmer", "less shiny", "too bright"."""


def meaning_of(parts: Parts, request: Request, image: bytes | None) -> FloatArray | None:
    """Cosine of every item to the request's words, picture and items to resemble, (items,) float32."""
    queries = []
    like = [parts.catalogue.position[i] for i in request.like if i in parts.catalogue]
    if like:
        queries.append(parts.matrix[like].mean(axis=0))
    words = request.words if parts.lexicon.content_stems(request.words) else ""
    if image is None and request.picture:
        image = base64.b64decode(request.picture)
    if image is not None:
        if parts.encoder is None:
            raise StoreError("a picture can't be read without the backbones: run `bowerbird models pull`")
        queries.append(
            parts.encoder.encode_query(words, image) if words else parts.encoder.encode_images([image])[0]
        )
    elif words and parts.encoder is not None:
        queries.append(parts.encoder.encode_texts([words])[0])
    if not queries:
        return None
    similar: FloatArray = parts.matrix @ np.mean(queries, axis=0).astype(np.float32)
    return similar


def relative_meaning(turn: Turn, anchor: str, change: str) -> FloatArray | None:
    """How well items are like one that is changed by a wish, (items,) float32; None without an encoder."""
    searcher = turn.parts.searcher
    if searcher is None:
        return None
    hits = searcher.search(text=change, item=anchor, n=200)
    scores = np.zeros(len(turn.parts.catalogue), np.float32)
    scores[[hit.position for hit in hits]] = np.linspace(1.0, 0.0, len(hits), endpoint=False)
    return scores


def completion_scores(parts: Parts, item_id: str, eligible: BoolArray) -> FloatArray:
    """How well items complete one, (items,) float32; `eligible` (items,) bool are those asked for."""
    if parts.completer is None:  # nothing was bought together yet: what looks alike
        near: FloatArray = parts.matrix @ parts.matrix[parts.catalogue.position[item_id]]
        return near
    scores = np.zeros(len(parts.catalogue), np.float32)
    for rank, completion in enumerate(parts.completer.complete([item_id], n=100, eligible=eligible)):
        scores[parts.catalogue.position[completion.item_id]] = 1.0 - rank / 100
    return scores
