"""Answers of the Universal Commerce Protocol's catalogue (ucp.dev), and the shop's profile.

Fields without a value are left out.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bowerbird.serve.bodies.base import Body
from bowerbird.serve.ucp.product_bodies import Product

VERSION = "2026-04-08"


class CatalogMessage(Body):
    """What the platform should know."""

    type: Literal["error", "warning", "info"]
    code: str
    content: str
    severity: Literal["unrecoverable"] | None = None


class Reference(Body):
    """The version of a capability or service."""

    version: str = VERSION
    spec: str | None = None
    schema_: Annotated[str | None, Field(serialization_alias="schema")] = None
    transport: Literal["rest", "mcp"] | None = None
    endpoint: str | None = None


class Envelope(Body):
    """The protocol's part of an answer."""

    version: str = VERSION
    status: Literal["success", "error"] = "success"
    capabilities: dict[str, list[Reference]]


class PageInfo(Body):
    """Whether there is another page, and its cursor."""

    cursor: str | None = None
    has_next_page: bool


class SearchResponse(Body):
    """Products, best first."""

    ucp: Envelope
    products: list[Product]
    pagination: PageInfo
    messages: list[CatalogMessage] | None = None


class LookupResponse(Body):
    """Products, each with one variant."""

    ucp: Envelope
    products: list[Product]
    messages: list[CatalogMessage] | None = None


class ProductResponse(Body):
    """One product, or a message that says why there is none."""

    ucp: Envelope
    product: Product | None = None
    messages: list[CatalogMessage] | None = None


class ProfileMetadata(Body):
    """What the shop offers, and where."""

    version: str = VERSION
    services: dict[str, list[Reference]]
    capabilities: dict[str, list[Reference]]
    payment_handlers: dict[str, list[Reference]]


class Profile(Body):
    """The shop's profile."""

    ucp: ProfileMetadata
