"""Fits sources one after the other, each saved when it is fitted: an interrupted training continues there."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from bowerbird.conversations.contexts import DialogueExample
from bowerbird.conversations.sources.source import ConversationSource
from bowerbird.errors import StoreError
from bowerbird.progress import track


class SourceFitting:
    """Fits sources; with a folder, those fitted before on the same examples are loaded."""

    def __init__(self, folder: Path | None = None, settings: str = "") -> None:
        """`folder` holds the fitted sources; `settings` is all else that they depend on, as a text."""
        self._folder, self._settings = folder, settings

    def fit(self, sources: Sequence[ConversationSource], examples: Sequence[DialogueExample]) -> None:
        """Fit all sources on the examples, showing which is the next."""
        folder = self._folder and self._folder / self._fingerprint(examples)
        for source in track(sources, f"fitting on {len(examples):,} examples", len(sources)):
            if folder is None or not _load(source, folder / source.name):
                source.fit(examples)
                if folder is not None:
                    _save(source, folder / source.name)

    def clear(self) -> None:
        """Delete what was saved."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _fingerprint(self, examples: Sequence[DialogueExample]) -> str:
        digest = hashlib.blake2b(self._settings.encode(), digest_size=8)
        for example in examples:
            digest.update(
                f"{example.dialogue_id}/{example.targets}/{len(example.context.mentions)};".encode()
            )
        return digest.hexdigest()


def _load(source: ConversationSource, folder: Path) -> bool:
    """Load a source that was fitted before; False where there is none, or not of the same graft."""
    if not folder.is_dir():
        return False
    try:
        source.load(folder)
    except StoreError:
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def _save(source: ConversationSource, folder: Path) -> None:
    """Save whole or not at all."""
    partial = folder.with_name(f".{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    source.save(partial)
    partial.replace(folder)
