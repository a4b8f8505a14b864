"""Backbones by folder: small random ones of the real classes, saved and loaded as a hub's are.

What they are compared with is the model's own call, on pictures and texts prepared by its own processor.
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
from bowerbird.models.image import decode_images
from bowerbird.models.precision import computes_bfloat16

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
CLOSE = 0.999 if computes_bfloat16() else 1 - 1e-5


def tokenizer(chat: bool = False) -> Any:
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


def pictures(side: int) -> list[bytes]:
    """Square pictures of a model's side, so that its own processor and ours have nothing to fit."""
    rng = np.random.default_rng(3)
    files = []
    for _ in range(3):
        out = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(out, "PNG")
        files.append(out.getvalue())
    return files


def saved(folder: Path, *parts: Any) -> str:
    torch.manual_seed(1)
    for part in parts:
        part.save_pretrained(folder)
    return str(folder)


def assert_alike(found: np.ndarray, expected: torch.Tensor) -> None:
    """Each row points where the expected one does, and nowhere near the others'."""
    unit = torch.nn.functional.normalize(expected.float(), dim=-1).detach().numpy()
    assert found.shape == unit.shape
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-4)
    assert (found * unit).sum(1).min() > CLOSE
    assert np.linalg.matrix_rank(unit - unit.mean(0), tol=1e-4) > 1, (
        "all rows are alike: nothing was compared"
    )


def encoded(name: str, side: int) -> tuple[np.ndarray, list[Image.Image]]:
    encoder = load_image_encoder(name)
    assert encoder.image_spec.side == side
    files = pictures(side)
    rows = encoder.encode(decode_images(files, side)[0])
    assert rows.shape[1] == encoder.width
    return rows, [Image.open(io.BytesIO(one)) for one in files]


def pair(kind: str, folder: Path) -> tuple[str, Any, Any]:
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
    with torch.no_grad():  # the usual start is so small that all texts and pictures are alike
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3)
    return saved(folder, model, processor, tokenizer()), model.eval(), processor


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_pair_puts_pictures_and_texts_into_one_space(kind: str, tmp_path: Path) -> None:
    name, model, processor = pair(kind, tmp_path)
    rows, images = encoded(name, 32)
    assert_alike(
        rows, model.get_image_features(**processor(images=images, return_tensors="pt")).pooler_output
    )

    words = load_text_encoder(name)
    padding = "max_length" if kind == "siglip" else True
    tokens = tokenizer()(TEXTS, padding=padding, max_length=12, return_tensors="pt")
    given = {"input_ids": tokens["input_ids"]}
    if kind == "clip":
        given["attention_mask"] = tokens["attention_mask"]
    texts = words.encode(TEXTS)
    assert_alike(texts, model.get_text_features(**given).pooler_output)
    assert texts.shape[1] == rows.shape[1] == words.width
    # A text's vector is its own, whatever it shares a batch with; and a long text is cut, not refused.
    assert (words.encode(TEXTS[2:]) @ texts[2] > CLOSE).all()
    assert words.encode(["oak " * 50]).shape == (1, words.width)


def test_bert_is_the_mean_of_its_tokens(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = BertModel(BertConfig(**SIZES, vocab_size=len(WORDS), max_position_embeddings=16)).eval()
    name = saved(tmp_path, model, tokenizer())
    alone = [model(**tokenizer()(text, return_tensors="pt")).last_hidden_state[0].mean(0) for text in TEXTS]
    assert_alike(load_text_encoder(name).encode(TEXTS), torch.stack(alone))


def test_a_vit_sees_as_it_was_trained(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ViTModel(ViTConfig(**VISION)).eval()
    processor = ViTImageProcessorPil(size={"height": 32, "width": 32}, image_mean=MEAN, image_std=STD)
    rows, images = encoded(saved(tmp_path, model, processor), 32)
    states = model(**processor(images=images, return_tensors="pt")).last_hidden_state
    assert_alike(rows, states.mean(1))


def test_a_convolutional_model_has_cells(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, image_size=32)
    model = ConvNextModel(config).eval()
    processor = ConvNextImageProcessorPil(
        size={"shortest_edge": 32}, crop_pct=1.0, image_mean=MEAN, image_std=STD
    )
    name = saved(tmp_path, model, processor)
    rows, images = encoded(name, 32)
    state = model(
        pixel_values=processor(images=images, return_tensors="pt")["pixel_values"]
    ).last_hidden_state
    assert_alike(rows, state.mean((2, 3)))
    cells = load_image_encoder(name).cells(decode_images(pictures(32), 32)[0])
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
    whole = Qwen3VLForConditionalGeneration(config).eval()
    processor = Qwen2VLImageProcessorPil(patch_size=32, merge_size=2, image_mean=MEAN, image_std=STD)
    name = saved(tmp_path, whole, processor, tokenizer(chat=True))

    said = "<s> Represent the user's input. </s> <s> {} </s> <s>"
    alone = []
    for one in TEXTS:
        tokens = tokenizer(chat=True)(said.format(one), return_tensors="pt")
        states = whole.model(input_ids=tokens["input_ids"]).last_hidden_state
        alone.append(states[0, -1])
    words = load_text_encoder(name)
    assert_alike(words.encode(TEXTS), torch.stack(alone))

    rows, images = encoded(name, 448)
    alone = []
    for image in images:
        seen = processor(images=[image], return_tensors="pt")
        tokens = tokenizer(chat=True)(said.format("<|image_pad|> " * 49), return_tensors="pt")
        kinds = (tokens["input_ids"] == config.image_token_id).int()
        states = whole.model(input_ids=tokens["input_ids"], mm_token_type_ids=kinds, **seen).last_hidden_state
        alone.append(states[0, -1])
    assert_alike(rows, torch.stack(alone))
    assert rows.shape[1] == words.width


def test_an_encoder_of_texts_is_none_of_pictures(tmp_path: Path) -> None:
    name = saved(tmp_path, BertModel(BertConfig(**SIZES, vocab_size=len(WORDS))), tokenizer())
    with pytest.raises(BackboneError, match="can't be loaded as an image encoder"):
        load_image_encoder(name)


def test_timm_models_come_by_name(tmp_path: Path) -> None:
    try:
        import timm
    except (ImportError, RuntimeError):
        with pytest.raises(BackboneError, match="torchvision that fits"):
            load_image_encoder("timm:resnet10t")
        pytest.skip("timm is not installed beside a torchvision that fits this torch")
    model = timm.create_model("resnet10t", num_classes=0).eval()
    from timm.models import save_for_hf

    save_for_hf(model, tmp_path, model_config={"num_classes": 0})
    rows, _ = encoded(f"timm:{tmp_path}", 176)
    image_spec = load_image_encoder(f"timm:{tmp_path}").image_spec
    batch = torch.from_numpy(image_spec.normalised(decode_images(pictures(176), 176)[0]))
    assert_alike(rows, model(batch))
