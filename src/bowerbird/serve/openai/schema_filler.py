"""A reply in a client's JSON schema: each of its fields is filled by its name.

What a reply knows is fixed (`FIELDS`, `ITEM_FIELDS`), so a schema is filled, not written by a model: the
result always follows it. A schema that asks for anything else, or uses other keywords, is refused before the
reply is generated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bowerbird.assist.reply import Reply
from bowerbird.serve.errors import UnsupportedField

FIELDS: Mapping[str, Sequence[str]] = {
    "text": ("text", "reply", "answer", "message", "response", "content", "summary"),
    "items": ("items", "products", "recommendations", "results", "matches"),
    "suggestions": ("suggestions", "follow_ups", "followups", "chips"),
    "found": ("found", "has_matches", "success"),
    "n_items": ("n_items", "count", "total"),
}
"""What a reply knows, by the names that a schema may give it."""
ITEM_FIELDS: Mapping[str, Sequence[str]] = {
    "item_id": ("item_id", "id", "sku", "product_id"),
    "title": ("title", "name"),
    "description": ("description",),
    "price": ("price", "amount"),
    "currency": ("currency",),
    "brand": ("brand",),
    "category": ("category", "categories"),
    "availability": ("availability",),
    "image": ("image", "image_url"),
    "reason": ("reason", "why", "explanation"),
}
_NAMES = {spelling: name for name, spellings in FIELDS.items() for spelling in spellings}
_ITEM_NAMES = {spelling: name for name, spellings in ITEM_FIELDS.items() for spelling in spellings}
_SAMPLE_ITEM = dict.fromkeys(ITEM_FIELDS, "x") | {"price": 1.5, "category": ["x"]}
_SAMPLE = {"text": "x", "items": [_SAMPLE_ITEM], "suggestions": ["x"], "found": True, "n_items": 1}
_KEYWORDS = frozenset(
    ("type", "properties", "required", "additionalProperties", "items", "maxItems", "anyOf", "$ref", "$defs")
)
_NOTES = frozenset(("title", "description", "$schema", "default", "examples", "strict"))
"""Keywords that restrict nothing."""


class UnfitSchema(UnsupportedField):
    """A schema that a reply can't follow."""

    def __init__(self, message: str) -> None:
        super().__init__("response_format", message)


class SchemaFiller:
    """Fills one schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Raises `UnfitSchema`, which says where, for what a reply can't follow."""
        self._root, self._is_checking = schema, True
        self._fill(schema, _SAMPLE, "$", 0)
        self._is_checking = False

    def fill(self, text: str, items: Sequence[Mapping[str, Any]], reply: Reply) -> str:
        """The JSON of a reply; items that lack a field which the schema requires are left out."""
        known = [{name: item.get(name) for name in ITEM_FIELDS} | {"reason": item["why"]} for item in items]
        content = {
            "text": text,
            "items": known,
            "suggestions": list(reply.suggestions),
            "found": bool(reply.items),
            "n_items": len(known),
        }
        return json.dumps(self._fill(self._root, content, "$", 0), ensure_ascii=False)

    def _fill(self, schema: Any, value: Any, path: str, depth: int) -> Any:
        if not isinstance(schema, dict) or depth > 32:
            raise UnfitSchema(f"the schema at {path} is not one that can be filled")
        if "$ref" in schema:
            return self._fill(self._resolved(schema["$ref"], path), value, path, depth + 1)
        if unknown := set(schema) - _KEYWORDS - _NOTES:
            raise UnfitSchema(f"{sorted(unknown)[0]} at {path} is not supported")
        if "anyOf" in schema:
            return self._fill_any(schema["anyOf"], value, path, depth)
        match schema.get("type"):
            case "object" if isinstance(value, dict):
                return self._fill_object(schema, value, path, depth)
            case "array" if isinstance(value, list):
                return self._fill_array(schema, value, path, depth)
            case list() as types:
                options = [{**schema, "type": each} for each in types]
                return self._fill_any(options, value, path, depth)
            case name if _is_of_type(value, name):
                return value
        raise UnfitSchema(f"a reply has no {schema.get('type')} for {path}")

    def _fill_any(self, options: Any, value: Any, path: str, depth: int) -> Any:
        for option in options if isinstance(options, list) else ():
            try:
                return self._fill(option, value, path, depth + 1)
            except UnfitSchema:
                continue
        raise UnfitSchema(f"a reply fits none of the alternatives at {path}")

    def _fill_object(self, schema: dict[str, Any], value: dict[str, Any], path: str, depth: int) -> Any:
        names, required = _NAMES if "items" in value else _ITEM_NAMES, schema.get("required", [])
        filled = {}
        for name, inner in schema.get("properties", {}).items():
            known = value.get(names.get(name, ""))
            try:
                filled[name] = self._fill(inner, known, f"{path}.{name}", depth + 1)
            except UnfitSchema:
                if name in required:
                    raise
        if missing := set(required) - set(filled):
            raise UnfitSchema(f"a reply has no {path}.{sorted(missing)[0]}")
        return filled

    def _fill_array(self, schema: dict[str, Any], values: list[Any], path: str, depth: int) -> Any:
        filled, fault = [], None
        for value in values:
            try:
                filled.append(self._fill(schema.get("items"), value, f"{path}[]", depth + 1))
            except UnfitSchema as error:
                fault = error
        if fault is not None and self._is_checking:
            raise fault
        return filled[: schema.get("maxItems", len(filled))]

    def _resolved(self, reference: Any, path: str) -> Any:
        schema: Any = self._root
        for name in str(reference).removeprefix("#").strip("/").split("/"):
            if name:
                schema = schema.get(name) if isinstance(schema, dict) else None
        if schema is None:
            raise UnfitSchema(f"{reference} at {path} is not in the schema")
        return schema


def _is_of_type(value: Any, name: Any) -> bool:
    match name:
        case "null":
            return value is None
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    return False
