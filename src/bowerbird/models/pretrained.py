"""The one way to Hugging Face's `from_pretrained`: a name or a folder in, clear errors out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bowerbird.errors import BackboneError
from bowerbird.models.fetching import fetch

T = TypeVar("T")


def pretrained(name: str, kind: str, load: Callable[[str], T]) -> T:
    """Call `load` with what a default name, `hf:org/name` or a folder stands for.

    Raises `BackboneError`, which says what `kind` of model was wanted, where that fails.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # a bar for every tensor of every load hides our own
    source = name.removeprefix("hf:") if name.startswith("hf:") else str(fetch(name))
    try:
        return load(source)
    except (OSError, ValueError, KeyError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackboneError(
            f"{name} can't be loaded as {kind} ({line}): name a model of that kind, and be online for a hub's"
        ) from error
