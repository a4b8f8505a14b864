"""Choices that the command line offers and the library checks, each declared once.

In one module without imports of the library, so that `--help` stays fast.
"""

from __future__ import annotations

from enum import StrEnum

MAX_TOKENS_PER_ITEM = 8
"""Soft tokens that an item of a graft may have."""


class AdaptationMode(StrEnum):
    """Which weights of a language model are trained in addition to the connector's."""

    FROZEN = "frozen"
    """None: output on plain text is unchanged."""
    LORA = "lora"
    FULL = "full"


class Engine(StrEnum):
    """What encodes pictures and texts."""

    LOCAL = "local"
    RAY = "ray"


class HoldoutChoice(StrEnum):
    """Which events are held out from training: the last ones and those of some users, or none."""

    DEFAULT = "default"
    NONE = "none"


class Modality(StrEnum):
    """What a backbone reads."""

    IMAGE = "image"
    TEXT = "text"


class Precision(StrEnum):
    """Number format of the stored vectors."""

    FLOAT16 = "float16"
    INT8 = "int8"


class Split(StrEnum):
    """How test data are split off: everything after a moment, or all events of some users."""

    GLOBAL_TIME = "global-time"
    NEW_USERS = "new-users"


class Effort(StrEnum):
    """Size of the search: `QUICK` 12 settings each; `ALL` 40, and the neural baselines, which need torch."""

    QUICK = "quick"
    ALL = "all"


class Outcome(StrEnum):
    """Actions that recommendations can be optimised for, by their names in `data.events.Action`."""

    CLICK = "click"
    SAVE = "save"
    PURCHASE = "purchase"


SEGMENT_EVENTS: dict[str, str] = {
    "impression": "Product List Viewed",
    "view": "Product Viewed",
    "click": "Product Clicked",
    "save": "Product Added to Wishlist",
    "add_to_cart": "Product Added",
    "purchase": "Order Completed",
    "hide": "Product Hidden",
    "remove": "Product Removed",
    "refund": "Order Refunded",
}
"""By action, Segment's name of its event; `Product Hidden` is ours, its specification has none."""
SEGMENT_EVENTS_OF_LISTS = ("impression", "purchase", "refund")
"""Actions whose calls hold a list of products."""
