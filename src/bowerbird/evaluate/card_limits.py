"""The limits that a model card states: what was not measured, and where the numbers are weak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MIN_USERS = 200
"""With fewer test users the intervals are wide: a difference of a tenth is seldom significant."""


def list_limits(card: Mapping[str, Any]) -> list[str]:
    """List the limits as sentences, from the card's other contents alone."""
    return [
        "Offline evaluation on logged events: preferences for items that were never shown are unknown, and "
        "no online test was run.",
        *_list_missing(card),
        *(sentence for evaluation in card["evaluations"] for sentence in _list_weaknesses(evaluation)),
    ]


def describe_task(evaluation: Mapping[str, Any]) -> str:
    """Describe what an evaluation tests, in words.

    >>> describe_task({"split": "new-users", "n_given": 5})
    'new users, 5 liked items revealed'
    """
    if evaluation["split"] == "global-time":
        return "all users, after the split time"
    n_given = evaluation.get("n_given")
    return "new users, " + (f"{n_given} liked items revealed" if n_given else "first 80 % revealed")


def _list_missing(card: Mapping[str, Any]) -> Iterator[str]:
    """What was not measured, or could not be."""
    data, splits = card["data"], {evaluation["split"] for evaluation in card["evaluations"]}
    for split in ("global-time", "new-users"):
        if split not in splits:
            yield f"Not evaluated on the split {split}: run `bowerbird evaluate`."
    if card["seeds"] is None:
        yield "Trained with one seed: the variance over seeds was not measured."
    if card["ranker"] is None:
        yield "No published ranker was trained on these vectors."
    outcomes = ((card["ranker"] or {}).get("calibration") or {}).values()
    if not any(isinstance(report, Mapping) and "calibration_error" in report for report in outcomes):
        yield "The calibration of predicted probabilities was not measured."
    if data["items_without_price"]:
        yield (
            f"{data['items_without_price']:,} of {data['items']:,} items have no price: they are in no price "
            "band."
        )
    for name, licence in card["licences"].items():
        if not licence:
            yield f"The licence of the backbone {name} is unknown: check its source."


def _list_weaknesses(evaluation: Mapping[str, Any]) -> Iterator[str]:
    """Where few users were tested, nothing was known of them, or the system is not better."""
    task = describe_task(evaluation)
    if evaluation["users"] < MIN_USERS:
        yield f"{task}: only {evaluation['users']} test users, so the intervals are wide."
    if evaluation["cold_start_users"]:
        yield (
            f"{task}: {evaluation['cold_start_users']} of {evaluation['users']} users are cold-start users "
            "without a history; they can only be shown what is popular."
        )
    for comparison in evaluation["comparisons"]:
        verdict = _describe_no_gain(comparison["ratio"], comparison["difference"])
        if verdict:
            yield f"{task}, {comparison['metric']}: {verdict} {comparison['baseline']}."
    for test_slice in evaluation.get("slices", ()):
        for result in test_slice["results"]:
            high = result["ratio"]["high"]
            if high is not None and high < 1:
                yield f"{task}, {test_slice['name']}, {result['metric']}: worse than {result['baseline']}."


def _describe_no_gain(ratio: Mapping[str, Any], difference: Mapping[str, Any]) -> str:
    """A verdict where the system is not significantly better, else an empty string."""
    detail = "" if ratio["mean"] is None else f" ({_format_ratio(ratio)})"
    if difference["high"] < 0:
        return f"worse{detail} than"
    return f"not significantly different{detail} from" if difference["low"] <= 0 else ""


def _format_ratio(ratio: Mapping[str, Any]) -> str:
    return f"{ratio['mean']:.2f} times, 95 % CI {ratio['low']:.2f} to {ratio['high']:.2f}"


def settings_at_grid_edge(systems: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Settings chosen at an end of their range, by system: a wider range might be better."""
    tunings = {system["name"]: system["settings"].get("tuning") or {} for system in systems}
    return {name: tuning["at_grid_edge"] for name, tuning in tunings.items() if tuning.get("at_grid_edge")}
