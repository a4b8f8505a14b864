"""The Universal Commerce Protocol: the shop's profile, and its catalogue by REST."""

from __future__ import annotations

from importlib.util import find_spec

from anyio import to_thread
from fastapi import APIRouter, Request

from bowerbird.serve.app_state import AppState
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router, joined_router
from bowerbird.serve.ucp.answer_bodies import (
    VERSION,
    LookupResponse,
    ProductResponse,
    Profile,
    ProfileMetadata,
    Reference,
    SearchResponse,
)
from bowerbird.serve.ucp.catalog import LOOKUP, SEARCH, lookup_catalog, search_catalog
from bowerbird.serve.ucp.request_bodies import LookupRequest, ProductRequest, SearchRequest
from bowerbird.serve.ucp.selection import get_product

SITE = f"https://ucp.dev/{VERSION}"
SERVICE = "dev.ucp.shopping"


def routes(app_state: AppState) -> APIRouter:
    return joined_router(_discovery(app_state), _catalog(app_state))


def store_address(request: Request, app_state: AppState) -> str:
    """The address of the store, as the client knows it."""
    return str(request.base_url).rstrip("/") + app_state.address


def _discovery(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules())

    @router.get("/.well-known/ucp", response_model_exclude_none=True)
    async def profile(request: Request) -> Profile:
        """The shop's profile: which capabilities it has, and where."""
        address = f"{store_address(request, app_state)}/ucp"
        rest = _reference("overview", "services/shopping/rest.openapi")
        services = [rest.model_copy(update={"transport": "rest", "endpoint": address})]
        if find_spec("mcp") is not None:
            mcp = _reference("overview", "services/shopping/mcp.openrpc")
            services.append(mcp.model_copy(update={"transport": "mcp", "endpoint": f"{address}/mcp"}))
        capabilities = {
            SEARCH: [_reference("catalog/search", "schemas/shopping/catalog_search")],
            LOOKUP: [_reference("catalog/lookup", "schemas/shopping/catalog_lookup")],
        }
        return Profile(
            ucp=ProfileMetadata(services={SERVICE: services}, capabilities=capabilities, payment_handlers={})
        )

    return router


def _reference(page: str, schema: str) -> Reference:
    """What is offered, with the addresses of its specification and its schema."""
    return Reference(spec=f"{SITE}/specification/{page}", schema_=f"{SITE}/{schema}.json")


def _catalog(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.READ, 64 * KB))

    @router.post("/ucp/catalog/search", response_model_exclude_none=True)
    async def search(body: SearchRequest, request: Request) -> SearchResponse:
        """Products for a query, or those that pass the filters."""
        return await to_thread.run_sync(search_catalog, app_state, body, store_address(request, app_state))

    @router.post("/ucp/catalog/lookup", response_model_exclude_none=True)
    async def lookup(body: LookupRequest, request: Request) -> LookupResponse:
        """Products by ids of products and variants."""
        return await to_thread.run_sync(lookup_catalog, app_state, body, store_address(request, app_state))

    @router.post("/ucp/catalog/product", response_model_exclude_none=True)
    async def product(body: ProductRequest, request: Request) -> ProductResponse:
        """One product with its variants; an unknown id is an answer with an error message."""
        return await to_thread.run_sync(get_product, app_state, body, store_address(request, app_state))

    return router
