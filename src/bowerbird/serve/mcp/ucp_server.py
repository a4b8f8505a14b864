"""The UCP catalogue over MCP: its protocol names the tools, and says what they take and answer with.

A server of its own, since the shop's other tools have the same names. What a platform does wrong is an error
of JSON-RPC; what the catalogue does not have is an answer with messages.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar

import mcp_types as types
from anyio import CapacityLimiter, to_thread
from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from pydantic import BaseModel, Field, ValidationError

import bowerbird
from bowerbird.errors import BowerbirdError, InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.ucp.answer_bodies import LookupResponse, ProductResponse, SearchResponse
from bowerbird.serve.ucp.catalog import lookup_catalog, search_catalog
from bowerbird.serve.ucp.request_bodies import (
    CatalogRequest,
    LookupRequest,
    ProductRequest,
    SearchRequest,
    UcpRequest,
)
from bowerbird.serve.ucp.selection import get_product

DISCOVERY_FAILED = -32001
"""UCP's code for a platform without a profile."""
_log = logging.getLogger(__name__)
Context = ServerRequestContext[dict[str, Any]]
Request = TypeVar("Request", bound=CatalogRequest)
Response = TypeVar("Response", bound=BaseModel)


class Agent(UcpRequest):
    """The platform that calls."""

    profile: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2000)]
    """Address of its profile, which is not fetched: all platforms are answered alike."""


class Metadata(UcpRequest):
    """What every call holds."""

    agent: Annotated[Agent, Field(alias="ucp-agent")]


class Call(UcpRequest, Generic[Request]):
    """The arguments of a tool."""

    meta: Metadata
    catalog: Request


@dataclass(frozen=True)
class Operation(Generic[Request, Response]):
    """An operation of the catalogue, as a tool."""

    name: str
    description: str
    request: type[Request]
    response: type[Response]
    run: Callable[[AppState, Request, str], Response]

    @cached_property
    def arguments(self) -> type[Call[Request]]:
        """The model of its arguments."""
        return Call[self.request]  # type: ignore[name-defined]

    @cached_property
    def definition(self) -> types.Tool:
        """The tool as clients see it."""
        return types.Tool(
            name=self.name,
            description=self.description,
            input_schema=self.arguments.model_json_schema(),
            output_schema=self.response.model_json_schema(),
            annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
        )

    def call(self, app_state: AppState, address: str, arguments: dict[str, Any]) -> types.CallToolResult:
        """Run it: the answer as data, and as text for clients that read no data."""
        answer = self.run(app_state, self.arguments.model_validate(arguments).catalog, address)
        text = types.TextContent(type="text", text=answer.model_dump_json(exclude_none=True))
        content = answer.model_dump(mode="json", exclude_none=True)
        return types.CallToolResult(content=[text], structured_content=content)


OPERATIONS: tuple[Operation[Any, Any], ...] = (
    Operation(
        "search_catalog",
        "Search for products by a query, by filters, or both; pages by cursor.",
        SearchRequest,
        SearchResponse,
        search_catalog,
    ),
    Operation(
        "lookup_catalog",
        "Look up products and variants by their ids.",
        LookupRequest,
        LookupResponse,
        lookup_catalog,
    ),
    Operation(
        "get_product",
        "Get one product, with the variants that fit the options selected.",
        ProductRequest,
        ProductResponse,
        get_product,
    ),
)
_BY_NAME = {operation.name: operation for operation in OPERATIONS}


def make_ucp_server(app_state: AppState, address: str, threads: CapacityLimiter) -> Server[dict[str, Any]]:
    """The server of the catalogue; `address` is the store's, for pictures. Tools run in `threads`."""

    async def list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[operation.definition for operation in OPERATIONS])

    async def call_tool(_: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        operation = _BY_NAME.get(params.name)
        if operation is None:
            raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name!r:.100}")
        call = functools.partial(_call, operation, app_state, address, params.arguments or {})
        return await to_thread.run_sync(call, limiter=threads)

    return Server(
        "bowerbird-ucp", version=bowerbird.__version__, on_list_tools=list_tools, on_call_tool=call_tool
    )


def _call(
    operation: Operation[Any, Any], app_state: AppState, address: str, arguments: dict[str, Any]
) -> types.CallToolResult:
    """The answer of an operation. Raises `MCPError` for what is no outcome of the catalogue."""
    try:
        return operation.call(app_state, address, arguments)
    except ValidationError as error:
        raise _invalid(error) from None
    except InputError as error:
        raise MCPError(types.INVALID_PARAMS, str(error)) from None
    except BowerbirdError as error:
        _log.error("%s: %s", type(error).__name__, error)
        raise MCPError(types.INTERNAL_ERROR, "the store can't be used at the moment: try again") from None


def _invalid(error: ValidationError) -> MCPError:
    """The error of arguments that are not UCP's; a call without a profile fails in UCP's negotiation."""
    fault = error.errors(include_url=False)[0]
    message = f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg']}"
    if fault["loc"][:1] == ("meta",):
        details = {"code": "invalid_profile_url", "content": message}
        return MCPError(DISCOVERY_FAILED, "UCP discovery failed: name your profile", details)
    return MCPError(types.INVALID_PARAMS, message)
