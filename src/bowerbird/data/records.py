"""Typed records in JSON: frozen dataclasses, checked by `msgspec` when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bowerbird.data.durable import write_atomically
from bowerbird.errors import InputError, StoreError

T = TypeVar("T")


def read_record(path: Path, record_type: type[T]) -> T:
    """Read a record that `write_record` wrote; fields that the type does not have are ignored.

    Raises `StoreError` where the file is missing, is not JSON, or lacks a field or has a wrong type.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=record_type)
    except FileNotFoundError:
        raise StoreError(f"{path} is missing: restore it, or make this version again") from None
    except (msgspec.MsgspecError, OSError) as error:
        raise StoreError(f"{path} can't be read ({error}): restore it, or make this version again") from None


def write_record(path: Path, record: Any) -> None:
    """Replace a JSON file by a record atomically, indented so that people can read it."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


def record_from(raw: Any, record_type: type[T], where: str) -> T:
    """Convert plain values (from JSON or TOML) into a record. Raises `InputError` that says where and what.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Price:
    ...     amount: float
    >>> record_from({"amount": 5}, Price, "the price")
    Price(amount=5.0)
    >>> record_from({"amount": "5"}, Price, "the price")
    Traceback (most recent call last):
    bowerbird.errors.InputError: the price: Expected `float`, got `str` - at `$.amount`
    """
    try:
        return msgspec.convert(raw, record_type)
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {error}") from None


def record_as_dict(record: Any) -> dict[str, Any]:
    """Convert a record into plain values (dicts, lists, strings, numbers) for JSON."""
    plain: dict[str, Any] = msgspec.to_builtins(record)
    return plain
