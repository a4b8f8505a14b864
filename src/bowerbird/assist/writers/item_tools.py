"""Tools that a language model may call while it writes: search, compare, item facts.

Results come from the catalogue only, as JSON. Items have numbers, which the text names them by: `[1]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from bowerbird.assist.answers.facts import sentences
from bowerbird.assist.find.item_matches import ItemMatches, name_item
from bowerbird.assist.reply import ReplyItem
from bowerbird.assist.request import Request
from bowerbird.assist.turn import Turn
from bowerbird.assist.understand.act_patterns import Act
from bowerbird.assist.understand.acts import recognise
from bowerbird.data.items import Item
from bowerbird.endpoint.answers import Tool, ToolCall
from bowerbird.text.words import normalize_text

Find = Callable[[str], ItemMatches]
"""Items for a request in plain English."""
MAX_ITEMS = 20
MAX_SENTENCES = 4
MAX_VALUE_LENGTH = 200
_NUMBERS = {"type": "array", "items": {"type": "integer"}, "description": "numbers of items"}
TOOLS = (
    Tool(
        "search",
        "Find items of the shop for a request in plain English, such as 'green lamp under 60'.",
        {"type": "object", "properties": {"request": {"type": "string"}}, "required": ["request"]},
    ),
    Tool(
        "compare",
        "List the attributes in which items differ.",
        {"type": "object", "properties": {"items": _NUMBERS}, "required": ["items"]},
    ),
    Tool(
        "item_facts",
        "Read all that the listing says of an item.",
        {"type": "object", "properties": {"item": {"type": "integer"}}, "required": ["item"]},
    ),
)


class ItemTools:
    """Answers the tool calls of one reply; `items` are those that the model may name, by their numbers."""

    def __init__(self, turn: Turn, items: Sequence[ReplyItem], find: Find) -> None:
        self._turn = turn
        self._find = find
        self.items = list(items)

    def call(self, tool_call: ToolCall) -> str:
        """The result of a call as JSON; an explanation where it can't be answered."""
        arguments = tool_call.parse_arguments()
        if tool_call.name == "search":
            result = self._search(arguments.get("request"))
        elif tool_call.name == "compare":
            result = self._compare(arguments.get("items"))
        elif tool_call.name == "item_facts":
            item = self._numbered(arguments.get("item"))
            result = self.facts(item) if item else {"error": "no item has this number"}
        else:
            result = {"error": f"there is no tool {tool_call.name[:50]!r}"}
        return json.dumps(result, ensure_ascii=False)

    def facts(self, shown: ReplyItem) -> dict[str, Any]:
        """What the listing says of an item, sentences that instruct an assistant left out."""
        item = self._turn.parts.catalogue.item(shown.position)
        return {
            "number": self.items.index(shown) + 1,
            "title": shown.title,
            "price": shown.priced_with_sale or "none stated",
            "attributes": {name: value[:MAX_VALUE_LENGTH] for name, value in item.attributes.items()},
            **_stated_fields(item),
            **({"variants": shown.variants} if shown.variants else {}),
            "description": " ".join(harmless_sentences(item)),
        }

    def _search(self, request: object) -> dict[str, Any]:
        if not isinstance(request, str) or not normalize_text(request):
            return {"error": "request must be a text"}
        matches = self._find(request[:MAX_VALUE_LENGTH])
        known = {shown.item_id for shown in self.items}
        self.items += [item for item in matches.items if item.item_id not in known]
        del self.items[MAX_ITEMS:]
        matched = {item.item_id for item in matches.items}
        hits = [self.facts(shown) for shown in self.items if shown.item_id in matched]
        return {"items": hits} if hits else {"items": [], "note": "the shop has none"}

    def _compare(self, numbers: object) -> dict[str, Any]:
        candidates = numbers if isinstance(numbers, list) else []
        items = [item for item in map(self._numbered, candidates) if item is not None]
        if len(items) < 2:
            return {"error": "items must be at least two numbers of items"}
        facts = [self.facts(item) for item in items]
        names = list(dict.fromkeys(name for each in facts for name in each["attributes"]))
        rows = {name: [each["attributes"].get(name, "") for each in facts] for name in names}
        differing = {name: values for name, values in rows.items() if len(set(values)) > 1}
        titles = [each["title"] for each in facts]
        return {"items": titles, "price": [each["price"] for each in facts], **differing}

    def _numbered(self, number: object) -> ReplyItem | None:
        is_known = isinstance(number, int) and 1 <= number <= len(self.items)
        return self.items[number - 1] if is_known and isinstance(number, int) else None


def _stated_fields(item: Item) -> dict[str, Any]:
    """Rating, condition, shipping and returns, where the listing has them."""
    names = ("rating", "rating_count", "condition", "shipping", "returns")
    fields = {name: getattr(item, name) for name in names if getattr(item, name) not in (None, "")}
    return {name: v[:MAX_VALUE_LENGTH] if isinstance(v, str) else v for name, v in fields.items()}


def harmless_sentences(item: Item) -> list[str]:
    """The first sentences of a description, those left out that speak to an assistant (prompt injection)."""
    harmless = [
        sentence
        for sentence in sentences(item)
        if recognise(normalize_text(sentence), points=False, points_by_rank=False).act
        not in (Act.INJECTION, Act.ABUSE)
    ]
    return harmless[:MAX_SENTENCES]


def items_on_screen(turn: Turn) -> list[ReplyItem]:
    """The items that an answer may name: the list on screen and the item in focus."""
    shown = dict.fromkeys(item.item_id for item in (*turn.reference.items, *turn.on_screen))
    if turn.focus:
        shown[turn.focus.item_id] = None
    positions = turn.parts.catalogue.position
    return [name_item(turn.parts, positions[i], Request(), "") for i in list(shown)[:MAX_ITEMS]]
