"""Does the assistant hold a conversation? Generated shoppers talk to it; every turn is checked.

    python benchmarks/bench_conversations.py demo/store --n 500

Each conversation has 3 to 8 turns whose act and state are known; three in ten are Spanish, German, French or
Italian. The wording shares nothing with the parser. Half of the templates are marked "unseen": nobody looked
at their failures while the assistant was changed. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.evaluation.listings import Listings
from bowerbird.assist.state import DialogueState
from bowerbird.data.store import Store
from conversations.run import SLOTS, Outcome, hold

LONG_TURNS = 20


def main() -> None:
    """Read the command line, hold the conversations, print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--n", type=int, default=500, help="conversations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--writer", choices=("template", "store"), default="template",
                        help="templates, or whatever the store's assistant writes with")  # fmt: skip
    parser.add_argument(
        "--failures", type=int, default=0, help="failed turns to print, of seen templates only"
    )
    options = parser.parse_args()
    snapshot = Store.open(options.store).snapshot()
    assistant = Assistant.open(snapshot)
    if options.writer == "template":
        assistant = assistant.without_model()
    shop = Listings.of(snapshot.catalogue)
    conversations = list(hold(assistant, shop, ["shopper"], options.n, options.seed))
    outcomes = [outcome for conversation in conversations for outcome in conversation]
    figures = summary(outcomes)
    figures |= {"conversations": len(conversations), "items": len(shop.by_id)} | long_conversation(assistant)
    print_table(outcomes, figures)
    print_failures(conversations, options.failures)
    print(json.dumps(figures))


def share(flags: Iterable[bool | None]) -> float | None:
    """The share of true among those that are known."""
    known = [flag for flag in flags if flag is not None]
    return round(sum(known) / len(known), 4) if known else None


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All figures of some turns."""
    return {
        "turns": len(outcomes),
        "state": share(not outcome.wrong_slots for outcome in outcomes),
        "slots": {slot: share(slot not in outcome.wrong_slots for outcome in outcomes) for slot in SLOTS},
        "act": share(outcome.is_act_right for outcome in outcomes),
        "first_item": share(outcome.is_first_right for outcome in outcomes),
        "answered": share(outcome.is_answered for outcome in outcomes),
        "invented_items": sum(len(outcome.invented) for outcome in outcomes),
        "false_claims": sum(len(outcome.claims) for outcome in outcomes),
        "odd_sentences": sum(len(outcome.odd) for outcome in outcomes),
        "first_content_ms": _percentiles([outcome.first_s for outcome in outcomes]),
        "processor_ms": _percentiles([outcome.processor_s for outcome in outcomes]),
    }


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=20)
    return {"p50": round(1000 * cuts[9], 1), "p95": round(1000 * cuts[18], 1)}


def long_conversation(assistant: Assistant) -> dict[str, float]:
    """Processor time of turn 20 over that of turn 2, the same message; the median of five conversations."""
    ratios = []
    for _ in range(5):
        state, seconds = DialogueState(), list[float]()
        for turn in range(LONG_TURNS):
            message = ("something in green", "and in blue instead", "no grey please")[turn % 3]
            message = "and in blue instead" if turn + 1 in (2, LONG_TURNS) else message
            start = time.process_time()
            state = assistant.reply(state, message).state
            seconds.append(time.process_time() - start)
        ratios.append(seconds[LONG_TURNS - 1] / seconds[1])
    return {"turn_20_by_turn_2": round(statistics.median(ratios), 3)}


def print_table(outcomes: Sequence[Outcome], figures: dict[str, Any]) -> None:
    """Figures by group of turns."""
    groups: dict[str, Callable[[Outcome], bool]] = {
        "all": lambda outcome: True,
        "seen templates": lambda outcome: not outcome.is_unseen,
        "unseen templates": lambda outcome: outcome.is_unseen,
        **{
            code: lambda outcome, c=code: outcome.move.language == c
            for code in ("en", "es", "de", "fr", "it")
        },  # type: ignore[misc]
    }
    moves = sorted({outcome.move.name for outcome in outcomes})
    groups |= {move: lambda outcome, m=move: outcome.move.name == m for move in moves}  # type: ignore[misc]
    print(f"{'turns of':20} {'n':>5} {'state':>6} {'act':>6} {'first':>6} {'answer':>6} claims odd_sentences")
    for name, belongs in groups.items():
        own = [outcome for outcome in outcomes if belongs(outcome)]
        if len(own) < 2:
            continue
        row = summary(own)
        cells = [_cell(row[key]) for key in ("state", "act", "first_item", "answered")]
        print(f"{name:20} {len(own):5} {' '.join(cells)} {row['false_claims']:6} {row['odd_sentences']:5}")
    print("slots: " + ", ".join(f"{slot} {_cell(value).strip()}" for slot, value in figures["slots"].items()))


def _cell(value: float | None) -> str:
    return "     –" if value is None else f"{value:6.3f}"


def print_failures(conversations: Sequence[Sequence[Outcome]], max_failures: int) -> None:
    """The turns that failed, of templates that may be looked at, with the message before."""
    counts = Counter[str]()
    for conversation in conversations:
        for number, outcome in enumerate(conversation):
            faults = [
                *(f"slot {slot}" for slot in outcome.wrong_slots),
                *(["act " + outcome.reply.act.value] if not outcome.is_act_right else []),
                *(["first item"] if outcome.is_first_right is False else []),
                *(["no answer"] if outcome.is_answered is False else []),
                *(f"claim {claim}" for claim in outcome.claims),
                *(f"odd_sentences {text}" for text in outcome.odd),
            ]
            if not faults or outcome.is_unseen or counts["shown"] >= max_failures:
                continue
            counts["shown"] += 1
            before = conversation[number - 1].move.text if number else ""
            print(f"\n[{outcome.move.name}] …{before!r} > {outcome.move.text!r}: {'; '.join(faults)}")
            request = outcome.reply.request
            state = {facet: sorted(values) for facet, values in request.facets.items()}
            excluded = dict(outcome.reply.state.excluded)
            print(f"   {state} {request.price.describe()} {request.recipient} not {excluded}")
            print("   " + outcome.reply.text[:300].replace("\n", " / "))


if __name__ == "__main__":
    main()
