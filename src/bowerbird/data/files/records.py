"""Typed records in JSON files and JSON values: frozen dataclasses, checked by `msgspec` when read."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from bowerbird.data.files.durable import write_atomically
from bowerbird.errors import InputError, StoreError

T = TypeVar("T")


def read_record(path: Path, record_type: type[T]) -> T:
    """Read a record that `write_record` wrote; fields that the type does not have are ignored.

    Raises `StoreError` where the file is missing, is not JSON, or lacks a field or has a wrong type.
    """
    try:
        return decode_record(path.read_bytes(), record_type, path)
    except FileNotFoundError:
        raise StoreError(f"{path} is missing: restore it, or make this version again") from None
    except OSError as error:
        raise StoreError(f"{path} can't be read ({error}): restore it") from None


def write_record(path: Path, record: Any) -> None:
    """Replace a JSON file by a record atomically, indented so that people can read it."""
    write_atomically(path, encode_record(record))


def decode_record(content: bytes, record_type: type[T], path: Path) -> T:
    """Decode the content of a file. Raises `StoreError`, which names the file, as `read_record` does."""
    try:
        return msgspec.json.decode(content, type=record_type)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} can't be read ({error}): restore it, or make this version again") from None


def encode_record(record: Any) -> bytes:
    """Encode a record as indented JSON; NaN, which JSON does not have, becomes null."""
    return msgspec.json.format(msgspec.json.encode(record, enc_hook=_to_plain), indent=2) + b"\n"


def record_from(raw: Any, record_type: type[T], location: str) -> T:
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
    >>> record_from({"amount": 5, "currency": "EUR"}, Price, "the price")
    Traceback (most recent call last):
    bowerbird.errors.InputError: the price: unknown field `currency`; the fields are amount
    """
    try:
        record = msgspec.convert(raw, record_type)
    except msgspec.ValidationError as error:
        raise InputError(f"{location}: {error}") from None
    if unknown := _unknown_field(raw, record, ""):
        raise InputError(f"{location}: {unknown}")
    return record


def record_as_dict(record: Any) -> dict[str, Any]:
    """Convert a record into plain values (dicts, lists, strings, numbers) for JSON."""
    plain: dict[str, Any] = msgspec.to_builtins(record, enc_hook=_to_plain)
    return plain


def plain(value: Any) -> Any:
    """Convert results of any shape to JSON's types: NumPy's and the library's too; NaN to null."""
    if isinstance(value, dict):
        return {str(key): plain(element) for key, element in value.items()}
    if isinstance(value, list | tuple):
        return [plain(element) for element in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def _to_plain(value: Any) -> Any:
    """Convert what `msgspec` does not know: NumPy's numbers and arrays, and paths."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError


def _unknown_field(raw: Any, record: Any, path: str) -> str:
    """Describe a field of `raw` that its record does not have; empty where there is none.

    `msgspec` ignores them in dataclasses, and a mistyped setting must not pass for its default.
    """
    if isinstance(raw, list) and isinstance(record, list | tuple):
        faults = (
            _unknown_field(value, each, f"{path}{number}.")
            for number, (value, each) in enumerate(zip(raw, record, strict=True))
        )
        return next(filter(None, faults), "")
    if not isinstance(raw, dict) or not is_dataclass(record):
        return ""
    names = [each.name for each in fields(record)]
    for name, value in raw.items():
        if name not in names:
            return f"unknown field `{path}{name}`; the fields are {', '.join(path + each for each in names)}"
        if unknown := _unknown_field(value, getattr(record, name), f"{path}{name}."):
            return unknown
    return ""
