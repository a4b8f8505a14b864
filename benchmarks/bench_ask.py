"""Does `ask` answer correctly? Requests generated from a catalogue's items, replies evaluated independently.

    python benchmarks/bench_ask.py --store demo/store --requests 200 --worded 20

Each request combines the type, the colour and a price bound of a random item by one of several templates;
some bounds are far too low, so that often no item fits. Counted over all replies: items that do not exist,
prices beyond the bound, and how often the first item satisfies all constraints where any item does. The
language model writes the first `--worded` replies (it is slow); templates write the others, whose items are
retrieved in the same way.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.reply import Reply
from bowerbird.assist.state import DialogueState
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.progress import track

REQUEST_TEMPLATES = (
    "a {colour} {kind} under {bound}",
    "{kind} in {colour}, less than {bound}",
    "I am looking for a {colour} {kind} below ${bound}",
    "show me {colour} {kind} for less than {bound} euros please",
    "do you have a {kind} under {bound}? it should be {colour}",
    "{kind}, {colour}, cheaper than {bound}",
)
KIND_NAMES = ("type", "product_type", "product_type_name")
COLOUR_NAMES = ("colour", "color", "colour_group", "colour_group_name")
MISSING_VALUES = {"", "unknown", "undefined", "other", "n/a"}


@dataclass(frozen=True)
class Case:
    """A request and its constraints: raw values of the catalogue, and an upper price bound (exclusive)."""

    text: str
    kind: str
    colour: str
    bound: float

    def satisfied_by(self, item: Item) -> bool:
        is_match = kind_of(item).casefold() == self.kind.casefold()
        is_match = is_match and colour_of(item).casefold() == self.colour.casefold()
        return (
            is_match
            and item.price is not None
            and item.price < self.bound
            and item.availability != "out_of_stock"
        )


def kind_of(item: Item) -> str:
    kinds = [item.attributes[name] for name in KIND_NAMES if name in item.attributes]
    return kinds[0] if kinds else item.category[-1] if item.category else ""


def colour_of(item: Item) -> str:
    return next((item.attributes[name] for name in COLOUR_NAMES if name in item.attributes), "")


def cases_of(catalogue: Catalogue, n: int, seed: int) -> list[Case]:
    """Generate `n` requests from items with a type, a colour and a price; one in six has too low a bound."""
    rng = random.Random(seed)
    items = [catalogue.item(position) for position in range(len(catalogue))]
    eligible_items = [
        item
        for item in items
        if item.price is not None
        and math.isfinite(item.price)
        and not {kind_of(item).casefold(), colour_of(item).casefold()} & MISSING_VALUES
    ]
    if not eligible_items:
        raise SystemExit("no item has a kind, a colour and a price: no request can be generated")
    cases = []
    for _ in range(n):
        item = rng.choice(eligible_items)
        bound = (item.price or 0.0) * rng.choice((1.02, 1.1, 1.3, 1.7, 2.5, 0.3))
        rounded_bound = max(bound, 0.001)
        bound_text = f"{rounded_bound:.0f}" if rounded_bound >= 10 else f"{rounded_bound:.3g}"
        text = rng.choice(REQUEST_TEMPLATES).format(
            colour=colour_of(item).lower(), kind=kind_of(item).lower(), bound=bound_text
        )
        cases.append(Case(text, kind_of(item), colour_of(item), float(bound_text)))
    return cases


def count_invented(reply: Reply, catalogue: Catalogue, case: Case) -> int:
    """Count shown items that do not exist or have another title, and capitalised names of no shown item."""
    count = 0
    remaining_text = reply.text
    for shown_item in reply.shown:
        exists = shown_item.item_id in catalogue
        title = (
            " ".join(catalogue.item(catalogue.position[shown_item.item_id]).title.split()) if exists else ""
        )
        count += not exists or (title != "" and title != shown_item.title)
        remaining_text = (
            remaining_text.replace(shown_item.title, " ").replace(shown_item.why, " ")
            if shown_item.why
            else remaining_text.replace(shown_item.title, " ")
        )
    return count + len(re.findall(r"(?<![.:“]\s)(?<!^)\b[A-Z][a-z]+(?:\s+[A-Z][a-z]+)+", remaining_text))


def count_beyond_bound(reply: Reply, case: Case) -> int:
    """Count matches beyond the price bound, and near misses beyond it that do not mention the price."""
    matches = sum(shown_item.price is None or shown_item.price >= case.bound for shown_item in reply.items)
    unmarked_misses = sum(
        shown_item.price is not None
        and shown_item.price >= case.bound
        and not any("limit" in difference or "exactly" in difference for difference in shown_item.differences)
        for shown_item in reply.nearest
    )
    return matches + unmarked_misses


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--worded", type=int, default=20, help="replies worded by the language model")
    parser.add_argument("--user", help="user whose taste profile is used")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    model_assistant = Assistant.open(Store.open(args.store).snapshot())
    template_assistant = model_assistant.without_model()
    catalogue = model_assistant.catalogue
    items = [catalogue.item(position) for position in range(len(catalogue))]
    template_assistant.reply(DialogueState(), "anything", args.user)  # loads models before the timed calls

    totals = {"invented": 0, "beyond_bound": 0, "possible": 0, "first_fits": 0, "false_unmet": 0}
    writers: dict[str, int] = {}
    seconds: dict[str, list[float]] = {"model": [], "template": []}
    for number, case in enumerate(track(cases_of(catalogue, args.requests, args.seed), "requests")):
        assistant = model_assistant if number < args.worded else template_assistant
        start = time.perf_counter()
        reply = assistant.reply(DialogueState(), case.text, args.user)
        if number:
            seconds["model" if number < args.worded else "template"].append(time.perf_counter() - start)
        is_satisfiable = any(case.satisfied_by(item) for item in items)
        is_satisfied = bool(reply.items) and case.satisfied_by(items[reply.items[0].position])
        totals["invented"] += count_invented(reply, catalogue, case)
        totals["beyond_bound"] += count_beyond_bound(reply, case)
        totals["possible"] += is_satisfiable
        totals["first_fits"] += is_satisfiable and is_satisfied
        totals["false_unmet"] += is_satisfiable and not reply.items
        writers[reply.writer] = writers.get(reply.writer, 0) + 1
        if is_satisfiable and not is_satisfied:
            print(f"missed: {case.text!r} → {reply.request.describe()} {reply.text.splitlines()[:2]}")
    result = {
        "bench": "ask",
        "items": len(items),
        "requests": args.requests,
        **totals,
        "share_first_fits": totals["first_fits"] / max(1, totals["possible"]),
        "writer": writers,
        **{f"p50_seconds_{name}": statistics.median(times) for name, times in seconds.items() if times},
    }
    for name, value in result.items():
        print(f"{name:>24}  {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
