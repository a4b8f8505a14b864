"""Export a graft as files that any engine loads: a plain decoder folder, and the connector in its own folder.

The decoder is written in the standard Hugging Face layout; the items' vectors are not part of the export. The
connector has its own folder because vLLM takes every `*.safetensors` next to `config.json` for decoder
weights.
"""

from __future__ import annotations

import copy
from pathlib import Path

from bowerbird.choices import AdaptationMode
from bowerbird.errors import InputError
from bowerbird.graft.config import GraftMeta
from bowerbird.graft.model import Graft
from bowerbird.graft.training.train import save_connector

_README = """\
# A language model with grafted items

`config.json`, `model.safetensors` and the tokenizer's files are the text decoder of {base}, {adapted}:
`AutoModelForCausalLM.from_pretrained` and every serving engine load this folder.

`graft/connector.safetensors` turns a vector v ({dim} float32, length 1) into {tokens} soft token(s) of
{hidden} float32 each:

    raw    = linear.weight @ v + linear.bias + kind.weight[kind]
           + mlp.2.weight @ gelu(mlp.0.weight @ (v * sqrt({dim})) + mlp.0.bias) + mlp.2.bias
    raw    = raw.reshape({tokens}, {hidden})
    tokens = scale * raw / norm(raw, axis=1)

`kind` is 0 for an item, 1 a user's taste, 2 an interest, 3 a collection, 4 a query picture.

A prompt is the list of its token embeddings, in which each item is represented by its soft token(s) at
ordinary positions. In a list of token ids the placeholder for an item is id {item} ({item_text}); replace
those rows. Pass the result to an engine as prompt embeddings (vLLM: `--enable-prompt-embeds`) or as
`inputs_embeds`.

`graft/graft.json` holds the versions, the holdout and the measurements.
"""


def export_graft(graft: Graft, folder: Path) -> list[str]:
    """Write a graft into a new or empty folder and return the files' relative paths.

    Raises `InputError` if the folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not empty: name a new folder for the export")
    folder.mkdir(parents=True, exist_ok=True)
    base = graft.base
    config = copy.deepcopy(base.model.config)
    # The config of a dequantised GGUF still declares quantisation; that of a plain folder must not.
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    decoder = type(base.model)(config)
    decoder.load_state_dict(base.model.state_dict())
    decoder.generation_config = base.model.generation_config
    decoder.save_pretrained(folder)
    base.tokenizer.save_pretrained(folder)
    connector_folder = folder / "graft"
    connector_folder.mkdir()
    save_connector(connector_folder, graft.connector)
    meta = graft.version.read_meta(GraftMeta) if graft.version else None
    (connector_folder / "graft.json").write_bytes(graft.version.raw_meta if graft.version else b"{}")
    is_adapted = meta is not None and meta.adapt is not AdaptationMode.FROZEN
    item_text = base.tokenizer.convert_ids_to_tokens(base.placeholder_id)
    (folder / "README.md").write_text(
        _README.format(
            base=base.name,
            adapted="its adapter merged" if is_adapted else "unchanged",
            dim=graft.matrix.shape[1],
            hidden=base.hidden,
            item=base.placeholder_id,
            item_text=item_text or "no text",
            tokens=graft.connector.tokens,
        )
    )
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
