"""Wraps Hugging Face's `from_pretrained`: resolves names and folders, and raises clear errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bowerbird.errors import BackboneError
from bowerbird.models.fetching import fetch

T = TypeVar("T")


def load_pretrained(name: str, kind: str, load: Callable[[str], T]) -> T:
    """Call `load` with the hub name or folder that a default name, `hf:org/name` or folder refers to.

    Raises `BackboneError`, naming the expected `kind` of model, if that fails.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # its bar for every load would hide our own
    source = name.removeprefix("hf:") if name.startswith("hf:") else str(fetch(name))
    try:
        return load(source)
    except (OSError, ValueError, KeyError) as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackboneError(
            f"{name} can't be loaded as {kind} ({first_line}): name a model of that kind; models of a hub "
            "need a connection"
        ) from error
