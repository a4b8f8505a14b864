"""BM25 against the formula written out (Lucene's form: no factor k1 + 1)."""

import math

import numpy as np
import pytest

from bowerbird.conversations.bm25 import open_bm25

pytest.importorskip("bm25s")
TEXTS = ["space war robots", "love story love", "space love comedy with robots", "western horses"]
K1, B = 1.5, 0.75


def slow(query: list[str], documents: list[list[str]]) -> list[float]:
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for words in documents:
        score = 0.0
        for word in query:
            n = sum(word in other for other in documents)
            idf = math.log(1 + (len(documents) - n + 0.5) / (n + 0.5)) if n else 0.0
            count = words.count(word)
            score += idf * count / (count + K1 * (1 - B + B * len(words) / mean))
        scores.append(score)
    return scores


def test_it_agrees_with_the_formula() -> None:
    score = open_bm25(TEXTS)
    assert score is not None
    documents = [[word.removesuffix("s") for word in text.split() if word != "with"] for text in TEXTS]
    scores = score(["Robots in love", "nothing known here"])
    assert scores[0] == pytest.approx(slow(["robot", "love"], documents), abs=1e-5)
    assert np.argmax(scores[0]) == 2 and not scores[1].any()
