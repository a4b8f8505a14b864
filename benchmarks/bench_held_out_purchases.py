"""What do generated training dialogues give a shop that has recorded none? Later purchases, in words.

Dialogues are generated from the events before a time; the recommender from conversations and the weights of
the assistant's ranking are trained on them. Each purchase after that time is then asked for by its kind and
up to two attributes, worded by the phrases of this folder, which training never sees: at which rank of the
assistant's list does the item come that was bought?

    python benchmarks/bench_held_out_purchases.py demo/store --n 300
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.evaluation.listings import Listing, Listings
from bowerbird.assist.find.weight_training import WeightTraining
from bowerbird.assist.parts import Parts
from bowerbird.assist.scoring.conversation import ConversationScorer
from bowerbird.assist.scoring.weights import RetrievalWeights
from bowerbird.assist.state import DialogueState
from bowerbird.conversations.config import ConversationConfig
from bowerbird.conversations.generation.dialogues import GenerationConfig, generate_dialogues
from bowerbird.conversations.ranker import new_sources
from bowerbird.conversations.training import fit_ranker
from bowerbird.data.interactions import Interactions
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.graft.head.source import RequestHeadSource
from conversations.wording import Writer
from conversations.words import NOUNS

CUTOFFS = (1, 4, 10, 20)
LATER_SHARE = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--n", type=int, default=300, help="purchases that are asked for")
    parser.add_argument("--dialogues", type=int, default=GenerationConfig().dialogues)
    parser.add_argument("--without-head", action="store_true", help="leave the request head out")
    options = parser.parse_args()
    store = Store.open(options.store)
    snapshot = store.snapshot()
    earlier, later = split_events(Interactions.of(store.log.read(), snapshot.catalogue))
    parts = Parts.open(snapshot)
    parts.__dict__ |= {"conversation": None, "weights": RetrievalWeights()}
    scorer, weights = train(snapshot, parts, earlier, options.dialogues, not options.without_head)
    requests = word_requests(snapshot, later, options.n)
    arms = {
        "before": (None, RetrievalWeights()),
        "trained, default weights": (scorer, RetrievalWeights()),
        "trained, learned weights": (scorer, weights),
    }
    results = {}
    for name, (conversation, arm_weights) in arms.items():
        parts.__dict__ |= {"conversation": conversation, "weights": arm_weights}
        results[name] = rank_purchases(Assistant(parts).without_model(), requests)
        print(name, *(f"@{k} {(results[name] < k).mean():.3f}" for k in CUTOFFS), flush=True)
    recall = {
        name: {k: round(float((ranks < k).mean()), 4) for k in CUTOFFS} for name, ranks in results.items()
    }
    print(json.dumps({"requests": len(requests), "weights": vars(weights), "recall": recall}))


def split_events(events: Interactions) -> tuple[Interactions, Interactions]:
    """Events before a time, and the last ones after it."""
    until = np.quantile(events.at, 1 - LATER_SHARE)
    return events.where(events.at < until), events.where(events.at >= until)


def train(
    snapshot: StoreSnapshot, parts: Parts, events: Interactions, n_dialogues: int, has_head: bool
) -> tuple[ConversationScorer, RetrievalWeights]:
    """The recommender and the weights, as `bowerbird graft` trains them, on earlier events only."""
    config = ConversationConfig(generation=GenerationConfig(dialogues=n_dialogues))
    dialogues = generate_dialogues(snapshot.catalogue, events, config.generation, parts.to_english)
    sources = [*new_sources(snapshot.catalogue, config.network, events)]
    if has_head:
        sources.append(RequestHeadSource.open(snapshot))
    weight_training = WeightTraining(parts)
    ranker, *_ = fit_ranker(snapshot.catalogue, dialogues, config, sources, weight_training.collect)
    return ConversationScorer(ranker, snapshot.catalogue), weight_training.learn(is_generated=True)


def word_requests(snapshot: StoreSnapshot, events: Interactions, n: int) -> list[tuple[str, str]]:
    """Requests in words, and the id of the item that was liked."""
    rng, listings = random.Random(0), Listings.of(snapshot.catalogue).by_id
    writer, likes = Writer("en", rng), events.liked()
    requests = []
    for item in np.random.default_rng(0).permutation(likes.item).tolist():
        listing = listings[snapshot.catalogue.ids[item]]
        if listing.is_sold and listing.values.get("type") in NOUNS["en"]:
            requests.append((word_request(listing, writer, rng), listing.item_id))
        if len(requests) == n:
            break
    return requests


def word_request(listing: Listing, writer: Writer, rng: random.Random) -> str:
    """A request for an item by its kind and up to two attributes."""
    facets = [facet for facet in ("colour", "material", "style", "pattern") if facet in listing.values]
    chosen = rng.sample(facets, min(rng.choice((0, 0, 1, 1, 2)), len(facets)))
    values = {facet: listing.values[facet] for facet in chosen}
    kind = listing.values["type"]
    singular, plural = (
        writer.noun_phrase(kind, values, "", is_plural=is_plural) for is_plural in (False, True)
    )
    return writer.pick("find").replace("{nps}", plural).replace("{np}", f"a {singular}")


def rank_purchases(assistant: Assistant, requests: list[tuple[str, str]]) -> np.ndarray:
    """Rank from 0 of the item that was bought, (requests,); infinite where it is not listed."""
    ranks = []
    for text, item_id in requests:
        ids = [item.item_id for item in assistant.reply(DialogueState(), text, n=max(CUTOFFS)).items]
        ranks.append(ids.index(item_id) if item_id in ids else np.inf)
    return np.array(ranks)


if __name__ == "__main__":
    main()
