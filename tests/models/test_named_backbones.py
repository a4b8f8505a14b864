"""Backbones by folder: small random models of the real classes, saved and loaded like a hub's.

The reference is the model's own forward pass, on inputs prepared by its own processor.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPModel,
    ConvNextConfig,
    ConvNextModel,
    PreTrainedTokenizerFast,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    SiglipConfig,
    SiglipModel,
    ViTConfig,
    ViTModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from bowerbird.errors import BackboneError
from bowerbird.models import load_image_encoder, load_text_encoder
from bowerbird.models.pictures.image import decode_images
from bowerbird.models.precision import supports_bfloat16

WORDS = ["<pad>", "<unk>", "<s>", "</s>", "<|image_pad|>", "red", "blue", "chair", "lamp", "a", "of", "oak"]
TEXTS = ["a red chair", "a blue lamp of oak", "lamp"]
SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
VISION = SIZES | {"image_size": 32, "patch_size": 8}
MEAN, STD = [0.2, 0.4, 0.6], [0.3, 0.5, 0.7]
TEMPLATE = (
    "{% for message in messages %}<s> {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|image_pad|>{% else %}{{ part['text'] }}{% endif %}{% endfor %} </s> "
    "{% endfor %}{% if add_generation_prompt %}<s>{% endif %}"
)
# The encoders compute in bfloat16 where the processor does.
CLOSE = 0.999 if supports_bfloat16() else 1 - 1e-5


def build_tokenizer(chat: bool = False) -> Any:
    words = {word: number for number, word in enumerate(WORDS)}
    plain = Tokenizer(WordLevel(words, unk_token="<unk>"))
    plain.pre_tokenizer = Whitespace()
    if not chat:
        plain.post_processor = TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", words["<s>"]), ("</s>", words["</s>"])]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<|image_pad|>"],
        chat_template=TEMPLATE if chat else None,
    )


def make_pictures(side: int) -> list[bytes]:
    """Square pictures of a model's side, so that neither its own processor nor ours resizes."""
    rng = np.random.default_rng(3)
    files = []
    for _ in range(3):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(buffer, "PNG")
        files.append(buffer.getvalue())
    return files


def save_all(folder: Path, *models: Any) -> str:
    torch.manual_seed(1)
    for model in models:
        model.save_pretrained(folder)
    return str(folder)


def assert_close_and_distinct(rows: np.ndarray, expected: torch.Tensor) -> None:
    """Each row has the direction of the expected one, and the rows are not all alike."""
    unit = torch.nn.functional.normalize(expected.float(), dim=-1).detach().numpy()
    assert rows.shape == unit.shape
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)
    assert (rows * unit).sum(1).min() > CLOSE
    assert np.linalg.matrix_rank(unit - unit.mean(0), tol=1e-4) > 1, (
        "all rows are alike: nothing was compared"
    )


def encode_pictures(name: str, side: int) -> tuple[np.ndarray, list[Image.Image]]:
    encoder = load_image_encoder(name)
    assert encoder.image_spec.side == side
    files = make_pictures(side)
    rows = encoder.encode(decode_images(files, side)[0])
    assert rows.shape[1] == encoder.width
    return rows, [Image.open(io.BytesIO(encoded)) for encoded in files]


def build_pair(kind: str, folder: Path) -> tuple[str, Any, Any]:
    text = SIZES | {
        "vocab_size": len(WORDS),
        "max_position_embeddings": 12,
        "eos_token_id": 3,
        "pad_token_id": 0,
    }
    torch.manual_seed(0)
    if kind == "clip":
        config = CLIPConfig(text_config=text, vision_config=VISION, projection_dim=24)
        model: Any = CLIPModel(config)
        square = {"shortest_edge": 32}
        processor: Any = CLIPImageProcessorPil(
            size=square, crop_size={"height": 32, "width": 32}, image_mean=MEAN, image_std=STD
        )
    else:
        model = SiglipModel(SiglipConfig(text_config=text, vision_config=VISION))
        processor = SiglipImageProcessorPil(size={"height": 32, "width": 32}, image_mean=MEAN, image_std=STD)
    with (
        torch.no_grad()
    ):  # the default initialisation is so small that all texts and pictures get nearly equal vectors
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3)
    return save_all(folder, model, processor, build_tokenizer()), model.eval(), processor


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_pair_puts_pictures_and_texts_into_one_space(kind: str, tmp_path: Path) -> None:
    name, model, processor = build_pair(kind, tmp_path)
    rows, images = encode_pictures(name, 32)
    assert_close_and_distinct(
        rows, model.get_image_features(**processor(images=images, return_tensors="pt")).pooler_output
    )

    words = load_text_encoder(name)
    padding = "max_length" if kind == "siglip" else True
    tokens = build_tokenizer()(TEXTS, padding=padding, max_length=12, return_tensors="pt")
    inputs = {"input_ids": tokens["input_ids"]}
    if kind == "clip":
        inputs["attention_mask"] = tokens["attention_mask"]
    texts = words.encode(TEXTS)
    assert_close_and_distinct(texts, model.get_text_features(**inputs).pooler_output)
    assert texts.shape[1] == rows.shape[1] == words.width
    # A text's vector does not depend on its batch; a long text is truncated, not rejected.
    assert (words.encode(TEXTS[2:]) @ texts[2] > CLOSE).all()
    assert words.encode(["oak " * 50]).shape == (1, words.width)


def test_bert_is_the_mean_of_its_tokens(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = BertModel(BertConfig(**SIZES, vocab_size=len(WORDS), max_position_embeddings=16)).eval()
    name = save_all(tmp_path, model, build_tokenizer())
    expected = [
        model(**build_tokenizer()(text, return_tensors="pt")).last_hidden_state[0].mean(0) for text in TEXTS
    ]
    assert_close_and_distinct(load_text_encoder(name).encode(TEXTS), torch.stack(expected))


def test_a_vit_gets_its_own_preprocessing(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ViTModel(ViTConfig(**VISION)).eval()
    processor = ViTImageProcessorPil(size={"height": 32, "width": 32}, image_mean=MEAN, image_std=STD)
    rows, images = encode_pictures(save_all(tmp_path, model, processor), 32)
    states = model(**processor(images=images, return_tensors="pt")).last_hidden_state
    assert_close_and_distinct(rows, states.mean(1))


def test_a_convolutional_model_has_cells(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, image_size=32)
    model = ConvNextModel(config).eval()
    processor = ConvNextImageProcessorPil(
        size={"shortest_edge": 32}, crop_pct=1.0, image_mean=MEAN, image_std=STD
    )
    name = save_all(tmp_path, model, processor)
    rows, images = encode_pictures(name, 32)
    state = model(
        pixel_values=processor(images=images, return_tensors="pt")["pixel_values"]
    ).last_hidden_state
    assert_close_and_distinct(rows, state.mean((2, 3)))
    cells = load_image_encoder(name).cells(decode_images(make_pictures(32), 32)[0])
    assert cells.shape == (3, 16, 16)


def test_qwen3_vl_embedding_is_the_last_token(tmp_path: Path) -> None:
    torch.manual_seed(0)
    text = SIZES | {
        "num_key_value_heads": 2,
        "head_dim": 8,
        "vocab_size": len(WORDS),
        "max_position_embeddings": 512,
    }
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1], "mrope_interleaved": True}
    vision = {"depth": 1, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "patch_size": 32}
    vision |= {"spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 32}
    vision |= {"num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
    config = Qwen3VLConfig(
        text_config=text | {"rope_parameters": rope},
        vision_config=vision,
        image_token_id=WORDS.index("<|image_pad|>"),
    )
    model = Qwen3VLForConditionalGeneration(config).eval()
    processor = Qwen2VLImageProcessorPil(patch_size=32, merge_size=2, image_mean=MEAN, image_std=STD)
    name = save_all(tmp_path, model, processor, build_tokenizer(chat=True))

    template = "<s> Represent the user's input. </s> <s> {} </s> <s>"
    expected = []
    for text_input in TEXTS:
        tokens = build_tokenizer(chat=True)(template.format(text_input), return_tensors="pt")
        states = model.model(input_ids=tokens["input_ids"]).last_hidden_state
        expected.append(states[0, -1])
    words = load_text_encoder(name)
    assert_close_and_distinct(words.encode(TEXTS), torch.stack(expected))

    rows, images = encode_pictures(name, 448)
    expected = []
    for image in images:
        image_inputs = processor(images=[image], return_tensors="pt")
        tokens = build_tokenizer(chat=True)(template.format("<|image_pad|> " * 49), return_tensors="pt")
        token_types = (tokens["input_ids"] == config.image_token_id).int()
        states = model.model(
            input_ids=tokens["input_ids"], mm_token_type_ids=token_types, **image_inputs
        ).last_hidden_state
        expected.append(states[0, -1])
    assert_close_and_distinct(rows, torch.stack(expected))
    assert rows.shape[1] == words.width


def test_a_text_encoder_is_rejected_as_image_encoder(tmp_path: Path) -> None:
    name = save_all(tmp_path, BertModel(BertConfig(**SIZES, vocab_size=len(WORDS))), build_tokenizer())
    with pytest.raises(BackboneError, match="can't be loaded as an image encoder"):
        load_image_encoder(name)


def test_timm_models_load_by_name(tmp_path: Path) -> None:
    try:
        import timm
    except (ImportError, RuntimeError):
        with pytest.raises(BackboneError, match="torchvision that fits"):
            load_image_encoder("timm:resnet10t")
        pytest.skip("timm is not installed with a torchvision that fits this torch")
    model = timm.create_model("resnet10t", num_classes=0).eval()
    from timm.models import save_for_hf

    save_for_hf(model, tmp_path, model_config={"num_classes": 0})
    rows, _ = encode_pictures(f"timm:{tmp_path}", 176)
    image_spec = load_image_encoder(f"timm:{tmp_path}").image_spec
    batch = torch.from_numpy(image_spec.normalise(decode_images(make_pictures(176), 176)[0]))
    assert_close_and_distinct(rows, model(batch))
