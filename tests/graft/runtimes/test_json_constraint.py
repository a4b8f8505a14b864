"""Whatever a model's weights, constrained output is JSON of the schema."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bowerbird.errors import BackboneError, EngineError, InputError
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.model import Graft
from bowerbird.graft.runtime import SamplingParams
from bowerbird.graft.runtimes.json_constraint import JsonGrammars
from tiny_models import write_qwen3_vl

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "act": {"type": "string", "enum": ["find", "compare"]},
        "text": {"type": "string", "maxLength": 5},
        "price": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["act", "text", "price"],
    "additionalProperties": False,
}
MESSAGES = [{"role": "system", "content": "You label."}, {"role": "user", "content": "una lámpara"}]


@pytest.fixture(scope="module")
def graft(tmp_path_factory: pytest.TempPathFactory) -> Graft:
    """Random weights that were trained for no JSON."""
    torch.set_num_threads(1)
    base = Base.load(str(write_qwen3_vl(tmp_path_factory.mktemp("qwen"))))
    return Graft(base, Connector(8, base.hidden, 1.0), np.eye(4, 8, dtype=np.float32))


def test_random_weights_answer_in_json_of_the_schema(graft: Graft) -> None:
    free = "".join(graft.generate(["answer:"], 30))
    with pytest.raises(ValueError):
        json.loads(free)
    answer = graft.complete_json(MESSAGES, SCHEMA, max_tokens=200)
    assert list(answer) == ["act", "text", "price"]
    assert answer["act"] in ("find", "compare") and len(answer["text"]) <= 5 and 0 <= answer["price"] <= 99
    assert graft.complete_json(MESSAGES, SCHEMA, max_tokens=200) == answer


@pytest.mark.parametrize("seed", range(8))
def test_sampled_text_is_json_of_the_schema(graft: Graft, seed: int) -> None:
    sampling = SamplingParams(
        temperature=1.0, seed=seed, allowed_tokens=JsonGrammars(graft.base).constrain(SCHEMA)
    )
    answer = json.loads("".join(graft.generate(["answer:"], 200, sampling=sampling)))
    assert answer["act"] in ("find", "compare") and len(answer["text"]) <= 5


def test_json_that_is_cut_off_is_an_error(graft: Graft) -> None:
    with pytest.raises(EngineError, match="ended its JSON early"):
        graft.complete_json(MESSAGES, SCHEMA, max_tokens=6)


def test_a_schema_that_is_none_is_rejected(graft: Graft) -> None:
    with pytest.raises(InputError, match="the JSON schema is not supported"):
        JsonGrammars(graft.base).constrain({"type": "nonsense"})


def test_without_llguidance_the_error_says_what_to_install(
    graft: Graft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(BackboneError, match=r"pip install 'bowerbird\[json\]'"):
        JsonGrammars(graft.base)


def test_a_folder_of_qwen3_vl_is_read(graft: Graft, tmp_path: Path) -> None:
    assert type(graft.base.model).__name__ == "Qwen3ForCausalLM"
    assert graft.base.tokenizer.convert_ids_to_tokens(graft.base.placeholder_id) == "<|image_pad|>"
