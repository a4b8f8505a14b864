"""A backbone's top is the last blocks and the modules after them, and nothing before them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPModel,
    ConvNextConfig,
    ConvNextModel,
    Dinov2Config,
    Dinov2Model,
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    ResNetConfig,
    ResNetModel,
    SiglipConfig,
    SiglipModel,
    SwinConfig,
    SwinModel,
    ViTConfig,
    ViTModel,
)

from bowerbird.errors import BackboneError
from bowerbird.models import fetch
from bowerbird.models.pictures.image import load_image_encoder, load_trainable_image_encoder
from bowerbird.models.text import load_text_encoder
from bowerbird.models.trainable import TrainableBackbone, wrap_trainable

BLOCKS = 3
SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": BLOCKS, "num_attention_heads": 4}
TEXT = SIZES | {"vocab_size": 20, "max_position_embeddings": 12, "eos_token_id": 3, "pad_token_id": 0}
VISION = SIZES | {"image_size": 32, "patch_size": 8}
STAGES = {"hidden_sizes": [8, 16, 24], "depths": [1, 2, 1]}
SPECIAL = {"bos_token_id": 1, "cls_token_id": 1, "sep_token_id": 3}
WORDS = torch.tensor([[4, 5, 6, 3], [7, 8, 9, 3]])


def wrap_text(model: Any) -> TrainableBackbone:
    return wrap_trainable("a", model, lambda ids: model(input_ids=ids).last_hidden_state)


def wrap_pictures(model: Any) -> TrainableBackbone:
    return wrap_trainable("a", model, lambda pixels: model(pixel_values=pixels).last_hidden_state)


def wrap_text_tower(model: Any) -> TrainableBackbone:
    features = lambda ids: model.get_text_features(input_ids=ids).pooler_output  # noqa: E731
    return wrap_trainable("a", model, features, model.text_model, ["text_projection"])


def wrap_image_tower(model: Any) -> TrainableBackbone:
    features = lambda pixels: model.get_image_features(pixel_values=pixels).pooler_output  # noqa: E731
    return wrap_trainable("a", model, features, model.vision_model, ["visual_projection"])


def load_lite0(_: Any) -> TrainableBackbone:
    try:
        fetch("efficientnet-lite0")
    except BackboneError as error:
        pytest.skip(f"the backbone is not here: {error}")
    return load_trainable_image_encoder("efficientnet-lite0")[0]


CLIP = CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=24)
SIGLIP = SiglipConfig(text_config=TEXT, vision_config=VISION)
FAMILIES: dict[str, tuple[Callable[[], Any], Callable[[Any], TrainableBackbone], str]] = {
    "bert": (lambda: BertModel(BertConfig(**TEXT)), wrap_text, "encoder.layer.2."),
    "mpnet": (lambda: MPNetModel(MPNetConfig(**TEXT)), wrap_text, "encoder.layer.2."),
    "modernbert": (lambda: ModernBertModel(ModernBertConfig(**TEXT | SPECIAL)), wrap_text, "layers.2."),
    "distilbert": (
        lambda: DistilBertModel(
            DistilBertConfig(vocab_size=20, n_layers=3, n_heads=4, dim=32, hidden_dim=48)
        ),
        wrap_text,
        "transformer.layer.2.",
    ),
    "vit": (lambda: ViTModel(ViTConfig(**VISION)), wrap_pictures, "layers.2."),
    "dinov2": (
        lambda: Dinov2Model(
            Dinov2Config(
                hidden_size=32, num_hidden_layers=3, num_attention_heads=4, image_size=32, patch_size=8
            )
        ),
        wrap_pictures,
        "encoder.layer.2.",
    ),
    "swin": (
        lambda: SwinModel(
            SwinConfig(
                image_size=64, patch_size=4, embed_dim=8, depths=[1] * 3, num_heads=[2] * 3, window_size=4
            )
        ),
        wrap_pictures,
        "encoder.layers.2.",
    ),
    "convnext": (
        lambda: ConvNextModel(ConvNextConfig(num_stages=3, **STAGES)),
        wrap_pictures,
        "encoder.stages.2.",
    ),
    "resnet": (
        lambda: ResNetModel(ResNetConfig(embedding_size=8, layer_type="basic", **STAGES)),
        wrap_pictures,
        "encoder.stages.2.",
    ),
    "clip texts": (lambda: CLIPModel(CLIP), wrap_text_tower, "text_model.encoder.layers.2."),
    "clip pictures": (lambda: CLIPModel(CLIP), wrap_image_tower, "vision_model.encoder.layers.2."),
    "siglip texts": (lambda: SiglipModel(SIGLIP), wrap_text_tower, "text_model.encoder.layers.2."),
    "siglip pictures": (lambda: SiglipModel(SIGLIP), wrap_image_tower, "vision_model.encoder.layers.2."),
    "efficientnet-lite0": (lambda: None, load_lite0, "network._blocks.15."),
}


def make_contents(family: str) -> Any:
    if family == "efficientnet-lite0":
        return torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8).numpy()
    side = 64 if family == "swin" else 32
    pictures = family in ("vit", "dinov2", "swin", "convnext", "resnet") or "pictures" in family
    return torch.randn(2, 3, side, side) if pictures else WORDS


@pytest.mark.parametrize("family", FAMILIES)
def test_the_top_changes_the_features_and_nothing_below(family: str) -> None:
    torch.manual_seed(0)
    build_model, wrap, last_block = FAMILIES[family]
    model = build_model()
    network = wrap(model if model is None else model.eval())
    top, contents = network.top_parameters(1), make_contents(family)
    assert any(name.startswith(last_block) for name in top)
    block_inputs: list[torch.Tensor] = []
    block = network.blocks[-1]
    first_module = block[0] if isinstance(block, torch.nn.ModuleList) else block
    first_module.register_forward_pre_hook(lambda _, inputs: block_inputs.append(inputs[0].clone()))
    before = network.features(contents)
    with torch.no_grad():
        for parameter in top.values():
            parameter += 0.1 * torch.randn_like(parameter)
    after = network.features(contents)
    assert torch.equal(block_inputs[0], block_inputs[1]), "the last block's input has changed"
    assert not torch.allclose(before, after, rtol=1e-2)
    assert (
        set(network.top_parameters(1))
        < set(network.top_parameters(2))
        < set(dict(network.network.named_parameters()))
    )


@pytest.mark.slow
def test_conversions_of_fine_tuned_encoders_are_separate(tmp_path: Path) -> None:
    """The cached OpenVINO conversions of the frozen and of each fine-tuned network are separate."""
    network, weights = load_lite0(None), tmp_path / "image.safetensors"
    pixels = torch.randint(0, 256, (3, 224, 224, 3), dtype=torch.uint8).numpy()
    frozen = load_image_encoder("efficientnet-lite0").encode(pixels)
    with torch.no_grad():
        for parameter in network.top_parameters(1).values():
            parameter *= 1 + 0.5 * torch.randn_like(parameter)
        on_torch = network.embed(pixels).numpy()
    save_file(network.top_parameters(1), weights)
    for _ in range(2):  # converted, then loaded from the cache
        adapted = load_image_encoder("efficientnet-lite0", weights).encode(pixels)
        assert (adapted * on_torch).sum(1).min() > 0.98 > 0.9 > (adapted * frozen).sum(1).max()
    assert np.array_equal(load_image_encoder("efficientnet-lite0").encode(pixels), frozen)
    with pytest.raises(BackboneError, match="another network"):
        load_text_encoder("minilm-l6", weights)


def test_too_many_requested_blocks_are_rejected_with_their_number() -> None:
    network = wrap_text(BertModel(BertConfig(**TEXT)))
    with pytest.raises(BackboneError, match="has 3 blocks, not the requested top 4"):
        network.top_parameters(4)


def test_a_network_without_known_blocks_names_supported_families() -> None:
    """ALBERT's blocks share one set of weights, so its top can't be trained alone."""
    network = wrap_text(AlbertModel(AlbertConfig(**TEXT, embedding_size=16)))
    with pytest.raises(BackboneError, match=r"can't be fine-tuned.*BERT, RoBERTa.*efficientnet-lite0"):
        network.top_parameters(1)
