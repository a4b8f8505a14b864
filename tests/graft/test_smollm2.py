"""The default base model itself, if it has been pulled."""

import numpy as np
import pytest
import torch

from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.examples.questions import Question, TaskType, description_prompt
from bowerbird.graft.training.alignment_model import AlignmentModel, mean_caption_embeddings
from bowerbird.models import BACKBONES, is_pulled

IS_PULLED = any(backbone.name == "smollm2-135m" and is_pulled(backbone) for backbone in BACKBONES)


@pytest.mark.skipif(not IS_PULLED, reason="run `bowerbird models pull`")
def test_the_closed_form_connector_is_readable_before_training() -> None:
    base = Base.load("smollm2-135m")
    assert base.tokenizer.convert_ids_to_tokens(base.placeholder_id) == "<repo_name>"
    captions = [
        "green velvet sofa",
        "oak reading lamp",
        "red summer dress",
        "leather hiking boots",
        "wool rug",
    ]
    vectors = np.eye(5, 8, dtype=np.float32)
    connector = Connector(8, base.hidden, float(base.embedding_table.norm(dim=1).median()))
    connector.initialise(vectors, mean_caption_embeddings(base, captions), strength=0.01)
    model = AlignmentModel(base, connector, base.model, vectors)
    questions = [
        Question(description_prompt(n), f" {text}", TaskType.DESCRIBE) for n in range(5) for text in captions
    ]
    with torch.no_grad():
        scores = -model(questions).per_answer.numpy().reshape(5, 5)  # log-probability a token
    # Gain of each caption's likelihood from its own item over the average item.
    gains = scores - scores.mean(0)
    assert (gains.argmax(1) == np.arange(5)).mean() >= 0.8
