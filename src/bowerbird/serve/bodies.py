"""The JSON bodies of the HTTP API, apart from those of the chat, which are OpenAI's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bowerbird.data.ingest.event_checks import MAX_ID_LENGTH, id_fault


class Body(BaseModel):
    """Base of all answers: a field that is not declared is an error, which the tests would see."""

    model_config = ConfigDict(extra="forbid")


# -- requests -----------------------------------------------------------------------------------------------


def _valid_user_id(user: str) -> str:
    if fault := id_fault(user):
        raise ValueError(f"the user id {fault}")
    return user


UserId = Annotated[str, AfterValidator(_valid_user_id)]
"""A user's id: any characters, at most 500."""


class InterestChoice(BaseModel):
    """One interest, by its name or its rank in the user's list."""

    interest: Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]


class Correction(InterestChoice):
    """The weight to set, in clicks; 0 is "not me", none undoes what was set."""

    weight: Annotated[float | None, Field(ge=0, le=1e9)] = None


# -- items --------------------------------------------------------------------------------------------------


class ItemBody(Body):
    """An item of the catalogue, with the address of its picture."""

    item_id: str
    title: str
    description: str
    price: float | None
    """What it costs now."""
    currency: str
    list_price: float | None
    """The price outside of its sale; none where there is no sale price."""
    on_sale: bool
    """Whether it costs less than its list price now."""
    brand: str
    category: list[str]
    attributes: dict[str, str]
    availability: str
    image: str
    group_id: str
    """The same for all variants (sizes, colours) of an article; empty where it has none."""
    also_in: dict[str, list[str]]
    """By attribute, what other variants can be bought in: `{"size": ["M", "L"]}`."""


class VariantBody(Body):
    """Another size or colour of an item's article."""

    item_id: str
    title: str
    price: float | None
    currency: str
    on_sale: bool
    attributes: dict[str, str]
    availability: str
    image: str


class ItemPageBody(ItemBody):
    """All that a page of one item shows."""

    link: str
    """The item's page in the shop."""
    additional_images: list[str]
    """Addresses of further pictures."""
    sale_ends: datetime | None
    """When the sale price ends; none where it does not, or there is no sale price."""
    rating: float | None
    rating_count: int | None
    condition: str
    """`new`, `refurbished`, `used`, or empty."""
    shipping: str
    returns: str
    gtin: str
    mpn: str
    language: str
    variants: list[VariantBody]
    """All variants of its article that are not withdrawn, itself among them; empty where it has none."""


class ScoredItem(ItemBody):
    """An item that was searched for."""

    score: float


class ScoredItems(Body):
    """Items, best first."""

    items: list[ScoredItem]


class RecommendedItem(ScoredItem):
    """An item that is recommended, and why."""

    reason: str
    source: str
    """The candidate source that brought it."""
    probability: dict[str, float]
    """Of each outcome that the log knows."""
    propensity: float
    """The chance that this item had at its rank; 1 without exploration."""
    promoted: bool
    """Whether a boost of the shop moved it up."""


class OutcomeMeaning(Body):
    """What the probabilities are conditional on."""

    conditioning: str
    within_days: float
    absent: dict[str, str]
    """Outcomes without probabilities, and why."""


class Recommendations(Body):
    """Items for a user, best first."""

    user: str
    outcomes: OutcomeMeaning
    items: list[RecommendedItem]


# -- users --------------------------------------------------------------------------------------------------


class UserIds(Body):
    """Ids of users, the most active first."""

    users: list[str]


class InterestBody(Body):
    """One interest of a user."""

    id: int
    name: str
    theme: str
    words: list[str]
    weight: float
    """In clicks, decayed."""
    share: float
    muted: bool
    boosted: bool
    corrected: bool


class InterestList(Body):
    """A user's interests, strongest first."""

    user: str
    interests: list[InterestBody]


class ScaledInterestList(InterestList):
    """The same at one time-scale, or at the mean of all."""

    scale: str | None


class NamedItem(Body):
    """An item by its id and title."""

    item_id: str
    title: str


class EventBody(NamedItem):
    """An event of a user."""

    action: str
    at: str


class Like(EventBody):
    """An event with an item that is like another one."""

    likeness: float
    """Cosine."""


class PriceComfortBody(Body):
    """What liked items cost in one currency."""

    currency: str
    low: float
    median: float
    high: float
    items: int


class ProfileInterest(InterestBody):
    """An interest in a profile."""

    examples: list[NamedItem]
    prices: list[PriceComfortBody]


class ScaleInterest(Body):
    """An interest at one time-scale."""

    id: int
    name: str
    share: float


class TasteClusterBody(Body):
    """A group of a user's items, with its most typical one."""

    medoid: NamedItem
    share: float
    items: list[str]


class DislikedBody(Body):
    """An interest that a user turns away from."""

    name: str
    hidden: int
    liked: int
    shown: int
    clicked: int


class ChangeBody(Body):
    """An interest that grew or faded."""

    change: Literal["grew", "faded"]
    name: str
    then: float
    now: float
    items: list[NamedItem]


class Changes(Body):
    """What changed lately."""

    words: str
    clear: bool | None
    since: str | None
    interests: list[ChangeBody]


class QueryBody(Body):
    """A query of a user."""

    query: str
    at: str
    events: int
    interests: list[str]


class BoardBody(Body):
    """A board of a user."""

    name: str
    kind: str
    item_ids: list[str]
    unavailable: list[str]
    """Those of its items that can't be bought now."""
    interests: list[str]


class ProfileBody(Body):
    """A user's taste."""

    user: str
    at: str
    interests: list[ProfileInterest]
    scales: dict[str, list[ScaleInterest]]
    tastes: list[TasteClusterBody]
    price_comfort: list[PriceComfortBody]
    hidden: list[NamedItem]
    disliked: list[DislikedBody]
    rejected: list[str]
    changed: Changes
    recent: list[EventBody]
    queries: list[QueryBody]
    boards: list[BoardBody]


class ExplanationBody(Body):
    """Why an item may suit a user."""

    user: str
    item_id: str
    likes: list[Like]
    interest: InterestBody | None
    price: float | None
    price_comfort: PriceComfortBody | None
    explanation: list[str]


class SharedInterest(Body):
    """An interest that similar users share."""

    name: str
    users: int


class SharedItem(Body):
    """An item that similar users like."""

    title: str
    users: int


class SimilarUsersBody(Body):
    """What users with a similar taste share, k-anonymous."""

    user: str
    users: int
    at_least: int
    interests: list[SharedInterest]
    items: list[SharedItem]


class OlderSum(Body):
    """A sum of a user's older events."""

    interest: str
    month_around: str
    weight: float


class StoredEvent(Body):
    """An event in a user's state."""

    item_id: str
    action: str
    at: str


class StoredState(Body):
    """A user's state."""

    events: list[StoredEvent]
    older: list[OlderSum]
    seen_before: list[str]


class ExportBody(Body):
    """Everything stored of a user."""

    user: str
    events: list[dict[str, Any]]
    """Rows of the log, without empty fields."""
    state: StoredState
    taste: ProfileBody
    overrides: dict[str, Any]
    collections: list[dict[str, Any]]


class Exclusion(Body):
    """Whether a user's events with an item are ignored."""

    item_id: str
    excluded: bool


class ErasureBody(Body):
    """What became of a request to erase a user."""

    user: str
    events_erased: int | None
    status: Literal["acknowledged", "nothing to erase"]


# -- events and health --------------------------------------------------------------------------------------


class RejectedMessage(Body):
    """A message that has no event."""

    messageId: str | None
    """As the client gave it."""
    reason: str


class IngestionBody(Body):
    """What became of events."""

    success: bool
    accepted: int
    duplicates: int
    rejected: list[str]
    """Reasons."""
    rejections: list[RejectedMessage]
    """The same, each with the message's id."""


class Probe(Body):
    """What a probe of an orchestrator learns."""

    status: Literal["ok", "warming up"]


class Health(Body):
    """Status, and the served versions by kind."""

    status: str
    items: int
    users: int
    synthetic: bool
    set: int
    warming_up: bool
    """Whether the assistant's models are still being loaded; chats are answered without them."""
    versions: dict[str, str | None]


class ErrorText(Body):
    """What went wrong."""

    message: str
    type: str
    param: str | None = None
    """The field of the request that is wrong."""
    code: str | None = None


class ErrorBody(Body):
    """Every error, as OpenAI's clients expect it."""

    error: ErrorText
