"""The default base itself, where it is at hand."""

import numpy as np
import pytest
import torch

from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.examples.questions import Question, TaskType, describe
from bowerbird.graft.training.alignment import AlignmentModel, mean_caption_embeddings
from bowerbird.models import BACKBONES, is_pulled

PULLED = any(one.name == "smollm2-135m" and is_pulled(one) for one in BACKBONES)


@pytest.mark.skipif(not PULLED, reason="run `bowerbird models pull`")
def test_the_closed_form_connector_is_read_before_any_training() -> None:
    base = Base.load("smollm2-135m")
    assert base.tokenizer.convert_ids_to_tokens(base.placeholder_id) == "<repo_name>"
    things = ["green velvet sofa", "oak reading lamp", "red summer dress", "leather hiking boots", "wool rug"]
    vectors = np.eye(5, 8, dtype=np.float32)
    connector = Connector(8, base.hidden, float(base.embedding_table.norm(dim=1).median()))
    connector.initialise(vectors, mean_caption_embeddings(base, things), strength=0.01)
    aligned = AlignmentModel(base, connector, base.model, vectors)
    questions = [Question(describe(n), f" {text}", TaskType.DESCRIBE) for n in range(5) for text in things]
    with torch.no_grad():
        scores = -aligned(questions).each.numpy().reshape(5, 5)  # log-probability a token
    # How much better each item's own words are read than from the average other item.
    gains = scores - scores.mean(0)
    assert (gains.argmax(1) == np.arange(5)).mean() >= 0.8
