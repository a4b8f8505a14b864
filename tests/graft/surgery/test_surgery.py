"""Surgery must not change the stock model's outputs: bit-identical, or within 1e-5."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLMoeConfig,
    Qwen3VLMoeForConditionalGeneration,
)
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

from bowerbird.errors import BackboneError
from bowerbird.graft.connector import Connector
from bowerbird.graft.surgery.decoder import load_text_decoder

PICTURE, START, END = 150, 152, 153
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": 160,
    "max_position_embeddings": 512,
}
ROPE = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 1, 1]}
VISION = {
    "depth": 3,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 4,
    "patch_size": 4,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "out_hidden_size": 32,
}
QWEN3_VISION = VISION | {"num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]}
MARKERS = {
    "image_token_id": PICTURE,
    "video_token_id": 151,
    "vision_start_token_id": START,
    "vision_end_token_id": END,
}
MOE = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "decoder_sparse_step": 1}


def qwen3_vl(tied: bool) -> Any:
    text = TEXT | {"rope_parameters": ROPE | {"mrope_interleaved": True}}
    config = Qwen3VLConfig(text_config=text, vision_config=QWEN3_VISION, tie_word_embeddings=tied, **MARKERS)
    return Qwen3VLForConditionalGeneration(config)


def qwen3_vl_moe() -> Any:
    text = TEXT | MOE | {"rope_parameters": ROPE | {"mrope_interleaved": True}}
    config = Qwen3VLMoeConfig(text_config=text, vision_config=QWEN3_VISION, **MARKERS)
    return Qwen3VLMoeForConditionalGeneration(config)


def qwen2_5_vl() -> Any:
    vision = VISION | {"window_size": 16, "fullatt_block_indexes": [1]}
    config = Qwen2_5_VLConfig(
        text_config=TEXT | {"rope_parameters": ROPE},
        vision_config=vision,
        tie_word_embeddings=False,
        **MARKERS,
    )
    return Qwen2_5_VLForConditionalGeneration(config)


STOCK = {
    "Qwen3-VL, tied": lambda: qwen3_vl(True),
    "Qwen3-VL, untied": lambda: qwen3_vl(False),
    "Qwen3-VL-MoE": qwen3_vl_moe,
    "Qwen2.5-VL": qwen2_5_vl,
}
PLAIN = {
    "Llama": lambda: LlamaForCausalLM(LlamaConfig(**TEXT)),
    "Qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**TEXT)),
}


def make_and_save(make: Any, folder: Path) -> Any:
    """A random model in which every weight matters, also saved to disk."""
    torch.manual_seed(0)
    model = make().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.2)
    model.save_pretrained(folder)
    return model


@pytest.fixture(params=STOCK, scope="module")
def stock(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("stock")
    return make_and_save(STOCK[request.param], folder), folder


# -- the stock class with its tower replaced, as a reference for the decoder --------------------------------


class TowerStub(nn.Module):
    """Replaces the tower and always returns the same soft tokens and DeepStack levels, each (N, hidden)."""

    dtype = torch.float32

    def __init__(self, tokens: Tensor, levels: Sequence[Tensor], spatial_merge_size: int = 1) -> None:
        super().__init__()
        self.tokens, self.levels, self.spatial_merge_size = tokens, list(levels), spatial_merge_size

    def forward(self, _: Tensor, grid_thw: Tensor, **__: Any) -> BaseModelOutputWithPooling:
        if not self.levels:
            return BaseModelOutputWithPooling(pooler_output=self.tokens)
        return BaseModelOutputWithDeepstackFeatures(pooler_output=self.tokens, deepstack_features=self.levels)


def stub_items(model: Any, tokens: Tensor) -> TowerStub:
    """Soft tokens (N, hidden) with DeepStack levels of zeros: an item has no middle layers."""
    levels = len(getattr(model.config.vision_config, "deepstack_visual_indexes", []))
    return TowerStub(tokens, [torch.zeros_like(tokens)] * levels)


@contextmanager
def replace_tower(model: Any, stub: TowerStub) -> Iterator[None]:
    """Replace the stock model's tower by a stub while the block runs."""
    inner, vision = model.model, model.config.vision_config
    tower, merge = inner.visual, vision.spatial_merge_size
    inner.visual, vision.spatial_merge_size = stub, stub.spatial_merge_size
    inner.rope_deltas = None  # an earlier call's positions would leak into the next
    try:
        yield
    finally:
        inner.visual, vision.spatial_merge_size = tower, merge
        inner.rope_deltas = None


GRID = torch.tensor([[1, 8, 8], [1, 4, 8]])  # patches; 16 and 8 tokens after merging


def two_pictures(batch: int = 1) -> dict[str, Any]:
    """Inputs of a stock model: a text with two pictures."""
    torch.manual_seed(1)
    counts = (GRID.prod(-1) // 4).tolist()
    ids = [5, 6, START, *[PICTURE] * counts[0], END, 9, 7, START, *[PICTURE] * counts[1], END, 11, 12]
    row = torch.tensor([ids])
    return {
        "input_ids": row.repeat(batch, 1),
        "mm_token_type_ids": (row == PICTURE).long().repeat(batch, 1),
        "pixel_values": torch.randn(int(GRID.prod(-1).sum()), 3 * 2 * 4 * 4).repeat(batch, 1),
        "image_grid_thw": GRID.repeat(batch, 1),
    }


@torch.no_grad()
def test_the_stub_with_the_towers_own_output_reproduces_the_stock_model(stock: tuple[Any, Path]) -> None:
    model, _ = stock
    inputs = two_pictures()
    tower_output = model.model.visual(inputs["pixel_values"], grid_thw=GRID)
    levels = getattr(tower_output, "deepstack_features", None) or []
    recorded = TowerStub(tower_output.pooler_output, levels, model.config.vision_config.spatial_merge_size)
    expected = model(**inputs).logits
    model.model.rope_deltas = None
    generated = model.generate(**inputs, max_new_tokens=8, do_sample=False)
    with replace_tower(model, recorded):
        assert torch.equal(model(**inputs).logits, expected)
        model.model.rope_deltas = None
        assert torch.equal(model.generate(**inputs, max_new_tokens=8, do_sample=False), generated)
    assert torch.equal(model(**inputs).logits, expected), "the tower is back"
    if levels:
        zero_levels = [torch.zeros_like(level) for level in levels]
        with replace_tower(
            model, TowerStub(tower_output.pooler_output, zero_levels, recorded.spatial_merge_size)
        ):
            assert not torch.allclose(model(**inputs).logits, expected, atol=1e-3), "DeepStack matters"


@torch.no_grad()
def test_the_decoder_alone_gives_the_stock_models_logits_for_text(stock: tuple[Any, Path]) -> None:
    model, folder = stock
    model.model.rope_deltas = None
    decoder = load_text_decoder(str(folder))
    ids = torch.randint(0, 140, (2, 20))
    assert (model(input_ids=ids).logits - decoder(input_ids=ids).logits).abs().max() <= 1e-5


@pytest.mark.parametrize("tokens", [1, 3])
@torch.no_grad()
def test_stock_class_and_decoder_give_the_same_logits_with_items(
    stock: tuple[Any, Path], tokens: int
) -> None:
    model, folder = stock
    decoder = load_text_decoder(str(folder))
    torch.manual_seed(2)
    connector = Connector(6, 32, 3.0, tokens)
    vectors = torch.randn(2, 6)
    block = [PICTURE] * tokens
    ids = torch.tensor([[5, 6, *block, 9, 7, *block, 11, 12]])
    positions = torch.arange(ids.shape[1])[None]
    soft_tokens = connector(vectors).flatten(0, 1)
    with replace_tower(model, stub_items(model, soft_tokens)):
        in_place = model(
            input_ids=ids,
            mm_token_type_ids=(ids == PICTURE).long(),
            pixel_values=vectors,
            image_grid_thw=torch.tensor([[1, 1, tokens]] * 2),
            position_ids=positions[None].expand(3, -1, -1),
        ).logits
    embeddings = decoder.get_input_embeddings()(ids)
    embeddings[ids == PICTURE] = soft_tokens
    decoder_logits = decoder(inputs_embeds=embeddings, position_ids=positions).logits
    assert (in_place - decoder_logits).abs().max() <= 1e-5


@torch.no_grad()
def test_one_token_an_item_has_ordinary_positions_in_the_stock_class(stock: tuple[Any, Path]) -> None:
    """What the stock class computes by itself for one-token items is what the decoder does: 0, 1, 2…"""
    model, _ = stock
    ids = torch.tensor([[5, PICTURE, 9, 7, PICTURE, 11]])
    with replace_tower(model, stub_items(model, torch.randn(2, 32))):
        positions, delta = model.model.get_rope_index(
            ids, image_grid_thw=torch.tensor([[1, 1, 1]] * 2), mm_token_type_ids=(ids == PICTURE).long()
        )
    assert torch.equal(positions, torch.arange(6).expand(3, 1, -1))
    assert int(delta) == 0


@torch.no_grad()
def test_padding_and_batches_do_not_change_the_stock_class_with_items(stock: tuple[Any, Path]) -> None:
    model, _ = stock
    connector = Connector(6, 32, 3.0)
    vectors = torch.randn(2, 6)
    short, long = [5, PICTURE, 9], [5, 6, 7, PICTURE, 11, 12]
    rows = torch.tensor([[0] * 3 + short, long])
    attention_mask = torch.tensor([[0] * 3 + [1] * 3, [1] * 6])
    soft_tokens = connector(vectors).flatten(0, 1)

    def logits(ids: Tensor, mask: Tensor, tokens: Tensor) -> Tensor:
        with replace_tower(model, stub_items(model, tokens)):
            answer: Tensor = model(
                input_ids=ids,
                attention_mask=mask,
                mm_token_type_ids=(ids == PICTURE).long(),
                pixel_values=torch.zeros(len(tokens), 6),
                image_grid_thw=torch.tensor([[1, 1, 1]] * len(tokens)),
            ).logits[:, -1]
            return answer

    batched = logits(rows, attention_mask, soft_tokens)
    for row, ids in enumerate((short, long)):
        full_mask = torch.ones(1, len(ids), dtype=torch.int64)
        single = logits(torch.tensor([ids]), full_mask, soft_tokens[row : row + 1])
        assert torch.allclose(batched[row], single[0], atol=1e-4)


@torch.no_grad()
def test_a_decoder_saved_again_loads_as_a_plain_one(stock: tuple[Any, Path], tmp_path: Path) -> None:
    _, folder = stock
    decoder = load_text_decoder(str(folder))
    decoder.save_pretrained(tmp_path)
    reloaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(reloaded) is type(decoder)
    ids = torch.randint(0, 140, (1, 9))
    # Experts lie transposed in memory after loading, which moves the last bit of a sum.
    assert torch.allclose(reloaded(input_ids=ids).logits, decoder(input_ids=ids).logits, atol=1e-5)
    saved_config = json.loads((tmp_path / "config.json").read_text())
    assert "mrope_section" not in json.dumps(saved_config)


@pytest.mark.parametrize("name", PLAIN)
@torch.no_grad()
def test_plain_decoders_load_as_they_are(name: str, tmp_path: Path) -> None:
    model = make_and_save(PLAIN[name], tmp_path)
    decoder = load_text_decoder(str(tmp_path))
    ids = torch.randint(0, 140, (2, 9))
    assert torch.equal(decoder(input_ids=ids).logits, model(input_ids=ids).logits)


def test_no_tensor_of_the_tower_is_read(stock: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every opened tensor goes through safetensors' slices, and none of the tower's is opened."""
    import transformers.core_model_loading as loading

    _, folder = stock
    read: list[str] = []
    original = loading.spawn_materialize

    def record_call(*arguments: Any, **keywords: Any) -> Any:
        read.append(str(arguments[1].get_shape()) if hasattr(arguments[1], "get_shape") else "")
        return original(*arguments, **keywords)

    monkeypatch.setattr(loading, "spawn_materialize", record_call)
    decoder = load_text_decoder(str(folder))
    assert len(read) == len(set(map(id, decoder.parameters()))), "one tensor read for each of the decoder's"


def test_a_checkpoint_with_missing_weights_is_rejected(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    make_and_save(lambda: qwen3_vl(True), tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.language_model.layers.1.mlp.up_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackboneError, match=r"missing.*layers\.1\.mlp\.up_proj"):
        load_text_decoder(str(tmp_path))


def test_the_precision_is_the_checkpoints(tmp_path: Path) -> None:
    torch.manual_seed(0)
    qwen3_vl(True).to(torch.bfloat16).save_pretrained(tmp_path)
    decoder = load_text_decoder(str(tmp_path))
    assert {p.dtype for p in decoder.parameters()} == {torch.bfloat16}
    assert np.isfinite(decoder(input_ids=torch.tensor([[1, 2]])).logits.float().detach().numpy()).all()
