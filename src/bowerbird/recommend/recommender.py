"""Recommendations: the one road from a fitted ranker to a list, and the reasons of what stands on it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray, RealArray
from bowerbird.data.events import Action
from bowerbird.data.items import Catalogue
from bowerbird.data.ranks import fuse_ranks, min_max, ranks_of
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.recommend.options import DEFAULT_OPTIONS, RecommendOptions
from bowerbird.recommend.outcomes.probabilities import Outcomes
from bowerbird.recommend.outcomes.slates import Conditioning
from bowerbird.recommend.ranker.hybrid import CandidateSet, HybridRanker
from bowerbird.recommend.reasons import Reason
from bowerbird.recommend.recommendation import RankedList, Recommendation
from bowerbird.recommend.rerank.diversity import diversify
from bowerbird.recommend.rerank.reserve import Reserve
from bowerbird.recommend.rerank.session import rerank_by_session, session_ranks
from bowerbird.recommend.rerank.shop_rules import ShopRules
from bowerbird.recommend.saved import open_ranker
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.state.user_state import TasteState
from bowerbird.tracing import stage


class Recommender:
    """Answers from a fitted ranker and the taste graph. Safe to use from several threads."""

    def __init__(
        self, catalogue: Catalogue, ranker: HybridRanker, outcomes: Outcomes, taste: TasteGraph
    ) -> None:
        self.catalogue = catalogue
        self.ranker = ranker.with_live_graph(taste)
        self.outcomes = outcomes
        self.taste = taste
        self._without_walks = ranker.with_live_graph(None)

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> Recommender:
        """Open a snapshot's recommender; its ranker is trained first where that has not happened yet.

        Raises `StoreError` where the store has no items or no vectors.
        """
        return cls(snapshot.catalogue, *open_ranker(snapshot), TasteGraph.open(snapshot))

    def with_graph(self, taste: TasteGraph) -> Recommender:
        """The same recommender over another taste graph: what it would answer if that were the live one."""
        return Recommender(self.catalogue, self.ranker, self.outcomes, taste)

    # -- lists --------------------------------------------------------------------------------------------

    def lists(
        self,
        states: Sequence[TasteState],
        n: int = 20,
        options: RecommendOptions = DEFAULT_OPTIONS,
        *,
        now: Sequence[int] | None = None,
        eligible: BoolArray | None = None,
    ) -> Iterator[RankedList]:
        """Rank the best items for each user: in stock, not seen, not muted, as the options say.

        Of each article the best variant is listed; an article of which the user has seen a variant is seen.
        This is the only road from the ranker to a list: whatever is served, written or evaluated comes from
        here. `now` are the users' moments, microseconds (the clock's without them); `eligible` (items,) bool
        restricts the items further.
        """
        base = self.catalogue.available & options.eligible(self.catalogue)
        base = base if eligible is None else base & eligible
        masks = [self._without_seen_articles(state, self._without_muted(state, base)) for state in states]
        ranker = self.ranker if options.use_walks else self._without_walks
        at_least = ranker.config.lists.candidates_per_item * n
        moments = now if now is not None else [time.time_ns() // 1000] * len(states)
        pinned = [self._pinned(state, mask, options.rules) for state, mask in zip(states, masks, strict=True)]
        collected = ranker.candidates(states, masks, at_least=at_least, extra=pinned)
        for state, mask, moment, pins, candidates in zip(
            states, masks, moments, pinned, collected, strict=True
        ):
            if self.catalogue.articles.has_variants:
                candidates = self._with_articles(
                    ranker, state, mask, candidates, n + options.rules.places, pins
                )
            with stage("ranking"):
                ranked = self._rank(state, candidates, n, options, moment)
            yield self._with_pins(ranked, pins, options.rules, n) if len(pins) else ranked

    def _pinned(self, state: TasteState, eligible: BoolArray, rules: ShopRules) -> IntArray:
        """Positions of the pinned items that a user may get, by their places, (p,) int64."""
        pinned = rules.pinned(self.catalogue)
        return pinned[(eligible & state.unseen(len(self.catalogue)))[pinned]] if len(pinned) else pinned

    def _with_pins(self, ranked: RankedList, pinned: IntArray, rules: ShopRules, n: int) -> RankedList:
        """Put pinned items to their places; other variants of their articles leave the list."""
        articles, ids = self.catalogue.articles, self.catalogue.ids
        stays = np.isin(ranked.positions, pinned) | ~articles.shares_article(pinned)[ranked.positions]
        staying = ranked.positions[stays].tolist()
        order = rules.place_pins([ids[each] for each in staying], [ids[each] for each in pinned])[:n]
        positions = np.array([self.catalogue.position[item_id] for item_id in order], np.int64)
        before = {position: row for row, position in enumerate(ranked.positions.tolist())}
        # A pinned item has the score of the place that it takes: scores go on to say an order.
        rows = [
            min(place, len(before) - 1) if position in pinned else before[position]
            for place, position in enumerate(positions.tolist())
        ]
        is_pinned = np.isin(positions, pinned)
        return RankedList(
            ranked.candidates,
            np.searchsorted(ranked.candidates.positions, positions),
            ranked.relevance[rows] if before else np.ones(len(rows)),
            np.where(is_pinned, 1.0, ranked.propensities[rows] if before else 1.0),
            is_pinned | (ranked.is_promoted[rows] if before else False),
        )

    def _without_muted(self, state: TasteState, eligible: BoolArray) -> BoolArray:
        if not state.muted:
            return eligible
        return eligible & ~np.isin(self.taste.interests_of_items.group, list(state.muted))

    def _without_seen_articles(self, state: TasteState, eligible: BoolArray) -> BoolArray:
        articles = self.catalogue.articles
        if not articles.has_variants:
            return eligible
        seen = np.flatnonzero(~state.unseen(len(self.catalogue)))
        return eligible & ~articles.shares_article(seen)

    def _with_articles(
        self,
        ranker: HybridRanker,
        state: TasteState,
        mask: BoolArray,
        candidates: CandidateSet,
        n: int,
        pinned: IntArray,
    ) -> CandidateSet:
        """Collect candidates until they are of n articles, or all that are eligible."""
        articles, n_eligible = self.catalogue.articles, np.count_nonzero(candidates.query.eligible)
        at_least = 2 * n
        while len(articles.first_rows(candidates.positions)) < n and len(candidates.positions) < n_eligible:
            at_least = 4 * max(at_least, len(candidates.positions))
            candidates = next(ranker.candidates([state], [mask], at_least=at_least, extra=[pinned]))
        return candidates

    def _rank(
        self, state: TasteState, candidates: CandidateSet, n: int, options: RecommendOptions, now: int
    ) -> RankedList:
        """From candidates to a list: score, session, outcome, boosted interests, diversity with places for
        young items, the shop's boosts.
        """
        positions, vectors, config = candidates.positions, self.ranker.items.vectors, self.ranker.config
        scores = self.ranker.score(candidates.features)
        if options.use_session:
            ranks = session_ranks(positions, candidates.query.liked, now, vectors, config.session)
            scores = rerank_by_session(scores, ranks, config.session_weight)
        count = n + options.rules.places if options.rules.boost else n
        reserve = Reserve(
            self.ranker.context.is_young[positions],
            config.young_share if options.use_reserve else 0.0,
        )
        order = np.lexsort((positions, -scores))
        if self.catalogue.articles.has_variants:
            order = order[self.catalogue.articles.first_rows(positions[order])]
        pool = reserve.pool(order, max(config.lists.pool, 2 * n), count)
        fused = scores[pool]
        if options.use_outcomes:
            fused = self._by_outcome(fused, candidates.features[pool], options.outcome)
        relevance = min_max(fused, if_equal=1.0).astype(np.float64)  # they say an order, no probability
        if state.boosted:
            groups = self.taste.interests_of_items.group[positions[pool]]
            relevance = relevance + config.lists.interest_boost * np.isin(groups, list(state.boosted))
        rng = np.random.default_rng(options.seed) if options.exploration else None
        chosen, propensities = diversify(
            relevance,
            vectors[positions[pool]],
            count,
            options.diversity,
            options.exploration,
            rng,
            reserve.among(pool),
            config.lists.temperature,
        )
        best, is_promoted = options.rules.boosts.arrange(
            self.catalogue, positions[pool][chosen], relevance[chosen], n
        )
        rows = chosen[best]
        return RankedList(candidates, pool[rows], relevance[rows], propensities[best], is_promoted)

    def _by_outcome(self, scores: RealArray, features: FloatArray, outcome: Action) -> RealArray:
        """Fuse the scores of candidates (C,) with the probabilities of the target outcome, (C,).

        What was shown and passed by counts through the probabilities: the ranker's examples know only what
        was liked. Without impressions the probability of a click has learned nothing that relevance has not.
        """
        model = self.outcomes
        if outcome not in model.models or (
            outcome is Action.CLICK and model.conditioning is not Conditioning.SHOWN
        ):
            return scores
        # All as if shown at the first rank: where an item will stand must not decide where it stands.
        odds = model.probabilities(features, np.ones(len(features), np.int64), only=outcome)[outcome]
        return fuse_ranks(
            [(1.0, ranks_of(scores)), (self.ranker.config.lists.outcome_weight, ranks_of(odds))]
        )

    # -- recommendations ----------------------------------------------------------------------------------

    def recommend_user(
        self, user_id: str, n: int = 20, options: RecommendOptions = DEFAULT_OPTIONS
    ) -> list[Recommendation]:
        """Recommend to a user of the taste graph; an unknown one gets what is popular."""
        return self.recommend(self.taste.state(user_id), n, options=options)

    def recommend(
        self,
        state: TasteState,
        n: int = 20,
        eligible: BoolArray | None = None,
        options: RecommendOptions = DEFAULT_OPTIONS,
        now: int | None = None,
    ) -> list[Recommendation]:
        """Give a user's list (see `lists`) with reasons and probabilities."""
        moments = None if now is None else [now]
        return self.describe(next(self.lists([state], n, options, now=moments, eligible=eligible)))

    def rerank(
        self,
        state: TasteState,
        positions: IntArray,
        options: RecommendOptions = DEFAULT_OPTIONS,
        now: int | None = None,
    ) -> list[Recommendation]:
        """Order given items (k,) for a user, also those that they have seen, and those that are sold out.

        Of each article one variant."""
        none = np.zeros(len(self.catalogue), bool)
        candidates = next(self.ranker.candidates([state], [none], extra=[positions]))
        moment = time.time_ns() // 1000 if now is None else now
        return self.describe(self._rank(state, candidates, len(positions), options, moment))

    def describe(self, ranked: RankedList) -> list[Recommendation]:
        """Add reasons and probabilities to a list."""
        with stage("explanation"):
            return self._describe(ranked)

    def _describe(self, ranked: RankedList) -> list[Recommendation]:
        features = ranked.candidates.features[ranked.rows]
        odds = self.outcomes.probabilities(features, np.arange(1, len(features) + 1))
        items = self.catalogue.items_at(ranked.positions)
        explained = self.ranker.explain(ranked.candidates, ranked.positions)
        recommendations = []
        for row, (item, (source, reason)) in enumerate(zip(items, explained, strict=True)):
            position = int(ranked.positions[row])
            promoted = bool(ranked.is_promoted[row])
            recommendations.append(
                Recommendation(
                    position,
                    item.item_id,
                    item.title or item.item_id,
                    item.price,
                    item.currency,
                    list_price=item.list_price,
                    on_sale=item.on_sale,
                    also_in=self.catalogue.also_in(position),
                    score=float(ranked.relevance[row]),
                    explanation=Reason("promoted", {"reason": reason}) if promoted else reason,
                    source=source,
                    probability={outcome.value: float(values[row]) for outcome, values in odds.items()},
                    propensity=float(ranked.propensities[row]),
                    promoted=promoted,
                )
            )
        return recommendations
