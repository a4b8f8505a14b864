"""Backbones whose top blocks were trained on a store's own items, as the store keeps them.

A version of `backbones` holds what was trained and no more. An adapted encoder is named by its base and a
hash of its weights: features are kept by that name, so those of one encoder are never taken for another's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bowerbird.data.store import Store, Version
from bowerbird.errors import StoreError

Side = Literal["image", "text"]
KIND = "backbones"
_ADAPTED = re.compile(r"(?P<base>.+)\+adapted-(?P<identity>[0-9a-f]{16})")


@dataclass(frozen=True)
class EncoderSource:
    """What an encoder is loaded from."""

    base: str
    """`minilm-l6`, `hf:org/name`, a folder…"""
    weights: Path | None
    """What was trained of it; None where it is as it came."""

    @classmethod
    def of(cls, store: Store, name: str) -> EncoderSource:
        """By the name of a backbone, or of an adapted one.

        Raises `StoreError` where the store lost its weights.
        """
        adapted = _ADAPTED.fullmatch(name)
        if adapted is None:
            return cls(name, None)
        for version in _versions(store):
            for side, identity in version.meta["identities"].items():
                if identity == adapted["identity"]:
                    return cls(adapted["base"], weights_file(version.path, side))
        raise StoreError(
            f"the store {store.path} does not hold the adapted backbone {name}: run `bowerbird embed "
            f"{store.path}`, with --unfreeze to adapt one again"
        )


def base_of(name: str) -> str:
    """The backbone that an adapted one was made of; another one's own name.

    >>> base_of("minilm-l6+adapted-0123456789abcdef"), base_of("minilm-l6")
    ('minilm-l6', 'minilm-l6')
    """
    adapted = _ADAPTED.fullmatch(name)
    return adapted["base"] if adapted else name


def adapted_name(base: str, identity: str) -> str:
    """The name of an adapted encoder."""
    return f"{base}+adapted-{identity}"


def identity_of(base: str, trained: Mapping[str, np.ndarray]) -> str:
    """64 bits that change with the base and with any number that was trained, as 16 hexadecimal digits."""
    digest = hashlib.blake2b(base.encode(), digest_size=8)
    for name in sorted(trained):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(trained[name]).tobytes())
    return digest.hexdigest()


def weights_file(version: Path, side: str) -> Path:
    """Where a version keeps what was trained of one side's encoder."""
    return version / f"{side}.safetensors"


def adapted_from(store: Store, inputs: str) -> Version | None:
    """The version that was made of these inputs, whether it was better or not; None where there is none."""
    return next((version for version in _versions(store) if version.meta["inputs"] == inputs), None)


def in_use(store: Store) -> frozenset[str]:
    """Versions of `backbones` that a version of the vectors was made with: they must stay."""
    names = [
        name
        for path in (store.path / "vectors").glob("[!.]*/meta.json")
        for name in json.loads(path.read_text()).get("backbones", {}).values()
    ]
    identities = {adapted["identity"] for name in names if (adapted := _ADAPTED.fullmatch(name))}
    return frozenset(
        version.name for version in _versions(store) if identities & set(version.meta["identities"].values())
    )


def _versions(store: Store) -> list[Version]:
    paths = sorted((store.path / KIND).glob("[!.]*/meta.json"))
    return [Version(KIND, path.parent.name, path.parent, _read(path)) for path in paths]


def _read(path: Path) -> dict[str, Any]:
    try:
        meta: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} can't be read ({error}): remove its folder and run `bowerbird embed` again"
        ) from None
    return meta
