"""UCP's own models against a real server: their requests are read, and answers are valid."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shlex
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from jsonschema import Draft202012Validator
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from pydantic import BaseModel
from ucp_sdk.models.schemas import profile
from ucp_sdk.models.schemas.common.types import context, error_response, pagination, price_filter
from ucp_sdk.models.schemas.shopping import catalog_lookup, catalog_search
from ucp_sdk.models.schemas.shopping.types import search_filters, selected_option

import factories
from bowerbird.data.items import Item
from bowerbird.serve.protection.keys import KeyRing, Role

Serve = Callable[..., AbstractContextManager[str]]


def shirt(size: str, color: str, price: float, **fields: Any) -> Item:
    """A variant of the article "shirt"."""
    attributes = {"size": size, "color": color, "material": "cotton"}
    return Item(
        f"shirt/{size}-{color}", f"Shirt {size} {color}", price=price, currency="USD",
        category=("Clothes", "Shirts"), attributes=attributes, group_id="shirt", **fields,
    )  # fmt: skip


ITEMS = [
    shirt("M", "blue", 19.99, gtin="4006381333931", rating=4.5, rating_count=12, link="https://shop.example/shirt"),
    shirt("L", "blue", 24.99, list_price=30.0, sale_price=24.99),
    shirt("M", "red", 19.99, availability="out_of_stock"),
    Item("fan", "Folding fan", price=1500.0, currency="JPY", category=("Summer",), image_link="https://cdn.example/f.jpg"),
    Item("oud", "Oud oil", "From Kuwait", price=12.345, currency="KWD", category=("Scents",)),
    Item("free", "Free sample", price=0.0, currency="USD", category=("Scents",)),
    Item("unpriced", "Ask us", category=("Scents",)),
    *(Item(f"cap{k}", f"Cap {k}", price=5.0 + k, currency="USD", category=("Clothes",)) for k in range(25)),
]  # fmt: skip


@dataclass(frozen=True)
class Platform:
    """A client of the catalogue, which sends the SDK's models and reads answers as such."""

    address: str
    key: str

    def post(self, path: str, body: BaseModel | dict[str, Any]) -> httpx.Response:
        content = body.model_dump(mode="json", exclude_none=True) if isinstance(body, BaseModel) else body
        headers = {"Authorization": f"Bearer {self.key}", "UCP-Agent": 'profile="https://agent.example/p"'}
        return httpx.post(f"{self.address}/ucp/catalog/{path}", json=content, headers=headers, timeout=300)

    def search(self, **fields: Any) -> catalog_search.SearchResponse:
        answer = self.post("search", catalog_search.SearchRequest(**fields)).raise_for_status()
        return catalog_search.SearchResponse.model_validate(answer.json())

    def lookup(self, *ids: str, **fields: Any) -> catalog_lookup.LookupResponse:
        request = catalog_lookup.LookupRequest(ids=list(ids), **fields)
        answer = self.post("lookup", request).raise_for_status()
        return catalog_lookup.LookupResponse.model_validate(answer.json())

    def product(self, id_: str, **fields: Any) -> catalog_lookup.DetailProduct:
        request = catalog_lookup.GetProductRequest(id=id_, **fields)
        answer = self.post("product", request).raise_for_status()
        return catalog_lookup.GetProductResponse.model_validate(answer.json()).product

    @contextlib.asynccontextmanager
    async def mcp(self) -> AsyncIterator[Client]:
        """The official client of MCP."""
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {self.key}"}, timeout=300)
        async with (
            http,
            Client(streamable_http_client(f"{self.address}/ucp/mcp", http_client=http)) as client,
        ):
            yield client


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, serve: Serve) -> Iterator[Platform]:
    store = factories.toy_store(tmp_path_factory.mktemp("ucp") / "store", ITEMS)
    key = KeyRing(store.path).create([Role.READ])[1]
    with serve(store.path, require_keys=True, requests_per_second=1000) as address:
        yield Platform(address, key)


def filters(*categories: str, **price: int) -> search_filters.SearchFilters:
    wanted = price_filter.PriceFilter(**price) if price else None
    return search_filters.SearchFilters(categories=list(categories) or None, price=wanted)


def ids_of(products: Any) -> list[str]:
    return [product.id for product in products]


def test_the_profile_says_where_the_catalogue_is(platform: Platform) -> None:
    answer = httpx.get(f"{platform.address}/.well-known/ucp", timeout=60)
    ucp = profile.BusinessSchema.model_validate(answer.json()).ucp
    places = [(each.transport, str(each.endpoint)) for each in ucp.services["dev.ucp.shopping"]]
    assert places == [("rest", f"{platform.address}/ucp"), ("mcp", f"{platform.address}/ucp/mcp")]
    assert set(ucp.capabilities or {}) == {
        "dev.ucp.shopping.catalog.search", "dev.ucp.shopping.catalog.lookup",
    }  # fmt: skip


def test_pages_hold_every_product_once(platform: Platform) -> None:
    wanted = filters("Clothes", "Scents", "Summer")
    page = platform.search(filters=wanted)
    assert len(page.products) == 10, "the protocol's default"
    products = list(page.products)
    while page.pagination and page.pagination.has_next_page:
        request = pagination.Request(cursor=page.pagination.cursor, limit=7)
        page = platform.search(filters=wanted, pagination=request)
        products += page.products
    expected = {"shirt", "fan", "oud", "free", *(f"cap{k}" for k in range(25))}
    # What has no price is not there.
    assert len(products) == len(expected) and set(ids_of(products)) == expected, (
        "what has no price is not there"
    )


def test_prices_are_in_minor_units_of_their_currency(platform: Platform) -> None:
    products = {product.id: product for product in platform.lookup("shirt", "fan", "oud", "free").products}
    prices = {id_: product.price_range for id_, product in products.items()}
    expected = {
        "shirt": (1999, 2499, "USD"),
        "fan": (1500, 1500, "JPY"),
        "oud": (12345, 12345, "KWD"),
        "free": (0, 0, "USD"),
    }
    ranges = {id_: (each.min.amount, each.max.amount, each.min.currency) for id_, each in prices.items()}
    assert ranges == expected


@pytest.mark.parametrize(
    ("currency", "bounds", "expected"),
    [
        ("USD", {"min": 2900}, {"cap24"}),
        ("JPY", {"max": 1500}, {"fan"}),
        ("KWD", {"min": 12345, "max": 12345}, {"oud"}),
        (None, {"min": 2900}, {"cap24"}),
    ],
)
def test_a_price_filter_is_in_the_currency_of_its_context(
    platform: Platform, currency: str | None, bounds: dict[str, int], expected: set[str]
) -> None:
    market = context.Context(currency=currency) if currency else None
    answer = platform.search(filters=filters(**bounds), context=market)
    assert set(ids_of(answer.products)) == expected and not answer.messages


def test_a_price_filter_that_can_not_be_applied_is_named(platform: Platform) -> None:
    answer = platform.search(filters=filters("Summer", max=5), context=context.Context(currency="ISK"))
    assert ids_of(answer.products) == ["fan"]
    (message,) = answer.messages or []
    assert (message.type, message.code) == ("warning", "price_filter_not_applied")


def test_a_category_may_be_a_path(platform: Platform) -> None:
    (product,) = platform.search(filters=filters("Clothes > Shirts")).products
    assert product.id == "shirt" and [each.value for each in product.categories or []] == ["Clothes > Shirts"]
    assert platform.search(filters=filters("Clothes > Scents")).products == []


def test_a_lookup_names_the_ids_that_led_to_each_variant(platform: Platform) -> None:
    answer = platform.lookup("shirt/L-blue", "shirt", "fan", "nothing", "unpriced", "fan")
    products = {product.id: product for product in answer.products}
    assert set(products) == {"shirt", "fan"}
    inputs = {variant.id: [(each.id, each.match) for each in variant.inputs]
              for product in products.values() for variant in product.variants or []}  # fmt: skip
    assert inputs == {
        "shirt/L-blue": [("shirt/L-blue", "exact")],
        "shirt/M-blue": [("shirt", "featured")],
        "fan": [("fan", "exact")],
    }
    messages = {(message.code, message.content) for message in answer.messages or []}
    assert messages == {("not_found", "nothing"), ("not_found", "unpriced")}
    assert ids_of(platform.lookup("shirt/M-blue", "fan", filters=filters(max=2000)).products) == ["shirt"]


def test_a_product_has_all_that_is_known_of_it(platform: Platform) -> None:
    product = platform.product("shirt")
    assert product.rating and (product.rating.value, product.rating.scale_max, product.rating.count) == (
        4.5,
        5,
        12,
    )
    assert str(product.url) == "https://shop.example/shirt"
    variant = product.variants[0]
    assert (variant.id, variant.title, variant.barcodes[0].value) == (
        "shirt/M-blue",
        "blue / M",
        "4006381333931",
    )
    (sale,) = platform.product("shirt/L-blue").variants
    assert (sale.price.amount, sale.list_price.amount) == (2499, 3000)
    (red,) = platform.product("shirt/M-red").variants
    assert (red.availability.available, red.availability.status) == (False, "out_of_stock")
    assert str(platform.product("fan").media[0].url) == "https://cdn.example/f.jpg"


def select(**options: str) -> list[selected_option.SelectedOption]:
    return [selected_option.SelectedOption(name=name, label=label) for name, label in options.items()]


def test_a_selection_narrows_the_variants_and_marks_the_values(platform: Platform) -> None:
    product = platform.product("shirt", selected=select(color="blue"))
    assert {variant.id for variant in product.variants} == {"shirt/M-blue", "shirt/L-blue"}
    values = {
        (option.name, value.label): (value.available, value.exists)
        for option in product.options or [] for value in option.values
    }  # fmt: skip
    assert values == {
        ("size", "M"): (True, True), ("size", "L"): (True, True),
        ("color", "blue"): (True, True), ("color", "red"): (False, True),
    }  # fmt: skip
    relaxed = platform.product("shirt", selected=select(color="red", size="L"), preferences=["size"])
    assert {each.name: each.label for each in relaxed.selected or []} == {"size": "L"}
    assert [variant.id for variant in relaxed.variants] == ["shirt/L-blue"]
    preferred = platform.product(
        "shirt", selected=select(color="red", size="L"), preferences=["color", "size"]
    )
    assert [variant.id for variant in preferred.variants] == ["shirt/M-red"]
    fixed = platform.product("shirt/L-blue", selected=select(color="red"))
    assert {each.name: each.label for each in fixed.selected or []} == {"size": "L", "color": "blue"}


def test_an_unknown_product_is_an_answer_and_not_a_failure(platform: Platform) -> None:
    for id_ in ("nothing", "unpriced"):
        answer = platform.post("product", catalog_lookup.GetProductRequest(id=id_))
        error = error_response.ErrorResponse.model_validate(answer.raise_for_status().json())
        assert error.ucp.status == "error" and error.messages[0].code == "not_found"


@pytest.mark.parametrize(
    "body", [{}, {"query": "  "}, {"filters": {}}, {"filters": {"price": {"max": -1}}}, {"pagination": 3}]
)
def test_a_search_without_an_input_is_rejected(platform: Platform, body: dict[str, Any]) -> None:
    answer = platform.post("search", body)
    assert answer.status_code == 400 and answer.json()["error"]["message"]


def test_a_lookup_has_a_limit(platform: Platform) -> None:
    answer = platform.post("lookup", {"ids": [f"id{k}" for k in range(51)]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "request_too_large")
    assert platform.post("lookup", {"ids": []}).status_code == 400


AGENT = {"ucp-agent": {"profile": "https://agent.example/p"}}
CATALOG_CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "search_catalog": ("search", {"filters": {"categories": ["Clothes"]}, "pagination": {"limit": 3}}),
    "lookup_catalog": ("lookup", {"ids": ["shirt", "fan", "gone"]}),
    "get_product": ("product", {"id": "shirt", "selected": [{"name": "size", "label": "L"}]}),
}


def test_the_same_catalogue_answers_over_mcp(platform: Platform) -> None:
    """With the official client; every tool takes and answers with what it declares."""

    async def check() -> None:
        async with platform.mcp() as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == set(CATALOG_CALLS)
            for name, (path, catalog) in CATALOG_CALLS.items():
                arguments = {"meta": AGENT, "catalog": catalog}
                Draft202012Validator(tools[name].input_schema).validate(arguments)
                content = (result := await client.call_tool(name, arguments)).structured_content
                Draft202012Validator(tools[name].output_schema).validate(content)
                expected = platform.post(path, catalog).json()
                for answer in (content, expected):
                    answer.get("pagination", {}).pop("cursor", None)  # holds a random number
                assert content == expected and not result.is_error
                text = json.loads(result.content[0].text)
                assert text["ucp"] == content["ucp"]
            gone = await client.call_tool("get_product", {"meta": AGENT, "catalog": {"id": "gone"}})
            assert gone.structured_content["ucp"]["status"] == "error" and not gone.is_error

    asyncio.run(check())


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("search_catalog", {"catalog": {"query": "cap"}}, -32001),
        ("search_catalog", {"meta": {"ucp-agent": {"profile": "?"}}, "catalog": {"query": "cap"}}, -32001),
        ("search_catalog", {"meta": AGENT}, -32602),
        ("search_catalog", {"meta": AGENT, "catalog": {}}, -32602),
        ("lookup_catalog", {"meta": AGENT, "catalog": {"ids": [f"i{k}" for k in range(51)]}}, -32602),
        ("create_checkout", {"meta": AGENT}, -32602),
    ],
)
def test_a_faulty_call_over_mcp_is_an_error_of_the_protocol(
    platform: Platform, name: str, arguments: dict[str, Any], code: int
) -> None:
    async def call() -> None:
        async with platform.mcp() as client:
            with pytest.raises(MCPError) as caught:
                await client.call_tool(name, arguments)
            assert caught.value.code == code

    asyncio.run(call())


def test_a_query_searches(address: str) -> None:
    """The demo shop, whose catalogue has a text encoder."""
    answer = Platform(address, "none").search(query="a lamp", pagination=pagination.Request(limit=3))
    assert len(answer.products) == 3 and answer.pagination and answer.pagination.has_next_page
    assert all(str(product.media[0].url).startswith(address) for product in answer.products if product.media)


def test_the_documented_calls_work(address: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "ucp.md").read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    calls = re.findall(r"^curl (?:[^'\n]|'[^']*')*", blocks[0][1], re.MULTILINE)
    assert len(calls) == 4
    for words in map(shlex.split, calls):
        url = words[1].replace("localhost:8080", address)
        body = words[words.index("-d") + 1] if "-d" in words else None
        headers = {"Content-Type": "application/json"}
        answer = httpx.request("POST" if body else "GET", url, content=body, headers=headers, timeout=60)
        assert answer.raise_for_status().json()["ucp"]["version"]
    exec(blocks[1][1].replace("http://127.0.0.1:8080", address))
