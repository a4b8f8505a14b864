"""One product, and the variants that fit the options which a buyer selected so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bowerbird.serve.app_state import AppState
from bowerbird.serve.ucp.answer_bodies import CatalogMessage, ProductResponse
from bowerbird.serve.ucp.catalog import LOOKUP, condition_of, envelope, position_of
from bowerbird.serve.ucp.product_bodies import Option, Product
from bowerbird.serve.ucp.products import Article, ProductWriter
from bowerbird.serve.ucp.request_bodies import ProductRequest

Options = Mapping[str, str]
"""Labels by the names of options."""


def get_product(app_state: AppState, request: ProductRequest, address: str) -> ProductResponse:
    """A product by its id or that of a variant, which is then featured."""
    served = app_state.served
    writer, condition = ProductWriter(served.catalogue, address), condition_of(request, served)
    position = position_of(served, request.id)
    article = None if position is None else writer.article_at(position)
    passes = condition.mask(served)
    messages = list(condition.messages)
    if article is None or not any(passes[each] for each in article.positions):
        content = f"Product not found: {request.id}"
        messages.append(
            CatalogMessage(type="error", code="not_found", content=content, severity="unrecoverable")
        )
        return ProductResponse(ucp=envelope(LOOKUP, is_error=True), messages=messages)
    is_variant = served.catalogue.ids[article.positions[0]] == request.id
    selected = {} if is_variant else {each.name: each.label for each in request.selected or ()}
    product = _selected_product(writer, article, selected, request.preferences or (), passes.tolist())
    _signal_availability(writer, article, product, served.catalogue.available.tolist())
    return ProductResponse(ucp=envelope(LOOKUP), product=product, messages=messages or None)


def _selected_product(
    writer: ProductWriter,
    article: Article,
    selected: Options,
    preferences: Sequence[str],
    passes: Sequence[bool],
) -> Product:
    """A product with the variants of the effective selection: what was selected, as far as it exists.

    Without a selection it is that of the featured variant.
    """
    options = {position: writer.options_of(article, position) for position in article.positions}
    allowed = [position for position in article.positions if passes[position]]
    effective = dict(selected) or dict(options[allowed[0]])
    by_priority = [*(name for name in preferences if name in effective)]
    by_priority += [name for name in effective if name not in by_priority]
    while not (shown := [each for each in allowed if matches(options[each], effective)]):
        del effective[by_priority.pop()]
    product = writer.product(article, shown)
    product.selected = [Option(name=name, label=label) for name, label in effective.items()]
    return product


def matches(options: Options, selected: Options) -> bool:
    """Whether a variant has all options of a selection.

    >>> matches({"size": "M", "color": "red"}, {"size": "M"}), matches({"size": "M"}, {"size": "L"})
    (True, False)
    """
    return all(options.get(name) == label for name, label in selected.items())


def _signal_availability(
    writer: ProductWriter, article: Article, product: Product, available: Sequence[bool]
) -> None:
    """Note of each value of an option whether a variant with it, else as selected, exists and is sold."""
    effective = {option.name: option.label for option in product.selected or ()}
    variants = [(writer.options_of(article, each), available[each]) for each in article.positions]
    for option in product.options or ():
        for value in option.values:
            wanted = {**effective, option.name: value.label}
            sold = [is_sold for options, is_sold in variants if matches(options, wanted)]
            value.exists, value.available = bool(sold), any(sold)
