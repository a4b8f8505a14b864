"""The limits that a model card states: what was not measured, and where the numbers are weak."""

from __future__ import annotations

from collections.abc import Iterator

from bowerbird.evaluate.cards.card import ModelCard
from bowerbird.evaluate.protocols import Split
from bowerbird.evaluate.results import Comparison, Evaluation

MIN_USERS = 200
"""With fewer test users the intervals are wide: a difference of a tenth is seldom significant."""


def list_limits(card: ModelCard) -> list[str]:
    """List the limits as sentences, from the card's other contents alone."""
    return [
        "Offline evaluation on logged events: preferences for items that were never shown are unknown, and "
        "no online test was run.",
        *_list_missing(card),
        *(sentence for evaluation in card.evaluations for sentence in _list_weaknesses(evaluation)),
    ]


def describe_task(split: Split, n_given: int | None) -> str:
    """Describe what an evaluation tests, in words.

    >>> describe_task(Split.NEW_USERS, 5)
    'new users, 5 liked items revealed'
    """
    if split is Split.GLOBAL_TIME:
        return "all users, after the split time"
    return "new users, " + (f"{n_given} liked items revealed" if n_given else "first 80 % revealed")


def _list_missing(card: ModelCard) -> Iterator[str]:
    """What was not measured, or could not be."""
    splits = {evaluation.split for evaluation in card.evaluations}
    for split in (Split.GLOBAL_TIME, Split.NEW_USERS):
        if split not in splits:
            yield f"Not evaluated on the split {split}: run `bowerbird evaluate`."
    if card.seeds is None:
        yield "Trained with one seed: the variance over seeds was not measured."
    if card.ranker is None:
        yield "No published ranker was trained on these vectors."
    if card.ranker is None or card.ranker.outcomes is None or not card.ranker.outcomes.outcomes:
        yield "The calibration of predicted probabilities was not measured."
    if card.data.items_without_price:
        yield (
            f"{card.data.items_without_price:,} of {card.data.items:,} items have no price: they are in no "
            "price band."
        )
    for name, licence in card.licences.items():
        if not licence:
            yield f"The licence of the backbone {name} is unknown: check its source."


def _list_weaknesses(evaluation: Evaluation) -> Iterator[str]:
    """Where few users were tested, nothing was known of them, or the system is not better."""
    task = describe_task(evaluation.split, evaluation.n_given)
    if evaluation.users < MIN_USERS:
        yield f"{task}: only {evaluation.users} test users, so the intervals are wide."
    if evaluation.cold_start_users:
        yield (
            f"{task}: {evaluation.cold_start_users} of {evaluation.users} users are cold-start users "
            "without a history; they can only be shown what is popular."
        )
    for comparison in evaluation.comparisons:
        verdict = _describe_no_gain(comparison)
        if verdict:
            yield f"{task}, {comparison.metric}: {verdict} {comparison.baseline}."
    for test_slice in evaluation.slices:
        for result in test_slice.results:
            if result.ratio.high is not None and result.ratio.high < 1:
                yield f"{task}, {test_slice.name}, {result.metric}: worse than {result.baseline}."


def _describe_no_gain(comparison: Comparison) -> str:
    """A verdict where the system is not significantly better, else an empty string."""
    ratio, difference = comparison.ratio, comparison.difference
    detail = ""
    if ratio.mean is not None:
        detail = f" ({ratio.mean:.2f} times, 95 % CI {ratio.low:.2f} to {ratio.high:.2f})"
    if not difference.excludes(0):
        return f"not significantly different{detail} from"
    return f"worse{detail} than" if difference.mean is not None and difference.mean < 0 else ""


def settings_at_grid_edge(evaluation: Evaluation) -> dict[str, list[str]]:
    """Settings chosen at an end of their range, by system: a wider range might be better."""
    return {
        system.name: list(system.tuning.at_grid_edge)
        for system in evaluation.systems
        if system.tuning is not None and system.tuning.at_grid_edge
    }
