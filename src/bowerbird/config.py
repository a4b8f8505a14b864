"""Hyper-parameters: one frozen dataclass per component, each field with its unit and what it does.

A config is saved in the `meta.json` of the version that its component made; `bowerbird config show` prints
it. A config may have other components' configs as fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def setting(default: T, description: str, unit: str = "", *, secret: bool = False) -> T:
    """Declare a field of a config: its default, what it does, and its unit where it has one.

    The value of a `secret` field is not part of the config's `repr`.

    >>> @dataclass(frozen=True)
    ... class WalkConfig:
    ...     length: int = setting(4, "Length of a walk", "steps")
    >>> WalkConfig().length
    4
    """
    # A dataclass field, which the type checker takes for the default: that is what instances hold.
    declared: T = field(
        default=default,
        repr=not secret,
        metadata={"description": description, "unit": unit, "secret": secret},
    )
    return declared


@dataclass(frozen=True)
class Setting:
    """One field of a config, as it is shown to people."""

    name: str
    value: Any
    default: Any
    """None for a field without one."""
    unit: str
    description: str
    secret: bool = False
    """Whether the value may contain a password."""

    @property
    def is_changed(self) -> bool:
        return bool(self.value != self.default)


def describe_config(config: Any) -> list[Setting]:
    """List the settings of a config in the order of their declaration, without those of nested configs.

    >>> @dataclass(frozen=True)
    ... class WalkConfig:
    ...     length: int = setting(4, "Length of a walk", "steps")
    >>> describe_config(WalkConfig(5))
    [Setting(name='length', value=5, default=4, unit='steps', description='Length of a walk', secret=False)]
    """
    return [
        Setting(
            declared.name,
            getattr(config, declared.name),
            None if declared.default is MISSING else declared.default,
            declared.metadata.get("unit", ""),
            declared.metadata.get("description", ""),
            declared.metadata.get("secret", False),
        )
        for declared in fields(config)
        if not is_dataclass(getattr(config, declared.name))
    ]


def nested_configs(config: Any) -> Iterator[Any]:
    """A config, then the configs in its fields and theirs, in the order of their declaration."""
    yield config
    for declared in fields(config):
        value = getattr(config, declared.name)
        if is_dataclass(value):
            yield from nested_configs(value)
