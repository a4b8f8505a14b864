"""Are the reasons given for recommendations true?

    python benchmarks/bench_reasons.py STORE [--reasons 1000] [--seed 0]

Recommends to randomly drawn users of the store's log, and to one unknown user, until the number of reasons is
reached, and checks each reason against catalogue and log alone (tests/recommend/reason_checker.py). A user's
list is 20 items long.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bowerbird.data.interactions import Interactions
from bowerbird.data.store import Store
from bowerbird.recommend.recommender import Recommender

sys.path.append(str(Path(__file__).parents[1] / "tests" / "recommend"))
from reason_checker import ReasonChecker, check_reasons, kind_of

Reason = tuple[str, int, str]  # user, position, reason


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--reasons", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0, help="of the draw of users")
    args = parser.parse_args()
    store = Store.open(args.store)
    recommender = Recommender.open(store.snapshot())
    reasons = serve_reasons(recommender, args.reasons, args.seed)
    events = Interactions.of(store.log.read(), recommender.catalogue)
    faults = check_reasons(ReasonChecker(recommender.catalogue, events), reasons)
    show(reasons, faults)
    summary = {
        "bench": "reasons",
        "store": args.store.name,
        "reasons": len(reasons),
        "users": len({user for user, _, _ in reasons}),
        "true": len(reasons) - len(faults),
        "kinds": Counter(kind_of(reason) for _, _, reason in reasons),
        "untrue": Counter(kind_of(reason) for _, _, reason, _ in faults),
    }
    print(json.dumps(summary, ensure_ascii=False))


def serve_reasons(recommender: Recommender, count: int, seed: int) -> list[Reason]:
    """Recommend to users until there are `count` reasons, or all users are served."""
    users = recommender.taste.users()
    order = np.random.default_rng(seed).permutation(len(users)).tolist()
    reasons: list[Reason] = []
    for user in ["nobody has this id", *(users[row] for row in order)]:
        reasons += [(user, item.position, item.reason) for item in recommender.recommend_user(user)]
        if len(reasons) >= count:
            break
    return reasons[:count]


def show(reasons: list[Reason], faults: list[tuple[str, int, str, str]]) -> None:
    console, false_counts = Console(width=160), Counter(kind_of(reason) for _, _, reason, _ in faults)
    table = Table("reason", "served", "untrue")
    for kind, served in Counter(kind_of(reason) for _, _, reason in reasons).most_common():
        table.add_row(kind, str(served), str(false_counts[kind]))
    console.print(table)
    for user, position, reason, fault in faults[:20]:
        console.print(f"{user}, item {position}: {reason} — {fault}", highlight=False, markup=False)


if __name__ == "__main__":
    main()
