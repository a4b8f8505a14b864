"""The tools: each a name, a role, what it takes, what it answers with, and the function behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import mcp_types as types
from pydantic import BaseModel

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.items import ItemPageBody
from bowerbird.serve.bodies.profiles import ExplanationBody
from bowerbird.serve.mcp import catalogue_tools, inputs, outputs, texts, user_tools
from bowerbird.serve.protection.access import Caller
from bowerbird.serve.protection.errors import Forbidden
from bowerbird.serve.protection.keys import Role

Input = TypeVar("Input", bound=BaseModel)
Output = TypeVar("Output", bound=BaseModel)


@dataclass(frozen=True)
class Tool(Generic[Input, Output]):
    """A tool, which answers as a service of the HTTP API does."""

    name: str
    title: str
    description: str
    role: Role
    """What the caller needs, as for the routes with the same answers."""
    input: type[Input]
    output: type[Output]
    run: Callable[[AppState, Caller, Input], Output]
    describe: Callable[[Output], str]
    """The answer as text."""
    is_reading: bool = True

    def is_allowed(self, caller: Caller) -> bool:
        """Whether a caller may use it."""
        try:
            caller.check_role(self.role)
        except Forbidden:
            return False
        return True

    def call(self, app_state: AppState, caller: Caller, arguments: dict[str, Any]) -> types.CallToolResult:
        """Run it. Raises pydantic's `ValidationError` for wrong arguments, and what its service raises."""
        caller.check_role(self.role)
        answer = self.run(app_state, caller, self.input.model_validate(arguments))
        text = types.TextContent(type="text", text=self.describe(answer))
        return types.CallToolResult(content=[text], structured_content=answer.model_dump(mode="json"))

    @cached_property
    def definition(self) -> types.Tool:
        """The tool as clients see it."""
        # Every call of `save` after the first changes nothing, and nothing leaves the shop.
        hints = types.ToolAnnotations(
            title=self.title,
            read_only_hint=self.is_reading,
            destructive_hint=None if self.is_reading else False,
            idempotent_hint=None if self.is_reading else True,
            open_world_hint=False,
        )
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=self.input.model_json_schema(),
            output_schema=self.output.model_json_schema(mode="serialization"),
            annotations=hints,
        )


TOOLS: tuple[Tool[Any, Any], ...] = (
    Tool(
        "search_catalog",
        "Search the catalogue",
        "Find items by words, or like an item, with filters on every field (price, brand, attributes, "
        "stock). Prices in filters and answers are in the shop's currency.",
        Role.READ,
        inputs.SearchInput,
        outputs.ItemList,
        catalogue_tools.search,
        texts.describe_list,
    ),
    Tool(
        "lookup_catalog",
        "Look up items",
        f"Read at most {inputs.MAX_LOOKUP} items by their ids.",
        Role.READ,
        inputs.LookupInput,
        outputs.KnownItems,
        catalogue_tools.lookup,
        texts.describe_items,
    ),
    Tool(
        "get_product",
        "Get a product",
        "Read all that the shop says of one item, with its other sizes and colours.",
        Role.READ,
        inputs.ProductInput,
        ItemPageBody,
        catalogue_tools.get_product,
        texts.describe_product,
    ),
    Tool(
        "recommend",
        "Recommend items",
        "Items for a user, each with its reason; or for a visitor, by the items that they looked at.",
        Role.READ,
        inputs.RecommendInput,
        outputs.ItemList,
        user_tools.recommend,
        texts.describe_list,
    ),
    Tool(
        "complete",
        "Complete a set",
        "Items that a basket, a board or an outfit misses.",
        Role.READ,
        inputs.CompleteInput,
        outputs.ItemList,
        user_tools.complete,
        texts.describe_list,
    ),
    Tool(
        "compare",
        "Compare items",
        f"What differs between two to {inputs.MAX_COMPARED} items, as their listings state it.",
        Role.READ,
        inputs.CompareInput,
        outputs.ComparedItems,
        catalogue_tools.compare,
        texts.describe_comparison,
    ),
    Tool(
        "explain",
        "Explain a recommendation",
        "Why an item may suit a user: their events and interests that lead to it, and what they like to pay.",
        Role.PROFILE,
        inputs.ExplainInput,
        ExplanationBody,
        user_tools.explain,
        texts.describe_explanation,
    ),
    Tool(
        "save",
        "Save an item",
        "Save an item for a user, as the heart in the shop does. Use it only when the user asks for it.",
        Role.EVENTS_WRITE,
        inputs.SaveInput,
        outputs.SavedItem,
        user_tools.save,
        texts.describe_saved,
        is_reading=False,
    ),
)
BY_NAME = {tool.name: tool for tool in TOOLS}
