"""Users: their taste, what they correct of it, export and erasure."""

from __future__ import annotations

from typing import Literal

from bowerbird.client.call import Call, StreamCall, get, path_of, send_json
from bowerbird.serve.bodies.interests import InterestBody, ScaledInterestList
from bowerbird.serve.bodies.profiles import ExplanationBody, ProfileBody, SimilarUsersBody
from bowerbird.serve.bodies.users import ErasureBody, Exclusion, ExportBody, UserChange, UserIds


def list_users(n: int = 50) -> Call[UserIds]:
    """The most active users."""
    return get(UserIds, "users", n=n)


def get_taste(user: str, *, log: bool = False) -> Call[ProfileBody]:
    """The whole profile; with `log` also queries and what was passed over, for which the log is read."""
    return get(ProfileBody, *_taste(user), log=log or None)


def get_interests(
    user: str, scale: Literal["session", "week", "season"] | None = None
) -> Call[ScaledInterestList]:
    """Interests, strongest first, at one time-scale or at the mean of all."""
    return get(ScaledInterestList, *_taste(user, "interests"), scale=scale)


def explain(user: str, item_id: str) -> Call[ExplanationBody]:
    """Why an item may suit a user."""
    return get(ExplanationBody, *_taste(user, "explain"), item=item_id)


def find_similar_users(user: str) -> Call[SimilarUsersBody]:
    """What users with a similar taste share, k-anonymous."""
    return get(SimilarUsersBody, *_taste(user, "similar-users"))


def export_user(user: str) -> Call[ExportBody]:
    """Everything stored of a user."""
    return get(ExportBody, *_taste(user, "export"))


def erase_user(user: str) -> Call[ErasureBody]:
    """Erase a user; in force when answered."""
    return send_json("DELETE", ErasureBody, "users", user)


def mute_interest(user: str, interest: str) -> Call[InterestBody]:
    """Hide the items of an interest."""
    return send_json("PUT", InterestBody, *_taste(user, "muted", interest))


def unmute_interest(user: str, interest: str) -> Call[InterestBody]:
    """Show the items of an interest again."""
    return send_json("DELETE", InterestBody, *_taste(user, "muted", interest))


def boost_interest(user: str, interest: str) -> Call[InterestBody]:
    """Double the weight of an interest."""
    return send_json("PUT", InterestBody, *_taste(user, "boosted", interest))


def unboost_interest(user: str, interest: str) -> Call[InterestBody]:
    """Give an interest its own weight again."""
    return send_json("DELETE", InterestBody, *_taste(user, "boosted", interest))


def correct_interest(user: str, interest: str, weight: float | None) -> Call[InterestBody]:
    """Set an interest's weight, in clicks; 0 is "not me", None undoes what was set."""
    body = {"interest": interest, "weight": weight}
    return send_json("PUT", InterestBody, *_taste(user, "weight"), body=body)


def exclude_item(user: str, item_id: str) -> Call[Exclusion]:
    """Ignore the user's events with an item."""
    return send_json("PUT", Exclusion, *_taste(user, "excluded-items", item_id))


def include_item(user: str, item_id: str) -> Call[Exclusion]:
    """Count the user's events with an item again."""
    return send_json("DELETE", Exclusion, *_taste(user, "excluded-items", item_id))


def watch_changes(user: str) -> StreamCall[UserChange]:
    """`start`, then `taste` or `boards` at each change; without an end."""
    return StreamCall("GET", path_of("users", user, "changes"), UserChange.model_validate_json)


def _taste(user: str, *path: str) -> tuple[str, ...]:
    return ("users", user, "taste", *path)
