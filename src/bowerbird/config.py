"""Hyper-parameters: one frozen dataclass per component, each field with its unit and what it does.

A component's config is saved in the `meta.json` of the version that it made; `bowerbird config show` prints
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


def setting(default: T, description: str, unit: str = "") -> T:
    """Declare a field of a config: its default, what it does, and its unit where it has one.

    >>> @dataclass(frozen=True)
    ... class WalkConfig:
    ...     length: int = setting(4, "Length of a walk", "steps")
    >>> WalkConfig().length
    4
    """
    # A dataclass field, which the type checker takes for the default: that is what instances hold.
    declared: T = field(default=default, metadata={"description": description, "unit": unit})
    return declared


@dataclass(frozen=True)
class Setting:
    """One field of a config, as it is shown to people."""

    name: str
    value: Any
    default: Any
    unit: str
    description: str


def describe_config(config: Any) -> list[Setting]:
    """List the settings of a config in the order of their declaration.

    >>> @dataclass(frozen=True)
    ... class WalkConfig:
    ...     length: int = setting(4, "Length of a walk", "steps")
    >>> describe_config(WalkConfig(5))
    [Setting(name='length', value=5, default=4, unit='steps', description='Length of a walk')]
    """
    return [
        Setting(
            declared.name,
            getattr(config, declared.name),
            declared.default,
            declared.metadata.get("unit", ""),
            declared.metadata.get("description", ""),
        )
        for declared in fields(config)
    ]
