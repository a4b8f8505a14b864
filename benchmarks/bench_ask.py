"""Does `ask` keep its word? Requests made from a catalogue's items, replies judged without its help.

    python benchmarks/bench_ask.py --store demo/store --requests 200 --worded 20

Each request takes the kind of thing, the colour and a price bound of a random item, said in one of several
ways; some bounds are far too low, so that often nothing fits. Counted over all replies: items that do not
exist, prices beyond the bound, and how often the first item satisfies everything where some item does. The
language model words the first `--worded` replies (it is slow); templates word the others, whose items are
found alike.
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
from bowerbird.assist.conversation import Conversation
from bowerbird.assist.reply import Reply
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.progress import track

FORMS = (
    "a {colour} {kind} under {bound}",
    "{kind} in {colour}, less than {bound}",
    "I am looking for a {colour} {kind} below ${bound}",
    "show me {colour} {kind} for less than {bound} euros please",
    "do you have a {kind} under {bound}? it should be {colour}",
    "{kind}, {colour}, cheaper than {bound}",
)
KIND_NAMES = ("type", "product_type", "product_type_name")
COLOUR_NAMES = ("colour", "color", "colour_group", "colour_group_name")
NO_VALUES = {"", "unknown", "undefined", "other", "n/a"}


@dataclass(frozen=True)
class Case:
    """A request and what it asks for: raw values of the catalogue, and a price that is too much."""

    text: str
    kind: str
    colour: str
    bound: float

    def satisfied_by(self, item: Item) -> bool:
        fits = kind_of(item).casefold() == self.kind.casefold()
        fits = fits and colour_of(item).casefold() == self.colour.casefold()
        return (
            fits
            and item.price is not None
            and item.price < self.bound
            and item.availability != "out_of_stock"
        )


def kind_of(item: Item) -> str:
    named = [item.attributes[name] for name in KIND_NAMES if name in item.attributes]
    return named[0] if named else item.category[-1] if item.category else ""


def colour_of(item: Item) -> str:
    return next((item.attributes[name] for name in COLOUR_NAMES if name in item.attributes), "")


def cases_of(catalogue: Catalogue, n: int, seed: int) -> list[Case]:
    """`n` requests drawn from items with a kind, a colour and a price; one in six offers too little money."""
    rng = random.Random(seed)
    items = [catalogue.item(position) for position in range(len(catalogue))]
    usable = [
        one
        for one in items
        if one.price is not None
        and math.isfinite(one.price)
        and not {kind_of(one).casefold(), colour_of(one).casefold()} & NO_VALUES
    ]
    if not usable:
        raise SystemExit("no item has a kind, a colour and a price: nothing to ask for")
    cases = []
    for _ in range(n):
        item = rng.choice(usable)
        bound = (item.price or 0.0) * rng.choice((1.02, 1.1, 1.3, 1.7, 2.5, 0.3))
        said = max(bound, 0.001)
        shown = f"{said:.0f}" if said >= 10 else f"{said:.3g}"
        text = rng.choice(FORMS).format(
            colour=colour_of(item).lower(), kind=kind_of(item).lower(), bound=shown
        )
        cases.append(Case(text, kind_of(item), colour_of(item), float(shown)))
    return cases


def invented(reply: Reply, catalogue: Catalogue, case: Case) -> int:
    """Named items that do not exist or bear another title, and capitalised names that no shown item has."""
    count = 0
    rest = reply.text
    for named in reply.shown:
        known = named.item_id in catalogue
        title = " ".join(catalogue.item(catalogue.position[named.item_id]).title.split()) if known else ""
        count += not known or (title != "" and title != named.title)
        rest = (
            rest.replace(named.title, " ").replace(named.why, " ")
            if named.why
            else rest.replace(named.title, " ")
        )
    return count + len(re.findall(r"(?<![.:“]\s)(?<!^)\b[A-Z][a-z]+(?:\s+[A-Z][a-z]+)+", rest))


def beyond_bound(reply: Reply, case: Case) -> int:
    """Matches that cost too much, and near misses whose price is too high without saying so."""
    matches = sum(named.price is None or named.price >= case.bound for named in reply.items)
    silent = sum(
        named.price is not None
        and named.price >= case.bound
        and not any("limit" in said or "exactly" in said for said in named.differences)
        for named in reply.nearest
    )
    return matches + silent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--worded", type=int, default=20, help="replies worded by the language model")
    parser.add_argument("--user", help="whose taste counts")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    worded = Assistant.open(Store.open(given.store).snapshot())
    plain = worded.without_model()
    catalogue = worded.catalogue
    items = [catalogue.item(position) for position in range(len(catalogue))]
    plain.reply(Conversation(), "anything", given.user)  # loads what is loaded once

    totals = {"invented": 0, "beyond_bound": 0, "possible": 0, "first_fits": 0, "false_unmet": 0}
    wordings: dict[str, int] = {}
    seconds: dict[str, list[float]] = {"model": [], "template": []}
    for number, case in enumerate(track(cases_of(catalogue, given.requests, given.seed), "requests")):
        assistant = worded if number < given.worded else plain
        start = time.perf_counter()
        reply = assistant.reply(Conversation(), case.text, given.user)
        if number:
            seconds["model" if number < given.worded else "template"].append(time.perf_counter() - start)
        possible = any(case.satisfied_by(item) for item in items)
        fits = bool(reply.items) and case.satisfied_by(items[reply.items[0].position])
        totals["invented"] += invented(reply, catalogue, case)
        totals["beyond_bound"] += beyond_bound(reply, case)
        totals["possible"] += possible
        totals["first_fits"] += possible and fits
        totals["false_unmet"] += possible and not reply.items
        wordings[reply.wording] = wordings.get(reply.wording, 0) + 1
        if possible and not fits:
            print(f"missed: {case.text!r} → {reply.request.said()} {reply.text.splitlines()[:2]}")
    result = {
        "bench": "ask",
        "items": len(items),
        "requests": given.requests,
        **totals,
        "share_first_fits": totals["first_fits"] / max(1, totals["possible"]),
        "wording": wordings,
        **{f"p50_seconds_{name}": statistics.median(times) for name, times in seconds.items() if times},
    }
    for name, value in result.items():
        print(f"{name:>24}  {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
