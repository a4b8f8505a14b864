"""The shop's rules: what they are, what others would change in lists, and publishing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Request
from pydantic import BeforeValidator, Field

from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.rerank.boosts import Rule
from bowerbird.recommend.rerank.shop_rules import MAX_PLACE, Pin, ShopRules
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import NUMBER, Body, UserId
from bowerbird.serve.bodies.errors import ErrorBody
from bowerbird.serve.bodies.lists import Filter, RequestBase
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, Guard, RouteRules, guarded_router
from bowerbird.serve.routes.admin.rule_effects import Effects, RuleEffects

MAX_RULES = 500
MAX_BODY_BYTES = 500 * KB


Condition = Annotated[Filter, Field(json_schema_extra={"not": {"additionalProperties": {"type": "null"}}})]
"""A filter without a condition would hide everything."""


def _no_repeated_item(boost: Any) -> Any:
    """Refuse a list with an id twice, which a set would hide."""
    item_ids = boost.get("item_ids") if isinstance(boost, dict) else None
    if isinstance(item_ids, list) and len({*map(repr, item_ids)}) < len(item_ids):
        raise ValueError("an item is named twice in item_ids")
    return boost


Boost = Annotated[
    Rule,
    BeforeValidator(_no_repeated_item),
    Field(
        json_schema_extra={
            "properties": {"factor": {"exclusiveMinimum": 1}},
            "anyOf": [
                {"required": ["brand"], "properties": {"brand": {"type": "string"}}},
                {"required": ["category"], "properties": {"category": {"type": "string"}}},
                {"required": ["attributes"], "properties": {"attributes": {"minProperties": 1}}},
                {"required": ["item_ids"], "properties": {"item_ids": {"minItems": 1}}},
            ],
        }
    ),
]
Place = Annotated[
    Pin, Field(json_schema_extra={"properties": {"place": {"minimum": 1, "maximum": MAX_PLACE}}})
]
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorBody, "description": "Other rules were published meanwhile."}
}


class RulesBody(RequestBase):
    """Rules as they are written in `boosts.toml`."""

    places: Annotated[int, Field(ge=0, le=200), NUMBER] = ShopRules.places
    """Maximal number of ranks that a boosted item moves up."""
    boost: Annotated[list[Boost], Field(max_length=MAX_RULES)] = Field(default=[])
    pin: Annotated[list[Place], Field(max_length=MAX_RULES)] = Field(default=[])
    hide: Annotated[list[Condition], Field(max_length=MAX_RULES)] = Field(default=[])

    def as_rules(self) -> ShopRules:
        """The rules. Raises `InputError` for contradictory ones."""
        return ShopRules(self.places, tuple(self.boost), tuple(self.pin), tuple(self.hide))


class RulesInForce(Body):
    """The rules of the store, and which they are."""

    rules: RulesBody
    version: str
    """A digest: what is published names the one that it was made from."""


class NewRules(RequestBase):
    """Rules to put in force."""

    rules: RulesBody
    version: str
    """Of the rules that were edited; it must still be in force."""


class PreviewRequest(RequestBase):
    """Rules to try."""

    rules: RulesBody
    user: UserId | None = None
    """Whose list to show; the one that changes most without it."""
    n: Annotated[int, Field(ge=1, le=50), NUMBER] = 10
    users: Annotated[int, Field(ge=1, le=100), NUMBER] = 20
    """Size of the sample of users."""


@dataclass(frozen=True)
class RuleDesk:
    """What the routes do with the rules of one server."""

    app_state: AppState

    def in_force(self) -> RulesInForce:
        """The rules with their digest."""
        rules = self.app_state.rules.read()
        body = RulesBody(
            places=rules.places, boost=list(rules.boost), pin=list(rules.pin), hide=list(rules.hide)
        )
        return RulesInForce(rules=body, version=self.app_state.rules.digest)

    def publish(self, body: NewRules) -> RulesInForce:
        """Put rules in force; status 409 where others came into force meanwhile."""
        if body.version != self.app_state.rules.digest:
            raise HTTPException(
                409, "other rules were published meanwhile: load them, and make your change again"
            )
        self.app_state.rules.publish(body.rules.as_rules())
        return self.in_force()

    def preview(self, body: PreviewRequest) -> Effects:
        """What rules would change, compared with those in force."""
        served = self.app_state.served
        served.taste.refresh()
        before, after = self.app_state.rules.read(), body.rules.as_rules()
        options = RecommendOptions(rules=before), RecommendOptions(rules=after)
        return RuleEffects(served, body.n, *options).of_sample(body.users, body.user)


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router, thread = guarded_router(RouteRules(Role.ADMIN, MAX_BODY_BYTES)), CapacityLimiter(1)
    desk = RuleDesk(app_state)

    @router.get("/rules")
    def rules() -> RulesInForce:
        """The shop's boosts, pins and what it hides."""
        return desk.in_force()

    @router.put("/rules", responses=CONFLICT)
    async def publish(body: NewRules, request: Request) -> RulesInForce:
        """Put rules in force: the next list follows them."""
        result = await to_thread.run_sync(desk.publish, body, limiter=thread)
        guard: Guard = request.app.state.guard
        counts = {name: str(len(getattr(body.rules, name))) for name in ("boost", "pin", "hide")}
        guard.audit.write("publish rules", caller_of(request).name, version=result.version, **counts)
        return result

    @router.post("/rules/preview")
    async def preview(body: PreviewRequest) -> Effects:
        """What rules would change in the lists of a sample of users; nothing comes into force."""
        return await to_thread.run_sync(desk.preview, body, limiter=thread)

    return router
