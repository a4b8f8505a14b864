"""Actions by the names that shops, trackers and public data sets give to them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from bowerbird.data.events import Action

USUAL_NAMES: dict[Action, str] = {
    Action.IMPRESSION: "impression shown seen exposure product_impression list_view view_item_list",
    Action.VIEW: """view viewed look browse page_view pageview pv detail detail_view product_view
        product_detail product_viewed viewed_product view_item item_view view_product viewitem visit read""",
    Action.CLICK: "click clicked clk select_item open product_click product_clicked click_product",
    Action.SAVE: """save saved like liked fav favorite favourite favorited wishlist wish_list add_to_wishlist
        added_to_wishlist bookmark star starred""",
    Action.ADD_TO_CART: """add_to_cart addtocart added_to_cart cart cart_add add_cart add basket add_to_basket
        add_to_bag product_added product_added_to_cart""",
    Action.PURCHASE: """purchase purchased buy bought order ordered order_completed checkout_completed
        transaction sale sold conversion pay paid""",
    Action.HIDE: "hide hidden dislike disliked not_interested",
    Action.REMOVE: """remove removed remove_from_cart removed_from_cart removefromcart cart_remove
        remove_from_wishlist product_removed unsave unlike""",
    Action.REFUND: "refund refunded return returned cancel cancelled canceled order_refunded order_cancelled",
}
"""Names in snake case; other spellings of them are understood too."""
_UMLAUTS = re.compile("([aou])\u0308")
_BY_NAME = {name: action for action, names in USUAL_NAMES.items() for name in names.split()}


@lru_cache(4096)
def snake_case(name: str) -> str:
    """A name in snake case, without accents: `userId`, `User ID` and `user-id` are `user_id`.

    >>> snake_case("ProductAdded"), snake_case(" Add to  Cart "), snake_case("Verfügbarkeit")
    ('product_added', 'add_to_cart', 'verfuegbarkeit')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    plain = unicodedata.normalize("NFKD", _UMLAUTS.sub(r"\1e", unicodedata.normalize("NFKD", words.lower())))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", "_", letters).strip("_")


def parse_action(name: str) -> Action | None:
    """Parse an action; None for a name that stands for none.

    >>> parse_action("AddToCart"), parse_action("sneeze")
    (<Action.ADD_TO_CART: 'add_to_cart'>, None)
    """
    return _BY_NAME.get(snake_case(name))
