"""Fine-tuned backbones in a store: names, files and versions.

A version of `backbones` holds the trained tensors only. An adapted encoder is named by its base and a hash of
its trained tensors. Cached features are filed under that name, so features of two encoders are never mixed
up.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bowerbird.data.arrays import FloatArray
from bowerbird.data.files.records import read_record
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.embed.meta import BackbonesMeta, VectorsMeta
from bowerbird.errors import StoreError

_ADAPTED_NAME = re.compile(r"(?P<base>.+)\+adapted-(?P<identity>[0-9a-f]{16})")


@dataclass(frozen=True)
class EncoderSource:
    """What an encoder is loaded from: a base and, where it was adapted, its trained tensors."""

    base: str
    """`minilm-l6`, `hf:org/name`, a folder…"""
    weights: Path | None
    """File of the trained tensors; None for the unchanged base."""

    @classmethod
    def of(cls, store: Store, name: str) -> EncoderSource:
        """Look up a base or adapted backbone by name.

        Raises `StoreError` if the store no longer has the weights of an adapted one.
        """
        name_match = _ADAPTED_NAME.fullmatch(name)
        if name_match is None:
            return cls(name, None)
        for version in _versions(store):
            for modality, identity in version.read_meta(BackbonesMeta).identities.items():
                if identity == name_match["identity"]:
                    return cls(name_match["base"], weights_path(version.path, modality))
        raise StoreError(
            f"the store {store.path} does not hold the adapted backbone {name}: run `bowerbird embed "
            f"{store.path}`, with --unfreeze to adapt one again"
        )


def base_backbone_name(name: str) -> str:
    """Return the base of an adapted backbone's name; any other name as it is.

    >>> base_backbone_name("minilm-l6+adapted-0123456789abcdef"), base_backbone_name("minilm-l6")
    ('minilm-l6', 'minilm-l6')
    """
    name_match = _ADAPTED_NAME.fullmatch(name)
    return name_match["base"] if name_match else name


def adapted_backbone_name(base: str, identity: str) -> str:
    """Name of an adapted encoder."""
    return f"{base}+adapted-{identity}"


def compute_identity(base: str, trained: Mapping[str, FloatArray]) -> str:
    """Hash the base name and the trained tensors to 64 bits, as 16 hexadecimal digits."""
    digest = hashlib.blake2b(base.encode(), digest_size=8)
    for name in sorted(trained):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(trained[name]).tobytes())
    return digest.hexdigest()


def weights_path(version: Path, modality: str) -> Path:
    """File of a version that holds the trained tensors of one modality's encoder."""
    return version / f"{modality}.safetensors"


def find_adapted_version(store: Store, inputs: str) -> Version | None:
    """Find the version that was trained from these inputs, better or not; None if there is none."""
    return next(
        (version for version in _versions(store) if version.read_meta(BackbonesMeta).inputs == inputs), None
    )


def versions_in_use(store: Store) -> frozenset[str]:
    """Names of the versions of `backbones` that versions of the vectors need: these must not be removed."""
    metas = (
        read_record(path, VectorsMeta) for path in (store.path / VectorsMeta.KIND).glob("[!.]*/meta.json")
    )
    names = [name for meta in metas for name in (meta.backbones or {}).values()]
    identities = {name_match["identity"] for name in names if (name_match := _ADAPTED_NAME.fullmatch(name))}
    return frozenset(
        version.name
        for version in _versions(store)
        if identities & set(version.read_meta(BackbonesMeta).identities.values())
    )


def _versions(store: Store) -> list[Version]:
    paths = sorted((store.path / BackbonesMeta.KIND).glob("[!.]*/meta.json"))
    return [Version(BackbonesMeta.KIND, path.parent.name, path.parent, path.read_bytes()) for path in paths]
