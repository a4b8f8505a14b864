"""What a model card warns of: whatever its own numbers do not show, or show to be worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FEW_PEOPLE = 200
"""Below so many test people the intervals are wide: a tenth more or less is seldom told apart."""


def limits_of(card: Mapping[str, Any]) -> list[str]:
    """Sentences, from the card's other parts alone."""
    return [
        "Judged on logged events: of what people were never shown it can't be known whether they would have "
        "liked it. What it changes when it is live was not measured.",
        *_missing(card),
        *(said for one in card["evaluations"] for said in _weak(one)),
    ]


def task_name(one: Mapping[str, Any]) -> str:
    """What an evaluation asks, in words.

    >>> task_name({"split": "new-users", "given": 5})
    'new people, 5 likes given'
    """
    if one["split"] == "global-time":
        return "everyone, after the moment"
    return "new people, " + (f"{one['given']} likes given" if one.get("given") else "first 80 % given")


def _missing(card: Mapping[str, Any]) -> Iterator[str]:
    """What was not measured, or could not be."""
    data, asked = card["data"], {one["split"] for one in card["evaluations"]}
    for split in ("global-time", "new-users"):
        if split not in asked:
            yield f"Not evaluated on the split {split}: run `bowerbird evaluate`."
    if card["seeds"] is None:
        yield "Trained with one seed: how much another seed would change was not measured."
    if card["ranker"] is None:
        yield "No ranker learnt from these vectors is in force."
    outcomes = ((card["ranker"] or {}).get("calibration") or {}).values()
    if not any(isinstance(one, Mapping) and "calibration_error" in one for one in outcomes):
        yield "Whether scores are probabilities (calibration) was not measured."
    if data["items_without_price"]:
        lacking = f"{data['items_without_price']:,} of {data['items']:,} items"
        yield f"{lacking} have no price: no price band holds them."
    for name, licence in card["licences"].items():
        if not licence:
            yield f"The licence of the backbone {name} is not known here: see where it comes from."


def _weak(one: Mapping[str, Any]) -> Iterator[str]:
    """Where few were tested, nothing was known, or ours is not better."""
    task = task_name(one)
    if one["people"] < FEW_PEOPLE:
        yield f"{task}: only {one['people']} test people, so the intervals are wide."
    if one["strangers"]:
        yield (
            f"{task}: {one['strangers']} of {one['people']} people have no history; of a stranger nothing is "
            "known but what is popular."
        )
    for compared in one["comparisons"]:
        said = _not_better(compared["ratio"], compared["difference"])
        if said:
            yield f"{task}, {compared['metric']}: {said} {compared['baseline']}."
    for part in one.get("slices", ()):
        for found in part["results"]:
            high = found["ratio"]["high"]
            if high is not None and high < 1:
                yield f"{task}, {part['name']}, {found['metric']}: worse than {found['baseline']}."


def _not_better(ratio: Mapping[str, Any], difference: Mapping[str, Any]) -> str:
    times = "" if ratio["mean"] is None else f" ({_times(ratio)})"
    if difference["high"] < 0:
        return f"worse{times} than"
    return f"not told apart{times} from" if difference["low"] <= 0 else ""


def _times(ratio: Mapping[str, Any]) -> str:
    return f"{ratio['mean']:.2f} times, 95 % {ratio['low']:.2f} to {ratio['high']:.2f}"


def ends_of(arms: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Baselines whose chosen settings lie at the end of their range: wider ones might be better."""
    tunings = {arm["name"]: arm["settings"].get("tuning") or {} for arm in arms}
    return {name: tuning["at_the_end"] for name, tuning in tunings.items() if tuning.get("at_the_end")}
